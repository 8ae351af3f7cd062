from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from kaoiro.cli.main import main
from kaoiro.core.types import COLUMNS


@pytest.fixture
def video() -> str:
    path = Path(str(resources.files("kaoiro"))) / "assets" / "two-people.mp4"
    if not path.is_file():
        pytest.skip("assets/two-people.mp4 is missing")
    return str(path)


def test_a_file_is_measured_while_it_plays(capsys, video) -> None:
    assert main(["live", video, "--seconds", "0.6", "--threads", "1"]) == 0
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert list(rows[0]) == [*(column.name for column in COLUMNS), "dropped"]
    assert all(row["time_s"] < 0.6 for row in rows)
    times = [row["time_s"] for row in rows]
    assert times == sorted(times)
    faces = [row for row in rows if row["track"] is not None]
    assert {row["track"] for row in faces} == {0, 1}
    assert all(0 <= row["expression_happiness_smooth"] <= 1 for row in faces)
    frames = {row["frame"]: row["dropped"] for row in rows}
    passed = max(frames) + 1 - len(frames)
    assert sum(frames.values()) == passed
    assert f"kaoiro: {len(frames)} frames measured, {passed} of {max(frames) + 1} dropped" in said.err


def test_without_smoothing_nothing_is_added(capsys, video) -> None:
    assert main(["live", video, "--seconds", "0.2", "--smooth", "none", "--max-faces", "1"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["expression_fear_smooth"] for row in rows} == {None}


def test_a_source_that_is_not_there_is_one_line(capsys) -> None:
    assert main(["live", "nothing.mp4"]) == 2
    assert capsys.readouterr().err.startswith("kaoiro: nothing.mp4: cannot be opened")


def test_words_are_scored_and_smoothed_looking_back_as_it_plays(capsys, video) -> None:
    words = ["--classes", "smile, 目を見開く"]
    assert main(["live", video, "--seconds", "0.6", "--threads", "1", *words]) == 0
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    columns = ["word_smile", "word_eyes_wide", "word_smile_smooth", "word_eyes_wide_smooth"]
    assert list(rows[0]) == [*(column.name for column in COLUMNS), *columns, "dropped"]
    faces = [row for row in rows if row["track"] is not None]
    assert faces
    assert all(row["word_smile"] == pytest.approx(row["au_12"], abs=1e-6) for row in faces)
    assert all(row["word_smile_smooth"] == pytest.approx(row["au_12_smooth"], abs=1e-6) for row in faces)
    frames = {row["frame"]: row["dropped"] for row in rows}
    passed = max(frames) + 1 - len(frames)
    assert said.err.splitlines()[0].startswith("kaoiro: word_smile: AU 12; ")
    assert f"kaoiro: {len(frames)} frames measured, {passed} of {max(frames) + 1} dropped" in said.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--classes", "smiel"], "'smiel' is not in the glossary"),
        (["--classes", "lip bite"], "'lip bite' cannot be measured"),
        (["--glossary", "own.toml"], "name the words, too"),
        (["--classes", "smile", "--glossary", "none.toml"], "none.toml"),
    ],
    ids=["unknown", "not-measured", "no-words", "no-file"],
)
def test_words_that_cannot_be_told_are_one_line(capsys, video, options, reason) -> None:
    assert main(["live", video, *options]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert reason in said.err
