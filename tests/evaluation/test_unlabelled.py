from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake import fer2013
from jobs import Middle
from PIL import Image

from kaoiro.core.errors import DataError, InputError
from kaoiro.data.datasets import fer2013 as official
from kaoiro.data.splits import holdout
from kaoiro.data.subjects import SubjectsConfig
from kaoiro.evaluation import unlabelled
from kaoiro.evaluation.people import read


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fer")
    fer2013.write(folder, {"Training": 60, "PublicTest": 10}, duplicates=3, votes=False)
    return folder


def lines(root: Path) -> list[str]:
    return (root / "fer2013.csv").read_text().splitlines()


def test_faces_without_labels_are_those_of_training_less_what_is_held_out(root: Path) -> None:
    found = official.unlabelled(root)
    part = official.read(root).part("Training")
    held = holdout(part.image_keys())
    assert held.sum() == 6
    assert np.array_equal(found, part.images[~held])


def test_labels_are_never_read(root: Path, tmp_path: Path) -> None:
    """The same faces come of a file with other labels, with what is no label, and without any."""
    wished = official.unlabelled(root)
    head, *rows = lines(root)
    scrambled = [f"{(int(row[0]) + 3) % 7}{row[1:]}" for row in rows]
    none = [row.split(",", 1)[1] for row in rows]
    for number, text in enumerate(
        ([head, *scrambled], [head, *(f"?{row[1:]}" for row in rows)], ["pixels,Usage", *none])
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "fer2013.csv").write_text("\n".join([*text, ""]))
        assert np.array_equal(official.unlabelled(folder), wished)


def test_identical_images_are_held_out_together() -> None:
    keys = np.repeat(np.arange(50), 4)
    held = holdout(keys)
    assert 0.08 < held.mean() < 0.13
    assert (held.reshape(50, 4).all(axis=1) == held.reshape(50, 4).any(axis=1)).all()


def test_unlabelled_faces_stand_beside_people(root: Path) -> None:
    config = SubjectsConfig(dataset="drawn", count=4, pictures=3)
    plain, found = read(config, 16), read(replace(config, unlabelled=str(root)), 16)
    assert np.array_equal(plain.training.pixels, found.training.pixels)
    assert found.unlabelled is not None
    assert found.unlabelled.shape == (54, 48, 48)
    assert plain.unlabelled is None
    assert "and 54 faces of FER2013 Training without labels" in found.description
    assert "research" in found.licence
    assert len(found.limits) > len(plain.limits)


def test_faces_of_nobody(root: Path) -> None:
    found = read(SubjectsConfig(dataset="unlabelled", unlabelled=str(root)), 16)
    assert found.training.pixels.shape == (54, 16, 16, 3)
    assert found.training.subjects is not None
    assert len(set(found.training.subjects)) == 54
    assert len(found.unseen) == 0
    with pytest.raises(DataError, match=r"by --data\.unlabelled"):
        read(SubjectsConfig(dataset="unlabelled"), 16)


def test_pictures_of_a_folder_are_found_or_taken_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlabelled, "CenterFace", Middle)
    for number, shade in enumerate((90, 180, 10)):  # nothing is found in a dark one
        Image.new("RGB", (40, 40), (shade,) * 3).save(tmp_path / f"{number}.png")
    found = unlabelled.read(tmp_path, 16)
    assert found.pixels.shape == (2, 16, 16)
    assert found.pixels.mean(axis=(1, 2)).tolist() == [90, 180]
    assert "no face found in 1 more" in found.description
    assert len(unlabelled.read(tmp_path, 16, "whole").pixels) == 3


def test_what_cannot_be_used_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlabelled, "CenterFace", Middle)
    with pytest.raises(DataError, match=r"data\.unlabelled: .*nowhere: no such file or folder"):
        unlabelled.read(tmp_path / "nowhere", 16)
    (tmp_path / "fer").mkdir()
    (tmp_path / "fer" / "fer2013.csv").write_text("pixels,Usage\n")
    with pytest.raises(DataError, match="has no Training rows"):
        unlabelled.read(tmp_path / "fer", 16)
    (tmp_path / "fer" / "fer2013.csv").write_text("emotion,Usage\n")
    with pytest.raises(DataError, match="lacks the columns pixels"):
        unlabelled.read(tmp_path / "fer", 16)
    (tmp_path / "dark").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "dark" / "a.png")
    with pytest.raises(DataError, match="no face in any of 1 photos"):
        unlabelled.read(tmp_path / "dark", 16)
    (tmp_path / "dark" / "b.png").write_bytes(b"none")
    with pytest.raises(InputError, match=r"b\.png"):
        unlabelled.read(tmp_path / "dark", 16)
