from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake import model, synthetic

pytest.importorskip("torch")

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import FER2013
from kaoiro.core.streams import Streams
from kaoiro.data.datasets import wandering
from kaoiro.evaluation import report
from kaoiro.training import steadiness


@pytest.fixture
def clips(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put drawn streams in the place of a set and of what a model says of it."""
    drawn = wandering.streams(15, frames=60)
    number = np.array([int(clip[-3:]) for clip in drawn.clips])
    frame = np.tile(np.arange(60), 15)
    table = pd.DataFrame(
        {
            "split": np.array(["train", "val", "test"])[number % 3],
            "frame": frame,
            "intensity": np.clip(1.5 * np.exp(-0.5 * ((frame / 60 - 0.5) / 0.12) ** 2) - 0.1, 0, 1),
            "clip_expression": np.array(FER2013.labels)[number % 7],
            "level": np.array(["low", "high"])[number // 3 % 2],
        }
    )
    settings = {
        "set": "syn-vid",
        "scale": 1,
        "size": 96,
        "version": "0",
        "finished": {"sha256": "ab"},
        "difficulty": "cd",
    }
    data = SimpleNamespace(root=Path("clips"), settings=settings, table=table, clips=drawn.clips)
    monkeypatch.setattr(steadiness.synthetic, "read", lambda root: data)
    monkeypatch.setattr(steadiness.streams, "rendered", lambda *_: drawn)
    return data


def test_everything_is_measured_and_can_be_stored(clips: Any, tmp_path: Path) -> None:
    told: list[str] = []
    figures = steadiness.measure("clips", model.write(tmp_path / "linear"), 2, 1, told.append)
    for key in (
        *("fixed methods, causal", "fixed methods, centred", "by length of the window, causal"),
        *("fidelity: beside fixed windows", "causal: level low", "centred: claims"),
        *("seeds", "parts of the improved mode, causal"),
    ):
        assert figures[key]
    assert set(figures["seeds"]) == {f"{name}, seed {k}" for name in ("fidelity", "causal", "centred") for k in (0, 1)}
    assert len(figures["parts of the improved mode, causal"]) == len(steadiness.variants(steadiness.RECIPES["causal"]))
    assert figures["frames"] == {"train": 300, "val": 300, "test": 300}
    assert figures["still model"] == "linear"
    assert told[0] == "read 900 frames of 15 clips through linear"
    assert json.loads(json.dumps(figures)) == figures
    assert "**fidelity: claims**" in report.text(figures)
    curves = figures["one clip"]["curves"]
    assert list(curves) == ["single frame", "moving average", "learned weights", "parabolic"]
    assert {len(one["neutral"]) for one in curves.values()} == {len(figures["one clip"]["truth"])} == {60}


def test_clips_in_flickering_light_are_a_level_of_their_own(
    clips: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = (clips.table["split"] == "test").to_numpy()
    settings = clips.settings | {"set": "syn-flicker"}
    lamps = SimpleNamespace(
        root=Path("lamps"), settings=settings, table=clips.table[tested].reset_index(), clips=clips.clips[tested]
    )
    monkeypatch.setattr(steadiness.synthetic, "read", lambda root: lamps if root == "lamps" else clips)
    drawn = wandering.streams(15, frames=60, seed=5)
    parts = (getattr(drawn, name)[tested] for name in ("features", "logits", "cues", "clips"))
    other = Streams(*parts, drawn.labels)
    original = steadiness.streams.rendered
    monkeypatch.setattr(steadiness.streams, "rendered", lambda data, *_: other if data is lamps else original(data))
    linear = model.write(tmp_path / "linear")
    figures = steadiness.measure("clips", linear, 1, 1, lambda _: None, flicker="lamps")
    rows = figures["causal: flickering light"]
    assert list(rows) == ["causal", "single frame", "moving average", "parabolic"]
    assert rows["single frame"] != figures["causal: beside fixed windows"]["single frame"]
    assert figures["flicker_set_sha256"] == "ab"
    lamps.settings["scale"] = 0.5
    with pytest.raises(DataError, match="does not hold the test clips"):
        steadiness.measure("clips", linear, 1, 1, lambda _: None, flicker="lamps")
    with pytest.raises(DataError, match="set of syn-vid; name one made by `kaoiro synth syn-flicker`"):
        steadiness.measure("clips", linear, 1, 1, lambda _: None, flicker="clips")


def test_choices_are_made_without_the_clips_of_the_test(clips: Any, tmp_path: Path) -> None:
    clips.table.loc[clips.table["split"] == "test", "intensity"] = np.nan  # whoever looks at them is found out
    figures = steadiness.measure("clips", model.write(tmp_path / "linear"), 1, 1, lambda _: None, choosing=True)
    rows = figures["causal: clips of 'val'"]
    assert len(rows) == 2 * len(steadiness.WEIGHTS_OF_FIDELITY) + 2
    above = figures["centred: fidelity - that of a parabola of equal jitter"]
    assert set(rows) - set(above) == {"moving average", "parabolic"}
    assert all(np.isfinite(row["fidelity"]) for row in rows.values())
    assert not [key for key in figures if "test" in key or "claims" in key]


def test_the_parts_that_are_left_out_differ_from_the_whole() -> None:
    variants = steadiness.variants(steadiness.RECIPES["causal"])
    assert len(set(variants.values())) == len(variants)


def test_other_sets_and_numbers_are_refused(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "set")
    with pytest.raises(DataError, match="set of syn-mt; name one made by `kaoiro synth syn-vid`"):
        steadiness.measure(tmp_path / "set", model.write(tmp_path / "linear"))
    with pytest.raises(InputError, match="seeds"):
        steadiness.measure(tmp_path / "set", model.write(tmp_path / "linear"), 0)
