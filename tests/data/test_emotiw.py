from __future__ import annotations

from pathlib import Path

import pytest
from fake import emotiw as fake
from fake import numbered

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import afew, sfew
from kaoiro.data.labelled_set import Span
from kaoiro.evaluation.pictures import pixels


def test_faces_films_and_splits_of_sfew_are_read(tmp_path: Path) -> None:
    data = sfew.read(fake.write_sfew(tmp_path))
    assert data.ids[0] == "Train/Train_Aligned_Faces/Angry/21_000519240_00000001.png"
    assert [data.label(row) for row in range(0, 21, 3)] == [
        "anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise",
    ]  # fmt: skip
    assert data.groups[:3].tolist() == ["21", "About_a_Boy", "Airheads"]
    assert data.splits.tolist() == ["train"] * 21 + ["val"] * 7
    assert data.left_out == {"without a label, in the test part": fake.UNLABELLED}
    assert data.spans == ()


def test_whole_frames_are_read_where_no_faces_were_cut_and_else_counted(tmp_path: Path) -> None:
    data = sfew.read(fake.write_sfew(tmp_path, whole=True))
    assert len(data) == 28 and pixels(data, 0).shape[1] == numbered.SIDE
    assert data.left_out["whole frames of faces that are there aligned"] == 28
    numbered.picture(tmp_path / "other" / "Train" / "Sad" / "Juno_000000001_00000001.jpg", 1)
    assert sfew.read(tmp_path / "other").ids == ("Train/Sad/Juno_000000001_00000001.jpg",)


def test_parts_may_be_called_as_their_archives(tmp_path: Path) -> None:
    fake.write_sfew(tmp_path / "given")
    for part, inner in fake.INNER.items():
        (tmp_path / "given" / part / inner).rename(tmp_path / inner)
    assert set(sfew.read(tmp_path).splits.tolist()) == {"train", "val"}


def test_clips_of_afew_are_read_and_nothing_is_decoded(tmp_path: Path) -> None:
    fake.write_afew(tmp_path)
    (tmp_path / "Val_AFEW" / "Sad" / "000999999.avi").write_bytes(b"no video")
    data = afew.read(tmp_path)
    assert data.ids[:2] == ("Train_AFEW/Angry/000046280.avi", "Train_AFEW/Disgust/000046281.avi")
    assert data.splits.tolist() == ["train"] * 7 + ["val"] * 8
    assert data.spans[0] == Span(data.paths[0])
    assert data.groups.tolist() == [""] * 15
    assert data.left_out == {"without a label, in the test part": fake.UNLABELLED}
    assert abs(pixels(data, 1).mean() - numbered.level(1)) < 4


@pytest.mark.parametrize(
    ("name", "film"),
    [("Juno_000519240", "Juno"), ("000046280", ""), ("About_a_Boy_000519240_00000001", "About_a_Boy"), ("me_1", "")],
)
def test_films_are_told_from_times(tmp_path: Path, name: str, film: str) -> None:
    numbered.picture(tmp_path / "Train" / "Sad" / f"{name}.png", 0)
    assert sfew.read(tmp_path).groups.tolist() == [film]


def test_files_in_no_expressions_folder_are_counted_and_other_folders_refused(tmp_path: Path) -> None:
    numbered.picture(tmp_path / "Train" / "Bored" / "a.png", 0)
    with pytest.raises(DataError, match="left out: 1 in no expression's folder; --root must"):
        sfew.read(tmp_path)
    with pytest.raises(DataError, match="has no folder Train, Val or Test; --root must name the folder of AFEW"):
        afew.read(tmp_path / "Train")
