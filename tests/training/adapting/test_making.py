"""Adaptation from Python, by names of files."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kaoiro
from kaoiro.core.errors import InputError, MissingExtra, OutputError
from kaoiro.core.labels import EXPRESSION
from kaoiro.data.datasets import drawn


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write drawn faces of two expressions into folders, one of them spelled wrongly."""
    folder = tmp_path_factory.mktemp("faces")
    made = drawn.faces(48, seed=3)
    for number, (pixels, label) in enumerate(zip(made.pixels, made.labels[EXPRESSION], strict=True)):
        name = {"happiness": "hapiness", "surprise": "surprise"}.get(drawn.VOCABULARY.labels[label])
        if name is not None:
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(np.ascontiguousarray(pixels)).save(folder / name / f"{number}.png")
    return folder


def test_a_call_writes_a_model_that_the_analyzer_takes(faces: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    found = kaoiro.adapt(faces, tmp_path / "mine", model="stills", cut="whole", methods=["head"], tell=lines.append)
    assert found.model.path == tmp_path / "mine"
    assert lines[0] == "no expressions, hence labels of your own: hapiness (is happiness meant?)"
    assert lines[-1].startswith("nobody is named")
    assert kaoiro.Analyzer(found.model.path).model.digest == found.model.digest


def test_what_should_be_known_is_warned_of(faces: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        kaoiro.adapt(faces, tmp_path / "a b", model="stills", cut="whole", methods="shift", folds=2)
    said = [str(one.message) for one in warned if one.category is UserWarning]
    assert "hapiness" in said[0] and "nobody is named" in said[-1]
    assert {one.filename for one in warned} == {__file__}


def test_the_extra_is_named_where_it_lacks(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"kaoiro adapt needs the extra \[train\]"):
        kaoiro.adapt(faces, tmp_path / "mine")


def test_nothing_is_written_outside_the_folder(faces: Path, tmp_path: Path) -> None:
    for name in ("../evil", "", "a/b", "..", "a\nb"):
        with pytest.raises(InputError, match="must be plain text"):
            kaoiro.adapt(faces, tmp_path / "mine", name=name)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        kaoiro.adapt(faces, tmp_path / "file")
