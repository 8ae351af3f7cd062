from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import fer2013 as fake
from fake import model as linear
from scipy.special import softmax
from sklearn import metrics as sk

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import EXPRESSIONS, FER2013, FERPLUS, Vocabulary
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import fer2013
from kaoiro.evaluation.fer2013 import evaluate, measure, negatives, per_class, seen_in_training
from kaoiro.metrics.calibration import expected_calibration_error

COUNTS = {"Training": 40, "PublicTest": 64, "PrivateTest": 24}
COPIES = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write fake files in which five PublicTest images are copies of Training images and one is no face."""
    folder = tmp_path_factory.mktemp("fer")
    written = fake.write(folder, COUNTS, duplicates=COPIES)
    votes = written.votes.copy()
    votes[60] = 0
    votes[60, -1] = 10
    fake.write_votes(folder / "fer2013new.csv", zip(written.usage, votes, strict=True))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return linear.write(tmp_path_factory.mktemp("models") / "linear", temperature=1.25)


@pytest.fixture(scope="module")
def figures(model: ModelFolder, root: Path) -> dict[str, Any]:
    return evaluate(model, str(root), "val", "ferplus", threads=1)


def public(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the PublicTest images with a clear FER+ majority, and it."""
    part = fer2013.read(root).part("PublicTest")
    assert part.votes is not None
    labels = fer2013.majority_labels(part.votes)
    return part.images[labels >= 0], labels[labels >= 0]


def test_the_report_has_the_promised_fields_and_is_json(figures: dict[str, Any]) -> None:
    promised = {"n", "accuracy", "macro_recall", "per_class", "confusion", "ece", "nll", "n_dedup", "accuracy_dedup"}
    assert promised | {"labels", "split", "model", "protocol"} <= figures.keys()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert (figures["labels"], figures["split"], figures["part"]) == ("ferplus", "val", "PublicTest")


def test_it_names_the_model_and_its_checksum(figures: dict[str, Any], model: ModelFolder) -> None:
    assert (figures["model"], figures["model_sha256"]) == ("linear", model.digest)


def test_figures_agree_with_scikit_learn(figures: dict[str, Any], root: Path) -> None:
    images, truth = public(root)
    probabilities = softmax(linear.raw_outputs(images, FERPLUS) / 1.25, axis=1)
    guess = probabilities.argmax(axis=1)
    assert 0 < sk.accuracy_score(truth, guess) < 1
    assert figures["accuracy"] == pytest.approx(sk.accuracy_score(truth, guess))
    assert figures["macro_recall"] == pytest.approx(sk.balanced_accuracy_score(truth, guess))
    assert figures["nll"] == pytest.approx(sk.log_loss(truth, probabilities, labels=range(8)), rel=1e-4)
    assert figures["ece"] == pytest.approx(expected_calibration_error(probabilities, truth), rel=1e-4)
    assert figures["confusion"]["labels"] == list(FERPLUS.labels)
    assert figures["confusion"]["counts"] == sk.confusion_matrix(truth, guess, labels=range(8)).tolist()


def test_the_table_of_classes_agrees_with_scikit_learn(figures: dict[str, Any], root: Path) -> None:
    images, truth = public(root)
    guess = linear.raw_outputs(images, FERPLUS).argmax(axis=1)
    columns = sk.precision_recall_fscore_support(truth, guess, labels=range(8), zero_division=np.nan)
    for index, label in enumerate(FERPLUS.labels):
        precision, recall, f1, support = (float(column[index]) for column in columns)
        row = figures["per_class"][label]
        assert row["support"] == support
        assert row["recall"] == pytest.approx(recall)
        assert row["f1"] == pytest.approx(f1)
        assert row["precision"] == (None if np.isnan(precision) else pytest.approx(precision))


def test_negative_expressions_have_means_of_their_own(figures: dict[str, Any]) -> None:
    recall = {label: row["recall"] for label, row in figures["per_class"].items()}
    assert figures["NEG"] == pytest.approx(np.mean([recall[k] for k in ("anger", "disgust", "fear", "sadness")]))
    assert figures["NEG2"] == pytest.approx((recall["fear"] + recall["disgust"]) / 2)


