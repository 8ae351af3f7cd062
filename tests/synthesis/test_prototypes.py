from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT_CENTRES, FER2013
from kaoiro.synthesis.action_units import UNITS, vector
from kaoiro.synthesis.prototypes import SHOWN, TABLES, affect, affect_of_blend, mean, prototype, sample

NUMBERS = np.array(list(UNITS))


def present(units: np.ndarray) -> set[int]:
    return set(NUMBERS[units > 0].tolist())


@pytest.mark.parametrize(
    ("expression", "table", "always", "sometimes"),
    [
        ("happiness", "facs", {6, 12}, {}),
        ("disgust", "facs", {9, 15, 16}, {}),
        ("fear", "facs", {1, 2, 4, 5, 7, 20, 26}, {}),
        ("sadness", "probabilistic", {4, 15}, {1: 0.60, 6: 0.50, 11: 0.26, 17: 0.67}),
        ("anger", "probabilistic", {4, 7, 24}, {10: 0.26, 17: 0.52, 23: 0.29}),
    ],
)
def test_the_tables_hold_the_published_units(
    expression: str, table: str, always: set[int], sometimes: dict[int, float]
) -> None:
    found = prototype(expression, table)
    assert set(found.always) == always and found.sometimes == sometimes


def test_both_tables_hold_the_seven_expressions_and_possible_units() -> None:
    for table in TABLES.values():
        assert set(table) == set(FER2013.labels)
        assert all({*found.always, *found.sometimes} <= set(UNITS) for found in table.values())
    assert FER2013.labels[:6] == SHOWN


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("expression", FER2013.labels)
def test_samples_hold_every_prototypical_unit_and_no_strange_one(expression: str, table: str) -> None:
    found, rng = prototype(expression, table), np.random.default_rng(1)
    for _ in range(50):
        units = sample(expression, table, 0.8, rng)
        assert set(found.always) <= present(units) <= {*found.always, *found.sometimes}
        drive = units[units > 0] / 0.8
        assert np.all((drive >= 0.7) & (drive <= 1))


def test_observational_units_come_with_their_probability() -> None:
    rng = np.random.default_rng(2)
    shown = np.array([sample("sadness", "probabilistic", 1.0, rng) > 0 for _ in range(4000)]).mean(axis=0)
    rates = dict(zip(NUMBERS.tolist(), shown.tolist(), strict=True))
    # four standard errors of a share of 4000
    assert all(abs(rates[unit] - chance) < 0.032 for unit, chance in {1: 0.60, 6: 0.50, 11: 0.26, 17: 0.67}.items())
    assert rates[4] == rates[15] == 1


def test_neutral_moves_nothing() -> None:
    for table in TABLES:
        assert not sample("neutral", table, 1.0, np.random.default_rng(0)).any()
        assert not mean("neutral", table, 1.0).any()


def test_the_mean_is_the_table_at_the_middle_of_the_drive() -> None:
    assert np.allclose(mean("happiness", "facs", 0.5), vector({6: 0.425, 12: 0.425}))
    assert present(mean("sadness", "probabilistic", 1.0)) == {1, 4, 6, 15, 17}
    assert present(mean("surprise", "probabilistic", 1.0)) == {1, 2, 5, 25, 26}


def test_contempt_and_other_strangers_are_refused_with_the_valid_choices() -> None:
    with pytest.raises(InputError, match=r"'contempt'.*anger, disgust, fear, happiness, sadness, surprise, neutral"):
        sample("contempt", "facs", 1.0, np.random.default_rng(0))
    with pytest.raises(InputError, match="one of facs, probabilistic, not emfacs"):
        mean("fear", "emfacs", 1.0)
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="intensity"):
            sample("fear", "facs", wrong, np.random.default_rng(0))
        with pytest.raises(InputError, match="intensity"):
            affect("fear", wrong, np.random.default_rng(0))


def test_affect_lies_at_intensity_times_centre() -> None:
    rng = np.random.default_rng(0)
    assert affect("happiness", 0.5, rng, sd=0) == pytest.approx((0.40, 0.225))
    assert affect("sadness", 1.0, rng, sd=0) == pytest.approx((-0.65, -0.35))
    assert affect("neutral", 1.0, rng, sd=0) == (0, 0)
    drawn = np.array([affect("anger", 0.5, rng) for _ in range(4000)])
    assert np.allclose(drawn.mean(axis=0), [-0.30, 0.325], atol=0.004)
    assert np.allclose(drawn.std(axis=0), 0.05, atol=0.003)


def test_affect_stays_within_its_scale() -> None:
    drawn = np.array([affect("happiness", 1.0, np.random.default_rng(seed), sd=1.0) for seed in range(50)])
    assert drawn.min() >= -1 and drawn.max() == 1


def test_blends_lie_at_the_weighted_mean() -> None:
    assert affect_of_blend({"happiness": 0.5, "surprise": 0.5}) == pytest.approx((0.475, 0.625))
    assert affect_of_blend({"happiness": 3, "neutral": 1}) == pytest.approx((0.6, 0.3375))
    assert affect({"happiness": 1, "surprise": 1}, 0.5, np.random.default_rng(0), sd=0) == pytest.approx(
        (0.2375, 0.3125)
    )
    assert all(affect_of_blend({name: 2.0}) == pytest.approx(centre) for name, centre in AFFECT_CENTRES.items())


def test_impossible_blends_are_refused() -> None:
    with pytest.raises(InputError, match="sum of the weights"):
        affect_of_blend({})
    with pytest.raises(InputError, match="weight of fear"):
        affect_of_blend({"fear": -1.0})
    with pytest.raises(InputError, match="'contempt'"):
        affect_of_blend({"contempt": 1.0})
