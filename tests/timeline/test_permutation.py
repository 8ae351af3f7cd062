from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import permutation_test

from kaoiro.core.errors import InputError
from kaoiro.timeline.permutation import MOST, Sides, comparable, permutation


def sides(before: int, after: int) -> Sides:
    return Sides.of(np.repeat([False, True], [before, after]))


def test_weights_make_the_difference_of_means() -> None:
    assert sides(2, 3).weights == pytest.approx([-1 / 2, -1 / 2, 1 / 3, 1 / 3, 1 / 3])


def test_of_several_people_each_is_compared_with_nobody_but_themselves() -> None:
    after = np.array([False, True, False, False, True, True])
    people = np.array(["a", "a", "b", "b", "b", "c"])
    shares = np.array([0.1, 0.3, 0.5, 0.7, 0.9, 0.0])
    found = Sides.of(after, people)
    # a differs by 0.2 and counts 1/2, b by 0.3 and counts 2/3; c was recorded on one side only
    assert found.weights @ shares == pytest.approx((0.2 / 2 + 0.3 * 2 / 3) / (1 / 2 + 2 / 3))
    assert found.weights[5] == 0
    assert found.arrangements == 2 * 3
    assert found.freedom == 6 - 3 - 1


@pytest.mark.parametrize(("before", "after", "least"), [(3, 3, 2 / 20), (2, 4, 1 / 15), (1, 1, 1), (1, 4, 1 / 5)])
def test_the_smallest_p_that_so_few_recordings_can_give(before: int, after: int, least: float) -> None:
    shares = np.concatenate([np.arange(before) * 0.01, 5 + np.arange(after) * 0.013])
    found = permutation(shares[:, None], sides(before, after))
    assert found.least == pytest.approx(least)
    assert found.p[0] == pytest.approx(least)
    assert found.exact


def test_p_by_hand() -> None:
    # the ways to choose two of 1, 2, 4, 8 have differences of -4.5, -2.5, -1.5, 1.5, 2.5, 4.5
    shares = np.array([[1.0], [4.0], [2.0], [8.0]])
    assert permutation(shares, sides(2, 2)).p[0] == pytest.approx(4 / 6)


def test_p_is_that_of_scipy() -> None:
    shares = np.random.default_rng(0).random((9, 3))
    expected = permutation_test(
        (shares[5:], shares[:5]), lambda x, y, axis: x.mean(axis) - y.mean(axis), vectorized=True, n_resamples=np.inf
    )
    # SciPy doubles the smaller tail; sides of unequal size have differences of both signs that are not mirrored
    both = np.abs(expected.null_distribution) >= np.abs(expected.statistic) * (1 - 1e-9)
    assert permutation(shares, sides(5, 4)).p == pytest.approx(both.mean(axis=0))


def test_within_people_p_is_that_of_all_their_arrangements() -> None:
    after, people = np.array([0, 1, 0, 1, 1, 0], bool), np.array([0, 0, 0, 1, 1, 1])
    shares = np.random.default_rng(3).random(6)
    found = Sides.of(after, people)
    every = {
        (*first, *second) for first in permutations(after[:3].tolist()) for second in permutations(after[3:].tolist())
    }
    values = [abs(Sides.of(np.array(one), people).weights @ shares) for one in every]
    expected = np.mean(np.array(values) >= abs(found.weights @ shares) - 1e-12)
    assert len(every) == found.arrangements == 9
    assert permutation(shares[:, None], found).p[0] == pytest.approx(expected)


def test_equal_shares_are_no_difference_whatever_their_rounding() -> None:
    shares = np.tile([[0.1], [0.2], [0.1 + 1e-17]], (2, 1)) * 3
    assert permutation(shares, sides(3, 3)).p[0] == pytest.approx(1)
    assert permutation(np.full((6, 1), 0.1), sides(3, 3)).p[0] == 1


def test_drawn_arrangements_are_near_to_all_of_them() -> None:
    rng = np.random.default_rng(1)
    shares = rng.normal(size=(18, 4)) + np.repeat([0.0, 0.8], 9)[:, None]
    found = permutation(shares, sides(9, 9), draws=9_999, seed=3)
    assert found.arrangements == 48_620
    assert not found.exact
    assert found.least == 1 / 10_000
    every = permutation_test(
        (shares[9:], shares[:9]), lambda x, y, axis: x.mean(axis) - y.mean(axis), vectorized=True, n_resamples=np.inf
    ).pvalue
    assert found.p == pytest.approx(every, abs=0.015)
    assert (found.p == permutation(shares, sides(9, 9), draws=9_999, seed=3).p).all()
    assert (found.p != permutation(shares, sides(9, 9), draws=9_999, seed=4).p).any()


def test_drawn_arrangements_stay_within_people() -> None:
    """Two people who differ much and change little: without people there would be nothing to see."""
    after = np.tile([False, True], 16)
    people = np.repeat([0, 1], 16)
    shares = (people * 10 + after + np.random.default_rng(0).normal(0, 0.5, 32))[:, None]
    assert Sides.of(after, people).arrangements > MOST
    assert permutation(shares, Sides.of(after, people), draws=999).p[0] == pytest.approx(0.001)
    assert permutation(shares, Sides.of(after), draws=999).p[0] > 0.5


def test_false_alarms_are_as_rare_as_they_should_be() -> None:
    """2000 labels that do not differ: 5 % ± 3 standard errors, of exact and of drawn arrangements."""
    rng = np.random.default_rng(0)
    for one, draws in ((sides(5, 5), 0), (sides(10, 10), 499)):
        shares = rng.exponential(size=(len(one.after), 2000))
        found = permutation(shares, one, draws=max(1, draws))
        assert found.exact == (draws == 0)
        assert 0.03 <= (found.p <= 0.05).mean() <= 0.065


def test_impossible_sides_are_refused() -> None:
    with pytest.raises(InputError, match="nobody was recorded both before and after"):
        sides(3, 0)
    with pytest.raises(InputError, match="nobody was recorded both before and after"):
        Sides.of(np.array([False, True]), np.array(["a", "b"]))
    with pytest.raises(InputError, match=r"one for each recording, not \(2,\) and \(3,\)"):
        Sides.of(np.array([False, True]), np.array([1, 1, 1]))
    with pytest.raises(InputError, match=r"shape \(4 recordings, labels\), not \(3, 1\)"):
        permutation(np.ones((3, 1)), sides(2, 2))
    with pytest.raises(InputError, match="recordings 0 "):
        permutation(np.array([[np.nan], [1.0]]), sides(1, 1))
    with pytest.raises(InputError, match="number of draws"):
        permutation(np.ones((4, 1)), sides(2, 2), draws=0)
    assert not comparable(np.array([True]), np.array([0]))
