from __future__ import annotations

from pathlib import Path

import noted
import numpy as np
import pytest
from PIL import Image

from kaoiro.core.errors import OutputError
from kaoiro.inference.generated import notes_of, save_picture

ABOUT = {"model": "paint", "made of": "Zoë"}


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.PNG", "PNG"), ("a.jpg", "JPEG"), ("a.jpeg", "JPEG")])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_kind_of_picture_says_that_it_is_generated(tmp_path: Path, name: str, kind: str, mode: str) -> None:
    save_picture(Image.new(mode, (24, 16), "white"), tmp_path / "new" / name, "swap", ABOUT)
    with Image.open(tmp_path / "new" / name) as picture:
        assert (picture.format, picture.mode, picture.size) == (kind, mode, (24, 16))
    notes = noted.of(tmp_path / "new" / name)
    assert notes == notes_of("swap", ABOUT)
    assert "a generated face" in notes["Comment"]


def test_a_jpeg_keeps_edges_of_colours_clean_and_is_the_same_each_time(tmp_path: Path) -> None:
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[:, 27:] = (200, 60, 40)
    for name in ("a.jpg", "b.jpg"):
        save_picture(Image.fromarray(pixels), tmp_path / name, "swap", ABOUT)
    with Image.open(tmp_path / "a.jpg") as picture:
        assert np.abs(np.asarray(picture).astype(int) - pixels).max() <= 12
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()


def test_a_jpeg_of_noise_is_written_too(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    save_picture(Image.fromarray(noise), tmp_path / "a.jpg", "swap", ABOUT)
    assert noted.of(tmp_path / "a.jpg") == notes_of("swap", ABOUT)


@pytest.mark.parametrize("name", ["a.gif", "a", "jpg"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"must end in \.png, \.jpg, \.jpeg"):
        save_picture(Image.new("RGB", (8, 8)), tmp_path / name, "swap", ABOUT)
    assert not list(tmp_path.iterdir())
