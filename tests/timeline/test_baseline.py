from __future__ import annotations

import numpy as np
import pytest

from kaoiro.timeline.baseline import LEAST, MOST_ROWS, MOST_TRACKS, Rests, pieces, resting, typical

NEUTRAL, SHARES = 1, 3  # happiness, neutral, anger, and an action unit


def test_typical_is_the_median_of_each_and_shares_add_up() -> None:
    values = np.array([[0.2, 0.5, 0.3, 0.1], [0.1, 0.6, 0.3, 0.3], [0.9, 0.05, 0.05, 0.2]])
    assert typical(values, SHARES) == pytest.approx([0.2, 0.5, 0.3, 0.2])
    lopsided = np.array([[1.0, 0, 0, 0.5], [0, 1.0, 0, 0.5], [0.4, 0.3, 0.3, 0.5]])
    assert typical(lopsided, SHARES) == pytest.approx([0.4 / 0.7, 0.3 / 0.7, 0, 0.5])


def test_what_was_never_measured_is_not_known() -> None:
    values = np.array([[0.2, 0.8, 0.0, np.nan], [0.2, 0.8, 0.0, np.nan], [np.nan] * 4])
    assert typical(values, SHARES)[:3] == pytest.approx([0.2, 0.8, 0])
    assert np.isnan(typical(values, SHARES)[3])
    assert np.isnan(typical(np.empty((0, 4)), SHARES)).all()


@pytest.mark.parametrize("start_s", [0.0, 7.3, -2.0, 1e5])
def test_pieces_are_seconds_from_the_first_frame(start_s: float) -> None:
    times_s = start_s + np.arange(50) / 25
    assert pieces(times_s).tolist() == [0] * 25 + [1] * 25


def made(seconds: float, rate: float, rest: list[float], events: list[tuple[float, float, list[float]]], noise: float):
    """Return times and values of a face at rest, except between the times of events."""
    times_s = np.arange(round(seconds * rate)) / rate
    values = np.tile(np.array(rest), (len(times_s), 1))
    for begin, end, shown in events:
        inside = (times_s >= begin) & (times_s < end)
        swing = np.sin(np.pi * (times_s[inside] - begin) / (end - begin))[:, None]
        values[inside] = (1 - swing) * values[inside] + swing * np.array(shown)
    jitter = np.random.default_rng(0).normal(0, noise, values.shape)
    return times_s, values + jitter


REST, SMILE, FROWN = [0.05, 0.7, 0.25, 0.2], [0.95, 0.05, 0.0, 0.95], [0.0, 0.1, 0.9, 0.1]


@pytest.mark.parametrize("rate", [25.0, 2.0])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_a_known_rest_is_found_though_the_face_is_busy_most_of_the_time(rate: float, noise: float) -> None:
    events = [(begin, begin + 4, SMILE if begin % 12 else FROWN) for begin in range(0, 60, 6)]
    times_s, values = made(60, rate, REST, events, noise)
    found = resting(times_s, values, NEUTRAL, SHARES)
    assert found == pytest.approx(REST, abs=0.001 if noise == 0 else 0.04)
    assert abs(np.mean(values, axis=0) - REST).max() > 0.2  # which the mean is not
    assert found is not None and found[:SHARES].sum() == pytest.approx(1)


def test_a_face_that_looks_angry_at_rest_rests_so() -> None:
    grim = [0.0, 0.3, 0.7, 0.1]
    times_s, values = made(30, 10, grim, [(5, 9, SMILE), (15, 22, SMILE)], 0.02)
    assert resting(times_s, values, NEUTRAL, SHARES) == pytest.approx(grim, abs=0.03)


def test_of_equally_neutral_seconds_the_still_ones_are_rest() -> None:
    times_s = np.arange(400) / 10
    values = np.tile([0.1, 0.8, 0.1, 0.1], (400, 1))
    values[:300, 3] = 0.5 + 0.4 * (-1.0) ** np.arange(300)  # talks
    assert resting(times_s, values, NEUTRAL, SHARES) == pytest.approx([0.1, 0.8, 0.1, 0.1])


def test_a_face_seen_too_briefly_has_no_rest() -> None:
    times_s = np.arange(LEAST * 10) / 10
    values = np.tile(REST, (len(times_s), 1))
    assert resting(times_s[:-10], values[:-10], NEUTRAL, SHARES) is None
    assert resting(times_s, values, NEUTRAL, SHARES) == pytest.approx(REST)
    assert resting(np.arange(3.0) * 100, values[:3], NEUTRAL, SHARES) is None  # a long time, hardly seen
    assert resting(np.empty(0), np.empty((0, 4)), NEUTRAL, SHARES) is None


def test_tracks_are_kept_apart() -> None:
    rests = Rests(NEUTRAL, SHARES)
    other = [0.0, 0.4, 0.6, 0.5]
    for second in np.arange(0, 12, 0.1):
        rests.add(3, second, REST)
        rests.add(8, second, other)
        if second < 5:
            rests.add(9, second, other)
    found = rests.finish()
    assert found[3] == pytest.approx(REST)
    assert found[8] == pytest.approx(other)
    assert found[9] is None


def test_of_many_tracks_those_not_seen_any_more_are_finished_first() -> None:
    rests = Rests(NEUTRAL, SHARES)
    for second in range(12):
        rests.add(0, float(second), REST)
    for track in range(1, MOST_TRACKS + 1):
        rests.add(track, 12.0, REST)
    assert len(rests._open) == MOST_TRACKS
    rests.add(0, 13.0, SMILE)  # too late
    found = rests.finish()
    assert found[0] == pytest.approx(REST)
    assert len(found) == MOST_TRACKS + 1


def test_a_long_track_takes_bounded_memory_and_keeps_its_rest() -> None:
    rests = Rests(NEUTRAL, SHARES)
    for frame in range(3 * MOST_ROWS):
        smiling = frame % 1000 > 400
        rests.add(1, frame / 25, SMILE if smiling else REST)
    assert len(rests._open[1].rows()) < MOST_ROWS
    assert rests.finish()[1] == pytest.approx(REST)
