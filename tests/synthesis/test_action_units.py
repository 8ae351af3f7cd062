from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.action_units import SHAPES, UNITS, blend_weights, column, scored, vector

NAMES = sorted(SHAPES)


def shown(left: dict[int, float], right: dict[int, float] | None = None) -> dict[str, float]:
    units = np.stack([vector(left), vector(left if right is None else right)])
    weights = blend_weights(units, NAMES)
    return {name: round(float(weight), 6) for name, weight in zip(NAMES, weights, strict=True) if weight}


def test_the_table_has_exactly_the_units_of_the_columns() -> None:
    assert tuple(f"au_{number:02d}" for number in UNITS) == ACTION_UNITS.labels
    assert len(SHAPES) == 57


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_moves_both_sides_alike(unit: int) -> None:
    weights = shown({unit: 1.0})
    assert weights
    assert all(weights[name] == weights[name[:-2] + "_R"] for name in weights if name.endswith("_L"))


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ({1: 1.0}, {"browInnerUp_L": 1.0, "browInnerUp_R": 1.0}),
        ({6: 0.5}, {"cheekSquint_L": 0.5, "cheekSquint_R": 0.5, "cheekRaiser_L": 0.25, "cheekRaiser_R": 0.25}),
        ({7: 1.0}, {"eyeSquint_L": 0.9, "eyeSquint_R": 0.9}),
        ({17: 1.0}, {"mouthShrugLower": 0.9}),
        ({23: 1.0}, {"mouthRollLower": 0.5, "mouthRollUpper": 0.5}),
        ({26: 1.0}, {"jawOpen": 0.45}),
        ({43: 1.0}, {"eyeBlink_L": 1.0, "eyeBlink_R": 1.0}),
    ],
)
def test_a_unit_moves_the_shapes_of_its_row(units: dict[int, float], expected: dict[str, float]) -> None:
    assert shown(units) == expected


def test_units_that_move_one_shape_add_up_and_stop_at_one() -> None:
    assert shown({25: 1.0, 26: 1.0})["jawOpen"] == 0.53
    assert shown({10: 1.0, 25: 1.0})["mouthUpperUp_L"] == 1.0  # 0.9 + 0.2
    assert shown({16: 1.0, 25: 1.0})["mouthLowerDown_R"] == 1.0  # 0.8 + 0.4


def test_one_side_moves_its_shapes_and_half_of_those_without_sides() -> None:
    assert shown({12: 1.0, 26: 1.0}, {}) == {"mouthSmile_L": 1.0, "jawOpen": 0.225}
    assert shown({}, {12: 1.0}) == {"mouthSmile_R": 1.0}


@pytest.mark.parametrize(
    ("meant", "apart"),
    [
        ({}, 0.0),
        ({25: 0.4}, 0.4),
        ({26: 0.2}, 0.43),
        ({26: 0.2, 25: 0.4}, 0.83),
        ({26: 0.9}, 1.0),
        ({10: 0.5, 17: 0.2}, 0.33),
        ({17: 1.0}, 0.0),
    ],
)
def test_lips_apart_are_25_whatever_parts_them(meant: dict[int, float], apart: float) -> None:
    found = scored(np.stack([vector(meant), vector({})]))
    assert found[0, column(25)] == pytest.approx(apart)
    assert found[1].max() == 0
    others = [k for k in range(20) if k != column(25)]
    assert np.array_equal(found[0, others], vector(meant)[others])


def test_scoring_leaves_what_the_muscles_do_alone() -> None:
    units = vector({26: 1.0})
    scored(units)
    assert units[column(25)] == 0


def test_weights_follow_the_order_of_the_names_and_keep_leading_axes() -> None:
    units = np.random.default_rng(0).random((3, 4, 2, 20))
    weights = blend_weights(units, NAMES)
    assert weights.shape == (3, 4, 57) and weights.dtype == np.float32
    assert weights.min() >= 0 and weights.max() <= 1
    assert np.allclose(blend_weights(units[1, 2], NAMES[::-1]), weights[1, 2, ::-1])


def test_units_of_another_shape_or_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(…, 2, 20\), not \(20,\)"):
        blend_weights(np.zeros(20), NAMES)
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(InputError, match="between 0 and 1"):
            blend_weights(np.full((2, 20), wrong), NAMES)


def test_heads_with_other_shapes_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="unknown: tongueOut"):
        blend_weights(np.zeros((2, 20)), [*NAMES, "tongueOut"])
    with pytest.raises(DataError, match="lacks shapes that action units need: eyeWide_L"):
        blend_weights(np.zeros((2, 20)), [name for name in NAMES if name != "eyeWide_L"])
    with pytest.raises(DataError, match="twice"):
        blend_weights(np.zeros((2, 20)), [*NAMES, NAMES[0]])


def test_a_shape_that_no_unit_needs_may_be_missing() -> None:
    assert blend_weights(np.zeros((2, 20)), [name for name in NAMES if name != "jawLeft"]).shape == (56,)


def test_a_vector_has_the_intensities_in_their_columns() -> None:
    result = vector({4: 0.5, 43: 1.0})
    assert result[ACTION_UNITS.index("au_04")] == 0.5 and result[column(43)] == result[19] == 1.0
    assert result.sum() == 1.5 and result.shape == (20,)


def test_an_impossible_unit_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(InputError, match=r"one of 1, 2, 4.*43, not 3"):
        vector({3: 0.5})


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan"), float("inf")])
def test_an_impossible_intensity_is_refused_with_its_unit(wrong: float) -> None:
    with pytest.raises(InputError, match="intensity of action unit 12"):
        vector({12: wrong})
