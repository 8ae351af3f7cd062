"""How accuracy grows with the number of faces, and what more of them would bring.

The error of learners falls about as one over the square root of what they learn from (among others Cortes et al.,
"Learning Curves: Asymptotic Values and Rate of Convergence", NeurIPS 1993). Three or four sizes cannot tell more than a
level and a slope, so no exponent is fitted, and the interval matters more than the figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kaoiro.evaluation.progress import followed
from kaoiro.metrics.resampling import drawn_counts
from kaoiro.metrics.temporal import interval

SHARES = (0.25, 0.5, 0.75)
"""Of the groups learned from, beside all of them."""
Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From rows learned from and rows asked to raw outputs (M, K)."""


@dataclass(frozen=True)
class Growth:
    """Accuracy by number of faces learned from.

    Attributes:
        sizes: mean number of faces learned from.
        accuracies: of faces not learned from.
        more: number of further faces.
        gain: accuracy that they would bring, and its interval.
    """

    sizes: tuple[float, ...]
    accuracies: tuple[float, ...]
    more: int
    gain: float
    gain_interval: tuple[float, float]


def grown(
    answer: Answer,
    truth: np.ndarray,
    groups: np.ndarray,
    place: np.ndarray,
    full: np.ndarray,
    more: int,
    seed: int = 0,
    draws: int | None = 2000,
) -> Growth:
    """Measure accuracy with fewer faces, and continue the line.

    Args:
        answer: a candidate.
        truth: (N,) classes.
        groups: (N,) what is never divided.
        place: (N,) fold of each face.
        full: (N, K) raw outputs of the candidate with all faces of the other folds.
        more: number of further faces that is asked about.
        seed: of which groups are left out.
        draws: of groups.
    """
    folds = np.unique(place).tolist()
    tasks = [(share, fold) for share in SHARES for fold in folds]
    hits = {share: np.zeros(len(truth), bool) for share in SHARES}
    sizes = {share: [] for share in SHARES}
    for share, fold in followed(tasks, len(tasks), "sizes"):
        asked, learned = np.flatnonzero(place == fold), _fewer(truth, groups, place != fold, share, seed + fold)
        sizes[share].append(len(learned))
        hits[share][asked] = answer(learned, asked).argmax(axis=1) == truth[asked]
    counts = [*(float(np.mean(sizes[share])) for share in SHARES), float(np.mean([(place != f).sum() for f in folds]))]
    right = np.stack([*hits.values(), full.argmax(axis=1) == truth], axis=1).astype(np.float64)
    return _continued(counts, right, groups, more, draws)


def _fewer(truth: np.ndarray, groups: np.ndarray, rows: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return a share of the groups among rows, at least one group of every label that is there."""
    rng, names = np.random.default_rng(seed), np.unique(groups[rows])
    order = rng.permutation(names)
    kept = set(order[: max(1, round(share * len(names)))].tolist())
    for label in np.unique(truth[rows]):
        having = [name for name in order.tolist() if (truth[rows & (groups == name)] == label).any()]
        if not kept & set(having):
            kept.add(having[0])
    return np.flatnonzero(rows & np.isin(groups, list(kept)))


def _continued(sizes: list[float], right: np.ndarray, groups: np.ndarray, more: int, draws: int | None) -> Growth:
    """Fit accuracy = a + b / sqrt(n) to every draw of groups, and ask it about more faces."""
    x = 1 / np.sqrt(np.array(sizes))
    change = 1 / np.sqrt(sizes[-1] + more) - x[-1]
    slope = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    sums = np.stack([np.bincount(index.ravel(), column, count) for column in right.T], axis=1)
    rows = np.bincount(index.ravel(), minlength=count)
    drawn = [change * ((counts @ sums) / (counts @ rows)[:, None]) @ slope for counts in drawn_counts(count, draws)]
    means = right.mean(axis=0)
    return Growth(
        tuple(sizes), tuple(means.tolist()), more, float(change * (means @ slope)), interval(np.concatenate(drawn))
    )
