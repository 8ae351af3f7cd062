"""Training that begins from the weights of a finished model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kaoiro.core.errors import InputError
from kaoiro.core.modelfile import WEIGHTS, ModelFolder
from kaoiro.training.export import export
from kaoiro.training.fit import Fitted, fit, objective_module, start_from

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
