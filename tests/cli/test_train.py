from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from fake.fer2013 import write

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.training import fit as fitting

TINY = ["train", "residual_attention", "tiny", "--data.count", "64", "--run.epochs", "1"]


def refused(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """Return the one line with which a call is refused."""
    assert main(["train", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kaoiro: ")
    assert err.count("\n") == 1, err
    return err


def test_training_writes_a_model_that_opens_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*TINY, "--out", str(tmp_path / "rün"), "--name", "mine", "--run.seed", "3"]) == 0
    model = modelfile.load(tmp_path / "rün" / "model")
    assert model.name == "mine"
    provenance = model.description.provenance
    assert (provenance.recipe, provenance.seed) == ("residual_attention/tiny", 3)
    assert provenance.settings["data"]["count"] == 64
    assert re.fullmatch(r"1 epochs, \d\.\d\d h on .+, (float32|bfloat16)", provenance.budget)
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert out.startswith(f"{tmp_path / 'rün' / 'model'}: training_val_n 16, training_val_accuracy ")
    assert "epoch 1/1" in err


def test_the_run_folder_and_the_model_are_named_after_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*TINY, "--run.seed", "2"]) == 0
    assert modelfile.load(tmp_path / "runs" / "residual_attention-tiny-seed2" / "model").name == "tiny"


def test_the_official_files_are_learned_from_and_only_training(tmp_path: Path) -> None:
    written = write(tmp_path / "fer")
    arguments = [
        "train",
        "residual_attention",
        "tiny",
        "--data.dataset",
        "fer2013",
        "--data.root",
        str(tmp_path / "fer"),
    ]
    assert main([*arguments, "--run.epochs", "1", "--out", str(tmp_path / "run")]) == 0
    model = modelfile.load(tmp_path / "run" / "model")
    pixels = written.images[written.usage == "Training"]
    learned = int(model.description.provenance.data.split(": ")[1].split(" faces")[0])
    assert learned < len(pixels) == 32
    assert model.specification.mean == pytest.approx((np.mean(pixels) / 255,), abs=0.02)
    assert "FER2013" in model.description.card.licence


