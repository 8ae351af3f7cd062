"""The probabilities of a recording over time, as a picture.

Drawn with Pillow, which every installation has: a plotting library would add 75 MB and half a second
to draw eight lines. Results are tables, for those who want other figures.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import Record, expression_column, smooth_column
from kaoiro.faces.draw import COLOURS

MOST_TRACKS = 6
MOST_POINTS = 4800  # of a line: four for each of its pixels
_MOST_CURVES = 64
_FINE = 3
_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM = 1200, 220, 60, 140, 56, 52
_INK, _GRID = "#222222", "#dddddd"
_COLUMNS = (*map(expression_column, EXPRESSIONS.labels), *map(smooth_column, EXPRESSIONS.labels))
_PALE = 0.6  # how far single frames fade where there is a smoothed curve


class _Thinned:
    """The rows of a growing table, from some length on only each second, fourth, eighth of them.

    Attributes:
        count: rows so far.
        stride: distance between the rows that are held.
    """

    def __init__(self, width: int) -> None:
        self.count, self.stride = 0, 1
        self._width, self._held = width, array("d")

    def add(self, row: Sequence[float]) -> None:
        """Add a row of `width` numbers."""
        if self.count % self.stride == 0:
            self._held.extend(row)
        self.count += 1
        if len(self._held) == MOST_POINTS * self._width:
            self._held = array("d", self.rows()[::2].tobytes())
            self.stride *= 2

    def rows(self) -> np.ndarray:
        """Return the rows that are held: (n, width), n below `MOST_POINTS`."""
        return np.array(self._held).reshape(-1, self._width)


class Curves:
    """What a figure needs of the records of a video, in bounded memory: a picture has only so many pixels.

    Up to `MOST_POINTS` records of a track, all of them are held. Of more tracks than a picture has panels, those with
    few records are let go.

    Attributes:
        low, high: presentation times of the first and the last frame, seconds; infinite if there is none.
    """

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf
        self._last: float | None = None
        self._steps = _Thinned(1)
        self._tracks: dict[int, _Thinned] = {}
        self._seen: set[int] = set()

    def add(self, record: Record) -> None:
        """Take up the next record."""
        time_s = record.time_s
        self.low, self.high = min(self.low, time_s), max(self.high, time_s)
        if self._last is not None and time_s > self._last:
            self._steps.add([time_s - self._last])
        self._last = time_s
        if record.track is not None:
            self._curve(record.track).add([time_s, *(record.scores.get(name, math.nan) for name in _COLUMNS)])

    def _curve(self, track: int) -> _Thinned:
        self._seen.add(track)
        if track not in self._tracks:
            if len(self._tracks) >= _MOST_CURVES:
                del self._tracks[min(self._tracks, key=lambda other: self._tracks[other].count)]
            self._tracks[track] = _Thinned(1 + len(_COLUMNS))
        return self._tracks[track]

    @property
    def step(self) -> float:
        """The usual time from frame to frame, seconds."""
        return float(np.median(self._steps.rows())) if self._steps.count else 1.0

    @property
    def left_out(self) -> int:
        """Number of tracks that the figure does not show."""
        return max(0, len(self._seen) - MOST_TRACKS)

    def longest(self) -> list[tuple[int, np.ndarray, int]]:
        """Return the tracks with most records: their number, (n, 1 + 16) times, scores and smoothed scores, and the
        rows' stride.
        """
        ranked = sorted(self._tracks, key=lambda track: -self._tracks[track].count)[:MOST_TRACKS]
        return [(track, self._tracks[track].rows(), self._tracks[track].stride) for track in sorted(ranked)]


def figure(records: Iterable[Record] | Curves, title: str) -> Image.Image:
    """Return a picture with a panel for each of the longest tracks; lines are interrupted where no face was seen.

    Where records carry smoothed expressions, these are the lines, and single frames lie pale behind them.

    Args:
        records: of one video, in order of time, or the curves that were made of them.
        title: above the panels.
    """
    curves = records if isinstance(records, Curves) else _curves(records)
    tracks = curves.longest()
    height = _TOP + _PANEL * max(1, len(tracks)) + _BOTTOM
    image = Image.new("RGB", (_WIDTH * _FINE, height * _FINE), "white")
    pen = _Pen(ImageDraw.Draw(image))
    more = f" ({curves.left_out} shorter tracks not shown)" if curves.left_out else ""
    pen.text((_LEFT, 14), f"{title}: expression over time{more}", 18)
    _panels(pen, curves, tracks)
    pen.text((_WIDTH / 2 - 110, height - 22), "presentation time (seconds)", 13)
    if tracks:
        _legend(pen)
    return image.resize((_WIDTH, height), Image.Resampling.BOX)


def _curves(records: Iterable[Record]) -> Curves:
    curves = Curves()
    for record in records:
        curves.add(record)
    return curves


def _panels(pen: _Pen, curves: Curves, tracks: list[tuple[int, np.ndarray, int]]) -> None:
    low = curves.low if math.isfinite(curves.low) else 0.0
    high = max(curves.high, low + 1e-3)

    def across(time_s: float) -> float:
        return _LEFT + (time_s - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    for place in range(max(1, len(tracks))):
        _axes(pen, _top(place), across, low, high)
    for place, (track, rows, stride) in enumerate(tracks):
        pen.text((_LEFT, _top(place) - 19), f"track {track}", 13)
        _lines(pen, rows, _top(place), across, longest_step=3 * curves.step * stride)
    if not tracks:
        pen.text((_WIDTH / 2 - 60, _top(0) + _PANEL / 2 - 30), "no face found", 16)


def _top(place: int) -> float:
    """Return the upper edge of a panel, pixels."""
    return _TOP + place * _PANEL + 22


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


def _lines(pen: _Pen, rows: np.ndarray, top: float, across: Callable[[float], float], longest_step: float) -> None:
    """Draw the scores of one track; a pause longer than `longest_step` seconds interrupts the lines."""
    times = rows[:, 0]
    pieces = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(times) > longest_step) + 1)
    single, smooth = np.split(rows[:, 1:].T, 2)
    steady = not np.isnan(smooth).any()
    curves = [(single, 0.7, _PALE), (smooth, 1.8, 0.0)] if steady else [(single, 1.8, 0.0)]
    for values_by_label, width, pale in curves:
        for label, values in zip(EXPRESSIONS.labels, values_by_label, strict=True):
            for piece in pieces:
                points = [(across(float(times[index])), _down(top, float(values[index]))) for index in piece]
                if len(points) == 1:
                    points.append((points[0][0] + 1, points[0][1]))
                pen.line(points, _faded(COLOURS[label], pale), width)


def _faded(colour: str, share: float) -> str:
    """Return a colour '#rrggbb' mixed with that share of white."""
    parts = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{round(part + share * (255 - part)):02x}" for part in parts)


def _legend(pen: _Pen) -> None:
    for place, label in enumerate(EXPRESSIONS.labels):
        y = _TOP + 24 + 20 * place
        x = _WIDTH - _RIGHT + 16
        pen.line([(x, y + 8), (x + 22, y + 8)], COLOURS[label], 3)
        pen.text((x + 28, y), label, 13)
