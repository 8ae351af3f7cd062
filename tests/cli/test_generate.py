from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake import generator
from PIL import Image

from kaoiro.cli.main import main


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(generator.write(tmp_path_factory.mktemp("generator"))[1])


def opened(path: Path) -> tuple[np.ndarray, dict[str, str]]:
    with Image.open(path) as picture:
        return np.asarray(picture), picture.text  # pyright: ignore[reportAttributeAccessIssue]


def test_faces_that_show_what_was_asked(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wish = ["--valence", "0.6", "--arousal", "0.4", "--expression", "happiness", "--au", "12=1", "--au", "AU6=0.8"]
    call = ["generate", "--model", model, *wish, "--n", "5", "--seed", "2", "--out"]
    assert main([*call, str(tmp_path / "sheet.png")]) == 0
    assert "5 faces in" in capsys.readouterr().err
    pixels, notes = opened(tmp_path / "sheet.png")
    assert pixels.shape == (2 * 96, 3 * 96)
    about = json.loads(notes["Description"])
    assert (about["seed"], about["valence"], about["au_12"], about["au_06"]) == (2, 0.6, 1.0, 0.8)
    assert "shows nobody" in notes["Comment"]
    assert main([*call, str(tmp_path / "again.png")]) == 0
    assert np.array_equal(opened(tmp_path / "again.png")[0], pixels)


def test_single_pictures(model: str, tmp_path: Path) -> None:
    out = tmp_path / "faces"
    call = ["generate", "--model", model, "--each", "--out", str(out)]
    assert main([*call, "--expression", "fear", "--n", "3"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["0000.png", "0001.png", "0002.png"]
    pixels, notes = opened(out / "0002.png")
    assert pixels.shape == (48, 48)
    assert notes["Software"] == "kaoiro generate"


def test_without_a_wish_every_person_shows_every_expression(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--model", model]) == 0
    assert opened(tmp_path / "faces.png")[0].shape == (4 * 96 + 14, 7 * 96)
    assert "4 people with 7 expressions each in faces.png; they show nobody" in capsys.readouterr().err
    assert main(["generate", "--model", model, "--each", "--n", "2"]) == 0
    assert len(list((tmp_path / "faces").glob("0001-*.png"))) == 7


def test_a_generator_without_condition_makes_faces_of_any_kind(tmp_path: Path, capsys) -> None:
    folder = str(generator.write(tmp_path / "model", conditional=False)[1])
    out = str(tmp_path / "any.png")
    assert main(["generate", "--model", folder, "--out", out]) == 0
    assert opened(Path(out))[0].shape == (4 * 96, 4 * 96)
    assert main(["generate", "--model", folder, "--expression", "fear", "--out", out]) == 2
    assert "takes no condition" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--valence", "2"], "valence must be between -1 and 1, not 2.0"),
        (["--arousal", "-1.01"], "arousal must be between -1 and 1, not -1.01"),
        (["--au", "12=3"], "au_12 must be between 0 and 1, not 3.0"),
        (["--au", "9=1"], "action unit must be one of 1, 2, 4, 6, 12, 15, 20, 25, not 9"),
        (["--expression", "boredom"], "expression must be one of anger, disgust"),
        (["--seed", "-1"], "--seed must be 0 or more"),
        (["--out", "faces.jpg"], "must end in .png; for a folder of single pictures add --each"),
    ],
)
def test_bad_input_is_one_line(
    model: str, options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--model", model, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [["--au", "twelve=1"], ["--au", "12"], ["--n", "0"]])
def test_options_that_cannot_be_read(options: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["generate", *options])
    assert stop.value.code == 2
    assert "must be" in capsys.readouterr().err


def test_a_folder_without_a_generator(tmp_path: Path, capsys) -> None:
    assert main(["generate", "--model", str(tmp_path), "--out", str(tmp_path / "a.png")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "kaoiro train multitask_affect generator" in line


def test_what_is_said_twice_or_grows_too_large_is_refused(model: str, tmp_path: Path, capsys) -> None:
    call = ["generate", "--model", model, "--out", str(tmp_path / "x.png")]
    assert main([*call, "--au", "12=1", "--au", "AU12=0"]) == 2
    assert capsys.readouterr().err == "kaoiro: --au 12 is given several times; say it once\n"
    assert main([*call, "--expression", "fear", "--n", "3000"]) == 2
    assert capsys.readouterr().err == "kaoiro: --n 3000: a sheet has at most 400 faces; for more add --each\n"
    (tmp_path / "x.png").write_bytes(b"mine")
    assert main([*call, "--each"]) == 2
    assert "x.png is a file; with --each name a folder" in capsys.readouterr().err
    assert (tmp_path / "x.png").read_bytes() == b"mine"
