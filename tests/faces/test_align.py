from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.crops import E_CROP
from kaoiro.core.spec import CropGeometry
from kaoiro.core.types import Box
from kaoiro.faces.align import box_placement, cut, placement, roll, similarity, to_luma
from kaoiro.faces.detect import Detection

GEOMETRY = CropGeometry(
    name="test", points=((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.36, 0.75), (0.64, 0.75)), box=(0.1, 0.05, 0.8, 0.9)
)
POINTS = np.array(GEOMETRY.points)


def transform(scale: float, degrees: float, x: float, y: float) -> np.ndarray:
    """Return the matrix that scales, turns clockwise as seen, and then shifts."""
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([[cos, -sin, x], [sin, cos, y]])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def looking(matrix: np.ndarray) -> Detection:
    """Return a face whose landmarks lie where a crop with this matrix wants them; its box is of no use."""
    return Detection(Box(0, 0, 1, 1), 0.9, apply(matrix, POINTS))


def dots(width: int, height: int, centres: np.ndarray, radius: float = 4.0) -> np.ndarray:
    """Draw soft white dots on black, centres in pixels where (0.5, 0.5) is the middle of the first pixel: (H, W)."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    light = sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2)) for cx, cy in centres)
    return (255 * np.clip(light, 0, 1)).round().astype(np.uint8)


def peak(grey: np.ndarray, near: np.ndarray, reach: float) -> np.ndarray:
    """Return the centre of light within `reach` of a place, x and y."""
    y, x = np.mgrid[0 : grey.shape[0], 0 : grey.shape[1]] + 0.5
    weight = grey.astype(float) * (np.hypot(x - near[0], y - near[1]) <= reach)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("scale", [0.05, 1.0, 37.5])
@pytest.mark.parametrize("degrees", [0.0, 12.0, 90.0, -135.0, 180.0])
def test_a_similarity_is_recovered_exactly(scale: float, degrees: float) -> None:
    expected = transform(scale, degrees, -41.5, 230.25)
    assert np.allclose(similarity(POINTS, apply(expected, POINTS)), expected, rtol=0, atol=1e-9 * max(1, scale) * 100)


def test_two_points_fix_a_similarity() -> None:
    matrix = similarity(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[10.0, 20.0], [10.0, 26.0]]))
    assert np.allclose(matrix, [[0, -6, 10], [6, 0, 20]])  # a quarter turn clockwise, six times as large


def test_errors_of_the_points_are_averaged() -> None:
    square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    stretched = square * (1.5, 0.5)  # the best similarity leaves the size alone: (1.5 + 0.5) / 2 = 1
    assert np.allclose(similarity(square, stretched), [[1, 0, 0], [0, 1, 0]])


def test_a_mirrored_pattern_is_not_mirrored_back() -> None:
    matrix = similarity(POINTS, POINTS * (-1, 1))
    assert np.linalg.det(matrix[:, :2]) >= 0


def test_points_that_coincide_give_a_finite_shift() -> None:
    same = np.full((5, 2), 3.0)
    assert np.allclose(similarity(same, same + np.array((4, -1))), [[1, 0, 4], [0, 1, -1]])


@pytest.mark.parametrize("degrees", [0.0, 20.0, -75.0])
@pytest.mark.parametrize("side", [48.0, 120.0, 400.0])
def test_landmarks_come_to_lie_where_the_specification_says(degrees: float, side: float) -> None:
    matrix = transform(side, degrees, 300.0, 260.0)
    matrix[:, 2] -= matrix[:, :2] @ (0.5, 0.5)  # turn about the crop's middle, which lies at (300, 260)
    picture = dots(620, 540, apply(matrix, POINTS), radius=max(1.5, side / 40))
    crop = cut(picture, placement(looking(matrix), GEOMETRY), 96)
    assert (crop.shape, crop.dtype) == ((96, 96), np.uint8)
    for point in POINTS * 96:
        assert np.abs(peak(crop, point, 8) - point).max() < 0.3


def test_a_crop_of_the_picture_itself_is_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    assert np.array_equal(cut(picture, np.array([[48.0, 0, 0], [0, 48.0, 0]]), 48), picture)


def test_whole_pixels_are_shifted_not_blurred() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 80), np.uint8)
    assert np.array_equal(cut(picture, np.array([[32.0, 0, 17], [0, 32.0, 9]]), 32), picture[9:41, 17:49])


def test_a_box_comes_to_lie_where_the_specification_says() -> None:
    square = CropGeometry(name="test", points=GEOMETRY.points, box=(0.1, 0.2, 0.8, 0.5))
    matrix = box_placement(Box(100, 60, 80, 50), square)  # the shape of the geometry's box: side 100
    assert np.allclose(matrix, [[100, 0, 90], [0, 100, 40]])


def test_a_box_of_another_shape_keeps_its_area_and_middle() -> None:
    matrix = box_placement(Box(40, 10, 20, 90), GEOMETRY)  # side: sqrt(1800 / 0.72) = 50
    assert np.allclose(matrix[:, :2], [[50, 0], [0, 50]])
    assert np.allclose(apply(matrix, np.array([[0.5, 0.5]])), [[50, 55]])  # the geometry's box is centred too


def test_landmarks_go_before_the_box() -> None:
    matrix = transform(90, 15, 40, 30)
    assert np.allclose(placement(looking(matrix), GEOMETRY), matrix)
    bare = Detection(Box(10, 20, 80, 90))
    assert np.allclose(placement(bare, GEOMETRY), box_placement(bare.box, GEOMETRY))


def test_landmarks_in_one_point_leave_the_box() -> None:
    face = Detection(Box(10, 20, 80, 90), 0.9, np.full((5, 2), 50.0))
    assert np.allclose(placement(face, GEOMETRY), box_placement(face.box, GEOMETRY))


def margins(points: np.ndarray, outer: np.ndarray) -> tuple[float, float, float, float]:
    """Return how far the E-crop reaches from the outer corners (2, 2), in their distance: left, right, up, down."""
    matrix = placement(Detection(Box(0, 0, 1, 1), 0.9, points), E_CROP)
    along = (outer[1] - outer[0]) / np.linalg.norm(outer[1] - outer[0])
    down = np.array([-along[1], along[0]])
    first, last = apply(matrix, np.array([[0.0, 0.0], [1.0, 1.0]]))
    left, up = (outer[0] - first) @ along, (outer[0] - first) @ down
    right, below = (last - outer[1]) @ along, (last - outer[1]) @ down
    return tuple(value / np.linalg.norm(outer[1] - outer[0]) for value in (left, right, up, below))


def seen(points: list[tuple[float, float]], degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points and outer corners of a turned face; points are in corner distances from the corners' middle."""
    turn = transform(80.0, degrees, 300, 200)  # the distance of the corners is 80 pixels
    return apply(turn, np.array(points)), apply(turn, np.array([[-0.5, 0.0], [0.5, 0.0]]))


