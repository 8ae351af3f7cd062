from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import exchange as fake
from fake import london
from graphs import write_recogniser
from jobs import Middle
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError
from kaoiro.data.splits import part_of
from kaoiro.evaluation import verification
from kaoiro.evaluation.verification import EMBEDDING, EXPRESSION, IDENTITY, PIXELS, grey, measure
from kaoiro.inference.exchange import Exchanger
from kaoiro.inference.identity import IdentityEncoder
from kaoiro.inference.recogniser import Recogniser

SUBJECTS = [f"{number:03d}" for number in range(1, 25)]
REPORTED = [name for name in SUBJECTS if part_of(name) == "report"]


def coloured(number: int, smiling: bool) -> bytes:
    """A picture of a person's own red and green; blue is that of the smile."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 50 + 8 * number, 250 - 8 * number, 230 if smiling else 30
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("london")
    shades = {"neutral": False, "smiling": True}
    own = {
        london.name(subject, kind): coloured(number, smiling)
        for number, subject in enumerate(SUBJECTS)
        for kind, smiling in shades.items()
    }
    london.write(folder, SUBJECTS, own=own)
    return folder


@pytest.fixture
def painted(tmp_path: Path) -> IdentityEncoder:
    return IdentityEncoder(Exchanger(fake.write(tmp_path / "paint"), detector=Middle()))


def test_a_code_of_colours_tells_people_of_colours_apart(root: Path, painted: IdentityEncoder) -> None:
    found = measure(painted, root, Middle(), draws=200)
    assert (found["people"], found["pairs of two people"]) == (len(REPORTED), len(REPORTED) * (len(REPORTED) - 1))
    assert found["people that thresholds are from"] == len(SUBJECTS) - len(REPORTED)
    rows = found["verification"]
    assert list(rows) == [IDENTITY, EXPRESSION, PIXELS]
    assert (rows[IDENTITY]["AUC"], rows[IDENTITY]["interval"], rows[IDENTITY]["equal error rate"]) == (1, [1, 1], 0)
    assert rows[EXPRESSION]["AUC"] == pytest.approx(0.5, abs=0.05)  # everybody smiles in the same blue
    assert (rows[IDENTITY]["missed"], rows[IDENTITY]["mistaken"]) == pytest.approx((0, 0), abs=0.2)
    assert found["verdict"] == "verified"


def test_pixels_are_compared_by_their_correlation() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    vectors = grey(crops)
    luma = [np.asarray(Image.fromarray(crop).convert("L"), float).ravel() for crop in crops]
    assert vectors @ vectors.T == pytest.approx(np.corrcoef(luma))


def test_faces_that_are_not_found_are_counted_and_too_few_refused(root: Path, painted: IdentityEncoder) -> None:
    class Sometimes(Middle):
        asked = 0

        def detect(self, image: np.ndarray) -> list[Any]:
            self.asked += 1
            return super().detect(image) if self.asked != 2 * (len(SUBJECTS) - len(REPORTED)) + 1 else []

    found = measure(painted, root, Sometimes(), draws=10)
    assert (found["photographs without a face"], found["people"]) == (1, len(REPORTED) - 1)

    class Never(Middle):
        def detect(self, image: np.ndarray) -> list[Any]:
            return []

    with pytest.raises(DataError, match="0 people of the development part were found at rest and smiling"):
        measure(painted, root, Never())


def test_the_command_writes_its_page(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "CenterFace", lambda threads: Middle())
    model, results = fake.write(tmp_path / "paint"), tmp_path / "results"
    given = ["evaluate", "verification", "--london", str(root), "--results", str(results)]
    assert main([*given, "--model", str(model)]) == 0
    stored = json.loads((results / "verification-paint.json").read_text(encoding="utf-8"))
    assert stored["seed"] == 0 and stored["commit"] and stored["verification"][IDENTITY]["AUC"] == 1
    page = (results / "verification-paint.md").read_text(encoding="utf-8")
    assert "Read it as an upper bound" in page and "0.95 or more" in page and f"| {PIXELS} |" in page
    assert main([*given, "--recogniser", str(write_recogniser(tmp_path / "net.onnx"))]) == 0
    stored = json.loads((results / "verification-net.json").read_text(encoding="utf-8"))
    assert list(stored["verification"]) == [EMBEDDING, PIXELS]
    assert stored["encoder"] == Recogniser(tmp_path / "net.onnx").title


def test_the_command_refuses_what_does_not_fit(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = fake.write(tmp_path / "one", identity=0)
    given = ["evaluate", "verification", "--london", str(root)]
    assert main([*given, "--model", str(one)]) == 2
    assert "has no code of identity" in capsys.readouterr().err
    assert (
        main(["evaluate", "verification", "--london", str(tmp_path), "--model", str(fake.write(tmp_path / "p"))]) == 2
    )
    assert "name the folder of the London set" in capsys.readouterr().err
