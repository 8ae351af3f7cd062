from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from kaoiro.core import codec
from kaoiro.core.errors import InputError, OutputError
from kaoiro.core.types import COLUMNS, Record

NAMES = [column.name for column in COLUMNS]


@pytest.fixture
def records(make_record) -> list[Record]:
    face = make_record('写真/smörgås, "quoted".jpg', 7, 1 / 3, fear=0.1234567, happiness=0.8765433)
    return [face, Record("写真/leer.jpg", 8, 0.375), Record("line\nbreak.jpg", 9, 0.5)]


@pytest.mark.parametrize("kind", codec.FORMATS)
def test_what_is_written_is_read_back(records: list[Record], tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"ergebnis-é.{kind}"
    assert codec.write(records, path) == 3
    rows = list(codec.read_rows(path))
    for row, record in zip(rows, records, strict=True):
        expected = record.row()
        assert list(row) == NAMES
        assert {name: value is None for name, value in row.items()} == {n: v is None for n, v in expected.items()}
        assert row["source"] == expected["source"]
        assert row == {name: pytest.approx(value, abs=1e-6) for name, value in expected.items()}
        assert [type(row[name]) for name in NAMES] == [type(expected[name]) for name in NAMES]


def test_parquet_keeps_every_digit(records: list[Record], tmp_path: Path) -> None:
    codec.write(records, tmp_path / "a.parquet")
    assert next(codec.read_rows(tmp_path / "a.parquet")) == records[0].row()


def test_text_keeps_the_digits_of_the_columns(records: list[Record], tmp_path: Path) -> None:
    codec.write(records, tmp_path / "a.csv")
    row = next(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
    assert (row["time_s"], row["expression_fear"], row["roll"]) == ("0.333333", "0.123457", "-3.5")


def test_json_lines_are_utf8_with_null_for_missing_values(records: list[Record], tmp_path: Path) -> None:
    codec.write(records, tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert "写真" in lines[0]
    assert json.loads(lines[1])["expression"] is None


def test_csv_has_a_header_even_without_rows(tmp_path: Path) -> None:
    codec.write([], tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == ",".join(NAMES) + "\n"
    assert list(codec.read_rows(tmp_path / "a.csv")) == []


def test_parquet_columns_are_typed_even_where_all_values_are_missing(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    codec.write([Record("a", 0, 0.0)], tmp_path / "a.parquet")
    assert pq.read_schema(tmp_path / "a.parquet").equals(codec.schema())


def test_parquet_is_written_and_read_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr(codec, "_BATCH", 4)
    codec.write((Record("a", number, 0.0) for number in range(10)), tmp_path / "a.parquet")
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [4, 4, 2]
    assert [row["frame"] for row in codec.read_rows(tmp_path / "a.parquet")] == list(range(10))


@pytest.mark.parametrize("kind", codec.FORMATS)
def test_an_error_while_writing_leaves_the_old_table(tmp_path: Path, kind: str) -> None:
    def broken():
        yield Record("new", 0, 0.0)
        raise ValueError("cut off")

    path = tmp_path / f"a.{kind}"
    codec.write([Record("old", 0, 0.0)], path)
    with pytest.raises(ValueError, match="cut off"):
        codec.write(broken(), path)
    assert [row["source"] for row in codec.read_rows(path)] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", codec.FORMATS)
def test_an_error_of_the_records_does_not_blame_the_table(tmp_path: Path, kind: str) -> None:
    def broken():
        yield Record("new", 0, 0.0)
        raise OSError(5, "the camera is gone")

    with pytest.raises(OSError, match="the camera is gone"):
        codec.write(broken(), tmp_path / f"a.{kind}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", codec.FORMATS)
def test_a_full_disk_is_told_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    writer = {"csv": codec.CsvWriter, "jsonl": codec.JsonLinesWriter, "parquet": codec.ParquetWriter}[kind]
    monkeypatch.setattr(writer, "write", full)
    with pytest.raises(OutputError, match=rf"cannot write .*table\.{kind}: No space left"):
        codec.write([Record("a", 0, 0.0)], tmp_path / f"table.{kind}")
    assert list(tmp_path.iterdir()) == []


def test_a_parquet_file_is_closed_even_if_its_end_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: codec.ParquetWriter) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(codec.ParquetWriter, "_flush", full)
    writer = codec.ParquetWriter(tmp_path / "a.parquet")
    with pytest.raises(OSError, match="No space left"), writer:
        pass
    assert not writer._writer.is_open


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.csv.gz"])
def test_an_unknown_suffix_is_refused_with_the_valid_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.csv, \.parquet or \.jsonl"):
        codec.write([], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(OutputError, match="'xml' is not known; choose one of csv, parquet, jsonl"):
        codec.check_format("xml")


def test_parquet_does_not_go_to_a_text_stream() -> None:
    with pytest.raises(OutputError, match="give --out"):
        codec.text_writer("parquet", io.StringIO())


@pytest.mark.parametrize("kind", codec.FORMATS)
def test_a_table_that_lacks_columns_is_refused_and_they_are_named(tmp_path: Path, kind: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / f"a.{kind}"
    row = {name: None for name in NAMES if name not in ("roll", "sharpness")} | {"source": "a"}
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif kind == "jsonl":
        path.write_text(json.dumps(row) + "\n")
    else:
        path.write_text(",".join(row) + "\n")
    with pytest.raises(InputError, match="lacks the columns roll, sharpness"):
        list(codec.read_rows(path))
