"""One network with a head for each annotation of FER2013, from the files to the evaluation."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from safetensors.torch import load_file

from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSION, EXPRESSION_FER2013, FER2013, FERPLUS
from kaoiro.core.modelfile import WEIGHTS, ModelFolder
from kaoiro.data.source import DataConfig
from kaoiro.evaluation.fer2013 import evaluate
from kaoiro.inference.classifier import Classifier
from kaoiro.metrics.calibration import fit_temperature
from kaoiro.nn.losses import soft_cross_entropy
from kaoiro.training.export import export
from kaoiro.training.families import objective_module, recipes
from kaoiro.training.fit import Fitted, fit, loader
from kaoiro.training.start import start_from

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.fer2013 import VOTE_HEADER, write, write_votes

FAMILY = "residual_attention"
COUNTS = {"Training": 160, "PublicTest": 48}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write fake files; every tenth image is no face for those who voted, and has a label all the same."""
    folder = tmp_path_factory.mktemp("fer")
    written = write(folder, COUNTS)
    votes = written.votes.copy()
    votes[::10] = 0
    votes[::10, VOTE_HEADER.split(",").index("NF") - 2] = 10
    write_votes(folder / "fer2013new.csv", zip(written.usage, votes, strict=True))
    return folder


@pytest.fixture(scope="module")
def recipe(root: Path, small: Any) -> Any:
    data = DataConfig(root=str(root), labels="both", augmentation=small.data.augmentation)
    return replace(small, data=data, run=replace(small.run, epochs=2))


