"""System A again, end to end on small fake files: still recipes for real, rendered sets and time by stand-ins."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import model as linear

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.source import DataConfig
from kaoiro.training import reproduce
from kaoiro.training.reproduce import WISHES, Order, Wish, claim, system_a

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.fer2013 import write

ROW = {"found": 1.33, "interval": [1.18, 1.48], "wished": "at most 0.6", "verdict": "does not hold"}
OVER_TIME = {"fidelity: claims": {"(a) jitter": ROW}, "seeds": {"fidelity, seed 0": {"jitter": 0.1}}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fer")
    write(folder, {"Training": 160, "PublicTest": 48})
    return folder


@pytest.fixture
def quick(small: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the recipes small, and put a figure in the place of the half on video; return what was trained."""
    fitted: list[str] = []
    learn = reproduce.fit

    def fit(family: str, recipe: Any, folder: Path) -> Any:
        fitted.append(folder.name)
        return learn(family, recipe, folder)

    def of(labels: str) -> Any:
        data = DataConfig(labels=labels, augmentation=small.data.augmentation)  # pyright: ignore
        return replace(small, data=data, run=replace(small.run, epochs=1))

    named = {"fer2013-fidelity": of("fer2013"), "both": of("both")}
    monkeypatch.setattr(reproduce, "recipes", lambda family: named)
    monkeypatch.setattr(reproduce, "fit", fit)
    monkeypatch.setattr(reproduce, "video", lambda *_: OVER_TIME)
    return fitted


def test_every_claim_and_every_run_is_in_the_figures(root: Path, quick: list[str], tmp_path: Path) -> None:
    shipped = linear.write(tmp_path / "linear")
    order = Order(str(root), tmp_path / "out", tmp_path / "sets", seeds=2)
    figures = system_a(order, shipped, lambda _: None)
    assert quick == ["fer2013-fidelity-seed0", "fer2013-fidelity-seed1", "both-seed0", "both-seed1"]
    assert list(figures["claims"]) == [*(wish.name for wish in WISHES), "fidelity, (a) jitter"]
    assert figures["claims"]["fidelity, (a) jitter"]["verdict"] == "does not hold"
    assert figures["temporal"] == OVER_TIME
    runs = figures["networks"]
    assert {"linear (shipped), ferplus", "both, seed 1, fer2013", "both, seed 1, ferplus"} <= runs.keys()
    assert "fer2013-fidelity, seed 0, ferplus" not in runs
    seeds = [runs[f"both, seed {seed}, ferplus"]["accuracy"] for seed in (0, 1)]
    assert figures["claims"]["both: accuracy with ferplus labels"]["found"] == pytest.approx(np.mean(seeds))
    again = system_a(order, shipped, lambda _: None)
    assert again == figures


def test_missing_files_are_refused_before_anything_is_trained(quick: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError):
        system_a(Order(str(tmp_path), tmp_path / "out", tmp_path), linear.write(tmp_path / "linear"), lambda _: None)
    assert not quick


@pytest.mark.parametrize("change", [{"seeds": 0}, {"budget": -1.0}])
def test_impossible_orders_are_refused(change: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Order("fer", tmp_path, tmp_path, **change)


def table(accuracy: float, macro: float = 0.5) -> dict[str, Any]:
    ends = [accuracy - 0.02, accuracy + 0.01]
    return {"accuracy": accuracy, "accuracy_interval_95": ends, "macro_recall": macro}


@pytest.mark.parametrize(
    ("least", "interval", "verdict"),
    [(0.70, [0.69, 0.72], "undecided"), (0.68, [0.69, 0.72], "holds"), (0.73, [0.69, 0.72], "does not hold")],
)
def test_an_accuracy_is_judged_by_images_and_seeds_together(least: float, interval: list, verdict: str) -> None:
    # the mean of 0.70 and 0.72 is 0.71; the interval of images around it, 0.69 to 0.72, holds both seeds
    runs = {f"both, seed {seed}": {"fer2013": table(0.70 + 0.02 * seed)} for seed in (0, 1)}
    row = claim(Wish("both", "fer2013", "accuracy", least, ""), runs, 2)
    assert row["found"] == pytest.approx(0.71)
    assert row["interval"] == pytest.approx(interval)
    assert row["verdict"] == verdict


def test_other_measures_have_the_range_of_the_seeds() -> None:
    runs = {f"both, seed {seed}": {"fer2013": table(0.7, 0.6 + 0.1 * seed)} for seed in (0, 1, 2)}
    row = claim(Wish("both", "fer2013", "macro_recall", 0.65, ""), runs, 3)
    assert row["interval"] == pytest.approx([0.6, 0.8])
    assert row["verdict"] == "undecided"


def test_time_is_measured_once_for_the_same_sets_and_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fake import synthetic

    for name in reproduce.SETS:
        synthetic.write(tmp_path / "sets" / name)
    still, measured = linear.write(tmp_path / "linear"), []

    def network(order: Order, model: ModelFolder, tell: Any) -> ModelFolder:
        return still

    def measure(*_: Any, **__: Any) -> dict[str, Any]:
        measured.append(1)
        return OVER_TIME

    monkeypatch.setattr(reproduce, "_rendered_network", network)
    monkeypatch.setattr(reproduce.steadiness, "measure", measure)
    order = Order("fer", tmp_path / "out", tmp_path / "sets", seeds=1)
    assert reproduce.video(order, still, lambda _: None) == reproduce.video(order, still, lambda _: None) == OVER_TIME
    assert len(measured) == 1
    reproduce.video(replace(order, seeds=2), still, lambda _: None)
    assert len(measured) == 2


def test_the_command_writes_both_pages(
    root: Path, quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["reproduce", "A", "--fer2013", str(root), "--out", str(tmp_path / "out"), "--seeds", "1"]
    assert main([*arguments, "--only", "stills", "--results", str(tmp_path / "results")]) == 0
    page = (tmp_path / "results" / "system-a.md").read_text(encoding="utf-8")
    assert "**claims**" in page and "**networks**" in page
    assert not (tmp_path / "results" / "temporal.md").exists()
    assert "fer2013-fidelity: accuracy with fer2013 labels" in capsys.readouterr().out


def test_the_command_asks_for_the_head_where_sets_are_to_be_made(
    root: Path, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAOIRO_ICT_FACE", raising=False)
    assert main(["reproduce", "A", "--fer2013", str(root), "--out", str(tmp_path / "out"), "--only", "video"]) == 2
    assert "KAOIRO_ICT_FACE" in capsys.readouterr().err
    assert not quick
