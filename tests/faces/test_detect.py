from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import write_centerface, write_yunet
from PIL import Image

from kaoiro.core.errors import InputError, KaoiroError, ModelError
from kaoiro.core.types import Box
from kaoiro.faces import detect
from kaoiro.faces.detect import CenterFace, Detection, Resolution, YuNet, collect, detect_in, given

EYES_MOUTH = [(-0.5, -0.5), (0.5, -0.5), (0.0, 0.25), (-0.25, 0.5), (0.25, 0.5)]
FLAT = [value for point in EYES_MOUTH for value in point]
BLUE = np.full((64, 64, 3), (0, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def centerface(astronaut: Path) -> CenterFace:
    return CenterFace(threads=1)


@pytest.fixture(scope="module")
def photograph(astronaut: Path) -> np.ndarray:
    return np.asarray(Image.open(astronaut).convert("RGB"))


def box_of(face: Detection) -> tuple[float, float, float, float]:
    return (face.box.left, face.box.top, face.box.width, face.box.height)


def test_the_astronaut_has_one_face_with_its_points_in_place(centerface, photograph):
    (face,) = centerface.detect(photograph)
    assert face.score is not None and 0.8 < face.score <= 1
    assert face.box.overlap(Box(180, 60, 90, 118)) > 0.8  # measured by eye
    expected = [(203, 102), (247, 104), (224, 125), (204, 142), (241, 144)]
    assert face.landmarks is not None
    assert face.landmarks.shape == (5, 2)
    assert np.abs(face.landmarks - expected).max() < 6


def test_faces_come_largest_first(centerface, two_faces):
    first, second = detect_in(two_faces, centerface)
    assert first.box.area > 3 * second.box.area
    assert first.box.left < 300 < 512 < second.box.left


@pytest.mark.parametrize("size", [(512, 320), (300, 512)])
def test_boxes_of_a_picture_of_any_shape_are_in_its_own_pixels(centerface, photograph, size):
    canvas = np.full((*size[::-1], 3), 100, np.uint8)
    part = photograph[: size[1], : size[0]]
    canvas[: part.shape[0], : part.shape[1]] = part
    (face,) = detect_in(canvas, centerface)
    assert face.box.overlap(Box(180, 60, 90, 118)) > 0.75


def test_a_large_picture_gives_boxes_of_its_own_scale(centerface, photograph):
    large = np.asarray(Image.fromarray(photograph).resize((1536, 1536)))
    (face,) = detect_in(large, centerface)
    assert face.box.overlap(Box(540, 180, 270, 354)) > 0.75
    assert face.landmarks is not None
    assert np.abs(face.landmarks[0] - (609, 306)).max() < 18


def test_small_faces_are_found_when_asked_for(photograph):
    small = np.full((600, 800, 3), 110, np.uint8)
    small[300:378, 400:478] = np.asarray(Image.fromarray(photograph).resize((78, 78), Image.Resampling.BOX))
    there = Box(400 + 27.5, 300 + 9, 13.5, 18)
    assert detect_in(small, CenterFace(threads=1, resolution=Resolution(full=320))) == []
    (face,) = detect_in(small, CenterFace(threads=1, resolution=Resolution(full=320, min_face=18)))
    assert face.box.overlap(there) > 0.5


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (500, 3, 3), (64, 64, 3), (700, 700, 3)])
def test_an_empty_picture_has_no_face(centerface, shape):
    for grey in (0, 128, 255):
        assert detect_in(np.full(shape, grey, np.uint8), centerface) == []


def test_centerface_is_decoded_as_its_authors_do(tmp_path, monkeypatch):
    channels = {"heat": 1, "scale": 2, "offset": 2, "points": 10}
    maps = {name: np.zeros((count, 16, 16)) for name, count in channels.items()}
    place = (slice(None), 5, 7)  # row 5, column 7, at a stride of 4
    maps["heat"][place] = 0.75
    maps["scale"][place] = (math.log(6), math.log(4))  # 24 pixels high, 16 wide
    maps["offset"][place] = (0.25, -0.5)  # down, and to the left
    maps["points"][place] = [0.25, 0.125, 0.25, 0.875, 0.5, 0.5, 0.75, 0.25, 0.75, 0.75]  # y, x five times
    (tmp_path / "assets").mkdir()
    write_centerface(tmp_path / "assets" / "centerface.onnx", maps)
    monkeypatch.setattr(detect.resources, "files", lambda name: tmp_path)
    (face,) = CenterFace(threads=1).detect(BLUE)
    left, top = (7 + 0.5 - 0.5) * 4 - 8, (5 + 0.5 + 0.25) * 4 - 12
    assert box_of(face) == pytest.approx((left, top, 16, 24), abs=1e-4)
    assert face.score == 0.75
    marks = [(0.125, 0.25), (0.875, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75)]
    assert np.allclose(face.landmarks, [(left + 16 * x, top + 24 * y) for x, y in marks], atol=1e-4)
    assert CenterFace(threshold=0.8, threads=1).detect(BLUE) == []


