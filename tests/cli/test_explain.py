from __future__ import annotations

from PIL import Image

from kaoiro.cli.main import main


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
