from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.types import Record
from kaoiro.inference import plot
from kaoiro.inference.plot import MOST_POINTS, MOST_TRACKS, Curves, figure


@pytest.fixture
def track(make_record):
    """Return a function that makes a record of a track."""
    import dataclasses

    face = make_record(fear=0.75, anger=0.25)
    return lambda number, time_s: dataclasses.replace(face, track=number, time_s=time_s)


def curves(records) -> Curves:
    made = Curves()
    for record in records:
        made.add(record)
    return made


def test_every_record_of_a_short_video_is_drawn(track):
    times = [index / 25 for index in range(MOST_POINTS - 1)]
    ((number, rows, stride),) = curves(track(3, time_s) for time_s in times).longest()
    assert (number, stride) == (3, 1)
    assert rows[:, 0].tolist() == times
    assert rows[0, 1:9].tolist() == [0.25, 0, 0, 0.75, 0, 0, 0, 0]
    assert np.isnan(rows[:, 9:]).all()  # nothing was smoothed


def test_smoothed_curves_lie_over_pale_single_frames(track):
    import dataclasses

    from kaoiro.core.labels import EXPRESSIONS
    from kaoiro.core.types import smooth_column
    from kaoiro.faces.draw import COLOURS

    plain = [track(1, index / 10) for index in range(20)]
    smooth = {smooth_column(label): 0.5 for label in EXPRESSIONS.labels}
    steady = [dataclasses.replace(one, scores={**one.scores, **smooth}) for one in plain]
    fear = tuple(int(COLOURS["fear"][k : k + 2], 16) for k in (1, 3, 5))

    def heights(records) -> set[int]:
        pixels = np.asarray(figure(records, "title"))[60:260, 100:900]
        return set(np.flatnonzero((pixels == fear).all(axis=2).any(axis=1)).tolist())

    assert heights(plain)
    assert not heights(plain) & heights(steady)
    assert plot._faded("#000000", 0.6) == "#999999"


def test_of_a_long_video_evenly_many_records_are_held(track):
    made = curves(track(1, float(index)) for index in range(5 * MOST_POINTS))
    ((_, rows, stride),) = made.longest()
    assert MOST_POINTS / 2 <= len(rows) < MOST_POINTS
    assert rows[:, 0].tolist() == [float(index) for index in range(0, 5 * MOST_POINTS, stride)]
    assert (made.low, made.high, made.step) == (0.0, 5 * MOST_POINTS - 1, 1.0)


def test_the_longest_tracks_are_shown_and_the_others_counted(track):
    made = curves(track(number, float(index)) for number in range(300) for index in range(1 + (number % 100 == 7)))
    shown = [number for number, _, _ in made.longest()]
    assert len(shown) == MOST_TRACKS
    assert {7, 107, 207} <= set(shown)
    assert made.left_out == 300 - MOST_TRACKS
    assert len(made._tracks) == plot._MOST_CURVES


def test_a_figure_of_records_is_that_of_their_curves(track):
    records = [track(number, index / 10) for index in range(40) for number in (1, 2) if index not in range(10, 20)]
    records.insert(20, Record("a", 10, 1.0))
    assert np.array_equal(figure(records, "title"), figure(curves(records), "title"))


def columns(image) -> np.ndarray:
    """Return for each x whether the only panel has the colour of fear there."""
    from kaoiro.faces.draw import COLOURS

    colour = np.array([int(COLOURS["fear"][place : place + 2], 16) for place in (1, 3, 5)])
    pixels = np.asarray(image.convert("RGB")).astype(int)[:, : 1200 - 140]
    return (np.abs(pixels - colour).sum(axis=2) < 30).any(axis=0)


@pytest.mark.parametrize("factor", [1, 20])
def test_lines_are_interrupted_where_no_face_was_seen(track, factor):
    count = 1000 * factor
    times = [(index / 25, not 0.4 < index / count < 0.6) for index in range(count)]
    records = [track(1, time_s) if seen else Record("a", 0, time_s) for time_s, seen in times]
    drawn = columns(figure(records, "title"))
    left, right = 60, 1060
    middle = drawn[left + 420 : left + 580]
    assert not middle.any()
    assert drawn[left + 10 : left + 390].all() and drawn[left + 610 : right - 10].all()


@pytest.mark.parametrize("records", [[], [Record("a", 0, -3.0)], [Record("a", 0, 0.0), Record("a", 1, 0.5)]])
def test_a_video_without_faces_has_a_figure(records):
    assert figure(records, "title").size[0] == 1200
