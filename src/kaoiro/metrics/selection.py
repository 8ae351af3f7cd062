"""Which of several candidates to take by cross-validation, and how good that choice is.

The best of several figures flatters: it is the best partly by chance. Tsamardinos, Greasidou and Borboudakis,
"Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation" (Machine Learning 107, 2018),
correct that without training anything anew: groups of rows are drawn, the choice is made on those drawn, and the
candidate chosen is judged on those left out.
Legend: N rows, G groups, S candidates (the first is what there was before), D draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.metrics.resampling import drawn_counts
from kaoiro.metrics.temporal import interval

Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Candidates:
    """What candidates answered about rows that they had not learned from.

    Attributes:
        losses: (S, N) of each answer, lower is better; the first candidate is what there was before.
        hits: (S, N) bool, whether each answer is right.
        groups: (N,) ids of what belongs together (a person, copies of a picture).
    """

    losses: np.ndarray
    hits: np.ndarray
    groups: np.ndarray

    def __post_init__(self) -> None:
        if self.losses.ndim != 2 or self.losses.shape != self.hits.shape or not self.losses.size:
            raise InputError(f"losses and hits must both be (S, N): {self.losses.shape} and {self.hits.shape}")
        if not np.isfinite(self.losses).all():
            raise InputError("losses must be finite")


@dataclass(frozen=True)
class Choice:
    """The candidate taken, and what to expect of it.

    Attributes:
        place: of the candidate; 0 is what there was before.
        before: accuracy of the first candidate, and its interval.
        after: accuracy to expect of the candidate taken, corrected for the choice, and its interval.
        gain: how much more that is, and its interval.
        taken: share of the draws in which each candidate was taken: (S,).
    """

    place: int
    before: float
    before_interval: Interval
    after: float
    after_interval: Interval
    gain: float
    gain_interval: Interval
    taken: tuple[float, ...]


def choose(candidates: Candidates, draws: int | None = None) -> Choice:
    """Take the candidate with the lowest loss that is surely no worse than what there was before.

    A candidate counts if its loss is lower than that of the first one, and its accuracy higher, each by more than a
    standard error over groups; if none does, the first one stays.

    Args:
        candidates: their answers.
        draws: of groups; None is 10,000.

    Raises:
        InputError: fewer groups than two.
    """
    names, index = np.unique(candidates.groups, return_inverse=True)
    if len(names) < 2:
        raise InputError("a choice needs two groups of rows (people, different pictures) or more")
    sums = _Sums(candidates, index.ravel(), len(names))
    place = int(sums.pick(np.ones((1, len(names))))[0])
    after, gain, first, picks = [], [], [], []
    for counts in drawn_counts(len(names), draws):
        picked = sums.pick(counts)
        own, start = sums.accuracy(counts == 0, picked)
        after.append(own)
        gain.append(own - start)
        first.append(sums.accuracy(counts, np.zeros(len(counts), np.int64))[1])
        picks.append(picked)
    taken = np.bincount(np.concatenate(picks), minlength=len(candidates.losses)) / sum(map(len, picks))
    return Choice(
        place,
        float(candidates.hits[0].mean()),
        interval(np.concatenate(first)),
        float(np.nanmean(np.concatenate(after))),
        interval(np.concatenate(after)),
        float(np.nanmean(np.concatenate(gain))),
        interval(np.concatenate(gain)),
        tuple(taken.tolist()),
    )


def _surely(counts: np.ndarray, better: np.ndarray) -> np.ndarray:
    """Return whether a gain, summed over groups (G, S), is more than its standard error in each draw: (D, S)."""
    total, squares, drawn = counts @ better, counts @ better**2, counts.sum(axis=1, keepdims=True)
    return total > np.sqrt(np.maximum(0, squares - total**2 / drawn))


class _Sums:
    """Sums over the rows of each group: sizes (G,), losses and hits (G, S)."""

    def __init__(self, candidates: Candidates, index: np.ndarray, count: int) -> None:
        self.sizes = np.bincount(index, minlength=count).astype(np.float64)
        self.losses, self.hits = (
            np.stack([np.bincount(index, row, count) for row in rows.astype(np.float64)], axis=1)
            for rows in (candidates.losses, candidates.hits)
        )

    def pick(self, counts: np.ndarray) -> np.ndarray:
        """Return the candidate taken where groups count several times: (D, G) -> (D,)."""
        sure = _surely(counts, self.losses[:, :1] - self.losses) & _surely(counts, self.hits - self.hits[:, :1])
        sure[:, 0] = True
        return np.where(sure, counts @ self.losses, np.inf).argmin(axis=1)

    def accuracy(self, counts: np.ndarray, picked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the accuracy of the picked candidates and of the first one: (D,); NaN without rows."""
        counts = counts.astype(np.float64)
        rows, hits = counts @ self.sizes, counts @ self.hits
        shares = np.where(rows[:, None] > 0, hits / np.maximum(rows[:, None], 1), np.nan)
        return shares[np.arange(len(picked)), picked], shares[:, 0]