DETECTED = {
    128: [(-0.3602, 0.0040), (0.3572, -0.0087), (0.0021, 0.4001), (-0.3053, 0.7275), (0.2920, 0.7167)],
    320: [(-0.3488, 0.0201), (0.3704, 0.0042), (0.0058, 0.4284), (-0.3041, 0.7363), (0.3029, 0.7204)],
}
"""Means of what the detector finds on 102 portraits of the London set, by their side."""
DRAWN = [(-0.3647, -0.0012), (0.3648, -0.0013), (0.0, 0.3393), (-0.2844, 0.7811), (0.2842, 0.7811)]
"""Means of the 68 landmarks of 500 heads of the ICT model, as five points: lids, nose tip, mouth corners."""


@pytest.mark.parametrize("degrees", [0, 25])
@pytest.mark.parametrize("side", DETECTED)
def test_the_e_crop_has_the_proportions_of_its_source_on_detected_faces(side: int, degrees: float) -> None:
    left, right, up, below = margins(*seen(DETECTED[side], degrees))
    assert (left + right) / 2 == pytest.approx(0.62, abs=0.02)
    assert up == pytest.approx(0.9, abs=0.03)
    assert below == pytest.approx(1.35, abs=0.03)
    assert up + below == pytest.approx(1 + left + right, abs=0.03)  # square; eyes are detected a little tilted


def test_the_e_crop_is_within_some_percent_on_landmarks_of_another_kind() -> None:
    assert margins(*seen(DRAWN, 10)) == pytest.approx((0.62, 0.62, 0.9, 1.35), abs=0.09)


def test_a_face_that_lies_as_the_e_crop_says_is_cut_exactly() -> None:
    points = 2.25 * (np.array(E_CROP.points) - (0.5, 0.4))
    assert margins(*seen(points.tolist(), -15)) == pytest.approx((0.625, 0.625, 0.9, 1.35), abs=1e-9)


@pytest.mark.parametrize("side", [200, 960, 1900])
def test_large_faces_are_averaged_not_sampled(side: int) -> None:
    board = (np.indices((side, side)).sum(axis=0) % 2 * 255).astype(np.uint8)  # samples would be 0 or 255
    crop = cut(board, np.array([[side, 0, 0], [0, side, 0]], np.float64), 48)[2:-2, 2:-2].astype(float)
    assert np.abs(crop - 127.5).max() < 24
    assert crop.mean() == pytest.approx(127.5, abs=2)


