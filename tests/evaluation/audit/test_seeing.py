from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from fake import fer2013 as fake
from fake import shades
from graphs import write_model
from PIL import Image

from kaoiro.core.errors import DataError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.evaluation.audit import labelled_set
from kaoiro.evaluation.audit.seeing import see


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    return write_model(tmp_path / "model", [0.0] * 8)


def test_constant_and_broken_pictures_are_told_apart_from_others(tmp_path: Path, model: ModelFolder) -> None:
    root = tmp_path / "set"
    shades.save(root / "anger" / "a.png", shades.picture("sadness", 0))
    shades.save(root / "anger" / "b.png", np.full((20, 30, 3), (9, 8, 7), np.uint8))
    (root / "fear").mkdir()
    (root / "fear" / "c.png").write_bytes(b"no picture")
    data = labelled_set.opened("folders", root)
    seen = see(data, model.specification, faces=False)
    assert data.ids == ("anger/a.png", "anger/b.png", "fear/c.png")
    assert seen.constant.tolist() == [False, True, False]
    assert list(seen.unreadable) == [2] and "c.png" in seen.unreadable[2]
    assert seen.usable.tolist() == [True, False, False]
    assert np.isnan(seen.faces).all()
    assert len(set(seen.digests.tolist())) == 3


def test_what_cannot_be_read_is_named_in_letters_that_can_be_written(tmp_path: Path, model: ModelFolder) -> None:
    root = tmp_path / "set"
    shades.save(root / " Fear" / "a.png", shades.picture("sadness", 0))
    shades.save(root / "bored" / "a.png", shades.picture("sadness", 0))
    (root / " Fear" / "folder.png").mkdir()
    try:
        (root / " Fear" / os.fsdecode(b"\xff.png")).write_bytes(b"")
    except OSError:
        pytest.skip("file names are Unicode here")
    data = labelled_set.opened("folders", root)
    assert data.ids == (" Fear/a.png", " Fear/\\udcff.png") and (data.name, sum(data.left_out.values())) == ("set", 1)
    seen = see(data, model.specification, faces=False)
    assert "udcff.png: empty" in seen.unreadable[1].encode().decode()
    assert seen.readable.tolist() == seen.usable.tolist() == [True, False]


def test_a_set_has_a_name_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shades.save(tmp_path / "set" / "fear" / "a.png", shades.picture("sadness", 0))
    monkeypatch.chdir(tmp_path / "set")
    assert labelled_set.opened("folders", ".").name == "set"
    (tmp_path / "set" / "fear" / "a.png").unlink()
    (tmp_path / "set" / "fear" / "a.png").mkdir()
    with pytest.raises(DataError, match="no sub-folder with pictures"):
        labelled_set.opened("folders", ".")


def test_a_digest_knows_pixels_and_shape_but_not_the_kind_of_file(tmp_path: Path) -> None:
    grey = shades.picture("happiness", 1)
    assert labelled_set.digest(grey) == labelled_set.digest(np.repeat(grey[..., None], 3, axis=2))
    assert labelled_set.digest(grey) != labelled_set.digest(grey.reshape(12, 48))
    Image.fromarray(grey).save(tmp_path / "x.bmp")
    other = np.asarray(Image.open(tmp_path / "x.bmp").convert("RGB"))
    assert labelled_set.digest(grey) == labelled_set.digest(other)
    assert labelled_set.digest(grey).startswith("p")  # for spreadsheets take 12345e678 for a number


def test_a_photograph_shows_a_face_and_noise_does_not(tmp_path: Path, model: ModelFolder, astronaut: Path) -> None:
    root = tmp_path / "set"
    with Image.open(astronaut) as photo:
        shades.save(root / "neutral" / "a.png", np.asarray(photo.convert("RGB")))
    shades.save(root / "neutral" / "b.png", shades.picture("sadness", 3))
    data = labelled_set.opened("folders", root)
    whole, cut = (see(data, model.specification, how, threads=1) for how in ("whole", "detect"))
    assert whole.faces[0] > 0.5 > 0.2 > whole.faces[1]
    assert (cut.crops[0] != whole.crops[0]).any() and (cut.crops[1] == whole.crops[1]).all()


def test_rows_of_fer2013_keep_labels_usage_and_votes(tmp_path: Path, model: ModelFolder) -> None:
    written = fake.write(tmp_path)
    data = labelled_set.opened("fer2013", tmp_path)
    assert data.ids[:2] == ("1", "2") and len(data) == len(written.labels)
    assert data.truth.tolist() == written.labels.tolist()
    assert data.splits.tolist() == written.usage.tolist()
    assert data.votes is not None and (data.votes == written.votes).all()
    assert (see(data, model.specification, faces=False).grey == written.images).all()
