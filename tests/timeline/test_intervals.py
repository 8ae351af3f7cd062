from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from scipy.signal import lfilter

from kaoiro.core.errors import InputError
from kaoiro.timeline.intervals import Blocks, block_lengths, fitting, intervals
from kaoiro.timeline.sampled import sampled


def series(count: int, memory: float, columns: int = 1, seed: int = 0) -> np.ndarray:
    """Return (count, columns) of mean 0, each value `memory` times the one before and something new."""
    noise = np.random.default_rng(seed).normal(size=(count + 200, columns))
    return lfilter([1], [1, -memory], noise, axis=0)[200:]


def halves(count: int) -> np.ndarray:
    return np.arange(count) * 0.5


FIXED = Blocks(5, 5)


def test_the_mean_is_that_of_the_samples() -> None:
    values = series(600, 0.5, 3)
    found = intervals(values, halves(600))
    assert found.mean == pytest.approx(values.mean(axis=0), abs=1e-9)
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    assert found.enough.all()
    assert found.seen_s.tolist() == [300] * 3


def test_the_mean_is_weighted_and_leaves_out_what_is_missing() -> None:
    values, weights = series(600, 0.5, 2), np.random.default_rng(1).random(600)
    values[100:250, 1] = np.nan
    found = intervals(values, halves(600), weights)
    expected = [np.average(values[:, 0], weights=weights)]
    expected += [np.average(np.delete(values[:, 1], slice(100, 250)), weights=np.delete(weights, slice(100, 250)))]
    assert found.mean == pytest.approx(expected, abs=1e-9)
    assert found.seen_s.tolist() == [300, 225]
    assert found.sd[1] > found.sd[0] * 0.9


def test_single_samples_that_are_independent_scatter_as_they_should() -> None:
    values = np.random.default_rng(0).normal(0, 2, (7200, 4))
    found = intervals(values, halves(7200), blocks=FIXED)
    assert found.sd == pytest.approx([2 / np.sqrt(7200)] * 4, rel=0.1)
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.sd, rel=0.06)


def test_the_sd_is_the_one_of_circular_blocks_by_formula() -> None:
    """Of n / b whole blocks the variance of the mean is that of all n blocks' means, divided by their number."""
    values, block = series(400, 0.8)[:, 0], 10
    rounds = np.concatenate([values, values])
    means = np.array([rounds[first : first + block].mean() for first in range(400)])
    found = intervals(values[:, None], halves(400), blocks=Blocks(5, 5, draws=20_000))
    assert found.sd[0] == pytest.approx(means.std() / np.sqrt(40), rel=0.02)


def test_blocks_that_do_not_fill_a_recording_are_filled_up() -> None:
    values = series(405, 0.8)  # 40 blocks and half of one
    whole, more = intervals(values[:400], halves(400), blocks=FIXED), intervals(values, halves(405), blocks=FIXED)
    assert more.sd == pytest.approx(whole.sd, rel=0.1)
    constant = intervals(np.ones((405, 1)), halves(405), blocks=FIXED)
    assert (constant.low[0], constant.high[0]) == pytest.approx((1, 1), abs=1e-9)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = series(300, 0.5)
    first, second, other = (intervals(values, halves(300), seed=seed).low for seed in (1, 1, 2))
    assert first == second
    assert first != other


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.78])
def test_intervals_hold_the_true_mean_as_often_as_they_say(memory: float) -> None:
    """Recordings of twelve minutes; 0.78 is a memory of 2 s. Of 400 of them, 92.8 % are 2 errors below 95 %."""
    values = series(1440, memory, 400)
    found = [
        intervals(values[:, k : k + 40], halves(1440), blocks=Blocks(draws=400), seed=k) for k in range(0, 400, 40)
    ]
    held = np.concatenate([(one.low <= 0) & (one.high >= 0) for one in found])
    assert 0.905 <= held.mean() <= 0.975


def test_intervals_as_of_single_samples_would_be_far_too_narrow() -> None:
    values = series(1440, 0.78, 200)
    narrow = 1.96 * values.std(axis=0) / np.sqrt(1440)
    assert (np.abs(values.mean(axis=0)) <= narrow).mean() < 0.7
    assert intervals(values, halves(1440), blocks=Blocks(draws=100)).sd.mean() > 2 * narrow.mean() / 1.96


def test_few_blocks_give_wider_intervals_for_the_same_spread() -> None:
    values = np.random.default_rng(0).normal(size=(100, 60))
    found = intervals(values, halves(100), blocks=FIXED)  # 10 blocks, whose t reaches 2.26 instead of 1.96
    assert ((found.high - found.low) / (2 * found.sd)).mean() == pytest.approx(2.26 * np.sqrt(10 / 9), rel=0.04)


@pytest.mark.parametrize("memory", [0.5, 0.9, 0.95])
def test_block_lengths_are_those_of_theory(memory: float) -> None:
    expected = (1.5 * (2 * memory / (1 - memory**2)) ** 2 * 7200) ** (1 / 3)
    assert np.median(block_lengths(series(7200, memory, 11))) == pytest.approx(expected, rel=0.12)