def test_without_one_of_the_negative_expressions_there_is_no_mean_of_them() -> None:
    counts = np.diag([1, 0, 2, 3, 1, 1, 1])
    assert negatives(counts, FER2013) == {"NEG": None, "NEG2": None}
    assert negatives(np.eye(2, dtype=int), Vocabulary("two", ("anger", "fear"))) == {"NEG": None, "NEG2": None}


def test_the_accuracy_lies_within_its_interval(figures: dict[str, Any]) -> None:
    low, high = figures["accuracy_interval_95"]
    assert 0 <= low < figures["accuracy"] < high <= 1


def test_images_without_a_clear_majority_are_dropped_and_counted(figures: dict[str, Any]) -> None:
    assert (figures["n"], figures["dropped"]) == (63, 1)


def test_images_that_occur_in_training_are_removed_in_the_second_accuracy(figures: dict[str, Any], root: Path) -> None:
    images, truth = public(root)
    training = {image.tobytes() for image in fer2013.read(root).part("Training").images}
    fresh = np.array([image.tobytes() not in training for image in images])
    right = linear.raw_outputs(images, FERPLUS).argmax(axis=1) == truth
    assert figures["n_dedup"] == 63 - COPIES == fresh.sum()
    assert figures["accuracy_dedup"] == pytest.approx(right[fresh].mean())


def test_a_copy_that_differs_by_one_grey_level_is_not_removed(root: Path) -> None:
    data = fer2013.read(root)
    part = data.part("PublicTest")
    seen = seen_in_training(data, part)
    assert seen is not None
    assert np.flatnonzero(seen).tolist() == list(range(COPIES))
    part.images[0, 0, 0] ^= 1
    changed = seen_in_training(data, part)
    assert changed is not None
    assert np.flatnonzero(changed).tolist() == list(range(1, COPIES))


def test_without_training_rows_nothing_is_said_about_duplicates(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, {"PublicTest": 16})
    figures = evaluate(model, str(tmp_path), "val", "ferplus", threads=1)
    assert (figures["n"], figures["n_dedup"], figures["accuracy_dedup"]) == (16, None, None)


def test_when_every_image_is_a_copy_there_is_no_second_accuracy(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, {"Training": 8, "PublicTest": 8}, duplicates=8)
    figures = evaluate(model, str(tmp_path), "val", "ferplus", threads=1)
    assert (figures["n_dedup"], figures["accuracy_dedup"]) == (0, None)


def test_the_test_split_is_private_test(model: ModelFolder, root: Path) -> None:
    figures = evaluate(model, str(root), "test", "ferplus", threads=1)
    assert (figures["n"], figures["part"], figures["split"]) == (24, "PrivateTest", "test")


def test_missing_private_test_rows_are_named_with_the_parts_there_are(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, {"Training": 8, "PublicTest": 8})
    with pytest.raises(DataError, match=r"no PrivateTest rows \(present: PublicTest, Training\).*another --split"):
        evaluate(model, str(tmp_path), "test", "ferplus", threads=1)


def test_ferplus_labels_need_the_vote_table(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, {"PublicTest": 8}, votes=False)
    with pytest.raises(DataError, match=r"--labels ferplus needs fer2013new\.csv"):
        evaluate(model, str(tmp_path), "val", "ferplus", threads=1)


def test_a_part_without_any_clear_majority_is_refused(model: ModelFolder, tmp_path: Path) -> None:
    written = fake.write(tmp_path, {"PublicTest": 8})
    fake.write_votes(tmp_path / "fer2013new.csv", zip(written.usage, np.ones((8, 10), int), strict=True))
    with pytest.raises(DataError, match="no PublicTest image has a ferplus label"):
        evaluate(model, str(tmp_path), "val", "ferplus", threads=1)


def test_the_same_labels_need_no_mapping(figures: dict[str, Any]) -> None:
    assert figures["protocol"] == "single crop; model and data have the same labels"