@pytest.fixture(scope="module")
def both(recipe: Any, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fit(FAMILY, recipe, tmp_path_factory.mktemp("both") / "run")


@pytest.fixture(scope="module")
def shipped(both: Fitted, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return export(both, FAMILY, "both", tmp_path_factory.mktemp("both") / "model", "two", "2 epochs")


def test_faces_without_votes_are_learned_from_with_their_own_label(both: Fitted) -> None:
    faces = both.data.training
    without = np.isnan(faces.targets[EXPRESSION]).any(axis=1)
    assert 0 < without.sum() < len(faces)
    assert (faces.labels[EXPRESSION][without] == -1).all()
    assert not np.isnan(faces.targets[EXPRESSION_FER2013]).any()
    assert dict(both.data.vocabularies) == {EXPRESSION: FERPLUS, EXPRESSION_FER2013: FER2013}


def test_the_loss_is_the_sum_over_heads_and_a_missing_label_adds_nothing(both: Fitted, recipe: Any) -> None:
    plain = replace(recipe, objective=replace(recipe.objective, mixup=0.0, small_until=0.0))
    calm = replace(plain.data.augmentation, flip=0, rotation=0, shift=0, scale=0, light=0, noise=0)
    plain = replace(plain, data=replace(plain.data, augmentation=calm))
    objective = objective_module(FAMILY).Objective(plain, both.specification).eval()
    batch = next(iter(loader(both.data.training, 64, 0, training=False)))
    raw = objective.network(objective.normalise(batch["pixels"].float() / 255)).heads
    voted = ~torch.isnan(batch["target"][EXPRESSION]).any(dim=1)
    expected = soft_cross_entropy(raw[EXPRESSION][voted], batch["target"][EXPRESSION][voted])
    expected = expected + soft_cross_entropy(raw[EXPRESSION_FER2013], batch["target"][EXPRESSION_FER2013])
    torch.testing.assert_close(objective.loss(batch, 1.0), expected, rtol=1e-4, atol=1e-4)


def test_each_head_has_its_own_temperature_and_figures(shipped: ModelFolder, both: Fitted) -> None:
    faces, numbers = both.data.validation, shipped.description.card.numbers
    answer = Classifier(shipped, threads=1).predict(faces.pixels)
    for head in shipped.specification.heads:
        clear = faces.labels[head.name] >= 0
        fitted = fit_temperature(answer.raw[head.name][clear], faces.labels[head.name][clear])
        assert head.temperature == pytest.approx(fitted, rel=1e-3)
    assert numbers["training_val_n"] < numbers[f"training_val_{EXPRESSION_FER2013}_n"] == len(faces)
    guess = answer.heads[EXPRESSION_FER2013].argmax(axis=1)
    right = (guess == faces.labels[EXPRESSION_FER2013]).mean()
    assert numbers[f"training_val_{EXPRESSION_FER2013}_accuracy"] == pytest.approx(right, abs=1e-4)


def test_the_graph_answers_for_both_heads_what_the_network_answers(shipped: ModelFolder, both: Fitted) -> None:
    session = ort.InferenceSession(str(shipped.graph))
    assert {f"activation_{head.name}" for head in shipped.specification.heads} <= {
        o.name for o in session.get_outputs()
    }
    pixels, spec = both.data.validation.pixels[:7], shipped.specification
    network = both.objective.network.eval()  # pyright: ignore
    with torch.no_grad():
        raw = network((torch.from_numpy(pixels).float()[:, None] / 255 - spec.mean[0]) / spec.std[0]).heads
    answer = Classifier(shipped, threads=1).predict(pixels).raw
    for head in spec.heads:
        np.testing.assert_allclose(answer[head.name], raw[head.name].numpy(), atol=0.02)


def test_the_learning_curve_has_both_heads(both: Fitted) -> None:
    assert {"val_accuracy", f"val_accuracy_{EXPRESSION_FER2013}"} <= both.history[-1].keys()


@pytest.mark.parametrize(("labels", "head"), [("ferplus", EXPRESSION), ("fer2013", EXPRESSION_FER2013)])
def test_an_evaluation_finds_the_head_of_its_labels(
    labels: Any, head: str, shipped: ModelFolder, root: Path, both: Fitted
) -> None:
    del both
    from kaoiro.data.datasets import fer2013
    from kaoiro.evaluation.fer2013 import truth_of

    figures = evaluate(shipped, str(root), "val", labels, threads=1)
    part = fer2013.read(str(root)).part("PublicTest")
    truth, _ = truth_of(part, labels)
    answer = Classifier(shipped, threads=1).predict(part.images[truth >= 0]).heads[head]
    assert figures["accuracy"] == pytest.approx((answer.argmax(axis=1) == truth[truth >= 0]).mean())
    mirrored = Classifier(shipped, threads=1).predict(part.images[truth >= 0][:, :, ::-1]).heads[head]
    flips = ((answer + mirrored).argmax(axis=1) == truth[truth >= 0]).mean()
    assert figures["flips_accuracy"] == pytest.approx(flips)
    assert "the same labels" in figures["protocol"]


def test_a_head_that_the_start_lacks_begins_anew(fitted: Fitted, model: ModelFolder, both: Fitted) -> None:
    del fitted
    network = objective_module(FAMILY).Objective(both.recipe, both.specification).network
    before = network.upper[EXPRESSION_FER2013].weight.clone()
    start_from(network, model.path)
    stored = load_file(model.path / WEIGHTS)
    assert torch.equal(network.state_dict()["upper.expression.weight"], stored["upper.expression.weight"])
    assert torch.equal(network.upper[EXPRESSION_FER2013].weight, before)


def test_a_start_with_more_heads_than_the_recipe_is_refused(small: Any, shipped: ModelFolder, tmp_path: Path) -> None:
    recipe = replace(small, run=replace(small.run, start=str(shipped.path), epochs=1))
    with pytest.raises(InputError, match="heads that the recipe lacks: expression_fer2013"):
        fit(FAMILY, recipe, tmp_path)


def test_the_recipe_is_that_of_the_votes_but_for_its_labels() -> None:
    named = recipes(FAMILY)
    assert replace(named["both"].data, labels="ferplus") == named["ferplus"].data
