"""Agreement of continuous measurements with the truth, and how well a score separates two groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kaoiro.core.errors import InputError


def concordance(truth: np.ndarray, answer: np.ndarray) -> float:
    """Return the concordance correlation coefficient (Lin, 1989, Biometrics 45) over all values at once.

    CCC = 2 s_xy / (s_x² + s_y² + (mean x - mean y)²) with moments of 1/n.

    Args:
        truth: (N,).
        answer: (N,).

    Returns:
        -1 to 1; NaN where both are constant and equal.

    Raises:
        InputError: no values, or another number of answers than of true values.
    """
    truth, answer = np.asarray(truth, np.float64), np.asarray(answer, np.float64)
    if truth.shape != answer.shape or truth.ndim != 1 or not len(truth):
        raise InputError(f"cannot compare {answer.shape} answers with {truth.shape} true values")
    covariance = ((truth - truth.mean()) * (answer - answer.mean())).mean()
    spread = truth.var() + answer.var() + (truth.mean() - answer.mean()) ** 2
    return float(2 * covariance / spread) if spread > 0 else float("nan")


def moments(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return n, Σx, Σy, Σx², Σy², Σxy of columns: (N, K) each -> (K, 6); sums of them over groups are those of all.

    `temporal.concordance_of` turns them into the concordance that `concordance` gives.
    """
    x, y = np.asarray(truth, np.float64), np.asarray(answer, np.float64)
    sums = [np.ones_like(x), x, y, x * x, y * y, x * y]
    return np.stack([one.sum(axis=0) for one in sums], axis=-1)


def multitask_score(affect: np.ndarray, expressions: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return P of the ABAW multi-task challenge (Kollias, "ABAW", CVPR Workshops 2022).

    P = mean CCC of valence and arousal + mean F1 of expressions + mean F1 of action units, 0 to 3.

    Args:
        affect: (..., 2) concordances.
        expressions: (...) macro F1.
        units: (...) mean F1.
    """
    return affect.mean(axis=-1) + expressions + units


def area_under_curve(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the probability that a positive scores higher than a negative (ROC AUC; ties count a half).

    Args:
        positive: (N,) bool.
        score: (N,).

    Raises:
        InputError: one of the two groups is empty.
    """
    positive, score = np.asarray(positive, bool), np.asarray(score, np.float64)
    if positive.all() or not positive.any():
        raise InputError("the area under the curve needs cases of both kinds")
    _, group, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]
    wins = ranks[positive].sum() - positive.sum() * (positive.sum() + 1) / 2
    return float(wins / (positive.sum() * (~positive).sum()))


def resampled_interval(
    figure: Callable[[np.ndarray], float], groups: np.ndarray, draws: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of any figure; groups (people, clips) are drawn, not rows.

    Args:
        figure: of the rows whose indices it is given.
        groups: (N,) ids.
        draws: resamples; those in which the figure is not defined are left out.
        seed: of the resampling.
    """
    _, index = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(index == group) for group in range(index.max() + 1)]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        rows = np.concatenate([members[group] for group in rng.integers(0, len(members), len(members))])
        try:
            values.append(figure(rows))
        except InputError:  # a resample without one of the groups
            continue
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
