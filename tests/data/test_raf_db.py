from __future__ import annotations

from pathlib import Path

import pytest
from fake import raf_db as fake

from kaoiro.core.errors import DataError
from kaoiro.core.types import Box
from kaoiro.data.datasets.raf_db import read
from kaoiro.evaluation.pictures import pixels

NAMES = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]


@pytest.mark.parametrize("inner", [".", "basic"])
def test_aligned_pictures_labels_and_splits_are_read_in_the_order_of_the_list(tmp_path: Path, inner: str) -> None:
    fake.write(tmp_path, original=True)
    data = read(tmp_path / inner)
    assert data.ids == (*fake.TRAIN, *fake.TEST)
    assert [data.label(row) for row in range(len(data))] == NAMES * 3
    assert data.splits.tolist() == ["train"] * 14 + ["test"] * 7
    assert data.paths[0].name == "train_00001_aligned.jpg"
    assert data.boxes == () and data.left_out == {}


def test_original_pictures_are_cut_to_the_box(tmp_path: Path) -> None:
    data = read(fake.write(tmp_path, aligned=False, original=True))
    assert data.paths[0].name == "train_00001.jpg"
    assert data.boxes[0] == Box(4, 6, 16, 16)
    assert pixels(data, 0).shape == (16, 16, 3)


def test_pictures_unpacked_into_a_folder_of_their_name_are_found(tmp_path: Path) -> None:
    images = fake.write(tmp_path) / "basic" / "Image"
    (images / "aligned").rename(images / "inner")
    (images / "aligned").mkdir()
    (images / "inner").rename(images / "aligned" / "aligned")
    assert len(read(tmp_path)) == 21


def test_a_listed_picture_that_is_not_there_is_counted(tmp_path: Path) -> None:
    fake.write(tmp_path)
    (tmp_path / "basic" / "Image" / "aligned" / "test_0002_aligned.jpg").unlink()
    data = read(tmp_path)
    assert data.left_out == {"listed, but the picture is not there": 1}
    assert len(data) == 20


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train_00001.jpg 8", r"label.txt, line 1: the code .* must be one of 1, 2, .*, 7; found '8'"),
        ("train_00001.jpg", "line 1: the code .* found ''"),
        ("valid_00001.jpg 1", "line 1: names begin with train_ or test_; found 'valid_00001.jpg'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    (fake.write(tmp_path) / "basic" / "EmoLabel" / "list_patition_label.txt").write_text(f"{line}\n")
    with pytest.raises(DataError, match=said):
        read(tmp_path)


@pytest.mark.parametrize("text", ["", "1 2 3", "1 2 3 x", "20 6 4 22"])
def test_a_bad_box_is_named(tmp_path: Path, text: str) -> None:
    root = fake.write(tmp_path, aligned=False, original=True)
    (root / "basic" / "Annotation" / "boundingbox" / "train_00001_boundingbox.txt").write_text(text)
    with pytest.raises(DataError, match=r"train_00001_boundingbox.txt(, line 1: expected| is empty)"):
        read(tmp_path)


def test_missing_pictures_and_the_compound_part_are_named(tmp_path: Path) -> None:
    labels = tmp_path / "compound" / "EmoLabel"
    labels.mkdir(parents=True)
    (labels / "list_patition_label.txt").write_text("train_0001.jpg 1\n")
    with pytest.raises(DataError, match="--root must name RAF-DB's folder 'basic'"):
        read(tmp_path)
    fake.write(tmp_path, aligned=False)
    with pytest.raises(DataError, match="has neither Image/aligned nor Image/original"):
        read(tmp_path)
