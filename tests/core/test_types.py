from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kaoiro.core.labels import EXPRESSIONS, MEASURED_UNITS
from kaoiro.core.types import CHANGED, COLUMNS, LANDMARKS, SMOOTHED, SUPPORT, Box, Record, changed, smoothed


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 4, 2), 1.0),
        (Box(2, 0, 4, 2), 4 / 12),
        (Box(3, 1, 4, 2), 1 / 15),
        (Box(1, 0, 1, 1), 1 / 8),
        (Box(4, 0, 4, 2), 0.0),
        (Box(0, 5, 4, 2), 0.0),
        (Box(0, 0, 0, 0), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other: Box, expected: float) -> None:
    box = Box(0, 0, 4, 2)
    assert math.isclose(box.overlap(other), expected)
    assert math.isclose(other.overlap(box), expected)


def test_two_boxes_without_area_do_not_overlap() -> None:
    assert Box(1, 1, 0, 0).overlap(Box(1, 1, 0, 0)) == 0.0


def test_a_row_has_all_columns_in_order(make_record) -> None:
    assert list(make_record(fear=1.0).row()) == [column.name for column in COLUMNS]


def test_a_row_tells_everything_of_a_face(make_record) -> None:
    row = make_record(fear=0.75, anger=0.25).row()
    empty = {name for name, value in row.items() if value is None}
    answers = {"valence", "arousal", "valence_sd", "arousal_sd", *MEASURED_UNITS.labels}  # not of every model
    assert answers <= empty
    assert all("smooth" in name or name.endswith("_change") for name in empty - answers)  # of videos, of a baseline
    assert [row[f"box_{edge}"] for edge in ("left", "top", "width", "height")] == [10, 20, 30, 40]
    assert [row[f"{name}_{axis}"] for name in LANDMARKS for axis in "xy"] == list(range(1, 11))
    assert (row["expression"], row["confidence"], row["expression_fear"]) == ("fear", 0.75, 0.75)


def test_a_row_without_a_face_keeps_its_place_on_the_time_axis() -> None:
    record = Record("a.mp4", 3, 0.12)
    row = record.row()
    assert not record.has_face
    assert {name for name, value in row.items() if value is not None} == {"source", "frame", "time_s"}
    assert len(row) == len(COLUMNS)


def test_every_column_is_named_once_and_documented() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert all(column.meaning for column in COLUMNS)


def test_every_number_has_a_unit_and_a_precision_in_text() -> None:
    numbers = [column for column in COLUMNS if column.kind == "number"]
    assert {column.unit for column in numbers} == {"seconds", "pixels", "degrees", "0–1", "-1–1", "-2–2", "≥ 0"}
    assert all(column.digits is not None for column in numbers)


def test_the_eight_probabilities_are_columns_in_the_order_of_the_vocabulary() -> None:
    names = [column.name for column in COLUMNS if column.name.startswith("expression_")]
    raw = [f"expression_{label}" for label in EXPRESSIONS.labels]
    assert names == [*raw, *(f"{name}_smooth" for name in raw), *(f"{name}_change" for name in raw)]


def test_what_is_smoothed_stands_behind_what_is_not_in_the_same_order() -> None:
    names = [column.name for column in COLUMNS]
    first = names.index("expression_anger")
    affect = ["valence", "arousal", "valence_sd", "arousal_sd"]
    assert names[first:] == [
        *(f"expression_{label}" for label in EXPRESSIONS.labels),
        *affect,
        *MEASURED_UNITS.labels,
        *map(smoothed, SMOOTHED),
        SUPPORT,
        *map(changed, CHANGED),
    ]
    assert CHANGED == SMOOTHED
    assert SMOOTHED[8:] == ("valence", "arousal", *MEASURED_UNITS.labels)


def test_measured_affect_and_units_are_in_the_row(make_record) -> None:
    record = make_record(happiness=1.0)
    row = replace(record, scores={**record.scores, "valence": -0.5, "arousal_sd": 0.1, "au_12": 0.75}).row()
    assert (row["valence"], row["arousal"], row["arousal_sd"], row["au_12"], row["au_06"]) == (
        -0.5,
        None,
        0.1,
        0.75,
        None,
    )
