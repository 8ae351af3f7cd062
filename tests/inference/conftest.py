"""Fixtures of the tests of jobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from graphs import write_model
from jobs import Counting, Middle
from media import bar_code, regular, write_video
from PIL import Image


@pytest.fixture(scope="session")
def constant_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model that always answers contempt."""
    return write_model(tmp_path_factory.mktemp("models") / "test", [0.0] * 7 + [2.0]).path


@pytest.fixture
def counting(constant_model: Path) -> Counting:
    """Return a quick analyzer that notes what it is asked to measure."""
    return Counting(constant_model, detector=Middle(), threads=1)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """Write a folder of two photos, of which one has no face, and a video of ten frames."""
    folder = tmp_path / "given"
    (folder / "deep").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    Image.new("RGB", (64, 48)).save(folder / "deep" / "täglich.jpg")
    write_video(folder / "m.mp4", regular(10), (64, 48), picture=lambda number: bar_code(number, (64, 48)))
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
