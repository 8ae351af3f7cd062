"""What the face of a lane showed: shares, levels and episodes with their intervals.

Shares follow the source's formula and its variants (`timeline.shares`); raw, of smoothed curves, and as changes from
the person's rest. Absent samples count nowhere, least of all as neutral.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kaoiro.core.labels import EXPRESSIONS, MEASURED_UNITS
from kaoiro.core.types import changed, smoothed
from kaoiro.inference.change import Rest
from kaoiro.inference.recording import EXPRESSION_COLUMNS, SIGNALS, Recorded
from kaoiro.inference.report.speaker import Lane
from kaoiro.timeline.baseline import resting
from kaoiro.timeline.episodes import Episode, Rule, episodes, inside
from kaoiro.timeline.intervals import Blocks, fitting, intervals
from kaoiro.timeline.sampled import Sampled
from kaoiro.timeline.shares import THRESHOLD, against, levels, shares

LABELS = EXPRESSIONS.labels
QUIET = "neutral"
"""Label whose episodes say nothing: they are the rest of the recording."""
SMOOTH_COLUMNS = tuple(map(smoothed, EXPRESSION_COLUMNS))
RAW, SMOOTH, CHANGE, SIGNAL = "raw", "smooth", "change", "signal"
FAR = 3.0
"""Times the block from which a longer one would have been right that intervals are much too narrow."""
LEAST_FRAMES = 50
"""Of a rest, ten seconds of video as `inference.rest` reads it: changes from fewer are never called a signal."""
_NEUTRAL = LABELS.index(QUIET)


@dataclass(frozen=True)
class Settings:
    """How lanes are measured.

    Attributes:
        threshold: a label counts as shown above it.
        rule: of episodes.
        blocks: of intervals.
        visible_from: by action unit, from which probability it counts as visible; `threshold` where it is not named.
        seed: of the draws.
    """

    threshold: float = THRESHOLD
    rule: Rule = field(default_factory=Rule)
    blocks: Blocks = field(default_factory=Blocks)
    visible_from: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Line:
    """One label in one table; NaN is unknown.

    Attributes:
        kind: 'raw', 'smooth', 'change' or 'signal'.
        label: its name.
        mean, low, high: share, change or level, with its interval.
        top, top_low, top_high: share of the time in which it is the likeliest, with its interval.
        above, above_low, above_high: share of the time in which it exceeds its threshold, with its interval.
        episodes, episodes_low, episodes_high: share of the time that lies in its episodes, with its interval.
        sd: standard deviation over time, of signals and changes.
        coverage: share of the recording that counts.
    """

    kind: str
    label: str
    mean: float
    low: float = math.nan
    high: float = math.nan
    top: float = math.nan
    top_low: float = math.nan
    top_high: float = math.nan
    above: float = math.nan
    above_low: float = math.nan
    above_high: float = math.nan
    episodes: float = math.nan
    episodes_low: float = math.nan
    episodes_high: float = math.nan
    sd: float = math.nan
    coverage: float = math.nan


@dataclass(frozen=True)
class Drawn:
    """How the intervals of one table were drawn.

    Attributes:
        enough: whether the recording is long enough for any.
        block_s: seconds of a block.
        cut: whether longer blocks would have been right, so that intervals are too narrow.
        wished_s: seconds of the blocks that would have been right: the longest wish of the table's columns.
    """

    enough: bool
    block_s: float
    cut: bool
    wished_s: float

    @property
    def far_cut(self) -> bool:
        """Whether blocks are so much too short that intervals say little."""
        return self.cut and self.wished_s >= FAR * self.block_s


@dataclass(frozen=True, eq=False)
class MeasuredLane:
    """Everything about a lane.

    Attributes:
        lane: whose face when.
        lines: of all tables.
        drawn: by kind of table; empty where no intervals were asked for.
        episodes: in order of their starts.
        curve: the kind that episodes are taken from.
        notes: what could not be said.
        firm_rest: whether changes are from a rest that more than a few frames tell.
    """

    lane: Lane
    lines: list[Line]
    drawn: dict[str, Drawn]
    episodes: list[Episode]
    curve: str
    notes: list[str]
    firm_rest: bool = False

    def of(self, kind: str) -> list[Line]:
        """Return the lines of one table."""
        return [line for line in self.lines if line.kind == kind]


def measure(
    recorded: Recorded, lane: Lane, settings: Settings, rest: Rest | str | None = None, exact: bool = True
) -> MeasuredLane:
    """Return what the face of a lane showed.

    Args:
        recorded: the recording.
        lane: of it.
        settings: how.
        rest: the person's resting face; 'auto' estimates it from the lane; None takes the records' own changes.
        exact: whether intervals are drawn.
    """
    samples = lane.samples
    raw = samples.take(recorded.table(EXPRESSION_COLUMNS, lane.rows))
    smooth = samples.take(recorded.table(SMOOTH_COLUMNS, lane.rows))
    has_smooth = bool(np.isfinite(smooth).all(axis=1).any())
    curve, values = (SMOOTH, smooth) if has_smooth else (RAW, raw)
    loud = [place for place, label in enumerate(LABELS) if label != QUIET]
    found = episodes(values[:, loud], samples, [LABELS[place] for place in loud], settings.rule)
    measuring = _Measuring(lane, settings, exact)
    lines = measuring.shares(RAW, raw, _inside(found, raw, samples))
    if has_smooth:
        lines += measuring.shares(SMOOTH, smooth, _inside(found, smooth, samples))
    notes: list[str] = []
    change = from_rest(recorded, lane, raw, rest, notes)
    if change is not None:
        lines += measuring.levels(CHANGE, LABELS, change)
    signals = [name for name in SIGNALS if recorded.has(name)]
    if signals:
        lines += measuring.levels(SIGNAL, signals, samples.take(recorded.table(signals, lane.rows)))
    firm = rest is not None and (not isinstance(rest, Rest) or rest.frames >= LEAST_FRAMES)
    return MeasuredLane(lane, lines, measuring.drawn, found, curve, notes, firm)


def _inside(found: Sequence[Episode], table: np.ndarray, samples: Sampled) -> np.ndarray:
    """Return which samples lie in episodes, (T, 8) 0 or 1; NaN where absent, and for the label that has none."""
    result = inside(found, table, samples, LABELS)
    result[:, _NEUTRAL] = np.nan
    return result


class _Measuring:
    """Measures tables of one lane."""

    def __init__(self, lane: Lane, settings: Settings, exact: bool) -> None:
        self._samples, self._settings, self._exact = lane.samples, settings, exact
        self._weights, self._seen_s = lane.samples.weights_s, lane.seen_s
        self.drawn: dict[str, Drawn] = {}

    def shares(self, kind: str, table: np.ndarray, within: np.ndarray) -> list[Line]:
        """Return the shares of a table (T, 8) of probabilities."""
        found = shares(table, self._weights, thresholds=self._settings.threshold)
        known = np.isfinite(table).all(axis=1, keepdims=True)
        top = np.where(known, np.eye(len(LABELS))[np.nan_to_num(table).argmax(axis=1)], np.nan)
        above = np.where(known, table > self._settings.threshold, np.nan)
        low, high = self._ends(kind, np.concatenate([np.where(known, table, np.nan), top, above, within], axis=1))
        spent = levels(within, self._weights).mean
        parts = zip((found.share, found.top, found.above, spent), np.split(low, 4), np.split(high, 4), strict=True)
        rows = np.stack([column for part in parts for column in part], axis=1).tolist()
        return [Line(kind, label, *row, coverage=found.coverage) for label, row in zip(LABELS, rows, strict=True)]

    def levels(self, kind: str, names: Sequence[str], table: np.ndarray) -> list[Line]:
        """Return the levels of a table (T, K) of signals or changes."""
        limits = np.array([self._limit(kind, name) for name in names])
        found = levels(table, self._weights, thresholds=limits)
        units = np.array([name in MEASURED_UNITS.labels for name in names])
        shown = np.where(np.isfinite(table) & units, table > limits, np.nan)
        low, high = (np.split(ends, 2) for ends in self._ends(kind, np.concatenate([table, shown], axis=1)))
        return [
            Line(
                kind,
                name,
                *(float(part[place]) for part in (found.mean, low[0], high[0])),
                above=float(found.above[place]) if units[place] else math.nan,
                above_low=float(low[1][place]),
                above_high=float(high[1][place]),
                sd=float(found.sd[place]),
                coverage=float(found.coverage[place]),
            )
            for place, name in enumerate(names)
        ]

    def _limit(self, kind: str, name: str) -> float:
        usual = self._settings.threshold
        return self._settings.visible_from.get(name, usual) if kind == SIGNAL else usual

    def _ends(self, kind: str, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self._exact:
            return np.full(table.shape[1], np.nan), np.full(table.shape[1], np.nan)
        times, settings = self._samples.times_s, self._settings
        blocks = fitting(settings.blocks, self._seen_s)
        found = intervals(table, times, self._weights, blocks, settings.seed)
        wished = float(found.wished_s.max(initial=0.0))
        self.drawn[kind] = Drawn(bool(found.enough.any()), found.block_s, bool(found.cut.any()), wished)
        return found.low, found.high


def from_rest(
    recorded: Recorded, lane: Lane, raw: np.ndarray, rest: Rest | str | None, notes: list[str]
) -> np.ndarray | None:
    """Return the changes of the samples from rest (T, 8); None where there is none to tell them from.

    Args:
        recorded: the recording.
        lane: of it.
        raw: (T, 8) probabilities of its samples.
        rest: see `measure`.
        notes: receives the key of the text that says why there is none.
    """
    if rest is None:
        own = tuple(map(changed, EXPRESSION_COLUMNS))
        return lane.samples.take(recorded.table(own, lane.rows)) if recorded.has(own[0]) else None
    if isinstance(rest, Rest):
        level = np.array([rest.scores.get(name, np.nan) for name in EXPRESSION_COLUMNS])
    else:
        there = lane.samples.present
        level = resting(lane.samples.times_s[there], raw[there], _NEUTRAL, len(LABELS))
    if level is None or not np.isfinite(level).all():
        notes.append("no_rest")
        return None
    return against(raw, level)
