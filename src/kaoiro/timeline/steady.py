"""Smoothing by presentation time, while records come in: any rate of frames, any gap, bounded memory.

The window is the parabola of `smoothing.parabolic`, as a function of seconds: at 25 frames a second it holds the eleven
frames of SPEC 2.3. Frames further apart than the window stay as they are.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from typing import Generic, Literal, TypeVar

from kaoiro.core.checks import require
from kaoiro.timeline.smoothing import LENGTH

Mode = Literal["none", "causal", "centred"]
MODES: tuple[Mode, ...] = ("none", "causal", "centred")
RATE = 25.0
"""Frames a second at which the window holds `LENGTH` frames."""
HALF_S = (LENGTH + 1) / 2 / RATE
"""Seconds from the middle of the parabola to where it is 0."""
LAG_S = (LENGTH - 1) / 2 / RATE
"""Seconds by which a causal curve trails: the middle of its window lies so far back."""
_MOST = 64  # items that may wait: a window at 240 frames a second
_LEAST_STEP_S = 0.001  # no recording is denser; a stream whose clock creeps may say so
_MICRO = 6  # decimals of a second: as presentation times are written
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Smooth:
    """Values after smoothing.

    Attributes:
        values: weighted means of the window's frames; NaN where none of them has the value.
        support: share of the window in which the face was measured, 0-1: lower at the ends of a track and in gaps.
    """

    values: tuple[float, ...]
    support: float


def weight(ahead_s: float, mode: Mode) -> float:
    """Return how much a measurement counts that lies `ahead_s` seconds after the frame (before: negative).

    Args:
        ahead_s: seconds.
        mode: 'centred' has its middle at the frame, 'causal' `LAG_S` before it and nothing after it.
    """
    if mode == "causal" and ahead_s > 0:
        return 0.0
    offset = ahead_s if mode == "centred" else ahead_s + LAG_S
    return max(0.0, 1 - (offset / HALF_S) ** 2)


class Steady(Generic[Item]):
    """Smooths the tracks of one recording.

    Items (frames, say) go in by `add` and come out in their order, each with its tracks smoothed, as soon as nothing
    that is still to come can change them. At most the items of a window wait, and never more than 64.

    Args:
        mode: 'causal' gives each item back at once; 'centred' after `HALF_S`.

    Raises:
        InputError: another mode.
    """

    def __init__(self, mode: Mode) -> None:
        require(mode in MODES[1:], "smoothing", "causal or centred", mode)
        self._mode: Mode = mode
        self._times: deque[float] = deque()
        self._waiting: deque[tuple[float, Item, Sequence[Hashable]]] = deque()
        self._tracks: dict[Hashable, deque[tuple[float, tuple[float, ...]]]] = {}

    def add(
        self, time_s: float, item: Item, measured: Sequence[tuple[Hashable, tuple[float, ...]]]
    ) -> Iterator[tuple[Item, list[Smooth]]]:
        """Take an item and yield those that are finished.

        Args:
            time_s: presentation time, seconds. Where it falls back by more than a window, a recording was joined to
                another, and everything begins anew; a smaller fall counts as standing still.
            item: comes back as it is.
            measured: track and values of each face in it; a value that is NaN has no weight.

        Yields:
            An item, and one `Smooth` for each of its faces, in their order.
        """
        last = self._times[-1] if self._times else time_s
        if time_s < last - (HALF_S + LAG_S):
            yield from self.finish()
            self._times.clear()
            self._tracks.clear()
        else:
            time_s = max(time_s, last)
        self._times.append(time_s)
        for track, values in measured:
            self._tracks.setdefault(track, deque()).append((time_s, values))
        self._waiting.append((time_s, item, [track for track, _ in measured]))
        ready = time_s if self._mode == "causal" else time_s - HALF_S
        if len(self._waiting) > _MOST:  # a clock that stands still
            ready = max(ready, self._waiting[0][0])
        yield from self._until(ready)
        self._forget(time_s)

    def finish(self) -> Iterator[tuple[Item, list[Smooth]]]:
        """Yield the items that were still waiting."""
        yield from self._until(math.inf)

    def _until(self, ready_s: float) -> Iterator[tuple[Item, list[Smooth]]]:
        while self._waiting and self._waiting[0][0] <= ready_s:
            time_s, item, tracks = self._waiting.popleft()
            yield item, [self._smooth(track, time_s) for track in tracks]

    def _smooth(self, track: Hashable, time_s: float) -> Smooth:
        """Return the weighted mean; exact sums, so that a reversed recording gives exactly the reversed curve."""
        near = [
            (share, values)
            for at, values in self._tracks[track]
            if (share := weight(round(at - time_s, _MICRO), self._mode)) > 0
        ]
        shares = [share for share, _ in near]
        total = math.fsum(shares)
        columns = zip(*(values for _, values in near), strict=True)
        means = tuple(_mean(shares, column, total) for column in columns)
        return Smooth(means, round(min(1.0, total / self._full()), 2))

    def _full(self) -> float:
        """Return the sum of all weights if the face had been measured at the usual distance throughout the window."""
        steps = sorted(after - before for before, after in pairwise(self._times) if after > before)
        step = max(_LEAST_STEP_S, steps[len(steps) // 2]) if steps else 1 / RATE
        count = math.ceil((HALF_S + LAG_S) / step)
        return math.fsum(weight(k * step, self._mode) for k in range(-count, count + 1))

    def _forget(self, now_s: float) -> None:
        """Let go of what no item can reach that waits or comes."""
        oldest = (self._waiting[0][0] if self._waiting else now_s) - HALF_S
        oldest -= LAG_S if self._mode == "causal" else 0.0
        while len(self._times) > 2 and (self._times[1] < oldest or len(self._times) > 2 * _MOST):
            self._times.popleft()
        for track in list(self._tracks):
            rows = self._tracks[track]
            while rows and (rows[0][0] < oldest or len(rows) > 2 * _MOST):
                rows.popleft()
            if not rows:
                del self._tracks[track]


def _mean(shares: Sequence[float], column: Sequence[float], total: float) -> float:
    """Return the mean of the values that are no NaN, weighted by shares that sum to `total`; NaN if all are."""
    mean = math.fsum(map(mul, shares, column)) / total
    if not math.isnan(mean):
        return mean
    known = [(share, value) for share, value in zip(shares, column, strict=True) if not math.isnan(value)]
    weights = math.fsum(share for share, _ in known)
    return math.fsum(share * value for share, value in known) / weights if known else math.nan


def steady(
    items: Iterable[tuple[float, Item, Sequence[tuple[Hashable, tuple[float, ...]]]]], mode: Mode
) -> Iterator[tuple[Item, list[Smooth]]]:
    """Yield items with their tracks smoothed, as `Steady` does."""
    smoother: Steady[Item] = Steady(mode)
    for time_s, item, measured in items:
        yield from smoother.add(time_s, item, measured)
    yield from smoother.finish()
