"""System C again, end to end on small fake files: arms, seeds, folds, and what lies in the folder before."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError, InputError
from kaoiro.evaluation import arm_answers
from kaoiro.evaluation.arms import CONTINUED, SCRATCH
from kaoiro.metrics import resampling
from kaoiro.training import arm_runs, arms, families, fit
from kaoiro.training.arm_data import FOLDS, read
from kaoiro.training.arms import Published, alike, asked, named, recipe_of

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake import clip
from fake.fer2013 import write

SMALL = {"stem": 8, "widths": (8, 16, 24), "mask": 8, "dropout": 0.0, "embed": 16}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("fer")
    write(folder, {"Training": 240, "PublicTest": 64, "PrivateTest": 16}, duplicates=8)
    return str(folder)


def small(recipe: Any) -> Any:
    """Return a recipe with a small network and one epoch, in which arms differ as they do."""
    text = replace(recipe.network.text, width=16, layers=1, heads=2, vocabulary=400, context=64)
    run = replace(recipe.run, epochs=1, batch=64, ema=0.0)
    return replace(recipe, network=replace(recipe.network, text=text, **SMALL), run=run)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make recipes small, and draw images 50 times."""
    named_recipes = {name: small(one) for name, one in families.recipes(arms.FAMILY).items()}
    monkeypatch.setattr(arms, "recipes", lambda family: named_recipes)
    monkeypatch.setattr(resampling, "DRAWS", 50)
    yield


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the runs that are trained, as ARM/FOLDER."""
    found: list[str] = []
    learn = fit.fit

    def learned(family: str, recipe: Any, folder: Path, given: Any = None) -> Any:
        found.append(f"{folder.parent.name}/{folder.name}")
        return learn(family, recipe, folder, given)

    monkeypatch.setattr(arm_runs.fit, "fit", learned)
    return found


def call(root: str, out: Path, *options: str) -> int:
    return main(["reproduce", "C", "--fer2013", root, "--out", str(out), *options])


def test_every_run_is_trained_once_and_the_page_tells_all(
    root: str, trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--arms", "descriptions,linear", "votes", "--seeds", "2", "--results", str(tmp_path / "pages")]
    assert call(root, tmp_path / "out", *options) == 0
    runs = ["linear/seed-0", "votes/seed-0", "descriptions/seed-0"]
    assert trained == [*runs, *(name.replace("0", "1") for name in runs)]
    said = capsys.readouterr()
    assert "6 runs of 1 epochs; 0 finished" in said.err
    assert "linear: seed-0, seed-1" in said.err
    page = (tmp_path / "pages" / "system-c.md").read_text(encoding="utf-8")
    assert said.out == page
    for text in ("## Source, ours, verdict", "## Without pretraining", "descriptions − votes", "(its head of FER+)"):
        assert text in page
    content = json.loads((tmp_path / "pages" / "system-c.json").read_text())["scratch"]
    assert content["seeds"] == {"linear": 2, "votes": 2, "descriptions": 2}
    assert content["claims"]["descriptions above linear, accuracy"]["verdict"] == "undecided"
    assert content["claims"]["class-names above linear, accuracy"]["verdict"] == "not measured yet"
    one = content["annotations"]["fer2013"]
    assert one["images"] == 64
    assert one["dedup"]["images"] == 56
    assert np.sum(one["arms"]["linear"]["confusion"]["counts"]) == 128
    assert content["annotations"]["ferplus"]["images"] == 56  # an eighth of the drawn faces shows contempt
    assert (tmp_path / "pages" / "system-c-confusion-scratch.png").is_file()
    trained.clear()
    capsys.readouterr()
    assert call(root, tmp_path / "out", "--arms", "linear", "--seeds", "2") == 0
    assert trained == []
    assert "2 runs of 1 epochs; 2 finished" in capsys.readouterr().err


def test_the_figures_are_those_of_the_answers_of_the_exported_model(root: str, tmp_path: Path) -> None:
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1") == 0
    from kaoiro.core.modelfile import load
    from kaoiro.evaluation.fer2013 import evaluate

    theirs = evaluate(load(tmp_path / "linear" / "seed-0" / "model"), root, "val", "fer2013")
    content = json.loads((tmp_path / "system-c.json").read_text())["scratch"]["annotations"]["fer2013"]
    found = content["arms"]["linear"]
    measures = {name: one["found"] for name, one in found["measures"].items()}
    assert measures["accuracy"] == pytest.approx(theirs["accuracy"])
    assert measures["macro recall"] == pytest.approx(theirs["macro_recall"])
    assert measures["NEG2 recall"] == pytest.approx(theirs["NEG2"])
    assert measures["ECE"] == pytest.approx(theirs["ece"], abs=1e-6)
    assert found["confusion"]["counts"] == theirs["confusion"]["counts"]
    dedup = content["dedup"]["arms"]["linear"]["accuracy"]["found"]
    assert dedup == pytest.approx(theirs["accuracy_dedup"])


def test_private_test_is_never_kept(root: str) -> None:
    material = read(root)
    assert set(material.training.usage) == {"Training"}
    assert set(material.public.usage) == {"PublicTest"}


def test_an_interrupted_call_goes_on(
    root: str, trained: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    export = arm_runs.export

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(arm_runs, "export", interrupted)
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1", "--run.epochs", "2") == 130
    monkeypatch.setattr(arm_runs, "export", export)
    capsys.readouterr()
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1") == 0
    assert "linear: seed-0 (goes on)" in capsys.readouterr().err
    assert trained == ["linear/seed-0"] * 2
    assert len((tmp_path / "linear" / "seed-0" / "curve.csv").read_text().splitlines()) == 3


def test_a_run_made_by_hand_is_taken_if_its_recipe_agrees(
    root: str, trained: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAOIRO_FER2013", root)
    monkeypatch.setattr("kaoiro.training.families.recipes", lambda family: arms.recipes(family))
    own = ["train", "language_contrast", "linear", "--out", str(tmp_path / "linear" / "seed-0"), "--run.ema", "0.5"]
    assert main([*own, "--name", "mine"]) == 0
    trained.clear()
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1") == 2
    assert "linear/seed-0 holds a run with run.ema 0.5, not 0.0; ask for the same settings" in capsys.readouterr().err
    assert not (tmp_path / "settings.json").exists()
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1", "--run.ema", "0.5", "--run.epochs", "3") == 2
    assert "run.epochs 1, not 3" in capsys.readouterr().err
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1", "--run.ema", "0.5") == 0
    assert trained == []


def test_hours_are_divided_over_all_runs_once(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    timed: list[float] = []

    def seconds(run: Any, objective: Any, batches: Any) -> float:
        timed.append(len(batches))
        return 10.0

    monkeypatch.setattr(arm_runs.timing, "epoch_seconds", seconds)
    options = ["--arms", "linear", "class-names", "--seeds", "1"]
    # two runs of 10 s an epoch in 41 s: two epochs each
    assert call(root, tmp_path, *options, "--budget", str(41 / 3600)) == 0
    assert len(timed) == 2
    assert json.loads((tmp_path / "settings.json").read_text())["epochs"] == 2
    assert call(root, tmp_path, *options, "--budget", "7") == 0
    assert "keeps its 2 epochs" in capsys.readouterr().err
    assert call(root, tmp_path / "less", *options, "--budget", str(19 / 3600)) == 2
    assert "one epoch of all 2 runs takes 0.0056 hours" in capsys.readouterr().err


def test_folds_answer_every_face_of_training_unseen(root: str, trained: list[str], tmp_path: Path) -> None:
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1", "--folds", "linear,descriptions") == 0
    arms_of_folds = ("linear", "descriptions")
    assert trained == ["linear/seed-0", *(f"{arm}/fold-{k}" for k in range(FOLDS) for arm in arms_of_folds)]
    content = json.loads((tmp_path / "system-c.json").read_text())["folds"]
    assert content["images"] == 240
    assert content["arms"]["linear"]["per class"]["contempt"]["support"] == 30
    assert content["claims"]["descriptions above linear, recall of contempt"]["found"] is not None
    assert content["part"] == "Training, 5 folds"
    page = (tmp_path / "system-c.md").read_text(encoding="utf-8")
    assert "240 faces, 30 of fear, 30 of disgust, 30 of contempt" in page
    described = json.loads((tmp_path / "linear" / "fold-1" / "model" / "model.json").read_text())
    assert "ferplus and fer2013 labels, all but fold 2 of 5" in described["provenance"]["data"]


def test_identical_images_are_in_one_fold(root: str) -> None:
    material = read(root)
    copied = material.training.rows(np.r_[np.arange(240), np.arange(40)])
    place = replace(material, training=copied).place
    np.testing.assert_array_equal(place[:40], place[240:])
    assert np.bincount(place, minlength=FOLDS).min() > 40


def test_answers_of_folds_come_back_in_the_order_of_faces() -> None:
    from kaoiro.training.reproduce_c import _pooled

    place = np.array([1, 0, 2, 1, 0])
    parts = [
        arm_answers.Answered(np.flatnonzero(place == k)[:, None] * 1.0, None, np.zeros((int((place == k).sum()), 7)))
        for k in range(3)
    ]
    assert _pooled(parts, place).seven[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_arms_with_published_weights(root: str, trained: list[str], tmp_path: Path) -> None:
    files = clip.write(tmp_path)
    weights = ["--clip", str(files[0]), "--merges", str(files[1])]
    wanted = ["--arms", "clip-linear", "clip-class-names", "clip-zero-shot", "--seeds", "1"]
    assert call(root, tmp_path / "out", *wanted, *weights) == 0
    assert trained == ["clip-linear/seed-0", "clip-class-names/seed-0"]
    content = json.loads((tmp_path / "out" / "system-c.json").read_text())
    assert content.keys() == {"pretrained"}
    assert content["pretrained"]["claims"]["clip-linear, accuracy"]["wished"] == "at least 0.665"
    runs = content["pretrained"]["runs"]
    assert runs["clip-zero-shot, seed 0"]["cost"] == "no training"
    assert "With CLIP's weights" in (tmp_path / "out" / "system-c.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--arms", "lasted"], "--arms must be of scratch, continued, pretrained, unseen, linear, plain"),
        (["--folds", "lasted"], "--folds must be of scratch, continued, pretrained, unseen, linear"),
        (["--folds", "stills-linear", "linear"], "--folds must be arms that a fold can be kept from"),
        (["--folds", "unseen-contempt"], "--folds must be arms that a fold can be kept from"),
        (["--folds", "tied"], "--folds must be arms that a fold can be kept from"),
        (["--arms", "clip-linear"], "needs CLIP's weights: --clip FILE --merges FILE"),
        (["--clip", "weights"], "--clip and --merges belong together"),
        (["--arms", "linear", "--objective.axes", "both"], "--objective.axes cannot be changed for all arms alike"),
        (["--arms", "linear", "--run.seed", "3"], "--run.seed cannot be changed"),
        (["--arms", "unseen-fear", "--data.unseen", "anger"], "--data.unseen cannot be changed"),
        (["--arms", "tied", "--objective.tied", "2"], "--objective.tied cannot be changed"),
        (["--run.nonsense", "3"], "Unrecognized options: --run.nonsense"),
        (["--run.epochs", "0"], "run.epochs must be 1 or more"),
        (["--budget", "1", "--run.epochs", "3"], "--run.epochs must be left out beside --budget"),
        (["stray"], "Unrecognized options: stray; what can be changed: kaoiro train language_contrast linear"),
        (["--network.text.no-frozen"], "options beside those of the command must be --SECTION.FIELD VALUE"),
        (["--finished"], "holds no finished runs"),
    ],
)
def test_bad_orders_are_refused_in_one_line(
    options: list[str], message: str, root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(root, tmp_path / "out", *options) == 2
    said = capsys.readouterr().err.splitlines()
    assert not (tmp_path / "out").exists()
    assert message in said[-1]
    assert said[-1].startswith("kaoiro: ")


def test_missing_and_damaged_files_are_refused_in_one_line(
    root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(str(tmp_path / "none"), tmp_path / "out") == 2
    assert "fer2013.csv not found" in capsys.readouterr().err
    write(tmp_path / "no votes", {"Training": 8, "PublicTest": 8}, votes=False)
    assert call(str(tmp_path / "no votes"), tmp_path / "out") == 2
    assert "the votes of FER+, is missing" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "settings.json").write_text('{"epochs": 3}')
    assert call(root, tmp_path / "out") == 2
    assert "settings.json is damaged" in capsys.readouterr().err
    (tmp_path / "out" / "system-c.json").write_text("nothing")
    assert call(root, tmp_path / "out") == 2
    assert "system-c.json is damaged" in capsys.readouterr().err
    (tmp_path / "answers.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match=r"answers\.npz is damaged"):
        arm_answers._read(tmp_path / "answers.npz")


def test_a_folder_keeps_its_settings(
    root: str, trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1", "--objective.warmup", "0.1") == 0
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1", "--objective.warmup", "0.2") == 2
    assert "holds runs with objective.warmup 0.1, not 0.2" in capsys.readouterr().err
    assert call(root, tmp_path, "--arms", "class-names", "--seeds", "1") == 0
    stored = json.loads((tmp_path / "class-names" / "seed-0" / "recipe.json").read_text())
    assert stored["asked"]["objective"]["warmup"] == 0.1


def test_what_is_finished_can_be_reported_without_training(
    root: str, trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1") == 0
    trained.clear()
    assert call(root, tmp_path, "--finished", "--seeds", "1", "--results", str(tmp_path / "pages")) == 0
    assert trained == []
    content = json.loads((tmp_path / "pages" / "system-c.json").read_text())
    assert list(content["scratch"]["annotations"]["fer2013"]["arms"]) == ["linear"]


def test_all_arms_have_the_same_number_of_epochs_batches_and_schedule() -> None:
    recipes = alike({name: recipe_of(name, None) for name in SCRATCH.arms}, {"run.ema": 0.5})
    for path in ("run.ema", "run.batch", "objective.learning_rate", "objective.small_until", "data.augmentation.erase"):
        assert len({str(arms.flat(one)[path]) for one in recipes.values()}) == 1


def test_arms_that_go_on_from_a_model_begin_alike() -> None:
    recipes = {name: recipe_of(name, None) for name in CONTINUED.arms}
    for path in ("run.start", "objective.learning_rate", "objective.small_until", "run.epochs"):
        assert len({str(arms.flat(one)[path]) for one in recipes.values()}) == 1
    assert recipes[CONTINUED.backbone].run.start == arms.TOWER
    assert recipes["stills-descriptions"].network == recipe_of("descriptions", None).network


def test_an_arm_that_goes_on_is_trained_and_reported_in_a_section_of_its_own(root: str, tmp_path: Path) -> None:
    """The small networks of these tests have another image tower, so here they begin with one of their own."""
    assert call(root, tmp_path, "--arms", "linear", "--seeds", "1") == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arms, "TOWER", str(tmp_path / "linear" / "seed-0" / "model"))
        assert call(root, tmp_path, "--arms", "stills-linear", "stills-class-names", "--seeds", "1") == 0
        assert call(root, tmp_path, "--arms", "continued", "--finished", "--seeds", "1") == 0
    content = json.loads((tmp_path / "system-c.json").read_text())
    assert list(content["continued"]["annotations"]["fer2013"]["arms"]) == ["stills-linear", "stills-class-names"]
    assert "stills-class-names above stills-linear, accuracy" in content["continued"]["claims"]
    assert str(tmp_path) not in (tmp_path / "stills-linear" / "seed-0" / "model" / "model.json").read_text()


def test_a_class_that_was_left_out_is_asked_about_by_its_text(
    root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["--arms", "unseen-contempt", "unseen-contempt-tied", "votes", "--seeds", "1"]
    assert call(root, tmp_path, *wanted, "--results", str(tmp_path / "pages")) == 0
    content = json.loads((tmp_path / "system-c.json").read_text())
    assert content.keys() == {"scratch", "unseen"}
    found = content["unseen"]["classes"]["contempt"]
    assert found["faces"]["PublicTest"]["of the class"] == 8  # an eighth of the drawn faces shows contempt
    assert found["faces"]["Training"]["of the class"] == 30
    assert list(found["arms"]) == ["unseen-contempt", "unseen-contempt-tied"]
    assert 0 <= found["arms"]["unseen-contempt"]["AUC"]["together"]["cosine"]["found"] <= 1
    assert list(found["learned"]) == ["votes"]
    assert content["unseen"]["claims"]["unseen-contempt, AUC of contempt"]["verdict"] == "undecided"
    page = (tmp_path / "pages" / "system-c.md").read_text(encoding="utf-8")
    assert "## Words never learned" in page and "### Contempt, left out" in page
    described = json.loads((tmp_path / "unseen-contempt-tied" / "seed-0" / "model" / "model.json").read_text())
    assert "without contempt; action units by affect: " in described["provenance"]["data"]
    assert described["specification"]["heads"][0]["labels"][-1] == "contempt"
    assert (tmp_path / "unseen-contempt" / "seed-0" / "unlearned.npz").is_file()


def test_arms_come_in_the_order_of_plans() -> None:
    assert named(("unseen",), None)[:2] == ("unseen-contempt", "unseen-contempt-tied")
    assert recipe_of("unseen-fear-tied", None).data.unseen == ("fear",)
    assert recipe_of("unseen-fear-tied", None).objective.tied == recipe_of("tied", None).objective.tied > 0
    assert named((), None) == named(SCRATCH.arms, None) == named(("scratch",), None)
    assert named(("continued",), None) == (
        "stills-linear",
        "stills-plain",
        "stills-logit-adjusted",
        "stills-votes",
        "stills-negative-mixup",
        "stills-class-names",
        "stills-descriptions",
        "stills-tied",
        "stills-improved",
    )
    assert named(("descriptions", "linear", "linear"), None) == ("linear", "descriptions")
    assert "clip-zero-shot" in named((), Published("a", "b"))


def test_texts_of_an_arm_cannot_be_changed_for_all() -> None:
    with pytest.raises(InputError, match=r"network\.text\.style"):
        alike({"linear": recipe_of("linear", None)}, {"network.text.style": "names"})


def test_options_are_settings_by_path() -> None:
    from kaoiro.cli.train import changed

    assert asked(["--run.epochs", "7", "--objective.small-until=1.0"], changed) == {
        "run.epochs": 7,
        "objective.small_until": 1.0,
    }
