from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection
from kaoiro.faces.track import Tracker, TrackerConfig

UNEVEN = (0.0, 0.03, 0.05, 0.2, 0.24, 0.5, 0.52, 0.6, 0.9, 0.91, 1.0, 1.3, 1.31, 1.5, 1.8, 2.0)


def face(x: float, y: float = 100.0, side: float = 40.0) -> Detection:
    return Detection(Box(x - side / 2, y - side / 2, side, side))


def test_faces_are_numbered_from_zero_in_the_order_given():
    tracker = Tracker()
    assert tracker.update(0.0, [face(300), face(50)]) == [0, 1]
    assert tracker.update(0.04, [face(51), face(150), face(301)]) == [1, 2, 0]


def test_frames_without_faces_have_no_tracks_and_end_none():
    tracker = Tracker()
    assert tracker.update(0.0, []) == []
    assert tracker.update(0.1, [face(50)]) == [0]
    assert tracker.update(0.2, []) == []
    assert tracker.update(0.3, [face(50)]) == [0]


@pytest.mark.parametrize(("gap_s", "number"), [(0.9, 0), (1.0, 0), (1.1, 1)])
def test_a_face_keeps_its_number_over_gaps_up_to_the_limit(gap_s, number):
    tracker = Tracker(TrackerConfig(max_gap_s=1.0))
    assert tracker.update(0.0, [face(50)]) == [0]
    assert tracker.update(gap_s, [face(50)]) == [number]


@pytest.mark.parametrize(("limit_s", "number"), [(0.5, 1), (3.0, 0)])
def test_the_longest_gap_can_be_set(limit_s, number):
    tracker = Tracker(TrackerConfig(max_gap_s=limit_s))
    tracker.update(0.0, [face(50)])
    assert tracker.update(2.0, [face(50)]) == [number]


@pytest.mark.parametrize("rate", [29.97, 25.0])
@pytest.mark.parametrize("every_s", [1.001, 2.0, 10.0])
def test_a_face_that_stays_keeps_its_number_however_far_apart_frames_are(every_s, rate):
    tracker = Tracker(TrackerConfig().spanning(every_s, rate))
    shown = np.arange(0, 20 * every_s, 1 / rate)
    slots = np.floor(shown / every_s + 1e-6)
    for time_s in shown[np.flatnonzero(np.diff(slots, prepend=-1))]:
        assert tracker.update(float(time_s), [face(50)]) == [0], time_s


@pytest.mark.parametrize(
    ("every_s", "rate", "gap_s"),
    [(None, 25.0, 1.0), (0.5, 25.0, 1.0), (2.0, 25.0, 3.04), (None, 0.5, 5.0), (4.0, 0.0, 6.0), (None, 0.0, 1.0)],
)
def test_the_longest_gap_holds_the_steps_between_frames(every_s, rate, gap_s):
    config = TrackerConfig(reach=0.5).spanning(every_s, rate)
    assert (config.max_gap_s, config.reach) == (pytest.approx(gap_s), 0.5)


def test_the_gap_counts_from_when_the_face_was_last_seen_not_from_the_last_frame():
    tracker = Tracker(TrackerConfig(max_gap_s=1.0))
    tracker.update(0.0, [face(50), face(300)])
    for time_s in (0.4, 0.8, 1.2):
        assert tracker.update(time_s, [face(300)]) == [1]
    assert tracker.update(1.24, [face(50), face(300)]) == [2, 1]


def test_a_moving_face_is_found_again_where_it_should_be_after_a_gap():
    tracker = Tracker()
    for step in range(6):
        assert tracker.update(step / 25, [face(50 + 10 * step)]) == [0]
    assert tracker.update(15 / 25, [face(200)]) == [0]  # 100 pixels on: no overlap with where it was last seen


def test_a_face_that_stops_while_it_is_hidden_keeps_its_number():
    tracker = Tracker()
    for step in range(6):
        assert tracker.update(step / 25, [face(50 + 10 * step)]) == [0]
    assert tracker.update(20 / 25, [face(104)]) == [0]


