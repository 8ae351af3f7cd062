import numpy as np
import pytest

from kaoiro.timeline.ticks import Ticks, nearest_frames, windows


@pytest.mark.parametrize(
    ("rate", "timescale", "frame"),
    [
        (29.97, 30000, 1001),
        (30000 / 1001, 30000, 1001),
        (24000 / 1001, 24000, 1001),
        (25, 25000, 1000),
        (29.872675, 30000, 1001),
        (30.002, 30000, 1000),
        (27.5, 55000, 2000),
        (60, 60000, 1000),
        (0.5, 1000, 2000),
        (0, 25000, 1000),
    ],
)
def test_a_frame_is_a_whole_number_of_ticks(rate, timescale, frame):
    assert Ticks.of(rate) == Ticks(timescale, frame)


def test_lengths_are_rounded_to_frames():
    ticks = Ticks.of(29.97)
    assert ticks.frames(0.5) == 15  # 15015 ticks, as in the retired documentation
    assert ticks.frames(2.0) == 60
    assert ticks.frames(0.001) == 1


def test_times_fall_into_the_nearest_slot():
    ticks = Ticks.of(25)
    assert ticks.slots(np.array([1.0, 1.04, 1.059, 1.061, 0.9]), start_s=1.0).tolist() == [0, 1, 1, 2, 0]


def test_one_frame_stands_for_a_slot():
    times = np.array([0.0, 0.0, 0.03, 0.05, 0.05, 0.08])
    slots = np.array([0, 0, 1, 1, 1, 2])
    keep = nearest_frames(times, slots, start_s=0.0, step_s=0.04)
    # 0.03 and 0.05 are equally far from 0.04: the earlier one stands for it
    assert keep.tolist() == [True, True, True, False, False, True]
    assert nearest_frames(np.zeros(0), np.zeros(0, int), 0.0, 0.04).tolist() == []


def test_windows_hold_shares_and_means_over_their_faces():
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5]])
    slots = np.array([0, 0, 1, 4])
    first, second, third = windows(scores, slots, length=2, count=3)
    assert first.shares.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert first.means.tolist() == pytest.approx([0.5, 0.5])
    assert second is None
    assert third.shares.tolist() == [1, 0]  # the first of equals
