from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import write_model
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.labels import FERPLUS

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake import fer2013

HUNDREDTHS = (1, 2, 3, 70, 4, 5, 10, 5)  # of probability, in the order of FERPLUS: always happiness
SURE = 0.7
EVALUATE = ["evaluate", "fer2013", "--threads", "1"]


@pytest.fixture
def cheerful(tmp_path: Path) -> Path:
    """Write a model that always gives the same probabilities."""
    return write_model(tmp_path / "cheerful", [math.log(value) for value in HUNDREDTHS]).path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "fer"


@pytest.fixture
def measure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., tuple[dict[str, Any], str]]:
    """Return a function that runs `kaoiro evaluate` and returns the figures of --json and what was printed."""

    def measured(*argv: Any) -> tuple[dict[str, Any], str]:
        file = tmp_path / "figures" / "out.json"
        assert main([*map(str, argv), "--json", str(file)]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return json.loads(file.read_text(encoding="utf-8")), said.out

    return measured


def refused(capsys: pytest.CaptureFixture[str], *argv: Any) -> str:
    assert main([str(part) for part in argv]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("kaoiro: ")
    return said.err


def test_figures_on_fer2013_are_those_computed_by_hand(measure, root, cheerful):
    written = fer2013.write(root, duplicates=4)
    figures, said = measure(*EVALUATE, "--root", root, "--model", cheerful)
    truth = written.expressions[written.usage == "PublicTest"]
    counts = [int((truth == label).sum()) for label in FERPLUS.labels]
    happy = counts[3] / 16
    assert 0 < happy < 1
    assert (figures["n"], figures["dropped"], figures["labels"], figures["split"]) == (16, 0, "ferplus", "val")
    assert (figures["model"], figures["part"]) == ("cheerful", "PublicTest")
    assert figures["accuracy"] == pytest.approx(happy)
    assert figures["macro_recall"] == pytest.approx(1 / sum(count > 0 for count in counts))
    assert figures["ece"] == pytest.approx(abs(happy - SURE), abs=1e-6)
    surprise = sum(-math.log(share / 100) * count for share, count in zip(HUNDREDTHS, counts, strict=True))
    assert figures["nll"] == pytest.approx(surprise / 16, abs=1e-5)
    assert figures["confusion"]["labels"] == list(FERPLUS.labels)
    assert figures["confusion"]["counts"] == [[0, 0, 0, count, 0, 0, 0, 0] for count in counts]
    per_class = figures["per_class"]["happiness"]
    assert per_class["support"] == counts[3]
    assert per_class["recall"] == 1
    assert per_class["precision"] == pytest.approx(happy)
    assert per_class["f1"] == pytest.approx(2 * happy / (1 + happy))
    assert f"| accuracy | {happy:.4f} |" in said


def test_images_of_training_are_removed_for_the_second_accuracy(measure, root, cheerful):
    written = fer2013.write(root, duplicates=4)
    figures, _ = measure(*EVALUATE, "--root", root, "--model", cheerful)
    public = written.expressions[written.usage == "PublicTest"]
    assert figures["n_dedup"] == 12
    assert figures["accuracy_dedup"] == pytest.approx(float((public[4:] == "happiness").mean()))


def test_without_training_nothing_is_said_of_duplicates(measure, root, cheerful):
    fer2013.write(root, {"PublicTest": 8})
    figures, _ = measure(*EVALUATE, "--root", root, "--model", cheerful)
    assert (figures["n"], figures["n_dedup"], figures["accuracy_dedup"]) == (8, None, None)


def test_labels_that_the_data_lacks_are_dropped_and_it_is_said(measure, root, cheerful):
    written = fer2013.write(root, votes=False)
    figures, _ = measure(*EVALUATE, "--root", root, "--model", cheerful, "--labels", "fer2013", "--split", "test")
    labels = written.labels[written.usage == "PrivateTest"]
    assert (figures["split"], figures["part"], figures["n"]) == ("test", "PrivateTest", 16)
    assert figures["protocol"] == "single crop; contempt dropped and the rest renormalised"
    assert len(figures["confusion"]["labels"]) == 7
    renormalised = [value / 95 for value in HUNDREDTHS[:7]]
    assert figures["nll"] == pytest.approx(
        float(np.mean([-math.log(renormalised[label]) for label in labels])), abs=1e-5
    )
    assert figures["ece"] == pytest.approx(abs((labels == 3).mean() - 70 / 95), abs=1e-6)


def test_the_default_model_is_measured_as_it_ships(measure, root):
    fer2013.write(root, {"PublicTest": 8})
    figures, _ = measure(*EVALUATE, "--root", root)
    assert figures["protocol"] == "single crop; model and data have the same labels"
    assert sum(map(sum, figures["confusion"]["counts"])) == figures["n"] == 8


def test_missing_private_rows_are_said_clearly(capsys, root, cheerful):
    fer2013.write(root, {"Training": 8, "PublicTest": 4})
    message = refused(capsys, *EVALUATE, "--root", root, "--model", cheerful, "--split", "test")
    assert "fer2013.csv has no PrivateTest rows (present: PublicTest, Training)" in message
    assert "use a complete official copy or another --split" in message


def test_missing_votes_are_said_clearly(capsys, root, cheerful):
    fer2013.write(root, {"PublicTest": 4}, votes=False)
    assert "needs fer2013new.csv" in refused(capsys, *EVALUATE, "--root", root, "--model", cheerful)


def empty(folder: Path) -> None:
    folder.mkdir()


def no_table(folder: Path) -> None:
    folder.mkdir()
    (folder / "fer2013.csv").write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize(
    ("make", "reason"),
    [(lambda folder: None, "fer2013.csv not found"), (empty, "fer2013.csv not found"), (no_table, "not a text table")],
    ids=["missing", "empty", "binary"],
)
def test_a_root_that_holds_no_data_is_named(capsys, root, cheerful, make, reason):
    make(root)
    message = refused(capsys, *EVALUATE, "--root", root, "--model", cheerful)
    assert str(root / "fer2013.csv") in message
    assert reason in message


def paint(folder: Path, *shades: int) -> None:
    folder.mkdir(parents=True)
    for number, shade in enumerate(shades):
        Image.new("RGB", (20, 24), (shade,) * 3).save(folder / f"{number}.png")


@pytest.fixture
def bright(tmp_path: Path) -> Path:
    """Write a model that takes bright pictures for happiness and dark ones for anger."""
    bias, slope = np.full(8, -20.0), np.zeros(8)
    bias[[0, 3]], slope[[0, 3]] = (5, -5), (-10, 10)
    return write_model(tmp_path / "bright", bias.tolist(), slope.tolist()).path


def test_figures_on_a_folder_are_those_computed_by_hand(measure, root, bright):
    paint(root / "Angry", 20, 40, 60, 230)
    paint(root / "happy" / "deep", 200, 220)
    paint(root / "other", 0)
    figures, _ = measure("evaluate", "folder", "--root", root, "--model", bright)
    assert (figures["n"], figures["labels"], figures["split"], figures["model"]) == (6, "folder", "all", "bright")
    assert figures["accuracy"] == pytest.approx(5 / 6)
    assert figures["macro_recall"] == pytest.approx((3 / 4 + 1) / 2)
    counts = np.array(figures["confusion"]["counts"])
    assert figures["confusion"]["labels"] == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    assert counts[np.ix_([0, 3], [0, 3])].tolist() == [[3, 1], [0, 2]]
    assert counts.sum() == 6
    assert figures["per_class"]["anger"] == pytest.approx({"recall": 0.75, "precision": 1, "f1": 6 / 7, "support": 4})
    assert figures["per_class"]["happiness"] == pytest.approx(
        {"recall": 1, "precision": 2 / 3, "f1": 0.8, "support": 2}
    )
    assert "contempt" in figures["protocol"]
    # the odds of happiness are exp(20 b - 10), b the brightness
    happy = [1 / (1 + math.exp(10 - 20 * shade / 255)) for shade in (20, 40, 60, 230, 200, 220)]
    right = [1 - value for value in happy[:4]] + happy[4:]
    assert figures["nll"] == pytest.approx(-sum(map(math.log, right)) / 6, rel=1e-4)


def test_a_folder_without_classes_is_refused(capsys, root, cheerful):
    paint(root / "cats", 1)
    message = refused(capsys, "evaluate", "folder", "--root", root, "--model", cheerful)
    assert f"{root} has no sub-folder with pictures named after anger, contempt" in message
    assert "is not a folder" in refused(capsys, "evaluate", "folder", "--root", root / "nosuch")


def test_a_broken_picture_of_a_folder_is_named(capsys, root, cheerful):
    paint(root / "fear", 1, 2)
    (root / "fear" / "2.jpg").write_bytes(b"nothing")
    message = refused(capsys, "evaluate", "folder", "--root", root, "--model", cheerful)
    assert message.startswith(f"kaoiro: {root / 'fear' / '2.jpg'}: not a picture")


def test_results_for_the_documentation_are_written(root, cheerful, tmp_path, capsys):
    fer2013.write(root, {"PublicTest": 8})
    results = tmp_path / "results"
    assert main([*EVALUATE, "--root", str(root), "--model", str(cheerful), "--results", str(results)]) == 0
    names = {path.name for path in results.iterdir()}
    assert names == {f"fer2013-ferplus-val-cheerful.{suffix}" for suffix in ("md", "json")}
    text = (results / "fer2013-ferplus-val-cheerful.md").read_text("utf-8")
    assert text.startswith("# fer2013-ferplus-val-cheerful\n\n| figure | value |")
    assert "| true \\ answered | anger |" in text


def test_an_unknown_model_is_refused_before_the_data_is_read(capsys, root):
    assert "no model 'nosuch'" in refused(capsys, *EVALUATE, "--root", root, "--model", "nosuch")


def test_a_place_for_the_figures_that_cannot_be_written_is_named(capsys, root, cheerful, tmp_path):
    fer2013.write(root, {"PublicTest": 4})
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" / "figures.json"
    message = refused(capsys, *EVALUATE, "--root", root, "--model", cheerful, "--json", place)
    assert f"cannot write {place}" in message


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nosuch"],
        ["fer2013"],
        ["fer2013", "--root", "x", "--split", "train"],
        ["folder", "--labels", "x"],
        ["folder", "--root", "x", "--threads", "0"],
        ["end-to-end", "--root", "x", "--limit", "-3"],
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_one_line(capsys, argv):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", *argv])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("kaoiro: ") and "(see kaoiro evaluate" in said and said.count("\n") == 1


def test_the_figures_can_be_written_into_the_models_card(measure, root, cheerful):
    fer2013.write(root, duplicates=4)
    figures, _ = measure(*EVALUATE, "--root", root, "--model", cheerful, "--card")
    numbers = modelfile.load(cheerful).description.card.numbers
    assert numbers["publictest_ferplus_n"] == figures["n"]
    assert numbers["publictest_ferplus_accuracy"] == pytest.approx(figures["accuracy"], abs=1e-4)
    assert numbers["publictest_ferplus_ece"] == pytest.approx(figures["ece"], abs=1e-4)
    recalls = {label: numbers[f"publictest_ferplus_recall_{label}"] for label in FERPLUS.labels}
    assert recalls == {label: float(label == "happiness") for label in FERPLUS.labels}


def test_a_class_without_images_has_no_recall_in_the_card(measure, root, cheerful):
    fer2013.write(root, votes=False)
    measure(*EVALUATE, "--root", root, "--model", cheerful, "--labels", "fer2013", "--card")
    numbers = modelfile.load(cheerful).description.card.numbers
    assert numbers["publictest_fer2013_recall_happiness"] == 1
    assert "publictest_fer2013_recall_contempt" not in numbers


@pytest.mark.parametrize("what", ["fer2013", "folder", "end-to-end"])
def test_a_model_without_expressions_is_refused(capsys, root, tmp_path, what):
    fer2013.write(root)
    paint(root / "fear", 1)
    valence = write_model(tmp_path / "valence", [0.0, 0.0], labels=("low", "high"), head="valence").path
    limit = ["--limit", "2"] if what == "end-to-end" else []
    message = refused(capsys, "evaluate", what, "--root", root, "--model", valence, "--threads", 1, *limit)
    assert "model 'valence' has no expression head" in message


@pytest.mark.parametrize("name", ["fer2013.csv", "fer2013new.csv"])
def test_files_that_cannot_be_read_are_named(capsys, root, cheerful, monkeypatch, name):
    fer2013.write(root)
    opened = Path.open

    def locked(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", locked)
    message = refused(capsys, *EVALUATE, "--root", root, "--model", cheerful)
    assert f"{root / name} cannot be read: Permission denied" in message


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fake.ict_face import write_assets

    return write_assets(tmp_path_factory.mktemp("assets"))


def test_what_units_move_is_printed_as_a_table(measure, head):
    pytest.importorskip("numba")
    figures, said = measure("evaluate", "facs", "--root", head)
    assert len(figures["out and up, mm"]) == 20
    assert "**out and up, mm**" in said
    assert "| au_12 |" in said
    assert f"| contradictions | {', '.join(figures['contradictions'])} |" in said


def test_a_root_without_the_head_is_refused(capsys, tmp_path):
    pytest.importorskip("numba")
    assert f"{tmp_path / 'nowhere'} not found" in refused(capsys, "evaluate", "facs", "--root", tmp_path / "nowhere")
    assert str(tmp_path) in refused(capsys, "evaluate", "facs", "--root", tmp_path)


@pytest.mark.parametrize(
    ("what", "package", "extra"),
    [("facs", "numba", "synth"), ("synthesis", "torch", "train"), ("temporal", "lightning", "train")],
)
def test_without_the_packages_of_an_extra_it_is_named(capsys, monkeypatch, tmp_path, what, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    line = refused(capsys, "evaluate", what, "--root", tmp_path)
    assert line == f'kaoiro: kaoiro evaluate {what} needs the extra [{extra}]: pip install "kaoiro[{extra}]"\n'


def test_a_root_that_is_no_rendered_set_is_refused(capsys, tmp_path):
    from fake import synthetic

    pytest.importorskip("torch")
    assert f"{tmp_path / 'set.json'} not found" in refused(capsys, "evaluate", "synthesis", "--root", tmp_path)
    synthetic.write(tmp_path / "set")
    message = refused(capsys, "evaluate", "synthesis", "--root", tmp_path / "set", "--checkpoint", tmp_path / "a.pt")
    assert "name one made by `kaoiro synth syn-id`" in message


def test_the_epochs_of_the_learning_are_told_on_stderr(monkeypatch, tmp_path, capsys):
    pytest.importorskip("torch")
    from kaoiro.training import rendered

    def measured(root: str, model: Any, faces: Any, portraits: Any, config: Any, *rest: Any) -> dict:
        checkpoint, tick, seeds, keep = rest
        tick("epoch 1 of 3")
        return {"asked": [root, faces, portraits, config.epochs, checkpoint, seeds, keep]}

    monkeypatch.setattr(rendered, "measure", measured)
    options = ["--fer2013", "a", "--london", "b", "--epochs", "3", "--seeds", "2"]
    assert main(["evaluate", "synthesis", "--root", str(tmp_path), *options]) == 0
    said = capsys.readouterr()
    assert said.err == "kaoiro: epoch 1 of 3\n"
    assert f"| asked | {tmp_path}, a, b, 3, –, 2, – |" in said.out


@pytest.mark.parametrize(("what", "module"), [("synthesis", "rendered"), ("temporal", "steadiness")])
def test_choices_are_written_beside_results_and_not_over_them(monkeypatch, tmp_path, what, module):
    pytest.importorskip("torch")
    training = importlib.import_module(f"kaoiro.training.{module}")
    found = {"figure": 0.5}
    monkeypatch.setattr(training, "choose", lambda *_: found, raising=False)
    monkeypatch.setattr(
        training, "measure", lambda *_, choosing=False, **__: found if choosing else pytest.fail("measured")
    )
    assert main(["evaluate", what, "--root", str(tmp_path), "--choose", "--results", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{what}-choice.json", f"{what}-choice.md"]


@pytest.mark.parametrize("option", [["--seeds", "2"], ["--keep", "x"], ["--fer2013", "x"], ["--london", "x"]])
def test_what_has_no_meaning_beside_a_choice_is_refused(capsys, tmp_path, option):
    pytest.importorskip("torch")
    line = refused(capsys, "evaluate", "synthesis", "--root", tmp_path, "--choose", *option)
    assert f"{option[0]} has no meaning beside --choose" in line


def test_the_page_of_claims_is_written_once(capsys, tmp_path):
    assert main(["evaluate", "claims", "--root", str(tmp_path), "--results", str(tmp_path)]) == 0
    assert (tmp_path / "claims.md").read_text(encoding="utf-8").startswith("# Claims\n\nEvery claim")
    assert [path.name for path in tmp_path.iterdir()] == ["claims.md"]
    capsys.readouterr()
    assert "no such folder" in refused(capsys, "evaluate", "claims", "--root", tmp_path / "none")


@pytest.mark.parametrize("what", ["face-sizes", "crop", "facs", "claims", "generator"])
def test_what_measures_no_model_takes_none(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", what, "--root", str(tmp_path), "--model", "stills"])
    assert stopped.value.code == 2
    assert "--model" in capsys.readouterr().err
