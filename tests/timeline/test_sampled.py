from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.timeline.sampled import Sampled, increasing, nearest, sampled


def test_each_tick_has_the_nearest_row() -> None:
    found = sampled(np.array([10.0, 10.2, 10.45, 10.6, 11.1]), 0.5)
    assert found.times_s.tolist() == [10.0, 10.5, 11.0]
    assert found.rows.tolist() == [0, 2, 4]
    assert found.weights_s == pytest.approx([0.5] * 3)
    assert found.edges_s[1] == pytest.approx([10.25, 10.75])


def test_a_tick_without_a_row_within_half_a_step_is_absent() -> None:
    found = sampled(np.array([0.0, 0.5, 2.2, 2.5]), 0.5)
    assert found.rows.tolist() == [0, 1, -1, -1, 2, 3]
    assert found.present.tolist() == [True, True, False, False, True, True]
    assert sampled(np.array([0.0, 2.74, 3.0]), 0.5).rows.tolist() == [0, -1, -1, -1, -1, 1, 2]


def test_of_equally_near_rows_the_earlier_counts_and_no_row_counts_twice() -> None:
    assert sampled(np.array([0.0, 0.48, 0.52, 1.0]), 0.5).rows.tolist() == [0, 1, 3]
    assert sampled(np.array([0.0, 0.25, 1.0]), 0.5).rows.tolist() == [0, 1, 2]
    halves = 0.05 + 0.1 * np.arange(300)  # each between two ticks: none is lost to rounding
    assert sampled(halves, 0.1, start_s=0.0, end_s=30.0).rows.tolist() == [-1, *range(300)]


@pytest.mark.parametrize("rate", [25.0, 30000 / 1001, 12.5])
def test_an_hour_at_two_samples_a_second(rate: float) -> None:
    times_s = np.arange(int(3600 * rate)) / rate
    found = sampled(times_s)
    assert len(found.rows) == 7200
    assert found.present.all()
    assert (np.abs(times_s[found.rows] - found.times_s) <= 0.5 / rate + 1e-9).all()


def test_a_recording_may_begin_before_and_end_after_its_rows() -> None:
    found = sampled(np.array([1.0, 1.5]), 0.5, start_s=0.0, end_s=2.6)
    assert found.times_s.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert found.rows.tolist() == [-1, -1, 0, 1, -1, -1]
    assert sampled(np.array([0.0, 0.5, 1.0, 1.5]), 0.5, start_s=0.5, end_s=1.0).rows.tolist() == [1, 2]


def test_every_row_stands_for_half_the_way_to_its_neighbours() -> None:
    found = sampled(np.array([0.0, 0.1, 0.2, 0.6, 0.8]), None)
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    assert found.weights_s == pytest.approx([0.1, 0.1, 0.25, 0.3, 0.2])


def test_at_an_even_rate_all_rows_weigh_the_same() -> None:
    found = sampled(np.arange(100) / 25, None)
    assert found.weights_s == pytest.approx(np.full(100, 0.04))


def test_a_gap_is_an_absent_sample_for_the_time_that_nobody_saw() -> None:
    found = sampled(np.array([0.0, 0.1, 5.1, 5.2]), None, gap_s=1.0)
    assert found.rows.tolist() == [0, 1, -1, 2, 3]
    assert found.weights_s == pytest.approx([0.1, 0.55, 4.0, 0.55, 0.1])
    assert found.times_s[2] == pytest.approx(2.6)
    assert found.edges_s[1:, 0] == pytest.approx(found.edges_s[:-1, 1])


def test_every_row_of_a_part_of_a_recording() -> None:
    found = sampled(np.array([2.0, 2.1, 2.2]), None, start_s=0.0, end_s=2.15)
    assert found.rows.tolist() == [-1, 0, 1]
    assert found.edges_s == pytest.approx(np.array([[0, 1.95], [1.95, 2.05], [2.05, 2.15]]))


