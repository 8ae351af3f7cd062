from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake import model as linear
from PIL import Image
from scipy.special import softmax
from sklearn import metrics as sk

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import EXPRESSIONS, FERPLUS, Vocabulary, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import drawn
from kaoiro.evaluation.folder import SEVEN, class_files, evaluate


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return linear.write(tmp_path_factory.mktemp("models") / "linear")


def write(root: Path, name: str, *files: str, seed: int = 0) -> np.ndarray:
    """Write drawn faces ROOT/name/file; return them, (N, 48, 48)."""
    look = drawn.LOOKS.get(name, drawn.LOOKS["neutral"])
    rng = np.random.default_rng(seed)
    faces = np.stack([drawn.draw_face(look, rng=rng) for _ in files])
    for file, face in zip(files, faces, strict=True):
        path = root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
    return faces


def test_figures_agree_with_scikit_learn_over_all_seven_classes(model: ModelFolder, tmp_path: Path) -> None:
    names = [f"{number:02}.png" for number in range(12)]
    present = ("anger", "happiness", "surprise")
    vocabulary = Vocabulary("seven", ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"))
    faces = np.concatenate([write(tmp_path, name, *names, seed=seed) for seed, name in enumerate(present)])
    truth = np.repeat(vocabulary.indices(present), 12)
    answer = softmax(linear.raw_outputs(faces, FERPLUS), axis=1)
    probabilities = project(answer, FERPLUS, vocabulary)
    guess = probabilities.argmax(axis=1)
    figures = evaluate(model, tmp_path, threads=1)
    assert figures["n"] == 36
    assert figures["accuracy"] == pytest.approx(sk.accuracy_score(truth, guess))
    assert figures["macro_recall"] == pytest.approx(
        sk.recall_score(truth, guess, labels=np.unique(truth), average="macro")
    )
    assert figures["nll"] == pytest.approx(sk.log_loss(truth, probabilities, labels=range(7)), rel=1e-4)
    assert figures["confusion"]["labels"] == list(vocabulary.labels)
    assert figures["confusion"]["counts"] == sk.confusion_matrix(truth, guess, labels=range(7)).tolist()
    assert "contempt dropped and the rest renormalised" in figures["protocol"]
    assert "no pictures of disgust, fear, neutral, sadness" in figures["protocol"]


def test_an_answer_outside_the_classes_that_are_there_is_wrong(model: ModelFolder, tmp_path: Path) -> None:
    """Noise in one single folder cannot be recognised perfectly."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 48, 48), dtype=np.uint8)
    (tmp_path / "happy").mkdir()
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(tmp_path / "happy" / f"{number:02}.png")
    guess = project(softmax(linear.raw_outputs(noise, FERPLUS), axis=1), FERPLUS, SEVEN).argmax(axis=1)
    figures = evaluate(model, tmp_path, threads=1)
    assert figures["accuracy"] == pytest.approx((guess == SEVEN.index("happiness")).mean())
    assert figures["accuracy"] < 0.5
    assert sum(row["support"] for row in figures["per_class"].values()) == 24


def test_a_folder_with_contempt_is_measured_on_eight_classes(model: ModelFolder, tmp_path: Path) -> None:
    write(tmp_path, "contempt", "a.png")
    figures = evaluate(model, tmp_path, threads=1)
    assert figures["confusion"]["labels"] == list(EXPRESSIONS.labels)
    assert "dropped" not in figures["protocol"]


def test_the_report_has_the_promised_fields_and_is_json(model: ModelFolder, tmp_path: Path) -> None:
    write(tmp_path, "fear", "a.png")
    figures = evaluate(model, tmp_path, threads=1)
    promised = {"n", "accuracy", "macro_recall", "per_class", "confusion", "ece", "nll", "n_dedup", "accuracy_dedup"}
    assert promised | {"labels", "split", "model", "protocol", "model_sha256"} <= figures.keys()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_common_spellings_of_one_label_are_one_class(tmp_path: Path) -> None:
    for name in ("Happy", "happiness", "ANGRY"):
        write(tmp_path, name, "b.png", "a.jpg")
    files = class_files(tmp_path)
    assert set(files) == {"anger", "happiness"}
    assert [file.relative_to(tmp_path).as_posix() for file in files["happiness"]] == [
        "Happy/a.jpg",
        "Happy/b.png",
        "happiness/a.jpg",
        "happiness/b.png",
    ]


def test_folders_below_a_class_count_and_other_files_do_not(tmp_path: Path) -> None:
    write(tmp_path, "fear", "day 1/ü.png", "a.png")
    (tmp_path / "fear" / "notes.txt").write_text("x")
    (tmp_path / "readme.png").write_bytes(b"")
    assert [file.name for file in class_files(tmp_path)["fear"]] == ["a.png", "ü.png"]


def test_folders_that_are_no_expression_are_named_in_the_protocol(model: ModelFolder, tmp_path: Path) -> None:
    for name in ("fear", "bored", "asleep"):
        write(tmp_path, name, "a.png")
    figures = evaluate(model, tmp_path, threads=1)
    assert figures["n"] == 1
    assert "not read: asleep, bored" in figures["protocol"]


def test_colour_pictures_of_any_size_are_brought_to_the_models_input(model: ModelFolder, tmp_path: Path) -> None:
    face = write(tmp_path / "grey", "surprise", "a.png")[0]
    large = Image.fromarray(face).convert("RGB").resize((96, 96), Image.Resampling.NEAREST)
    (tmp_path / "colour" / "surprise").mkdir(parents=True)
    large.save(tmp_path / "colour" / "surprise" / "a.png")
    grey, colour = (evaluate(model, tmp_path / name, threads=1) for name in ("grey", "colour"))
    assert colour["nll"] == pytest.approx(grey["nll"], abs=0.05)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_is_refused(model: ModelFolder, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=f"{name} is not a folder"):
        evaluate(model, tmp_path / name)


def test_a_folder_without_any_expression_names_the_valid_labels(model: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / "fear").mkdir()
    write(tmp_path, "bored", "a.png")
    with pytest.raises(DataError, match="no sub-folder with pictures named after anger, contempt"):
        evaluate(model, tmp_path)


def test_a_damaged_picture_is_named(model: ModelFolder, tmp_path: Path) -> None:
    write(tmp_path, "fear", "a.png", "b.png")
    (tmp_path / "fear" / "b.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"b\.png"):
        evaluate(model, tmp_path)