def test_labels_that_the_data_lack_are_dropped_and_the_report_says_so(model: ModelFolder, root: Path) -> None:
    figures = evaluate(model, str(root), "val", "fer2013", threads=1)
    part = fer2013.read(root).part("PublicTest")
    seven = softmax(linear.raw_outputs(part.images, FERPLUS) / 1.25, axis=1)[:, :7]
    seven /= seven.sum(axis=1, keepdims=True)
    assert figures["n"] == 64
    assert "contempt dropped and the rest renormalised" in figures["protocol"]
    assert figures["confusion"]["labels"] == list(FER2013.labels)
    assert figures["accuracy"] == pytest.approx(sk.accuracy_score(part.labels, seven.argmax(axis=1)))
    assert figures["nll"] == pytest.approx(sk.log_loss(part.labels, seven, labels=range(7)), rel=1e-4)


def test_labels_that_the_model_lacks_get_nothing_and_the_report_says_so(root: Path, tmp_path: Path) -> None:
    figures = evaluate(linear.write(tmp_path / "seven", FER2013), str(root), "val", "ferplus", threads=1)
    assert "the model does not know contempt" in figures["protocol"]
    assert figures["per_class"]["contempt"]["recall"] == 0
    assert figures["per_class"]["contempt"]["precision"] is None


def test_another_order_of_labels_changes_nothing(root: Path, tmp_path: Path, figures: dict[str, Any]) -> None:
    order = FERPLUS.indices(EXPRESSIONS.labels)
    matrix = linear.weights(FERPLUS)[:, order]
    model = linear.write(tmp_path / "linear", EXPRESSIONS, matrix, temperature=1.25)
    other = evaluate(model, str(root), "val", "ferplus", threads=1)
    for name in ("accuracy", "macro_recall", "per_class", "confusion", "protocol"):
        assert other[name] == figures[name]
    assert other["nll"] == pytest.approx(figures["nll"])


def test_a_model_that_answers_nan_is_refused(root: Path, tmp_path: Path) -> None:
    matrix = linear.weights(FERPLUS)
    matrix[0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        evaluate(linear.write(tmp_path / "broken", FERPLUS, matrix), str(root), "val", "ferplus", threads=1)


def test_a_class_without_images_has_empty_cells() -> None:
    table = per_class(np.array([[2, 0], [0, 0]]), Vocabulary("two", ("anger", "fear")))
    assert table["fear"] == {"recall": None, "precision": None, "f1": None, "support": 0}
    assert table["anger"] == {"recall": 1.0, "precision": 1.0, "f1": 1.0, "support": 2}


def test_copies_within_a_part_are_resampled_together() -> None:
    probabilities = np.eye(2)[np.repeat([0, 1], 50)]
    truth = np.zeros(100, int)
    vocabulary = Vocabulary("two", ("anger", "fear"))
    widths = []
    for groups in (np.arange(100), np.arange(100) // 10):
        low, high = measure(probabilities, truth, vocabulary, groups)["accuracy_interval_95"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


@pytest.mark.data
def test_the_official_files_have_the_published_counts_and_their_majorities() -> None:
    folder = os.environ.get("KAOIRO_FER2013")
    if folder is None:
        pytest.skip("KAOIRO_FER2013 names no folder")
    data = fer2013.read(folder)
    present = {part: int((data.usage == part).sum()) for part in fer2013.USAGES}
    official = {"Training": 28709, "PublicTest": 3589, "PrivateTest": 3589}
    assert present["Training"] == official["Training"]
    assert {part: count for part, count in present.items() if count} == {
        part: official[part] for part, count in present.items() if count
    }
    training = np.bincount(data.part("Training").labels).tolist()
    assert training == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert data.votes is not None
    assert (data.votes.sum(axis=1) == 10).mean() > 0.99
    agree = fer2013.majority_labels(data.votes)
    happy = data.labels == FER2013.index("happiness")
    assert (agree[happy & (agree >= 0)] == FERPLUS.index("happiness")).mean() > 0.9
