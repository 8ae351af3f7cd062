from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from fake import shades

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import label_table


def written(folder: Path, name: str = "labels.csv", **columns: list[str]) -> Path:
    for file in ("a.png", "b.png"):
        shades.save(folder / file, shades.picture("sadness", len(file)))
    table = pd.DataFrame({"path": ["a.png", "b.png"], "label": ["Sad", "happiness"]} | columns)
    table = table.drop(columns=[key for key, values in columns.items() if not values], errors="ignore")
    (table.to_parquet if name.endswith(".parquet") else table.to_csv)(folder / name, index=False)
    return folder / name


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_labels_persons_and_splits_are_read(tmp_path: Path, name: str) -> None:
    written(tmp_path, name, person=["ann", ""], split=["train", "test"], light=["1", "2"])
    found = label_table.read(tmp_path)
    assert found.labels.tolist() == ["sadness", "happiness"]
    assert (found.persons.tolist(), found.splits.tolist()) == (["ann", ""], ["train", "test"])
    assert [path.name for path in found.paths] == ["a.png", "b.png"]
    assert found.table["light"].tolist() == ["1", "2"]


def test_persons_and_splits_may_be_missing(tmp_path: Path) -> None:
    found = label_table.read(written(tmp_path))
    assert (found.persons.tolist(), found.splits.tolist(), len(found)) == (["", ""], ["", ""], 2)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"label": ["Sad", "bored"]}, "row 2: the label must be empty or one of"),
        ({"label": ["Sad", ""]}, "row 2: nothing in the column label"),
        ({"path": ["a.png", "gone.png"]}, "row 2: no picture"),
    ],
    ids=["unknown label", "no label", "no picture"],
)
def test_what_does_not_fit_is_named(tmp_path: Path, columns: dict[str, list[str]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        label_table.read(written(tmp_path, **columns))


def test_a_table_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,person\na.png,ann\n")
    with pytest.raises(DataError, match=r"lacks the column\(s\) label; it needs path, label\[, person\]\[, split\]"):
        label_table.read(tmp_path)
    (tmp_path / "labels.csv").write_text("path,label\n")
    with pytest.raises(DataError, match="has no rows"):
        label_table.read(tmp_path)
