from __future__ import annotations

import datetime
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file
from scipy.special import softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss

from kaoiro.core import modelfile
from kaoiro.core.errors import DataError, ModelError
from kaoiro.core.files import sha256
from kaoiro.core.modelfile import DESCRIPTION, GRAPH, WEIGHTS, ModelFolder
from kaoiro.data.source import DataConfig, load
from kaoiro.inference.classifier import Classifier
from kaoiro.metrics.calibration import fit_temperature
from kaoiro.training.export import Exported, calibrated, export, halved
from kaoiro.training.fit import Fitted


def network_answers(fitted: Fitted, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        answer = fitted.objective.network(fitted.objective.normalise(torch.from_numpy(pixels)[:, None].float() / 255))
    return answer.features.numpy(), answer.heads["expression"].numpy()


def test_a_model_folder_opens_and_holds_description_graph_and_weights(model: ModelFolder) -> None:
    assert sorted(item.name for item in model.path.iterdir()) == sorted([DESCRIPTION, GRAPH, WEIGHTS])
    again = modelfile.load(model.path)
    assert again.name == "drawing"
    assert again.description == model.description
    assert again.description.files == {name: sha256(model.path / name) for name in (GRAPH, WEIGHTS)}


def test_the_graph_answers_what_pytorch_answers(model: ModelFolder, fitted: Fitted) -> None:
    pixels = fitted.data.validation.pixels
    features, raw = network_answers(fitted, pixels)
    prediction = Classifier(model, threads=1).predict(pixels)
    np.testing.assert_allclose(prediction.features, features, atol=5e-3 * np.abs(features).max())
    np.testing.assert_allclose(prediction.raw["expression"], raw, atol=5e-3 * np.abs(raw).max())


def test_a_face_gets_the_same_answer_alone_and_in_a_batch(model: ModelFolder, fitted: Fitted) -> None:
    classifier, pixels = Classifier(model, threads=1), fitted.data.validation.pixels
    together = classifier.predict(pixels).heads["expression"]
    alone = np.concatenate([classifier.predict(face[None]).heads["expression"] for face in pixels])
    np.testing.assert_allclose(alone, together, atol=1e-4)


def test_the_weights_to_train_on_are_those_of_the_network(model: ModelFolder, fitted: Fitted) -> None:
    stored = load_file(model.path / WEIGHTS)
    state = fitted.objective.network.state_dict()
    assert stored.keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in stored.items())


def test_the_learning_curve_is_in_the_description(model: ModelFolder, fitted: Fitted) -> None:
    history = model.description.provenance.history
    assert history["epoch"] == (1, 2, 3, 4)
    assert history["loss"] == tuple(round(row["loss"], 4) for row in fitted.history)


def test_the_temperature_is_fitted_on_training_val_and_stored(model: ModelFolder, fitted: Fitted) -> None:
    faces = fitted.data.validation
    prediction = Classifier(model, threads=1).predict(faces.pixels)
    raw, truth = prediction.raw["expression"], faces.labels["expression"]
    temperature = model.specification.head("expression").temperature
    assert temperature == pytest.approx(fit_temperature(raw, truth), abs=1e-3)
    assert temperature != 1
    np.testing.assert_allclose(prediction.heads["expression"], softmax(raw / temperature, axis=1), atol=1e-6)


def test_the_cards_numbers_are_measured_on_training_val_after_calibration(model: ModelFolder, fitted: Fitted) -> None:
    faces = fitted.data.validation
    probabilities = Classifier(model, threads=1).predict(faces.pixels).heads["expression"]
    truth, guess = faces.labels["expression"], probabilities.argmax(axis=1)
    numbers = model.description.card.numbers
    assert numbers["training_val_n"] == 16
    assert numbers["training_val_accuracy"] == pytest.approx(accuracy_score(truth, guess), abs=1e-4)
    assert numbers["training_val_macro_recall"] == pytest.approx(balanced_accuracy_score(truth, guess), abs=1e-4)
    assert numbers["training_val_nll"] == pytest.approx(log_loss(truth, probabilities, labels=range(8)), abs=1e-3)
    assert 0 <= numbers["training_val_ece"] <= 1


