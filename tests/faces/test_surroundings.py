from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.crops import CROPS, FER2013_CROP, INNER_CROP
from kaoiro.core.errors import InputError
from kaoiro.core.spec import CropGeometry
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement
from kaoiro.faces.detect import CenterFace, detect_in
from kaoiro.faces.surroundings import put_back, wide_side

RED = np.array([255, 0, 0], np.uint8)


def flat(count: int, side: int, *colour: int) -> np.ndarray:
    return np.full((count, side, side, 3), colour, np.uint8)


def test_wider_pictures_keep_as_many_pixels_as_the_crop_has() -> None:
    """By hand: the inner crop is 1 / 1.45 of the wider picture; 64 pixels of 92.8."""
    assert wide_side(64, INNER_CROP) == 93
    assert wide_side(100, INNER_CROP) == 145
    assert wide_side(64, FER2013_CROP) == 64
    doubled = {"points": tuple((2 * x, 2 * y) for x, y in FER2013_CROP.points)}
    assert wide_side(8, FER2013_CROP.model_copy(update=doubled)) == 16
    halved = {"points": tuple((x / 2, y / 2) for x, y in FER2013_CROP.points)}
    assert wide_side(8, FER2013_CROP.model_copy(update=halved)) == 8


@pytest.mark.parametrize("side", [64, 200])
def test_a_red_crop_lands_where_the_geometry_says(side: int) -> None:
    """By hand, of 100 pixels: the inner crop has those from 50 - 50 / 1.45 = 15.52 to 84.48 across, and from
    57 - 50 / 1.45 = 22.52 to 91.48 down; it is fully seen from 100 / 1.45 / 16 = 4.31 pixels inside on."""
    (made,) = put_back(flat(1, side, *RED), flat(1, 100, 0, 0, 255), INNER_CROP)
    red = (made == RED).all(axis=2)
    wished = np.zeros((100, 100), bool)
    wished[27:87, 20:80] = True
    assert np.array_equal(red, wished)
    blue = (made == (0, 0, 255)).all(axis=2)
    wished[:] = True
    wished[23:91, 16:84] = False
    assert np.array_equal(blue, wished)
    across = made[50, 16:20, 0].astype(float)
    assert across == pytest.approx(255 * (np.arange(16.5, 20) - 15.517) * 1.45 / 100 * 16, abs=1)


def test_a_crop_lies_upright_and_not_mirrored() -> None:
    face = flat(1, 64, 0, 0, 0)
    face[0, :32, :32], face[0, 32:, 32:] = RED, (0, 255, 0)
    (made,) = put_back(face, flat(1, 93, 0, 0, 0), INNER_CROP)
    assert made[40, 35].tolist() == RED.tolist()
    assert made[66, 58].tolist() == [0, 255, 0]
    assert made[40, 58].tolist() == made[66, 35].tolist() == [0, 0, 0]


def test_faces_of_the_wider_crop_stay_as_they_are() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    assert put_back(faces, 255 - faces, FER2013_CROP) is faces


def test_each_face_has_its_own_surroundings() -> None:
    faces = np.concatenate([flat(1, 64, *RED), flat(1, 64, 0, 255, 0)])
    around = np.concatenate([flat(1, 93, 10, 10, 10), flat(1, 93, 20, 20, 20)])
    made = put_back(faces, around, INNER_CROP)
    assert made[:, 50, 46].tolist() == faces[:, 0, 0].tolist()
    assert made[:, 0, 0].tolist() == around[:, 0, 0].tolist()
    assert put_back(faces[:0], around[:0], INNER_CROP).shape == (0, 93, 93, 3)
    with pytest.raises(InputError, match="wider pictures must be as many as faces, 2, not 1"):
        put_back(faces, around[:1], INNER_CROP)


def test_ones_own_crop_put_back_changes_next_to_nothing(astronaut: Path) -> None:
    pixels = photo.read(astronaut)
    (face, *_) = detect_in(pixels, CenterFace(threads=1))
    around = cut(pixels, placement(face, FER2013_CROP), 93)[None]
    own = cut(pixels, placement(face, INNER_CROP), 64)[None]
    made = put_back(own, around, INNER_CROP)
    change = np.abs(made.astype(float) - around)
    assert change.mean() < 1
    small = [np.asarray(Image.fromarray(one[0]).resize((48, 48)), float) for one in (made, around)]
    assert np.abs(small[0] - small[1]).max() < 12
    shifted = np.abs(put_back(np.roll(own, 4, axis=2), around, INNER_CROP).astype(float) - around)
    assert shifted.mean() > 3 * change.mean()


@pytest.mark.parametrize("crop", CROPS.values(), ids=CROPS)
def test_what_is_put_back_can_be_cut_out_again(crop: CropGeometry) -> None:
    """Away from its soft edge a smooth crop comes back."""
    across, down = np.meshgrid(np.linspace(40, 200, 64), np.linspace(30, 220, 64))
    face = np.stack([across, down, across], axis=2).round().astype(np.uint8)[None]
    size = wide_side(64, crop)
    made = put_back(face, flat(1, size, 128, 128, 128), crop)[0]
    centre, side = ((0.5, 0.57), 1 / 1.45) if crop == INNER_CROP else ((0.5, 0.5), 1.0)
    matrix = size * np.array([[side, 0, centre[0] - side / 2], [0, side, centre[1] - side / 2]])
    again = cut(made, matrix, 64)
    assert np.abs(again.astype(int) - face[0])[6:-6, 6:-6].max() <= 3
