from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core.labels import EXPRESSION
from kaoiro.data.datasets import drawn


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write drawn faces into folders of labels, one of them no expression."""
    folder = tmp_path_factory.mktemp("faces")
    made = drawn.faces(64, seed=7)
    for number, (pixels, label) in enumerate(zip(made.pixels, made.labels[EXPRESSION], strict=True)):
        name = drawn.VOCABULARY.labels[label]
        if name not in ("happiness", "surprise", "anger"):
            continue
        path = folder / {"anger": "pain"}.get(name, name) / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.ascontiguousarray(255 - pixels)).save(path)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    try:
        code = main(["adapt", *map(str, argv)])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(said) == 1, said
    return said[0]


def test_a_folder_becomes_a_model_that_analyze_takes(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, figures, plot = tmp_path / "mine", tmp_path / "figures.json", tmp_path / "plot.png"
    argv = [faces, "--out", out, "--cut", "whole", "--methods", "head", "--folds", 3, "--model", "stills"]
    assert main(["adapt", *map(str, argv), "--json", str(figures), "--plot", str(plot)]) == 0
    printed = capsys.readouterr()
    assert "nobody is named" in printed.err
    assert "more pictures would give" in printed.out
    assert set(json.loads(figures.read_text())["labels"]) == {"happiness", "surprise", "pain"}
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
    assert main(["models", str(out)]) == 0
    assert "own       happiness, surprise, pain" in capsys.readouterr().out


def test_records_have_a_column_for_each_label_of_ones_own(
    faces: Path, small_photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [faces, "--out", tmp_path / "mine", "--cut", "whole", "--methods", "shift", "--model", "stills"]
    assert main(["adapt", *map(str, argv)]) == 0
    capsys.readouterr()
    assert main(["analyze", str(small_photo), "--model", str(tmp_path / "mine"), "--format", "jsonl"]) == 0
    row = json.loads(capsys.readouterr().out.splitlines()[0])
    shares = [row[f"word_{name}"] for name in ("happiness", "surprise", "pain")]
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert row["expression_happiness"] is not None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--methods", "magic"], "no method 'magic'"),
        (["--plot", "x.jpg"], "must end in .png"),
        (["--seed", "-1"], "argument --seed"),
        (["--folds", "1"], "folds must be 2 or more"),
        (["--labels", "gone.csv"], "no table gone.csv"),
        (["--model", "nobody"], "no model 'nobody'"),
        (["--name", "../evil"], "not '../evil'; name it otherwise"),
        (["--name", " "], "must be plain text"),
        (["--name", "a\\b"], "must be plain text"),
        (["--json", "."], "cannot write ."),
        (["--plot", str(Path(__file__) / "x.png")], "cannot write"),
    ],
    ids=["method", "plot", "seed", "folds", "labels", "model", "up", "empty", "below", "json", "plot-below-a-file"],
)
def test_what_cannot_be_is_refused_with_one_line(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert said in refused(capsys, faces, "--out", tmp_path / "mine", *more)
    assert not (tmp_path / "mine" / "model.json").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("there")
    for out in (tmp_path / "file", tmp_path / "file" / "mine"):
        assert f"cannot write {out}" in refused(capsys, faces, "--out", out)


def test_a_graph_that_is_there_is_not_written_over(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"somebody's")
    assert "there is a model already (model.onnx)" in refused(capsys, faces, "--out", tmp_path)


def test_two_labels_of_one_column_are_refused_before_anything_is_read(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = sorted(path.name for path in (faces / "happiness").glob("*.png"))
    (tmp_path / "own.csv").write_text(f"path,label\nhappiness/{names[0]},a b\nhappiness/{names[1]},a-b\n")
    argv = [faces, "--labels", tmp_path / "own.csv", "--out", tmp_path / "mine"]
    assert main(["adapt", *map(str, argv)]) == 2
    assert "labels 'a b' and 'a-b' would have the same column, word_a_b" in capsys.readouterr().err


def test_a_model_is_never_written_over(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.json").write_text("{}")
    assert "there is a model already" in refused(capsys, faces, "--out", tmp_path / "mine")


def test_a_label_that_no_column_can_have_is_refused_before_anything_is_read(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next((faces / "happiness").glob("*.png")).name
    (tmp_path / "own.csv").write_text(f"path,label\nhappiness/{name},gut_smooth\nhappiness/{name},fine\n")
    argv = [faces, "--labels", tmp_path / "own.csv", "--out", tmp_path / "mine"]
    assert main(["adapt", *map(str, argv)]) == 2
    assert "label 'gut_smooth' cannot be the name of a column" in capsys.readouterr().err
