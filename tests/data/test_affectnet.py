from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import affectnet as fake

from kaoiro.core.errors import DataError
from kaoiro.core.types import Box
from kaoiro.data.datasets.affectnet import read
from kaoiro.evaluation.pictures import pixels

NAMES = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]


@pytest.mark.parametrize("header", [True, False])
def test_tables_give_labels_boxes_affect_and_splits_in_their_order(tmp_path: Path, header: bool) -> None:
    data = read(fake.write_tables(tmp_path, header))
    assert data.ids[:3] == ("0/000.jpg", "1/001.jpg", "2/002.jpg")
    assert [data.label(row) for row in range(len(data))] == NAMES * 3
    assert data.splits.tolist() == ["train"] * 16 + ["val"] * 8
    assert data.boxes[0] == Box(*fake.BOX)
    assert data.affect is not None and data.affect[7].tolist() == [0.7, -0.5]
    assert set(data.persons.tolist()) == set(data.groups.tolist()) == {""}
    assert data.paths[0] == tmp_path / "Manually_Annotated_Images" / "0" / "000.jpg"


def test_faces_of_no_expression_and_missing_pictures_are_counted(tmp_path: Path) -> None:
    data = read(fake.write_tables(tmp_path, missing=2))
    assert data.left_out == {
        "none of the expressions": 1,
        "uncertain": 1,
        "no face": 2,
        "listed, but the picture is not there": 2,
    }
    assert data.told().startswith("2 listed, but the picture is not there, 2 no face, 1 none")
    assert data.ids[0] == "2/002.jpg"


def test_pictures_are_cut_to_the_face_that_is_meant(tmp_path: Path) -> None:
    data = read(fake.write_tables(tmp_path))
    assert pixels(data, 0).shape == (12, 16, 3)


def test_a_face_without_box_valence_and_arousal_is_read_whole(tmp_path: Path) -> None:
    fake.write_tables(tmp_path)
    row = f"0/000.jpg,NULL,NULL,NULL,NULL,{fake.LANDMARKS},1,-2,-2"
    fake.write_list(tmp_path / "Manually_Annotated_file_lists" / "validation.csv", [fake.HEADER, row])
    data = read(tmp_path)
    assert data.boxes[-1] is None and pixels(data, len(data) - 1).shape == (24, 24, 3)
    assert data.affect is not None and np.isnan(data.affect[-1]).all()


def test_one_of_the_two_tables_is_enough(tmp_path: Path) -> None:
    fake.write_tables(tmp_path)
    (tmp_path / "Manually_Annotated_file_lists" / "training.csv").unlink()
    assert set(read(tmp_path).splits.tolist()) == {"val"}


def test_a_picture_that_is_listed_twice_keeps_an_id_of_its_own(tmp_path: Path) -> None:
    fake.write_tables(tmp_path)
    rows = [fake.HEADER, fake.row("0/000.jpg", 1), fake.row("0/000.jpg", 2)]
    fake.write_list(tmp_path / "Manually_Annotated_file_lists" / "validation.csv", rows)
    assert read(tmp_path).ids[-2:] == ("0/000.jpg#2", "0/000.jpg#3")


@pytest.mark.parametrize("texts", [True, False])
def test_arrays_give_the_same_in_the_order_of_numbers(tmp_path: Path, texts: bool) -> None:
    data = read(fake.write_arrays(tmp_path, texts))
    assert data.ids[:11:10] == ("train_set/0.jpg", "train_set/10.jpg")
    assert [data.label(row) for row in range(len(data))] == NAMES * 3
    assert data.splits.tolist() == ["train"] * 16 + ["val"] * 8
    assert data.affect is not None and data.affect[2].tolist() == [0.2, -0.5]
    assert data.boxes == ()
    assert data.left_out == {"without a file of the expression": 1}


def test_arrays_lie_also_in_a_folder_of_their_own(tmp_path: Path) -> None:
    fake.write_arrays(tmp_path / "AffectNet")
    assert len(read(tmp_path)) == 24


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (fake.row("0/000.jpg", 11), r"validation.csv, line 3: the code .* must be one of 0, 1, .*, 10; found '11'"),
        ("0/000.jpg,1,2", r"validation.csv, line 3: the row has too few fields"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, said: str) -> None:
    fake.write_tables(tmp_path)
    rows = [fake.HEADER, fake.row("0/000.jpg", 1), line]
    fake.write_list(tmp_path / "Manually_Annotated_file_lists" / "validation.csv", rows)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_missing_folders_and_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has neither Manually_Annotated_file_lists/training.csv nor train_set"):
        read(tmp_path)
    lists = tmp_path / "Manually_Annotated_file_lists"
    lists.mkdir()
    fake.write_list(lists / "training.csv", [fake.HEADER.replace("valence", "v"), "a,1,1,1,1,1,1,1,1"])
    with pytest.raises(DataError, match="has no folder Manually_Annotated_Images"):
        read(tmp_path)
    (tmp_path / "Manually_Annotated_Images").mkdir()
    with pytest.raises(DataError, match=r"training.csv, line 1: lacks the columns valence"):
        read(tmp_path)


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    fake.write_arrays(tmp_path)
    broken = tmp_path / "val_set" / "annotations" / "3_exp.npy"
    for content in (b"", b"x" * 100):
        broken.write_bytes(content)
        with pytest.raises(DataError, match=r"3_exp.npy cannot be read"):
            read(tmp_path)
    np.save(broken, np.zeros(2))
    with pytest.raises(DataError, match="must be an array of one value"):
        read(tmp_path)
    np.save(broken, np.array("8.5"))
    assert read(tmp_path).left_out["none of the expressions"] == 1
    np.save(broken, np.array("sad"))
    with pytest.raises(DataError, match="must be one of 0, 1"):
        read(tmp_path)
