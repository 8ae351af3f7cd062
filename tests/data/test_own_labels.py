"""Pictures of a user's own, with labels of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import own_labels


def picture(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return path.name


def test_folders_are_labels_and_expressions_come_first(tmp_path: Path) -> None:
    for name in ("pain/a.png", "Happy/b.png", "Happy/deep/c.jpg", "fear/d.png", ".hidden/e.png"):
        picture(tmp_path / name)
    (tmp_path / "fear" / "notes.txt").write_text("no picture")
    found = own_labels.read(tmp_path)
    assert found.labels == ("fear", "happiness", "pain")
    assert found.ids == ("Happy/b.png", "Happy/deep/c.jpg", "fear/d.png", "pain/a.png")
    assert [found.labels[place] for place in found.truth] == ["happiness", "happiness", "fear", "pain"]
    assert set(found.persons.tolist()) == {""}


def test_a_table_names_pictures_beside_it_or_in_a_folder(tmp_path: Path) -> None:
    for name in ("faces/a.png", "faces/b.png"):
        picture(tmp_path / name)
    (tmp_path / "beside.csv").write_text("path,label,person\nfaces/a.png,Tired,p1\nfaces/b.png,neutral,\n")
    beside = own_labels.read(tmp_path / "beside.csv")
    assert beside.labels == ("neutral", "tired")
    assert beside.persons.tolist() == ["p1", ""]
    (tmp_path / "own.csv").write_text("path,label\na.png,tired\nb.png,neutral\n")
    inside = own_labels.read(tmp_path / "faces", tmp_path / "own.csv")
    assert inside.paths == (tmp_path / "faces/a.png", tmp_path / "faces/b.png")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("path,emotion\na.png,fear\n", r"lacks the column\(s\) label"),
        ("path,label\n", "no rows"),
        ("path,label\na.png,\n", "row 1: nothing in the column label"),
        ("path,label\ngone.png,fear\n", "row 1: no picture"),
        ("path,label\na.png,fear\nb.png,Afraid\n", "one label only, fear"),
    ],
    ids=["column", "empty", "cell", "picture", "one-label"],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, content: str, said: str) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(DataError, match=said):
        own_labels.read(tmp_path / "own.csv")


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures in sub-folders"):
        own_labels.read(tmp_path)
    with pytest.raises(DataError, match="no table"):
        own_labels.read(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="is not a folder"):
        own_labels.read(tmp_path / "gone", tmp_path / "own.csv")
