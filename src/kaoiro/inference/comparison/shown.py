"""What a face showed in one recording: the mean of every column, and how exactly the recording tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.inference.change import Rest
from kaoiro.inference.recording import EXPRESSION_COLUMNS, SIGNALS, Recorded
from kaoiro.inference.report.measured import CHANGE, FAR, LABELS, RAW, SIGNAL, Settings, from_rest
from kaoiro.inference.report.speaker import Lane
from kaoiro.timeline.intervals import fitting, intervals
from kaoiro.timeline.shares import levels, shares


@dataclass(frozen=True, eq=False)
class Means:
    """Means of the columns of one table.

    Attributes:
        labels: L names.
        mean: (L,) shares, changes from rest or levels; NaN where nothing was seen.
        sd: (L,) bootstrap standard deviation; NaN where the recording is too short for one.
        enough: whether it is long enough.
        cut: whether longer blocks would have been right, so that `sd` is too small.
        wished_s: seconds of the blocks that would have been right: the longest wish of the columns.
        longest_s: seconds of the longest block that was allowed.
        far_cut: (L,) whether the wish of a column is `FAR` times as long or longer, so that `sd` is far too small.
    """

    labels: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    enough: bool
    cut: bool
    wished_s: float
    longest_s: float
    far_cut: np.ndarray

    @property
    def known(self) -> set[str]:
        """Labels of which anything was seen."""
        return {label for label, mean in zip(self.labels, self.mean, strict=True) if np.isfinite(mean)}


def shown(recorded: Recorded, lane: Lane, settings: Settings, rest: Rest | str | None) -> dict[str, Means]:
    """Return the means of a recording by kind of table: 'raw' and, as far as they are known, 'change' and 'signal'.

    Args:
        recorded: the recording.
        lane: whose face in it.
        settings: of the intervals.
        rest: the person's resting face; 'auto' estimates it from the lane; None takes the records' own changes.
    """
    samples, weights = lane.samples, lane.samples.weights_s
    raw = samples.take(recorded.table(EXPRESSION_COLUMNS, lane.rows))
    raw[~np.isfinite(raw).all(axis=1)] = np.nan
    found = {RAW: _means(LABELS, raw, shares(raw, weights).share, lane, settings)}
    change = from_rest(recorded, lane, raw, rest, [])
    if change is not None:
        found[CHANGE] = _means(LABELS, change, levels(change, weights).mean, lane, settings)
    names = [name for name in SIGNALS if recorded.has(name)]
    if names:
        table = samples.take(recorded.table(names, lane.rows))
        found[SIGNAL] = _means(names, table, levels(table, weights).mean, lane, settings)
    return found


def _means(labels: Sequence[str], table: np.ndarray, mean: np.ndarray, lane: Lane, settings: Settings) -> Means:
    samples, blocks = lane.samples, fitting(settings.blocks, lane.seen_s)
    found = intervals(table, samples.times_s, samples.weights_s, blocks, settings.seed)
    wished, far = float(found.wished_s.max(initial=0.0)), found.wished_s >= FAR * blocks.longest_s
    told = bool(found.enough.all()), bool(found.cut.any())
    return Means(tuple(labels), mean, found.sd, *told, wished, blocks.longest_s, far)
