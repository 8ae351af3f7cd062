from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import false_discovery_control, norm, t, ttest_ind

from kaoiro.core.errors import InputError
from kaoiro.timeline.changes import (
    Verdict,
    adjusted,
    change,
    difference,
    left_out,
    null_p,
    two_recordings,
    verdict,
)
from kaoiro.timeline.intervals import Blocks, intervals
from kaoiro.timeline.noise import noise_floor
from kaoiro.timeline.permutation import Sides

AFTER = np.array([False, False, False, True, True])
SHARES = np.array([[0.010, 0.5], [0.014, 0.4], [0.012, 0.6], [0.030, 0.5], [0.034, 0.5]])


def test_the_difference_by_hand() -> None:
    found = difference(SHARES, None, Sides.of(AFTER))
    assert found.value == pytest.approx([0.020, 0.0])
    scatter = (2 * 0.002**2 + 2 * 0.002**2) / 3  # of 5 recordings about 2 means
    error = np.sqrt(scatter * (1 / 3 + 1 / 2))
    assert found.freedom == 3
    assert found.sd[0] == pytest.approx(error)
    assert found.high[0] == pytest.approx(0.020 + t.ppf(0.975, 3) * error)
    assert found.low[0] == pytest.approx(0.020 - t.ppf(0.975, 3) * error)


def test_without_bootstrap_sds_it_is_the_interval_of_the_t_test() -> None:
    shares = np.random.default_rng(0).normal(size=(11, 4))
    found = difference(shares, None, Sides.of(np.arange(11) > 4), level=0.9)
    expected = ttest_ind(shares[5:], shares[:5]).confidence_interval(0.9)
    assert found.low == pytest.approx(expected.low)
    assert found.high == pytest.approx(expected.high)


def test_recordings_do_not_scatter_by_less_than_their_own_sd() -> None:
    sds = np.full(SHARES.shape, 0.05)
    found = difference(SHARES, sds, Sides.of(AFTER))
    assert found.sd == pytest.approx([0.05 * np.sqrt(1 / 3 + 1 / 2), np.sqrt(0.02 / 3 * (1 / 3 + 1 / 2))])


def test_an_inexact_recording_widens_the_interval() -> None:
    sds = np.full(SHARES.shape, 0.002)
    exact = difference(SHARES, sds, Sides.of(AFTER)).sd
    sds[4] = 0.02
    assert (difference(SHARES, sds, Sides.of(AFTER)).sd > exact).all()


def test_unknown_sds_count_as_the_mean_of_the_known_ones() -> None:
    sds, unknown = np.full(SHARES.shape, 0.03), np.full(SHARES.shape, 0.03)
    unknown[1] = np.nan
    expected, found = (difference(SHARES, one, Sides.of(AFTER)).sd for one in (sds, unknown))
    assert found == pytest.approx(expected)


def test_known_noise_is_a_least_scatter_between_recordings() -> None:
    found = difference(SHARES, np.zeros(SHARES.shape), Sides.of(AFTER), noise_sd=np.array([0.01, 0.0]))
    assert found.sd[0] == pytest.approx(0.01 * np.sqrt(1 / 3 + 1 / 2))
    assert found.sd[1] == pytest.approx(difference(SHARES, None, Sides.of(AFTER)).sd[1])


@pytest.mark.parametrize("inside", [0.0, 1.0])
def test_intervals_hold_the_true_difference_as_often_as_they_say(inside: float) -> None:
    rng, sides = np.random.default_rng(0), Sides.of(np.arange(9) > 3)
    sds = np.tile(inside * (0.5 + np.arange(9.0) / 9)[:, None], (1, 2000))
    shares = rng.normal(0, 1, (9, 2000)) + rng.normal(size=(9, 2000)) * sds + 3 * sides.after[:, None]
    found = difference(shares, sds, sides)
    assert np.mean((found.low <= 3) & (found.high >= 3)) == pytest.approx(0.95, abs=0.02)


