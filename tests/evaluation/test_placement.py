from __future__ import annotations

import io
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import fer2013 as fake
from fake import model as linear
from PIL import Image

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FERPLUS
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import Box
from kaoiro.data.datasets import drawn, fer2013
from kaoiro.data.splits import stratified_holdout
from kaoiro.evaluation import placement
from kaoiro.evaluation.placement import (
    FACE,
    MARGIN,
    as_photo,
    crowd,
    evaluate,
    measure_geometry,
    measure_sizes,
    photographed,
)
from kaoiro.faces.detect import Detection

POINTS = np.array([(0.31, 0.41), (0.69, 0.41), (0.5, 0.61), (0.35, 0.75), (0.65, 0.75)])


class Oracle:
    """Knows where the face lies in a photo made from a FER2013 image; sees none in dark ones.

    It answers the landmarks of the fake model's crop, and a box that is `wide` times as large as the crop's.
    """

    def __init__(self, wide: float = 1.0, **_: Any) -> None:
        self.wide = wide

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return width, height

    def detect(self, image: np.ndarray) -> list[Detection]:
        if image.mean() < 30:
            return []
        left, top, width, height = (FACE * value for value in linear.CROP.box)
        grown = Box(
            MARGIN + left - width * (self.wide - 1) / 2,
            MARGIN + top - height * (self.wide - 1) / 2,
            width * self.wide,
            height * self.wide,
        )
        return [Detection(grown, 0.9, MARGIN + FACE * POINTS)]


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "CenterFace", Oracle)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return linear.write(tmp_path_factory.mktemp("models") / "linear")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write fake files; the first four PublicTest images are all black."""
    folder = tmp_path_factory.mktemp("fer")
    written = fake.write(folder, {"Training": 48, "PublicTest": 32})
    written.images[48:52] = 0
    fake.write_images(folder / "fer2013.csv", written)
    return folder


def test_a_photo_shows_the_enlarged_image_amid_its_mean_grey() -> None:
    image = drawn.draw_face(drawn.LOOKS["fear"])
    photo = as_photo(image)
    assert photo.shape == (320, 320, 3)
    assert photo.dtype == np.uint8
    inner = Image.fromarray(photo[MARGIN : MARGIN + FACE, MARGIN : MARGIN + FACE, 0])
    shrunk = np.asarray(inner.resize((48, 48), Image.Resampling.BOX))
    assert np.abs(shrunk.astype(float) - image).mean() < 3
    photo[MARGIN : MARGIN + FACE, MARGIN : MARGIN + FACE] = int(image.mean())
    assert (photo == int(image.mean())).all()


def test_a_turned_photo_is_turned_anticlockwise_about_its_middle_amid_the_same_grey() -> None:
    image = np.zeros((48, 48), np.uint8)
    image[:4] = 240  # a bright bar at the top comes to the left
    photo = as_photo(image, 90.0)[:, :, 0]
    middle = slice(MARGIN, MARGIN + FACE)
    assert photo[middle, MARGIN : MARGIN + 10].mean() > 200
    assert photo[middle, MARGIN + FACE - 10 : MARGIN + FACE].mean() < 30
    assert (photo[0] == int(image.mean())).all()


def test_photos_are_turned_by_angles_within_the_tilt(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[float] = []
    monkeypatch.setattr(placement, "as_photo", lambda image, turn: turns.append(turn) or as_photo(image))
    for tilt in (0.0, 20.0, 20.0):
        list(photographed(np.full((40, 48, 48), 99, np.uint8), Oracle(), tilt))
    assert turns[:40] == [0.0] * 40
    assert turns[40:80] == turns[80:]
    assert -20 <= min(turns) < -10 and 10 < max(turns) <= 20


def test_photos_without_a_face_are_kept_in_place() -> None:
    images = np.stack([drawn.draw_face(drawn.LOOKS["fear"]), np.zeros((48, 48), np.uint8)])
    assert [face is None for _, face in photographed(images, Oracle())] == [False, True]


@pytest.mark.usefixtures("oracle")
def test_photos_are_let_go_once_their_faces_are_cut_out(
    model: ModelFolder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = []

    def watched(image: np.ndarray, turn: float) -> np.ndarray:
        photo = as_photo(image, turn)
        alive.append(weakref.ref(photo))
        most.append(sum(reference() is not None for reference in alive))
        return photo

    monkeypatch.setattr(placement, "as_photo", watched)
    evaluate(model, str(root), "val", threads=1)
    assert len(most) == 32
    assert max(most) <= 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("oracle")
@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_progress_is_drawn_on_a_terminal_only(
    model: ModelFolder, root: Path, monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO]
) -> None:
    drawn_on = kind()
    monkeypatch.setattr(sys, "stderr", drawn_on)
    evaluate(model, str(root), "val", limit=8, threads=1)
    assert ("0/8" in drawn_on.getvalue()) == (kind is Terminal)


@pytest.mark.usefixtures("oracle")
def test_a_perfect_detector_loses_next_to_nothing(model: ModelFolder, root: Path) -> None:
    figures = evaluate(model, str(root), "val", threads=1)
    assert (figures["n"], figures["detected"], figures["detection_rate"]) == (32, 28, 28 / 32)
    assert abs(figures["loss_against_crops_points"]) <= 100 / 28
    assert (figures["split"], figures["labels"], figures["model"]) == ("val", "ferplus", "linear")


@pytest.mark.usefixtures("oracle")
def test_accuracy_on_the_images_is_taken_over_those_with_a_face(model: ModelFolder, root: Path) -> None:
    part = fer2013.read(root).part("PublicTest")
    assert part.votes is not None
    right = linear.raw_outputs(part.images, FERPLUS).argmax(axis=1) == fer2013.majority_labels(part.votes)
    row = evaluate(model, str(root), "val", threads=1)["accuracy"]["as they are"]
    assert row["accuracy"] == pytest.approx(right[4:].mean())
    assert row["low_95"] <= row["accuracy"] <= row["high_95"]


def test_alignment_gains_where_boxes_are_too_large(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that knows each image by its own pixels: aligned crops are recognised, loosely boxed ones are not."""
    part = fer2013.read(root).part("PublicTest")
    assert part.votes is not None
    flat = part.images.reshape(len(part), -1).astype(np.float64) - 128
    labels = fer2013.majority_labels(part.votes)
    matrix = np.linalg.lstsq(flat, np.eye(8)[labels], rcond=None)[0]
    matrix -= matrix.mean(axis=0)
    sharp = linear.write(tmp_path / "sharp", FERPLUS, matrix)
    monkeypatch.setattr(placement, "CenterFace", lambda **_: Oracle(wide=1.6))
    figures = evaluate(sharp, str(root), "val", threads=1)
    table = figures["accuracy"]
    difference = 100 * (table["aligned"]["accuracy"] - table["box"]["accuracy"])
    assert figures["gain_of_alignment_points"] == pytest.approx(difference)
    lost = 100 * (table["as they are"]["accuracy"] - table["aligned"]["accuracy"])
    assert figures["loss_against_crops_points"] == pytest.approx(lost)
    assert difference > 10


