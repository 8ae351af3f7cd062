"""What counts as shown, and alarms, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.evaluation import readers
from kaoiro.inference.words.readers import COLUMNS


def shown(left: dict[int, float], right: dict[int, float], stretch: float = 0.0, jaw: float = 0.0) -> set[str]:
    """Return what a face shows; what it only shows something like has a '~'."""
    sides = np.zeros((1, 2, len(ACTION_UNITS)))
    for place, units in enumerate((left, right)):
        for unit, value in units.items():
            sides[0, place, ACTION_UNITS.index(f"au_{unit:02d}")] = value
    there, alike = readers.truth(readers.intensities(sides, np.array([stretch])), np.array([jaw]))
    assert set(there) == set(alike) == set(COLUMNS)
    return {name for name in COLUMNS if there[name][0]} | {f"~{name}" for name in COLUMNS if alike[name][0]}


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        ({}, {}, set()),
        ({43: 0.9}, {43: 0.8}, {"au_43", "~au_46"}),
        ({43: 0.9}, {43: 0.1}, {"au_46", "~au_43"}),
        ({43: 0.5}, {43: 0.5}, {"~au_43", "~au_46"}),
        ({43: 0.9}, {43: 0.4}, {"~au_43", "~au_46"}),
        ({12: 0.8}, {}, {"au_12_one_side"}),
        ({12: 0.8}, {12: 0.35}, {"~au_12_one_side"}),
        ({12: 0.6}, {12: 0.6}, {"~au_12_one_side"}),
        ({12: 0.19}, {}, set()),
        ({12: 0.8, 14: 0.5}, {12: 0.8}, {"~au_12_one_side", "au_14_one_side"}),
    ],
    ids=["rest", "closed", "wink", "half", "half wink", "smirk", "uneven", "smile", "trace", "dimple in a smile"],
)
def test_what_counts_as_shown(left: dict[int, float], right: dict[int, float], wanted: set[str]) -> None:
    assert shown(left, right) == wanted == shown(right, left), "whichever side it is"


def test_a_stretched_mouth_is_more_than_a_dropped_jaw() -> None:
    assert shown({}, {}, stretch=0.5, jaw=1.0) == {"au_27"}
    assert shown({}, {}, stretch=0.1, jaw=1.0) == {"~au_27"}
    assert shown({}, {}, jaw=0.3) == {"~au_27"}


def test_nothing_is_learned_of_what_is_not_clear() -> None:
    given = np.array([[[0.4, 0.5], [0.1, 0.2], [0.05, 0.3], [0.9, 0.0]]])
    there, known = readers.clear(given)
    assert there[0].tolist() == [[False, False], [False, False], [False, True], [True, False]]
    assert known[0].tolist() == [[True, False], [True, False], [True, True], [True, True]]


def test_alarms_are_shares_of_faces_with_intervals_over_people() -> None:
    found = readers.alarms(np.array([0.9, 0.5, 0.1, 0.2]), np.array(["a", "a", "b", "c"]))
    assert (found["faces"], found["people"], found["share"], found["mean"]) == (4, 3, 0.5, pytest.approx(0.425))
    low, high = found["interval"]
    assert low == 0 and high == 1
