from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import aff_wild2 as fake

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.aff_wild2 import read
from kaoiro.data.labelled_set import Span

FIRST = "10-60-1280x720_left"


@pytest.mark.parametrize("year", [2020, 2022])
def test_frames_labels_and_splits_are_read_in_order(tmp_path: Path, year: int) -> None:
    data = read(fake.write(tmp_path, year))
    assert data.ids[:3] == tuple(f"{FIRST}/{number:05}.jpg" for number in (1, 2, 4))
    assert [data.label(row) for row in range(6)] == ["neutral", "anger", "fear", "happiness", "sadness", "surprise"]
    assert data.spans[2] == Span(tmp_path / "cropped_aligned" / FIRST, 4, 4)
    assert data.splits.tolist() == ["train"] * 27 + ["val"] * 7
    assert set(data.persons.tolist()) == {""}
    assert list(dict.fromkeys(data.groups.tolist())) == ["10-60-1280x720", "5-60-1920x1080-1", "video49", "video92"]


def test_frames_without_label_or_face_and_other_expressions_are_counted(tmp_path: Path) -> None:
    data = read(fake.write(tmp_path))
    assert data.left_out == {"frames without a label": 5, "other expressions": 5, "frames without a face cut out": 1}


def test_affect_and_units_come_from_the_other_tasks_whatever_part_those_are_in(tmp_path: Path) -> None:
    data = read(fake.write(tmp_path))
    assert data.affect is not None
    assert data.affect[0].tolist() == [0.25, -0.5]
    assert np.isnan(data.affect[1]).all() and np.isnan(data.affect[6]).all()
    assert (data.units["au_01"][0], data.units["au_01"][1], data.units["au_12"][0]) == (1, 0, 1)
    assert np.isnan(data.units["au_25"][0]) and np.isnan(data.units["au_01"][6])


def test_a_video_whose_frames_are_not_there_is_counted(tmp_path: Path) -> None:
    folder = fake.write(tmp_path) / "cropped_aligned"
    (folder / "video49").rename(tmp_path / "elsewhere")
    assert read(tmp_path).left_out["frames without a face cut out"] == 1 + 7


@pytest.mark.parametrize(
    ("header", "lines", "said"),
    [
        ("Neutral,Joy", ["0"], r"video92.txt, line 1: must name the expressions .*; found 'Neutral,Joy'"),
        ("0", ["1"], "line 1: must name the expressions"),
        (fake.NAMES, ["0", "", "1"], "line 3: the code .* found ''"),
        (fake.NAMES, ["7"], r"line 2: the code .* must be one of 0, 1, 2, 3, 4, 5, 6, -1; found '7'"),
    ],
)
def test_a_bad_file_of_expressions_is_named(tmp_path: Path, header: str, lines: list[str], said: str) -> None:
    fake.write(tmp_path, 2020)
    fake.write_labels(tmp_path / "EXPR_Set" / "Validation_Set" / "video92.txt", header, lines)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


@pytest.mark.parametrize(
    ("task", "header", "lines", "said"),
    [
        ("VA", "valence,arousal", ["0.5"], r"line 2: expected 2 number\(s\), found '0.5'"),
        ("AU", "AU1,AU99", ["1,0"], "line 1: must name action units"),
        ("AU", fake.UNITS, ["1,0"], r"line 2: expected 12 number\(s\)"),
    ],
)
def test_a_bad_file_of_another_task_is_named(
    tmp_path: Path, task: str, header: str, lines: list[str], said: str
) -> None:
    fake.write(tmp_path, 2020)
    fake.write_labels(tmp_path / f"{task}_Set" / "Validation_Set" / f"{FIRST}.txt", header, lines)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no folder cropped_aligned or cropped"):
        read(tmp_path)
    (tmp_path / "cropped_aligned").mkdir()
    with pytest.raises(DataError, match=r"has no EXPR_Set/Train_Set/VIDEO.txt, nor"):
        read(tmp_path)
