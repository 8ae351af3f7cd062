from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake import synthetic

from kaoiro.cli.main import main
from kaoiro.core.condition import PARTS, columns
from kaoiro.core.errors import DataError
from kaoiro.families.multitask_affect.generation import GENERATORS, GenerationData
from kaoiro.inference.portraits import Portraits
from kaoiro.training.generation import generators, labelled, load, wishes

TINY = GENERATORS["generator-tiny"].data


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("set")
    synthetic.write(folder)
    return str(folder)


def test_only_families_with_a_generator_have_recipes_of_one() -> None:
    assert generators("residual_attention") == {}
    assert set(generators("multitask_affect")) == {"generator", "generator-tiny"}


def test_drawn_faces_have_all_labels() -> None:
    part = load(TINY, 48)
    assert (len(part.training), len(part.unseen)) == (48, 16)
    assert part.training.pixels.shape == (48, 48, 48)
    assert all(np.isfinite(part.training.targets[name]).all() for name in PARTS)


def test_rendered_faces_and_other_people_to_compare_with(root: str) -> None:
    part = load(GenerationData(root=root), 48)
    assert part.training.pixels.shape[1:] == (48, 48)
    assert part.training.subjects is not None
    assert part.unseen.subjects is not None
    assert not set(part.training.subjects) & set(part.unseen.subjects)
    assert all(np.isfinite(part.training.targets[name]).all() for name in PARTS)
    assert part.training.targets["expression"].sum(axis=1) == pytest.approx(1)
    assert "syn-mt" in part.description


def test_labels_that_a_set_does_not_give_away_are_left_out(root: str) -> None:
    given = load(GenerationData(root=root, labels="given"), 48)
    assert np.isnan(given.training.targets["units"]).any()
    assert np.isnan(given.training.targets["expression"]).any()
    assert np.isfinite(given.training.targets["affect"]).all()
    assert np.isfinite(given.unseen.targets["units"]).all()


def test_labels_of_a_share_of_the_people(root: str) -> None:
    training = load(GenerationData(root=root, labelled=1 / 3), 48).training
    assert training.subjects is not None
    known = ~np.isnan(training.targets["affect"]).any(axis=1)
    assert len(np.unique(training.subjects[known])) == 1
    assert len(np.unique(training.subjects)) == 3


def test_a_set_must_be_named() -> None:
    with pytest.raises(DataError, match=r"--data\.root"):
        load(GenerationData(), 48)


def test_wishes_are_conditions_of_real_faces_with_all_labels() -> None:
    part = load(TINY, 48)
    targets = {**part.training.targets, "units": part.training.targets["units"].copy()}
    targets["units"][:-1] = np.nan
    wished = wishes(replace(part.training, targets=targets), 5, 0)
    last = np.concatenate([part.training.targets[name][-1] for name in PARTS])
    assert wished == pytest.approx(np.tile(last, (5, 1)))


def test_a_generator_is_trained_measured_and_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    call = ["train", "multitask_affect", "generator-tiny", "--out", str(out), "--run.steps", "8", "--run.epoch", "4"]
    assert main(call) == 0
    said = capsys.readouterr()
    assert "frechet_in_features_of_stills" in said.out
    assert "epoch 2 of 2" in said.err
    assert sorted(path.name for path in out.glob("*.png")) == ["samples-001.png", "samples-002.png"]
    portraits = Portraits(out / "model")
    numbers = portraits.description.card.numbers
    assert {"precision", "recall", "copied", "diversity_of_people", "condition_valence"} <= set(numbers)
    assert all(np.isfinite(value) for value in numbers.values())
    assert len(portraits.description.provenance.history["generator"]) == 2
    wished = np.tile(portraits.typical, (2, 1))
    faces = labelled(portraits, wished, 0)
    assert faces.pixels.shape == (14, 48, 48)
    assert np.array_equal(faces.targets["units"], wished[:, columns()["units"]])
    settings = json.loads((out / "model" / "generator.json").read_text())["provenance"]["settings"]
    assert settings["run"]["steps"] == 8
    assert main(call) == 0  # repeated, nothing is trained again
    assert "epoch" not in capsys.readouterr().err


def test_options_of_other_recipes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["train", "multitask_affect", "generator-tiny", "--out", str(tmp_path / "run")]
    assert main([*call, "--budget", "1"]) == 2
    assert main([*call, "--run.epochs", "1"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "how long it learns: --run.steps" in first
    assert "--recipe-help" in second
    assert not (tmp_path / "run").exists()