def test_time_counts_and_not_frames() -> None:
    """A second of dense frames counts as much as a second of sparse ones."""
    dense, sparse = np.arange(60) / 60, 1 + np.arange(5) / 5
    values = np.concatenate([np.ones(60), np.zeros(5)])
    found = sampled(np.concatenate([dense, sparse]), None)
    weighted = (found.weights_s * values).sum() / found.weights_s.sum()
    assert values.mean() > 0.9
    assert weighted == pytest.approx(0.5, abs=0.05)


def test_values_are_taken_and_absent_samples_are_no_numbers() -> None:
    found = sampled(np.array([0.0, 1.0]), 0.5)
    assert found.take(np.array([[1, 2], [3, 4]])) == pytest.approx(
        np.array([[1, 2], [np.nan, np.nan], [3, 4]]), nan_ok=True
    )
    for wrong in (np.ones(2), np.ones((1, 2))):
        with pytest.raises(InputError, match="shape"):
            found.take(wrong)


@pytest.mark.parametrize("step_s", [0.5, None])
def test_few_rows(step_s: float | None) -> None:
    nothing = sampled(np.empty(0), step_s)
    assert len(nothing.times_s) == len(nothing.rows) == len(nothing.weights_s) == 0
    assert nothing.take(np.empty((0, 3))).shape == (0, 3)
    unseen = sampled(np.empty(0), step_s, start_s=0.0, end_s=10.0)
    assert not unseen.present.any()
    assert unseen.weights_s.sum() == pytest.approx(10.0 if step_s is None else 10.5)
    single = sampled(np.array([4.0]), step_s)
    assert single.rows.tolist() == [0]
    assert single.weights_s[0] > 0


def test_impossible_times_and_steps_are_refused() -> None:
    for times_s in ([0.0, 0.0], [1.0, 0.5], [0.0, np.nan], [[0.0, 1.0]]):
        with pytest.raises(InputError, match="increase from row to row"):
            sampled(np.array(times_s))
    times_s = np.array([0.0, 1.0])
    with pytest.raises(InputError, match="step must be a positive, finite number of seconds, not 0"):
        sampled(times_s, 0)
    with pytest.raises(InputError, match="longest gap"):
        sampled(times_s, None, gap_s=-1)
    with pytest.raises(InputError, match="end must be at or after the start, 2 s, not 1"):
        sampled(times_s, start_s=2)
    with pytest.raises(InputError, match="at most 10000000; check its times and the step"):
        sampled(np.array([0.0, 1e12]))


def test_increasing_times_come_back_as_numbers() -> None:
    assert increasing(np.array([1, 2])).dtype == np.float64
    assert Sampled(np.zeros(1), np.zeros(1, int), np.zeros((1, 2))).weights_s.tolist() == [0]


def test_rows_chosen_for_ticks_give_the_samples_that_all_rows_give() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.8, 500)).round(6)
    chosen = nearest(times, np.zeros(500), 0.5, 1.0)
    few, all_rows = (sampled(one, 0.5, 1.0, 200.0) for one in (times[chosen], times))
    assert len(chosen) < 400
    assert np.array_equal(few.rows >= 0, all_rows.rows >= 0)
    assert times[chosen][few.rows[few.present]].tolist() == times[all_rows.rows[all_rows.present]].tolist()


def test_faces_compete_for_a_tick_only_with_themselves() -> None:
    times, faces = np.array([0.0, 0.0, 0.1, 0.4, 0.5, 0.5]), np.array([1, 2, 1, 2, 1, 1])
    assert nearest(times, faces, 0.5, 0.0).tolist() == [0, 1, 3, 4]
    assert nearest(times, np.zeros(6), 0.5, 0.0, np.array([1, 2, 3, 4, 5, 6])).tolist() == [1, 5]
    assert nearest(np.empty(0), np.empty(0), 0.5, 0.0).tolist() == []
