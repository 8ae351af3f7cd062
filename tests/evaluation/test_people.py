from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake import identities, subject_table, synthetic
from PIL import Image

from kaoiro.core.crops import FER2013_CROP, INNER_CROP
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import FER2013
from kaoiro.data.datasets import synthetic as sets
from kaoiro.data.subjects import SubjectsConfig
from kaoiro.evaluation import people
from kaoiro.evaluation.people import read


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    def change(rows: synthetic.Rows) -> None:
        names = {"val": "paper-test", "test": "further-test"}
        for row in rows:
            row["split"] = names.get(row["split"], row["split"])

    folder = tmp_path_factory.mktemp("set")
    synthetic.write(folder, change)
    return str(folder)


def test_the_split_of_the_set_is_that_of_the_source(root: str) -> None:
    found = read(SubjectsConfig(root=root), 16)
    assert found.training.pixels.shape == (18, 16, 16, 3)
    assert (len(found.seen), len(found.unseen)) == (6, 36)
    assert set(found.training.subjects) == set(found.seen.subjects) == {"train-0", "train-1", "train-2"}  # pyright: ignore
    assert "18 frames of 3 people" in found.description


def test_a_fold_keeps_people_back(root: str) -> None:
    config = SubjectsConfig(root=root, folds=3)
    parts = [read(replace(config, fold=fold), 16) for fold in range(3)]
    assert sorted(part.unseen.subjects[0] for part in parts) == ["train-0", "train-1", "train-2"]  # pyright: ignore
    for part in parts:
        assert (len(part.training), len(part.seen), len(part.unseen)) == (12, 4, 2)
        assert not set(part.training.subjects) & set(part.unseen.subjects)  # pyright: ignore


def test_crops_are_in_colour_and_carry_labels_for_measurements(root: str) -> None:
    data = sets.read(root)
    rows = np.array([5, 0])
    faces = people.rendered(data, rows, 16, FER2013_CROP)
    whole = data.pixels(rows)
    assert np.abs(faces.pixels.mean(axis=(1, 2)) - whole.mean(axis=(1, 2))).max() < 2
    assert faces.labels["expression"].tolist() == FER2013.indices(data.table["expression"].iloc[rows])
    assert faces.targets["units"].shape == (2, 20)
    assert faces.clips is not None
    assert faces.clips.tolist() == data.clips[rows].tolist()


def test_a_cache_gives_the_same_crops_and_is_made_once(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = read(SubjectsConfig(root=root), 16)
    config = SubjectsConfig(root=root, cache=str(tmp_path / "crops"))
    kept = read(config, 16)
    assert np.array_equal(plain.training.pixels, kept.training.pixels)
    assert np.array_equal(plain.unseen.pixels, kept.unseen.pixels)
    monkeypatch.setattr(people, "_placed", None)  # nothing is placed again
    assert np.array_equal(read(config, 16).training.pixels, plain.training.pixels)
    (file,) = (tmp_path / "crops").iterdir()
    file.write_bytes(b"half")
    monkeypatch.undo()
    assert np.array_equal(read(config, 16).training.pixels, plain.training.pixels)


def test_crops_of_both_kinds_are_kept_apart(tmp_path: Path) -> None:
    root = tmp_path / "set"
    identities.write_identities(root, people=2)
    data, rows = sets.read(root), np.arange(6)
    crops = (FER2013_CROP, INNER_CROP, FER2013_CROP)
    found = [people.rendered(data, rows, 16, crop, tmp_path / "crops").pixels for crop in crops]
    assert np.array_equal(found[0], found[2]) and not np.array_equal(found[0], found[1])
    assert np.array_equal(found[1], people.rendered(data, rows, 16, INNER_CROP).pixels)
    assert len(list((tmp_path / "crops").iterdir())) == 2
    config = SubjectsConfig(root=str(root), cache=str(tmp_path / "crops"))
    inner, around = (read(one, 16).training.pixels for one in (config, replace(config, crop="fer2013")))
    assert not np.array_equal(inner, around)
    assert len(list((tmp_path / "crops").iterdir())) == 2  # what the recipe asks for is what is kept


def test_a_users_table_is_read_whole_or_by_detection(tmp_path: Path) -> None:
    subject_table.write(tmp_path)
    config = SubjectsConfig(dataset="table", root=str(tmp_path), cut="whole", folds=3)
    found = read(config, 16)
    assert found.training.pixels.shape == (12, 16, 16, 3)
    assert found.training.pixels[4].mean(axis=(0, 1)) == pytest.approx([80, 20, 128], abs=1)
    happiness, neutral = FER2013.indices(["happiness", "neutral"])
    assert found.training.labels["expression"][:4].tolist() == [happiness, neutral, -1, -1]
    assert len(found.unseen) == 0
    assert len(read(replace(config, fold=1), 16).unseen) == 4
    with pytest.raises(DataError, match="no face was found in any of 12 pictures"):
        read(replace(config, cut="detect"), 16)


def test_faces_of_a_table_are_found_and_placed(tmp_path: Path, astronaut: Path) -> None:
    file = subject_table.write(tmp_path)
    for person in range(2):
        Image.open(astronaut).save(tmp_path / f"faces/{person}-0.png")
    faces, missed = people.table(file, 32, FER2013_CROP)
    assert (len(faces), missed) == (2, 10)
    assert faces.subjects is not None
    assert faces.subjects.tolist() == ["p0", "p1"]
    closer, _ = people.table(file, 32, INNER_CROP)
    assert closer.pixels.shape == faces.pixels.shape
    assert not np.array_equal(closer.pixels, faces.pixels)


def test_damaged_pictures_of_a_table_are_named(tmp_path: Path) -> None:
    subject_table.write(tmp_path)
    (tmp_path / "faces/1-2.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1-2\.png"):
        people.table(tmp_path, 16, INNER_CROP, "whole")


def test_colours_can_be_taken_off() -> None:
    config = SubjectsConfig(dataset="drawn", count=4, pictures=3)
    grey = read(replace(config, grey=True), 16).training.pixels
    assert (grey == grey[..., :1]).all()
    assert not (read(config, 16).training.pixels == grey).all()


@pytest.mark.parametrize(("dataset", "said"), [("rendered", "kaoiro synth syn-id"), ("table", "a table of subjects")])
def test_faces_must_be_named(dataset: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"{said}.* by --data\.root"):
        read(SubjectsConfig(dataset=dataset), 16)  # pyright: ignore
