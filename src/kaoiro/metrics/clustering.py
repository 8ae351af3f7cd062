"""Clusters of codes, and how well they agree with classes that nobody told them.

Legend: N points, F features, k clusters, K classes, R runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import InputError

_ROUNDS = 300  # of Lloyd's iteration; rounding may let two groupings take turns


@dataclass(frozen=True, eq=False)
class Clusters:
    """A grouping of N points.

    Attributes:
        members: (N,) cluster of each point.
        centres: (k, F).
        inertia: sum of squared distances of points to the centre of their cluster.
    """

    members: np.ndarray
    centres: np.ndarray
    inertia: float


def kmeans(points: np.ndarray, k: int, rng: np.random.Generator) -> Clusters:
    """Group points by k-means++ (Arthur and Vassilvitskii, SODA 2007) and Lloyd's iteration.

    A cluster that loses all points takes the point that lies furthest from its centre; where there are fewer
    different points than clusters, some stay empty.

    Args:
        points: (N, F).
        k: number of clusters.
        rng: of the first centres.

    Raises:
        InputError: fewer points than clusters, or points that are no finite table.
    """
    points = _checked(points, k)
    norms = (points**2).sum(axis=1)
    centres = points[_spread(points, norms, k, rng)]
    members = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        apart = ((centres**2).sum(axis=1) / 2)[:, None] - centres @ points.T  # half of squares, less that of the point
        nearest = apart.argmin(axis=0)
        if (nearest == members).all():
            break
        members = nearest
        centres = _means(points, members, centres)
    return Clusters(members, centres, float(((points - centres[members]) ** 2).sum()))


def _checked(points: np.ndarray, k: int) -> np.ndarray:
    points = np.asarray(points, np.float64)
    at_least("number of clusters", 1, k)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise InputError(f"points must be a table (N, F) of finite numbers, not one of shape {points.shape}")
    if len(points) < k:
        raise InputError(f"{k} clusters need {k} points or more, not {len(points)}")
    return points - points.mean(axis=0)  # squares of what is far from 0 would lose their last digits


def _apart(points: np.ndarray, norms: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared distances (N, k)."""
    return (norms[:, None] + (centres**2).sum(axis=1) - 2 * points @ centres.T).clip(min=0)


def _spread(points: np.ndarray, norms: np.ndarray, k: int, rng: np.random.Generator) -> list[int]:
    """Draw first centres, each with a chance in proportion to its squared distance from those that are drawn."""
    rows = [int(rng.integers(len(points)))]
    nearest = _apart(points, norms, points[rows])[:, 0]
    for _ in range(1, k):
        total = nearest.sum()
        drawn = rng.choice(len(points), p=nearest / total) if total > 0 else rng.integers(len(points))
        rows.append(int(drawn))
        nearest = np.minimum(nearest, _apart(points, norms, points[rows[-1:]])[:, 0])
    return rows


def _means(points: np.ndarray, members: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the mean of each cluster; empty ones take the points that are furthest from their centres."""
    belongs = np.zeros((len(before), len(points)))
    belongs[members, np.arange(len(points))] = 1
    sizes = belongs.sum(axis=1)
    centres = belongs @ points / np.maximum(sizes, 1)[:, None]
    empty = np.flatnonzero(sizes == 0)
    if len(empty):
        apart = ((points - before[members]) ** 2).sum(axis=1)
        far = np.argsort(-apart)[: len(empty)]
        centres[empty] = np.where((apart[far] > 1e-12)[:, None], points[far], before[empty])
    return centres


def nearest_labels(points: np.ndarray, clusters: Clusters, truth: np.ndarray) -> np.ndarray:
    """Return the class of the point nearest each centre, among the cluster's own: (k,), -1 for empty clusters."""
    points = points - np.mean(points, axis=0)
    names = np.full(len(clusters.centres), -1)
    apart = ((points - clusters.centres[clusters.members]) ** 2).sum(axis=1)
    for one in np.unique(clusters.members):
        rows = np.flatnonzero(clusters.members == one)
        names[one] = truth[rows[apart[rows].argmin()]]
    return names


def majority_labels(counts: np.ndarray) -> np.ndarray:
    """Return the most frequent class of each cluster: counts (k, K) -> (k,); the first of equals."""
    return counts.argmax(axis=1)


def matched_labels(counts: np.ndarray) -> np.ndarray:
    """Return the matching of clusters and classes, one to one, that puts most points right: counts (k, K) -> (k,).

    Of more clusters than classes, those left over have -1. The assignment problem, solved by shortest augmenting
    paths (Kuhn, 1955, "the Hungarian method"; Jonker and Volgenant, Computing 38, 1987).
    """
    clusters, classes = counts.shape
    if clusters <= classes:
        return _assigned(-counts.astype(np.float64))
    names = np.full(clusters, -1)
    names[_assigned(-counts.T.astype(np.float64))] = np.arange(classes)
    return names


def _assigned(cost: np.ndarray) -> np.ndarray:
    """Return the column of each row that makes the sum of costs smallest; no more rows than columns."""
    rows, columns = cost.shape
    owner = np.full(columns + 1, -1)  # the row of a column; the last column is where a search begins
    u, v = np.zeros(rows), np.zeros(columns + 1)
    for row in range(rows):
        owner[columns] = row
        at, path = columns, np.full(columns, columns)
        best, done = np.full(columns, np.inf), np.zeros(columns + 1, bool)
        while owner[at] >= 0:
            done[at] = True
            slack = cost[owner[at]] - u[owner[at]] - v[:columns]
            nearer = ~done[:columns] & (slack < best)
            best[nearer], path[nearer] = slack[nearer], at
            following = int(np.where(done[:columns], np.inf, best).argmin())
            step = best[following]
            u[owner[done]] += step
            v[done] -= step
            best[~done[:columns]] -= step
            at = following
        while at != columns:
            owner[at], at = owner[path[at]], path[at]
    result = np.empty(rows, np.int64)
    owned = np.flatnonzero(owner[:columns] >= 0)
    result[owner[owned]] = owned
    return result


def mutual_information(counts: np.ndarray) -> float:
    """Return the normalised mutual information, by the arithmetic mean of both entropies: counts (k, K) -> 0 to 1.

    Strehl and Ghosh, JMLR 3, 2002. 1 where both groupings have one group only, as in scikit-learn.
    """
    shares = counts / counts.sum()
    first, second = shares.sum(axis=1), shares.sum(axis=0)
    both = -_entropy(shares.ravel())
    entropies = _entropy(first) + _entropy(second)
    return float(2 * (entropies + both) / entropies) if entropies > 0 else 1.0


def _entropy(shares: np.ndarray) -> float:
    known = shares[shares > 0]
    return float(-(known * np.log(known)).sum())


def adjusted_rand(counts: np.ndarray) -> float:
    """Return the Rand index less chance: counts (k, K) -> at most 1, 0 expected of chance.

    Hubert and Arabie, Journal of Classification 2, 1985. 1 where both groupings are trivial in the same way.
    """

    def pairs(values: np.ndarray) -> float:
        return float((values * (values - 1.0) / 2).sum())

    both, first, second = pairs(counts), pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0))
    expected = first * second / max(1.0, pairs(np.array([counts.sum()])))
    most = (first + second) / 2
    return (both - expected) / (most - expected) if most > expected else 1.0


