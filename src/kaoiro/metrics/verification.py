"""How well a similarity tells whether two pictures show one person: AUC and equal error rate over pairs of people.

Everybody was seen twice. A pair takes one picture of each kind, so that what tells both kinds apart (a smile, say)
never helps. Intervals draw people, not pairs: a person stands in many pairs. Whoever is drawn twice is not thereby
somebody else, so that pairs of a person with a copy never count as pairs of different people.
Legend: P people, D draws, T distinct similarities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.metrics.temporal import interval

DRAWS = 10_000
_CELLS = 1_000_000  # of draws and pairs that are held at a time


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        auc: probability that a pair of one person is more similar than a pair of two; ties count a half.
        auc_interval: its 95 % interval.
        error: equal error rate: share of pairs of one person that are missed where as large a share of pairs of two
            people is taken for one; between steps of the curve a straight line is drawn.
        error_interval: its 95 % interval.
        threshold: similarity at which both shares are equal.
        same, different: mean similarity of pairs of one person, and of two.
    """

    auc: float
    auc_interval: tuple[float, float]
    error: float
    error_interval: tuple[float, float]
    threshold: float
    same: float
    different: float


def verification(similarities: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Verification:
    """Measure how well similarities tell one person from two.

    Args:
        similarities: (P, P), [i, j] of the first picture of person i and the second one of person j.
        draws: of people.
        seed: of the draws.

    Raises:
        InputError: fewer than two people, another shape, or similarities that are not finite.
    """
    table = np.asarray(similarities, np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < 2 or not np.isfinite(table).all():
        raise InputError(f"similarities must be a finite table (P, P) of two people or more, not {table.shape}")
    curve, count = _Curve(table), len(table)
    auc, error, threshold = (one[0] for one in curve.figures(np.ones((1, count))))
    rng, parts = np.random.default_rng(seed), []
    portion = max(1, _CELLS // count**2)
    for start in range(0, draws, portion):
        drawn = rng.multinomial(count, np.full(count, 1 / count), min(portion, draws - start))
        parts.append(np.stack(curve.figures(drawn.astype(np.float64))[:2]))
    areas, errors = np.concatenate(parts, axis=1) if parts else np.empty((2, 0))
    same = np.eye(count, dtype=bool)
    means = float(table[same].mean()), float(table[~same].mean())
    return Verification(float(auc), interval(areas), float(error), interval(errors), float(threshold), *means)


def rates(similarities: np.ndarray, threshold: float) -> tuple[float, float]:
    """Return the share of pairs of one person below a threshold, and of pairs of two people at or above it."""
    table = np.asarray(similarities)
    same = np.eye(len(table), dtype=bool)
    return float((table[same] < threshold).mean()), float((table[~same] >= threshold).mean())


class _Curve:
    """Misses and mistakes at every threshold, for any number of draws of people."""

    def __init__(self, table: np.ndarray) -> None:
        flat = table.ravel()
        self._order = np.argsort(flat, kind="stable")
        ordered = flat[self._order]
        self._starts = np.flatnonzero(np.concatenate([[True], np.diff(ordered) != 0]))
        self._values = ordered[self._starts]
        self._same = np.eye(len(table), dtype=bool).ravel()[self._order]

    def figures(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return AUC, equal error rate and its threshold of people drawn so many times: (D, P) -> (D,) each."""
        products = counts[:, :, None] * counts[:, None, :]
        people = np.arange(counts.shape[1])
        products[:, people, people] = counts
        weights = products.reshape(len(counts), -1)[:, self._order]
        same, other = (np.add.reduceat(weights * kind, self._starts, axis=1) for kind in (self._same, ~self._same))
        below, lower = (np.cumsum(part, axis=1) for part in (same, other))
        with np.errstate(invalid="ignore", divide="ignore"):  # whoever is drawn alone meets nobody: NaN
            area = (same * (lower - other / 2)).sum(axis=1) / (below[:, -1] * lower[:, -1])
            missed, mistaken = below / below[:, -1:], (lower[:, -1:] - lower) / lower[:, -1:]
        return area, *self._crossing(missed, mistaken)

    def _crossing(self, missed: np.ndarray, mistaken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rate at which misses (D, T), which rise, meet mistakes, which fall, and where that is.

        Both are of thresholds above each similarity; one below all of them comes first.
        """
        first = np.zeros((len(missed), 1))
        missed, mistaken = (
            np.concatenate([end, part], axis=1) for end, part in ((first, missed), (first + 1, mistaken))
        )
        apart = missed - mistaken
        after = np.argmax(apart >= 0, axis=1)[:, None]  # never the first, where nothing is missed
        one, two = (np.take_along_axis(apart, place, axis=1) for place in (np.maximum(after - 1, 0), after))
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(after > 0, -one / (two - one), np.nan)
        low, high = (np.take_along_axis(missed, place, axis=1) for place in (np.maximum(after - 1, 0), after))
        middles = (self._values[1:] + self._values[:-1]) / 2  # whatever lies between two similarities does the same
        ends = np.concatenate([self._values[:1], middles, self._values[-1:]])
        where = ends[np.maximum(after - 1, 0)] * (1 - share) + ends[after] * share
        return (low + share * (high - low))[:, 0], where[:, 0]
