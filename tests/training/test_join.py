"""Two models in one graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kaoiro.cli.main import main
from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT, MEASURED_UNITS
from kaoiro.core.modelfile import GRAPH, Card, Description, ModelFolder, Provenance, load, write_description
from kaoiro.core.spec import Head, Specification
from kaoiro.families.multitask_affect.config import NetworkConfig
from kaoiro.families.multitask_affect.network import Network
from kaoiro.inference.classifier import Classifier
from kaoiro.training.export import export_graph
from kaoiro.training.join import join

CONFIG = NetworkConfig(stem=8, widths=(8, 16, 24), mask=8, placed=8)


def write(folder: Path, heads: tuple[Head, ...], size: int = 48) -> ModelFolder:
    """Write a model with random weights."""
    torch.manual_seed(7)
    spec = Specification(size=size, channels=1, mean=(0.4,), std=(0.2,), crop=FER2013_CROP, heads=heads)
    folder.mkdir()
    export_graph(Network(CONFIG, 1, {head.name: len(head.labels) for head in heads}), spec, folder / GRAPH)
    origin = Provenance(
        recipe="made/up", settings={}, data="none", seed=1, budget="0", commit="0", created="2026-01-01"
    )
    numbers = {"training_val_accuracy": 0.1, "training_val_valence_ccc": 0.2, "training_val_rendered_units_auc": 0.3}
    card = Card(summary="made up", numbers=numbers, limits=("of no use",), licence="none")
    write_description(folder, Description(name=folder.name, specification=spec, files={}, provenance=origin, card=card))
    return load(folder)


LEAST = tuple(round(0.2 + 0.05 * place, 2) for place in range(len(MEASURED_UNITS)))
AFFECTIVE = (
    Head(name="expression", activation="softmax", labels=("happiness", "sadness")),
    Head(name="affect", activation="tanh", labels=AFFECT.labels),
    Head(name="units", activation="sigmoid", labels=MEASURED_UNITS.labels, temperature=2.0, thresholds=LEAST),
)


@pytest.fixture(scope="module")
def affective(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write(tmp_path_factory.mktemp("parts") / "affective", AFFECTIVE)


@pytest.fixture(scope="module")
def joined(model: ModelFolder, affective: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return join([model, affective], tmp_path_factory.mktemp("joined") / "all", "all")


def test_answers_are_those_of_the_parts(joined: ModelFolder, model: ModelFolder, affective: ModelFolder) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8)
    first, second, both = (Classifier(one).predict(crops) for one in (model, affective, joined))
    assert list(both.heads) == ["expression", "affect", "units"]
    np.testing.assert_array_equal(both.heads["expression"], first.heads["expression"])
    np.testing.assert_array_equal(both.features, first.features)
    assert joined.specification.head("units").thresholds == LEAST
    for head in ("affect", "units"):
        np.testing.assert_allclose(both.heads[head], second.heads[head], atol=1e-6)


def test_it_tells_where_it_looks_as_the_first_does(joined: ModelFolder, model: ModelFolder) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (2, 48, 48), np.uint8)
    ours, theirs = Classifier(joined).looks(crops), Classifier(model).looks(crops)
    np.testing.assert_array_equal(ours.activation, theirs.activation)
    assert ours.masks.keys() == theirs.masks.keys()


def test_its_card_has_the_figures_of_what_it_answers(joined: ModelFolder, model: ModelFolder) -> None:
    card, settings = joined.description.card, joined.description.provenance.settings
    assert card.numbers["training_val_accuracy"] == model.description.card.numbers["training_val_accuracy"]
    assert (card.numbers["training_val_valence_ccc"], card.numbers["training_val_rendered_units_auc"]) == (0.2, 0.3)
    assert "of no use" in card.limits
    assert settings["parts"][0]["graph_sha256"] == model.digest


def test_models_that_do_not_fit_are_refused(model: ModelFolder, affective: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two models or more"):
        join([model], tmp_path / "one", "one")
    with pytest.raises(InputError, match=f"model '{model.name}' adds no head; it has: expression"):
        join([affective, model], tmp_path / "same", "same")
    other = write(tmp_path / "other", AFFECTIVE, size=56)
    with pytest.raises(InputError, match="model 'other' eats other crops"):
        join([model, other], tmp_path / "sizes", "sizes")


def test_the_command_writes_a_folder(
    model: ModelFolder, affective: ModelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["join", str(model.path), str(affective.path), "--out", str(tmp_path / "all")]) == 0
    assert "expression, affect, units" in capsys.readouterr().out
    assert load(tmp_path / "all").name == "all"
    assert main(["join", "nowhere", str(affective.path), "--out", str(tmp_path / "none")]) == 2
