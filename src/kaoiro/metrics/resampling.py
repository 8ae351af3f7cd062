"""Bootstrap intervals of 10,000 draws in a second: draws count how often each group occurs instead of copying rows.

Groups (people, clips, identical images) are drawn, not rows. Whatever follows from sums over rows needs one product of
draws and groups; the area under the curve, which does not, needs one of draws and pairs of groups, or of rows where
there are many groups.
Legend: N rows, G groups, D draws, K sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.metrics.temporal import concordance_of, counted, interval

DRAWS = 10_000
"""Resamples of an interval (SPEC 1.6)."""
_CELLS = 1_000_000  # of draws and rows that are held at a time
_FEW = 400  # groups up to which pairs of them are fewer than rows by draws
Figure = Callable[[np.ndarray], np.ndarray]
"""From sums (..., K) to the figure (...); NaN where it is not defined."""
Interval = tuple[float, float]


def interval_of_sums(columns: np.ndarray, figure: Figure, groups: np.ndarray, draws: int | None = None) -> Interval:
    """Return the 95 % interval of a figure that follows from sums over rows; NaN where no draw defines it.

    Args:
        columns: (N, K), what is summed up.
        figure: from the K sums.
        groups: (N,) ids of what is drawn.
        draws: None is `DRAWS`.

    Raises:
        InputError: no rows, or another number of groups than of rows.
    """
    sums = _by_group(columns, groups)
    return interval(np.concatenate([figure(counts @ sums) for counts in _drawn(len(sums), len(sums), draws)]))


def drawn_sums(columns: np.ndarray, groups: np.ndarray, draws: int | None = None) -> np.ndarray:
    """Return sums over rows in every draw of groups, (D, K); arguments and errors as of `interval_of_sums`."""
    sums = _by_group(columns, groups)
    return np.concatenate([counts @ sums for counts in _drawn(len(sums), len(sums), draws)])


def drawn_below(values: np.ndarray, limits: np.ndarray, groups: np.ndarray, draws: int | None = None) -> np.ndarray:
    """Return how many rows lie at or below each limit in every draw of groups, (D, K, L).

    Args:
        values: (N, K); infinity is a row that is never counted.
        limits: (L,), rising.
        groups: (N,) ids of what is drawn.
        draws: None is `DRAWS`.

    Raises:
        InputError: no rows, or another number of groups than of rows.
    """
    index = _index(groups, len(values))
    count = index.max() + 1
    orders = np.argsort(values, axis=0)
    ends = np.stack([np.searchsorted(np.sort(column), limits, side="right") for column in values.T])

    def counted_below(weights: np.ndarray) -> np.ndarray:
        sums = [np.cumsum(weights[:, order], axis=1) for order in orders.T]
        first = np.zeros((len(weights), 1))
        return np.stack([np.concatenate([first, one], axis=1)[:, end] for one, end in zip(sums, ends, strict=True)], 1)

    return np.concatenate([counted_below(counts[:, index]) for counts in _drawn(count, len(values), draws)])


def _by_group(columns: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return sums over the rows of each group: (N, K) -> (G, K)."""
    index = _index(groups, len(columns))
    sums = np.zeros((index.max() + 1, columns.shape[1]))
    np.add.at(sums, index, columns)
    return sums


def mean_interval(values: np.ndarray, groups: np.ndarray, draws: int | None = None) -> Interval:
    """Return the interval of the mean of values (N,); arguments and errors as of `interval_of_sums`."""
    columns = np.stack([np.ones(len(values)), values], axis=1)
    return interval_of_sums(columns, lambda sums: _ratio(sums[..., 1], sums[..., 0]), groups, draws)


def concordance_interval(
    truth: np.ndarray, answer: np.ndarray, groups: np.ndarray, draws: int | None = None
) -> Interval:
    """Return the interval of Lin's concordance of two columns (N,); the rest as of `interval_of_sums`."""
    x, y = np.asarray(truth, np.float64), np.asarray(answer, np.float64)
    columns = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    return interval_of_sums(columns, concordance_of, groups, draws)


def f1_interval(truth: np.ndarray, answer: np.ndarray, groups: np.ndarray, draws: int | None = None) -> Interval:
    """Return the interval of F1, or of the mean F1 of U labels; the rest as of `interval_of_sums`.

    Args:
        truth: (N,) or (N, U) bool.
        answer: likewise.
        groups: (N,) ids of what is drawn.
        draws: None is `DRAWS`.
    """
    pairs = (np.asarray(one, bool).reshape(len(groups), -1) for one in (truth, answer))
    there, said = pairs
    columns = np.concatenate([there & said, there.astype(int) + said], axis=1).astype(np.float64)
    count = there.shape[1]

    def figure(sums: np.ndarray) -> np.ndarray:
        return (2 * sums[..., :count] / np.maximum(1, sums[..., count:])).mean(axis=-1)

    return interval_of_sums(columns, figure, groups, draws)


