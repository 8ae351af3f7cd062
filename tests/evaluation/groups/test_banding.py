from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.evaluation.groups.banding import Asked, asked, grouping

PEOPLE = np.array([f"p{number}" for number in range(9)])


def grouped(text: str, *cells: object, people: np.ndarray | None = None) -> tuple[tuple[str, ...], list[int]]:
    values = np.array(cells, object)
    found = grouping("g.csv", asked(text), values, PEOPLE[: len(cells)] if people is None else people)
    return found.labels, found.places.tolist()


def test_a_column_may_say_how_its_numbers_are_cut() -> None:
    assert asked("gender") == Asked("gender")
    assert asked("age:25/40.5") == Asked("age", (25, 40.5))
    assert asked(" age : q4 ") == Asked("age", quantiles=4)


@pytest.mark.parametrize("text", ["age:", "age:x", "age:40/25", "age:25/25", "age:q1", "age:q10", "age:nan"])
def test_a_cut_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="numbers that rise"):
        asked(text)


def test_names_are_groups_in_order_and_empty_cells_are_in_none() -> None:
    assert grouped("sex", "m", "f", "", "NA", None, " m ") == (("f", "m"), [1, 0, -1, -1, -1, 1])


def test_a_few_numbers_are_groups_by_themselves_in_the_order_of_numbers() -> None:
    assert grouped("type", "10", "2", "2", "x") == (("2", "10", "x"), [1, 0, 0, 2])
    assert grouped("type", 10, 2, 2) == (("2", "10"), [1, 0, 0])


def test_edges_belong_to_the_band_that_begins_there() -> None:
    labels, places = grouped("age:25/40", "18", "25", "39.9", "40", "70", "")
    assert labels == ("below 25", "25 to below 40", "40 and above")
    assert places == [0, 1, 1, 2, 2, -1]


def test_quantiles_count_people_not_pictures() -> None:
    ages = (20, 21, 22, 23, 24, 25, 26, 27)
    labels, places = grouped("age", *ages)
    assert (labels[0], np.bincount(places).tolist()) == ("below 23", [3, 2, 3])
    often = np.repeat(ages, [40, 1, 1, 1, 1, 1, 1, 1])
    found = grouped("age:q2", *often, people=np.repeat(PEOPLE[:8], [40, 1, 1, 1, 1, 1, 1, 1]))
    assert found[0] == ("below 24", "24 and above")


@pytest.mark.parametrize(
    ("text", "cells", "told"),
    [
        ("a", ("x", "x"), "one group only, 'x'"),
        ("a", ("", "NA"), "says nothing"),
        ("a:3", ("x", "4"), "'x', which is no number"),
        ("a:90", ("3", "4"), "nobody is in the band 90 and above; its values go from 3 to 4"),
        ("a:q2", ("3", "3"), "all are in one band"),
        ("a", tuple(f"v{n}" for n in range(25)), "25 different values"),
        ("a:" + "/".join(map(str, range(25))), ("3", "4"), "26 bands"),
    ],
)
def test_what_makes_no_groups_is_refused(text: str, cells: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        grouped(text, *cells, people=np.arange(len(cells)))
    assert str(caught.value).startswith("g.csv: column a")