@pytest.mark.parametrize("side", [480, 1000])
def test_points_keep_their_place_in_large_faces(side: int) -> None:
    matrix = transform(side, 0, 37, 21)
    picture = dots(side + 80, side + 60, apply(matrix, POINTS), radius=side / 40)
    crop = cut(picture, matrix, 48)
    for point in POINTS * 48:
        assert np.abs(peak(crop, point, 4.5) - point).max() < 0.2


def test_an_enlarged_face_is_interpolated() -> None:
    ramp = np.repeat(np.arange(20, 220, 10, dtype=np.uint8)[None], 20, axis=0)
    crop = cut(ramp, np.array([[10.0, 0, 5], [0, 10.0, 5]]), 40).astype(int)
    assert (np.diff(crop[:, 2:-2], axis=1) >= 0).all()
    assert np.diff(crop, axis=1).max() <= 4  # ten grey values over four pixels
    assert crop[20, 20] == pytest.approx(20 + 10 * (5 + 20.5 / 4 - 0.5), abs=1.5)


@pytest.mark.parametrize(
    ("x", "y"), [(-24, 0), (24, 0), (0, -24), (0, 24), (-24, 24)], ids=["left", "right", "above", "below", "corner"]
)
def test_outside_the_picture_lies_its_border(x: int, y: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (48, 48, 3), np.uint8)
    crop = cut(picture, np.array([[48.0, 0, x], [0, 48.0, y]]), 48)
    rows, columns = np.clip(np.arange(48) + y, 0, 47), np.clip(np.arange(48) + x, 0, 47)
    assert np.array_equal(crop, picture[rows][:, columns])


@pytest.mark.parametrize("place", [-5000.0, 5000.0])
def test_a_face_far_outside_gives_border_only(place: float) -> None:
    picture = np.full((30, 40), 77, np.uint8)
    picture[10:20, 10:20] = 200
    assert (cut(picture, transform(60, 30, place, place), 48) == 77).all()


def test_a_crop_much_larger_than_the_picture_has_it_in_its_middle() -> None:
    picture = np.full((30, 30), 50, np.uint8)
    picture[5:25, 5:25] = 250
    crop = cut(picture, transform(90, 0, -30, -30), 90)
    assert crop.shape == (90, 90)
    assert crop[40:50, 40:50].min() > 240
    assert crop[:20].max() < 60


def test_a_picture_of_one_pixel_gives_a_crop_of_one_colour() -> None:
    crop = cut(np.full((1, 1, 3), 9, np.uint8), transform(5, 10, -2, -2), 48)
    assert crop.shape == (48, 48, 3)
    assert (crop == 9).all()


def test_colour_and_grey_are_cut_alike() -> None:
    grey = np.random.default_rng(2).integers(0, 256, (90, 110), np.uint8)
    matrix = transform(70, 25, 40, 8)
    crop = cut(np.dstack([grey] * 3), matrix, 48)
    assert np.array_equal(crop, np.dstack([cut(grey, matrix, 48)] * 3))


def test_a_mirrored_picture_gives_the_mirrored_crop() -> None:
    width = 140
    blocks = np.random.default_rng(3).integers(0, 256, (12, 14), np.uint8)
    picture = np.asarray(Image.fromarray(blocks).resize((width, 120), Image.Resampling.BICUBIC))
    matrix = transform(80, 10, 35, 12)
    points = apply(matrix, POINTS)
    swapped = (points * (-1, 1) + (width, 0))[[1, 0, 2, 4, 3]]
    mirrored = placement(Detection(Box(0, 0, 1, 1), 0.9, swapped), GEOMETRY)
    crops = cut(picture, matrix, 48), cut(np.ascontiguousarray(picture[:, ::-1]), mirrored, 48)
    assert np.abs(crops[0].astype(int) - crops[1][:, ::-1]).max() <= 3


@pytest.mark.parametrize("degrees", [0.0, 30.0, -45.0, 90.0])
def test_roll_is_clockwise_as_seen(degrees: float) -> None:
    assert roll(apply(transform(50, degrees, 10, 10), POINTS)) == pytest.approx(degrees)


def test_luma_weighs_colours_by_bt_601() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [80, 80, 80]]], np.uint8)
    assert np.allclose(to_luma(colours), [[0.299 * 255, 0.587 * 255, 0.114 * 255, 255, 80]], atol=0.6)
