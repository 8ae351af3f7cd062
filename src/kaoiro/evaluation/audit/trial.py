"""How good the finding of errors is: labels that are surely right are made wrong, and looked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaoiro.core.labels import FERPLUS_VOTES, Vocabulary
from kaoiro.evaluation.audit.doubts import doubted
from kaoiro.metrics.resampling import interval_of_sums

SHARE = 0.05
"""Of the labels are made wrong."""
LEAST = 50
"""Different pictures that a label needs to be worth a trial."""


def unanimous(truth: np.ndarray, votes: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Return which labels all voters share: (N,) bool."""
    named = np.array(FERPLUS_VOTES.indices(vocabulary.labels))[truth]
    total = votes.sum(axis=1)
    return (votes[np.arange(len(votes)), named] == total) & (total > 0)


def flipped(truth: np.ndarray, share: float = SHARE, seed: int = 0) -> np.ndarray:
    """Return labels of which a share was replaced by another of the labels that occur, each as likely: (N,).

    Args:
        truth: (N,) labels.
        share: of the rows, rounded.
        seed: of the choice.
    """
    rng, labels = np.random.default_rng(seed), np.unique(truth)
    rows = rng.choice(len(truth), round(share * len(truth)), replace=False)
    result = truth.copy()
    place = np.searchsorted(labels, truth[rows])
    result[rows] = labels[(place + rng.integers(1, len(labels), len(rows))) % len(labels)]
    return result


def enough(truth: np.ndarray, groups: np.ndarray) -> bool:
    """Tell whether labels can be flipped and looked for: two of them have `LEAST` different pictures or more."""
    kinds = [len(np.unique(groups[truth == label])) for label in np.unique(truth)]
    return sum(count >= LEAST for count in kinds) >= 2


def tried(
    features: np.ndarray, truth: np.ndarray, groups: np.ndarray, share: float = SHARE, seed: int = 0
) -> dict[str, Any]:
    """Flip labels, look for errors, and tell how many were found.

    Args:
        features: (N, F).
        truth: (N,) labels that are right.
        groups: (N,) copies; intervals draw them together.
        share: of labels that are made wrong.
        seed: of the choice, and of the folds.

    Returns:
        Counts, precision and recall of what is flagged, with 95 % intervals.

    Raises:
        InputError: fewer than two labels have enough pictures.
    """
    given = flipped(truth, share, seed)
    usable = np.ones(len(truth), bool)
    found = doubted(features, given, groups, usable, seed=seed)
    wrong, said = given != truth, np.zeros(len(truth), bool)
    said[found.rows] = True
    right_again = wrong & said & (found.suggested == truth)
    best = np.argsort(np.where(found.judged, found.quality, np.inf), kind="stable")[: int(wrong.sum())]
    return {
        "n": len(truth),
        "flipped": int(wrong.sum()),
        "flagged": int(said.sum()),
        "precision": _ratio(wrong & said, said),
        "interval of precision": _interval(wrong & said, said, groups),
        "recall": _ratio(wrong & said, wrong),
        "interval of recall": _interval(wrong & said, wrong, groups),
        "the right label suggested": _ratio(right_again, wrong & said),
        "precision among as many as were flipped": float(wrong[best].mean()) if len(best) else None,
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> float | None:
    return float(part.sum() / whole.sum()) if whole.any() else None


def _interval(part: np.ndarray, whole: np.ndarray, groups: np.ndarray) -> list[float] | None:
    if not whole.any():
        return None
    columns = np.stack([part, whole], axis=1).astype(np.float64)

    def figure(sums: np.ndarray) -> np.ndarray:
        return np.where(sums[..., 1] > 0, sums[..., 0] / np.maximum(sums[..., 1], 1), np.nan)

    return list(interval_of_sums(columns[whole], figure, groups[whole]))
