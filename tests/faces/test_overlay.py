"""Panels of valence, arousal, action units and words on pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from kaoiro.core.labels import MEASURED_UNITS
from kaoiro.core.types import Box, Record
from kaoiro.faces import draw
from kaoiro.faces.gauges import Reading, affect_of, called, panel, panel_size, spread_of, units_of, words_of
from kaoiro.faces.overlay import TRAIL_S, Overlay

UNITS = dict.fromkeys(MEASURED_UNITS.labels, 0.25) | {"au_12": 1.0}
MakeFace = Callable[..., Record]


@pytest.fixture
def face(make_record) -> MakeFace:
    """Return a function that makes a smiling record with valence, arousal and units."""

    def make(box: Box, time_s: float = 0.0, track: int | None = None, **scores: float) -> Record:
        record = make_record(time_s=time_s, happiness=1.0)
        more = {"valence": 0.5, "arousal": 0.0, **UNITS, **scores}
        return dataclasses.replace(record, box=box, track=track, landmarks=None, scores={**record.scores, **more})

    return make


def scene(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def added(faces: list[Record], size: tuple[int, int], overlay: Overlay | None = None) -> np.ndarray:
    """Return which pixels panels take: where the overlay differs from the plain annotation."""
    pixels = scene(*size)
    shown = (overlay or Overlay()).annotate(pixels, faces)
    return (np.asarray(shown) != np.asarray(draw.annotate(pixels, faces))).any(axis=2)


def inside(mask: np.ndarray, box: Box) -> np.ndarray:
    return mask[int(box.top) : int(box.top + box.height), int(box.left) : int(box.left + box.width)]


def test_without_such_answers_a_picture_is_annotated_as_ever(make_record) -> None:
    faces = [dataclasses.replace(make_record(fear=1.0), box=Box(50, 50, 60, 60))]
    assert not added(faces, (640, 480)).any()


def test_a_panel_stands_beside_its_face_at_the_right(face: MakeFace) -> None:
    box = Box(100, 100, 100, 120)
    mask = added([face(box)], (640, 480))
    assert not mask[:, :201].any()
    columns = np.flatnonzero(mask.any(axis=0))
    assert columns[0] < 215
    assert mask.any(axis=1)[100]


def test_without_room_at_the_right_it_stands_at_the_left(face: MakeFace) -> None:
    mask = added([face(Box(520, 100, 100, 120))], (640, 480))
    assert not mask[:, 520:].any()
    assert mask[:, 300:520].any()


def test_panels_cover_no_face_and_not_each_other(face: MakeFace) -> None:
    boxes = [Box(60, 90, 130, 150), Box(330, 100, 130, 150)]
    alone = [added([face(box)], (640, 360)) for box in boxes]
    together = added([face(box) for box in boxes], (640, 360))
    assert together.sum() > max(mask.sum() for mask in alone) / 2
    for box in boxes:
        assert not inside(together, box).any()


@pytest.mark.parametrize(("room", "high", "shown"), [(400, 330, 0), (150, 330, 1), (150, 200, 2)])
def test_where_there_is_little_room_names_go_first_then_units(
    face: MakeFace, make_record, room: int, high: int, shown: int
) -> None:
    plain = dataclasses.replace(make_record(fear=1.0), box=Box(108 + room, 70, 100, 110))
    mask = added([face(Box(4, 70, 100, 110)), plain], (212 + room, high))
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    reading = Reading([(0.0, 0.0)], None, UNITS, "#000000")
    less = [reading, dataclasses.replace(reading, named=False), dataclasses.replace(reading, units={})]
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == pytest.approx(panel_size(less[shown], 9, False), abs=1)


def test_of_a_face_that_fills_the_picture_a_panel_still_shows_something(face: MakeFace) -> None:
    assert added([face(Box(0, 0, 400, 300))], (400, 300)).any()


def test_a_picture_smaller_than_any_panel_has_none(face: MakeFace) -> None:
    assert not added([face(Box(5, 5, 30, 30))], (60, 60)).any()


def test_a_hidden_person_stays_hidden(face: MakeFace) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    box = Box(100, 100, 100, 120)
    shown = np.asarray(Overlay().annotate(noise, [face(box)], blur=True))
    plain = np.asarray(draw.annotate(noise, [face(box)], blur=True))
    assert np.array_equal(shown[100:220, 100:200], plain[100:220, 100:200])


def dot(mask: np.ndarray, colour: str, top: int = 0) -> tuple[float, float]:
    """Return the middle (x, y) of the pixels of a colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    rows, columns = np.nonzero((mask[:, :, :3] == wanted).all(axis=2))
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize(("valence", "arousal"), [(0.0, 0.0), (0.75, 0.5), (-0.75, -0.5), (-0.5, 0.75)])
def test_the_dot_lies_right_for_pleasant_and_up_for_excited(valence: float, arousal: float) -> None:
    text = 20
    picture = np.asarray(panel(Reading([(valence, arousal)], None, {}, "#123456"), text, wide=False))
    x, y = dot(picture, "#123456")
    radius, middle = 6 * text, 6.8 * text
    assert ((x - middle) / radius, (middle - y) / radius) == pytest.approx((valence, arousal), abs=0.02)


