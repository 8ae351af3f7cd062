from __future__ import annotations

import base64
import dataclasses
import io
import re

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.types import Box
from kaoiro.faces import draw

RED, BLUE = (214, 39, 40), (31, 119, 180)


def scene(width: int = 200, height: int = 160) -> np.ndarray:
    """Draw noise, in which everything that is hidden or drawn shows."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def around(box: Box, margin: float, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask of the pixels within a margin of a box."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside_x = (x >= box.left - margin) & (x <= box.left + box.width + margin)
    return inside_x & (y >= box.top - margin) & (y <= box.top + box.height + margin)


@pytest.fixture
def angry(make_record):
    """Return a record of an angry face in the middle of the scene."""
    return dataclasses.replace(make_record(anger=0.75, fear=0.25), box=Box(70, 60, 60, 50), landmarks=None)


def test_the_original_stays_untouched(angry):
    pixels = scene()
    before = pixels.copy()
    for blur in (False, True):
        picture = draw.annotate(pixels, [angry], blur=blur)
        assert (picture.size, picture.mode) == ((200, 160), "RGB")
        assert not np.array_equal(np.asarray(picture), before)
        assert np.array_equal(pixels, before)


def test_a_picture_without_faces_is_left_as_it_is(make_record):
    empty = dataclasses.replace(make_record(), box=None)
    for faces in ([], [empty]):
        assert np.array_equal(np.asarray(draw.annotate(scene(), faces, blur=True)), scene())


def test_a_face_is_framed_in_the_colour_of_its_expression(angry):
    picture = draw.annotate(scene(), [angry])
    for place in ((70, 75), (130, 75), (100, 60)):
        assert picture.getpixel(place) == RED
    assert draw.annotate(scene(), [dataclasses.replace(angry, expression="sadness")]).getpixel((70, 75)) == BLUE


def test_the_inside_of_the_frame_still_shows_the_face(angry):
    picture = np.asarray(draw.annotate(scene(), [angry]))
    assert np.array_equal(picture[66:104, 76:124], scene()[66:104, 76:124])


def test_landmarks_are_marked_unless_the_face_is_hidden(angry):
    marked = dataclasses.replace(
        angry, landmarks=((85.0, 75.0), (115.0, 75.0), (100.0, 85.0), (90.0, 95.0), (110.0, 95.0))
    )
    points = [(round(x), round(y)) for x, y in marked.landmarks]
    assert all(draw.annotate(scene(), [marked]).getpixel(point) == RED for point in points)
    assert not any(draw.annotate(scene(), [marked], blur=True).getpixel(point) == RED for point in points)


def test_the_bar_shares_the_lower_edge_by_probability(angry):
    bar = np.asarray(draw.annotate(scene(), [angry]))[112]  # below the frame, 60 pixels wide
    fear = tuple(int(draw.COLOURS["fear"][start : start + 2], 16) for start in (1, 3, 5))
    assert (bar[71:113] == RED).all()  # 45 pixels of anger
    assert (bar[118:129] == fear).all()  # 15 of fear


def test_hiding_leaves_nothing_of_the_face(angry):
    picture = np.asarray(draw.annotate(scene(), [angry], blur=True)).astype(int)
    inside = (slice(66, 104), slice(76, 124))
    before = scene()[inside].astype(int)
    assert picture[inside].std() < 0.25 * before.std()
    assert np.abs(np.diff(picture[inside], axis=1)).max() <= 12
    correlation = np.corrcoef(picture[inside].ravel(), before.ravel())[0, 1]
    assert abs(correlation) < 0.25


def test_of_a_large_face_only_six_cells_across_are_left(angry):
    features = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)  # an eye is about this large
    scene = np.asarray(Image.fromarray(features).resize((400, 400), Image.Resampling.NEAREST))
    face = dataclasses.replace(angry, box=Box(50, 50, 300, 300))
    hidden = np.asarray(draw.annotate(scene, [face], blur=True))[60:340, 60:340].astype(float)
    before = scene[60:340, 60:340].astype(float)
    assert np.corrcoef(hidden.ravel(), before.ravel())[0, 1] < 0.45


def test_a_margin_around_the_box_is_hidden_too(angry):
    picture = np.asarray(draw.annotate(scene(), [angry], blur=True)).astype(int)
    right = picture[70:100, 134:138]  # 4 to 8 pixels beyond the frame; the margin is 0.15 · 60 = 9
    assert np.abs(np.diff(right, axis=0)).max() <= 12


def test_hiding_changes_no_pixel_away_from_the_faces(angry):
    away = ~around(angry.box, 40, (160, 200))
    assert away.any()
    picture = np.asarray(draw.annotate(scene(), [angry], blur=True))
    assert np.array_equal(picture[away], scene()[away])
    beside = picture[70:100, 150:]  # level with the face, where no label reaches
    assert np.array_equal(beside, scene()[70:100, 150:])


def test_every_face_is_hidden(angry, make_record):
    boxes = [Box(10, 60, 40, 40), Box(140, 90, 40, 40)]
    faces = [dataclasses.replace(angry, box=box) for box in boxes]
    picture = np.asarray(draw.annotate(scene(), faces, blur=True)).astype(int)
    for box in boxes:
        middle = picture[int(box.top) + 8 : int(box.top) + 32, int(box.left) + 8 : int(box.left) + 32]
        assert middle.std() < 30 < scene().std()


def test_faces_that_were_not_measured_are_hidden_too(angry):
    other = Box(10, 10, 40, 40)
    plain = np.asarray(draw.annotate(scene(), [angry], others=[other]))[15:45, 15:45]
    hidden = np.asarray(draw.annotate(scene(), [angry], blur=True, others=[other]))[15:45, 15:45]
    assert np.array_equal(plain, scene()[15:45, 15:45])
    assert hidden.std() < 0.2 * plain.std()


@pytest.mark.parametrize(
    "box",
    [
        Box(-20, -20, 50, 50),
        Box(180, 140, 60, 60),
        Box(-10, -10, 300, 300),
        Box(300, 300, 40, 40),
        Box(50, 50, 0.4, 0.4),
    ],
    ids=["top left", "bottom right", "everything", "outside", "tiny"],
)
@pytest.mark.parametrize("blur", [False, True])
def test_boxes_across_the_border_are_drawn_as_far_as_they_are_seen(angry, box, blur):
    picture = draw.annotate(scene(), [dataclasses.replace(angry, box=box)], blur=blur)
    assert picture.size == (200, 160)


def test_a_tiny_picture_can_be_annotated(angry):
    assert draw.annotate(np.zeros((1, 1, 3), np.uint8), [angry], blur=True).size == (1, 1)


def test_a_face_whose_expression_is_unknown_is_grey(angry):
    unknown = dataclasses.replace(angry, expression=None, confidence=None, scores={})
    assert draw.annotate(scene(), [unknown]).getpixel((70, 75)) == (127, 127, 127)


def test_html_holds_the_picture_shrunk_to_the_limit():
    original = Image.fromarray(scene(400, 200))
    text = draw.html_image(original, longest=100)
    data = re.fullmatch(r'<img alt="[^"]+" src="data:image/jpeg;base64,([^"]+)">', text)
    assert data is not None
    assert Image.open(io.BytesIO(base64.b64decode(data[1]))).size == (100, 50)
    assert original.size == (400, 200)
