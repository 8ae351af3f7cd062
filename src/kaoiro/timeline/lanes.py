"""A recording at a glance: a lane for each face, its curves with few points, and where they peak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

GAP_S = 1.0
"""A face unseen for longer leaves a gap in its curves, unless frames are further apart than that."""
GAP_STEPS = 2.5
"""Then a gap is longer than so many of their usual distances."""
PEAK = 0.5
"""Least probability of a peak."""


@dataclass(frozen=True)
class Peak:
    """The greatest value of a curve.

    Attributes:
        label: whose curve.
        time_s: where, seconds.
        value: 0–1.
    """

    label: str
    time_s: float
    value: float


@dataclass(frozen=True)
class Lane:
    """One face over time.

    Attributes:
        track: its number.
        times_s: (N,) seconds; NaN never.
        curves: by label, (N,) probabilities; NaN where there is a gap.
        peaks: of the curves that reach `PEAK`, highest first.
    """

    track: int
    times_s: np.ndarray
    curves: dict[str, np.ndarray]
    peaks: list[Peak]


def lanes(
    times_s: np.ndarray, tracks: np.ndarray, curves: Mapping[str, np.ndarray], points: int, quiet: Sequence[str] = ()
) -> list[Lane]:
    """Return a lane for each track, the longest first.

    Args:
        times_s: (N,) of the rows, seconds.
        tracks: (N,) whose they are.
        curves: by label, (N,).
        points: most of a lane; rows are left out evenly. At most as many gaps come on top.
        quiet: labels whose peaks say nothing.
    """
    if not len(tracks):
        return []
    order = np.lexsort((times_s, tracks))
    numbers, first = np.unique(tracks[order], return_index=True)
    gap_s = max(GAP_S, GAP_STEPS * _step(times_s))
    found = [
        _lane(track, times_s[rows], {name: curve[rows] for name, curve in curves.items()}, points, gap_s, quiet)
        for track, rows in zip(numbers.tolist(), np.split(order, first[1:]), strict=True)
    ]
    return sorted(found, key=lambda lane: lane.times_s[0] - lane.times_s[-1])


def _step(times_s: np.ndarray) -> float:
    """Return the usual distance between frames, seconds."""
    steps = np.diff(np.unique(times_s))
    return float(np.median(steps)) if len(steps) else 0.0


def _lane(
    track: int, times_s: np.ndarray, curves: dict[str, np.ndarray], points: int, gap_s: float, quiet: Sequence[str]
) -> Lane:
    peaks = [_peak(name, times_s, curve) for name, curve in curves.items() if name not in quiet]
    high = sorted((peak for peak in peaks if peak.value >= PEAK), key=lambda peak: -peak.value)
    kept = np.unique(np.linspace(0, len(times_s) - 1, min(points, len(times_s))).round().astype(int))
    gaps = _gaps(times_s, gap_s, points)
    kept = np.unique(np.concatenate([kept, gaps, gaps + 1]))
    after = np.flatnonzero(np.isin(kept, gaps)) + 1
    middle = (times_s[gaps] + times_s[gaps + 1]) / 2
    thin = {name: np.insert(curve[kept].astype(np.float64), after, np.nan) for name, curve in curves.items()}
    return Lane(track, np.insert(times_s[kept], after, middle), thin, high)


def _gaps(times_s: np.ndarray, gap_s: float, most: int) -> np.ndarray:
    """Return the rows after which there is a gap, only the longest if there are many."""
    steps = np.diff(times_s)
    found = np.flatnonzero(steps > gap_s)
    return np.sort(found[np.argsort(-steps[found], kind="stable")][:most])


def _peak(name: str, times_s: np.ndarray, curve: np.ndarray) -> Peak:
    top = int(curve.argmax())
    return Peak(name, float(times_s[top]), float(curve[top]))
