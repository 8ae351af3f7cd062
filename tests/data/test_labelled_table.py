from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake import labelled_table as fake

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import labelled_table


def numeric(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(arousal=pd.to_numeric(table["arousal"], errors="coerce"))


@pytest.mark.parametrize(("name", "change"), [("labels.csv", lambda table: table), ("labels.parquet", numeric)])
def test_a_table_is_found_in_its_folder_and_read(name: str, change, tmp_path: Path) -> None:
    file = fake.write(tmp_path, name, change)
    for root in (tmp_path, file):
        table = labelled_table.read(root)
        assert len(table) == 12
        assert table.subjects[3:5].tolist() == ["p0", "p1"]
        assert table.paths[0] == tmp_path / "faces" / "0-0.png"
        assert table.expressions[:4].tolist() == ["", "neutral", "happiness", "happiness"]
        assert list(table.units) == ["au_04", "au_07", "au_12"]
        assert table.units["au_12"][:4].tolist() == [0, 0.5, 2, 4]
        assert np.isnan(table.affect[0, 1]) and table.affect[1, 1] == 0.25


def test_labels_that_have_no_column_are_unknown(tmp_path: Path) -> None:
    fake.write(tmp_path, change=lambda table: table[["path", "subject", "au_04"]])
    table = labelled_table.read(tmp_path)
    assert np.isnan(table.affect).all() and set(table.expressions) == {""}
    assert list(table.units) == ["au_04"]


def cell(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype(object)
        table.loc[2, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns=["path", "subject"]), r"lacks the column\(s\) path, subject; it needs path"),
        (lambda table: table[:0], "has no rows"),
        (lambda table: table[["path", "subject"]], "has no label: fill valence, arousal, au_NN or expression"),
        (lambda table: table.assign(AU12=1, au_99=0), "no action unit is called AU12, au_99; valid columns: au_01,"),
        (cell("subject", ""), "row 3: nothing in the column subject"),
        (cell("valence", "1.01"), "row 3: valence must be empty or a number from -1 to 1, found '1.01'"),
        (cell("au_12", -1), "row 3: au_12 must be empty or a number from 0 to 5, found '-1'"),
        (cell("au_12", "B"), "row 3: au_12 must be empty or a number from 0 to 5, found 'B'"),
        (cell("au_04", "nan"), "row 3: au_04 must be empty or a number"),
        (cell("expression", "joy"), "row 3: the expression must be empty or one of anger, .*; found 'joy'"),
        (cell("path", "faces/none.png"), "row 3: no picture .*none.png"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_with_its_row(change, said: str, tmp_path: Path) -> None:
    file = fake.write(tmp_path, change=change)
    with pytest.raises(DataError, match=said) as caught:
        labelled_table.read(tmp_path)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no table in .*: name a .csv or .parquet file, or a folder with labels.csv"):
        labelled_table.read(tmp_path)
