"""Figures 3, 4 and 5 of system B's source: accuracy by iteration, grids of swaps, strips of interpolations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.codes import Codes, Exchange
from kaoiro.core.errors import InputError
from kaoiro.evaluation.measured import Found
from kaoiro.evaluation.swapping import between
from kaoiro.inference.generated import save_picture
from kaoiro.inference.pen import DIM, GRID, INK, Pen, ticks

FACES, LINES = ".jpg", ".png"
"""Endings of pictures: faces as JPEG, which is a third as large; lines and letters alone as PNG."""
SIDE = 96
"""Side at which faces are shown, pixels."""
_LABEL, _LINE, _GAP = 150, 18, 2
_INKS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 400, 64, 16, 64, 44


def accuracy_by_iteration(
    curves: Mapping[str, Mapping[int, Found]], source: Mapping[str, float] | None = None
) -> Image.Image:
    """Draw figure 3: accuracy of clusters after every iteration, with error bars.

    Args:
        curves: by name, such as 'training people'; by iteration a figure and the ends of its bar, 0-1.
        source: by the same names, what the source reports in the end, as broken lines.

    Raises:
        InputError: nothing to draw.
    """
    points = [(at, *found) for curve in curves.values() for at, found in curve.items()]
    if not points:
        raise InputError("no iteration was measured: nothing to draw")
    last = max(at for at, *_ in points)
    ends = [value for _, *found in points for value in found] + list((source or {}).values())
    low, high = max(0.0, min(ends) - 0.03), min(1.0, max(ends) + 0.03)
    pen = Pen(_WIDE, _HIGH)
    frame = _Frame(min(at for at, *_ in points), last, low, high)
    frame.draw(pen)
    for number, ((name, curve), ink) in enumerate(zip(curves.items(), cycle(_INKS), strict=False)):
        for at, (_, below, above) in curve.items():
            x = frame.across(at)
            pen.line([(x, frame.down(below)), (x, frame.down(above))], ink, 1)
            for end in (below, above):
                pen.line([(x - 3, frame.down(end)), (x + 3, frame.down(end))], ink, 1)
        pen.line([(frame.across(at), frame.down(curve[at][0])) for at in sorted(curve)], ink, 2)
        if source and name in source:
            y = frame.down(source[name])
            for left in range(_LEFT, _WIDE - _RIGHT, 10):
                pen.line([(left, y), (left + 5, y)], ink, 1)
        pen.text((_LEFT + 190 * (number % 3), 28 + 16 * (number // 3)), name, 12, ink)
    return pen.finished()


class _Frame:
    """The axes of figure 3."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self._first, self._last, self._low, self._high = first, max(last, first + 1), low, max(high, low + 0.05)

    def across(self, at: float) -> float:
        share = (at - self._first) / (self._last - self._first)
        return _LEFT + 12 + share * (_WIDE - _LEFT - _RIGHT - 24)

    def down(self, value: float) -> float:
        return _HIGH - _BOTTOM - (value - self._low) / (self._high - self._low) * (_HIGH - _TOP - _BOTTOM)

    def draw(self, pen: Pen) -> None:
        pen.text((_LEFT, 8), "Clusters of the expression code: accuracy by iteration", 13, INK)
        for value in ticks(self._low, self._high, 6):
            y = self.down(value)
            pen.line([(_LEFT, y), (_WIDE - _RIGHT, y)], GRID, 1)
            pen.text((_LEFT - 6, y), f"{100 * value:.0f} %", 11, DIM, "rm")
        for at in ticks(self._first, self._last, 10):
            if at == round(at):
                pen.text((self.across(at), _HIGH - _BOTTOM + 8), f"{at:.0f}", 11, DIM, "ma")
        pen.text(((_LEFT + _WIDE) / 2, _HIGH - 18), "iteration", 11, DIM, "ma")