def test_a_bar_is_as_long_as_its_unit_is_probable() -> None:
    text = 20
    units = {"au_01": 1.0, "au_04": 0.5, "au_12": 0.25}
    picture = np.asarray(panel(Reading([], None, units, "#000000"), text, wide=False))
    rows = [round((0.8 + (row + 0.5) * 1.35) * text) for row in range(3)]
    shown, hidden = (77, 208, 190), (140, 148, 160)
    bars = zip(rows, (shown, shown, hidden), strict=True)
    lengths = [int((picture[y, :, :3] == colour).all(axis=1).sum()) for y, colour in bars]
    assert lengths == pytest.approx([120, 60, 30], abs=3)


def test_a_bar_is_bright_and_marked_from_its_own_threshold_on() -> None:
    text = 20
    units = {"au_01": 0.5, "au_04": 0.5, "au_12": 0.5}
    reading = Reading([], None, units, "#000000", visible_from={"au_01": 0.8, "au_04": 0.2})
    picture = np.asarray(panel(reading, text, wide=False)).astype(int)
    rows = [round((0.8 + (row + 0.5) * 1.35) * text) for row in range(3)]
    shown, hidden = (77, 208, 190), (140, 148, 160)
    for y, colour in zip(rows, (hidden, shown, shown), strict=True):
        assert (picture[y, :, :3] == colour).all(axis=1).sum() > 40
    start = round((0.8 + 11.8) * text)
    for y, least in zip(rows, (0.8, 0.2, 0.5), strict=True):
        above = picture[y - 10 : y - 5, start + 2 : start + 6 * text - 2].sum(axis=2).max(axis=0)
        assert int(above.argmax()) + 2 == pytest.approx(6 * text * least, abs=1)


def test_an_overlay_draws_by_the_model_s_thresholds(face: MakeFace) -> None:
    box = Box(100, 100, 100, 120)
    plain = added([face(box)], (640, 480), Overlay(dict.fromkeys(UNITS, 0.5)))
    assert np.array_equal(plain, added([face(box)], (640, 480)))
    pixels = scene(640, 480)
    low = np.asarray(Overlay({"au_01": 0.2}).annotate(pixels, [face(box)]))
    assert (low != np.asarray(Overlay().annotate(pixels, [face(box)]))).any()


def test_smoothed_values_are_shown_where_there_are_any(face: MakeFace) -> None:
    record = face(Box(0, 0, 9, 9), valence_smooth=0.1, arousal_smooth=0.2, au_12_smooth=0.3, valence_sd=0.4)
    assert affect_of(record) == (0.1, 0.2)
    assert (units_of(record)["au_12"], units_of(record)["au_06"]) == (0.3, 0.25)
    assert spread_of(record) is None  # only one of the two is known
    assert affect_of(face(Box(0, 0, 9, 9))) == (0.5, 0.0)


def test_a_dot_leaves_a_trail_for_a_while(face: MakeFace) -> None:
    box = Box(100, 100, 100, 120)
    fresh = added([face(box, 1.0, 1, valence=0.5)], (640, 480))
    overlay = Overlay()
    overlay.annotate(scene(640, 480), [face(box, 0.9, 1, valence=-0.8)])
    now = [face(box, 1.0, 1, valence=0.5)]
    plain = np.asarray(Overlay().annotate(scene(640, 480), now))
    trail = np.asarray(overlay.annotate(scene(640, 480), now))
    assert fresh.any()
    assert (plain != trail).any()
    later = [face(box, 1.0 + 2 * TRAIL_S, 1, valence=0.5)]
    assert np.array_equal(np.asarray(overlay.annotate(scene(640, 480), later)), plain)


