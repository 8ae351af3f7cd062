from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from kaoiro.core.condition import columns
from kaoiro.core.errors import InputError
from kaoiro.metrics.generation import (
    condition_agreement,
    copies,
    diversity,
    frechet_distance,
    nearest,
    precision_recall,
)

RNG = np.random.default_rng(0)
CLOUD = RNG.normal(size=(60, 5))


def test_the_frechet_distance_of_gaussians_with_known_moments() -> None:
    # means 1 and 5, standard deviations 1 and 2: (1 - 5)² + (1 - 2)²
    assert frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [7.0]])) == pytest.approx(17)
    # independent columns add up
    first = np.array([[0, 0], [0, 4], [2, 0], [2, 4]], float)  # means 1, 2; deviations 1, 2
    second = np.array([[0, 0], [0, 6], [8, 0], [8, 6]], float)  # means 4, 3; deviations 4, 3
    assert frechet_distance(first, second) == pytest.approx((9 + 1) + (9 + 1))


def test_the_frechet_distance_is_that_of_the_formula_with_scipys_root() -> None:
    other = CLOUD @ RNG.normal(size=(5, 5)) + 0.3
    first, second = np.cov(CLOUD.T, bias=True), np.cov(other.T, bias=True)
    root = linalg.sqrtm(first @ second).real
    apart = CLOUD.mean(axis=0) - other.mean(axis=0)
    assert frechet_distance(CLOUD, other) == pytest.approx(apart @ apart + np.trace(first + second - 2 * root))


def test_equal_sets_are_at_no_distance_and_hold_each_other() -> None:
    assert frechet_distance(CLOUD, CLOUD) == pytest.approx(0, abs=1e-9)
    assert precision_recall(CLOUD, CLOUD) == (1, 1)


def test_sets_far_apart_hold_nothing_of_each_other() -> None:
    assert precision_recall(CLOUD, CLOUD + 100) == (0, 0)


def test_half_of_the_real_faces_is_precise_and_recalls_half() -> None:
    both = np.concatenate([CLOUD, CLOUD + 100])
    assert precision_recall(both, CLOUD) == (1, 0.5)


def test_precision_by_hand() -> None:
    # on a line the second-nearest other points of 0, 1, 3 are 3, 2, 3 away: together -3 to 6
    real, made = np.array([[0.0], [1], [3]]), np.array([[-2.0], [6.5], [5.9]])
    assert precision_recall(real, made, 2)[0] == pytest.approx(2 / 3)


def test_the_nearest_of_many() -> None:
    points = RNG.normal(size=(700, 3))  # more than a table of distances holds at a time
    wished = [np.linalg.norm(points[row] - CLOUD[:, :3], axis=1).min() for row in (0, 511, 512, 699)]
    assert nearest(points, CLOUD[:, :3])[[0, 511, 512, 699]] == pytest.approx(wished)


def test_copies_are_told_from_new_faces() -> None:
    unseen = RNG.normal(size=(200, 5))
    by_heart = copies(CLOUD, CLOUD + 1e-6, unseen)
    assert by_heart.copied == 1
    assert by_heart.made < 1e-4 < by_heart.unseen
    assert copies(CLOUD, RNG.normal(size=(2000, 5)), unseen).copied < 0.05


def test_diversity_is_a_share_of_the_real_variance() -> None:
    real = RNG.normal(size=(5000, 4))
    assert diversity(np.stack([2 * RNG.normal(size=(3000, 4))] * 2), real) == pytest.approx(4, rel=0.1)
    assert diversity(np.ones((3, 5, 4)), real) == 0  # everybody is one person
    conditions_apart = np.repeat(RNG.normal(size=(6, 1, 4)), 5, axis=1)
    assert diversity(conditions_apart, real) < 1e-9  # what differs by condition alone is no diversity of people


def wishes() -> np.ndarray:
    table = RNG.uniform(size=(40, 17))
    table[:, columns()["expression"]] = np.eye(7)[np.arange(40) % 7]
    return table


def test_faces_that_show_what_was_wished() -> None:
    table = wishes()
    answers = {name: table[:, place] for name, place in columns().items()}
    found = condition_agreement(answers, table)
    assert found == pytest.approx(dict.fromkeys(found, 1.0))
    assert set(found) == {"valence", "arousal", "expression", "units", "units_balanced", "units_ccc"}


def test_faces_that_show_the_opposite() -> None:
    table = wishes()
    answers = {name: 1 - table[:, place] for name, place in columns().items()}
    found = condition_agreement(answers, table)
    assert found["expression"] == 0
    assert found["units"] == found["units_balanced"] == 0
    assert found["valence"] < 0


def test_features_that_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="of one network"):
        frechet_distance(CLOUD, CLOUD[:, :3])
    with pytest.raises(InputError, match="4 or more faces"):
        precision_recall(CLOUD[:3], CLOUD)
    with pytest.raises(InputError, match=r"\(C, Z, F\)"):
        diversity(CLOUD, CLOUD)
    with pytest.raises(InputError, match=r"conditions must be \(N, 17\)"):
        condition_agreement({"affect": CLOUD}, CLOUD)
