"""Figures of groups as dots with the bars of their intervals, drawn with Pillow."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from kaoiro.core.files import replacing, writing
from kaoiro.core.plain import printable
from kaoiro.evaluation.groups.comparing import Audit, Figure
from kaoiro.evaluation.groups.measures import ERROR, NO_FACE, OVERCONFIDENCE, unsure
from kaoiro.evaluation.groups.page import is_plain
from kaoiro.inference.pen import DIM, GRID, INK, Pen, ticks
from kaoiro.metrics.groups import ENOUGH

_WIDE, _LEFT, _TOP, _LINE, _ROOM = 210, 230, 62, 22, 30
_FULL, _FEW = "#1f77b4", "#b8b8b8"
_LONGEST = 26  # letters of a group's name


def figure(title: str, found: Audit) -> Image.Image:
    """Return a picture: a panel for each measure, a row for each group; grey are groups of too few people.

    Args:
        title: above.
        found: the audit.
    """
    names = [name for name in (ERROR, OVERCONFIDENCE, unsure(found.least), NO_FACE) if found.overall.get(name)]
    names = names or [NO_FACE]  # of which there are none; others, too, are left out where they never are
    rows = sum(len(groups) + 1 for groups in found.about.values())
    pen = Pen(_LEFT + len(names) * _WIDE + 14, _TOP + rows * _LINE + _ROOM)
    pen.text((14, 10), printable(title), 16)
    places = _names(pen, found)
    for place, name in enumerate(names):
        figures = [one for one in found.figures if one.measure == name and one.value is not None]
        panel = _Panel(pen, _LEFT + place * _WIDE, name, figures, found.overall[name])
        panel.axis(_TOP + rows * _LINE)
        for one in figures:
            panel.dot(one, places[one.column, one.group])
    return pen.finished()


def _names(pen: Pen, found: Audit) -> dict[tuple[str, str], float]:
    """Write the names of columns and groups; returns where the rows are."""
    places, down = {}, _TOP + _LINE / 2
    for column, groups in found.about.items():
        pen.text((14, down), _short(column), 13, INK, "lm")
        down += _LINE
        for group, about in groups.items():
            few = about["people"] < ENOUGH
            pen.text((_LEFT - 14, down), f"{_short(group)} ({about['people']})", 12, DIM if few else INK, "rm")
            places[column, group] = down
            down += _LINE
    return places


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


class _Panel:
    """One measure to the right, groups downwards."""

    def __init__(self, pen: Pen, left: float, name: str, figures: list[Figure], overall: float) -> None:
        self._pen, self._left, self._name, self._overall = pen, left, name, overall
        self._factor = 1.0 if is_plain(name) else 100.0
        told = [one for one in figures if one.people >= ENOUGH] or figures
        ends = [end for one in told for end in (one.low, one.high) if end is not None]
        ends += [one.value for one in figures if one.value is not None]
        low, high = min(0.0, *ends, overall), max(0.0, *ends, overall)
        room = 0.04 * (high - low) or 0.01
        self._low, self._high = low - room, high + room

    def _across(self, value: float) -> float:
        value = min(max(value, self._low), self._high)  # bars of small groups may end at the panel's edge
        return self._left + (value - self._low) / (self._high - self._low) * (_WIDE - 24)

    def axis(self, bottom: float) -> None:
        """Draw the name, a grid with numbers, and the figure of all pictures."""
        unit = "" if self._factor == 1 else " (points)" if self._name == OVERCONFIDENCE else " (%)"
        self._pen.text((self._left + (_WIDE - 24) / 2, _TOP - 24), f"{self._name}{unit}", 13, INK, "ma")
        for value in ticks(self._low * self._factor, self._high * self._factor, 4):
            across = self._across(value / self._factor)
            self._pen.line([(across, _TOP), (across, bottom)], GRID, 1)
            self._pen.text((across, bottom + 5), f"{value:g}", 11, DIM, "ma")
        across = self._across(self._overall)
        for start in range(_TOP, round(bottom), 8):
            self._pen.line([(across, start), (across, start + 4)], INK, 1)

    def dot(self, one: Figure, down: float) -> None:
        """Draw a group's figure with its interval."""
        colour = _FULL if one.people >= ENOUGH else _FEW
        assert one.value is not None
        if one.low is not None and one.high is not None:
            self._pen.line([(self._across(one.low), down), (self._across(one.high), down)], colour, 2)
        self._pen.circle((self._across(one.value), down), 4, colour)


def write(path: str | Path, image: Image.Image) -> None:
    """Write a PNG.

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path):
        image.quantize(12).save(partial, "PNG", optimize=True)
