"""Rates against the length of recordings: panels of curves with their intervals, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PIL import Image

from kaoiro.inference.pen import DIM, GRID, INK, Pen

_WIDE, _HIGH, _LEFT, _TOP, _BOTTOM, _LEGEND = 330, 250, 46, 78, 52, 200
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf", "#7f7f7f")


class Spot(NamedTuple):
    """A rate, 0-1, at a length in minutes, with the ends of its interval."""

    minutes: float
    rate: float
    low: float
    high: float


def figure(
    title: str, panels: Mapping[str, Mapping[str, Sequence[Spot]]], line: float, words: str, most: float = 1.0
) -> Image.Image:
    """Return a picture with a panel for each group of curves, which share their colours.

    Args:
        title: above.
        panels: by name, curves by name, in order of length.
        line: rate at which a dashed line stands.
        words: what the rates are.
        most: upper end of the axis.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}
    pen = Pen(len(panels) * _WIDE + _LEGEND, _TOP + _HIGH + _BOTTOM)
    pen.text((14, 10), title, 16)
    lengths = sorted({spot.minutes for curves in panels.values() for curve in curves.values() for spot in curve})
    for place, (name, curves) in enumerate(panels.items()):
        panel = _Panel(pen, place * _WIDE + _LEFT, lengths, most)
        panel.axes(name, line, words if place == 0 else "")
        for which, curve in curves.items():
            panel.curve(curve, colours[which])
    for place, name in enumerate(names):
        x, y = len(panels) * _WIDE + 12, _TOP + 20 * place
        pen.line([(x, y + 8), (x + 20, y + 8)], colours[name], 2.5)
        pen.text((x + 26, y), name, 12)
    return pen.finished()


class _Panel:
    """Axes: minutes on a logarithmic scale to the right, a rate upwards."""

    def __init__(self, pen: Pen, left: float, lengths: Sequence[float], most: float) -> None:
        self._pen, self._left, self._lengths, self._most = pen, left, lengths, most
        self._low, self._high = math.log(lengths[0]), math.log(max(lengths[-1], 1.01 * lengths[0]))

    def _across(self, minutes: float) -> float:
        share = (math.log(minutes) - self._low) / (self._high - self._low)
        return self._left + 14 + share * (_WIDE - _LEFT - 36)

    def _down(self, rate: float) -> float:
        return _TOP + (1 - min(rate, self._most) / self._most) * _HIGH

    def axes(self, name: str, line: float, words: str) -> None:
        """Draw grid, numbers, the line to reach or to keep, and names."""
        right = self._left + _WIDE - _LEFT - 8
        self._pen.text((self._left, _TOP - 24), name, 13)
        for step in range(5):
            rate = self._most * step / 4
            self._pen.line([(self._left, self._down(rate)), (right, self._down(rate))], GRID, 1)
            self._pen.text((self._left - 6, self._down(rate)), f"{100 * rate:g} %", 11, DIM, "rm")
        for start in range(int(self._left), int(right), 12):
            self._pen.line([(start, self._down(line)), (start + 6, self._down(line))], INK, 1)
        for minutes in self._lengths:
            self._pen.text((self._across(minutes), _TOP + _HIGH + 6), f"{minutes:g}", 11, DIM, "ma")
        self._pen.text(((self._left + right) / 2, _TOP + _HIGH + 24), "minutes of a recording", 12, INK, "ma")
        if words:
            self._pen.text((self._left - 32, _TOP - 44), words, 12, DIM)

    def curve(self, curve: Sequence[Spot], colour: str) -> None:
        """Draw a band and a line."""
        upper = [(self._across(spot.minutes), self._down(spot.high)) for spot in curve]
        lower = [(self._across(spot.minutes), self._down(spot.low)) for spot in curve]
        self._pen.area([*upper, *reversed(lower)], f"{colour}22")
        points = [(self._across(spot.minutes), self._down(spot.rate)) for spot in curve]
        self._pen.line(points, colour, 1.8)
        for point in points:
            self._pen.circle(point, 2.5, colour)
