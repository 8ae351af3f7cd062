from __future__ import annotations

import csv
import dataclasses
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kaoiro.core import dialects
from kaoiro.core.dialects import to_fer, to_py_feat, write_dialect
from kaoiro.core.errors import OutputError
from kaoiro.core.types import Record

FEX = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
UNITS = ["AU01", "AU02", "AU04", "AU05", "AU06", "AU09", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26"]
SEVEN = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
FEX += [*UNITS, *SEVEN, "valence", "arousal", "input", "frame", "approx_time"]
FER = ("box", "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def test_py_feat_columns_and_values_exactly(make_record) -> None:
    row = to_py_feat(make_record("a.mp4", 1900, 76.04, happiness=0.6, fear=0.2, contempt=0.2).row())
    assert list(row) == FEX
    assert row == {
        "FaceRectX": 10.0,
        "FaceRectY": 20.0,
        "FaceRectWidth": 30.0,
        "FaceRectHeight": 40.0,
        "FaceScore": 0.875,
        **dict.fromkeys(UNITS),
        "anger": 0.0,
        "disgust": 0.0,
        "fear": pytest.approx(0.25),
        "happiness": pytest.approx(0.75),
        "sadness": 0.0,
        "surprise": 0.0,
        "neutral": 0.0,
        "valence": None,
        "arousal": None,
        "input": "a.mp4",
        "frame": 1900,
        "approx_time": "01:16",
    }


def test_py_feat_has_action_units_valence_and_arousal_of_models_that_answer_them(make_record) -> None:
    record = make_record(fear=1.0)
    more = {"au_01": 0.5, "au_12": 0.25, "valence": -0.5, "arousal": 0.75, "au_12_smooth": 0.9}
    row = to_py_feat(dataclasses.replace(record, scores={**record.scores, **more}).row())
    assert (row["AU01"], row["AU12"], row["AU26"], row["valence"], row["arousal"]) == (0.5, 0.25, None, -0.5, 0.75)


def test_contempt_alone_becomes_uniform(make_record) -> None:
    row = to_py_feat(make_record(contempt=1.0).row())
    assert [row[name] for name in SEVEN] == pytest.approx([1 / 7] * 7)


def test_a_faceless_frame_is_a_py_feat_row_without_values() -> None:
    row = to_py_feat(Record("a.mp4", 5, 0.2).row())
    assert [name for name in FEX if row[name] is not None] == ["input", "frame", "approx_time"]


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0.0, "00:00"), (-0.5, "00:00"), (-1.0, "-00:01"), (-61.5, "-01:01"), (59.999, "00:59"), (3600.0, "60:00")],
)
def test_py_feat_times_are_cut_off_towards_zero(time_s: float, text: str) -> None:
    assert to_py_feat(Record("a.mp4", 0, time_s).row())["approx_time"] == text


def written(rows: Any, path: Path, dialect: str) -> list[dict[str, Any]]:
    write_dialect(rows, path.with_suffix(".jsonl"), dialect)
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()]


def test_fer_is_a_row_for_each_frame_as_wide_as_the_fullest(make_record, tmp_path: Path) -> None:
    rows = [
        make_record("a.mp4", 0, 0.0, happiness=1.0).row(),
        make_record("a.mp4", 1, 0.04, fear=0.5, contempt=0.5).row(),
        make_record("a.mp4", 1, 0.04, anger=1.0).row(),
        Record("a.mp4", 2, 0.08).row(),
    ]
    table = written(rows, tmp_path / "a", "fer")
    names = ["source", "frame", "time_s", *(f"{name}{index}" for index in range(2) for name in FER)]
    assert [list(row) for row in table] == [names] * 3
    assert [row["frame"] for row in table] == [0, 1, 2]
    assert table[0]["box0"] == [10, 20, 30, 40]
    assert table[0]["happy0"] == 1.0
    assert table[0]["box1"] is None
    assert (table[1]["fear0"], table[1]["angry1"]) == (1.0, 1.0)
    assert all(table[2][name] is None for name in names[3:])


def test_fer_keeps_frames_of_different_sources_apart(make_record, tmp_path: Path) -> None:
    table = written((make_record(source, fear=1.0).row() for source in ("a.jpg", "b.jpg")), tmp_path / "a", "fer")
    assert [row["source"] for row in table] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("rows", [[], [Record("a.jpg", 0, 0.0).row()]])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_fer_has_the_columns_of_one_face_even_without_any(tmp_path: Path, kind: str, rows: list[Any]) -> None:
    import pandas as pd

    path = tmp_path / f"a.{kind}"
    assert write_dialect(rows, path, "fer") == len(rows)
    table = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    assert list(table) == ["source", "frame", "time_s", *(f"{name}0" for name in FER)]
    assert len(table) == len(rows)


def expected(rows: list[Any], dialect: str) -> list[dict[str, Any]]:
    return [to_fer([row], 1) if dialect == "fer" else to_py_feat(row) for row in rows]


@pytest.mark.parametrize("dialect", ["py-feat", "fer"])
def test_every_format_holds_the_same_table(make_record, tmp_path: Path, dialect: str) -> None:
    import pyarrow.parquet as pq

    rows = [make_record("ä.jpg", fear=0.5, anger=0.5).row(), Record("ö.jpg", 0, 0.0).row()]
    table = expected(rows, dialect)
    for kind in ("csv", "jsonl", "parquet"):
        assert write_dialect(rows, tmp_path / f"a.{kind}", dialect) == 2
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == table
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == table
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {name: "" if value is None else str(value) for name, value in row.items()} for row in table
        ]


@pytest.mark.parametrize("dialect", ["py-feat", "fer"])
def test_parquet_types_do_not_depend_on_the_values(make_record, tmp_path: Path, dialect: str) -> None:
    import pyarrow.parquet as pq

    schemas = []
    for name, record in (("face", make_record(fear=1.0)), ("none", Record("a.jpg", 0, 0.0))):
        write_dialect([record.row()], tmp_path / f"{name}.parquet", dialect)
        schemas.append(pq.read_schema(tmp_path / f"{name}.parquet"))
    assert schemas[0].equals(schemas[1])
    assert "null" not in map(str, schemas[1].types)


class Tracked(dict[str, Any]):
    """A row of which one can see whether somebody still holds it."""

    __hash__ = object.__hash__  # type: ignore[assignment]


@pytest.mark.parametrize("dialect", ["py-feat", "fer"])
@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_rows_are_let_go_once_they_are_written(
    make_record, tmp_path: Path, monkeypatch, dialect: str, kind: str
) -> None:
    monkeypatch.setattr(dialects, "_IN_MEMORY", 1000)  # bytes: the intermediate table goes to the disk
    alive: weakref.WeakSet[Tracked] = weakref.WeakSet()

    def rows() -> Iterator[Any]:
        for number in range(100):
            row = Tracked(make_record("a.mp4", number, fear=1.0).row())
            alive.add(row)
            assert len(alive) < 5
            yield row

    assert write_dialect(rows(), tmp_path / f"a.{kind}", dialect) == 100


def test_an_unknown_dialect_is_refused_with_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="'excel' is not known; choose one of kaoiro, py-feat, fer"):
        write_dialect([], tmp_path / "a.csv", "excel")
    assert list(tmp_path.iterdir()) == []
