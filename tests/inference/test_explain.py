from __future__ import annotations

import numpy as np
import pytest
from fake import model
from PIL import Image

from kaoiro import Analyzer
from kaoiro.core.errors import InputError, ModelError
from kaoiro.inference.classifier import Classifier
from kaoiro.inference.explain import attention


def test_activations_are_the_parts_of_which_raw_outputs_are_the_mean(astronaut) -> None:
    analyzer = Analyzer(threads=1)
    found = attention(analyzer, astronaut)
    raw = Classifier(analyzer.model, 1).predict(found.crops).raw["expression"]
    whole = found.looks.activation.mean(axis=(2, 3))
    difference = raw - whole  # the bias of each class, the same for every face
    other = Classifier(analyzer.model, 1)
    noise = np.random.default_rng(0).integers(0, 255, found.crops.shape).astype(np.uint8)
    bias = other.predict(noise).raw["expression"] - other.looks(noise).activation.mean(axis=(2, 3))
    assert difference == pytest.approx(bias, abs=1e-3)


def test_a_sheet_has_a_row_for_each_face_and_all_that_was_looked_at(astronaut) -> None:
    found = attention(Analyzer(threads=1), astronaut)
    assert len(found.records) == 1
    assert found.records[0].expression == "happiness"
    assert set(found.looks.masks) == {"attention_0"}
    mask = found.looks.masks["attention_0"]
    assert 0 < mask.min() < mask.max() < 1
    sheet = found.sheet()
    assert sheet.size == (4 * 200 + 8, 222 + 8)
    face, second, third, fourth = (np.asarray(sheet)[30:222, 8 + 200 * k : 200 + 200 * k] for k in range(4))
    assert (face[:, :, 0] == face[:, :, 2]).all()  # grey
    assert all((tile[:, :, 0] != tile[:, :, 2]).any() for tile in (second, third, fourth))


def test_the_mouth_of_a_smile_speaks_for_happiness(astronaut) -> None:
    found = attention(Analyzer(threads=1), astronaut)
    own = found.looks.activation[0] - found.looks.activation[0].mean(axis=0)
    happy = own[found.labels.index("happiness")]
    assert happy[4, 2:4].mean() > happy[0].mean()


def test_a_picture_without_a_face_is_refused(tmp_path) -> None:
    Image.new("RGB", (200, 200)).save(tmp_path / "black.png")
    with pytest.raises(InputError, match="no face found"):
        attention(Analyzer(threads=1), tmp_path / "black.png")


def test_a_model_that_does_not_tell_is_refused(astronaut, tmp_path) -> None:
    model.write(tmp_path / "linear")
    with pytest.raises(ModelError, match="does not tell where it looks"):
        attention(Analyzer(tmp_path / "linear", threads=1), astronaut)
