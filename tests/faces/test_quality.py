from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from kaoiro.faces.quality import sharpness


def texture(side: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(60, 180, (side, side), np.uint8)


def blurred(crop: np.ndarray, radius: float) -> np.ndarray:
    return np.asarray(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(radius)))


def test_a_chequerboard_is_as_its_formula_says() -> None:
    board = np.where(np.indices((8, 8)).sum(axis=0) % 2, 200, 100).astype(np.uint8)
    # every inner pixel differs by 100 from four neighbours: 400; all values lie 50 from their mean
    assert sharpness(board) == pytest.approx(8 / 9)


def test_a_ramp_has_no_detail() -> None:
    assert sharpness(np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))) == 0


def test_one_line_on_a_plain_ground_is_as_its_formula_says() -> None:
    crop = np.zeros((4, 6), np.uint8)
    crop[:, 2] = 60
    # grey values: mean 10, deviation (4·50 + 20·10)/24 = 16.67; Laplacian in each inner row: 60, 120, 60, 0
    assert sharpness(crop) == pytest.approx(3.6 / 4.6)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_plain_crop_has_no_sharpness(value: int) -> None:
    assert sharpness(np.full((48, 48), value, np.uint8)) == 0


def test_blur_lowers_it_the_more_the_stronger() -> None:
    values = [sharpness(texture()), *(sharpness(blurred(texture(), radius)) for radius in (0.7, 1.5, 4))]
    assert values == sorted(values, reverse=True)
    assert values[0] > 2 * values[-1]


def test_enlarging_lowers_it() -> None:
    small = Image.fromarray(texture(12))
    assert sharpness(np.asarray(small.resize((48, 48), Image.Resampling.BICUBIC))) < 0.5 * sharpness(texture())


def test_brightness_and_contrast_do_not_matter() -> None:
    crop = texture()
    half = (crop // 2).astype(np.uint8)
    assert sharpness(half + 70) == pytest.approx(sharpness(half))
    assert sharpness(half) == pytest.approx(sharpness(crop), abs=0.01)


def test_grey_and_the_same_in_colour_are_equal() -> None:
    assert sharpness(np.dstack([texture()] * 3)) == pytest.approx(sharpness(texture()), abs=1e-5)


def test_it_lies_between_0_and_1() -> None:
    assert all(0 <= sharpness(np.random.default_rng(seed).integers(0, 256, (3, 3), np.uint8)) < 1 for seed in range(20))