def sheet(rows: Sequence[tuple[str, np.ndarray]], heads: Sequence[str] = ()) -> Image.Image:
    """Draw rows of faces, the name of each row at its left.

    Args:
        rows: name, and (N, side, side, 3) uint8, the same N in all rows.
        heads: above the columns.

    Raises:
        InputError: no rows, or rows of different lengths.
    """
    if not rows or not len(rows[0][1]) or len({len(faces) for _, faces in rows}) > 1:
        raise InputError("rows of a sheet need faces, the same number in each")
    top = _LINE if heads else 0
    wide = _LABEL + len(rows[0][1]) * (SIDE + _GAP)
    picture = Image.new("RGB", (wide, top + len(rows) * (SIDE + _GAP)), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for column, text in enumerate(heads):
        pen.text((_LABEL + (column + 0.5) * (SIDE + _GAP), 3), text, fill=INK, font=font, anchor="ma")
    for number, (name, faces) in enumerate(rows):
        y = top + number * (SIDE + _GAP)
        for line, words in enumerate(_lines(name)):
            pen.text((4, y + SIDE / 2 - 8 + 15 * line), words, fill=INK, font=font)
        for column, face in enumerate(faces):
            large = Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            picture.paste(large, (_LABEL + column * (SIDE + _GAP), y))
    return picture


def _lines(name: str, most: int = 22) -> list[str]:
    """Break a name into lines of about `most` letters."""
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def swap_grid(
    exchanges: Mapping[str, Exchange], identity: np.ndarray, expression: np.ndarray, truth: np.ndarray | None = None
) -> Image.Image:
    """Draw figure 4: whose face, whose expression, the true render where it is known, and what each method makes.

    Args:
        exchanges: methods by name, each a row; of other sides than the faces, these are brought to size.
        identity: (N, side, side, 3) uint8.
        expression: likewise, of other people.
        truth: likewise, or None.

    Raises:
        InputError: other numbers of faces.
    """
    if len(identity) != len(expression) or (truth is not None and len(truth) != len(identity)):
        raise InputError("a grid of swaps needs as many faces as expressions")
    rows = [("identity", identity), ("expression", expression)]
    rows += [] if truth is None else [("true render", truth)]
    for name, exchange in exchanges.items():
        first, second = (exchange.encode(_sized(faces, exchange.side)) for faces in (identity, expression))
        rows.append((name, exchange.decode(first.identity, second.expression)))
    return sheet(rows)


def strips(exchanges: Mapping[str, Exchange], first: np.ndarray, second: np.ndarray, steps: int = 11) -> Image.Image:
    """Draw figure 5: one strip for each method and pair, from the first face's expression to the second's.

    Args:
        exchanges: methods by name.
        first: (N, side, side, 3) uint8, whose identity stays.
        second: likewise.
        steps: faces of a strip.

    Raises:
        InputError: other numbers of faces.
    """
    if len(first) != len(second):
        raise InputError("strips need as many first faces as second ones")
    rows = []
    for name, exchange in exchanges.items():
        codes: list[Codes] = [exchange.encode(_sized(faces, exchange.side)) for faces in (first, second)]
        rows += [(name, path) for path in between(exchange, codes[0], codes[1], steps)]
    return sheet(rows, [f"{share:.1f}" for share in np.linspace(0, 1, steps)])


def _sized(faces: np.ndarray, side: int) -> np.ndarray:
    if faces.shape[1] == side:
        return faces
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in faces])


def write(folder: str | Path, pictures: Mapping[str, Image.Image], data: str) -> None:
    """Write pictures into a folder, with the mark that faces in them are generated.

    Args:
        folder: of the results.
        pictures: by name of the file, which ends in `FACES` or `LINES`.
        data: what faces they were made of.

    Raises:
        OutputError: the folder cannot be written.
    """
    for name, picture in pictures.items():
        save_picture(picture, Path(folder) / name, "reproduce B", {"made of": data})