def test_block_lengths_where_nothing_is_to_be_found() -> None:
    white = block_lengths(np.random.default_rng(0).normal(size=(7200, 20)))
    assert np.median(white) < 3
    odd = np.stack([np.ones(50), np.full(50, np.nan)], axis=1)
    assert block_lengths(odd).tolist() == [1, 1]
    assert block_lengths(np.empty((0, 2))).tolist() == [1, 1]
    assert block_lengths(np.array([[1.0], [2.0]])).tolist() == [1]
    swing = np.sin(np.arange(300) / 4)[:, None]  # which a flat-top window takes for one that never changes its mean
    assert block_lengths(swing).tolist() == [np.ceil(3 * np.sqrt(300))]
    with pytest.raises(InputError, match="shape"):
        block_lengths(np.ones(5))


def test_block_lengths_hardly_depend_on_missing_samples() -> None:
    values = series(7200, 0.9, 11)
    whole = np.median(block_lengths(values))
    values[np.random.default_rng(1).random(7200) < 0.2] = np.nan
    assert np.median(block_lengths(values)) == pytest.approx(whole, rel=0.2)


def test_the_length_is_kept_between_its_limits_and_says_when_it_is_cut() -> None:
    short, long = series(2000, 0.0), series(2000, 0.95)
    assert intervals(short, halves(2000)).block_s == 5
    assert not intervals(short, halves(2000)).cut[0]
    found = intervals(long, halves(2000))
    assert found.block_s == 10
    assert found.wished_s[0] > 10
    assert found.cut[0]
    free = intervals(long, halves(2000), blocks=Blocks(5, 120))
    assert free.block_s == pytest.approx(free.wished_s[0], abs=0.5)
    assert not free.cut[0]
    assert free.sd[0] > 1.2 * found.sd[0]
    both = intervals(np.concatenate([short, long], axis=1), halves(2000))
    assert both.block_s == 10
    assert both.cut.tolist() == [False, True]


def test_a_recording_that_is_too_short_has_a_mean_but_no_interval() -> None:
    values = series(99, 0.0)  # 49.5 s
    found = intervals(values, halves(99))
    assert found.mean == pytest.approx(values.mean(axis=0))
    assert not found.enough[0]
    for figure in (found.low, found.high, found.sd):
        assert np.isnan(figure).all()
    assert intervals(series(100, 0.0), halves(100)).enough[0]


def test_time_unseen_does_not_make_up_for_a_short_recording() -> None:
    values = series(600, 0.0, 2)
    values[50:, 1] = np.nan
    found = intervals(values, halves(600))
    assert found.enough.tolist() == [True, False]
    assert np.isnan(found.low).tolist() == [False, True]


def test_a_face_that_was_never_seen_has_no_mean() -> None:
    found = intervals(np.full((50, 2), np.nan), halves(50))
    assert np.isnan(found.mean).all()
    assert not found.enough.any()
    assert intervals(np.empty((0, 2)), np.empty(0)).mean.shape == (2,)


def test_every_frame_gives_nearly_the_interval_of_samples() -> None:
    """At 10 frames a second with a gap, weighed by time, or at 2 samples a second."""
    times_s = np.delete(np.arange(6000) / 10, slice(1000, 1500))
    values = series(6000, 0.95, 2)[np.round(times_s * 10).astype(int)]
    every, steps = sampled(times_s, None), sampled(times_s)
    fine = intervals(every.take(values), every.times_s, every.weights_s)
    coarse = intervals(steps.take(values), steps.times_s, steps.weights_s)
    assert fine.mean == pytest.approx(coarse.mean, abs=0.2)
    assert fine.sd == pytest.approx(coarse.sd, rel=0.25)
    assert fine.seen_s == pytest.approx([550, 550], abs=2)


def test_samples_further_apart_than_half_a_second_are_their_own_cells() -> None:
    found = intervals(series(400, 0.0), np.arange(400) * 2.0)
    assert found.seen_s[0] == 800
    assert found.block_s == 6


def test_an_hour_takes_little_time_and_memory() -> None:
    values = np.random.default_rng(0).random((7200, 8))
    start = time.process_time()
    intervals(values, halves(7200))
    assert time.process_time() - start < 2
    tracemalloc.start()
    intervals(values, halves(7200))
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()


def test_impossible_input_is_refused() -> None:
    values = series(100, 0.0)
    with pytest.raises(InputError, match="must agree"):
        intervals(values, halves(99))
    with pytest.raises(InputError, match="must agree"):
        intervals(values[:, 0], halves(100))
    with pytest.raises(InputError, match="increase"):
        intervals(values, np.zeros(100))
    with pytest.raises(InputError, match="weights"):
        intervals(values, halves(100), -np.ones(100))
    with pytest.raises(InputError, match="length of a recording"):
        intervals(values[:4], np.array([0.0, 0.5, 1.0, 1e9]))


@pytest.mark.parametrize(
    "setting", [{"shortest_s": 0}, {"longest_s": 4}, {"least": 1}, {"draws": 1}, {"level": 1.0}, {"longest_s": np.inf}]
)
def test_impossible_blocks_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Blocks(**setting)  # pyright: ignore[reportArgumentType]


def test_longer_blocks_are_allowed_as_far_as_enough_of_them_fit() -> None:
    long = Blocks(longest_s=60.0)
    assert fitting(long, 3600.0) == long
    assert fitting(long, 300.0).longest_s == 30.0
    assert fitting(long, 40.0).longest_s == 10.0
    assert fitting(Blocks(), 40.0) == Blocks()
    assert fitting(Blocks(shortest_s=20.0, longest_s=60.0), 40.0).longest_s == 20.0
