"""What is left out of learning data, and what a teacher adds to it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSION, EXPRESSION_FER2013, FER2013, FERPLUS, MEASURED_UNITS, UNITS_HEAD
from kaoiro.core.spec import Head
from kaoiro.data.datasets import fer2013
from kaoiro.data.source import DataConfig, load, of_training, without
from kaoiro.families.language_contrast.recipe import RECIPES
from kaoiro.training import unit_readings
from kaoiro.training.fit import known_settings
from kaoiro.training.unit_readings import Reader, at_thresholds, read_where_asked, reader

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.fer2013 import write

CONTEMPT = FERPLUS.index("contempt")


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> fer2013.Fer2013:
    folder = tmp_path_factory.mktemp("fer")
    write(folder, {"Training": 160, "PublicTest": 16})
    return fer2013.read(str(folder)).part("Training")


def test_no_face_and_no_vote_of_an_unseen_class_is_learned(training: fer2013.Fer2013) -> None:
    whole = of_training(training, "both")
    found = without(whole, ("contempt",))
    for faces, before in ((found.training, whole.training), (found.validation, whole.validation)):
        assert len(faces) == (before.labels[EXPRESSION] != CONTEMPT).sum() < len(before)
        assert (faces.labels[EXPRESSION] != CONTEMPT).all()
        assert not faces.targets[EXPRESSION][:, CONTEMPT].any()
    assert found.vocabularies == whole.vocabularies
    assert found.description.endswith("without contempt")


def test_the_other_votes_are_scaled_to_one_by_hand(training: fer2013.Fer2013) -> None:
    whole = of_training(training, "ferplus")
    targets = whole.training.targets[EXPRESSION].copy()
    fear = FERPLUS.index("fear")
    row = np.flatnonzero(whole.training.labels[EXPRESSION] == fear)[0]
    targets[row] = 0
    targets[row, [fear, FERPLUS.index("anger"), CONTEMPT]] = 0.5, 0.25, 0.25
    found = without(replace(whole, training=replace(whole.training, targets={EXPRESSION: targets})), ("contempt",))
    kept = np.flatnonzero((found.training.pixels == whole.training.pixels[row]).all(axis=(1, 2)))
    assert len(kept) == 1
    np.testing.assert_allclose(found.training.targets[EXPRESSION][kept[0], fear], 2 / 3, atol=1e-6)
    np.testing.assert_allclose(found.training.targets[EXPRESSION].sum(axis=1), 1, atol=1e-5)


def test_copies_of_a_left_out_face_and_faces_that_keep_no_label_go_too(training: fer2013.Fer2013) -> None:
    whole = of_training(training, "ferplus")
    pixels, targets = whole.training.pixels.copy(), whole.training.targets[EXPRESSION].copy()
    classes = whole.training.labels[EXPRESSION]
    of, others = np.flatnonzero(classes == CONTEMPT), np.flatnonzero(classes == FERPLUS.index("anger"))
    pixels[others[0]] = pixels[of[0]]
    targets[others[1]] = np.eye(len(FERPLUS))[CONTEMPT]  # all votes that count, and no majority
    labels = classes.copy()
    labels[others[1]] = -1
    changed = replace(whole.training, pixels=pixels, targets={EXPRESSION: targets}, labels={EXPRESSION: labels})
    found = without(replace(whole, training=changed), ("contempt",))
    assert len(found.training) == len(whole.training) - len(of) - 2


def test_either_annotation_makes_a_face_one_of_the_class(training: fer2013.Fer2013) -> None:
    fear = FER2013.index("fear")
    labels = training.labels.copy()
    labels[np.flatnonzero(labels != fear)[:5]] = fear
    whole = of_training(replace(training, labels=labels), "both")
    found = without(whole, ("fear",))
    assert (found.training.labels[EXPRESSION_FER2013] != fear).all()
    assert (found.training.labels[EXPRESSION] != FERPLUS.index("fear")).all()


def test_classes_that_cannot_be_left_out_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"data\.unseen must be of anger, .*, not joy"):
        DataConfig(unseen=("joy",)).check()
    with pytest.raises(InputError, match=r"data\.unseen must be left out with joined faces"):
        DataConfig(dataset="joined", unseen=("fear",)).check()
    drawn = load(DataConfig(dataset="drawn", count=64))
    seven = replace(drawn, vocabularies={EXPRESSION: FER2013})
    with pytest.raises(
        InputError, match=r"data\.unseen must be of anger, .* with data\.labels as they are, not contempt"
    ):
        without(seven, ("contempt",))
    with pytest.raises(InputError, match=r"data\.unseen must be such that two classes or more remain"):
        without(drawn, FERPLUS.labels[:7])


def test_thresholds_become_even_odds() -> None:
    head = Head(name=UNITS_HEAD, activation="sigmoid", labels=("au_01", "au_02"), thresholds=(0.2, 0.66))
    found = at_thresholds(np.array([[0.2, 0.66], [0.5, 0.0], [0.0, 1.0]]), head)
    np.testing.assert_allclose(found[0], 0.5)
    np.testing.assert_allclose(found[1, 0], 0.8)  # odds of 1 by odds of 1/4
    assert np.isfinite(found).all() and (np.diff(found[:, 1][[1, 0, 2]]) > 0).all()
    plain = head.model_copy(update={"thresholds": ()})
    np.testing.assert_array_equal(at_thresholds(np.array([[0.3, 0.4]]), plain), [[0.3, 0.4]])


def test_units_are_read_once_and_no_head_answers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load(DataConfig(dataset="drawn", count=16))
    own = Reader("affect")
    monkeypatch.setattr(unit_readings, "reader", lambda model: own)
    asked: list[int] = []
    predict = unit_readings.Classifier.predict

    def counted(self: unit_readings.Classifier, crops: np.ndarray) -> object:
        asked.append(len(crops))
        return predict(self, crops)

    monkeypatch.setattr(unit_readings.Classifier, "predict", counted)
    found = read_where_asked(data, RECIPES["tied"])
    units = found.training.targets[UNITS_HEAD]
    assert units.shape == (len(data.training), len(MEASURED_UNITS))
    assert units.dtype == np.float32 and ((units >= 0) & (units <= 1)).all()
    assert list(found.vocabularies) == [EXPRESSION]
    assert UNITS_HEAD not in found.validation.targets
    again = read_where_asked(data, RECIPES["unseen-contempt-tied"])
    np.testing.assert_array_equal(again.training.targets[UNITS_HEAD], units)
    assert asked == [len(np.unique(fer2013.image_keys(data.training.pixels)))]
    assert read_where_asked(data, RECIPES["descriptions"]) is data


def test_a_teacher_without_units_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"--data\.teacher stills: it does not read au_01, "):
        reader("stills")


def test_settings_that_a_stored_run_did_not_know_are_the_usual_ones() -> None:
    asked = json.loads(json.dumps({"data": {"labels": "both"}, "size": 48, "strange": 1}))
    found = known_settings(asked, RECIPES["linear"])
    assert found["data"]["unseen"] == [] and found["data"]["labels"] == "both"
    assert found["objective"]["tied"] == 0.0
    assert found["strange"] == 1
    assert asked == {"data": {"labels": "both"}, "size": 48, "strange": 1}
