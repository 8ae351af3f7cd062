"""The probabilities of a recording over time, as a picture.

Drawn with Pillow, which every installation has: a plotting library would add 75 MB and half a second
to draw eight lines. Results are tables, for those who want other figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import Record, expression_column
from kaoiro.faces.draw import COLOURS

MOST_TRACKS = 6
_FINE = 3
_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM = 1200, 220, 60, 140, 56, 52
_INK, _GRID = "#222222", "#dddddd"


def figure(records: list[Record], title: str) -> Image.Image:
    """Return a picture with a panel for each of the longest tracks; lines are interrupted where no face was seen.

    Args:
        records: of one video, in order of time.
        title: above the panels.
    """
    counts = Counter(record.track for record in records if record.track is not None)
    tracks = sorted(track for track, _ in counts.most_common(MOST_TRACKS))
    height = _TOP + _PANEL * max(1, len(tracks)) + _BOTTOM
    image = Image.new("RGB", (_WIDTH * _FINE, height * _FINE), "white")
    pen = _Pen(ImageDraw.Draw(image))
    left_out = len(counts) - len(tracks)
    more = f" ({left_out} shorter tracks not shown)" if left_out > 0 else ""
    pen.text((_LEFT, 14), f"{title}: expression over time{more}", 18)
    times = np.array([record.time_s for record in records] or [0.0])
    low, high = float(times.min()), float(max(times.max(), times.min() + 1e-3))

    def across(time_s: float) -> float:
        return _LEFT + (time_s - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    for place, track in enumerate(tracks or [None]):
        top = _TOP + place * _PANEL + 22
        _axes(pen, top, across, low, high)
        if track is None:
            pen.text((_WIDTH / 2 - 60, top + _PANEL / 2 - 30), "no face found", 16)
            continue
        pen.text((_LEFT, top - 19), f"track {track}", 13)
        _lines(pen, [record for record in records if record.track == track], top, across, _step(times))
    pen.text((_WIDTH / 2 - 110, height - 22), "presentation time (seconds)", 13)
    if tracks:
        _legend(pen)
    return image.resize((_WIDTH, height), Image.Resampling.BOX)


def save(records: list[Record], title: str, path: Path) -> None:
    """Write the figure to a picture file whose suffix names the format."""
    figure(records, title).save(path)


class _Pen:
    """Draws in units of the finished picture on a finer one."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def line(self, points: list[tuple[float, float]], colour: str, width: float) -> None:
        fine = [(x * _FINE, y * _FINE) for x, y in points]
        self._draw.line(fine, fill=colour, width=max(1, round(width * _FINE)), joint="curve")

    def text(self, place: tuple[float, float], text: str, size: int, colour: str = _INK) -> None:
        font = ImageFont.load_default(size * _FINE)
        self._draw.text((place[0] * _FINE, place[1] * _FINE), text, font=font, fill=colour)


def _axes(pen: _Pen, top: float, across: Callable[[float], float], low: float, high: float) -> None:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _down(top, share)
        pen.line([(_LEFT, y), (_WIDTH - _RIGHT, y)], _GRID, 1)
        pen.text((_LEFT - 36, y - 8), f"{share:.2f}", 12)
    for tick in ticks(low, high):
        pen.line([(across(tick), _down(top, 0)), (across(tick), _down(top, 0) + 5)], _INK, 1)
        pen.text((across(tick) - 8, _down(top, 0) + 6), f"{tick:g}", 12)


def _down(top: float, share: float) -> float:
    return top + (1 - share) * (_PANEL - 50)


def ticks(low: float, high: float, about: int = 10) -> list[float]:
    """Return round values between two limits, about as many as asked for."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = np.ceil(low / step)
    return [round(float((first + k) * step), 9) for k in range(int((high - first * step) / step + 1e-9) + 1)]


def _step(times: np.ndarray) -> float:
    steps = np.diff(np.unique(times))
    return float(np.median(steps)) if len(steps) else 1.0


def _lines(pen: _Pen, records: list[Record], top: float, across: Callable[[float], float], step: float) -> None:
    every = max(1, len(records) // (2 * _WIDTH))
    kept = records[::every]
    times = np.array([record.time_s for record in kept])
    pieces = np.split(np.arange(len(kept)), np.flatnonzero(np.diff(times) > 3 * step * every) + 1)
    for label in EXPRESSIONS.labels:
        values = [record.scores.get(expression_column(label), 0.0) for record in kept]
        for piece in pieces:
            points = [(across(float(times[index])), _down(top, values[index])) for index in piece]
            if len(points) == 1:
                points.append((points[0][0] + 1, points[0][1]))
            pen.line(points, COLOURS[label], 1.8)


def _legend(pen: _Pen) -> None:
    for place, label in enumerate(EXPRESSIONS.labels):
        y = _TOP + 24 + 20 * place
        x = _WIDTH - _RIGHT + 16
        pen.line([(x, y + 8), (x + 22, y + 8)], COLOURS[label], 3)
        pen.text((x + 28, y), label, 13)
