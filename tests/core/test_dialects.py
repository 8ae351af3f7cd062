from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kaoiro.core.dialects import to_fer, to_py_feat, translate, write_dialect
from kaoiro.core.errors import OutputError
from kaoiro.core.types import Record

FEX = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
FEX += ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "input", "frame", "approx_time"]
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
        "anger": 0.0,
        "disgust": 0.0,
        "fear": pytest.approx(0.25),
        "happiness": pytest.approx(0.75),
        "sadness": 0.0,
        "surprise": 0.0,
        "neutral": 0.0,
        "input": "a.mp4",
        "frame": 1900,
        "approx_time": "01:16",
    }


def test_contempt_alone_becomes_uniform(make_record) -> None:
    row = to_py_feat(make_record(contempt=1.0).row())
    assert [row[name] for name in FEX[5:12]] == pytest.approx([1 / 7] * 7)


def test_a_faceless_frame_is_a_py_feat_row_without_values() -> None:
    row = to_py_feat(Record("a.mp4", 5, 0.2).row())
    assert [name for name in FEX if row[name] is not None] == ["input", "frame", "approx_time"]


def test_fer_is_a_row_for_each_frame_as_wide_as_the_fullest(make_record) -> None:
    rows = [
        make_record("a.mp4", 0, 0.0, happiness=1.0).row(),
        make_record("a.mp4", 1, 0.04, fear=0.5, contempt=0.5).row(),
        make_record("a.mp4", 1, 0.04, anger=1.0).row(),
        Record("a.mp4", 2, 0.08).row(),
    ]
    table = to_fer(rows)
    names = ["source", "frame", "time_s", *(f"{name}{index}" for index in range(2) for name in FER)]
    assert [list(row) for row in table] == [names] * 3
    assert [row["frame"] for row in table] == [0, 1, 2]
    assert table[0]["box0"] == "[10, 20, 30, 40]"
    assert table[0]["happy0"] == 1.0
    assert table[0]["box1"] is None
    assert (table[1]["fear0"], table[1]["angry1"]) == (1.0, 1.0)
    assert all(table[2][name] is None for name in names[3:])


def test_fer_keeps_frames_of_different_sources_apart(make_record) -> None:
    table = to_fer(make_record(source, fear=1.0).row() for source in ("a.jpg", "b.jpg"))
    assert [row["source"] for row in table] == ["a.jpg", "b.jpg"]


def test_frames_without_any_face_make_a_table_without_boxes() -> None:
    assert to_fer([Record("a.jpg", 0, 0.0).row()]) == [{"source": "a.jpg", "frame": 0, "time_s": 0.0}]


@pytest.mark.parametrize("dialect", ["py-feat", "fer"])
def test_every_format_holds_the_same_table(make_record, tmp_path: Path, dialect: str) -> None:
    import pyarrow.parquet as pq

    rows = [make_record("ä.jpg", fear=0.5, anger=0.5).row(), Record("ö.jpg", 0, 0.0).row()]
    expected = list(translate(rows, dialect))
    for kind in ("csv", "jsonl", "parquet"):
        assert write_dialect(rows, tmp_path / f"a.{kind}", dialect) == 2
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == expected
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == expected
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {name: "" if value is None else str(value) for name, value in row.items()} for row in expected
        ]


def test_an_unknown_dialect_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(OutputError, match="'excel' is not known; choose one of kaoiro, py-feat, fer"):
        translate([], "excel")
