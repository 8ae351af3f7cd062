"""System E1: sizes, what is looked at, published weights, rates; narrow networks where the full ones take seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.spec import Head, Specification
from kaoiro.data.datasets import drawn
from kaoiro.data.source import DataConfig
from kaoiro.families.staged_transfer.config import NetworkConfig, ObjectiveConfig
from kaoiro.families.staged_transfer.network import Network, count_parameters, middle
from kaoiro.families.staged_transfer.objective import Objective
from kaoiro.families.staged_transfer.recipe import RECIPES, Recipe
from kaoiro.training.export import Exported, export_graph
from kaoiro.training.fit import loader
from kaoiro.training.timing import epochs_within

NARROW = {form: NetworkConfig(form=form, thin=16) for form in ("alexnet", "vgg-m")}


def recipe(form: str, **changes: Any) -> Recipe:
    """Return a stage 1 with a narrow network."""
    whole = RECIPES[f"{form}-fer2013"]
    return replace(whole, network=replace(NARROW[form], **changes))


def specification(channels: int = 1, size: int = 256) -> Specification:
    head = Head(name="expression", activation="softmax", labels=EXPRESSIONS.labels)
    mean, std = (0.51, 0.47, 0.55)[:channels], (0.25,) * channels
    crop = RECIPES["tiny"].crop
    return Specification(size=size, channels=channels, mean=mean, std=std, crop=crop, heads=(head,))  # type: ignore[arg-type]


def objective(form: str, seed: int = 0, **changes: Any) -> Objective:
    torch.manual_seed(seed)
    return Objective(recipe(form, **changes), specification())


def batch(count: int = 4, side: int = 256) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    labels = torch.arange(count) % 8
    pixels = torch.from_numpy(rng.integers(0, 256, (count, 1, side, side), dtype=np.uint8))
    return {"pixels": pixels, "target": {"expression": torch.eye(8)[labels]}, "label": {"expression": labels}}


@pytest.mark.parametrize(
    ("form", "classes", "expected"),
    [
        ("alexnet", 7, 56_896_903),
        ("alexnet", 1000, 60_965_224),
        ("vgg-m", 7, 90_435_207),
        ("vgg-m", 1000, 92_469_864),
    ],
)
def test_published_forms_have_the_published_parameters(form: str, classes: int, expected: int) -> None:
    with torch.device("meta"):
        network = Network(NetworkConfig(form=form), 1, {"expression": classes})  # type: ignore[arg-type]
    assert count_parameters(network) == expected


@pytest.mark.parametrize(("form", "width"), [("alexnet", 4096), ("vgg-m", 2048)])
def test_features_are_those_of_fc7(form: str, width: int) -> None:
    with torch.device("meta"):
        network = Network(NetworkConfig(form=form), 1, {"expression": 7}).eval()  # type: ignore[arg-type]
        answer = network(torch.empty(3, 1, 256, 256))
    assert answer.features.shape == (3, width)
    assert answer.heads["expression"].shape == (3, 7)


@pytest.mark.parametrize("form", NARROW)
def test_every_parameter_gets_a_gradient(form: str) -> None:
    one = objective(form)
    one.network.train()
    one.loss(batch(16), 0.0).backward()
    learning = dict(one.network.named_parameters())
    assert [name for name, value in learning.items() if value.grad is None or not value.grad.abs().sum()] == []


@pytest.mark.parametrize("form", NARROW)
def test_nothing_is_dropped_when_a_network_answers(form: str) -> None:
    network, x = objective(form).network, torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    drops = [layer for layer in network.modules() if isinstance(layer, nn.Dropout)]
    assert [layer.p for layer in drops] == [0.5, 0.5]
    with torch.no_grad():
        assert torch.equal(network.eval()(x).heads["expression"], network(x).heads["expression"])
        assert not torch.equal(network.train()(x).heads["expression"], network(x).heads["expression"])


@pytest.mark.parametrize("form", NARROW)
def test_the_graph_takes_whole_crops_and_answers_what_the_network_answers(form: str, tmp_path: Path) -> None:
    one = objective(form)
    export_graph(one.network, one.specification, tmp_path / "model.onnx")
    session = ort.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    given = batch(3)["pixels"]
    with torch.no_grad():
        expected = Exported(one.network, one.specification).eval()(given)
    for output, value in zip(session.run(["features", "expression"], {"pixels": given.numpy()}), expected, strict=True):
        np.testing.assert_allclose(output, value.numpy(), atol=5e-3 * float(value.abs().max()))


def test_the_middle_of_a_crop_is_looked_at() -> None:
    x = torch.arange(256.0).expand(1, 1, 256, 256)
    assert middle(x, 227)[0, 0, 0].tolist() == list(range(14, 241))
    assert middle(x, 224)[0, 0, 0].tolist() == list(range(16, 240))
    assert middle(x[..., :48, :48], 48).shape == (1, 1, 48, 48)
    network = objective("alexnet").network.eval()
    changed = torch.zeros(1, 1, 256, 256)
    changed[..., :14, :] = 9.0
    with torch.no_grad():
        assert torch.equal(network(changed).features, network(torch.zeros(1, 1, 256, 256)).features)


def test_training_looks_at_windows_of_the_crop_that_the_seed_says() -> None:
    one, images = objective("alexnet"), torch.arange(256.0).expand(64, 1, 256, 256)
    one._draws.manual_seed(3)
    first = one._windows(images, one._draws)
    one._draws.manual_seed(3)
    assert torch.equal(first, one._windows(images, one._draws))
    lefts = first[:, 0, 0, 0].int().tolist()
    assert first.shape == (64, 1, 227, 227)
    assert 0 <= min(lefts) < 5 and 24 < max(lefts) <= 29
    assert not torch.equal(first, one._windows(images, one._draws))


@pytest.mark.parametrize("form", NARROW)
def test_a_grey_face_is_three_equal_colours(form: str) -> None:
    grey = objective(form).network.eval()
    colour = Network(NARROW[form], 3, {"expression": 8}).eval()
    colour.load_state_dict(grey.state_dict())
    x = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(grey(x).features, colour(x.repeat(1, 3, 1, 1)).features)


def published(folder: Path, network: Network) -> Path:
    """Write the layers below the last as a file that people have; return where."""
    layers = {name: list(layer.parameters()) for name, layer in network.lower.named_children()}
    content = {name: [one.detach().numpy() for one in pair] for name, pair in layers.items() if pair}
    np.save(folder / "alexnet.npy", np.array(content, dtype=object), allow_pickle=True)
    return folder / "alexnet.npy"


def test_published_weights_answer_as_they_did_and_the_last_layer_is_new(tmp_path: Path) -> None:
    theirs = objective("alexnet", 1).network.eval()
    one = objective("alexnet", weights=str(published(tmp_path, theirs)))
    before = one.network.upper["expression"].weight.detach().clone()
    one.begin_published()
    picture = torch.rand(2, 1, 227, 227, generator=torch.Generator().manual_seed(0))
    bgr = 255 * picture.expand(-1, 3, -1, -1) - torch.tensor([104.0, 117.0, 123.0]).reshape(1, 3, 1, 1)
    given = (picture - one.mean) / one.std
    with torch.no_grad():
        torch.testing.assert_close(one.network.eval().features(given), theirs.lower(bgr), atol=1e-4, rtol=1e-3)
    assert torch.equal(one.network.upper["expression"].weight, before)
    kernel = theirs.lower.get_submodule("conv1").get_parameter("weight")
    assert torch.equal(one.network.lower.get_submodule("conv1").get_parameter("weight"), kernel.flip(1))
    assert one.network.state_dict()["gain"] == 255 * 0.25  # travels with the weights


def rates(one: Objective) -> dict[str, tuple[float, float]]:
    """Return rate and decay of every parameter."""
    found = {id(p): (group["lr"], group["weight_decay"]) for group in one._groups() for p in group["params"]}
    return {name: found[id(p)] for name, p in one.network.named_parameters()}


def test_a_new_last_layer_learns_ten_times_as_fast_and_biases_do_not_decay() -> None:
    found = rates(objective("alexnet"))
    assert found["lower.conv1.weight"] == (1e-3, 5e-4)
    assert found["lower.conv1.bias"] == (1e-3, 0.0)
    assert found["upper.expression.weight"] == (pytest.approx(1e-2), 5e-4)
    assert found["upper.expression.bias"] == (pytest.approx(1e-2), 0.0)


@pytest.mark.parametrize(("renew", "factor"), [(False, 1), (True, 10)])
def test_a_last_layer_that_is_kept_learns_as_the_others(renew: bool, factor: float) -> None:
    stage = recipe("alexnet")
    target = replace(stage, run=replace(stage.run, start="stage1", renew=renew))
    found = rates(Objective(target, specification()))
    assert found["upper.expression.weight"][0] == pytest.approx(factor * 1e-3)


def test_the_recipes_are_those_of_the_specification() -> None:
    for form in ("alexnet", "vgg-m"):
        first, second = RECIPES[f"{form}-fer2013"], RECIPES[f"{form}-target"]
        assert first.network.form == second.network.form == form
        assert (first.run.epochs, first.run.batch, first.run.patience, first.size) == (30, 128, 0, 256)
        assert first.objective == ObjectiveConfig(1e-3, 3, 0.9, 5e-4, 10.0)
        assert (second.run.epochs, second.run.batch, second.size) == (20, 128, 256)
        assert second.run.patience and second.objective.learning_rate == 1e-4
        assert first.run.epochs / first.objective.parts == second.run.epochs / second.objective.parts == 10
        assert (second.data.dataset, second.crop.name) == ("labelled", "e-crop")
        assert first.run.ema == second.run.ema == 0
    assert {one.data.augmentation.flip for one in RECIPES.values()} == {0.5}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 226}, "size must be between 227, which the network looks at, and 1024, not 226"),
        ({"deviation": 0.0}, "deviation must be a positive, finite number"),
        (
            {"network": NetworkConfig(form="compact", weights="a.npy")},
            r"network\.weights must be left out with the compac",
        ),
        ({"network": NetworkConfig(thin=3)}, r"network\.thin must be 1, 2, 4, 8 or 16, not 3"),
        ({"network": NetworkConfig(mean=(0.4, 0.5, 300.0))}, r"network\.mean must be between 0 and 255"),
        ({"objective": ObjectiveConfig(parts=-1)}, r"objective\.parts must be 0 or more, not -1"),
        ({"data": DataConfig(held=1.0)}, r"data\.held must be above 0 and below 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(RECIPES["alexnet-fer2013"], **changes).check()


def test_weights_and_a_model_to_begin_with_are_refused_together() -> None:
    one = recipe("alexnet", weights="a.npy")
    with pytest.raises(InputError, match=r"network\.weights must be left out with run\.start"):
        replace(one, run=replace(one.run, start="stage1")).check()


def test_a_last_layer_is_renewed_only_where_there_was_one() -> None:
    one = recipe("alexnet")
    with pytest.raises(InputError, match=r"run\.renew must be False without run\.start"):
        replace(one, run=replace(one.run, renew=True)).check()


def test_a_budget_of_hours_gives_a_number_of_epochs() -> None:
    one, faces = recipe("alexnet"), drawn.faces(32, seed=0)
    run = replace(one.run, budget=0.05, batch=16)
    found = epochs_within(run, objective("alexnet"), loader(faces, 16, 0, training=True), steps=2)
    assert 1 <= found < 100_000
