from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.labels import MEASURED_UNITS
from kaoiro.core.types import Record
from kaoiro.inference import affect_panels, word_panel
from kaoiro.inference import curves as curves_module
from kaoiro.inference.affect_panels import AFFECT_HEIGHT, HEADER, LANE
from kaoiro.inference.change_panel import has_change
from kaoiro.inference.curves import AFFECT, MOST_CURVES, MOST_POINTS, MOST_TRACKS, SPREAD, Curves
from kaoiro.inference.pen import faded
from kaoiro.inference.plot import figure
from kaoiro.inference.word_panel import WORD_HEIGHT


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
    assert faded("#000000", 0.6) == "#999999"


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
    assert len(made._tracks) == MOST_CURVES


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


UNITS = dict.fromkeys(MEASURED_UNITS.labels, 0.0) | {"au_12": 1.0}


@pytest.fixture
def affected(make_record):
    """Return a function that makes a record with valence, arousal, their spreads and units."""
    import dataclasses

    face = make_record(fear=0.75, anger=0.25)

    def make(time_s: float, valence: float = 0.5, arousal: float = -0.5, **further: float) -> Record:
        more = {"valence": valence, "arousal": arousal, "valence_sd": 0.25, "arousal_sd": 0.25, **UNITS, **further}
        return dataclasses.replace(face, time_s=time_s, scores={**face.scores, **more})

    return make


def test_valence_arousal_and_units_are_held_smoothed_where_they_are(affected):
    ((_, rows, _),) = curves([affected(0.0), affected(0.1, valence_smooth=0.25, arousal_smooth=0.75)]).longest()
    assert rows[:, AFFECT].tolist() == [[0.5, -0.5], [0.25, 0.75]]
    assert rows[0, SPREAD].tolist() == [0.25, 0.25]
    assert rows[0, curves_module.UNITS].tolist() == list(UNITS.values())


def test_a_record_that_lacks_them_has_gaps_not_zeros(affected, track):
    ((_, rows, _),) = curves([affected(0.0), track(1, 0.1)]).longest()
    assert np.isnan(rows[1, AFFECT]).all()
    assert figure([affected(0.0), track(1, 0.1)], "title").size[0] == 1200


def test_a_figure_grows_by_the_panels_that_are_measured(affected, track):
    import dataclasses

    def height(*left_out: str) -> int:
        scores = {name: value for name, value in affected(0.0).scores.items() if not name.startswith(left_out)}
        records = [dataclasses.replace(affected(index / 10), scores=scores) for index in range(20)]
        return figure(records, "title").size[1]

    plain = figure([track(1, index / 10) for index in range(20)], "title").size[1]
    assert height("valence", "arousal", "au") == plain
    assert height("au") - plain == HEADER + AFFECT_HEIGHT + 9
    assert height("valence", "arousal") - plain == HEADER + 12 * LANE
    assert height("valence", "arousal", *list(UNITS)[1:]) - plain == HEADER + LANE
    assert height("nothing") - plain == 2 * HEADER + AFFECT_HEIGHT + 9 + 12 * LANE


TOP = 56 + 22 + 170 + HEADER  # of the panel of valence and arousal
LEFT, RIGHT = 60, 1200 - 230


