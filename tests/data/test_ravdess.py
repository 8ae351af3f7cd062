from __future__ import annotations

from pathlib import Path

import pytest
from fake import numbered
from fake import ravdess as fake

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.ravdess import read
from kaoiro.data.labelled_set import Span
from kaoiro.evaluation.pictures import pixels


def test_videos_emotions_and_actors_are_read_in_order(tmp_path: Path) -> None:
    data = read(fake.write(tmp_path))
    assert data.ids[:2] == ("Actor_01/01-01-01-01-02-01-01.mp4", "Actor_01/01-01-03-01-02-01-01.mp4")
    assert [data.label(row) for row in range(7)] == [
        "neutral", "happiness", "sadness", "anger", "fear", "disgust", "surprise",
    ]  # fmt: skip
    assert data.persons.tolist() == ["01"] * 7 + ["02"] * 7 + ["03"] * 7
    assert data.spans[0] == Span(data.paths[0], 0, None)
    assert set(data.splits.tolist()) == {""}


def test_the_middle_frame_stands_for_a_video(tmp_path: Path) -> None:
    data = read(fake.write(tmp_path))
    assert abs(pixels(data, 1).mean() - numbered.level(8 + 3)) < 4


def test_calm_sound_alone_and_the_same_pictures_again_are_counted(tmp_path: Path) -> None:
    (fake.write(tmp_path) / "Actor_01" / "trailer.mp4").write_bytes(b"")
    assert read(tmp_path).left_out == {
        "calm": 3,
        "sound alone": 1,
        "the same pictures once more, without sound": 1,
        "files without the seven numbers of RAVDESS in their names": 1,
    }


def test_videos_without_sound_are_read_where_there_are_no_others(tmp_path: Path) -> None:
    numbered.video(tmp_path / "Actor_07" / fake.name("02", "08", "07"), 0)
    data = read(tmp_path)
    assert (data.label(0), data.persons.tolist()) == ("surprise", ["07"])


def test_a_code_that_there_is_not_is_named(tmp_path: Path) -> None:
    (tmp_path / fake.name("01", "09", "01")).write_bytes(b"")
    with pytest.raises(DataError, match=r"01-01-09-01-02-01-01.mp4: the code .* must be one of 01, .*; found '09'"):
        read(tmp_path)
