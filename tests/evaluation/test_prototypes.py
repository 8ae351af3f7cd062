"""What the prototype tables say of units, against the tables as they are printed."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.labels import MEASURED_UNITS
from kaoiro.evaluation import prototypes
from kaoiro.evaluation.prototypes import pairs, said, truth, without
from kaoiro.families.multitask_affect import coupling
from kaoiro.synthesis.prototypes import TABLES


def test_every_always_unit_of_both_tables_that_is_measured_is_a_pair():
    found = {(pair.unit, pair.expression): pair.tables for pair in pairs(MEASURED_UNITS.labels)}
    assert len(found) == 23
    for name, table in TABLES.items():
        for expression, prototype in table.items():
            for number in prototype.always:
                unit = f"au_{number:02d}"
                assert unit not in MEASURED_UNITS.labels or name in found[unit, expression]
    assert found["au_04", "anger"] == ("facs", "probabilistic")
    assert found["au_05", "anger"] == ("facs",)
    assert found["au_25", "happiness"] == ("probabilistic",)


def test_a_pair_stands_against_expressions_for_which_no_table_names_the_unit():
    (smile,) = (pair for pair in pairs(["au_06"]) if pair.expression == "happiness")
    assert smile.title == "AU 6 (cheek raiser) on happiness"
    assert set(smile.without) == {"anger", "disgust", "fear", "surprise", "neutral"}, "sadness sometimes has it"
    assert without("au_04") == ("happiness", "surprise", "neutral")


@pytest.mark.parametrize(
    ("unit", "shown", "not_shown"),
    [
        ("au_12", {"happiness"}, {"anger", "disgust", "fear", "sadness", "surprise", "neutral"}),
        ("au_05", {"fear", "surprise"}, {"disgust", "happiness", "sadness", "neutral"}),  # of anger they disagree
        ("au_15", {"sadness"}, {"anger", "fear", "happiness", "surprise", "neutral"}),  # and of disgust
        ("au_17", {"disgust"}, {"fear", "happiness", "surprise", "neutral"}),  # one table does not know it
        ("au_25", {"fear", "happiness", "surprise"}, {"neutral"}),  # people speak and shout
        ("au_26", {"fear", "surprise"}, {"neutral"}),
    ],
)
def test_what_is_said_of_a_unit(unit: str, shown: set[str], not_shown: set[str]):
    told = said(unit)
    assert {name for name, there in told.items() if there} == shown
    assert {name for name, there in told.items() if not there} == not_shown


def test_every_measured_unit_is_said_to_be_shown_somewhere_and_not_elsewhere():
    for unit in MEASURED_UNITS.labels:
        assert set(said(unit).values()) == {True, False}, unit


def test_faces_of_which_nothing_is_said_are_unknown():
    found = truth("au_05", np.array(["surprise", "anger", "contempt", "neutral"]))
    assert found.tolist() == pytest.approx([1, np.nan, np.nan, 0], nan_ok=True)


def test_what_is_open_while_people_speak_is_what_learning_leaves_open():
    assert prototypes.SPOKEN == coupling.FREE
