"""Thresholds of action units: chosen by the mean of two kinds, from fake files to the model's folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake import fer2013
from fake.synthetic import write as write_rendered
from graphs import write_bright_model

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError, ModelError
from kaoiro.core.labels import MEASURED_UNITS
from kaoiro.core.modelfile import load
from kaoiro.evaluation import thresholds
from kaoiro.evaluation.thresholds import Kind, best, curve, row

THERE = np.array([0, 0, 0, 1, 1], float)


def kind(*scores: float, there: np.ndarray = THERE) -> Kind:
    return Kind({"au_12": np.array(scores)}, {"au_12": there})


def test_the_middle_of_what_is_best_is_taken():
    scores = np.array([0.1, 0.2, 0.3, 0.7, 0.9])
    found = curve(scores, THERE == 1)
    assert found[thresholds.OPTIONS == 0.5] == 1
    assert found[thresholds.OPTIONS == 0.8] == pytest.approx(2 / 3)
    assert best(found) == pytest.approx((0.31 + 0.7) / 2, abs=0.01)


def test_the_mean_of_both_kinds_decides_and_what_each_would_choose_is_told():
    low, high = kind(0.05, 0.1, 0.15, 0.25, 0.3), kind(0.05, 0.3, 0.6, 0.8, 0.9)
    found = row("au_12", low, high)
    assert found["photographs alone: threshold"] == pytest.approx(0.2, abs=0.02)
    assert found["rendered alone: threshold"] == pytest.approx(0.71, abs=0.01)
    assert found["threshold"] == pytest.approx(0.2, abs=0.05), "there the one is sure and the other still good"
    assert found["photographs: F1 at 0.5"] == 0
    assert found["photographs: F1 at the threshold"] == 1
    assert found["rendered: F1 at 0.5"] == pytest.approx(0.8)
    assert found["rendered: F1 at the threshold"] == pytest.approx(2 / 3)
    assert (found["photographs: shown"], found["photographs: not shown"]) == (2, 3)
    assert thresholds._apart(found)


def test_where_no_table_says_anything_rendered_people_decide_alone():
    unknown = kind(0.1, 0.1, 0.1, 0.1, 0.1, there=np.full(5, np.nan))
    found = row("au_12", unknown, kind(0.05, 0.3, 0.6, 0.8, 0.9))
    assert found["threshold"] == found["rendered alone: threshold"]
    assert found["photographs: F1 at the threshold"] is None
    assert not thresholds._apart(found)
    with pytest.raises(DataError, match=r"no face is known to show AU 12 \(lip corner puller\), or none not to"):
        row("au_12", unknown, unknown)


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, str]:
    written = fer2013.write(tmp_path / "fer", {"Training": 320, "PublicTest": 8})
    assert {"fear", "disgust"} <= set(written.expressions)
    write_rendered(tmp_path / "rendered")
    return {name: str(tmp_path / name) for name in ("fer", "rendered")}


def test_the_command_writes_them_into_the_model_s_folder(roots, tmp_path: Path, capsys):
    model = write_bright_model(tmp_path / "bright")
    given = ["--root", roots["fer"], "--rendered", roots["rendered"], "--model", str(model.path), "--threads", "1"]
    assert main(["evaluate", "thresholds", *given, "--results", str(tmp_path / "results")]) == 0
    assert load(model.path).specification == model.specification, "nothing is written unasked"
    figures = json.loads((tmp_path / "results" / "thresholds-bright.json").read_text(encoding="utf-8"))
    assert main(["evaluate", "thresholds", *given, "--write"]) == 0
    assert "| AU 12 (lip corner puller) |" in capsys.readouterr().out
    after = load(model.path)
    chosen = after.specification.head("units").present_from
    assert list(chosen) == list(MEASURED_UNITS.labels)
    assert chosen["au_12"] == figures["thresholds"]["AU 12 (lip corner puller)"]["threshold"]
    assert len(set(chosen.values())) > 1
    assert after.digest == model.digest
    numbers = after.description.card.numbers
    assert numbers["rendered_val_units_f1"] == round(figures["mean F1 of rendered at the threshold"], 4)
    assert "training_val_prototypes_units_f1" in numbers


def test_only_validation_faces_are_looked_at(roots, tmp_path: Path):
    figures = thresholds.choose(write_bright_model(tmp_path / "bright"), roots["fer"], roots["rendered"], threads=1)
    assert figures["rendered frames of 'val'"] == 12, "one person with two clips of six frames"
    assert 20 < figures["photographs of training-val"] < 45, "a tenth of Training"


def test_a_model_without_units_is_refused(roots):
    with pytest.raises(ModelError, match="model 'stills' has no head 'units'; it has: expression"):
        thresholds.choose(load("stills"), roots["fer"], roots["rendered"])