@pytest.mark.usefixtures("oracle")
def test_training_val_is_the_held_out_tenth_and_a_limit_takes_the_first(model: ModelFolder, root: Path) -> None:
    training = fer2013.read(root).part("Training")
    held = stratified_holdout(training.image_keys(), training.labels).sum()
    assert evaluate(model, str(root), "training-val", threads=1)["n"] == held
    assert evaluate(model, str(root), "val", limit=10, threads=1)["n"] == 10


@pytest.mark.usefixtures("oracle")
def test_no_face_at_all_is_refused(model: ModelFolder, root: Path) -> None:
    with pytest.raises(DataError, match="no face was found in 4 images of val"):
        evaluate(model, str(root), "val", limit=4)


def test_missing_parts_and_votes_are_named(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, {"Training": 16, "PublicTest": 8}, votes=False)
    with pytest.raises(DataError, match="no PrivateTest rows"):
        evaluate(model, str(tmp_path), "test")
    with pytest.raises(DataError, match=r"fer2013new\.csv"):
        evaluate(model, str(tmp_path), "val")


@pytest.mark.usefixtures("oracle")
def test_the_geometry_is_measured_in_units_of_the_image(root: Path) -> None:
    figures = measure_geometry(str(root), threads=1)
    assert (figures["n"], figures["detection_rate"]) == (48, 1.0)
    assert figures["box"] == pytest.approx(linear.CROP.box, abs=1e-3)
    rows = list(figures["points"].values())
    assert [[row["x"], row["y"]] for row in rows] == pytest.approx(POINTS, abs=1e-3)
    assert all(row["spread_x"] == row["spread_y"] == 0 for row in rows)


