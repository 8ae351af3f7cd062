from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from sklearn import cluster
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from kaoiro.core.errors import InputError
from kaoiro.metrics import clustering


def heaps(each: int = 30, spread: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Six heaps far from each other, and which one a point is of."""
    rng = np.random.default_rng(seed)
    centres = np.eye(6) * 10
    truth = np.repeat(np.arange(6), each)
    return centres[truth] + rng.normal(0, spread, (len(truth), 6)), truth


def test_groups_that_lie_apart_are_found():
    points, truth = heaps()
    found = max(
        (clustering.kmeans(points, 6, np.random.default_rng(seed)) for seed in range(10)), key=lambda one: -one.inertia
    )
    assert all(len(np.unique(found.members[truth == k])) == 1 for k in range(6))
    assert len(np.unique(found.members)) == 6


def test_inertia_is_as_low_as_that_of_scikit_learn():
    points = np.random.default_rng(3).normal(size=(200, 4))
    ours = [clustering.kmeans(points, 9, np.random.default_rng(k)).inertia for k in range(20)]
    theirs = [cluster.KMeans(9, init="k-means++", n_init=1, random_state=k).fit(points).inertia_ for k in range(20)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.03)
    assert min(ours) == pytest.approx(min(theirs), rel=0.02)


def test_centres_are_means_and_points_lie_with_the_nearest():
    points = np.random.default_rng(4).normal(size=(100, 3)) + 1000
    found = clustering.kmeans(points, 5, np.random.default_rng(0))
    centred = points - points.mean(axis=0)
    for k in range(5):
        assert found.centres[k] == pytest.approx(centred[found.members == k].mean(axis=0))
    apart = ((centred[:, None] - found.centres) ** 2).sum(axis=2)
    assert (apart.argmin(axis=1) == found.members).all()
    assert found.inertia == pytest.approx(apart.min(axis=1).sum())


def test_equal_points_leave_clusters_empty():
    found = clustering.kmeans(np.ones((20, 3)), 5, np.random.default_rng(0))
    assert len(np.unique(found.members)) == 1
    assert found.inertia == 0
    names = clustering.nearest_labels(np.ones((20, 3)), found, np.arange(20) % 2)
    assert sorted(names)[:4] == [-1, -1, -1, -1]


def test_a_cluster_has_the_class_of_the_point_nearest_its_centre_not_of_most():
    points = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    truth = np.array([0, 1, 0, 2, 0, 2])
    one = clustering.Clusters(np.array([0, 0, 0, 1, 1, 1]), np.array([[1.0], [11.0]]) - 6, 4.0)
    assert clustering.nearest_labels(points, one, truth).tolist() == [1, 0]
    counts = np.array([[2, 1, 0], [1, 0, 2]])
    assert clustering.majority_labels(counts).tolist() == [0, 2]


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (6, 6), (4, 6), (6, 4), (7, 5)])
def test_the_matching_is_the_best_of_all(shape):
    rng = np.random.default_rng(sum(shape))
    for _ in range(20):
        counts = rng.integers(0, 12, shape)
        names = clustering.matched_labels(counts)
        used = names[names >= 0]
        assert len(used) == min(shape) == len(set(used))
        wide = counts if shape[0] <= shape[1] else counts.T
        best = max(
            sum(wide[row, column] for row, column in enumerate(columns))
            for columns in permutations(range(wide.shape[1]), len(wide))
        )
        assert counts[np.flatnonzero(names >= 0), used].sum() == best


def test_a_matching_of_twenty_is_that_of_scipy():
    linear_sum_assignment = pytest.importorskip("scipy.optimize").linear_sum_assignment
    for seed in range(10):
        counts = np.random.default_rng(seed).integers(0, 50, (20, 20))
        names = clustering.matched_labels(counts)
        rows, columns = linear_sum_assignment(-counts)
        assert counts[np.arange(20), names].sum() == counts[rows, columns].sum()


def test_information_and_rand_index_are_those_of_scikit_learn():
    rng = np.random.default_rng(5)
    for _ in range(10):
        members, truth = rng.integers(0, 7, 60), rng.integers(0, 4, 60)
        counts = np.zeros((7, 4), int)
        np.add.at(counts, (members, truth), 1)
        assert clustering.mutual_information(counts) == pytest.approx(normalized_mutual_info_score(truth, members))
        assert clustering.adjusted_rand(counts) == pytest.approx(adjusted_rand_score(truth, members))
    same = np.diag([3, 4, 5])
    assert clustering.mutual_information(same) == pytest.approx(1)
    assert clustering.adjusted_rand(same) == 1
    assert clustering.mutual_information(np.array([[7]])) == clustering.adjusted_rand(np.array([[7]])) == 1


def test_agreement_of_perfect_groups_is_whole():
    points, truth = heaps()
    found = clustering.agreement(points, truth, 9, runs=20)
    assert found.nearest.min() > 0.8  # a heap may be left without a centre of its own
    assert (found.majority >= found.nearest - 1e-12).all() and (found.majority >= found.hungarian - 1e-12).all()
    assert np.median(found.nearest) == 1
    assert found.right.mean() == pytest.approx(found.nearest.mean())
    assert clustering.chance(truth) == pytest.approx(1 / 6)
    assert found.chance == pytest.approx(1 / 6 + 9 / 180 * 5 / 6)


def test_points_that_tell_nothing_give_chance():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(6), 100)
    found = clustering.agreement(rng.normal(size=(600, 8)), truth, 9, runs=30)
    assert found.nearest.mean() == pytest.approx(found.chance, abs=0.01)
    assert found.ari.mean() == pytest.approx(0, abs=0.01)
    unequal = np.repeat([0, 1], [90, 10])
    assert clustering.chance(unequal) == pytest.approx(0.82)


def test_the_same_seed_gives_the_same_figures():
    points, truth = heaps(spread=6)
    first, second, other = (clustering.agreement(points, truth, 9, runs=5, seed=seed) for seed in (1, 1, 2))
    assert (first.nearest == second.nearest).all()
    assert not (first.nearest == other.nearest).all()


def test_classes_that_do_not_occur_change_nothing():
    points, truth = heaps(spread=6)
    plain = clustering.agreement(points, truth, 6, runs=3)
    gaps = clustering.agreement(points, 2 * truth + 1, 6, runs=3)
    assert (plain.hungarian == gaps.hungarian).all() and (plain.nmi == pytest.approx(gaps.nmi))


def test_unfit_points_and_classes_are_refused():
    points, truth = heaps(each=1)
    with pytest.raises(InputError, match="9 clusters need 9 points or more, not 6"):
        clustering.agreement(points, truth, 9)
    with pytest.raises(InputError, match="finite"):
        clustering.kmeans(points * np.nan, 2, np.random.default_rng(0))
    with pytest.raises(InputError, match="table"):
        clustering.kmeans(points[0], 2, np.random.default_rng(0))
    with pytest.raises(InputError, match="one for each"):
        clustering.agreement(points, truth[:-1], 2)
    with pytest.raises(InputError, match="from 0"):
        clustering.agreement(points, truth - 1, 2)
    with pytest.raises(InputError, match="clusters must be 1"):
        clustering.kmeans(points, 0, np.random.default_rng(0))
    with pytest.raises(InputError, match="runs must be 1"):
        clustering.agreement(points, truth, 2, runs=0)
