"""`kaoiro evaluate adapt`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kaoiro.cli.main import main
from kaoiro.core.labels import EXPRESSION
from kaoiro.data.datasets import drawn
from kaoiro.metrics import resampling
from kaoiro.training.adapting import candidates
from kaoiro.training.transfer import targets
from kaoiro.training.transfer.targets import Roots, Target


def portraits(name: str, roots: Roots, *_: object) -> Target:
    """Return drawn faces, 4 of each of 24 people."""
    assert (name, roots.london) == ("london", "portraits")
    faces = drawn.faces(400, seed=3)
    wanted = [drawn.VOCABULARY.labels.index(label) for label in ("happiness", "neutral")]
    rows = np.flatnonzero(np.isin(faces.labels[EXPRESSION], wanted))[:96]
    truth = np.array([wanted.index(label) for label in faces.labels[EXPRESSION][rows]], np.int64)
    person = np.arange(96) // 4
    pixels = 255 - np.asarray(faces.pixels)[rows]
    crops: dict[str, np.ndarray] = dict.fromkeys(targets.FRAMINGS, pixels)
    groups = np.array([f"p{number}" for number in person])
    return Target(name, "Drawings.", ("happiness", "neutral"), crops, truth, groups, person % 3, 24)


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code = main(["evaluate", "adapt", *map(str, argv)])
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    code, _, said = call(capsys, *argv)
    assert code == 2
    assert len(said.strip().splitlines()) == 1, said
    return said


def test_a_page_is_written_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(resampling, "DRAWS", 100)
    monkeypatch.setattr(targets, "load", portraits)
    monkeypatch.setattr(candidates, "NAMES", ("nothing", "shift", "head 0.1"))
    options = ["--london", "portraits", "--out", tmp_path / "out", "--seeds", 2, "--rival-seeds", 0, "--pictures", 40]
    code, _, said = call(capsys, *options, "--results", tmp_path / "docs")
    assert code == 0, said
    assert said.count("kaoiro: london, adapted, seed") == 2
    page = (tmp_path / "docs" / "adapt.md").read_text(encoding="utf-8")
    assert "| london | adapted |" in page
    assert "Asked about: 32 pictures in 8 groups." in page
    assert (tmp_path / "docs" / "adapt.png").is_file()
    code, out, said = call(capsys, *options, "--finished", "--json", tmp_path / "figures.json")
    assert (code, said) == (0, "")
    assert "no target ends below its start, accuracy" in out
    assert json.loads((tmp_path / "figures.json").read_text())["targets"]["london"]["asked"] == 32


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no target; there are: rendered, degraded" in refused(capsys, "--out", tmp_path)
    assert "no target 'mars'" in refused(capsys, "--targets", "mars")
    assert "name its folder by --london" in refused(capsys, "--targets", "london", "--rival-seeds", 0)
    assert "name its folder by --fer2013" in refused(capsys, "--london", tmp_path)
    nowhere = refused(capsys, "--london", tmp_path / "nowhere", "--rival-seeds", 0, "--out", tmp_path)
    assert "nowhere" in nowhere
    assert "name both" in refused(capsys, "--choose", "--rendered", tmp_path)