def test_a_package_without_its_detector_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(detect.resources, "files", lambda name: tmp_path)
    with pytest.raises(ModelError, match=r"centerface\.onnx is missing; .*pip install"):
        CenterFace()


@pytest.mark.parametrize(
    ("size", "face", "expected"),
    [
        ((640, 480), None, (640, 480)),
        ((1280, 720), None, (640, 352)),  # 360 is no multiple of 32
        ((720, 1280), None, (352, 640)),
        ((320, 240), None, (320, 256)),  # not enlarged
        ((48, 48), None, (160, 160)),  # but never below 160
        ((1280, 720), 0, (320, 192)),  # nobody was there
        ((1280, 720), 400, (160, 96)),  # 204.8 would bring the face to 64 pixels; next lower: 160
        ((1280, 720), 20, (640, 352)),  # never above the full size
        ((6400, 40), None, (640, 32)),  # a side is 32 at least
        ((1, 1), None, (160, 160)),
    ],
)
def test_the_working_size_follows_the_picture_and_its_faces(size, face, expected):
    assert Resolution().size(*size, face) == expected


def test_the_working_size_grows_for_small_faces_up_to_the_limit():
    assert Resolution(min_face=20).size(1600, 1200) == (2560, 1920)  # 20 pixels become 32
    assert Resolution(min_face=1).size(1600, 1200) == (4096, 3072)
    assert Resolution(min_face=200).size(1600, 1200) == (640, 480)


class Still:
    """Claims to find one face in a picture of 64x32."""

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return (64, 32)

    def detect(self, image: np.ndarray) -> list[Detection]:
        assert image.shape == (32, 64, 3)
        return [Detection(Box(8, 4, 16, 10), 0.5, np.array([[9.0, 5.0]] * 5))]


def test_findings_are_scaled_back_by_each_side():
    (face,) = detect_in(np.zeros((160, 128, 3), np.uint8), Still())  # 2 times as wide, 5 times as high
    assert box_of(face) == (16, 20, 32, 50)
    assert face.landmarks is not None
    assert face.landmarks.tolist() == [[18, 25]] * 5


def test_of_overlapping_boxes_the_best_stays():
    boxes = np.array([[0, 0, 10, 10], [2, 0, 10, 10], [20, 0, 20, 20], [5, 0, 10, 10]], float)
    # overlaps with the second one: first 80/120, last 70/130; first and last: 50/150
    found = collect(boxes, np.array([0.7, 0.9, 0.6, 0.8]), np.zeros((4, 5, 2)))
    assert [box_of(face) for face in found] == [(20, 0, 20, 20), (2, 0, 10, 10)]
    assert [face.score for face in found] == [0.6, 0.9]


@pytest.mark.parametrize(("shift", "count"), [(5.0, 1), (5.5, 2)])
def test_faces_that_overlap_by_less_than_three_tenths_are_two(shift, count):
    boxes = np.array([[0, 0, 10, 10], [shift, 0, 10, 10]])  # 5: 50/150 = 0.33, 5.5: 45/155 = 0.29
    assert len(collect(boxes, np.array([0.9, 0.8]), np.zeros((2, 5, 2)))) == count


def test_nothing_found_is_an_empty_list():
    assert collect(np.empty((0, 4)), np.empty(0), np.empty((0, 5, 2))) == []


def test_yunet_is_decoded_as_its_paper_says(tmp_path):
    path = write_yunet(
        tmp_path / "yunet.onnx",
        {
            (8, 2, 3): (0.81, 1.0, (0.5, 0.25, math.log(2), math.log(3)), FLAT),
            (32, 1, 0): (1.0, 0.49, (0.5, 0.5, 0.0, math.log(0.5)), FLAT),
        },
    )
    large, small = YuNet(path, threads=1).detect(BLUE)
    assert small.score == pytest.approx(0.9)  # the root of 0.81 times 1
    assert box_of(small) == pytest.approx((3.5 * 8 - 8, 2.25 * 8 - 12, 16, 24), abs=1e-4)
    assert np.allclose(small.landmarks, (np.add(EYES_MOUTH, (3, 2))) * 8)
    assert large.score == pytest.approx(0.7)
    assert box_of(large) == pytest.approx((0, 1.5 * 32 - 8, 32, 16), abs=1e-4)
    assert np.allclose(large.landmarks, (np.add(EYES_MOUTH, (0, 1))) * 32)


