"""What every family promises; families and their recipes are found by themselves."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import onnxruntime as ort
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSIONS, FERPLUS
from kaoiro.core.spec import Specification
from kaoiro.data.source import DataConfig, LearningData, load
from kaoiro.inference.classifier import prepare_crops
from kaoiro.training.export import Exported, export_graph
from kaoiro.training.families import families, objective_module, recipes
from kaoiro.training.fit import fit, loader, specify

FAMILIES = families()
STILLS = [family for family in FAMILIES if isinstance(recipes(family)["tiny"].data, DataConfig)]
"""Families that read faces; the others read streams of what those answered."""
LARGE = 128
"""Pixels from which a network takes seconds and a gigabyte in each of these tests."""
NAMED = [
    pytest.param(family, name, id=f"{family}-{name}", marks=pytest.mark.slow if recipe.size >= LARGE else ())
    for family in STILLS
    for name, recipe in recipes(family).items()
]
MODULES = ("network", "objective", "recipe")


@pytest.fixture(scope="module")
def few() -> LearningData:
    """Draw 64 faces, 48 of them to learn from."""
    return load(dataclasses.replace(recipes("residual_attention")["tiny"].data, count=64))


def build(family: str, name: str, data: LearningData, seed: int = 0) -> tuple[Any, Specification]:
    """Return a fresh objective of a recipe and the specification that it answers."""
    torch.manual_seed(seed)
    recipe = recipes(family)[name]
    specification = specify(recipe, data)
    return objective_module(family).Objective(recipe, specification), specification


def settled(objective: Any, data: LearningData) -> nn.Module:
    """Return the network in eval mode with running statistics of real faces."""
    network = objective.network.train()
    with torch.no_grad():
        for batch in loader(data.training, 32, 0, training=True):
            network(objective.normalise(batch["pixels"].float() / 255))
    return network.eval()


def faces(data: LearningData, objective: Any, count: int = 8) -> torch.Tensor:
    pixels = torch.from_numpy(data.validation.pixels[:count])[:, None]
    return objective.normalise(pixels.float() / 255)


@pytest.fixture(scope="module", params=[pytest.param(one.values, id=one.id, marks=one.marks) for one in NAMED])
def stepped(request: pytest.FixtureRequest, few: LearningData) -> tuple[dict[str, torch.Tensor], Any, dict]:
    """Train one step; return the parameters before it, the objective after it, and what was logged."""
    objective, _ = build(*request.param, few)
    before = copy.deepcopy(dict(objective.named_parameters()))
    trainer = L.Trainer(
        max_epochs=1,
        limit_train_batches=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(num_workers|LeafSpec|treespec).*")
        trainer.fit(
            objective, loader(few.training, 16, 0, training=True), loader(few.validation, 16, 0, training=False)
        )
    return before, objective, trainer.callback_metrics


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_a_folder_with_a_card_and_the_same_modules(family: str) -> None:
    for name in MODULES:
        importlib.import_module(f"kaoiro.families.{family}.{name}")
    package = importlib.import_module(f"kaoiro.families.{family}")
    card = (Path(str(package.__file__)).parent / "README.md").read_text(encoding="utf-8")
    assert package.__doc__
    assert all(f"`{name}`" in card for name in recipes(family))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_tiny_recipe_on_drawn_faces(family: str) -> None:
    assert recipes(family)["tiny"].data.dataset == "drawn"


@pytest.mark.parametrize(("family", "name"), NAMED)
def test_recipes_are_frozen(family: str, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipes(family)[name].size = 64


@pytest.mark.parametrize(("family", "name"), NAMED)
def test_recipes_are_such_that_something_can_be_trained(family: str, name: str) -> None:
    recipe = recipes(family)[name]
    recipe.check()
    with pytest.raises(InputError, match=r"run\.epochs must be 1 or more, not 0"):
        dataclasses.replace(recipe, run=dataclasses.replace(recipe.run, epochs=0)).check()


@pytest.mark.parametrize(("family", "name"), NAMED)
@pytest.mark.parametrize("vocabulary", [EXPRESSIONS, FERPLUS], ids=lambda vocabulary: vocabulary.name)
def test_a_network_answers_exactly_its_heads(family: str, name: str, vocabulary: Any, few: LearningData) -> None:
    objective, specification = build(family, name, dataclasses.replace(few, vocabularies={"expression": vocabulary}))
    answer = settled(objective, few)(faces(few, objective, 3))
    assert list(answer.heads) == [head.name for head in specification.heads]
    assert specification.head("expression").labels == vocabulary.labels
    for head in specification.heads:
        assert answer.heads[head.name].shape == (3, len(head.labels))
    assert answer.features.shape[0] == 3
    assert answer.features.ndim == 2


@pytest.mark.parametrize(("family", "name"), NAMED)
def test_features_and_classify_are_the_two_halves_of_a_network(family: str, name: str, few: LearningData) -> None:
    objective, _ = build(family, name, few)
    network = settled(objective, few)
    x = faces(few, objective)
    answer = network(x)
    torch.testing.assert_close(network.features(x), answer.features)
    torch.testing.assert_close(network.classify(answer.features), answer.heads)


@pytest.mark.parametrize(("family", "name"), NAMED)
def test_faces_do_not_influence_each_other(family: str, name: str, few: LearningData) -> None:
    objective, _ = build(family, name, few)
    network, x = settled(objective, few), faces(few, objective)
    with torch.no_grad():
        together = network(x).heads["expression"]
        alone = torch.cat([network(face[None]).heads["expression"] for face in x])
        backwards = network(x.flip(0)).heads["expression"].flip(0)
        beside_noise = network(torch.cat([x[:1], 50 * torch.ones_like(x)])).heads["expression"][:1]
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(backwards, together, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(beside_noise, together[:1], atol=1e-4, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-4, "different faces get the same answer"


@pytest.mark.parametrize(("family", "name"), NAMED)
def test_a_saved_network_reopens_identically(family: str, name: str, few: LearningData, tmp_path: Path) -> None:
    objective, _ = build(family, name, few)
    network, x = settled(objective, few), faces(few, objective)
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, tmp_path / "weights")
    other, _ = build(family, name, few, seed=1)
    reopened = other.network.eval()
    assert not torch.equal(reopened(x).heads["expression"], network(x).heads["expression"])
    reopened.load_state_dict(load_file(tmp_path / "weights"))
    assert torch.equal(reopened(x).heads["expression"], network(x).heads["expression"])


def test_one_step_changes_every_parameter(stepped: Any) -> None:
    before, objective, _ = stepped
    still = [key for key, value in objective.named_parameters() if torch.equal(value, before[key])]
    assert still == [key for key, value in objective.named_parameters() if not value.requires_grad]


def test_every_parameter_gets_a_gradient(few: LearningData, stepped: Any) -> None:
    network = stepped[1].network.train()
    network.zero_grad()
    answer = network(faces(few, stepped[1]))
    sum(output.square().sum() for output in answer.heads.values()).backward()
    learning = [(key, value.grad) for key, value in network.named_parameters() if value.requires_grad]
    assert [key for key, grad in learning if grad is None or not grad.abs().sum()] == []


def test_a_step_gives_no_nan(stepped: Any) -> None:
    _, objective, logged = stepped
    assert torch.isfinite(logged["loss"])
    if getattr(objective, "taught", True):
        assert 0 <= logged["val_accuracy"] <= 1
    else:
        assert torch.isfinite(logged["val_loss"]) and "val_accuracy" not in logged
    assert [key for key, value in objective.state_dict().items() if not torch.isfinite(value).all()] == []


@pytest.mark.parametrize(("family", "name"), NAMED)
@pytest.mark.parametrize("level", [0, 255])
def test_empty_pictures_get_finite_answers(family: str, name: str, level: int, few: LearningData) -> None:
    objective, specification = build(family, name, few)
    network = Exported(settled(objective, few), specification).eval()
    size = specification.size
    outputs = network(torch.full((1, specification.channels, size, size), level, dtype=torch.uint8))
    assert all(torch.isfinite(output).all() for output in outputs)


@pytest.mark.parametrize(("family", "name"), NAMED)
def test_the_graph_answers_what_the_network_answers(family: str, name: str, few: LearningData, tmp_path: Path) -> None:
    """For any number of faces; the tolerance is that of weights stored in half precision."""
    objective, specification = build(family, name, few)
    network = settled(objective, few)
    export_graph(network, specification, tmp_path / "model.onnx")
    session = ort.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names[: 1 + len(specification.heads)] == ["features", *(head.name for head in specification.heads)]
    for count in (1, 5):
        given = prepare_crops(few.validation.pixels[:count], specification.size, 1)[:, None]
        with torch.no_grad():
            expected = Exported(network, specification).eval()(torch.from_numpy(given))
        for output, value in zip(session.run(names[: len(expected)], {"pixels": given}), expected, strict=True):
            spread = float(value.abs().max())
            np.testing.assert_allclose(output, value.numpy(), atol=5e-3 * spread)


@pytest.mark.slow
@pytest.mark.parametrize("family", STILLS)
def test_the_tiny_recipe_learns_drawn_faces(family: str, tmp_path: Path) -> None:
    fitted = fit(family, recipes(family)["tiny"], tmp_path)
    assert fitted.history[-1]["val_accuracy"] > 0.8
