from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import LabelError
from kaoiro.core.labels import (
    ACTION_UNITS,
    EXPRESSIONS,
    FER2013,
    FERPLUS,
    FERPLUS_VOTES,
    MEASURED_UNITS,
    SYNONYMS,
    UNIT_NAMES,
    Vocabulary,
    canonical,
    project,
    unit_number,
    unit_title,
)


def test_the_eight_expressions_are_alphabetical() -> None:
    expected = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    assert EXPRESSIONS.labels == expected == tuple(sorted(expected))


def test_fer2013_labels_stand_in_the_order_of_its_integers() -> None:
    assert [FER2013.index(label) for label in ("anger", "disgust", "fear", "happiness")] == [0, 1, 2, 3]
    assert FER2013.indices(["sadness", "surprise", "neutral"]) == [4, 5, 6]


def test_ferplus_is_fer2013_and_contempt() -> None:
    assert FERPLUS.labels == (*FER2013.labels, "contempt")
    assert set(FERPLUS_VOTES.labels) - set(FERPLUS.labels) == {"unknown", "NF"}


def test_an_unknown_label_is_named_with_the_vocabulary_and_its_labels() -> None:
    with pytest.raises(LabelError, match=r"'joy'.*'fer2013'.*anger, disgust") as caught:
        FER2013.index("joy")
    assert all(label in str(caught.value) for label in FER2013.labels)


def test_a_vocabulary_with_a_repeated_label_is_refused() -> None:
    with pytest.raises(LabelError, match="'twice' repeats a label"):
        Vocabulary("twice", ("fear", "fear"))


def test_project_drops_what_the_target_lacks_and_renormalises() -> None:
    source = Vocabulary("three", ("fear", "contempt", "anger"))
    target = Vocabulary("two", ("anger", "fear"))
    assert np.allclose(project(np.array([[0.2, 0.5, 0.3]]), source, target), [[0.6, 0.4]])


def test_project_gives_labels_that_the_source_lacks_no_probability() -> None:
    probabilities = np.full((1, 7), 1 / 7)
    result = project(probabilities, FER2013, EXPRESSIONS)
    assert result[0, EXPRESSIONS.index("contempt")] == 0
    assert np.allclose(np.delete(result[0], EXPRESSIONS.index("contempt")), 1 / 7)


def test_project_makes_a_row_uniform_when_its_whole_mass_is_dropped() -> None:
    only_contempt = np.eye(8)[[FERPLUS.index("contempt")]]
    assert np.allclose(project(only_contempt, FERPLUS, FER2013), 1 / 7)


def test_project_there_and_back_keeps_an_equal_set_of_labels() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(8), 5)
    there = project(probabilities, FERPLUS, EXPRESSIONS)
    assert not np.allclose(there, probabilities)
    assert np.allclose(project(there, EXPRESSIONS, FERPLUS), probabilities)


def test_project_refuses_vocabularies_without_a_common_label() -> None:
    with pytest.raises(LabelError, match="'colours' and 'fer2013' share no label"):
        project(np.ones((1, 1)), Vocabulary("colours", ("red",)), FER2013)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("Happy", "happiness"), (" SAD ", "sadness"), ("fear", "fear"), ("Angry", "anger"), ("bored", "bored")],
)
def test_canonical_spelling(given: str, expected: str) -> None:
    assert canonical(given) == expected


def test_every_synonym_leads_to_an_expression() -> None:
    assert set(SYNONYMS.values()) <= set(EXPRESSIONS.labels)


def test_project_does_not_hide_nan() -> None:
    probabilities = np.full((2, 8), 1 / 8)
    probabilities[0, 3] = np.nan
    assert np.isnan(project(probabilities, FERPLUS, FER2013)).any(axis=1).tolist() == [True, False]


def test_every_action_unit_has_its_name_in_facs() -> None:
    assert tuple(UNIT_NAMES) == ACTION_UNITS.labels
    assert set(MEASURED_UNITS.labels) <= set(UNIT_NAMES)
    assert (unit_number("au_04"), unit_title("au_12")) == (4, "AU 12 (lip corner puller)")
