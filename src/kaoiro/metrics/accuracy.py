"""Accuracy of classes."""

from __future__ import annotations

import numpy as np

from kaoiro.core.errors import InputError


def confusion(truth: np.ndarray, guess: np.ndarray, classes: int) -> np.ndarray:
    """Return counts, (classes, classes) int64: row = truth, column = guess.

    Raises:
        InputError: a class outside 0 to classes - 1, or another number of guesses than of true classes.
    """
    truth, guess = _checked(truth, classes, "true"), _checked(guess, classes, "answered")
    if truth.shape != guess.shape:
        raise InputError(f"{len(guess)} answers for {len(truth)} true classes")
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def _checked(values: np.ndarray, classes: int, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.size and not (values.dtype.kind in "iu" and values.min() >= 0 and values.max() < classes):
        raise InputError(
            f"{name} classes must be whole numbers of 0 to {classes - 1}: {values.min()} to {values.max()}"
        )
    return values.astype(np.int64)


def accuracy(counts: np.ndarray) -> float:
    """Return the share of right answers (micro accuracy, WAR); NaN without data."""
    total = counts.sum()
    return float(np.trace(counts) / total) if total else float("nan")


def recalls(counts: np.ndarray) -> np.ndarray:
    """Return the recall of each class, NaN for classes without data."""
    support = counts.sum(axis=1)
    return np.where(support > 0, np.diag(counts) / np.maximum(support, 1), np.nan)


def precisions(counts: np.ndarray) -> np.ndarray:
    """Return the precision of each class, NaN for classes that were never answered."""
    answered = counts.sum(axis=0)
    return np.where(answered > 0, np.diag(counts) / np.maximum(answered, 1), np.nan)


def f1_scores(counts: np.ndarray) -> np.ndarray:
    """Return F1 = 2·hits / (support + answered) of each class, NaN where both are 0."""
    total = counts.sum(axis=1) + counts.sum(axis=0)
    return np.where(total > 0, 2 * np.diag(counts) / np.maximum(total, 1), np.nan)


def weighted_f1(counts: np.ndarray) -> np.ndarray:
    """Return the mean F1 over classes, weighted by support: (..., K, K) counts -> (...); NaN without data."""
    support = counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (support * np.nan_to_num(_f1_of_each(counts))).sum(axis=-1) / support.sum(axis=-1)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Return the mean F1 over classes that occur or are answered: (..., K, K) counts -> (...); NaN without data."""
    scores = _f1_of_each(counts)
    known = ~np.isnan(scores)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, scores, 0).sum(axis=-1) / known.sum(axis=-1)


def _f1_of_each(counts: np.ndarray) -> np.ndarray:
    """Return what `f1_scores` does, of stacks of counts: (..., K, K) -> (..., K)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    total = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def macro_recall(counts: np.ndarray) -> float:
    """Return the mean recall over classes that occur (UAR, balanced accuracy); NaN without data."""
    values = recalls(counts)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def bootstrap_interval(
    right: np.ndarray, groups: np.ndarray | None = None, draws: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean of 0/1 values.

    Args:
        right: (N,) bool.
        groups: (N,) ids that are resampled together (identical images, clips); None resamples rows.
        draws: resamples.
        seed: of the resampling.

    Raises:
        InputError: no values.
    """
    right = np.asarray(right, np.float64)
    if not len(right):
        raise InputError("no answers to resample")
    index = np.arange(len(right)) if groups is None else np.unique(groups, return_inverse=True)[1]
    hits, sizes = np.bincount(index, right), np.bincount(index)
    rng = np.random.default_rng(seed)
    means = np.empty(draws)
    for start in range(0, draws, 200):
        rows = rng.integers(0, len(sizes), (min(200, draws - start), len(sizes)))
        means[start : start + len(rows)] = hits[rows].sum(axis=1) / sizes[rows].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