def test_faces_without_a_clear_label_do_not_count_in_the_calibration(model: ModelFolder, fitted: Fitted) -> None:
    faces = fitted.data.validation
    labels = faces.labels["expression"].copy()
    labels[:4] = -1
    specification, numbers = calibrated(model, replace(faces, labels={"expression": labels}))
    expected, _ = calibrated(model, faces.rows(np.arange(4, len(faces))))
    assert numbers["training_val_n"] == len(faces) - 4
    assert specification == expected
    with pytest.raises(DataError, match="no held-out face has a clear label"):
        calibrated(model, replace(faces, labels={"expression": np.full(len(faces), -1)}))


def test_calibration_changes_the_temperature_alone(model: ModelFolder, fitted: Fitted) -> None:
    head = fitted.specification.head("expression")
    assert head.temperature == 1
    changed = head.model_copy(update={"temperature": model.specification.head("expression").temperature})
    assert model.specification == fitted.specification.model_copy(update={"heads": (changed,)})


def test_provenance_says_how_the_model_came_about(model: ModelFolder, fitted: Fitted) -> None:
    provenance = model.description.provenance
    assert provenance.recipe == "residual_attention/tiny"
    assert provenance.seed == fitted.recipe.run.seed
    assert provenance.data == "64 drawn faces: 48 faces; training-val 16"
    assert provenance.budget == "4 epochs"
    assert re.fullmatch(r"unknown|[0-9a-f]{12}\+?", provenance.commit)
    assert datetime.date.fromisoformat(provenance.created) <= datetime.date.today()
    settings = provenance.settings
    assert settings["objective"]["learning_rate"] == fitted.recipe.objective.learning_rate
    assert settings["run"]["epochs"] == fitted.recipe.run.epochs
    assert settings["crop"]["name"] == "fer2013"


def test_no_folder_of_this_machine_gets_into_the_description(fitted: Fitted, tmp_path: Path) -> None:
    recipe = replace(fitted.recipe, data=replace(fitted.recipe.data, root="/data/somebody"))
    model = export(replace(fitted, recipe=recipe), "residual_attention", "tiny", tmp_path, "x", "")
    assert "somebody" not in (model.path / DESCRIPTION).read_text(encoding="utf-8")
    assert model.description.provenance.settings["data"]["root"] is None


def test_the_licence_is_that_of_the_data(model: ModelFolder, tmp_path: Path) -> None:
    from fake.fer2013 import write

    write(tmp_path)
    assert "FER2013" not in model.description.card.licence
    assert "research" in load(DataConfig(root=str(tmp_path))).licence


def test_a_description_is_plain_json_and_any_change_of_the_graph_is_noticed(
    model: ModelFolder, fitted: Fitted, tmp_path: Path
) -> None:
    copy = export(fitted, "residual_attention", "tiny", tmp_path, "copy", "")
    assert json.loads((tmp_path / DESCRIPTION).read_text(encoding="utf-8"))["files"][GRAPH] == copy.digest
    assert copy.digest == model.digest
    content = bytearray(copy.graph.read_bytes())
    content[len(content) // 2] ^= 1
    copy.graph.write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        modelfile.load(tmp_path)


def test_exporting_again_overwrites_the_folder(fitted: Fitted, tmp_path: Path) -> None:
    for name in ("first", "second"):
        export(fitted, "residual_attention", "tiny", tmp_path, name, "")
    assert modelfile.load(tmp_path).name == "second"


def test_the_exported_module_normalises_pixels_as_training_does(fitted: Fitted) -> None:
    module = Exported(torch.nn.Identity(), fitted.specification)
    pixels = torch.tensor([0.0, 100, 255])
    expected = fitted.objective.normalise(pixels[:, None, None, None] / 255)
    torch.testing.assert_close((pixels[:, None, None, None] - module.mean) * module.scale, expected)


def test_large_weights_are_stored_in_half_precision_and_small_ones_exactly() -> None:
    rng = np.random.default_rng(0)
    large, small = rng.normal(size=(16, 16)).astype(np.float32), rng.normal(size=(16,)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "large"], ["y"]), helper.make_node("Add", ["y", "small"], ["z"])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 16]) for name in ("x", "z")]
    weights = [numpy_helper.from_array(large, "large"), numpy_helper.from_array(small, "small")]
    graph = helper.make_graph(nodes, "test", values[:1], values[1:], weights)
    model = halved(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    assert {item.name: item.data_type for item in model.graph.initializer} == {
        "large_half": TensorProto.FLOAT16,
        "small": TensorProto.FLOAT,
    }
    onnx.checker.check_model(model)
    x = rng.normal(size=(3, 16)).astype(np.float32)
    (answer,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    np.testing.assert_allclose(answer, x @ large.astype(np.float16).astype(np.float32) + small, atol=1e-5)