def test_one_recording_on_each_side_is_compared_by_their_bootstrap_sds() -> None:
    sides = Sides.of(np.array([True, False]))
    found = difference(np.array([[0.008], [0.003]]), np.array([[0.001], [0.0015]]), sides)
    error = np.sqrt(0.001**2 + 0.0015**2)
    assert found.freedom == 0
    assert (found.low[0], found.high[0]) == pytest.approx((0.005 - 1.959964 * error, 0.005 + 1.959964 * error))
    assert two_recordings(found)[0] == pytest.approx(2 * norm.sf(0.005 / error))
    noisy = difference(np.array([[0.008], [0.003]]), np.array([[0.001], [0.0015]]), sides, noise_sd=0.002)
    assert noisy.sd[0] == pytest.approx(np.sqrt(error**2 + 2 * 0.002**2))
    assert two_recordings(noisy)[0] > two_recordings(found)[0]


def test_what_is_not_known_to_be_exact_has_no_interval() -> None:
    sides = Sides.of(np.array([True, False]))
    for sds in (None, np.zeros((2, 1)), np.array([[0.1], [np.nan]])):
        found = change(np.array([[0.008], [0.003]]), sds, sides.after)
        assert np.isnan(found.difference.low).all()
        assert np.isnan(found.p).all()
        assert found.verdicts(0.001) == [Verdict.UNCERTAIN]


def test_adjusted_p_by_hand() -> None:
    assert adjusted(np.array([0.01, 0.04, 0.03, 0.5])) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    found = adjusted(np.array([np.nan, 0.02, 0.5]))
    assert found == pytest.approx([np.nan, 0.04, 0.5], nan_ok=True)
    assert adjusted(np.empty(0)).shape == (0,)


def test_adjusted_p_is_that_of_scipy() -> None:
    p = np.random.default_rng(0).random(40) ** 3
    assert adjusted(p) == pytest.approx(false_discovery_control(p))


def test_without_each_single_recording() -> None:
    found = left_out(SHARES, Sides.of(AFTER))
    assert found.differences[:, 0] == pytest.approx([0.032 - 0.013, 0.021, 0.032 - 0.012, 0.034 - 0.012, 0.018])
    assert found.smallest[0] == pytest.approx(0.018)
    assert found.largest[0] == pytest.approx(0.022)
    # 2 against 2 give 2 / 6 at least, 3 against 1 give 1 / 4
    assert found.p[:, 0] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 4, 1 / 4])
    assert (found.smallest_p[0], found.largest_p[0]) == pytest.approx((1 / 4, 1 / 3))


def test_a_recording_without_which_nothing_is_left_cannot_be_left_out() -> None:
    found = left_out(SHARES[2:], Sides.of(AFTER[2:]))
    assert np.isnan(found.differences[0]).all()
    assert np.isfinite(found.differences[1:]).all()
    nothing = left_out(SHARES[2:4], Sides.of(AFTER[2:4]))
    assert np.isnan(nothing.smallest).all()
    assert np.isnan(nothing.largest_p).all()


@pytest.mark.parametrize(
    ("value", "interval", "floor", "p", "expected"),
    [
        (0.5, (0.3, 0.7), 0.2, 0.01, Verdict.SIGNAL),
        (-0.5, (-0.7, -0.3), 0.2, 0.05, Verdict.SIGNAL),
        (0.5, (0.3, 0.7), 0.2, 0.06, Verdict.UNCERTAIN),
        (0.5, (0.1, 0.9), 0.2, 0.01, Verdict.UNCERTAIN),
        (0.5, (0.3, 0.7), 0.2, np.nan, Verdict.UNCERTAIN),
        (0.5, (np.nan, np.nan), 0.2, 0.01, Verdict.UNCERTAIN),
        (0.5, (0.3, 0.7), np.nan, 0.01, Verdict.UNCERTAIN),
        (0.2, (0.19, 0.21), 0.2, 0.001, Verdict.BELOW),
        (-0.1, (-0.9, 0.7), 0.2, 0.5, Verdict.BELOW),
        (0.1, (np.nan, np.nan), 0.2, np.nan, Verdict.BELOW),
        (0.1, (0.05, 0.15), 0.0, 0.01, Verdict.SIGNAL),
    ],
)
def test_verdicts(value: float, interval: tuple[float, float], floor: float, p: float, expected: Verdict) -> None:
    assert verdict(value, interval, floor, p) is expected


