from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kaoiro.core.spec import Specification


def content(**changes: Any) -> dict[str, Any]:
    points = [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.4, 0.8], [0.6, 0.8]]
    head = {"name": "expression", "activation": "softmax", "labels": ["fear", "anger"]}
    return {
        "size": 48,
        "channels": 1,
        "mean": [0.5],
        "std": [0.25],
        "crop": {"name": "test", "points": points, "box": [0.1, 0.1, 0.8, 0.8]},
        "heads": [head],
        **changes,
    }


def test_a_specification_survives_json() -> None:
    specification = Specification.model_validate(content())
    assert Specification.model_validate_json(specification.model_dump_json()) == specification


def test_defaults_are_one_frame_and_no_temperature() -> None:
    specification = Specification.model_validate(content())
    assert (specification.window, specification.head("expression").temperature) == (1, 1.0)


def units(**changes: Any) -> dict[str, Any]:
    return {"name": "units", "activation": "sigmoid", "labels": ["au_04", "au_12"], **changes}


def test_thresholds_are_chosen_for_each_label_and_one_half_where_none_were() -> None:
    chosen = Specification.model_validate(content(heads=[units(thresholds=[0.3, 0.65])]))
    assert chosen.head("units").present_from == {"au_04": 0.3, "au_12": 0.65}
    assert Specification.model_validate_json(chosen.model_dump_json()) == chosen
    older = Specification.model_validate(content(heads=[units()]))
    assert older.head("units").present_from == {"au_04": 0.5, "au_12": 0.5}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"heads": [units(thresholds=[0.3])]}, "one value per label"),
        ({"heads": [units(thresholds=[0.3, 1.0])]}, "thresholds"),
        ({"heads": [units(thresholds=[0.0, 0.5])]}, "thresholds"),
        ({"heads": [content()["heads"][0] | {"thresholds": [0.3, 0.4]}]}, "need a sigmoid head"),
        ({"colour": "grey"}, "colour"),
        ({"channels": 2}, "channels"),
        ({"size": 4}, "size"),
        ({"size": 4096}, "size"),
        ({"mean": [0.5, 0.5, 0.5]}, "one value per channel"),
        ({"heads": []}, "at least one"),
        ({"heads": content()["heads"] * 2}, "distinct names"),
        ({"heads": [content()["heads"][0] | {"temperature": 0}]}, "temperature"),
        ({"heads": [content()["heads"][0] | {"activation": "relu"}]}, "activation"),
        ({"crop": content()["crop"] | {"points": [[0, 0]] * 4}}, "points"),
        ({"crop": content()["crop"] | {"scale": 1}}, "scale"),
    ],
)
def test_what_is_unknown_or_inconsistent_is_refused_and_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Specification.model_validate(content(**changes))


def test_a_specification_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Specification.model_validate(content()).size = 64  # type: ignore[misc]


def test_a_head_keeps_the_order_of_its_labels_as_a_vocabulary() -> None:
    vocabulary = Specification.model_validate(content()).head("expression").vocabulary
    assert (vocabulary.name, vocabulary.labels) == ("expression", ("fear", "anger"))


def test_a_missing_head_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"no head 'valence'.*expression"):
        Specification.model_validate(content()).head("valence")
