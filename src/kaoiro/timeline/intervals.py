"""Intervals of means over a recording, by drawing blocks of seconds instead of single samples.

Samples half a second apart tell nearly the same, so that a recording is worth far fewer independent ones than it has,
and an interval as of independent samples would be several times too narrow. Blocks longer than the memory of the face
keep it inside them. They are drawn on the circle: the end of the recording is followed by its start, so that every
sample is drawn equally often and draws scatter about the mean itself.

How long a block should be follows from the autocorrelation: automatically by Politis and White, at least 5 s and at
most 10 s unless told otherwise (SPEC 1.6 and 6.3). Where the automatic length exceeds the limit, `cut` says so: the
intervals are then somewhat too narrow, and longer limits are worth a try.

The recording is laid out in cells of equal length, which hold the sums of its samples; missing ones leave their cell
empty, and a draw's mean is the sum of its values by the sum of its weights. A block is a difference of running sums, so
that no drawn recording is ever written down. What a recording never showed no draw of it can show: where a column
does not change, its interval has no length, which is not to be taken for certainty.

Source: moving blocks: Künsch (1989), Annals of Statistics 17; on the circle: Politis and Romano (1992); length: Politis
and White (2004), Econometric Reviews 23, corrected by Patton, Politis and White (2009), Econometric Reviews 28; wider
quantiles where blocks are few: Hesterberg (2015), The American Statistician 69.
Legend: T samples, L columns, n cells, D draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from kaoiro.core.checks import at_least, positive, require
from kaoiro.core.errors import InputError
from kaoiro.timeline.sampled import MOST, increasing
from kaoiro.timeline.shares import weighed
from kaoiro.timeline.student import reach

CELL_S = 0.5
"""Seconds of a cell, unless samples are further apart."""
_CELLS = 4_000_000  # numbers of drawn blocks that are held at a time
_TINY = 1e-6


@dataclass(frozen=True)
class Blocks:
    """How intervals are drawn.

    Attributes:
        shortest_s: least length of a block, seconds.
        longest_s: greatest length of a block; equal to `shortest_s` fixes it.
        least: blocks that the time seen must make up; of less, no interval is given.
        draws: of the recording.
        level: share of the draws that an interval holds, 0-1.

    Raises:
        InputError: impossible lengths, numbers or level.
    """

    shortest_s: float = 5.0
    longest_s: float = 10.0
    least: int = 10
    draws: int = 2000
    level: float = 0.95

    def __post_init__(self) -> None:
        positive("shortest block", self.shortest_s, "seconds")
        wish = f"{self.shortest_s} s or more, and finite"
        require(self.shortest_s <= self.longest_s < math.inf, "longest block", wish, self.longest_s)
        at_least("number of blocks", 2, self.least)
        at_least("number of draws", 2, self.draws)
        require(0 < self.level < 1, "level of an interval", "between 0 and 1", self.level)


USUAL = Blocks()


def fitting(blocks: Blocks, seen_s: float) -> Blocks:
    """Return blocks that are no longer than so that `least` of them make up the time seen.

    Longer ones than the usual would leave a short recording without intervals; down to the usual length, which counts
    for what is too short for any, they are cut instead.
    """
    most = max(seen_s / blocks.least, USUAL.longest_s)
    return blocks if blocks.longest_s <= most else replace(blocks, longest_s=max(most, blocks.shortest_s))


@dataclass(frozen=True, eq=False)
class Intervals:
    """Means with what a recording of this length can tell about them.

    Attributes:
        mean: (L,) in the units of the columns; NaN where nothing was seen.
        low, high: (L,) ends of the interval; NaN where `enough` is false.
        sd: (L,) standard deviation of the drawn means; NaN likewise.
        enough: (L,) bool, whether enough was seen for an interval.
        seen_s: (L,) seconds in which something was seen.
        block_s: seconds of a block, the same for all columns, so that they are drawn together.
        wished_s: (L,) automatic length for each column, before the limits; `block_s` follows the longest.
        cut: (L,) bool, whether the automatic length exceeds the limit: the interval is too narrow.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sd: np.ndarray
    enough: np.ndarray
    seen_s: np.ndarray
    block_s: float
    wished_s: np.ndarray
    cut: np.ndarray


