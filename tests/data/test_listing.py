from __future__ import annotations

from pathlib import Path

import pytest

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.listing import Presence, files, files_below, found, frame_number, lines, meaning, numbers
from kaoiro.data.labelled_set import LeftOut


def written(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_files_are_sorted_and_stray_ones_passed_over(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "b/1.png", "a.png", "._a.png", "__MACOSX/b/1.png", "b/notes.txt"):
        written(tmp_path / name)
    assert [path.name for path in files(tmp_path, (".png",))] == ["a.png"]
    below = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path, (".png",))]
    assert below == ["a.png", "b/1.png", "b/2.PNG"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone cannot be listed: No such file"):
        files(tmp_path / "gone", (".png",))


def test_the_first_name_wins_wherever_it_lies_and_only_one_folder_deep(tmp_path: Path) -> None:
    (tmp_path / "labels" / "Emotion").mkdir(parents=True)
    (tmp_path / "x" / "y" / "FACS").mkdir(parents=True)
    assert found(tmp_path, "Emotion", "labels") == tmp_path / "labels" / "Emotion"
    assert found(tmp_path, "FACS") is None
    assert found(tmp_path / "gone", "FACS") is None


def test_lines_are_numbered_as_they_stand_without_empty_ones_at_the_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "\ufeffone\n\n three \n\n\n")
    assert [line for _, line in lines(path)] == ["one", "", "three"]
    assert [where for where, _ in lines(path)][2] == f"{path}, line 3"


def test_a_text_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.txt cannot be read: No such file"):
        list(lines(tmp_path / "gone.txt"))
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"b.txt cannot be read: .*utf-8"):
        list(lines(tmp_path / "b.txt"))


def test_codes_are_expressions_or_reasons() -> None:
    codes = {"0": "neutral", "1": "no face", "-1": "not labelled"}
    assert meaning(" 0.0 ", codes, "x") == "neutral"
    assert meaning("1", codes, "x") == LeftOut("no face")
    assert meaning("-1", codes, "x") == LeftOut("not labelled")
    for wrong in ("2", "", "nan", "inf", "happy"):
        with pytest.raises(DataError, match=f"x: the code .* must be one of 0, 1, -1; found '{wrong}'"):
            meaning(wrong, codes, "x")


def test_numbers_are_counted() -> None:
    assert numbers("1.0 2e1", 2, "x") == [1, 20]
    assert numbers("0.5,-5", 2, "x", ",") == [0.5, -5]
    for wrong in ("1", "1 2 3", "1 two"):
        with pytest.raises(DataError, match=r"x: expected 2 number\(s\), found"):
            numbers(wrong, 2, "x")


def test_frames_are_numbered_by_the_end_of_their_names() -> None:
    names = {"S005_001_00000011.png": 11, "img_0042.jpg": 42, "00007.jpg": 7, "img.jpg": 0}
    assert [frame_number(Path(name)) for name in names] == list(names.values())


def test_presence_knows_files_and_folders_that_are_not_there(tmp_path: Path) -> None:
    there = Presence()
    assert written(tmp_path / "a" / "b.png") in there
    assert tmp_path / "a" / "c.png" not in there
    assert tmp_path / "gone" / "b.png" not in there