def rows_of(image, colour: str, x: int, top: int, bottom: int) -> np.ndarray:
    """Return the y of the pixels of a colour in a column."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    column = np.asarray(image.convert("RGB")).astype(int)[top:bottom, x]
    return np.flatnonzero(np.abs(column - wanted).sum(axis=1) < 40) + top


def test_valence_and_arousal_lie_at_their_heights(affected):
    image = figure([affected(index / 10) for index in range(30)], "title")
    for label, value in (("valence", 0.5), ("arousal", -0.5)):
        y = rows_of(image, affect_panels.COLOURS[label], 500, TOP, TOP + AFFECT_HEIGHT)
        assert y.mean() == pytest.approx(TOP + (1 - value) / 2 * AFFECT_HEIGHT, abs=1)


def test_a_band_reaches_one_standard_deviation_to_both_sides(affected):
    with_band = figure([affected(index / 10) for index in range(30)], "title")
    narrow = figure([affected(index / 10, valence_sd=0.0) for index in range(30)], "title")
    column = (np.asarray(with_band) != np.asarray(narrow)).any(axis=2)[TOP : TOP + AFFECT_HEIGHT, 500]
    changed = np.flatnonzero(column)
    assert (changed.min(), changed.max()) == pytest.approx((0.125 * AFFECT_HEIGHT, 0.375 * AFFECT_HEIGHT), abs=2)


def test_the_path_ends_in_its_last_colour_where_the_face_is_now(affected):
    image = figure([affected(index / 10, -0.5 + index / 29, 0.25) for index in range(30)], "title")
    pixels = np.asarray(image.convert("RGB")).astype(int)
    radius = AFFECT_HEIGHT / 2
    x, y = RIGHT + 16 + radius * 1.5, TOP + radius * 0.75
    assert np.abs(pixels[round(y), round(x)] - (254, 159, 109)).max() < 12
    start = pixels[round(y), round(RIGHT + 16 + radius * 0.5)]
    assert np.abs(start - (59, 15, 112)).max() < 30


def test_lanes_are_dark_where_units_are_probable_and_white_where_no_face_was_seen(affected):
    seen = [affected(index / 10) for index in range(100) if not 40 < index < 60]
    image = np.asarray(figure(seen, "title").convert("RGB"))
    top = TOP + AFFECT_HEIGHT + 9 + HEADER
    lane = list(UNITS).index("au_12")
    y = top + round((lane + 0.5) * LANE)
    assert tuple(image[y, 300]) == (6, 70, 66)
    assert tuple(image[y, (LEFT + RIGHT) // 2]) == (255, 255, 255)
    assert tuple(image[top + LANE // 2, 300]) == (243, 245, 246)


def worded(track, count: int, smooth: float | None = 0.25, single: float = 0.75):
    """Return records of one track with so many words, smoothed or not."""
    import dataclasses

    scores = {f"word_w{number}": single for number in range(count)}
    scores |= {} if smooth is None else {f"{name}_smooth": smooth for name in list(scores)}
    plain = [track(1, index / 10) for index in range(20)]
    return [dataclasses.replace(one, scores={**one.scores, **scores}) for one in plain]


WORDS_TOP = 56 + 22 + 170 + HEADER  # of the first panel of words


@pytest.mark.parametrize(("smooth", "height"), [(0.25, 0.25), (None, 0.75)], ids=["smoothed", "single"])
def test_words_have_a_panel_with_their_smoothed_curves(track, smooth, height):
    image = figure(worded(track, 1, smooth), "title")
    y = rows_of(image, word_panel.COLOURS[0], 500, WORDS_TOP, WORDS_TOP + WORD_HEIGHT)
    assert y.mean() == pytest.approx(WORDS_TOP + (1 - height) * WORD_HEIGHT, abs=1)


def test_the_panel_of_words_names_them_at_the_right(track):
    pixels = np.asarray(figure(worded(track, 3), "title"))[WORDS_TOP : WORDS_TOP + WORD_HEIGHT, 1060:]
    for place, colour in enumerate(word_panel.COLOURS[:4]):
        wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        rows = np.flatnonzero((np.abs(pixels.astype(int) - wanted).sum(axis=2) < 9).any(axis=1))
        assert rows.mean() == pytest.approx(15 * (place + 0.5), abs=2) if place < 3 else not len(rows)
    ink = (pixels < 60).all(axis=2).any(axis=1)
    assert ink[:45].any() and not ink[50:].any()


@pytest.mark.parametrize(("count", "panels"), [(1, 1), (8, 1), (9, 2), (20, 3)])
def test_every_eight_words_have_a_panel_of_their_own(track, count, panels):
    plain = figure([track(1, index / 10) for index in range(20)], "title").size[1]
    assert figure(worded(track, count), "title").size[1] - plain == panels * (HEADER + WORD_HEIGHT)


def test_words_do_not_pass_for_other_measurements(track, affected):
    import dataclasses

    made = Curves(words=("word_w0",))
    for record in worded(track, 1):
        made.add(record)
    ((_, rows, _),) = made.longest()
    assert rows[:, curves_module.WORDS].tolist() == [[0.25]] * 20
    assert not affect_panels.has_affect(rows) and not affect_panels.units_in([rows]) and not has_change(rows)
    assert np.array_equal(figure(made, "title"), figure(worded(track, 1), "title"))
    half = [dataclasses.replace(affected(0.0), scores={**affected(0.0).scores, "word_w0": 0.5}), affected(0.1)]
    made = Curves(words=("word_w0",))
    for record in half:
        made.add(record)
    ((_, rows, _),) = made.longest()
    assert rows[0, curves_module.WORDS] == 0.5 and np.isnan(rows[1, curves_module.WORDS]).all()
