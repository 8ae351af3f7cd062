"""Fixtures that several tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path

# before NumPy and PyTorch count their threads: sums in a fixed order, and two processes that do not fight
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import Box, Record, expression_column

sys.path.insert(0, str(Path(__file__).parent / "data"))

MakeRecord = Callable[..., Record]


@pytest.fixture(scope="session")
def astronaut() -> Path:
    path = Path(str(resources.files("kaoiro"))) / "assets" / "astronaut.png"
    if not path.is_file():
        pytest.skip("assets/astronaut.png is missing; building the package puts it there: pip install .")
    return path


@pytest.fixture(scope="session")
def analyzer():
    from kaoiro import Analyzer
    from kaoiro.core import modelfile

    if modelfile.DEFAULT not in modelfile.shipped():
        pytest.skip("the default model is missing from src/kaoiro/models")
    return Analyzer(threads=1)


@pytest.fixture(scope="session")
def two_faces(astronaut: Path) -> np.ndarray:
    """Show one face large at the left and smaller at the right: (512, 768, 3)."""
    photo = Image.open(astronaut).convert("RGB")
    scene = Image.new("RGB", (768, 512), (90, 100, 110))
    scene.paste(photo, (0, 0))
    scene.paste(photo.resize((256, 256), Image.Resampling.BOX), (512, 128))
    return np.asarray(scene)


@pytest.fixture
def small_photo(astronaut: Path, tmp_path: Path) -> Path:
    """Write a small JPEG with one face."""
    path = tmp_path / "given" / "face.jpg"
    path.parent.mkdir()
    Image.open(astronaut).convert("RGB").resize((256, 256), Image.Resampling.BOX).save(path, quality=92)
    return path


@pytest.fixture
def make_record() -> MakeRecord:
    """Return a function that makes a record with a face; expressions are given by label."""

    def make(source: str = "a.jpg", frame: int = 0, time_s: float = 0.0, **scores: float) -> Record:
        probabilities = {name: scores.get(name, 0.0) for name in LABELS}
        best = max(probabilities, key=probabilities.__getitem__)
        return Record(
            source=source,
            frame=frame,
            time_s=time_s,
            track=1,
            face_score=0.875,
            box=Box(10.0, 20.0, 30.0, 40.0),
            landmarks=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 10.0)),
            roll=-3.5,
            face_size=34.64,
            sharpness=0.25,
            expression=best,
            confidence=probabilities[best],
            scores={expression_column(name): value for name, value in probabilities.items()},
        )

    return make


LABELS = EXPRESSIONS.labels
