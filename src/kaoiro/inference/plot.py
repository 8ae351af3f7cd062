"""What was measured in a recording over time, as a picture.

Drawn with Pillow, which every installation has: a plotting library would add 75 MB and half a second
to draw eight lines. Results are tables, for those who want other figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import Record, changed, expression_column
from kaoiro.faces.draw import COLOURS
from kaoiro.faces.gauges import words_in
from kaoiro.inference.affect_panels import (
    AFFECT_HEIGHT,
    HEADER,
    LANE,
    draw_affect,
    draw_circumplex,
    draw_units,
    has_affect,
    units_in,
)
from kaoiro.inference.change_panel import CHANGE_HEIGHT, draw_changes, has_change
from kaoiro.inference.curves import SINGLE, SMOOTH, Curves, pieces
from kaoiro.inference.pen import GRID, INK, Axis, Pen, faded, ticks
from kaoiro.inference.word_panel import WORD_HEIGHT, draw_words, word_panels

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 1200, 60, 140, 56, 52
_TITLE, _EXPRESSION, _TICKS = 22, 170, 28  # heights in the block of a track
_CIRCUMPLEX_RIGHT = 230  # margin at the right where there is one
_CHANGE = changed(expression_column("neutral"))
_PALE = 0.6  # how far single frames fade where there is a smoothed curve


@dataclass(frozen=True)
class _Layout:
    """What the block of each track holds.

    Attributes:
        affect: whether valence and arousal are drawn.
        units: the action units that have a lane, by their place in the vocabulary.
        change: whether changes from the resting face are drawn.
        words: columns of the words that are drawn.
    """

    affect: bool
    units: list[int]
    change: bool
    words: Sequence[str]

    @property
    def right(self) -> int:
        """The margin at the right, pixels."""
        return _CIRCUMPLEX_RIGHT if self.affect or self.units else _RIGHT

    @property
    def below(self) -> int:
        """Height of what lies below the expressions, pixels."""
        change = HEADER + CHANGE_HEIGHT if self.change else 0
        words = (HEADER + WORD_HEIGHT) * word_panels(len(self.words))
        affect = HEADER + AFFECT_HEIGHT + 9 if self.affect else 0
        return words + change + affect + (HEADER + len(self.units) * LANE if self.units else 0)

    @property
    def block(self) -> int:
        """Height of a track's block, pixels."""
        return _TITLE + _EXPRESSION + self.below + _TICKS

    def top(self, place: int) -> float:
        """Return the upper edge of a track's expressions, pixels."""
        return _TOP + place * self.block + _TITLE


def figure(records: Iterable[Record] | Curves, title: str) -> Image.Image:
    """Return a picture with a panel for each of the longest tracks; lines are interrupted where no face was seen.

    Where records carry smoothed measurements, these are the lines; expressions of single frames lie pale behind them.
    Below, if words were asked for: their scores, smoothed if they are. Below, if there is a baseline: changes of
    expressions from the resting face. Below these, if the model answers them:
    valence and arousal over time and as a path, and a lane for each action unit.

    Args:
        records: of one video, in order of time, or the curves that were made of them.
        title: above the panels.
    """
    curves = records if isinstance(records, Curves) else _curves(records)
    tracks = curves.longest()
    each = [rows for _, rows, _ in tracks]
    layout = _Layout(any(map(has_affect, each)), units_in(each), any(map(has_change, each)), curves.words)
    height = _TOP + layout.block * max(1, len(tracks)) + _BOTTOM
    pen = Pen(_WIDTH, height)
    more = f" ({curves.left_out} shorter tracks not shown)" if curves.left_out else ""
    pen.text((_LEFT, 14), f"{title}: expression over time{more}", 18)
    _blocks(pen, curves, tracks, layout)
    pen.text((_WIDTH / 2 - 110, height - 22), "presentation time (seconds)", 13)
    if tracks:
        _legend(pen, _WIDTH - layout.right + 16)
    return pen.finished()


def _curves(records: Iterable[Record]) -> Curves:
    records = list(records)
    words = dict.fromkeys(name for record in records for name in words_in(record))
    curves = Curves(any(_CHANGE in record.scores for record in records), tuple(words))
    for record in records:
        curves.add(record)
    return curves


def _blocks(pen: Pen, curves: Curves, tracks: list[tuple[int, np.ndarray, int]], layout: _Layout) -> None:
    low = curves.low if math.isfinite(curves.low) else 0.0
    axis = Axis(_LEFT, _WIDTH - layout.right, low, max(curves.high, low + 1e-3))
    for place in range(max(1, len(tracks))):
        _axes(pen, layout.top(place), axis, layout.below)
    for place, (track, rows, stride) in enumerate(tracks):
        pen.text((_LEFT, layout.top(place) - 19), f"track {track}", 13)
        own = replace(axis, longest_step=3 * curves.step * stride)
        _lines(pen, rows, layout.top(place), own)
        _draw_below(pen, rows, own, layout, layout.top(place) + _EXPRESSION)
    if not tracks:
        pen.text((_WIDTH / 2 - 60, layout.top(0) + 80), "no face found", 16)


def _draw_below(pen: Pen, rows: np.ndarray, axis: Axis, layout: _Layout, top: float) -> None:
    """Draw what a track has beside its expressions."""
    for panel in range(word_panels(len(layout.words))):
        draw_words(pen, rows, layout.words, panel, axis, top + HEADER)
        top += HEADER + WORD_HEIGHT
    if layout.change:
        draw_changes(pen, rows, axis, top + HEADER)
        top += HEADER + CHANGE_HEIGHT
    if layout.affect:
        draw_affect(pen, rows, axis, top + HEADER)
        draw_circumplex(pen, rows, axis, axis.right + 16, top + HEADER)
        top += HEADER + AFFECT_HEIGHT + 9
    if layout.units:
        draw_units(pen, rows, layout.units, axis, top + HEADER)


def _axes(pen: Pen, top: float, axis: Axis, below: float) -> None:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _down(top, share)
        pen.line([(axis.left, y), (axis.right, y)], GRID, 1)
        pen.text((axis.left - 36, y - 8), f"{share:.2f}", 12)
    bottom = _down(top, 0) + below
    for tick in ticks(axis.low, axis.high):
        pen.line([(axis.across(tick), bottom), (axis.across(tick), bottom + 5)], INK, 1)
        pen.text((axis.across(tick) - 8, bottom + 6), f"{tick:g}", 12)


def _down(top: float, share: float) -> float:
    return top + (1 - share) * _EXPRESSION


def _lines(pen: Pen, rows: np.ndarray, top: float, axis: Axis) -> None:
    """Draw the expressions of one track."""
    times = rows[:, 0]
    found = pieces(times, axis.longest_step)
    single, smooth = rows[:, SINGLE].T, rows[:, SMOOTH].T
    steady = not np.isnan(smooth).any()
    curves = [(single, 0.7, _PALE), (smooth, 1.8, 0.0)] if steady else [(single, 1.8, 0.0)]
    for values_by_label, width, pale in curves:
        for label, values in zip(EXPRESSIONS.labels, values_by_label, strict=True):
            for piece in found:
                points = [(axis.across(float(times[index])), _down(top, float(values[index]))) for index in piece]
                pen.line(points, faded(COLOURS[label], pale), width)


def _legend(pen: Pen, left: float) -> None:
    for place, label in enumerate(EXPRESSIONS.labels):
        y = _TOP + 24 + 20 * place
        pen.line([(left, y + 8), (left + 22, y + 8)], COLOURS[label], 3)
        pen.text((left + 28, y), label, 13)