def intervals(
    values: np.ndarray, times_s: np.ndarray, weights: np.ndarray | None = None, blocks: Blocks = USUAL, seed: int = 0
) -> Intervals:
    """Return the means of columns with their intervals.

    Any mean over a recording will do: of probabilities, of changes from rest, of 1 where a label is the likeliest and 0
    elsewhere.

    Args:
        values: (T, L); each NaN is missing.
        times_s: (T,) seconds, increasing; samples that are missing at the ends belong to the recording.
        weights: (T,) of the samples, see `sampled`; None counts all the same.
        blocks: how they are drawn.
        seed: of the draws.

    Raises:
        InputError: shapes that do not agree, times that do not increase, or weights below 0.
    """
    cells = _cells(*_read(values, times_s, weights))
    columns = cells.mass.shape[1]
    wished = block_lengths(cells.means()) * cells.length_s
    block_s = min(max(wished.max(initial=0.0), blocks.shortest_s), blocks.longest_s)
    block = max(1, math.ceil(block_s / cells.length_s - _TINY))
    seen = (cells.mass > 0).sum(axis=0)
    enough = seen >= blocks.least * block
    low, high, sd = (np.full(columns, np.nan) for _ in range(3))
    if enough.any():
        sums = np.concatenate([cells.sums[:, enough], cells.mass[:, enough]], axis=1)
        means = _ratio(*np.split(np.concatenate(list(_drawn(sums, block, blocks.draws, seed))), 2, axis=1))
        low[enough], high[enough] = _ends(means, blocks.level, seen[enough] // block)
        sd[enough] = np.nanstd(means, axis=0)
    mean = _ratio(cells.sums.sum(axis=0), cells.mass.sum(axis=0))
    cut = wished > blocks.longest_s + _TINY
    return Intervals(mean, low, high, sd, enough, seen * cells.length_s, block * cells.length_s, wished, cut)


def block_lengths(series: np.ndarray) -> np.ndarray:
    """Return the length of blocks on a circle with which the variance of the mean is estimated best.

    b = (2 G² / D)^(1/3) n^(1/3), G = Σ λ(k/M) |k| γ_k and D = 4/3 (Σ λ(k/M) γ_k)² over lags |k| <= M, with the flat-top
    window λ(x) = min(1, 2 (1 - |x|)); M is twice the lag after which autocorrelations stay within ±2 √(log10 n / n) for
    five lags or more (Politis and White, 2004, footnote c; D as corrected by Patton, Politis and White, 2009).

    Args:
        series: (n, L); NaN is missing, and left out of every product.

    Returns:
        (L,) samples, 1 or more; 1 where a column does not change.

    Raises:
        InputError: not a table.
    """
    table = np.asarray(series, np.float64)
    if table.ndim != 2:
        raise InputError(f"series must have shape (samples, columns), not {table.shape}")
    return np.array([_block_length(column) for column in table.T])


def _block_length(series: np.ndarray) -> float:
    count = len(series)
    calm = max(5, math.ceil(math.log10(count))) if count else 0
    most = min(math.ceil(math.sqrt(count)) + calm, count - 1)
    products = _autocovariances(series, most)
    if most < 2 or not products[0] > 0:
        return 1.0
    large = np.abs(products[1:] / products[0]) >= 2 * math.sqrt(math.log10(count) / count)
    span = min(2 * max(1, _last_large(large, calm)), most)
    lags = np.arange(1, span + 1)
    window = np.minimum(1, 2 * (1 - lags / span)) * products[lags]
    slope, spread = 2 * float((lags * window).sum()), products[0] + 2 * float(window.sum())
    longest = math.ceil(min(3 * math.sqrt(count), count / 3))
    if spread**2 * longest**3 <= 1.5 * slope**2 * count:
        return float(longest)
    return max(1.0, (1.5 * slope**2 / spread**2 * count) ** (1 / 3))


def _last_large(large: np.ndarray, calm: int) -> int:
    """Return the first lag from 0 after which `calm` autocorrelations are small, else the last large one."""
    found = np.concatenate([[0], np.flatnonzero(large) + 1])
    steps = np.diff(np.append(found, len(large) + 1))
    quiet = found[steps > calm]
    return int(quiet[0]) if len(quiet) else int(found[-1])


def _autocovariances(series: np.ndarray, most: int) -> np.ndarray:
    """Return γ_k of lags 0 to `most`: mean products of the pairs that were seen, times (n - k) / n."""
    seen = np.isfinite(series)
    if not seen.any():
        return np.zeros(most + 1)
    off = np.where(seen, series - series[seen].mean(), 0.0)
    count = len(series)
    sums = np.array([off[: count - lag] @ off[lag:] for lag in range(most + 1)])
    pairs = np.array([np.count_nonzero(seen[: count - lag] & seen[lag:]) for lag in range(most + 1)])
    return sums / np.maximum(1, pairs) * (1 - np.arange(most + 1) / count)


@dataclass(frozen=True, eq=False)
class _Cells:
    """A recording in cells: sums of weights × values and of weights, (n, L) each, and the length of a cell, seconds."""

    sums: np.ndarray
    mass: np.ndarray
    length_s: float

    def means(self) -> np.ndarray:
        """Return the mean of each cell, (n, L); NaN where it is empty."""
        return _ratio(self.sums, self.mass)


def _cells(table: np.ndarray, times_s: np.ndarray, weights: np.ndarray) -> _Cells:
    length_s = max(CELL_S, float(np.median(np.diff(times_s)))) if len(times_s) > 1 else CELL_S
    places = (times_s - times_s[:1]) / length_s + _TINY
    require(
        places.max(initial=0) < MOST,
        "length of a recording",
        f"at most {MOST} cells of {length_s} s",
        places.max(initial=0),
    )
    places = places.astype(np.int64)
    seen = np.isfinite(table)
    sums, mass = (np.zeros((places.max(initial=-1) + 1, table.shape[1])) for _ in range(2))
    np.add.at(sums, places, weights[:, None] * np.where(seen, table, 0.0))
    np.add.at(mass, places, weights[:, None] * seen)
    return _Cells(sums, mass, length_s)


def _drawn(sums: np.ndarray, block: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yield sums over drawn recordings, (d, K), of cells (n, K): whole blocks, and a shorter one for what is left."""
    rng, count = np.random.default_rng(seed), len(sums)
    whole, rest = divmod(count, block)
    running = np.concatenate([np.zeros((1, sums.shape[1])), np.cumsum(np.concatenate([sums, sums[:block]]), axis=0)])
    long, short = (running[size : size + count] - running[:count] for size in (block, rest))
    portion = max(1, _CELLS // ((whole + 1) * sums.shape[1]))
    for first in range(0, draws, portion):
        starts = rng.integers(0, count, (min(portion, draws - first), whole + 1))
        yield long[starts[:, 1:]].sum(axis=1) + short[starts[:, 0]]


def _ends(means: np.ndarray, level: float, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals, (L,) each, of drawn means (D, L) that come from so many blocks (L,)."""
    tails = [_tail(level, one) for one in blocks.tolist()]
    ends = [np.nanquantile(column, (tail, 1 - tail)) for column, tail in zip(means.T, tails, strict=True)]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


def _tail(level: float, blocks: int) -> float:
    """Return the share of draws beyond either end: smaller than (1 - level) / 2 as blocks are few (Hesterberg)."""
    return NormalDist().cdf(-reach(level, blocks - 1) * math.sqrt(blocks / (blocks - 1)))


def _read(
    values: np.ndarray, times_s: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table, times_s = np.asarray(values, np.float64), np.asarray(times_s, np.float64)
    if table.ndim != 2 or times_s.shape != (len(table),):
        shapes = f"{table.shape} and {times_s.shape}"
        raise InputError(f"values (samples, columns) and times (samples,) must agree, not {shapes}")
    return table, increasing(times_s), weighed(weights, len(table))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
