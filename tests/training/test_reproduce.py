"""System A again, end to end on small fake files: still recipes for real, rendered sets and time by stand-ins."""

from __future__ import annotations

import json
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
    assert figures["halves"].keys() == {"stills", "video"}
    again = system_a(order, shipped, lambda _: None)
    assert again == figures


def test_missing_files_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--fer2013"):
        Order(None, tmp_path / "out", tmp_path)
    write(tmp_path / "training only", {"Training": 8})
    with pytest.raises(DataError, match="no PublicTest rows"):
        Order(str(tmp_path / "training only"), tmp_path / "out", tmp_path)
    write(tmp_path / "no votes", {"Training": 8, "PublicTest": 8}, votes=False)
    with pytest.raises(DataError, match=r"fer2013new\.csv"):
        Order(str(tmp_path / "no votes"), tmp_path / "out", tmp_path)
    assert Order(None, tmp_path / "out", tmp_path, stills=False).fer2013 is None


@pytest.mark.parametrize("change", [{"seeds": 0}, {"budget": -1.0}])
def test_impossible_orders_are_refused(change: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Order(None, tmp_path, tmp_path, stills=False, **change)


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
    alone = claim(Wish("both", "fer2013", "macro_recall", 0.1, ""), runs, 1)
    assert alone["verdict"] == "undecided"


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
    order = Order(None, tmp_path / "out", tmp_path / "sets", seeds=1, stills=False)
    assert reproduce.video(order, still, lambda _: None) == reproduce.video(order, still, lambda _: None) == OVER_TIME
    assert len(measured) == 1
    reproduce.video(replace(order, seeds=2), still, lambda _: None)
    assert len(measured) == 2
    (tmp_path / "out" / "temporal.json").write_text("nothing")
    with pytest.raises(DataError, match=r"temporal\.json is damaged"):
        reproduce.video(order, still, lambda _: None)


def test_the_command_writes_a_page_for_each_half(
    root: Path, quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["reproduce", "A", "--out", str(tmp_path / "out"), "--seeds", "1", "--results", str(tmp_path / "pages")]
    assert main([*arguments, "--fer2013", str(root), "--only", "stills"]) == 0
    page = (tmp_path / "pages" / "system-a.md").read_text(encoding="utf-8")
    assert "**claims**" in page and "**networks**" in page and "PublicTest" in page
    assert "fer2013-fidelity: accuracy with fer2013 labels" in capsys.readouterr().out
    assert not (tmp_path / "pages" / "temporal.md").exists()


def test_the_command_renders_what_lacks_and_draws_what_was_measured(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fake import synthetic

    from kaoiro.synthesis import generate as making

    made: list[tuple[str, str]] = []
    synthetic.write(tmp_path / "sets" / "syn-vid")
    settings = tmp_path / "sets" / "syn-vid" / "set.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"finished": {"sha256": "ab"}}))
    monkeypatch.setattr(making, "generate", lambda order, out, *_, **__: made.append((order.name, out.name)))
    monkeypatch.setattr("kaoiro.synthesis.world.FaceWorld", lambda _: None)
    drawn: list[Any] = []
    monkeypatch.setattr("kaoiro.cli.reproduce.draw_temporal", lambda figures, curves, folder: drawn.append(curves))
    monkeypatch.setattr(reproduce, "video", lambda *_: OVER_TIME | {"one clip": {"clip": "a"}})
    arguments = ["reproduce", "A", "--out", str(tmp_path / "out"), "--sets", str(tmp_path / "sets"), "--only", "video"]
    earlier = {
        "halves": {"stills": {}},
        "claims": {"earlier": {}},
        "networks": {"both, seed 0, ferplus": {"accuracy": 0.5}},
    }
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "system-a.json").write_text(json.dumps(earlier))
    assert main([*arguments, "--results", str(tmp_path / "pages")]) == 0
    assert made == [("syn-id", "syn-id"), ("syn-flicker", "syn-flicker")]
    assert drawn == [{"clip": "a"}]
    assert "one clip" not in (tmp_path / "pages" / "temporal.json").read_text()
    page = json.loads((tmp_path / "pages" / "system-a.json").read_text())
    assert page["claims"].keys() == {"fidelity, (a) jitter", "earlier"}
    assert page["networks"] == {"both, seed 0, ferplus": {"accuracy": 0.5}}
    assert page["halves"].keys() == {"stills", "video"}
    (tmp_path / "pages" / "system-a.json").write_text("nothing")
    assert main([*arguments, "--results", str(tmp_path / "pages")]) == 2
    assert "system-a.json is damaged" in capsys.readouterr().err


def test_the_command_asks_for_the_head_where_sets_are_to_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAOIRO_ICT_FACE", raising=False)
    assert main(["reproduce", "A", "--out", str(tmp_path / "out"), "--only", "video"]) == 2
    assert "KAOIRO_ICT_FACE" in capsys.readouterr().err
