from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import SIZE, write_model
from PIL import Image

from kaoiro import Analyzer
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.labels import EXPRESSIONS, FERPLUS
from kaoiro.core.modelfile import DEFAULT, DESCRIPTION, ModelFolder, load, write_description
from kaoiro.core.spec import Head
from kaoiro.core.types import expression_column
from kaoiro.inference.classifier import Classifier, activate, prepare_crops

LOGITS = [math.log(value) for value in (1, 2, 3, 4, 5, 6, 7, 72)]  # probabilities: hundredths


def crops(count: int, size: int = 48, seed: int = 0) -> np.ndarray:
    """Draw coarse noise, which faces differ in: (N, size, size) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 6), np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((size, size), Image.Resampling.BICUBIC)) for one in coarse])


def grey(*values: int, size: int = SIZE) -> np.ndarray:
    return np.repeat(np.array(values, np.uint8), size * size).reshape(-1, size, size)


def head(**changes: Any) -> Head:
    return Head(**{"name": "expression", "activation": "softmax", "labels": ("a", "b"), **changes})


def test_a_face_scores_alone_as_in_a_batch(analyzer):
    faces = crops(70)  # more than two of the classifier's own batches
    together = analyzer.crops(faces)
    alone = np.concatenate([np.asarray(analyzer.crops(faces[index : index + 1])) for index in range(70)])
    assert together.shape == (70, 8)
    assert np.ptp(together.probabilities, axis=0).max() > 0.01, "the faces must differ for this to tell anything"
    assert np.abs(together.probabilities - alone).max() < 1e-4
    order = np.random.default_rng(1).permutation(70)
    assert np.abs(analyzer.crops(faces[order]).probabilities - together.probabilities[order]).max() < 1e-4


def test_probabilities_sum_to_one(analyzer):
    scores = analyzer.crops(np.concatenate([crops(5), grey(0, 128, 255, size=48)]))
    assert np.allclose(scores.probabilities.sum(axis=1), 1, atol=1e-12)
    assert (scores.probabilities >= 0).all()
    assert sorted(scores.labels) == sorted(EXPRESSIONS.labels)
    assert scores.top == [scores.labels[index] for index in scores.probabilities.argmax(axis=1)]


def test_probabilities_are_the_softmax_of_the_logits(tmp_path):
    scores = Analyzer(write_model(tmp_path / "model", LOGITS).path, threads=1).crops(grey(0, 200))
    expected = dict(zip(FERPLUS.labels, (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.72), strict=True))
    assert scores.labels == EXPRESSIONS.labels
    assert np.allclose(scores.probabilities, [[expected[label] for label in scores.labels]] * 2, atol=1e-6)
    assert scores.top == [FERPLUS.labels[7]] * 2


def test_labels_other_than_the_eight_stay_in_the_models_order(tmp_path):
    labels = ("surprise", "neutral", "fear")
    path = write_model(tmp_path / "model", [0.0, math.log(2), 0.0], labels=labels).path
    scores = Analyzer(path, threads=1).crops(grey(0))
    assert scores.labels == labels
    assert np.allclose(scores.probabilities, [[0.25, 0.5, 0.25]])
    assert list(scores.to_pandas().columns) == ["expression_surprise", "expression_neutral", "expression_fear"]


def test_logits_are_divided_by_the_temperature(tmp_path):
    path = write_model(tmp_path / "model", LOGITS, temperature=2.0).path
    roots = np.sqrt([1, 2, 3, 4, 5, 6, 7, 72])
    expected = (roots / roots.sum())[FERPLUS.indices(EXPRESSIONS.labels)]
    assert np.allclose(Analyzer(path, threads=1).crops(grey(9))[0], expected, atol=1e-6)


def test_pixels_arrive_as_they_are(tmp_path):
    model = write_model(tmp_path / "model", [0.0, 0.0], [0.0, 3.0], labels=("anger", "fear"))
    answer = Classifier(model, threads=1).predict(grey(0, 51, 255))
    assert np.allclose(answer.features[:, 0], [0, 0.2, 1], atol=1e-6)
    assert np.allclose(answer.raw["expression"], [[0, 0], [0, 0.6], [0, 3]], atol=1e-5)
    assert np.allclose(answer.heads["expression"][:, 1], [1 / (1 + math.exp(-x)) for x in (0, 0.6, 3)], atol=1e-6)


def test_models_of_colour_and_of_grey_take_both(tmp_path):
    colour = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    colour[:, :, :] = (255, 0, 0)
    for channels, bright in ((1, 76 / 255), (3, 1 / 3)):  # luma of pure red; mean of its channels
        path = write_model(tmp_path / f"model{channels}", [0.0] * 8, channels=channels).path
        analyzer = Analyzer(path, threads=1)
        assert analyzer.crops(colour).features[0, 0] == pytest.approx(bright, abs=1e-3)
        assert analyzer.crops(grey(102)).features[0, 0] == pytest.approx(0.4, abs=1e-6)


def test_grey_and_the_same_in_colour_score_alike(analyzer):
    faces = crops(3)
    colour = np.repeat(faces[..., None], 3, axis=3)
    assert np.abs(analyzer.crops(faces).probabilities - analyzer.crops(colour).probabilities).max() < 1e-4


@pytest.mark.parametrize("shape", [(0, 48, 48), (0, 48, 48, 3), (0, 100, 60)])
def test_an_empty_batch_gives_empty_scores(analyzer, shape):
    scores = analyzer.crops(np.empty(shape, np.uint8))
    assert (scores.shape, len(scores), scores.top) == ((0, 8), 0, [])
    assert list(scores.to_pandas().columns) == [expression_column(label) for label in EXPRESSIONS.labels]


@pytest.mark.parametrize("shape", [(96, 96), (48, 30), (20, 20), (1, 1), (300, 200)])
def test_crops_of_any_size_are_brought_to_the_models(analyzer, shape):
    crop = crops(1, 300)[:, : shape[0], : shape[1]]
    assert np.allclose(analyzer.crops(crop).probabilities.sum(), 1)
    assert prepare_crops(crop, 48, 1).shape == (1, 48, 48)


def test_larger_crops_are_averaged_not_sampled():
    board = (np.indices((96, 96)).sum(axis=0) % 2 * 255).astype(np.uint8)[None]
    assert np.abs(prepare_crops(board, 48, 1)[0, 2:-2, 2:-2].astype(int) - 127).max() < 30


def test_crops_of_the_right_size_are_not_touched():
    faces = crops(2)
    assert np.array_equal(prepare_crops(faces, 48, 1), faces)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 48, 48), np.float32), r"uint8 \(0-255\), not float32; convert"),
        (np.full((2, 48, 48), np.nan), "not float64 with NaN values"),
        (np.zeros((2, 48, 48), np.int64), "not int64"),
        (np.zeros((2, 48, 48), bool), "not bool"),
        (np.zeros((2, 48, 48, 1), np.uint8), r"\(N, H, W\) or \(N, H, W, 3\), not \(2, 48, 48, 1\)"),
        (np.zeros((2, 48, 48, 4), np.uint8), r"not \(2, 48, 48, 4\)"),
        (np.zeros((2, 3, 48, 48), np.uint8), r"not \(2, 3, 48, 48\)"),
        (np.zeros((48, 48), np.uint8), r"not \(48, 48\)"),
        (np.zeros((48, 48, 3), np.uint8), r"shape \(48, 48, 3\) look like one RGB face; give array\[None\]"),
        (np.zeros((7, 48, 3), np.uint8), r"give array\[None\]"),
        (np.zeros((), np.uint8), r"not \(\)"),
        (np.zeros((2, 0, 48), np.uint8), "no pixels"),
        ([[[0]]], "NumPy array, not list"),
        (None, "not NoneType"),
        ("face.jpg", "not str"),
    ],
)
def test_what_are_no_crops_is_refused_in_one_line(analyzer, array: Any, reason: str):
    with pytest.raises(InputError) as caught:
        analyzer.crops(array)
    assert re.search(reason, str(caught.value))
    assert "\n" not in str(caught.value)


def test_scores_are_an_array_and_a_table(tmp_path):
    scores = Analyzer(write_model(tmp_path / "model", LOGITS).path, threads=1).crops(grey(1, 2, 3))
    assert np.asarray(scores).shape == (3, 8)
    assert np.asarray(scores, np.float32).dtype == np.float32
    assert np.array_equal(scores[1], scores.probabilities[1])
    table = scores.to_pandas()
    assert table[f"expression_{FERPLUS.labels[7]}"].tolist() == pytest.approx([0.72] * 3, abs=1e-6)
    assert "3 crops" in repr(scores)


def test_a_notebook_shows_the_first_scores(analyzer):
    text = analyzer.crops(crops(20))._repr_html_()
    assert (text.count("<tr>"), "20 rows in all" in text) == (13, True)
    assert all(f"<th>{label}</th>" in text for label in EXPRESSIONS.labels)
    assert "rows in all" not in analyzer.crops(crops(2))._repr_html_()


def test_softmax_holds_for_large_logits():
    assert np.allclose(activate(np.array([[1000.0, 998.0], [-1000.0, -1000.0]]), head())[:, 0], [0.880797, 0.5])


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("sigmoid", [0.5, 0.880797]), ("tanh", [0, 0.964028]), ("exponential", [1, 7.389056]), ("identity", [0, 2])],
)
def test_other_heads_have_their_own_activation(activation: str, expected: list[float]):
    answer = activate(np.array([[0.0, 3.0]], np.float32), head(activation=activation, temperature=1.5))
    assert np.allclose(answer, [expected], atol=1e-6)


def test_a_model_without_expressions_cannot_analyse(tmp_path):
    path = write_model(tmp_path / "model", [0.0, 0.0], labels=("valence", "arousal"), head="affect").path
    with pytest.raises(ModelError, match="model 'model' has no expression head"):
        Analyzer(path)


@pytest.mark.parametrize("where", [lambda path: path, str], ids=["path", "text"])
def test_a_model_folder_called_like_a_shipped_model_is_the_folder(tmp_path: Path, where: Any, monkeypatch):
    folder = write_model(tmp_path / DEFAULT, LOGITS).path
    monkeypatch.chdir(tmp_path)
    for given in (where(folder), where(Path(DEFAULT)) if where is not str else f".{os.sep}{DEFAULT}"):
        assert Analyzer(given, threads=1).model.path.resolve() == folder.resolve()


@pytest.mark.parametrize("where", [lambda path: path, str], ids=["path", "text"])
def test_a_model_folder_may_be_given_by_path_or_text(tmp_path: Path, where: Any):
    path = write_model(tmp_path / "modèle", LOGITS).path
    assert Analyzer(where(path), threads=1).crops(grey(0)).top == [FERPLUS.labels[7]]


def change_description(folder: Path, old: str, new: str) -> ModelFolder:
    file = folder / DESCRIPTION
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return load(folder)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('"name": "expression"', '"name": "mood"', "mood"),
        (f'"size": {SIZE}', '"size": 48', "pixels"),
        ('"contempt"', '"contempt", "boredom"', "expression"),
    ],
)
def test_a_graph_other_than_its_description_is_refused_when_it_is_opened(tmp_path, old, new, wrong):
    folder = write_model(tmp_path / "model", LOGITS).path
    with pytest.raises(ModelError, match=f"not the graph that model.json describes: {wrong} missing or of another"):
        Classifier(change_description(folder, old, new))


def test_a_graph_with_another_input_is_refused_when_it_is_opened(tmp_path):
    model = write_model(tmp_path / "model", LOGITS)
    graph = onnx.load(str(model.graph))
    graph.graph.input[0].name = graph.graph.node[0].input[0] = "image"
    onnx.save(graph, str(model.graph))
    write_description(model.path, model.description)
    with pytest.raises(ModelError, match="describes: pixels, image missing"):
        Classifier(load(model.path))