def test_tracks_that_are_gone_are_let_go(face: MakeFace) -> None:
    overlay = Overlay()
    for number in range(50):
        overlay.annotate(scene(320, 240), [face(Box(10, 10, 40, 40), float(number), number)])
    assert len(overlay._trails) <= 1 + TRAIL_S
    assert set(overlay._places) <= set(overlay._trails)


def test_a_panel_stays_where_it_is_while_it_can(face: MakeFace) -> None:
    overlay = Overlay()
    left = added([face(Box(500, 100, 100, 120), 0.0, 1)], (640, 480), overlay)  # no room at the right
    assert left[:, :500].any()
    middle = [face(Box(270, 100, 100, 120), 0.1, 1)]
    assert added(middle, (640, 480), overlay)[:, :270].any()
    assert added(middle, (640, 480))[:, 371:].any()


WORD = (240, 178, 92)  # the colour of a word's bar


def word_bars(picture: np.ndarray) -> list[int]:
    """Return the lengths of the bars of words, from above."""
    lengths = (picture[:, :, :3] == WORD).all(axis=2).sum(axis=1)
    starts = np.flatnonzero((lengths[1:] > 0) & (lengths[:-1] == 0)) + 1
    return lengths[starts].tolist()


def test_a_word_has_a_bar_below_the_units_as_long_as_its_score() -> None:
    text = 20
    reading = Reading([], None, {"au_12": 1.0}, "#000000", words={"smile": 1.0, "jaw_drop": 0.25})
    picture = np.asarray(panel(reading, text, wide=False))
    assert picture.shape[0] == round((3 * 1.35 + 1.6) * text)
    assert word_bars(picture) == pytest.approx([120, 30], abs=1)


def test_words_are_written_before_their_bars() -> None:
    text, label = 20, slice(16, 60)
    shown, other = (
        np.asarray(panel(Reading([], None, {}, "#000000", words={word: 0.0}), text, wide=False))
        for word in ("smile", "frown")
    )
    assert (shown[:, label] > 230).any()  # ink
    assert (shown[:, label] != other[:, label]).any()


def test_a_long_word_is_cut_and_a_panel_is_no_wider_than_with_units(face: MakeFace) -> None:
    units = Reading([], None, UNITS, "#000000")
    long = Reading([], None, {}, "#000000", words={"w" * 60: 0.5})
    assert panel_size(long, 20, wide=False)[0] == panel_size(units, 20, wide=False)[0]
    assert word_bars(np.asarray(panel(long, 20, wide=False))) == [60]
    short = Reading([], None, {}, "#000000", words={"smile": 0.5})
    assert panel_size(short, 20, wide=False)[0] < panel_size(units, 20, wide=False)[0]


def test_words_that_the_font_cannot_draw_are_numbered() -> None:
    columns = ["word_smile", "word_変顔", "word_jaw_drop"]
    assert called(columns) == ["smile", "word 2", "jaw_drop"]


def test_smoothed_words_are_shown_where_there_are_any(face: MakeFace) -> None:
    words = {"word_smile": 0.5, "word_frown": 0.25, "word_smile_smooth": 0.75}
    assert words_of(face(Box(0, 0, 9, 9), **words)) == {"smile": 0.75, "frown": 0.25}
    assert words_of(face(Box(0, 0, 9, 9))) == {}


def test_a_model_with_expressions_alone_shows_words_too(make_record) -> None:
    record = make_record(fear=1.0)
    scores = {**record.scores, "word_afraid": 0.5}
    faces = [dataclasses.replace(record, box=Box(100, 100, 100, 120), scores=scores)]
    shown = np.asarray(Overlay().annotate(scene(640, 480), faces))
    assert len(word_bars(shown)) == 1


@pytest.mark.parametrize(("count", "kept"), [(2, 2), (12, 12), (40, 8)])
def test_where_there_is_little_room_words_stay_and_units_go(face: MakeFace, count: int, kept: int) -> None:
    words = {f"word_w{number}": 0.5 for number in range(count)}
    shown = Overlay().annotate(scene(420, 260), [face(Box(20, 60, 110, 130), **words)])
    assert len(word_bars(np.asarray(shown))) == kept
