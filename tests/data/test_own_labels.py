"""Pictures of a user's own, with labels of their own."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
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


def test_tables_of_spreadsheets_are_read(tmp_path: Path) -> None:
    """Semicolons or tabs, headers in capitals, and empty rows at the end."""
    for name in ("a.png", "b,c.png"):
        picture(tmp_path / name)
    for sign in ",;\t":
        quoted = '"b,c.png"' if sign == "," else "b,c.png"
        rows = (
            ("Path", " LABEL", "Person"),
            ("a.png", "fear", "p1"),
            (quoted, "Happy", ""),
            ("", "", ""),
            ("", " ", ""),
        )
        text = "\r\n".join(sign.join(row) for row in rows)
        (tmp_path / "own.csv").write_text(f"\ufeff{text}\r\n", encoding="utf-8")
        found = own_labels.read(tmp_path / "own.csv")
        assert (found.ids, found.labels) == (("a.png", "b,c.png"), ("fear", "happiness"))
        assert found.persons.tolist() == ["p1", ""]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "shift-jis"])
def test_a_table_that_is_not_utf8_is_refused_with_what_to_do(tmp_path: Path, encoding: str) -> None:
    label = "痛み" if encoding == "shift-jis" else "gêne"
    (tmp_path / "own.csv").write_text(f"path,label\na.png,{label}\n", encoding=encoding)
    with pytest.raises(DataError, match=r"is not UTF-8; .* save it as 'CSV UTF-8'"):
        own_labels.read(tmp_path / "own.csv")


def test_a_parquet_table_may_have_its_ending_in_capitals(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    pd.DataFrame({"path": ["a.png", "b.png"], "label": ["fear", "anger"]}).to_parquet(tmp_path / "own.PARQUET")
    assert own_labels.read(tmp_path / "own.PARQUET").labels == ("anger", "fear")


def test_spellings_in_one_or_two_signs_are_one_label_and_one_person(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        picture(tmp_path / name)
    two, one = (unicodedata.normalize(form, "gêne,Zoë") for form in ("NFD", "NFC"))
    (tmp_path / "own.csv").write_text(
        f"path,label,person\na.png,{two}\nb.png,{one}\nc.png,fear,NaN\n", encoding="utf-8"
    )
    found = own_labels.read(tmp_path / "own.csv")
    assert found.labels == ("fear", unicodedata.normalize("NFC", "gêne"))
    assert found.persons.tolist() == [unicodedata.normalize("NFC", "Zoë")] * 2 + [""]


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    for name in ("pain/a.png", "pain/._a.png", "fear/b.png", "fear/.cache/b.png"):
        picture(tmp_path / name)
    assert own_labels.read(tmp_path).ids == ("fear/b.png", "pain/a.png")


def test_a_picture_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    rows = ("a.png,fear,", "./a.png,Afraid,p1", "b.png,anger,p2", "b.png,fear,p2")
    (tmp_path / "own.csv").write_text("\n".join(("path,label,person", *rows)))
    found = own_labels.read(tmp_path / "own.csv")
    assert found.ids == ("a.png", "b.png", "b.png")
    assert [found.labels[place] for place in found.truth] == ["fear", "anger", "fear"]
    assert found.persons.tolist() == ["p1", "p2", "p2"]
    assert own_labels.notes(found) == ["1 row repeats a picture with its label: counted once"]


def test_a_split_is_read_and_whoever_does_not_heed_it_says_so(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    (tmp_path / "own.csv").write_text("path,label,SPLIT\na.png,fear,train\na.png,fear,test\nb.png,anger,test\n")
    found = own_labels.read(tmp_path / "own.csv")
    assert found.splits is not None
    assert found.splits.tolist() == ["train", "test"]
    assert own_labels.notes(found)[-1].startswith("the column split is not heeded")
    (tmp_path / "own.csv").write_text("path,label\na.png,fear\nb.png,anger\n")
    assert own_labels.read(tmp_path / "own.csv").splits is None


def test_a_picture_is_of_one_person(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "own.csv").write_text("path,label,person\na.png,fear,p1\na.png,anger,p2\n")
    with pytest.raises(DataError, match=r"row 2: .*a\.png is of p2 here, of p1 in row 1"):
        own_labels.read(tmp_path / "own.csv")


def test_labels_that_look_like_a_slip_name_the_expression(tmp_path: Path) -> None:
    for name in ("hapiness/a.png", "pain/b.png", "suprised/c.png", "fear/d.png"):
        picture(tmp_path / name)
    said = "hapiness (is happiness meant?), pain, suprised (is surprise meant?)"
    assert own_labels.notes(own_labels.read(tmp_path)) == [f"no expressions, hence labels of your own: {said}"]


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures in sub-folders"):
        own_labels.read(tmp_path)
    with pytest.raises(DataError, match="no table"):
        own_labels.read(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="is not a folder"):
        own_labels.read(tmp_path / "gone", tmp_path / "own.csv")