def test_a_face_where_it_should_be_goes_before_one_where_it_was():
    tracker = Tracker()
    for step in range(6):
        assert tracker.update(step / 25, [face(50 + 10 * step)]) == [0]
    assert tracker.update(15 / 25, [face(100), face(200)]) == [1, 0]


def test_a_face_elsewhere_is_another_face():
    tracker = Tracker()
    assert tracker.update(0.0, [face(50)]) == [0]
    assert tracker.update(0.04, [face(150)]) == [1]


def test_a_face_of_quite_another_size_is_another_face():
    tracker = Tracker()
    assert tracker.update(0.0, [face(100, side=20)]) == [0]
    assert tracker.update(0.04, [face(100, side=90)]) == [1]


@pytest.mark.parametrize("rate", [10, 25, 50])
def test_two_faces_that_cross_keep_their_numbers(rate):
    tracker = Tracker()
    for time_s in np.arange(0, 2, 1 / rate):
        right, left = face(50 + 150 * time_s, 100), face(350 - 150 * time_s, 106)
        assert tracker.update(time_s, [right, left]) == [0, 1], time_s


def test_faces_that_cross_keep_their_numbers_in_whatever_order_they_are_given():
    tracker = Tracker()
    for index, time_s in enumerate(np.arange(0, 2, 0.04)):
        pair = {0: face(50 + 150 * time_s, 100), 1: face(350 - 150 * time_s, 106)}
        order = [0, 1] if index == 0 else np.random.default_rng(index).permutation(2).tolist()
        assert tracker.update(time_s, [pair[number] for number in order]) == order, time_s


def test_a_face_hidden_while_it_crosses_another_keeps_its_number():
    tracker = Tracker()
    for time_s in np.arange(0, 2, 0.04):
        front, behind = face(50 + 150 * time_s), face(350 - 150 * time_s)
        hidden = abs(front.box.left - behind.box.left) < 36
        seen = [front] if hidden else [front, behind]
        assert tracker.update(time_s, seen) == [0, 1][: len(seen)], time_s


def test_an_uneven_frame_rate_changes_nothing():
    tracker = Tracker()
    for time_s in UNEVEN:
        faces = [face(50 + 120 * time_s), face(250 + 60 * time_s, 180)]
        assert tracker.update(time_s, faces) == [0, 1], time_s


def test_time_that_jumps_back_ends_all_tracks():
    tracker = Tracker()
    assert tracker.update(5.0, [face(50), face(300)]) == [0, 1]
    assert tracker.update(4.9, [face(50), face(300)]) == [2, 3]
    assert tracker.update(4.94, [face(50), face(300)]) == [2, 3]


def test_two_frames_at_one_time_are_one_moment():
    tracker = Tracker()
    tracker.update(1.0, [face(50)])
    assert tracker.update(1.0, [face(52)]) == [0]
    assert tracker.update(1.04, [face(52)]) == [0]


def test_one_track_is_never_given_to_two_faces():
    tracker = Tracker()
    assert tracker.update(0.0, [face(100)]) == [0]
    assert tracker.update(0.04, [face(104), face(98)]) == [1, 0]


def test_numbers_are_not_used_again():
    tracker = Tracker(TrackerConfig(max_gap_s=0.1))
    assert [tracker.update(float(time_s), [face(50)]) for time_s in range(4)] == [[0], [1], [2], [3]]


def test_shaking_boxes_keep_their_numbers():
    tracker, noise = Tracker(), np.random.default_rng(3)
    for time_s in np.arange(0, 4, 0.04):
        shake = noise.normal(0, 3, (2, 2))
        faces = [face(100 + shake[0, 0], 100 + shake[0, 1]), face(160 + shake[1, 0], 100 + shake[1, 1])]
        assert tracker.update(time_s, faces) == [0, 1], time_s
