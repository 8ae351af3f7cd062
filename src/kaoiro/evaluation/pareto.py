"""Fidelity and lag against jitter, by length of the window: the trade that every smoothing makes, as a picture.

Drawn with Pillow, as all figures of the package are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

_WIDE, _HIGH, _MARGIN, _FINE = 520, 360, 64, 2
_COLOURS = ("#1f77b4", "#ff7f0e", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f")
_INK, _GRID, _OURS = "#222222", "#dddddd", "#000000"


class Spot(NamedTuple):
    """A method at one length: its name, jitter, fidelity, and lag in frames."""

    name: str
    jitter: float
    fidelity: float
    lag: float


def figure(curves: Mapping[str, Sequence[Spot]], ours: Sequence[Spot], title: str) -> Image.Image:
    """Return a picture with two panels; curves join the lengths of a method, black dots are what was learned.

    Args:
        curves: by method, from the shortest window to the longest.
        ours: what was learned.
        title: above.
    """
    image = Image.new("RGB", ((2 * _WIDE + 140) * _FINE, (_HIGH + 40) * _FINE), "white")
    pen = ImageDraw.Draw(image)
    _text(pen, (_MARGIN, 8), title, 15)
    spots = [spot for curve in curves.values() for spot in curve] + list(ours)
    for number, (measure, words) in enumerate((("fidelity", "fidelity (CCC)"), ("lag", "lag (frames)"))):
        panel = _Panel(pen, number * _WIDE, spots, measure)
        panel.axes(words)
        for colour, (_, curve) in zip(_COLOURS, curves.items(), strict=False):
            panel.line(curve, colour)
        for spot in ours:
            panel.dot(spot, _OURS, 5)
    for place, (colour, name) in enumerate(zip((*_COLOURS[: len(curves)], _OURS), (*curves, "learned"), strict=True)):
        x, y = 2 * _WIDE, 60 + 18 * place
        pen.rectangle([c * _FINE for c in (x, y + 6, x + 16, y + 9)], fill=colour)
        _text(pen, (x + 22, y), name, 11)
    return image.resize((image.width // _FINE, image.height // _FINE), Image.Resampling.BOX)


class _Panel:
    """Axes: jitter on a logarithmic scale to the right, a measure upwards."""

    def __init__(self, pen: ImageDraw.ImageDraw, left: float, spots: Sequence[Spot], measure: str) -> None:
        self._pen, self._left, self._measure = pen, left, measure
        self._x = _span([math.log10(max(spot.jitter, 1e-9)) for spot in spots])
        self._y = _span([float(getattr(spot, measure)) for spot in spots])

    def place(self, spot: Spot) -> tuple[float, float]:
        """Return where a spot lies, pixels of the finished picture."""
        x, y = math.log10(max(spot.jitter, 1e-9)), float(getattr(spot, self._measure))
        across = (x - self._x[0]) / (self._x[1] - self._x[0])
        up = (y - self._y[0]) / (self._y[1] - self._y[0])
        return self._left + _MARGIN + across * (_WIDE - 1.4 * _MARGIN), 40 + (1 - up) * (_HIGH - 1.2 * _MARGIN)

    def axes(self, words: str) -> None:
        """Draw grid, numbers and names."""
        low, high = self._x
        for step in range(5):
            share = step / 4
            x, y = low + share * (high - low), self._y[0] + share * (self._y[1] - self._y[0])
            right, _ = self.place(Spot("", 10**x, self._y[0], self._y[0]))
            _, down = self.place(Spot("", 10**low, y, y))
            edge = self._left + _MARGIN, self._left + _WIDE - 0.4 * _MARGIN
            self._pen.line([c * _FINE for c in (edge[0], down, edge[1], down)], fill=_GRID, width=_FINE)
            _text(self._pen, (right - 14, _HIGH - 0.2 * _MARGIN - 20), f"{10**x:.1e}", 10)
            _text(self._pen, (self._left + 16, down - 7), f"{y:.2f}", 10)
        _text(self._pen, (self._left + _MARGIN, 24), words, 12)
        _text(self._pen, (self._left + _WIDE / 2 - 40, _HIGH + 4), "jitter at rest", 12)

    def line(self, curve: Sequence[Spot], colour: str) -> None:
        """Join the lengths of a method."""
        points = [tuple(c * _FINE for c in self.place(spot)) for spot in curve]
        self._pen.line(points, fill=colour, width=2 * _FINE)
        for spot in curve:
            self.dot(spot, colour, 2.5)

    def dot(self, spot: Spot, colour: str, radius: float) -> None:
        """Draw a spot."""
        x, y = self.place(spot)
        self._pen.ellipse([c * _FINE for c in (x - radius, y - radius, x + radius, y + radius)], fill=colour)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _text(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    font = ImageFont.load_default(size * _FINE)
    pen.text((place[0] * _FINE, place[1] * _FINE), text, font=font, fill=_INK)


def _finite(spot: Spot) -> bool:
    return all(math.isfinite(value) for value in spot[1:])


def of_results(figures: Mapping[str, Any], kind: str, learned: Sequence[str]) -> Image.Image:
    """Return the figure of what `kaoiro evaluate temporal` measured.

    Args:
        figures: of the measurement.
        kind: 'causal' or 'centred'.
        learned: recipes of that kind.
    """
    curves: dict[str, list[Spot]] = {}
    for key, row in figures[f"by length of the window, {kind}"].items():
        name = key.rsplit(", ", 1)[0]
        curves.setdefault(name, []).append(Spot(name, row["jitter"], row["fidelity"], row["lag"]))
    rows = {name: figures[f"{name}: beside fixed windows"][name] for name in learned}
    ours = [Spot(name, row["jitter"], row["fidelity"], row["lag"]) for name, row in rows.items()]
    curves = {name: [spot for spot in curve if _finite(spot)] for name, curve in curves.items()}
    ours = [spot for spot in ours if _finite(spot)]
    return figure(curves, ours, f"Smoothing, {kind}: windows of 3 to 21 frames (lines), learned on 11 (dots)")