def test_a_verdict_reads_as_a_line_of_a_table() -> None:
    assert str(Verdict.BELOW) == "below the noise floor"
    assert [str(one) for one in Verdict] == ["signal", "below the noise floor", "uncertain"]


def test_a_planted_change_is_found_and_noise_is_not() -> None:
    """Six recordings before and six after; anger rises from 0.3 % to 0.8 %, sadness scatters, fear stays."""
    rng = np.random.default_rng(0)
    after = np.repeat([False, True], 6)
    level = np.stack([np.where(after, 0.008, 0.003), rng.normal(0.1, 0.03, 12), np.full(12, 0.02)], axis=1)
    shares, sds = np.empty((12, 3)), np.empty((12, 3))
    for row, means in enumerate(level):
        moved = lfilter([1], [1, -0.5], rng.normal(size=(2400, 3)), axis=0)
        found = intervals(means * np.maximum(0, 1 + 0.3 * moved), np.arange(2400) / 2, blocks=Blocks(draws=200))
        shares[row], sds[row] = found.mean, found.sd
    null = noise_floor(np.array([0.003, 0.1, 0.02]) * rng.normal(1, 0.1, (20, 3)), np.repeat(np.arange(5), 4))
    found = change(shares, sds, after)
    assert found.test is not None
    assert found.test.exact
    assert found.adjusted[0] == pytest.approx(3 * 2 / 924)
    assert found.verdicts(null.floor)[0] is Verdict.SIGNAL
    assert Verdict.SIGNAL not in found.verdicts(null.floor)[1:]
    assert found.verdicts(0.02)[0] is Verdict.BELOW
    assert found.left_out.smallest[0] > 0.004


def test_people_are_compared_with_themselves() -> None:
    after = np.tile([False, True], 8)
    people = np.repeat(np.arange(4), 4)
    noise = np.random.default_rng(0).normal(0, 0.1, 16)
    shares = (people * 10 + after + noise)[:, None]
    found = change(shares, None, after, people)
    assert found.difference.value[0] == pytest.approx(1, abs=0.15)
    assert found.difference.freedom == 11
    assert found.difference.sd[0] < 0.1
    assert found.p[0] == found.test.least == pytest.approx(2 / 6**4)  # pyright: ignore[reportOptionalMemberAccess]
    mixed = change(shares, None, after)
    assert mixed.difference.sd[0] > 1
    assert mixed.p[0] > 0.5


def test_false_signals_are_as_rare_as_they_should_be() -> None:
    """Eight labels that do not differ, 100 times: at least one is found in at most 5 % + 3 standard errors."""
    rng, after = np.random.default_rng(1), np.arange(10) > 4
    found = [change(rng.normal(size=(10, 8)), None, after).verdicts(0.0) for _ in range(100)]
    assert sum(Verdict.SIGNAL in one for one in found) <= 11


def test_impossible_input_is_refused() -> None:
    sides = Sides.of(AFTER)
    missing = SHARES.copy()
    missing[[1, 3], 0] = np.nan
    with pytest.raises(InputError, match=r"recordings 1, 3 \(from 0\) lack a share: leave them out"):
        change(missing, None, AFTER)
    with pytest.raises(InputError, match=r"shape \(5 recordings, labels\), not \(5,\)"):
        change(SHARES[:, 0], None, AFTER)
    with pytest.raises(InputError, match="sds must be 0 or positive"):
        change(SHARES, -SHARES, AFTER)
    with pytest.raises(InputError, match="sds must be 0 or positive"):
        change(SHARES, SHARES[:3], AFTER)
    with pytest.raises(InputError, match="sd of the noise must be one number or one for each of 2 labels"):
        difference(SHARES, None, sides, noise_sd=np.zeros(3))
    with pytest.raises(InputError, match="sd of the noise must be 0 or positive"):
        difference(SHARES, None, sides, noise_sd=-0.1)
    with pytest.raises(InputError, match="level of an interval"):
        difference(SHARES, None, sides, level=95)
    with pytest.raises(InputError, match=r"shares must have shape \(4 recordings, labels\), not \(5, 2\)"):
        change(SHARES, None, AFTER[:4])
    with pytest.raises(InputError, match="p must be a row of numbers from 0 to 1"):
        adjusted(np.array([0.5, 1.5]))
    with pytest.raises(InputError, match="noise floor must be 0 or more"):
        verdict(0.1, (0.0, 0.2), -0.1, 0.5)


