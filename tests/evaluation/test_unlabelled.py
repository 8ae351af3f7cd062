from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake import fer2013
from jobs import Middle
from PIL import Image

from kaoiro.core.crops import FER2013_CROP, INNER_CROP
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
    assert np.array_equal(found.unlabelled, unlabelled.recut(official.unlabelled(root), INNER_CROP))
    around = read(replace(config, unlabelled=str(root), crop="fer2013"), 16).unlabelled
    assert around is not None
    assert np.array_equal(around, official.unlabelled(root))  # as they are
    assert plain.unlabelled is None
    assert "and 54 faces of FER2013 Training without labels" in found.description
    assert "research" in found.licence
    assert len(found.limits) > len(plain.limits)


def test_an_image_is_cut_so_that_points_lie_where_the_crop_has_them() -> None:
    """A spot of 3 pixels on the left eye of a FER2013 image, as on its mouth, comes to lie where a crop says."""
    for place in (0, 3):
        image = np.full((48, 48), 20, np.uint8)
        x, y = (int(48 * value) for value in FER2013_CROP.points[place])
        image[y - 1 : y + 2, x - 1 : x + 2] = 250
        assert np.array_equal(unlabelled.recut(image[None], FER2013_CROP), image[None])
        (found,) = unlabelled.recut(image[None], INNER_CROP)
        assert (found.shape, found.dtype) == ((48, 48), np.uint8)
        rows, columns = np.nonzero(found > 135)
        centre = np.array([columns.mean(), rows.mean()]) + 0.5  # pixels to places: the first begins at 0
        moved = (np.array([x, y]) + 0.5 - 24) * 1.45 + 24 - [0, 1.45 * 48 * 0.07]  # about 0.57 of the height
        assert centre == pytest.approx(moved, abs=0.5)
        assert centre == pytest.approx(48 * np.array(INNER_CROP.points[place]), abs=1.5)
        assert len(rows) == pytest.approx((3 * 1.45) ** 2, abs=6)


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
    found = unlabelled.read(tmp_path, 16, FER2013_CROP)
    assert found.pixels.shape == (2, 16, 16)
    assert found.pixels.mean(axis=(1, 2)).tolist() == [90, 180]
    assert "no face found in 1 more" in found.description
    assert len(unlabelled.read(tmp_path, 16, FER2013_CROP, "whole").pixels) == 3


def test_a_face_of_a_picture_is_placed_as_the_crop_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The closer crop shows the middle of the other, 1.45 times as large."""
    monkeypatch.setattr(unlabelled, "CenterFace", Middle)
    shades = np.linspace(60, 240, 80)[None, :, None].repeat(80, 0).repeat(3, 2)
    Image.fromarray(shades.astype(np.uint8)).save(tmp_path / "a.png")
    whole, inner = (unlabelled.read(tmp_path, 16, crop).pixels[0] for crop in (FER2013_CROP, INNER_CROP))
    slopes = [np.polyfit(np.arange(4, 12), row[8, 4:12].astype(float), 1)[0] for row in (whole, inner)]
    assert slopes[0] / slopes[1] == pytest.approx(1.45, rel=0.05)


def test_what_cannot_be_used_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlabelled, "CenterFace", Middle)
    with pytest.raises(DataError, match=r"data\.unlabelled: .*nowhere: no such file or folder"):
        unlabelled.read(tmp_path / "nowhere", 16, FER2013_CROP)
    (tmp_path / "fer").mkdir()
    (tmp_path / "fer" / "fer2013.csv").write_text("pixels,Usage\n")
    with pytest.raises(DataError, match="has no Training rows"):
        unlabelled.read(tmp_path / "fer", 16, FER2013_CROP)
    (tmp_path / "fer" / "fer2013.csv").write_text("emotion,Usage\n")
    with pytest.raises(DataError, match="lacks the columns pixels"):
        unlabelled.read(tmp_path / "fer", 16, FER2013_CROP)
    (tmp_path / "dark").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "dark" / "a.png")
    with pytest.raises(DataError, match="no face in any of 1 photos"):
        unlabelled.read(tmp_path / "dark", 16, FER2013_CROP)
    (tmp_path / "dark" / "b.png").write_bytes(b"none")
    with pytest.raises(InputError, match=r"b\.png"):
        unlabelled.read(tmp_path / "dark", 16, FER2013_CROP)
