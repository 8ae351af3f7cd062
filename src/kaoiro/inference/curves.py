"""What a figure needs of the records of a video, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kaoiro.core.labels import EXPRESSIONS, MEASURED_UNITS
from kaoiro.core.types import Record, changed, expression_column, smooth_column, smoothed
from kaoiro.faces.gauges import affect_of, spread_of, units_of
from kaoiro.timeline.thinned import Thinned

MOST_TRACKS = 6
MOST_POINTS = 4800  # of a line: four for each of its pixels
MOST_CURVES = 64
_EXPRESSIONS = (*map(expression_column, EXPRESSIONS.labels), *map(smooth_column, EXPRESSIONS.labels))
_CHANGES = tuple(
    (expression_column(label), changed(expression_column(label)), smooth_column(label)) for label in EXPRESSIONS.labels
)
_UNKNOWN = (math.nan, math.nan)
SINGLE, SMOOTH = slice(1, 9), slice(9, 17)
"""Columns of a track's rows, after the time: expressions of single frames, and smoothed."""
AFFECT, SPREAD, UNITS = slice(17, 19), slice(19, 21), slice(21, 21 + len(MEASURED_UNITS))
"""Further columns, only where a model answers them: valence and arousal, their spreads, units; smoothed if they are."""
CHANGE = slice(UNITS.stop, UNITS.stop + len(EXPRESSIONS))
"""Columns after these, only where there is a baseline: changes of expressions from it, smoothed if they are."""
WORDS = slice(CHANGE.stop, None)
"""The last columns, only where words were asked for; smoothed if they are. Then all others are there, too."""


class Curves:
    """What a figure needs of the records of a video, in bounded memory: a picture has only so many pixels.

    Up to `MOST_POINTS` records of a track, all of them are held. Of more tracks than a picture has panels, those with
    few records are let go.

    Args:
        changed: whether records may carry changes from a baseline.
        words: columns of words in single frames.

    Attributes:
        low, high: presentation times of the first and the last frame, seconds; infinite if there is none.
        words: as given.
    """

    def __init__(self, changed: bool = False, words: Sequence[str] = ()) -> None:
        self._changed, self.words = changed or bool(words), tuple(words)
        self.low, self.high = math.inf, -math.inf
        self._last: float | None = None
        self._steps = Thinned(1, MOST_POINTS)
        self._tracks: dict[int, Thinned] = {}
        self._seen: set[int] = set()
        self._further: bool | None = None

    def add(self, record: Record) -> None:
        """Take up the next record."""
        time_s = record.time_s
        self.low, self.high = min(self.low, time_s), max(self.high, time_s)
        if self._last is not None and time_s > self._last:
            self._steps.add([time_s - self._last])
        self._last = time_s
        if record.track is not None:
            row = [time_s, *(record.scores.get(name, math.nan) for name in _EXPRESSIONS), *self._beside(record)]
            row += [_change(record, *names) for names in _CHANGES] if self._changed else []
            row += [record.scores.get(smoothed(name), record.scores.get(name, math.nan)) for name in self.words]
            self._curve(record.track, len(row)).add(row)

    def _beside(self, record: Record) -> list[float]:
        """Return the further columns; the first face tells whether there are any."""
        units = units_of(record)
        if self._further is None:
            self._further = affect_of(record) is not None or bool(units) or self._changed
        if not self._further:
            return []
        affect, spread = affect_of(record) or _UNKNOWN, spread_of(record) or _UNKNOWN
        return [*affect, *spread, *(units.get(unit, math.nan) for unit in MEASURED_UNITS.labels)]

    def _curve(self, track: int, width: int) -> Thinned:
        self._seen.add(track)
        if track not in self._tracks:
            if len(self._tracks) >= MOST_CURVES:
                del self._tracks[min(self._tracks, key=lambda other: self._tracks[other].count)]
            self._tracks[track] = Thinned(width, MOST_POINTS)
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
        """Return the tracks with most records: their number, (n, columns) rows that begin with the time, and the rows'
        stride.
        """
        ranked = sorted(self._tracks, key=lambda track: -self._tracks[track].count)[:MOST_TRACKS]
        return [(track, self._tracks[track].rows(), self._tracks[track].stride) for track in sorted(ranked)]


def _change(record: Record, single: str, change: str, smooth: str) -> float:
    """Return how far an expression is from its rest: of the smoothed curve where there is one."""
    scores = record.scores
    value = scores.get(change, math.nan)
    return scores[smooth] - (scores[single] - value) if smooth in scores else value


def pieces(times: np.ndarray, longest_step: float) -> list[np.ndarray]:
    """Return the indices of times (n,) in pieces, interrupted by pauses longer than `longest_step` seconds."""
    return np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > longest_step) + 1)
