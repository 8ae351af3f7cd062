from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake import subject_table as fake

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import subject_table


@pytest.mark.parametrize("name", ["subjects.csv", "subjects.parquet"])
def test_a_table_is_found_in_its_folder_and_read(name: str, tmp_path: Path) -> None:
    file = fake.write(tmp_path, name)
    for root in (tmp_path, file):
        table = subject_table.read(root)
        assert len(table) == 12
        assert table.subjects[:5].tolist() == ["p0"] * 4 + ["p1"]
        assert table.clips[:3].tolist() == ["p0/c0", "p0/c0", "p0/c1"]
        assert table.frames[:4].tolist() == [0, 1, 0, 1]
        assert table.labels[:4].tolist() == ["happiness", "neutral", "", "contempt"]
        assert all(path.is_file() for path in table.paths)


def test_labels_may_be_left_out(tmp_path: Path) -> None:
    fake.write(tmp_path, change=lambda table: table.drop(columns="label"))
    assert set(subject_table.read(tmp_path).labels) == {""}


def test_ids_that_are_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    fake.write(tmp_path, change=lambda table: table.assign(subject_id=table["subject_id"].str.replace("p", "00")))
    assert subject_table.read(tmp_path).subjects[0] == "000"


def cell(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype(object)
        table.loc[2, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda table: table.drop(columns=["path", "frame"]),
            r"lacks the column\(s\) frame, path; it needs subject_id",
        ),
        (lambda table: table[:0], "has no rows"),
        (cell("subject_id", ""), "row 3: nothing in the column subject_id"),
        (cell("frame", "one"), "row 3: frame must be a whole number, 0 or more, found 'one'"),
        (cell("frame", -1), "row 3: frame must be a whole number"),
        (cell("frame", 0.5), "row 3: frame must be a whole number"),
        (cell("path", "faces/none.png"), "row 3: no picture .*none.png"),
        (cell("path", "x" * 5000), "row 3: no picture"),
        (cell("label", "bored"), "row 3: the label must be empty or one of anger, contempt.*found 'bored'"),
        (cell("clip_id", "c0"), "row 3: p0/c0, frame 0 stands twice"),
    ],
)
def test_what_cannot_be_is_refused_by_row(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str, tmp_path: Path
) -> None:
    fake.write(tmp_path, change=change)
    with pytest.raises(DataError, match=said) as error:
        subject_table.read(tmp_path)
    assert "\n" not in str(error.value)


def test_no_table_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no table in .*subjects\.csv or subjects\.parquet"):
        subject_table.read(tmp_path)
    for name, content in (("subjects.parquet", b"nothing"), ("subjects.csv", b"\xff\xfe\x00"), ("a.csv", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=r"cannot be read: .*; it must be a CSV"):
            subject_table.read(tmp_path / name)


def test_empty_cells_of_parquet_are_no_labels(tmp_path: Path) -> None:
    fake.write(tmp_path, "subjects.parquet", cell("label", None))
    assert subject_table.read(tmp_path).labels[2] == ""
    assert np.isin("happiness", subject_table.read(tmp_path).labels)