def effect_interval(differences: np.ndarray, draws: int | None = None) -> Interval:
    """Return the interval of the paired effect size, mean by standard deviation (1/(n-1)), of differences (N,)."""
    columns = np.stack([np.ones(len(differences)), differences, differences**2], axis=1)

    def figure(sums: np.ndarray) -> np.ndarray:
        n, total, squares = np.moveaxis(sums, -1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.sqrt(np.maximum(0, squares - total**2 / n) / (n - 1))
        return _ratio(total / n, spread)

    return interval_of_sums(columns, figure, np.arange(len(differences)), draws)


def area_interval(positive: np.ndarray, score: np.ndarray, groups: np.ndarray, draws: int | None = None) -> Interval:
    """Return the interval of the area under the curve; draws without one of the kinds are left out.

    Args:
        positive: (N,) bool.
        score: (N,); ties count a half.
        groups: (N,) ids of what is drawn.
        draws: None is `DRAWS`.

    Raises:
        InputError: no rows, or another number of groups than of rows.
    """
    return interval(drawn_areas(positive, score, groups, draws))


def drawn_areas(positive: np.ndarray, score: np.ndarray, groups: np.ndarray, draws: int | None = None) -> np.ndarray:
    """Return the area under the curve in every draw of groups, (D,); NaN in draws without one of the kinds.

    The same draws for every score of the same rows: the difference between two of them is paired. Arguments and errors
    as of `area_interval`.
    """
    index = _index(groups, len(score))
    count = index.max() + 1
    if count <= _FEW:
        wins = _wins(np.asarray(positive, bool), np.asarray(score), index, count)
        pairs = np.outer(*(np.bincount(index[rows], minlength=count) for rows in (positive, ~positive)))
        values = [
            _ratio(np.einsum("dg,dg->d", counts @ wins, counts), np.einsum("dg,dg->d", counts @ pairs, counts))
            for counts in _drawn(count, count, draws)
        ]
    else:
        area = _weighted_area(np.asarray(positive, bool), np.asarray(score))
        values = [area(counts[:, index]) for counts in _drawn(count, len(score), draws)]
    return np.concatenate(values)


def _wins(positive: np.ndarray, score: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """Return how often positives of a group score higher than negatives of another: (G, G); ties count a half."""
    result = np.zeros((count, count))
    for group in range(count):
        below = np.sort(score[(index == group) & ~positive])
        found = (np.searchsorted(below, score[positive], side) for side in ("left", "right"))
        np.add.at(result[:, group], index[positive], sum(found) / 2)
    return result


def _weighted_area(positive: np.ndarray, score: np.ndarray) -> Figure:
    """Return the area under the curve as a figure of weights (D, N)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(score[order]) != 0]))
    there = positive[order]

    def figure(weights: np.ndarray) -> np.ndarray:
        inside = weights[:, order]
        higher, lower = (np.add.reduceat(inside * kind, starts, axis=1) for kind in (there, ~there))
        won = (higher * (np.cumsum(lower, axis=1) - lower / 2)).sum(axis=1)
        return _ratio(won, higher.sum(axis=1) * lower.sum(axis=1))

    return figure


def _index(groups: np.ndarray, rows: int) -> np.ndarray:
    if not rows or len(groups) != rows:
        raise InputError(f"cannot draw {len(groups)} groups of {rows} rows")
    return np.unique(groups, return_inverse=True)[1].ravel()


def drawn_counts(groups: int, draws: int | None = None) -> Iterator[np.ndarray]:
    """Yield how often each group was drawn, (d, G) float64, the same every time; `draws` (None: `DRAWS`) in all."""
    return _drawn(groups, groups, draws)


def _drawn(groups: int, width: int, draws: int | None) -> Iterator[np.ndarray]:
    """Yield how often each group was drawn, (d, G) float64, in portions of which d times `width` cells fit in memory.

    The same draws for every figure of the same groups.
    """
    total, rng = DRAWS if draws is None else draws, np.random.default_rng(0)
    portion = max(1, _CELLS // width)
    for start in range(0, total, portion):
        rows = rng.integers(0, groups, (min(portion, total - start), groups))
        yield counted(rows, groups).astype(np.float64)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
