"""How good generated faces are: nearness to real ones, variety, copies, and whether they show what they were asked for.

All figures compare features (N, F) of pictures, whatever network gave them; name that network beside the figure. None
of them is the published FID, which is defined by one network of photographs of everything (Inception).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.condition import CONDITION, columns
from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, MULTITASK_UNITS, UNITS_HEAD
from kaoiro.metrics.agreement import concordance

_ROWS = 512  # of a table of distances that are held at a time


def frechet_distance(real: np.ndarray, made: np.ndarray) -> float:
    """Return the squared Fréchet distance of the Gaussians with the moments of two sets of features.

    ‖μ - m‖² + tr(Σ + S - 2 (ΣS)^½) (Dowson and Landau, 1982; Heusel et al., NIPS 2017, eq. 6), moments of 1/n.

    Args:
        real: (N, F).
        made: (M, F).

    Raises:
        InputError: fewer than two rows, or features of different networks.
    """
    real, made = _checked(real, made)
    first, second = np.cov(real.T, bias=True), np.cov(made.T, bias=True)
    first, second = np.atleast_2d(first), np.atleast_2d(second)
    root = _root(first)
    crossed = np.linalg.eigvalsh(root @ second @ root).clip(min=0)
    apart = real.mean(axis=0) - made.mean(axis=0)
    return max(0.0, float(apart @ apart + np.trace(first) + np.trace(second) - 2 * np.sqrt(crossed).sum()))


def _root(matrix: np.ndarray) -> np.ndarray:
    """Return the symmetric square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def precision_recall(real: np.ndarray, made: np.ndarray, neighbours: int = 3) -> tuple[float, float]:
    """Return improved precision and recall (Kynkäänniemi et al., NeurIPS 2019, eq. 1-2).

    A set's region is the union of balls around its points that reach to the k-th nearest other point of the set.
    Precision is the share of generated points in the region of the real ones, recall the reverse. Compare sets of one
    size only: both figures grow with the number of points.

    Args:
        real: (N, F).
        made: (M, F).
        neighbours: k.

    Raises:
        InputError: no more rows than `neighbours`, or features of different networks.
    """
    real, made = _checked(real, made, neighbours + 1)
    return within(made, real, neighbours), within(real, made, neighbours)


def within(points: np.ndarray, others: np.ndarray, neighbours: int = 3) -> float:
    """Return the share of `points` (N, F) in the region of `others` (M, F), as `precision_recall` defines it.

    Raises:
        InputError: no more others than `neighbours`, or features of different networks.
    """
    points, others = _checked(points, others, 1)
    if len(others) <= neighbours:
        raise InputError(f"{len(others)} rows have no {neighbours} neighbours each")
    reach = np.concatenate([np.partition(row, neighbours, axis=1)[:, neighbours] for row in _apart(others, others)])
    reach = reach * (1 + 1e-9) + 1e-9  # equal points are 1e-13 apart, for the distances are computed from squares
    inside = [(row <= reach).any(axis=1) for row in _apart(points, others)]
    return float(np.concatenate(inside).mean())


def nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distance of each point (N, F) to the nearest of `others` (M, F): (N,)."""
    points, others = _checked(points, others, 1)
    return np.sqrt(np.concatenate([row.min(axis=1) for row in _apart(points, others)]))


def _apart(points: np.ndarray, others: np.ndarray):
    """Yield squared distances (at most _ROWS, M) of some rows after others."""
    norms = (others**2).sum(axis=1)
    for start in range(0, len(points), _ROWS):
        rows = points[start : start + _ROWS]
        yield ((rows**2).sum(axis=1)[:, None] + norms - 2 * rows @ others.T).clip(min=0)


@dataclass(frozen=True)
class Copies:
    """Whether generated faces are training faces by heart.

    Attributes:
        made: median distance of generated faces to the nearest training face.
        unseen: the same of real faces of people who are not in the training faces: what is not copied.
        copied: share of generated faces that lie nearer to a training face than 99 % of the unseen ones do; about
            0.01 where nothing is copied.
    """

    made: float
    unseen: float
    copied: float


def copies(training: np.ndarray, made: np.ndarray, unseen: np.ndarray) -> Copies:
    """Compare how near generated and unseen faces lie to training faces.

    Args:
        training: (N, F).
        made: (M, F).
        unseen: (K, F) of other people than those of the training faces.

    Raises:
        InputError: an empty set, or features of different networks.
    """
    near, usual = nearest(made, training), nearest(unseen, training)
    return Copies(float(np.median(near)), float(np.median(usual)), float((near < np.quantile(usual, 0.01)).mean()))


def diversity(made: np.ndarray, real: np.ndarray) -> float:
    """Return how much people differ where all show the same, as a share of how much real ones do.

    Args:
        made: (C, Z, F) features of C conditions with Z drawn people each.
        real: (N, F) features of different real people who show about the same, or of all of them: the unit.

    Returns:
        The variance over people (sum over features, mean over conditions) through the variance of the real ones.

    Raises:
        InputError: fewer than two people, or features of different networks.
    """
    if made.ndim != 3 or made.shape[1] < 2:
        raise InputError(f"features of generated people must have shape (C, Z, F) with Z of 2 or more: {made.shape}")
    _checked(real, made[0])
    return float(made.astype(np.float64).var(axis=1).sum(axis=1).mean() / real.astype(np.float64).var(axis=0).sum())


def condition_agreement(answers: dict[str, np.ndarray], wished: np.ndarray) -> dict[str, float]:
    """Return how well faces show what they were asked for, as a network sees it that learned from real ones.

    Args:
        answers: 'affect' (N, 2), 'expression' (N, 7) and 'units' (N, 8) of the network.
        wished: (N, 17) conditions.

    Returns:
        'valence' and 'arousal' (CCC), 'expression' (accuracy), 'units' (mean accuracy at 0.5), 'units_balanced' (mean
        over units of balanced accuracy, where both cases occur) and 'units_ccc'.

    Raises:
        InputError: answers and conditions of different faces.
    """
    if wished.ndim != 2 or wished.shape[1] != len(CONDITION) or any(len(a) != len(wished) for a in answers.values()):
        raise InputError(f"conditions must be (N, {len(CONDITION)}), one for each answer; they are {wished.shape}")
    parts = {name: wished[:, place] for name, place in columns().items()}
    found = {
        name: concordance(parts[AFFECT_HEAD][:, place], answers[AFFECT_HEAD][:, place])
        for place, name in enumerate(("valence", "arousal"))
    }
    right = answers[EXPRESSION].argmax(axis=1) == parts[EXPRESSION].argmax(axis=1)
    there, said = parts[UNITS_HEAD] >= 0.5, answers[UNITS_HEAD] >= 0.5
    pairs = list(zip(there.T, said.T, strict=True))
    balanced = [((s[t]).mean() + (~s[~t]).mean()) / 2 for t, s in pairs if t.any() and not t.all()]
    both = zip(parts[UNITS_HEAD].T, answers[UNITS_HEAD].T, strict=True)
    agreed = [concordance(wish, answer) for wish, answer in both if wish.var() > 0]
    found |= {"expression": float(right.mean()), "units": float((there == said).mean())}
    found["units_balanced"] = float(np.mean(balanced)) if balanced else float("nan")
    found["units_ccc"] = float(np.mean(agreed)) if agreed else float("nan")
    assert there.shape[1] == len(MULTITASK_UNITS)
    return found


def _checked(real: np.ndarray, made: np.ndarray, least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    if real.ndim != 2 or made.ndim != 2 or real.shape[1] != made.shape[1]:
        raise InputError(f"features must be (N, F) of one network, not {real.shape} and {made.shape}")
    if min(len(real), len(made)) < least:
        raise InputError(f"{least} or more faces of each kind are needed, not {min(len(real), len(made))}")
    return real.astype(np.float64), made.astype(np.float64)
