from __future__ import annotations

from typing import get_args, get_type_hints

import numpy as np
import pytest

from kaoiro.core.crops import CROPS, E_CROP, FER2013_CROP, INNER_CROP
from kaoiro.data.subjects import SubjectsConfig
from kaoiro.faces.align import similarity


def test_the_inner_crop_is_the_other_one_enlarged_around_a_place_below_the_middle() -> None:
    """By hand: (0.5, 0.57) comes to the middle, and all distances are 1.45 times as long."""
    eye, mouth = INNER_CROP.points[0], INNER_CROP.points[3]
    assert FER2013_CROP.points[0] == (0.3125, 0.407)
    assert eye == pytest.approx((0.5 - 1.45 * 0.1875, 0.5 - 1.45 * 0.163))
    assert eye == pytest.approx((0.228125, 0.26365))
    assert mouth == pytest.approx((0.283225, 0.766075))
    matrix = similarity(np.asarray(FER2013_CROP.points), np.asarray(INNER_CROP.points))
    assert matrix == pytest.approx(np.array([[1.45, 0, 0.5 - 1.45 * 0.5], [0, 1.45, 0.5 - 1.45 * 0.57]]))
    left, top, width, height = FER2013_CROP.box
    wished = (0.5 + 1.45 * (left - 0.5), 0.5 + 1.45 * (top - 0.57), 1.45 * width, 1.45 * height)
    assert INNER_CROP.box == pytest.approx(wished)


@pytest.mark.parametrize("crop", [*CROPS.values(), E_CROP], ids=lambda crop: crop.name)
def test_crops_are_symmetrical_and_show_all_five_points(crop) -> None:
    """Training mirrors half of the faces."""
    points = np.asarray(crop.points)
    assert points[[0, 3], 0] + points[[1, 4], 0] == pytest.approx([1, 1])
    assert points[[0, 3], 1] == pytest.approx(points[[1, 4], 1])
    assert points[2, 0] == pytest.approx(0.5)
    assert points.min() > 0 and points.max() < 1


def test_the_crops_of_a_recipe_are_those_there_are() -> None:
    assert get_args(get_type_hints(SubjectsConfig)["crop"]) == ("inner", "fer2013")
    assert {SubjectsConfig(crop=name).geometry.name for name in ("inner", "fer2013")} == set(CROPS)
    assert SubjectsConfig().geometry is INNER_CROP