def chance(truth: np.ndarray, k: int = 0) -> float:
    """Return the accuracy of clusters that know nothing, named by one of their points: the sum of squared shares.

    Args:
        truth: (N,) classes.
        k: of clusters; the points that name them are right themselves, which counts where points are few. 0 leaves
            them out, as if points were many.
    """
    shares = np.unique(truth, return_counts=True)[1] / len(truth)
    blind = float((shares**2).sum())
    return blind + min(1.0, k / len(truth)) * (1 - blind)


@dataclass(frozen=True, eq=False)
class Agreement:
    """How R groupings of the same points agree with classes.

    Attributes:
        nearest: (R,) accuracy where a cluster has the class of the point nearest its centre.
        majority: (R,) accuracy where it has its most frequent class.
        hungarian: (R,) accuracy of the best matching one to one.
        nmi, ari: (R,) normalised mutual information, adjusted Rand index.
        right: (N,) share of runs in which a point has the class of its cluster, by the nearest point.
        chance: of `nearest`, with the points that name clusters.
    """

    nearest: np.ndarray
    majority: np.ndarray
    hungarian: np.ndarray
    nmi: np.ndarray
    ari: np.ndarray
    right: np.ndarray
    chance: float


def agreement(points: np.ndarray, truth: np.ndarray, k: int, runs: int = 100, seed: int = 0) -> Agreement:
    """Group points several times and compare the clusters with classes.

    Args:
        points: (N, F).
        truth: (N,) classes from 0.
        k: number of clusters.
        runs: R, each with first centres of its own.
        seed: of them.

    Raises:
        InputError: fewer points than clusters, or another number of classes than of points.
    """
    at_least("runs", 1, runs)
    points, truth = np.asarray(points, np.float64), np.asarray(truth, np.int64)
    if truth.shape != points.shape[:1] or (truth < 0).any():
        raise InputError(f"classes must be whole numbers from 0, one for each of {len(points)} points")
    rows, right = [], np.zeros(len(points))
    for run in range(runs):
        clusters = kmeans(points, k, np.random.default_rng([seed, run]))
        hits = nearest_labels(points, clusters, truth)[clusters.members] == truth
        right += hits / runs
        rows.append([hits.mean(), *_compared(clusters.members, truth, k)])
    nearest, majority, hungarian, nmi, ari = np.array(rows).T
    return Agreement(nearest, majority, hungarian, nmi, ari, right, chance(truth, k))


def _compared(members: np.ndarray, truth: np.ndarray, k: int) -> list[float]:
    counts = np.zeros((k, int(truth.max()) + 1), np.int64)
    np.add.at(counts, (members, truth), 1)
    counts = counts[:, counts.any(axis=0)]
    names = matched_labels(counts)
    matched = counts[np.flatnonzero(names >= 0), names[names >= 0]].sum()
    of_most = counts[np.arange(k), majority_labels(counts)].sum()
    return [of_most / len(truth), matched / len(truth), mutual_information(counts), adjusted_rand(counts)]
