"""Stage 0 of system E1 without labels: the loss by hand, what learns, what the folder says, and what begins from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.errors import InputError
from kaoiro.data.source import LearningData
from kaoiro.families.staged_transfer.config import NetworkConfig, ObjectiveConfig, ViewsConfig
from kaoiro.families.staged_transfer.objective import Objective
from kaoiro.families.staged_transfer.recipe import RECIPES, Recipe
from kaoiro.families.staged_transfer.views import projector, redundancy_loss
from kaoiro.inference.classifier import Classifier
from kaoiro.training import curve
from kaoiro.training.export import UNTAUGHT, export
from kaoiro.training.fit import Fitted, fit, loaded, loader, sized, specify
from kaoiro.training.timing import epochs_within

FAMILY = "staged_transfer"
TINY = RECIPES["tiny-views"]
FORMS = {form: NetworkConfig(form=form, thin=16) for form in ("alexnet", "vgg-m")} | {"compact": TINY.network}
ALIKE = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
"""Two numbers of four faces, with mean 0 and deviation 1, and no correlation."""


@pytest.fixture(scope="module")
def drawn() -> LearningData:
    return sized(loaded(TINY), TINY.size)


@pytest.fixture(scope="module")
def fitted(drawn: LearningData, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fit(FAMILY, TINY, tmp_path_factory.mktemp("views"), drawn)


@pytest.fixture(scope="module")
def stage0(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> modelfile.ModelFolder:
    return export(fitted, FAMILY, "tiny-views", tmp_path_factory.mktemp("stage0"), "faces", "seconds")


def objective(recipe: Recipe, data: LearningData) -> Objective:
    torch.manual_seed(0)
    return Objective(recipe, specify(recipe, data))


def of_form(form: str) -> Recipe:
    """Return learning from views with a narrow network of some form."""
    size = TINY.size if form == "compact" else 256
    return replace(TINY, network=FORMS[form], size=size)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_views_that_agree_in_numbers_that_do_not_cost_nothing(scale: float) -> None:
    assert float(redundancy_loss(ALIKE, scale * ALIKE + 3, 0.5)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (torch.ones(4, 2), torch.ones(4, 2), 1.0),  # collapsed: nothing correlates
        (ALIKE, torch.zeros(4, 2), 1.0),  # also where one view alone is
        (ALIKE, -ALIKE, 4.0),  # (1 + 1)^2 for each number
        (ALIKE, ALIKE.flip(1), 1.5),  # 1/2 (1 + 1 + 0.5 (1 + 1))
        (ALIKE[:, :1].repeat(1, 3), ALIKE[:, :1].repeat(1, 3), 1.0),  # copies: 0.5 (3 - 1)
    ],
)
def test_collapse_copies_and_disagreement_cost_what_they_should(first: Tensor, second: Tensor, expected: float) -> None:
    assert float(redundancy_loss(first, second, 0.5)) == pytest.approx(expected, abs=1e-4)


def test_the_loss_is_that_of_correlations() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(20, 3))
    second = first + rng.normal(size=(20, 3))
    table = np.corrcoef(first.T, second.T)[:3, 3:]
    off = (table**2).sum() - (np.diag(table) ** 2).sum()
    expected = (((1 - np.diag(table)) ** 2).sum() + 0.1 * off) / 3
    found = redundancy_loss(torch.from_numpy(first), torch.from_numpy(second), 0.1)
    assert float(found) == pytest.approx(expected, abs=1e-4)


def test_the_loss_has_the_gradient_that_differences_give() -> None:
    draws = torch.Generator().manual_seed(0)
    codes = [torch.randn(6, 3, dtype=torch.float64, generator=draws).requires_grad_() for _ in range(2)]
    assert torch.autograd.gradcheck(lambda a, b: redundancy_loss(a, b, 0.1), codes)


def test_the_loss_stays_in_single_precision() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = redundancy_loss(ALIKE.bfloat16(), ALIKE.bfloat16(), 0.5)
    assert found.dtype == torch.float32


def test_the_projector_gives_as_many_numbers_as_are_asked_for() -> None:
    assert projector(7, ViewsConfig(hidden=5, numbers=3))(torch.randn(4, 7)).shape == (4, 3)


@pytest.mark.parametrize("form", FORMS)
def test_layers_below_the_last_learn_and_the_last_one_does_not(form: str, drawn: LearningData) -> None:
    one = objective(of_form(form), drawn).train()
    one.loss(next(iter(loader(drawn.training, 16, 0, training=True))), 0.0).backward()
    got = {name for name, value in one.named_parameters() if value.grad is not None and value.grad.abs().sum()}
    assert got == {name for name, _ in one.named_parameters() if not name.startswith("network.upper.")}
    learning = {id(value) for group in one._groups() for value in group["params"]}
    assert learning == {id(value) for name, value in one.named_parameters() if name in got}


def test_no_label_is_looked_at(drawn: LearningData) -> None:
    one = objective(TINY, drawn)
    batch = next(iter(loader(drawn.training, 16, 0, training=True)))
    found = []
    for given in (batch, {"pixels": batch["pixels"]}):
        one._draws.manual_seed(0)
        found.append(float(one.loss(given, 0.0).detach()))
    assert found[0] == found[1]


def test_a_face_is_seen_in_two_views(drawn: LearningData) -> None:
    one = objective(TINY, drawn)
    pixels = torch.from_numpy(drawn.training.pixels[:8])[:, None]
    first, second = one._seen(pixels.repeat(2, 1, 1, 1), torch.Generator().manual_seed(0)).unflatten(0, (2, -1))
    assert first.shape == (8, 1, 48, 48)
    assert all(not torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_loss_falls_on_faces_that_were_held_out(fitted: Fitted) -> None:
    rows = fitted.history
    assert rows[0].keys() == {"epoch", "loss", "val_loss"}
    assert rows[-1]["val_loss"] < 0.85 * rows[0]["val_loss"]


def test_the_held_out_loss_is_over_all_faces_at_once(fitted: Fitted, drawn: LearningData) -> None:
    one = objective(TINY, drawn)
    one.load_state_dict(fitted.objective.state_dict())
    pixels, draws = torch.from_numpy(drawn.validation.pixels)[:, None], torch.Generator().manual_seed(0)
    with torch.no_grad():
        first, second = one.eval()._projected(pixels, draws)  # fewer than a batch of 256
    found = float(redundancy_loss(first, second, TINY.objective.views.redundancy))
    assert found == pytest.approx(fitted.history[-1]["val_loss"], abs=1e-4)


def test_an_interrupted_run_ends_where_an_unbroken_one_does(
    fitted: Fitted, drawn: LearningData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Objective.training_step

    def interrupted(self: Any, batch: Any, index: int) -> Any:
        if (self.current_epoch, index) == (2, 1):
            raise KeyboardInterrupt
        return step(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(FAMILY, TINY, tmp_path, drawn)
    assert len(curve.read(tmp_path / "curve.csv")) == 2
    resumed = fit(FAMILY, TINY, tmp_path, drawn)
    assert resumed.history == fitted.history
    state = fitted.objective.state_dict()
    weights = {key for key in state if not key.startswith("network.upper.")}  # those of `fitted` may be exported
    assert all(
        torch.equal(value, state[key]) for key, value in resumed.objective.state_dict().items() if key in weights
    )


def test_the_folder_is_a_model_whose_answers_say_nothing(stage0: modelfile.ModelFolder, drawn: LearningData) -> None:
    prediction = Classifier(stage0, threads=1).predict(drawn.validation.pixels)
    labels = stage0.specification.head("expression").labels
    np.testing.assert_allclose(prediction.heads["expression"], 1 / len(labels), atol=1e-6)
    assert prediction.features.std(axis=0).max() > 0
    assert stage0.specification.head("expression").temperature == 1


def test_the_card_says_so_and_shows_the_loss_instead_of_an_accuracy(
    stage0: modelfile.ModelFolder, fitted: Fitted
) -> None:
    card, provenance = stage0.description.card, stage0.description.provenance
    assert card.numbers == {"training_val_loss": round(fitted.history[-1]["val_loss"], 4)}
    assert card.limits[0] == UNTAUGHT and len(card.limits) > 1
    assert "learned without labels" in card.summary
    assert "which were not looked at" in provenance.data
    assert provenance.settings["objective"]["task"] == "views"


def test_the_projector_is_not_in_the_folder(stage0: modelfile.ModelFolder) -> None:
    names = load_file(stage0.path / modelfile.WEIGHTS)
    assert {name.split(".")[0] for name in names} == {"lower", "upper", "gain"}


def test_stage_1_begins_from_the_folder_with_a_last_layer_of_no_opinion(
    stage0: modelfile.ModelFolder, drawn: LearningData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Tensor] = {}

    def look(self: Any) -> None:
        seen.update({name: value.clone() for name, value in self.network.state_dict().items()})

    monkeypatch.setattr(Objective, "on_train_start", look)
    tiny = RECIPES["tiny"]
    first = replace(tiny, run=replace(tiny.run, epochs=3, start=str(stage0.path)))
    network = fit(FAMILY, first, tmp_path, drawn).objective.network
    stored = load_file(stage0.path / modelfile.WEIGHTS)
    assert all(torch.equal(value, stored[name]) for name, value in seen.items())
    assert not seen["upper.expression.weight"].any()
    assert all(not torch.equal(value, stored[name]) for name, value in network.named_parameters())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run": replace(TINY.run, patience=3)}, r"run\.patience must be 0 with objective\.task views, .* not 3"),
        ({"run": replace(TINY.run, batch=1)}, r"run\.batch must be 2 or more with objective\.task views, not 1"),
        ({"views": ViewsConfig(hidden=0)}, r"objective\.views\.hidden must be 1 or more, not 0"),
        ({"views": ViewsConfig(numbers=1)}, r"objective\.views\.numbers must be 2 or more, not 1"),
        ({"views": ViewsConfig(redundancy=-1.0)}, r"objective\.views\.redundancy must be 0 or a positive"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], said: str) -> None:
    views = changes.pop("views", TINY.objective.views)
    with pytest.raises(InputError, match=said):
        replace(TINY, objective=replace(TINY.objective, views=views), **changes).check()


def test_a_budget_of_hours_gives_a_number_of_epochs(drawn: LearningData) -> None:
    batches = loader(drawn.training, 32, 0, training=True)
    assert 1 <= epochs_within(replace(TINY.run, budget=0.05), objective(TINY, drawn), batches, steps=2) < 100_000


def test_learning_from_labels_is_what_it_was() -> None:
    assert ObjectiveConfig().task == "labels"
    assert {name for name, one in RECIPES.items() if one.objective.task == "views"} == {"compact-views", "tiny-views"}


def test_the_command_trains_and_tells_the_loss(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    few = ["--data.count", "64", "--run.epochs", "1"]
    assert main(["train", FAMILY, "tiny-views", "--out", str(tmp_path), *few]) == 0
    assert "training_val_loss " in capsys.readouterr().out
    assert json.loads((tmp_path / "recipe.json").read_text())["asked"]["objective"]["views"]["numbers"] == 32
    assert main(["train", FAMILY, "tiny-views", "--out", str(tmp_path), *few, "--run.patience", "2"]) == 2
    assert "run.patience must be 0 with objective.task views" in capsys.readouterr().err
