from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from kaoiro.core.errors import InputError
from kaoiro.timeline.changes import adjusted, null_p
from kaoiro.timeline.noise import at_rest, noise_floor

SHARES = np.array([[0.010, 0.5], [0.014, 0.4], [0.012, 0.6], [0.030, 0.5], [0.034, 0.5]])


def test_the_noise_floor_by_hand() -> None:
    shares = np.array([[0.0], [1.0], [3.0], [10.0], [14.0], [50.0]])
    people = np.array(["a", "a", "a", "b", "b", "c"])
    found = noise_floor(shares, people, quantile=0.5)
    assert sorted(found.differences[:, 0].tolist()) == [1, 2, 3, 4]
    assert found.people == 2
    assert found.estimate[0] == 2
    assert found.sd[0] == pytest.approx(np.sqrt((1 + 4 + 9 + 16) / 4 / 2))
    assert (found.low[0], found.floor[0]) == (2, 4)  # all of a, or all of b
    assert noise_floor(shares, people).floor[0] == 4


def test_the_noise_floor_lies_above_the_quantile_of_the_differences() -> None:
    """Of normal noise, differences have √2 times its sd; pairs of 300 people, of which the interval knows."""
    noise = np.random.default_rng(0).normal(0, [0.1, 1.0], (600, 2))
    found = noise_floor(noise, np.repeat(np.arange(300), 2), draws=500)
    expected = norm.ppf(0.975) * np.sqrt(2) * np.array([0.1, 1.0])
    assert found.sd == pytest.approx([0.1, 1.0], rel=0.1)
    assert ((found.low < expected) & (expected < found.floor)).all()
    assert (found.low < found.estimate).all()
    assert (found.estimate < found.floor).all()
    assert (found.floor < 1.3 * expected).all()


def test_the_noise_floor_is_exceeded_as_rarely_as_it_says() -> None:
    rng = np.random.default_rng(0)
    found = noise_floor(rng.normal(size=(400, 1)), np.repeat(np.arange(100), 4), draws=100)
    fresh = np.abs(np.diff(rng.normal(size=(4000, 2)), axis=1))
    assert np.mean(fresh > found.estimate) == pytest.approx(0.05, abs=0.015)
    assert 0.01 < np.mean(fresh > found.floor) < 0.05


def test_the_noise_floor_of_few_people_is_exceeded_as_rarely_by_others() -> None:
    """Some people scatter much more than others; how many of them set the floor is chance."""
    rng = np.random.default_rng(1)
    by_estimate, by_floor = [], []
    for _ in range(40):
        scale = rng.gamma(0.7, size=(200, 1))
        shares = scale * rng.normal(size=(200, 6))
        null = noise_floor(shares[:20].reshape(-1, 1), np.repeat(np.arange(20), 6), draws=100)
        fresh = np.abs(shares[20:, 0] - shares[20:, 1])
        by_estimate.append(np.mean(fresh > null.estimate))
        by_floor.append(np.mean(fresh > null.floor))
    assert np.mean(np.array(by_estimate) > 0.05) > 0.4
    assert np.mean(np.array(by_floor) > 0.05) < 0.2


def test_one_person_has_a_noise_floor_without_an_interval() -> None:
    found = noise_floor(np.array([[0.1], [0.3]]), np.array([1, 1]))
    assert found.floor[0] == pytest.approx(0.2)
    assert found.estimate[0] == pytest.approx(0.2)
    assert np.isnan(found.low).all()


def test_impossible_null_recordings_are_refused() -> None:
    with pytest.raises(InputError, match="nobody has two null recordings"):
        noise_floor(SHARES, np.arange(5))
    with pytest.raises(InputError, match=r"shape \(4 recordings"):
        noise_floor(SHARES, np.arange(4))
    with pytest.raises(InputError, match="groups of null recordings must be one for each of them"):
        noise_floor(SHARES, SHARES)
    with pytest.raises(InputError, match="quantile of the noise floor"):
        noise_floor(SHARES, np.zeros(5), quantile=1)
    with pytest.raises(InputError, match="number of draws"):
        noise_floor(SHARES, np.zeros(5), draws=0)


def test_with_long_tails_one_of_many_labels_is_seldom_a_signal() -> None:
    rng = np.random.default_rng(0)
    scale = np.repeat(rng.gamma(0.7, size=400), 8)[:, None]  # some faces scatter much more than others
    shares = 0.5 + 0.01 * scale * rng.standard_normal((3200, 8))
    found = noise_floor(shares[:1600], np.repeat(np.arange(200), 8), draws=100)
    tested = shares[1600:].reshape(200, 8, 8)
    by_normal, by_null = [], []
    for one in tested:
        difference_ = one[0] - one[1]
        errors = np.abs(difference_) / (found.sd * np.sqrt(2))
        by_normal.append((adjusted(2 * norm.sf(errors)) <= 0.05).any())
        by_null.append((adjusted(null_p(difference_, found.floor, found.rare)) <= 0.05).any())
    assert np.mean(by_null) < np.mean(by_normal)
    assert np.mean(by_null) < 0.06


def test_what_is_rare_among_eight_labels_lies_beyond_the_floor() -> None:
    found = noise_floor(np.arange(41.0)[:, None] ** 2, np.zeros(41), draws=1)
    differences = np.sort(found.differences[:, 0])
    assert found.rare[0] == differences[int(np.ceil(len(differences) * (1 - 0.05 / 8))) - 1]
    assert found.rare[0] >= found.floor[0]


def test_recordings_at_rest_lie_within_their_range() -> None:
    """Of one person's constant shares the ends are the extremes; of normal ones nearly all of others lie within."""
    low, high = at_rest(np.array([[0.1], [0.2], [0.4], [0.3]]), np.array(["a", "a", "b", "b"]), draws=200)
    assert (low[0], high[0]) == (0.1, 0.4)
    rng = np.random.default_rng(0)
    low, high = at_rest(rng.normal(size=(2000, 2)), np.repeat(np.arange(200), 10), draws=100)
    outside = np.mean([(one < low) | (one > high) for one in rng.normal(size=(5000, 2))])
    assert 0 < outside < 0.05 / 8
    with pytest.raises(InputError, match="people at rest must be two or more"):
        at_rest(SHARES, np.zeros(5))