def test_p_by_null_recordings_has_the_given_points_and_an_exponential_tail() -> None:
    differences = np.array([0.0, -0.02, 0.02, 0.06, 0.10, np.nan])
    found = null_p(differences, np.full(6, 0.02), np.full(6, 0.06))
    assert found[:5] == pytest.approx([1, 0.05, 0.05, 0.05 / 8, 0.05 / 64])
    assert np.isnan(found[5])
    assert null_p(np.array([0.01]), np.array([0.02]), np.array([0.06])) == pytest.approx(0.05**0.5)
    assert np.isnan(null_p(np.array([0.1]), np.array([np.nan]), np.array([np.nan])))


def test_a_tail_is_never_taken_for_shorter_than_what_lies_below_the_floor() -> None:
    found = null_p(np.array([0.04]), np.array([0.02]), np.array([0.02]))  # too few pairs to see a tail
    assert found == pytest.approx(0.05**2)


def test_two_recordings_are_tested_by_null_recordings_where_they_are_given() -> None:
    shares, after = np.array([[0.01, 0.5], [0.07, 0.5]]), np.array([False, True])
    found = change(shares, None, after, noise_sd=0.01, null=(np.full(2, 0.02), np.full(2, 0.06)))
    assert found.p == pytest.approx([0.05 / 8, 1])
    assert found.adjusted == pytest.approx([0.05 / 4, 1])


def test_a_tail_that_begins_below_the_floor_is_refused() -> None:
    with pytest.raises(InputError, match="rare differences must be the floor or more"):
        null_p(np.array([0.1]), np.array([0.2]), np.array([0.1]))


def test_verdicts_do_not_count_the_noise_twice() -> None:
    shares, sds = np.array([[0.0], [0.06]]), np.full((2, 1), 0.005)
    found = change(shares, sds, np.array([False, True]), noise_sd=0.02, null=(np.array([0.04]), np.array([0.055])))
    assert found.difference.low[0] < 0.04 < found.alone.low[0]  # 0.06 - 1.96 * √2 * 0.005
    assert found.alone.sd[0] == pytest.approx(np.sqrt(2) * 0.005)
    assert found.verdicts(0.04) == [Verdict.SIGNAL]
    assert found.verdicts(0.05) == [Verdict.UNCERTAIN]
    assert found.verdicts(0.07) == [Verdict.BELOW]


def test_recordings_of_one_group_are_left_out_together() -> None:
    sides, groups = Sides.of(AFTER), np.array([0, 0, 1, 2, 3])
    found = left_out(SHARES, sides, groups)
    assert found.differences[:, 0] == pytest.approx([0.032 - 0.012, 0.032 - 0.012, 0.034 - 0.012, 0.030 - 0.012])
    single = left_out(SHARES, sides)
    assert single.differences[2:] == pytest.approx(found.differences[1:]) and len(single.differences) == 5
    assert np.isnan(left_out(SHARES, sides, AFTER.astype(int)).differences).all(), "nothing is left on a side"
    assert change(SHARES, None, AFTER, groups=groups).left_out.p == pytest.approx(found.p)
    with pytest.raises(InputError, match="groups to leave out must be one for each recording"):
        left_out(SHARES, sides, groups[:3])
