"""The best epoch is kept, training stops when none is better, and a resumed run does the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kaoiro.training import curve
from kaoiro.training.best import FILE
from kaoiro.training.families import objective_module, recipes
from kaoiro.training.fit import Fitted, fit

FAMILY = "staged_transfer"


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the held-out accuracy of the epochs be what stands in a list."""
    said: list[float] = []
    kind = objective_module(FAMILY).Objective

    def step(self: Any, batch: Any, index: int) -> None:
        self.log("val_accuracy", torch.tensor(said[self.current_epoch]), batch_size=len(batch["pixels"]))

    monkeypatch.setattr(kind, "validation_step", step)
    return said


def brief(patience: int, epochs: int = 6) -> Any:
    tiny = recipes(FAMILY)["tiny"]
    run = replace(tiny.run, epochs=epochs, patience=patience)
    return replace(tiny, data=replace(tiny.data, count=64), run=run)


def weights(fitted: Fitted) -> torch.Tensor:
    return fitted.objective.state_dict()["network.upper.expression.weight"].clone()


def accuracies(folder: Path) -> list[float]:
    return [round(row["val_accuracy"], 3) for row in curve.read(folder / "curve.csv")]


def test_the_first_of_the_best_epochs_is_kept(scores: list[float], tmp_path: Path) -> None:
    scores += [0.2, 0.5, 0.4, 0.5, 0.1, 0.3]
    found = fit(FAMILY, brief(9), tmp_path / "all")
    until = [stopped_after(epochs, tmp_path / f"{epochs}") for epochs in (2, 4)]
    assert accuracies(tmp_path / "all") == scores
    assert torch.equal(weights(found), until[0])
    assert not torch.equal(weights(found), until[1])


def stopped_after(epochs: int, folder: Path) -> torch.Tensor:
    """Return the weights that a run of six epochs has after some of them."""
    kind = objective_module(FAMILY).Objective
    found: dict[int, torch.Tensor] = {}
    with pytest.MonkeyPatch.context() as patch:

        def seen(self: Any) -> None:
            found[self.current_epoch + 1] = self.network.upper["expression"].weight.detach().clone()

        patch.setattr(kind, "on_train_epoch_end", seen, raising=False)
        fit(FAMILY, brief(0), folder)
    return found[epochs]


def test_training_stops_after_so_many_epochs_that_were_no_better(scores: list[float], tmp_path: Path) -> None:
    scores += [0.2, 0.5, 0.5, 0.4, 0.9, 0.9]
    fit(FAMILY, brief(2), tmp_path)
    assert accuracies(tmp_path) == [0.2, 0.5, 0.5, 0.4]


def test_without_patience_all_epochs_are_done_and_the_last_weights_kept(scores: list[float], tmp_path: Path) -> None:
    scores += [0.9, 0.1, 0.1, 0.1, 0.1, 0.1]
    found = fit(FAMILY, brief(0), tmp_path)
    assert len(accuracies(tmp_path)) == 6
    last = torch.load(tmp_path / "last.ckpt", map_location="cpu", weights_only=False)["state_dict"]
    assert torch.equal(weights(found), last["network.upper.expression.weight"])
    assert not (tmp_path / FILE).exists()


def test_a_run_that_was_stopped_stays_stopped_when_it_is_exported_anew(scores: list[float], tmp_path: Path) -> None:
    scores += [0.5, 0.4, 0.9, 0.9, 0.9, 0.9]
    first = fit(FAMILY, brief(1), tmp_path)
    again = fit(FAMILY, brief(1), tmp_path)
    assert accuracies(tmp_path) == [0.5, 0.4]
    assert torch.equal(weights(first), weights(again))


@pytest.mark.parametrize("epoch", [2, 3])
def test_an_interrupted_run_keeps_and_stops_as_an_unbroken_one(
    scores: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    scores += [0.2, 0.6, 0.5, 0.4, 0.9, 0.9]
    unbroken = fit(FAMILY, brief(2), tmp_path / "unbroken")
    kind = objective_module(FAMILY).Objective
    step = kind.training_step

    def interrupted(self: Any, batch: Any, index: int) -> Any:
        if (self.current_epoch, index) == (epoch, 1):
            raise KeyboardInterrupt
        return step(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(FAMILY, brief(2), tmp_path / "broken")
    resumed = fit(FAMILY, brief(2), tmp_path / "broken")
    assert accuracies(tmp_path / "broken") == accuracies(tmp_path / "unbroken") == [0.2, 0.6, 0.5, 0.4]
    assert torch.equal(weights(resumed), weights(unbroken))
