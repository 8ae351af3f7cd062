from __future__ import annotations

from pathlib import Path

import pytest
from fake.diffusion import write

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.diffusion import read
from kaoiro.data.splits import part_of


@pytest.mark.parametrize("tar", [True, False])
def test_reads_labels_under_the_names_of_the_vocabulary(tmp_path: Path, tar: bool) -> None:
    names = write(tmp_path, each=1, tar=tar)
    found = read(tmp_path)
    assert [one.file for one in found] == names
    assert [one.expression for one in found] == ["happiness", "sadness", "neutral"]
    assert (found[1].valence, found[1].arousal) == (-0.3, -0.2)
    assert found[0].subject == "personh0"
    assert found[0].data[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("happy/a_0.jpg,2,0,happy", "valence must be a number from -1 to 1, found '2'"),
        ("happy/a_0.jpg,0,high,happy", "arousal must be a number"),
        ("happy/a_0.jpg,0,0,bored", "an expression of anger"),
        (",0,0,happy", "wants a file"),
        ("happy/a_0.jpg,0,0,happy", "happy/a_0.jpg is neither"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "labels.csv").write_text(f"file,valence,arousal,expression\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_missing_files_and_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name the folder of DiffusionFER"):
        read(tmp_path)
    (tmp_path / "labels.csv").write_text("file,valence\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"lacks the column\(s\) arousal, expression"):
        read(tmp_path)
    (tmp_path / "labels.csv").write_text("file,valence,arousal,expression\n", encoding="utf-8")
    with pytest.raises(DataError, match="no rows"):
        read(tmp_path)


def test_parts_depend_on_the_name_alone_and_are_of_like_size() -> None:
    parts = [part_of(f"person {number}") for number in range(400)]
    assert parts == [part_of(f"person {number}") for number in range(400)]
    assert 160 < parts.count("report") < 240
