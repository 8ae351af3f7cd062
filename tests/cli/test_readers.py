"""`kaoiro evaluate readers`, as it is called."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from fake import london
from fake.synthetic import Rows
from fake.synthetic import write as write_rendered
from jobs import Middle

from kaoiro.cli.main import main
from kaoiro.core.types import LANDMARKS
from kaoiro.evaluation import crops
from kaoiro.inference.words import readers
from kaoiro.metrics import resampling


def winking(rows: Rows) -> None:
    """Put the five points where a face has them; every second frame closes one eye, every fourth both."""
    points = [(10.0, 13.0), (22.0, 13.0), (16.0, 19.0), (11.0, 24.0), (21.0, 24.0)]
    for number, row in enumerate(rows):
        left, right = [0.0] * 20, [0.0] * 20
        left[-1], right[-1] = 0.9 * (number % 2), 0.9 * (number % 4 == 1)
        row["units_left"], row["units_right"] = left, right
        for name, (x, y) in zip(LANDMARKS, points, strict=True):
            row[f"{name}_x"], row[f"{name}_y"] = x, y


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resampling, "DRAWS", 100)
    monkeypatch.setattr(crops, "CenterFace", Middle)
    write_rendered(tmp_path / "acts", winking)
    return tmp_path / "acts"


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code = main(["evaluate", "readers", *map(str, argv)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_readers_are_measured_on_other_people_and_on_portraits(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    london.write(tmp_path / "london", [f"{number:03d}" for number in range(1, 9)])
    code, out, err = call(capsys, "--root", root, "--london", tmp_path / "london", "--results", tmp_path)
    assert code == 0, err
    figures = json.loads((tmp_path / "readers.json").read_text(encoding="utf-8"))
    found = figures["rendered people"]
    assert (found["au_43"]["faces"], found["au_43"]["near: faces"]) == (found["au_46"]["faces"],) * 2
    assert found["au_43"]["AUC"] is not None and found["au_27"]["AUC"] is None, "nobody yawns"
    assert figures["neutral portraits (London)"]["au_43"]["faces"] > 0
    page = (tmp_path / "readers.md").read_text(encoding="utf-8")
    assert page.startswith("# Readers of single sides") and "| au_46 |" in out


def test_what_cannot_be_ends_in_one_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for options, why in (
        (("--choose", "--results", tmp_path), "--choose is for choices"),
        (("--epochs", 3), "give it together with --write"),
        (("--write", "--epochs", 1, "--threads", 1), "faces to learn readers from; at least 64 are needed"),
    ):
        code, _, err = call(capsys, "--root", root, *options)
        assert (code, err.count("\n")) == (2, 1) and why in err
    monkeypatch.setattr(readers, "shipped", lambda: None)
    code, _, err = call(capsys, "--root", root)
    assert code == 2 and "no readers are in the package; learn them: kaoiro evaluate readers" in err


def test_readers_that_were_learned_are_kept_with_their_card(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kaoiro.training import readers as learning

    place = tmp_path / "kept"
    monkeypatch.setattr(readers, "folder", lambda: place)
    monkeypatch.setattr(learning, "ReaderConfig", partial(learning.ReaderConfig, batch=8))
    readers.shipped.cache_clear()
    try:
        code, _, err = call(capsys, "--root", root, "--write", "--epochs", 1, "--threads", 1)
        assert code == 0, err
        about = readers.Description.model_validate_json((place / readers.DESCRIPTION).read_text(encoding="utf-8"))
        assert about.provenance.settings["batch"] == 8 and about.card.numbers["au_43_auc"] >= 0
        assert readers.load(place).digest == about.files[readers.GRAPH]
    finally:
        readers.shipped.cache_clear()