def test_yunet_leaves_out_weak_and_repeated_faces(tmp_path):
    same = (0.5, 0.5, 0.0, 0.0)
    path = write_yunet(
        tmp_path / "yunet.onnx",
        {
            (16, 0, 0): (1.0, 0.9, same, FLAT),
            (16, 0, 2): (0.5, 0.7, same, FLAT),  # 0.59
            (8, 1, 1): (1.0, 0.8, (0.0, 0.0, math.log(2), math.log(2)), FLAT),  # the box of the first one
        },
    )
    (face,) = YuNet(path, threads=1).detect(BLUE)
    assert (box_of(face), face.score) == ((0, 0, 16, 16), pytest.approx(math.sqrt(0.9)))
    assert len(YuNet(path, threshold=0.55, threads=1).detect(BLUE)) == 2


def test_yunet_is_given_blue_first_from_0_to_255(tmp_path):
    path = write_yunet(tmp_path / "yunet.onnx", {(8, 0, 0): (1.0, 1.0, (0.5, 0.5, 0, 0), FLAT)})
    detector = YuNet(path, threshold=0.1, threads=1)
    half = np.where(BLUE > 0, 128, BLUE).astype(np.uint8)
    assert [face.score for face in detector.detect(half)] == [pytest.approx(math.sqrt(128 / 255))]
    assert detector.detect(BLUE[:, :, ::-1]) == []


def test_yunet_with_a_fixed_input_gets_that_size(tmp_path):
    path = write_yunet(tmp_path / "yunet.onnx", {(8, 2, 3): (1.0, 1.0, (0.5, 0.5, 0, 0), FLAT)})
    detector = YuNet(path, threads=1)
    assert detector.working_size(1280, 720) == (64, 64)
    (face,) = detect_in(np.full((128, 320, 3), 255, np.uint8), detector)
    assert box_of(face) == (24 * 5, 16 * 2, 8 * 5, 8 * 2)


def test_yunet_with_an_open_input_gets_a_size_that_follows_the_picture(tmp_path):
    path = write_yunet(tmp_path / "yunet.onnx", {}, free=True)
    assert YuNet(path, threads=1).working_size(1280, 720) == (640, 352)
    assert YuNet(path, resolution=Resolution(full=320), threads=1).working_size(1280, 720) == (320, 192)


def not_onnx(folder: Path) -> Path:
    (folder / "file.onnx").write_bytes(b"no graph")
    return folder / "file.onnx"


def another_graph(folder: Path) -> Path:
    from graphs import write_model

    return write_model(folder / "model", [0.0] * 8).graph


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (not_onnx, "cannot be opened as an ONNX model"),
        (lambda folder: folder / "nosuch.onnx", "cannot be opened"),
        (lambda folder: folder, "cannot be opened"),
        (another_graph, r"not in YuNet's format: it lacks the outputs bbox_16, bbox_32, bbox_8, cls_16"),
    ],
    ids=["text", "missing", "folder", "other"],
)
def test_a_wrong_detector_file_is_refused_in_one_line_that_names_it(make: Any, reason: str, tmp_path: Path):
    path = make(tmp_path)
    with pytest.raises(KaoiroError, match=reason) as caught:
        YuNet(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_boxes_of_a_caller_keep_their_order_and_have_no_score():
    faces = given([(1, 2, 3, 4), (10, 20, 30.5, 40)], 100, 80)
    assert [box_of(face) for face in faces] == [(1, 2, 3, 4), (10, 20, 30.5, 40)]
    assert all(face.score is None and face.landmarks is None for face in faces)
    assert given([], 100, 80) == []
    assert given(np.empty((0, 4)), 100, 80) == []


def test_a_box_may_reach_beyond_the_picture():
    assert len(given([(-20, -20, 30, 30), (90, 70, 50, 50), (-5, -5, 110, 90)], 100, 80)) == 3


@pytest.mark.parametrize(
    "boxes",
    [
        [(1, 2, 3)],
        (1, 2, 3, 4),
        [(1, 2, 0, 4)],
        [(1, 2, 3, -4)],
        [(1, 2, 3, float("nan"))],
        [(1, 2, 3, float("inf"))],
        [(1, 2, 3, 4), (1, 2)],
        ["face"],
        "face",
        5,
        {"left": 1},
    ],
)
def test_boxes_that_are_none_are_refused(boxes: Any):
    with pytest.raises(InputError, match="boxes must be finite") as caught:
        given(boxes, 100, 80)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "box", [(100, 0, 5, 5), (0, 80, 5, 5), (-5, 0, 5, 5), (0, -9, 5, 9), (0, 0, 201, 5), (0, 0, 5, 1e300)]
)
def test_boxes_beside_the_picture_or_far_larger_are_refused_by_number(box: Any):
    with pytest.raises(InputError, match=r"box 1 \(.*outside the picture of 100x80"):
        given([(1, 2, 3, 4), box], 100, 80)
