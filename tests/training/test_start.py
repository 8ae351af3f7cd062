"""Training that begins from the weights of a finished model."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kaoiro.core.errors import InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import FERPLUS
from kaoiro.core.modelfile import WEIGHTS, ModelFolder, load, read_description, write_description
from kaoiro.core.spec import Specification
from kaoiro.training.export import export
from kaoiro.training.families import objective_module
from kaoiro.training.fit import Fitted, fit
from kaoiro.training.start import begin, start_from, take_statistics
from kaoiro.training.unfolding import unfolded

FAMILY = "residual_attention"


def beginning_at(recipe: Any, folder: Path) -> Any:
    return replace(recipe, run=replace(recipe.run, start=str(folder), epochs=1, ema=0.0))


def test_the_weights_are_those_of_the_model_it_starts_from(small: Any, fitted: Fitted, model: ModelFolder) -> None:
    network = objective_module(FAMILY).Objective(small, fitted.specification).network
    start_from(network, model.path)
    learned = fitted.objective.network.state_dict()  # pyright: ignore
    assert all(torch.equal(value, learned[name]) for name, value in network.state_dict().items())


def test_a_run_goes_on_from_them_and_its_description_says_so(small: Any, model: ModelFolder, tmp_path: Path) -> None:
    still = replace(small, objective=replace(small.objective, learning_rate=0.0))
    further = fit(FAMILY, beginning_at(still, model.path), tmp_path / "run")
    copy = export(further, FAMILY, "tiny", tmp_path / "model", "further", "1 epoch")
    start = copy.description.provenance.settings["run"]["start"]
    assert start["weights_sha256"] == model.description.files[WEIGHTS]
    assert start["provenance"]["budget"] == "4 epochs"
    assert str(tmp_path) not in (copy.path / "model.json").read_text(encoding="utf-8")
    head = further.objective.state_dict()["network.upper.expression.weight"]
    assert torch.equal(head, load_head(model))


def load_head(model: ModelFolder) -> torch.Tensor:
    from safetensors.torch import load_file

    return load_file(model.path / WEIGHTS)["upper.expression.weight"]


def test_a_folder_without_weights_is_refused(small: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--run.start .*: no weights.safetensors"):
        fit(FAMILY, beginning_at(small, tmp_path), tmp_path / "run")


def test_weights_of_another_network_are_refused(small: Any, model: ModelFolder, tmp_path: Path) -> None:
    wider = replace(beginning_at(small, model.path), network=replace(small.network, stem=16))
    with pytest.raises(InputError, match="weights of another network"):
        fit(FAMILY, wider, tmp_path / "run")


def test_damaged_weights_are_refused(small: Any, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        fit(FAMILY, beginning_at(small, tmp_path), tmp_path / "run")


@pytest.fixture
def bare(model: ModelFolder, tmp_path: Path) -> ModelFolder:
    """Return the model as it would ship: its graph and description alone."""
    folder = Path(shutil.copytree(model.path, tmp_path / "bare"))
    (folder / WEIGHTS).unlink()
    return load(folder)


def faces(count: int) -> torch.Tensor:
    return torch.randn(count, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def built(recipe: Any, fitted: Fitted) -> nn.Module:
    return objective_module(FAMILY).Objective(recipe, fitted.specification).network.eval()


def test_a_graph_alone_gives_the_network_back(small: Any, fitted: Fitted, bare: ModelFolder) -> None:
    network, x = built(small, fitted), faces(8)
    network.load_state_dict(unfolded(bare))
    learned = fitted.objective.network.eval()  # pyright: ignore
    with torch.no_grad():
        torch.testing.assert_close(network(x).heads["expression"], learned(x).heads["expression"], rtol=0, atol=2e-3)


def test_a_model_without_weights_file_can_be_learned_on(small: Any, fitted: Fitted, bare: ModelFolder) -> None:
    network, x = built(small, fitted), faces(64)
    begin(network, str(bare.path), lambda: x)
    learned = fitted.objective.network.eval()  # pyright: ignore
    with torch.no_grad():
        torch.testing.assert_close(network(x).heads["expression"], learned(x).heads["expression"], rtol=0, atol=2e-3)
        # the same faces as one batch in training are normalised by their own statistics, which are those taken
        for layer in (one for one in network.modules() if isinstance(one, nn.Dropout)):
            layer.p = 0.0
        answer = network.train()(x).heads["expression"]
        torch.testing.assert_close(answer, learned(x).heads["expression"], rtol=0, atol=1e-2)


def test_statistics_are_those_of_the_inputs_and_change_no_answer() -> None:
    layer = nn.BatchNorm2d(2, eps=5.0).eval()
    assert layer.running_mean is not None and layer.running_var is not None
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([3.0, -1.5]))
        layer.bias.copy_(torch.tensor([0.5, 0.0]))
        layer.running_mean.fill_(3.0)
        layer.running_var.fill_(4.0)
    x = torch.tensor([[-4.0, 3.0], [0.0, 7.0], [4.0, 11.0], [8.0, 15.0]])[:, :, None, None]
    answers = [[-6.5, 0.0], [-2.5, -2.0], [1.5, -4.0], [5.5, -6.0]]  # x - 3 + 0.5, and -0.5 (x - 3)
    assert layer(x).flatten(1).tolist() == [pytest.approx(row) for row in answers]
    take_statistics(layer, x)
    assert layer.running_mean.tolist() == [2.0, 9.0]
    assert layer.running_var.tolist() == [20.0, 20.0]  # (6² + 2² + 2² + 6²) / 4
    # w' = w s' / s and b' = b + w (m' - m) / s, with m = 3, s = √(4 + 5) = 3 and s' = √(20 + 5) = 5
    assert layer.weight.tolist() == pytest.approx([5.0, -2.5])
    assert layer.bias.tolist() == pytest.approx([-0.5, -3.0])  # 0.5 + 3 (2 - 3) / 3 and 0 - 1.5 (9 - 3) / 3
    assert layer(x).flatten(1).tolist() == [pytest.approx(row, abs=1e-5) for row in answers]


def test_models_that_ship_begin_by_name() -> None:
    state = unfolded(load("stills-both"))
    assert state["upper.expression_fer2013.weight"].shape == (7, 176)


def test_a_joined_model_says_that_it_cannot_be_unfolded() -> None:
    with pytest.raises(InputError, match="no recipe 'residual_attention/ferplus \\+ multitask_affect/real'"):
        unfolded(load("affect"))


@pytest.mark.parametrize(
    ("change", "says"),
    [({"recipe": "residual_attention/none"}, "no recipe"), ({"settings": {}}, "does not tell the network")],
    ids=["unknown recipe", "no settings"],
)
def test_a_graph_of_which_nothing_is_known_is_refused(bare: ModelFolder, change: dict[str, Any], says: str) -> None:
    provenance = bare.description.provenance.model_copy(update=change)
    write_description(bare.path, bare.description.model_copy(update={"provenance": provenance}))
    with pytest.raises(InputError, match=says):
        unfolded(load(bare.path))


def test_the_graph_of_another_network_is_refused(bare: ModelFolder) -> None:
    found = bare.description.provenance
    network = found.settings["network"] | {"mask": found.settings["network"]["mask"] + 8}
    changed = found.model_copy(update={"settings": found.settings | {"network": network}})
    write_description(bare.path, bare.description.model_copy(update={"provenance": changed}))
    with pytest.raises(InputError, match="its graph has not all of them"):
        unfolded(load(bare.path))


def test_a_graph_that_answers_otherwise_is_refused(bare: ModelFolder) -> None:
    import onnx

    model = onnx.load(str(bare.graph))
    last = next(node for node in model.graph.node if node.op_type == "Relu")
    last.op_type = "Tanh"
    onnx.save(model, str(bare.graph))
    write_description(bare.path, read_description(bare.path))
    with pytest.raises(InputError, match="is not that of residual_attention/"):
        unfolded(load(bare.path))


def reordered(fitted: Fitted, labels: tuple[str, ...]) -> Specification:
    head = fitted.specification.head("expression").model_copy(update={"labels": labels})
    return fitted.specification.model_copy(update={"heads": (head,)})


def last(network: Any) -> nn.Linear:
    return network.upper["expression"]


def test_answers_are_found_by_the_names_of_their_labels(small: Any, fitted: Fitted, model: ModelFolder) -> None:
    """Other sets have other orders; six of eight labels, and one that the model does not know."""
    labels = ("surprise", "anger", "fear", "happiness", "boredom", "sadness")
    specification = reordered(fitted, labels)
    network = objective_module(FAMILY).Objective(small, specification).network
    new = last(network).weight.detach().clone()
    start_from(network, model.path, specification)
    known = fitted.specification.head("expression").labels
    learned = last(fitted.objective.network)
    for row, label in enumerate(labels):
        wanted = new[row] if label == "boredom" else learned.weight[known.index(label)]
        assert torch.equal(last(network).weight[row], wanted)
    assert last(network).bias[1] == learned.bias[known.index("anger")]


def test_a_renewed_last_layer_begins_anew_and_the_rest_does_not(small: Any, fitted: Fitted, model: ModelFolder) -> None:
    network = objective_module(FAMILY).Objective(small, fitted.specification).network
    new = last(network).weight.detach().clone()
    start_from(network, model.path, fitted.specification, renew=True)
    learned = fitted.objective.network.state_dict()  # pyright: ignore
    assert torch.equal(last(network).weight, new)
    assert all(torch.equal(value, learned[name]) for name, value in network.state_dict().items() if "upper" not in name)


def test_a_run_renews_its_last_layer_if_it_is_asked_to(small: Any, model: ModelFolder, tmp_path: Path) -> None:
    still = replace(small, objective=replace(small.objective, learning_rate=0.0))
    kept = beginning_at(still, model.path)
    renewed = replace(kept, run=replace(kept.run, renew=True))
    found = fit(FAMILY, renewed, tmp_path).objective.network
    assert not torch.equal(last(found).weight, load_head(model))


def moved(faces: Faces, order: list[int]) -> Faces:
    """Return faces whose classes stand in another order."""
    labels = np.argsort(order)[faces.labels["expression"]]
    return replace(faces, targets={"expression": np.eye(8, dtype=np.float32)[labels]}, labels={"expression": labels})


def test_a_run_on_labels_of_another_order_goes_on_from_the_same_answers(
    small: Any, fitted: Fitted, model: ModelFolder, tmp_path: Path
) -> None:
    """The same eight labels in the order of FER+."""
    still, data = replace(small, objective=replace(small.objective, learning_rate=0.0)), fitted.data
    order = data.vocabularies["expression"].indices(FERPLUS.labels)
    training, validation = moved(data.training, order), moved(data.validation, order)
    other = replace(data, training=training, validation=validation, vocabularies={"expression": FERPLUS})
    further = fit(FAMILY, beginning_at(still, model.path), tmp_path / "other", other)
    again = fit(FAMILY, beginning_at(still, model.path), tmp_path / "same", data)
    assert further.history[-1]["val_nll"] == pytest.approx(again.history[-1]["val_nll"], rel=1e-5)
