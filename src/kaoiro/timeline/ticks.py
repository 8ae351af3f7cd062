"""A recording as equal steps of time: whole ticks, slots of one frame each, and means over windows of slots.

Containers and some interfaces count time in ticks of a timescale. At 29.97 frames a second a frame is 1001 ticks of
1/30000 s; at 25 it is 1000 of 1/25000 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

USUAL_RATE = 25.0
_LEAST_SCALE = 1000
_USUAL = tuple(Fraction(whole) for whole in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240))
_USUAL += tuple(Fraction(1000 * whole, 1001) for whole in (24, 30, 48, 60, 120))
_NEAR = 0.005


@dataclass(frozen=True)
class Ticks:
    """How a recording counts time.

    Attributes:
        timescale: ticks a second.
        frame: ticks between two frames.
    """

    timescale: int
    frame: int

    @classmethod
    def of(cls, rate: float) -> Ticks:
        """Return whole ticks for a number of frames a second; 0 (unknown) counts as `USUAL_RATE`.

        What comes near a usual rate counts as that: containers say 29.87 where the last frame stood longer.
        """
        rate = rate if 0 < rate < 10_000 else USUAL_RATE
        usual = min(_USUAL, key=lambda known: abs(known - rate))
        exact = usual if abs(usual - rate) < _NEAR * rate else Fraction(rate).limit_denominator(1000)
        factor = 1 if exact.numerator >= _LEAST_SCALE else _LEAST_SCALE
        return cls(exact.numerator * factor, exact.denominator * factor)

    def frames(self, seconds: float) -> int:
        """Return how many frames come nearest to a length of time, at least one."""
        return max(1, round(seconds * self.timescale / self.frame))

    def slots(self, times_s: np.ndarray, start_s: float) -> np.ndarray:
        """Return the number of the slot that each time (N,) lies nearest to, from 0."""
        return np.maximum(0, np.rint((times_s - start_s) * self.timescale / self.frame)).astype(np.int64)


def nearest_frames(times_s: np.ndarray, slots: np.ndarray, start_s: float, step_s: float) -> np.ndarray:
    """Return which rows belong to the frame that lies nearest to its slot, (N,) bool.

    Where frames follow faster than slots, several fall into one; only one of them can stand for it.

    Args:
        times_s: (N,) of the rows; the rows of a frame have equal times.
        slots: (N,) of the rows.
        start_s: time of slot 0.
        step_s: between slots.
    """
    distance = np.abs(times_s - start_s - slots * step_s)
    order = np.lexsort((times_s, distance, slots))
    first = np.ones(len(order), bool)
    first[1:] = slots[order][1:] != slots[order][:-1]
    best = dict(zip(slots[order][first].tolist(), times_s[order][first].tolist(), strict=True))
    chosen = np.array([best[slot] for slot in slots.tolist()]) if len(slots) else np.zeros(0)
    return times_s == chosen


@dataclass(frozen=True)
class Window:
    """What the faces of a stretch of time show.

    Attributes:
        shares: (K,) of the faces for which a label is the most probable one; sums to 1.
        means: (K,) probabilities.
    """

    shares: np.ndarray
    means: np.ndarray


def windows(scores: np.ndarray, slots: np.ndarray, length: int, count: int) -> list[Window | None]:
    """Return shares and means over stretches of `length` slots each; None where no face was seen.

    Args:
        scores: (N, K) probabilities of the faces.
        slots: (N,) where each was seen.
        length: slots in a window.
        count: windows.
    """
    order = np.argsort(slots, kind="stable")
    edges = np.searchsorted(slots[order] // length, np.arange(count + 1))
    parts = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [_window(scores[order[first:last]]) if last > first else None for first, last in parts]


def _window(scores: np.ndarray) -> Window:
    tops = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1])
    return Window(tops / len(scores), scores.mean(axis=0))
