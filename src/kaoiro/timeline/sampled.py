"""A recording as samples in presentation time: one every half second, or every frame with the time it stands for.

Frames do not come evenly: phones and screen recorders change their rate, streams drop frames, files are cut together.
Counted frame by frame, a stretch that happens to be dense counts several times, and if light or haste make the camera
slower, what the face shows just then counts less. So a recording is either sampled at equal steps of time, or every
row weighs as many seconds as it stands for: half the way to the row before it and half the way to the one after it.
Where the next row is further away than `GAP_S`, nobody knows what the face did in between: the row stands for half of
`GAP_S` at most, and the rest of the gap is an absent sample, which is never filled and never counted as neutral.

Source: screenshots every ≈0.5 s (Suimon & Isami, 2017; SPEC 6.3), by presentation times and not by frame counts.
Legend: N rows (frames of one face), T samples, L values of a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kaoiro.core.checks import positive, require
from kaoiro.core.errors import InputError

STEP_S = 0.5
"""Seconds between samples (SPEC 6.3)."""
GAP_S = 1.0
"""Rows further apart than so many seconds leave a gap between them, where every row is a sample."""
MOST = 10_000_000
"""Samples of a recording; more are a wrong clock or a wrong step."""
_TINY = 1e-6  # of a step, or seconds: as exactly as presentation times are written
_MICRO = 6  # decimals of a second, likewise


@dataclass(frozen=True, eq=False)
class Sampled:
    """Samples of a recording.

    Attributes:
        times_s: (T,) seconds, increasing: of the tick, or of the row itself.
        rows: (T,) which row stands for it; -1 where there is none.
        edges_s: (T, 2) seconds from which and until which it stands.
    """

    times_s: np.ndarray
    rows: np.ndarray
    edges_s: np.ndarray

    @property
    def weights_s(self) -> np.ndarray:
        """The time that each sample stands for: (T,) seconds."""
        return self.edges_s[:, 1] - self.edges_s[:, 0]

    @property
    def present(self) -> np.ndarray:
        """Which samples have a row: (T,) bool."""
        return self.rows >= 0

    def take(self, values: np.ndarray) -> np.ndarray:
        """Return the values of the samples: (N, L) -> (T, L) float64; NaN where there is no row.

        Raises:
            InputError: not a table, or one with fewer rows than were sampled.
        """
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or len(values) <= self.rows.max(initial=-1):
            raise InputError(f"values of the rows must have shape (rows, values), not {values.shape}")
        result = np.full((len(self.rows), values.shape[1]), np.nan)
        result[self.present] = values[self.rows[self.present]]
        return result


def sampled(
    times_s: np.ndarray,
    step_s: float | None = STEP_S,
    start_s: float | None = None,
    end_s: float | None = None,
    gap_s: float = GAP_S,
) -> Sampled:
    """Return the samples of a recording from `start_s` to `end_s`.

    With a step, the row nearest to each tick stands for it, the earlier of two that are equally near; a row that lies
    exactly between two ticks belongs to the later one. A tick without a row within half a step is absent. Without a
    step every row is a sample, and every gap between them an absent one.

    Args:
        times_s: (N,) presentation times of the rows, seconds, increasing.
        step_s: between ticks; None takes every row.
        start_s: time of the first tick; None is the first row. Given, time without rows before it counts as absent.
        end_s: time after which there is no tick; None is the last row.
        gap_s: the longest time between rows that the two of them stand for; only without a step.

    Raises:
        InputError: times that do not increase, an impossible step or gap, or an end before the start.
    """
    times_s = increasing(times_s)
    positive("longest gap", gap_s, "seconds")
    first, last = (times_s[0], times_s[-1]) if len(times_s) else (start_s, end_s)
    start_s, end_s = first if start_s is None else start_s, last if end_s is None else end_s
    if start_s is None or end_s is None:  # no rows, and no recording that they are missing from
        return Sampled(np.empty(0), np.empty(0, np.int64), np.empty((0, 2)))
    require(math.isfinite(end_s - start_s) and end_s >= start_s, "end", f"at or after the start, {start_s} s", end_s)
    if step_s is None:
        return _every(times_s, float(start_s), float(end_s), gap_s)
    positive("step", step_s, "seconds")
    return _ticked(times_s, step_s, float(start_s), float(end_s))


def increasing(times_s: np.ndarray) -> np.ndarray:
    """Return times (N,) as float64.

    Raises:
        InputError: not a row of finite numbers, each greater than the one before.
    """
    times_s = np.asarray(times_s, np.float64)
    if times_s.ndim != 1 or not np.isfinite(times_s).all() or not (np.diff(times_s) > 0).all():
        raise InputError("times must be finite and increase from row to row: take one face of one recording at a time")
    return times_s


def tick_of(times_s: np.ndarray, step_s: float, start_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the tick that each time (N,) is nearest to, and how far it is from there, seconds."""
    slots = np.floor((times_s - start_s) / step_s + 0.5 + _TINY).astype(np.int64)
    return slots, np.abs(times_s - start_s - step_s * slots).round(_MICRO)


