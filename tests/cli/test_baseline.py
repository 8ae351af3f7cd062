from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from graphs import write_affect_model
from jobs import Middle
from media import regular, write_video
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core.codec import read_rows
from kaoiro.inference import analyzer

SIZE = (64, 48)


class Quick(Middle):
    """Takes the middle of every picture that is not black for a face."""

    thread_safe = True

    def __init__(self, **settings: Any) -> None:
        pass


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs `kaoiro analyze` with a model that finds bright faces pleasant."""
    model = write_affect_model(tmp_path / "models" / "affect", -0.5, {"au_12": 0.75}, brighter=1.0).path
    monkeypatch.setattr(analyzer, "CenterFace", Quick)

    def called(*argv: Any) -> tuple[int, str, str]:
        code = main(["analyze", *map(str, argv), "--threads", "1", "--model", str(model)])
        return code, *capsys.readouterr()

    return called


def grey(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


@pytest.fixture
def rest(tmp_path: Path) -> Path:
    Image.fromarray(grey(51)).save(tmp_path / "rest.png")
    return tmp_path / "rest.png"


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Write a folder of two photos and a video of thirteen seconds."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name, level in {"a": 51, "b": 255}.items():
        Image.fromarray(grey(level)).save(folder / f"{name}.png")
    levels = [51] * 40 + [255] * 12
    write_video(folder / "m.mp4", regular(52, 4.0), SIZE, picture=lambda number: grey(levels[number]))
    return folder


def pleasantness(level: int) -> float:
    return float(np.tanh(np.arctanh(-0.5) + level / 255))


BRIGHTER = pleasantness(255) - pleasantness(51)


def test_photos_and_videos_have_changes_from_a_file(call, album, rest, tmp_path):
    code, said, messages = call(album, "--baseline", rest, "--out", tmp_path / "out")
    assert (code, said) == (0, "")
    rows = {name: list(read_rows(tmp_path / "out" / f"{name}.csv")) for name in ("a.png", "b.png", "m.mp4")}
    assert [rows[name][0]["valence_change"] for name in rows] == pytest.approx([0, BRIGHTER, 0], abs=0.01)
    assert rows["m.mp4"][-1]["valence_change"] == pytest.approx(BRIGHTER, abs=0.01)
    assert rows["m.mp4"][-1]["au_12_change"] == pytest.approx(0, abs=1e-5)
    assert len(list(read_rows(tmp_path / "out" / "all.csv"))) == 54
    assert "already done" not in messages
    assert "3 already done" in call(album, "--baseline", rest, "--out", tmp_path / "out")[2]
    assert "already done" not in call(album, "--out", tmp_path / "out")[2]


def test_a_table_written_before_is_a_baseline(call, album, rest, tmp_path):
    call(rest, "--out", tmp_path / "rested")
    code, said, _ = call(album / "b.png", "--baseline", tmp_path / "rested" / "rest.png.csv", "--format", "jsonl")
    assert code == 0
    assert json.loads(said)["valence_change"] == pytest.approx(BRIGHTER, abs=1e-4)


def test_auto_estimates_the_rest_of_a_video(call, album):
    code, said, messages = call(album / "m.mp4", "--baseline", "auto")
    assert (code, messages) == (0, "")
    lines = said.splitlines()
    column = lines[0].split(",").index("valence_change")
    values = [float(line.split(",")[column]) for line in lines[1:]]
    assert len(values) == 52
    assert values[:40] == pytest.approx([0] * 40, abs=0.01)
    assert values[40:] == pytest.approx([BRIGHTER] * 12, abs=0.02)


def test_auto_says_what_it_leaves_empty(call, album, tmp_path):
    code, _, messages = call(album, "--baseline", "auto", "--every", "3", "--out", tmp_path / "out", "--plot")
    assert code == 0
    assert "kaoiro: --baseline auto is for videos; photos get no changes\n" in messages
    assert f"kaoiro: {album / 'm.mp4'}: no resting face for track 0: seen in fewer than 10 stretches" in messages
    code, _, messages = call(album / "a.png", "--baseline", "auto")
    assert (code, messages.count("\n")) == (2, 1)
    assert "estimates a resting face from a video, and these are photos; give a FILE" in messages


def test_a_terminal_shows_the_greatest_change_of_an_expression(call, album, rest, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "; from rest: " in call(album / "b.png", "--baseline", rest)[1]
    assert "from rest" not in call(album / "b.png")[1]


def test_of_several_people_one_is_the_baseline_and_that_is_said(call, album, rest, tmp_path):
    call(rest, "--out", tmp_path / "rested")
    table = tmp_path / "rested" / "rest.png.csv"
    rows = pd.read_csv(table)
    pd.concat([rows, rows]).to_csv(table, index=False)
    _, _, messages = call(album / "b.png", "--baseline", table)
    assert messages == f"kaoiro: {table}: the largest face is the baseline; 1 of 2 faces were left out\n"


@pytest.mark.parametrize("dialect", ["py-feat", "fer"])
def test_dialects_have_no_columns_for_changes(call, album, rest, tmp_path, dialect):
    options = ["--baseline", rest, "--dialect", dialect, "--out", tmp_path / "out"]
    code, _, messages = call(album, *options)
    assert code == 2
    assert f"--dialect {dialect} has no columns for changes from --baseline; leave one of them out" in messages
    assert call(album, *options, "--plot")[0] == 0  # the figure draws them


@pytest.mark.parametrize(("name", "reason"), [("black.png", "no face found"), ("gone.png", "no such file or folder")])
def test_a_baseline_that_cannot_be_used_is_one_line_and_nothing_is_measured(call, album, tmp_path, name, reason):
    Image.fromarray(grey(0)).save(tmp_path / "black.png")
    code, said, messages = call(album, "--baseline", tmp_path / name, "--out", tmp_path / "out")
    assert (code, said, messages.count("\n")) == (2, "", 1)
    assert messages.startswith(f"kaoiro: {tmp_path / name}: {reason}")
    assert not (tmp_path / "out").exists()
