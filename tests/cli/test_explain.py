from __future__ import annotations

import json
from pathlib import Path

import pytest
from graphs import write_affect_model
from PIL import Image

from kaoiro.cli.main import main


@pytest.fixture
def smiling(tmp_path: Path) -> str:
    """Write a model that says happiness, with cheeks raised but lip corners not."""
    units = {"au_06": 0.9, "au_12": 0.25, "au_25": 0.9}
    return str(write_affect_model(tmp_path / "models" / "smiling", units=units).path)


def test_a_sheet_is_written(astronaut, tmp_path, capsys) -> None:
    assert main(["explain", str(astronaut), "--show", "attention", "--out", str(tmp_path / "look.jpg")]) == 0
    assert "1 face in" in capsys.readouterr().err
    with Image.open(tmp_path / "look.jpg") as picture:
        assert picture.format == "JPEG"
        assert picture.width > 600


def test_bad_input_is_one_line(astronaut, tmp_path, capsys) -> None:
    assert main(["explain", str(tmp_path / "none.png")]) == 2
    assert main(["explain", str(astronaut), "--out", str(tmp_path / "look.gif")]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "none.png" in first
    assert "the name must end in .png, .jpg, .jpeg" in second
    assert not list(tmp_path.iterdir())


def test_action_units_go_to_the_terminal_and_to_a_picture(astronaut, smiling, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explain", str(astronaut), "--show", "aus", "--model", smiling]) == 0
    said = capsys.readouterr()
    assert "AU 12 lip corner puller     0.25" in said.out
    assert "happiness without AU 12 (lip corner puller)" in said.out
    assert said.err == "kaoiro: 1 face in aus.png\n"
    with Image.open(tmp_path / "aus.png") as picture:
        assert picture.width > 600


def test_action_units_are_machine_readable(astronaut, smiling, tmp_path, capsys) -> None:
    out = str(tmp_path / "look.png")
    assert main(["explain", str(astronaut), "--show", "aus", "--json", "--model", smiling, "--out", out]) == 0
    document = json.loads(capsys.readouterr().out)
    (face,) = document["faces"]
    assert (document["model"], document["found"]) == ("smiling", 1)
    assert (face["units"]["au_12"], face["absent"]) == (0.25, ["au_12"])
    assert face["remarks"] == ["happiness without AU 12 (lip corner puller)"]


def test_machine_readable_units_draw_nothing_unless_asked(astronaut, smiling, tmp_path, capsys, monkeypatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["explain", str(astronaut), "--show", "aus", "--json", "--model", smiling]) == 0
    assert json.loads(capsys.readouterr().out)["found"] == 1
    assert not list((tmp_path / "here").iterdir())


def test_both_are_one_picture(astronaut, tmp_path, capsys, monkeypatch) -> None:
    import kaoiro.inference.unit_sheet

    class Sheet:
        def text(self) -> str:
            return "units"

        def sheet(self) -> Image.Image:
            return Image.new("RGB", (300, 100), "red")

    monkeypatch.setattr(kaoiro.inference.unit_sheet, "units", lambda *arguments: Sheet())
    monkeypatch.chdir(tmp_path)
    assert main(["explain", str(astronaut), "--show", "aus,attention"]) == 0
    assert main(["explain", str(astronaut), "--show", "attention", "--out", "alone.png"]) == 0
    with Image.open(tmp_path / "attention-aus.png") as both, Image.open(tmp_path / "alone.png") as alone:
        assert both.size == (alone.width, alone.height + 100)
        assert both.getpixel((10, alone.height + 50)) == (255, 0, 0)


def test_what_cannot_be_explained_is_one_line(astronaut, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explain", str(astronaut), "--json"]) == 2
    assert capsys.readouterr().err == "kaoiro: --json tells action units; add --show aus\n"
    with pytest.raises(SystemExit):
        main(["explain", str(astronaut), "--show", "attention,mood"])
    assert "must be some of attention, aus, joined by commas, not attention,mood" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
