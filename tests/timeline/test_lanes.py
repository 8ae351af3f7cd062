import numpy as np

from kaoiro.timeline.lanes import lanes


def test_a_lane_for_each_track_the_longest_first():
    times = np.array([0.0, 0.0, 0.1, 0.1, 0.2])
    tracks = np.array([3, 7, 3, 7, 7])
    found = lanes(times, tracks, {"fear": np.arange(5.0)}, points=10)
    assert [lane.track for lane in found] == [7, 3]
    assert found[0].times_s.tolist() == [0.0, 0.1, 0.2]
    assert found[0].curves["fear"].tolist() == [1, 3, 4]


def test_points_are_left_out_evenly_and_the_ends_stay():
    times = np.arange(101) / 100
    (lane,) = lanes(times, np.zeros(101, int), {"fear": times}, points=5)
    assert lane.times_s.tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_a_gap_is_marked_between_its_ends_however_few_points():
    times = np.array([0.0, 0.1, 0.2, 2.2, 2.3, 2.4])
    (lane,) = lanes(times, np.zeros(6, int), {"fear": np.ones(6)}, points=2)
    assert lane.times_s.tolist() == [0.0, 0.2, 1.2000000000000002, 2.2, 2.4]
    assert np.isnan(lane.curves["fear"]).tolist() == [False, False, True, False, False]


def test_frames_far_apart_are_no_gaps():
    times = np.arange(50) * 2.0
    (lane,) = lanes(times, np.zeros(50, int), {"fear": np.ones(50)}, points=100)
    assert not np.isnan(lane.curves["fear"]).any()


def test_gaps_are_at_most_as_many_as_points():
    times = np.arange(300) // 3 * 10.0 + np.arange(300) % 3 * 0.04
    (lane,) = lanes(times, np.zeros(300, int), {"fear": np.ones(300)}, points=5)
    assert len(lane.times_s) <= 20


def test_peaks_are_found_before_points_are_left_out():
    times = np.arange(11.0)
    fear, calm = np.zeros(11), np.full(11, 0.9)
    fear[3] = 0.8
    low = np.full(11, 0.4)
    (lane,) = lanes(times / 10, np.zeros(11, int), {"fear": fear, "calm": calm, "low": low}, 2, quiet=("calm",))
    assert [(peak.label, peak.time_s, peak.value) for peak in lane.peaks] == [("fear", 0.3, 0.8)]


def test_no_rows_give_no_lanes():
    assert lanes(np.zeros(0), np.zeros(0, int), {"fear": np.zeros(0)}, 10) == []