def nearest(
    times_s: np.ndarray, faces: np.ndarray, step_s: float, start_s: float, sizes: np.ndarray | None = None
) -> np.ndarray:
    """Return the rows that can stand for a tick, in their order: one for each face and tick, as `sampled` takes them.

    Sampled afterwards, they give what all rows give, so that a recording need not be held while it is read.

    Args:
        times_s: (N,) of the rows, seconds.
        faces: (N,) whose they are; equal numbers compete for a tick.
        step_s: between ticks.
        start_s: of the first tick.
        sizes: (N,) of rows at the same time the one with the greatest is taken; None takes the first.
    """
    slots, distance = tick_of(times_s, step_s, start_s)
    order = np.lexsort((np.zeros(len(times_s)) if sizes is None else -sizes, times_s, distance, slots, faces))
    same = (np.diff(slots[order], prepend=-1) == 0) & (np.diff(faces[order], prepend=-1) == 0)
    same[:1] = False
    return np.sort(order[~same])


def _ticked(times_s: np.ndarray, step_s: float, start_s: float, end_s: float) -> Sampled:
    count = math.floor((end_s - start_s) / step_s + _TINY) + 1
    require(count <= MOST, "samples of a recording", f"at most {MOST}; check its times and the step", count)
    ticks = start_s + step_s * np.arange(count)
    slots, distance = tick_of(times_s, step_s, start_s)
    order = np.lexsort((times_s, distance, slots))
    nearest = order[np.flatnonzero(np.diff(slots[order], prepend=slots.min(initial=0) - 1))]
    nearest = nearest[(slots[nearest] >= 0) & (slots[nearest] < count)]
    rows = np.full(count, -1)
    rows[slots[nearest]] = nearest
    return Sampled(ticks, rows, np.stack([ticks - step_s / 2, ticks + step_s / 2], axis=1))


def _every(times_s: np.ndarray, start_s: float, end_s: float, gap_s: float) -> Sampled:
    """Return every row between start and end as a sample; the outermost reach as far out as they reach in."""
    rows = np.flatnonzero((times_s >= start_s - _TINY) & (times_s <= end_s + _TINY))
    at = times_s[rows]
    half = np.minimum(np.diff(at), gap_s) / 2 if len(at) != 1 else np.array([gap_s / 2])
    before, after = np.concatenate([half[:1], half])[: len(at)], np.concatenate([half, half[-1:]])[: len(at)]
    edges = np.stack([at - before, at + after], axis=1)
    gaps = np.stack([np.append(start_s, edges[:, 1]), np.append(edges[:, 0], end_s)], axis=1)
    gaps = gaps[gaps[:, 1] - gaps[:, 0] > _TINY]
    edges = np.concatenate([edges, gaps])
    times = np.concatenate([at, gaps.mean(axis=1)])
    rows = np.concatenate([rows, np.full(len(gaps), -1)])
    order = np.argsort(times)
    return Sampled(times[order], rows[order], edges[order])