def test_a_budget_in_hours_sets_the_number_of_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(fitting, "epochs_within", lambda run, *_: asked.append(run.budget) or 1)
    arguments = ["train", "residual_attention", "tiny", "--data.count", "64", "--budget", "0.5"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    assert asked == [0.5]
    assert json.loads((tmp_path / "recipe.json").read_text())["epochs"] == 1


def test_a_second_call_exports_the_finished_run_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([*TINY, "--out", str(tmp_path)]) == 0
    first = modelfile.load(tmp_path / "model")
    assert main([*TINY, "--out", str(tmp_path), "--name", "renamed"]) == 0
    second = modelfile.load(tmp_path / "model")
    assert (second.name, second.digest) == ("renamed", first.digest)


def test_ctrl_c_ends_with_code_130_and_the_same_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    kind = fitting.objective_module("residual_attention").Objective
    arguments = [*TINY[:-1], "2", "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        step = kind.validation_step

        def interrupted(self: object, batch: object, index: int) -> None:
            if self.current_epoch == 1:  # type: ignore[attr-defined]
                raise KeyboardInterrupt
            step(self, batch, index)

        patch.setattr(kind, "validation_step", interrupted)
        assert main(arguments) == 130
    assert capsys.readouterr().err.endswith("kaoiro: interrupted\n")
    assert not (tmp_path / "model").exists()
    assert main(arguments) == 0
    assert "epoch 1/2" not in capsys.readouterr().err
    assert (tmp_path / "model" / modelfile.DESCRIPTION).is_file()


def test_an_unknown_family_is_named_with_those_there_are(capsys: pytest.CaptureFixture) -> None:
    said = refused(capsys, "nosuch", "tiny")
    names = "identity_expression, language_contrast, multitask_affect, residual_attention, staged_transfer"
    assert f"no family 'nosuch'; there are: {names}, temporal_attention" in said


def test_an_unknown_recipe_is_named_with_those_there_are(capsys: pytest.CaptureFixture) -> None:
    line = refused(capsys, "residual_attention", "huge")
    known = "ferplus, fer2013-fidelity, fer2013-improved, both, tiny"
    assert f"no recipe 'huge' in residual_attention; there are: {known}" in line


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--run.epoch", "3"], "--run.epoch"),
        (["--nosuch.field", "3"], "--nosuch.field"),
        (["--run.epochs", "many"], "--run.epochs"),
        (["--run.epochs"], "--run.epochs"),
        (["--run.precision", "64"], "('auto', '32', 'bf16')"),
        (["extra"], "extra"),
    ],
)
def test_a_setting_that_cannot_be_is_named_in_one_line(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, options: list[str], named: str
) -> None:
    for encoding in ("utf-8", "ascii"):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
            line = refused(capsys, "residual_attention", "tiny", *options)
        assert named in line
        assert line.endswith("; what can be changed: --recipe-help\n")
        assert "--help" not in line.replace("--recipe-help", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--budget", "nan"], "run.budget must be a positive, finite number of hours, not nan"),
        (["--budget", "inf"], "run.budget must be"),
        (["--budget", "-1"], "run.budget must be"),
        (["--run.budget", "0"], "run.budget must be"),
        (["--run.epochs", "0"], "run.epochs must be 1 or more, not 0"),
        (["--run.batch", "0"], "run.batch must be 1 or more, not 0"),
        (["--run.batch", "-4"], "run.batch must be"),
        (["--run.ema", "1"], "run.ema must be 0 or more and below 1, not 1.0"),
        (["--run.ema", "nan"], "run.ema must be"),
        (["--run.seed", "-1"], "run.seed must be"),
        (["--size", "50"], "size must be a multiple of 8 from 16 to 1024, not 50"),
        (["--size", "0"], "size must be"),
        (["--objective.small_size", "30"], "objective.small_size must be a multiple of 8"),
        (["--objective.warmup", "1"], "objective.warmup must be 0 or more and below 1, not 1.0"),
        (["--objective.learning_rate", "nan"], "objective.learning_rate must be"),
        (["--objective.momentum", "0"], "objective.momentum must be"),
        (["--objective.weight_decay", "-1"], "objective.weight_decay must be"),
        (["--objective.mixup", "inf"], "objective.mixup must be"),
        (["--objective.small_until", "1.5"], "objective.small_until must be between 0 and 1"),
        (["--network.stem", "0"], "network.stem must be"),
        (["--network.widths", "8", "0", "8"], "network.widths must be"),
        (["--network.dropout", "1"], "network.dropout must be"),
        (["--data.count", "0"], "data.count must be"),
        (["--data.augmentation.flip", "2"], "data.augmentation.flip must be"),
        (["--data.augmentation.rotation", "inf"], "data.augmentation.rotation must be"),
    ],
)
def test_a_value_with_which_nothing_can_be_trained_is_named_in_one_line(
    capsys: pytest.CaptureFixture, tmp_path: Path, options: list[str], said: str
) -> None:
    line = refused(capsys, "residual_attention", "tiny", *options, "--out", str(tmp_path / "run"))
    assert said in line
    assert not (tmp_path / "run").exists()


def test_recipe_help_lists_what_can_be_changed(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "residual_attention", "ferplus", "--recipe-help"])
    assert not stop.value.code
    out = capsys.readouterr().out
    assert all(
        name in out for name in ("--objective.learning-rate", "--run.seed", "--data.root", "--data.augmentation.flip")
    )


def test_settings_are_known_with_underscores_too(tmp_path: Path) -> None:
    assert main([*TINY, "--objective.learning_rate", "0.01", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "recipe.json").read_text())["asked"]["objective"]["learning_rate"] == 0.01


def test_a_missing_data_root_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAOIRO_FER2013", raising=False)
    out = ["--out", str(tmp_path / "run")]
    assert "--data.root" in refused(capsys, "residual_attention", "ferplus", *out)
    missing = str(tmp_path / "missing")
    line = refused(capsys, "residual_attention", "ferplus", "--data.root", missing, *out)
    assert f"{Path(missing) / 'fer2013.csv'} not found" in line
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*TINY, "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    line = refused(capsys, *TINY[1:], "--run.seed", "9", "--out", str(tmp_path))
    assert "holds a run with other settings" in line


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot write" in refused(capsys, *TINY[1:], "--out", str(tmp_path / "file"))


@pytest.mark.parametrize("package", ["torch", "lightning", "tyro", "onnx", "safetensors"])
def test_without_the_training_packages_the_extra_is_named(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "lightning" and package == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    line = refused(capsys, "residual_attention", "tiny")
    assert line == 'kaoiro: kaoiro train needs the extra [train]: pip install "kaoiro[train]"\n'
