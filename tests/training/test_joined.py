"""Photographs, generated and rendered faces as one set: from fake files to a model folder and its evaluation."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, EXPRESSION_FER2013, MEASURED_UNITS
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import LANDMARKS
from kaoiro.data.source import DataConfig
from kaoiro.inference.classifier import Classifier
from kaoiro.metrics.calibration import coverage
from kaoiro.training import folding, joined
from kaoiro.training.export import export
from kaoiro.training.families import recipes
from kaoiro.training.fit import Fitted, fit
from kaoiro.training.orders import MixedOrder

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.diffusion import write as write_generated
from fake.fer2013 import write as write_fer2013
from fake.synthetic import Rows
from fake.synthetic import write as write_rendered

FAMILY = "multitask_affect"
POINTS = [(10.0, 13.0), (22.0, 13.0), (16.0, 19.0), (11.0, 24.0), (21.0, 24.0)]


def facing(rows: Rows) -> None:
    """Put the five points where a face has them."""
    for row in rows:
        for name, (x, y) in zip(LANDMARKS, POINTS, strict=True):
            row[f"{name}_x"], row[f"{name}_y"] = x, y


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("joined")
    write_fer2013(folder / "fer", {"Training": 96, "PublicTest": 48})
    write_generated(folder / "generated", each=8)
    write_rendered(folder / "rendered", facing)
    return {name: str(folder / name) for name in ("fer", "generated", "rendered")}


@pytest.fixture(scope="module")
def config(roots: dict[str, str]) -> DataConfig:
    data = recipes(FAMILY)["tiny"].data
    return replace(
        data,
        dataset="joined",
        labels="both",
        root=roots["fer"],
        generated=roots["generated"],
        rendered=(roots["rendered"],),
        shares=(0.5, 0.25, 0.25),
    )


@pytest.fixture(scope="module")
def recipe(config: DataConfig) -> Any:
    real, tiny = recipes(FAMILY)["real"], recipes(FAMILY)["tiny"]
    return replace(real, data=config, network=tiny.network, run=replace(tiny.run, epochs=2))


@pytest.fixture(scope="module")
def fitted(recipe: Any, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fit(FAMILY, recipe, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def model(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return export(fitted, FAMILY, "real", tmp_path_factory.mktemp("model") / "affect", "affect", "2 epochs")


def test_every_kind_carries_its_own_labels(fitted: Fitted) -> None:
    faces = fitted.data.training
    assert faces.domains is not None
    known = {
        head: [bool((~np.isnan(faces.targets[head][faces.domains == k]).any(axis=1)).any()) for k in range(3)]
        for head in (EXPRESSION, EXPRESSION_FER2013, "affect", "units")
    }
    assert known == {
        EXPRESSION: [True, True, False],
        EXPRESSION_FER2013: [True, True, False],
        "affect": [False, True, True],
        "units": [False, False, True],
    }
    assert faces.pixels.shape[1:] == (48, 48)


def test_only_the_development_part_of_generated_faces_and_training_people_are_learned_from(
    fitted: Fitted, config: DataConfig
) -> None:
    faces, held = fitted.data.training, fitted.data.validation
    assert faces.domains is not None
    assert held.domains is not None
    everyone = joined.crops.generated(str(config.generated), 48)
    learned, checked = (joined.crops.generated_part(everyone, part) for part in ("learned", "development"))
    np.testing.assert_array_equal(faces.pixels[faces.domains == 1], learned.pixels)
    np.testing.assert_array_equal(held.pixels[held.domains == 1], checked.pixels)
    assert 0 < len(learned) + len(checked) < len(everyone)
    assert (faces.domains == 2).sum() == 18
    assert (held.domains == 2).sum() == 12


def test_batches_hold_fixed_shares_and_an_epoch_goes_once_through_the_photographs() -> None:
    domains = np.repeat([0, 1, 2], [40, 3, 50])
    order = MixedOrder(domains, (0.5, 0.2, 0.3), 10, seed=0)
    drawn = np.array(list(order)).reshape(-1, 10)
    assert len(order) == drawn.size == 80
    assert [np.bincount(domains[row], minlength=3).tolist() for row in drawn] == [[5, 2, 3]] * 8
    assert sorted(drawn[domains[drawn] == 0].tolist()) == list(range(40))
    assert max(np.bincount(drawn[domains[drawn] == 1])) - min(np.bincount(drawn[domains[drawn] == 1])[40:]) <= 1
    assert list(order) == list(order)
    order.set_epoch(1)
    assert list(order) != drawn.ravel().tolist()


def test_a_kind_without_faces_takes_no_place() -> None:
    drawn = np.array(list(MixedOrder(np.zeros(20, int), (0.5, 0.2, 0.3), 10, seed=0)))
    assert sorted(drawn.tolist()) == list(range(20))


def test_without_people_kept_back_the_sets_are_refused(
    config: DataConfig, roots: dict[str, str], tmp_path: Path
) -> None:
    def all_training(rows: Rows) -> None:
        facing(rows)
        for row in rows:
            row["split"], row["training"] = "train", True

    write_rendered(tmp_path / "set", all_training)
    with pytest.raises(DataError, match="none has people kept back; name a syn-mt or syn-vid set too"):
        joined.load(replace(config, rendered=(str(tmp_path / "set"),)), 48)


def test_the_model_answers_everything_in_its_range(model: ModelFolder, fitted: Fitted) -> None:
    heads = {head.name: head for head in model.specification.heads}
    assert list(heads) == [EXPRESSION, EXPRESSION_FER2013, "affect", "affect_spread", "units"]
    assert [heads[name].activation for name in ("affect", "affect_spread", "units")] == [
        "tanh",
        "exponential",
        "sigmoid",
    ]
    assert heads["units"].labels == MEASURED_UNITS.labels
    found = Classifier(model).predict(fitted.data.validation.pixels).heads
    assert (np.abs(found["affect"]) <= 1).all()
    assert (found["affect_spread"] > 0).all()
    assert ((found["units"] >= 0) & (found["units"] <= 1)).all()
    assert {"training_val_valence_ccc", "training_val_rendered_units_auc"} <= model.description.card.numbers.keys()
    assert "valence and arousal, 12 action units" in model.description.card.summary


def test_its_description_names_no_folder_of_this_machine(model: ModelFolder, roots: dict[str, str]) -> None:
    text = (model.path / "model.json").read_text(encoding="utf-8")
    assert not any(root in text for root in roots.values())
    assert model.description.provenance.settings["data"]["rendered"] == ["rendered"]


def test_a_graph_tells_where_every_answer_is_seen(model: ModelFolder, fitted: Fitted) -> None:
    looks = Classifier(model).looks(fitted.data.validation.pixels[:2])
    assert looks.activation.shape == (2, 8, 6, 6)


def test_folding_makes_units_and_spread_true_on_held_out_faces() -> None:
    rng = np.random.default_rng(0)
    network = torch.nn.Module()
    network.upper = torch.nn.ModuleDict({"units": torch.nn.Linear(3, 1), "affect_spread": torch.nn.Linear(3, 2)})
    x = rng.normal(size=(400, 3)).astype(np.float32)
    pixels = np.zeros((400, 8, 8), np.uint8)

    def answers() -> Any:
        with torch.no_grad():
            raw = {name: layer(torch.from_numpy(x)).numpy() for name, layer in network.upper.items()}  # pyright: ignore
        heads = {"affect": np.zeros((400, 2)), "affect_spread": np.exp(raw["affect_spread"])}
        return folding.Answers(x, raw, heads | {"units": 1 / (1 + np.exp(-raw["units"]))})

    truth = (rng.random((400, 1)) < 0.2).astype(np.float32)
    wrong = rng.normal(0, 0.3, (400, 2)).astype(np.float32)
    faces = Faces(pixels, {"units": truth, "affect": wrong}, {})
    assert folding.fold(network, answers(), faces)
    after = answers().heads
    assert after["units"].mean() == pytest.approx(truth.mean(), abs=0.01)
    assert coverage(wrong[:, 0], after["affect_spread"][:, 0])[1.0] == pytest.approx(0.683, abs=0.01)
    assert folding.fold(network, answers(), replace_labels(faces)) == {}


def test_photographs_show_on_average_what_their_expressions_say() -> None:
    rng = np.random.default_rng(0)
    layer = torch.nn.Linear(3, len(MEASURED_UNITS))
    network = torch.nn.Module()
    network.upper = torch.nn.ModuleDict({"units": layer})
    x = rng.normal(size=(300, 3)).astype(np.float32)
    units = np.full((300, len(MEASURED_UNITS)), np.nan, np.float32)
    units[:100] = rng.random((100, len(MEASURED_UNITS))) < 0.3
    shares = np.full((300, 2), np.nan, np.float32)
    shares[100:200], shares[200:] = (1, 0), (0, 1)
    domains = np.repeat([2, 0, 0], 100)
    faces = Faces(np.zeros((300, 8, 8), np.uint8), {"units": units, "expression": shares}, {}, domains=domains)

    def raw() -> np.ndarray:
        with torch.no_grad():
            return layer(torch.from_numpy(x)).numpy()

    folding.fold(network, folding.Answers(x, {"units": raw()}, {}), faces, ("happiness", "surprise"))
    shown = (1 / (1 + np.exp(-raw()[100:]))).mean(axis=0)
    at = MEASURED_UNITS.index
    assert shown[at("au_12")] == pytest.approx((0.9 + 0.1) / 2, abs=1e-3)
    assert shown[at("au_06")] == pytest.approx((0.51 + 0.1) / 2, abs=1e-3)
    surprised = (1 / (1 + np.exp(-raw()[200:, at("au_26")]))).mean()
    assert surprised == pytest.approx(0.9, abs=1e-3), "happiness says nothing of AU 26"


def replace_labels(faces: Faces) -> Faces:
    return Faces(faces.pixels, {name: np.full_like(values, np.nan) for name, values in faces.targets.items()}, {})


def test_a_teacher_fills_what_photographs_lack_and_nothing_else(config: DataConfig, model: ModelFolder) -> None:
    data = joined.load(replace(config, teacher=str(model.path)), 48)
    first = data.training.domains == 0
    found = Classifier(model).predict(data.training.pixels[first]).heads
    np.testing.assert_allclose(data.training.targets["units"][first], found["units"], atol=1e-5)
    np.testing.assert_allclose(data.training.targets["affect"][first], found["affect"], atol=1e-5)
    assert np.isnan(data.training.targets["units"][data.training.domains == 1]).all()


def test_a_teacher_has_its_share_in_the_expressions(config: DataConfig, model: ModelFolder) -> None:
    plain = joined.load(config, 48).training
    taught = joined.load(replace(config, teacher=str(model.path), distilled=0.25), 48).training
    first = plain.domains == 0
    told = Classifier(model).predict(plain.pixels[first]).heads[EXPRESSION_FER2013]
    expected = 0.75 * plain.targets[EXPRESSION_FER2013][first] + 0.25 * told
    np.testing.assert_allclose(taught.targets[EXPRESSION_FER2013][first], expected, atol=1e-5)


def test_a_teacher_without_the_heads_is_refused(config: DataConfig) -> None:
    with pytest.raises(InputError, match="it has no head affect, units"):
        joined.load(replace(config, teacher="stills"), 48)


def test_a_second_round_starts_from_the_first(recipe: Any, model: ModelFolder, tmp_path: Path) -> None:
    still = replace(recipe.objective, learning_rate=0.0)
    again = replace(recipe, objective=still, run=replace(recipe.run, epochs=1, ema=0.0, start=str(model.path)))
    begun = fit(FAMILY, again, tmp_path / "run")
    faces = begun.data.validation.pixels[:4]
    expected = Classifier(model).predict(faces).raw["units"]
    with torch.no_grad():
        pixels = torch.from_numpy(faces)[:, None].float() / 255
        network = begun.objective.network  # pyright: ignore
        found = network(begun.objective.normalise(pixels)).heads["units"].numpy()  # pyright: ignore
    assert np.abs(found - expected).mean() < 0.5, "running statistics moved, weights did not"
