"""Order of classes by a measurement, against an order that is expected (Spearman, 1904)."""

from __future__ import annotations

import numpy as np

from kaoiro.metrics.resampling import Figure, Interval, interval_of_sums


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1, equal values sharing the mean of theirs: (..., K) -> (..., K)."""
    smaller = (values[..., :, None] > values[..., None, :]).sum(axis=-1)
    equal = (values[..., :, None] == values[..., None, :]).sum(axis=-1)
    return smaller + (equal + 1) / 2


def rank_correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of values (..., K) with others (K,): (...); NaN where either is constant or NaN."""
    first, second = (ranks(values) - (one.shape[-1] + 1) / 2 for values in (one, other))
    spread = np.sqrt((first**2).sum(axis=-1) * (second**2).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (first * second).sum(axis=-1) / spread
    return np.where(np.isnan(one).any(axis=-1), np.nan, found)


def most(order: np.ndarray) -> float:
    """Return the most that the correlation of untied values with an order (K,) can be: below 1 where that has ties."""
    return float(rank_correlation(np.argsort(np.argsort(order)).astype(np.float64), order))


def mean_order(values: np.ndarray, classes: np.ndarray, order: np.ndarray) -> float:
    """Return the rank correlation of the classes' means with an order; NaN where a class has no values.

    Args:
        values: (N,).
        classes: (N,) int, 0 to K - 1.
        order: (K,) in which the means are expected.
    """
    return float(_figure(order)(_columns(values, classes, len(order)).sum(axis=0)))


def mean_order_interval(
    values: np.ndarray, classes: np.ndarray, order: np.ndarray, groups: np.ndarray, draws: int | None = None
) -> Interval:
    """Return the 95 % interval of `mean_order`; groups (N,) are drawn, `draws` times (None: `resampling.DRAWS`)."""
    return interval_of_sums(_columns(values, classes, len(order)), _figure(order), groups, draws)


def _columns(values: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    shown = np.eye(count)[classes]
    return np.concatenate([shown, shown * values[:, None]], axis=1)


def _figure(order: np.ndarray) -> Figure:
    def figure(sums: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return rank_correlation(sums[..., len(order) :] / sums[..., : len(order)], order)

    return figure
