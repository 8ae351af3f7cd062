"""Which action units carry the expressions of a picture's faces: as text, as plain values, and as a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from kaoiro.core.codec import rounded
from kaoiro.core.errors import ModelError
from kaoiro.core.labels import UNIT_NAMES, UNITS_HEAD, unit_number, unit_title
from kaoiro.core.types import Record
from kaoiro.faces import photo
from kaoiro.faces.draw import COLOURS
from kaoiro.faces.gauges import font
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.explain import faces_of
from kaoiro.inference.heads import measures, shipped_with, visible_from
from kaoiro.inference.units import Evidence, evidence

_FINE = 2
_FACE, _GAP, _TITLE, _ROW = 192, 16, 34, 24
_NAME, _BAR, _WIDTH = 240, 300, 920
_INK, _DIM, _TRACK, _REMARK = "#1f2430", "#6b7280", "#e9ebef", "#b42318"
_EXPECTED, _OTHER = "#0f8f83", "#a8afba"
_CELLS = 20  # of a bar in text


@dataclass(frozen=True, eq=False)
class UnitSheet:
    """The action units of the faces of one picture, beside what their expressions let expect.

    Attributes:
        records: of the faces, largest first, at most eight.
        found: faces in the picture.
        crops: (N, S, S) or (N, S, S, 3) uint8, as the model sees them.
        evidence: of each face.
    """

    records: list[Record]
    found: int
    crops: np.ndarray
    evidence: list[Evidence]

    def text(self) -> str:
        """Return it for a terminal."""
        pairs = zip(self.records, self.evidence, strict=True)
        return "\n\n".join("\n".join(_lines(row, *pair)) for row, pair in enumerate(pairs))

    def values(self) -> list[dict[str, Any]]:
        """Return it as plain values, an entry for each face."""
        return [_values(*pair) for pair in zip(self.records, self.evidence, strict=True)]

    def sheet(self) -> Image.Image:
        """Return a picture with a row for each face: the face, its units as bars, expected ones marked, and remarks."""
        heights = [_height(found) for found in self.evidence]
        image = Image.new("RGB", (_WIDTH * _FINE, (sum(heights) + _GAP) * _FINE), "white")
        top = _GAP
        for row, found in enumerate(self.evidence):
            _draw_face(image, self.crops[row], top + _TITLE)
            _draw_units(ImageDraw.Draw(image), _title(row, self.records[row]), found, top)
            top += heights[row]
        return image.resize((image.width // _FINE, image.height // _FINE), Image.Resampling.BOX)


def units(analyzer: Analyzer, source: photo.Picture, name: str = "picture") -> UnitSheet:
    """Return which action units carry the expressions of a picture's faces, of the eight largest.

    Raises:
        InputError: the picture cannot be used, or shows no face.
        ModelError: the model does not answer action units.
    """
    if not measures(analyzer.specification, UNITS_HEAD):
        others = ", ".join(shipped_with(UNITS_HEAD)) or "none of those that ship"
        raise ModelError(f"model '{analyzer.model.name}' answers no action units; models that do: {others}")
    shown = faces_of(analyzer, source, name)
    least = visible_from(analyzer.specification)
    return UnitSheet(shown.records, shown.found, shown.crops, [evidence(record, least) for record in shown.records])


def _title(row: int, record: Record) -> str:
    return f"face {row}: {record.expression} {record.confidence or 0:.2f}"


def _lines(row: int, record: Record, found: Evidence) -> list[str]:
    wide = max(map(len, UNIT_NAMES.values()))
    lines = [_title(row, record)]
    for unit, chance in found.probabilities.items():
        bar = "█" * round(chance * _CELLS)
        sign = "≥" if found.visible(unit) else "<"
        mark = "  expected" if unit in found.expected else ""
        said = f"{chance:.2f} {sign} {found.visible_from[unit]:.2f}"
        lines.append(f"  AU {unit_number(unit):<2} {UNIT_NAMES[unit]:<{wide}}  {said}  {bar:<{_CELLS}}{mark}".rstrip())
    return [*lines, *(f"  {note}" for note in _notes(found)), *(f"  ! {remark}" for remark in found.remarks)]


def _notes(found: Evidence) -> list[str]:
    """Return what is to be said beside the bars and contradictions."""
    notes = []
    if not found.known:
        notes.append(f"the prototype tables do not have {found.expression}: no unit is expected")
    if found.carrying:
        notes.append(f"{found.expression} is carried by {', '.join(map(unit_title, found.carrying))}")
    if found.unmeasured:
        notes.append(f"expected, but not measured: {', '.join(map(unit_title, found.unmeasured))}")
    return notes


def _values(record: Record, found: Evidence) -> dict[str, Any]:
    assert record.box is not None
    return {
        "expression": record.expression,
        "confidence": rounded("confidence", record.confidence),
        "box": {edge: round(value, 2) for edge, value in asdict(record.box).items()},
        "units": {unit: rounded(unit, chance) for unit, chance in found.probabilities.items()},
        "visible_from": dict(found.visible_from),
        "visible": [unit for unit in found.probabilities if found.visible(unit)],
        "expected": list(found.expected),
        "carrying": list(found.carrying),
        "absent": list(found.absent),
        "unmeasured": list(found.unmeasured),
        "foreign": {unit: list(labels) for unit, labels in found.foreign.items()},
        "remarks": found.remarks,
    }


def _height(found: Evidence) -> int:
    bars = len(found.probabilities) * _ROW
    return _TITLE + max(_FACE, bars) + (len(_notes(found)) + len(found.remarks)) * _ROW + 2 * _GAP


def _draw_face(image: Image.Image, crop: np.ndarray, top: int) -> None:
    side = _FACE * _FINE
    face = Image.fromarray(crop).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    image.paste(face, (_GAP * _FINE, top * _FINE))


def _draw_units(pen: ImageDraw.ImageDraw, title: str, found: Evidence, top: int) -> None:
    """Draw the title, the bars and the remarks of one face."""
    colour = COLOURS.get(found.expression, _DIM)
    pen.rounded_rectangle(_fine(_GAP, top + 2, _GAP + 12, top + 20), radius=4 * _FINE, fill=colour)
    _write(pen, _GAP + 22, top + 11, title, 18)
    left, y = _GAP + _FACE + 2 * _GAP, top + _TITLE
    for unit in found.probabilities:
        _draw_unit(pen, unit, found, left, y)
        y += _ROW
    y = top + _TITLE + max(_FACE, len(found.probabilities) * _ROW) + _GAP // 2
    for words, ink in [*((note, _DIM) for note in _notes(found)), *((remark, _REMARK) for remark in found.remarks)]:
        _write(pen, _GAP, y + _ROW / 2, words, 15, ink)
        y += _ROW


def _draw_unit(pen: ImageDraw.ImageDraw, unit: str, found: Evidence, left: int, top: int) -> None:
    """Draw a unit's bar, with a mark at the probability from which it counts as visible."""
    middle, start = top + _ROW / 2, left + _NAME
    chance, expected = found.probabilities[unit], unit in found.expected
    ink = _INK if found.visible(unit) or expected else _DIM
    _write(pen, left + 44, middle, f"AU {unit_number(unit)}", 15, ink, "rm")
    _write(pen, left + 54, middle, UNIT_NAMES[unit], 15, ink)
    pen.rounded_rectangle(_fine(start, middle - 7, start + _BAR, middle + 7), radius=4 * _FINE, fill=_TRACK)
    if chance * _BAR >= 1:
        shape = _fine(start, middle - 7, start + chance * _BAR, middle + 7)
        pen.rounded_rectangle(shape, radius=4 * _FINE, fill=_EXPECTED if expected else _OTHER)
    mark = start + _BAR * found.visible_from[unit]
    pen.line(_fine(mark, middle - 7, mark, middle + 7), fill="#ffffff", width=_FINE)
    pen.line(_fine(mark, middle + 7, mark, middle + 10), fill=_DIM, width=_FINE)
    _write(pen, start + _BAR + 40, middle, f"{chance:.2f}", 15, ink, "rm")
    if expected:
        _write(pen, start + _BAR + 52, middle, "expected", 14, _EXPECTED)


def _fine(left: float, top: float, right: float, bottom: float) -> list[float]:
    return [left * _FINE, top * _FINE, right * _FINE, bottom * _FINE]


def _write(
    pen: ImageDraw.ImageDraw, left: float, middle: float, words: str, size: int, ink: str = _INK, anchor: str = "lm"
) -> None:
    pen.text((left * _FINE, middle * _FINE), words, font=font(size * _FINE), fill=ink, anchor=anchor)