@pytest.mark.usefixtures("oracle")
def test_a_geometry_without_faces_is_refused(tmp_path: Path) -> None:
    written = fake.write(tmp_path, {"Training": 8})
    written.images[:] = 0
    fake.write_images(tmp_path / "fer2013.csv", written)
    with pytest.raises(DataError, match="no face was found in 8 Training images"):
        measure_geometry(str(tmp_path))
    with pytest.raises(DataError, match="no image of training-val has enough contrast"):
        measure_sizes(str(tmp_path), "training-val")


def test_a_crowd_shows_each_face_in_its_box_and_none_overlap() -> None:
    images = np.full((5, 48, 48), 200, np.uint8)
    scene, boxes = crowd(images, 24, (320, 240))
    assert scene.shape == (240, 320, 3)
    assert len(boxes) == 5
    shown = np.full_like(scene, 128)
    for box in boxes:
        assert (box.width, box.height) == (24, 24)
        shown[int(box.top) : int(box.top) + 24, int(box.left) : int(box.left) + 24] = 200
    np.testing.assert_array_equal(scene, shown)
    assert all(one.overlap(other) == 0 for one in boxes for other in boxes if one is not other)


def test_a_crowd_holds_no_more_than_fit() -> None:
    _, boxes = crowd(np.zeros((100, 48, 48), np.uint8), 96, (320, 240))
    assert 0 < len(boxes) < 100
    assert all(box.left + box.width <= 320 and box.top + box.height <= 240 for box in boxes)


class Half:
    """Finds the faces of a crowd that lie in the left half of the picture, a little beside their centre."""

    def __init__(self, threads: int | None = None, resolution: Any = None) -> None:
        self.shift = 0.0 if resolution is None else 1e3

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return width, height

    def detect(self, image: np.ndarray) -> list[Detection]:
        rows, columns = np.nonzero(image[:, : image.shape[1] // 2, 0] == 255)
        return [Detection(Box(float(x) + self.shift, float(y), 1, 1)) for y, x in zip(rows, columns, strict=True)]


def test_a_face_counts_as_found_when_a_detection_lies_in_its_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image has one white pixel in its middle, which is the detection; half of the crowd is looked at."""
    written = fake.write(tmp_path, {"PublicTest": 60})
    written.images[:] = 0
    written.images[:, :, :20] = 120
    written.images[:, 16:32, 16:32] = 255
    fake.write_images(tmp_path / "fer2013.csv", written)
    monkeypatch.setattr(placement, "CenterFace", Half)
    figures = measure_sizes(str(tmp_path), "val", scenes=1, threads=1)
    row = figures["found"]["48 pixels"]
    _, boxes = crowd(written.images, 48)
    left = np.mean([box.left + 24 < 640 for box in boxes])
    assert row["faces"] == 60
    assert row["usual setting"] == pytest.approx(left)
    assert 0.3 < left < 0.8
    assert row["min_face"] == 0


def test_the_real_detector_finds_drawn_faces_in_photos(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, {"PublicTest": 8})
    figures = evaluate(model, str(tmp_path), "val", threads=1)
    assert figures["detection_rate"] >= 0.75
