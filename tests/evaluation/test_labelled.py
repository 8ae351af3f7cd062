"""A user's own labelled faces: from a table to figures that are computed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake import labelled_table as fake
from graphs import write_bright_model, write_model
from jobs import Middle
from PIL import Image
from sklearn.metrics import f1_score, roc_auc_score

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.errors import DataError, InputError, ModelError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.evaluation import crops
from kaoiro.evaluation.labelled import evaluate
from kaoiro.metrics import resampling
from kaoiro.metrics.agreement import concordance

SHADES = np.array([shade + person for person in range(3) for shade in fake.SHADES]) / 255
LIPS, BROWS = "AU 12 (lip corner puller)", "AU 4 (brow lowerer)"


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "DRAWS", 300)


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    return write_bright_model(tmp_path / "bright")


def measured(model: ModelFolder, root: Path, **options: Any) -> dict[str, Any]:
    return evaluate(model, root, "whole", threads=1, **options)


def test_figures_are_those_computed_by_hand(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path / "own")
    found = measured(model, tmp_path / "own")
    assert (found["pictures"], found["faces not found"], found["subjects"]) == (12, 0, 3)
    assert found["units that the model does not answer"] == "au_07"
    chance = 1 / (1 + np.exp(4 - 8 * SHADES))
    shown = np.tile([False, False, True, True], 3)  # intensities 0, 0.5, 2, 4
    row = found["action units"][LIPS]
    assert (row["n"], row["share present"], row["threshold"]) == (12, 0.5, 0.5)
    assert row["AUC"] == pytest.approx(roc_auc_score(shown, chance)) == 1
    assert row["F1"] == row["F1 at 0.5"] == pytest.approx(f1_score(shown, chance >= 0.5))
    assert found["action units"][BROWS]["share present"] == 0.25
    mean = found["action units"]["mean"]
    assert mean["F1"] == pytest.approx((row["F1"] + found["action units"][BROWS]["F1"]) / 2)
    assert mean["interval of F1"][0] <= mean["F1"] <= mean["interval of F1"][1]
    affect = found["valence and arousal"]
    truth = np.tile(2 * np.array(fake.SHADES) / 255 - 1, 3)
    assert affect["valence"]["CCC"] == pytest.approx(concordance(truth, np.tanh(4 * SHADES - 2)), abs=1e-3)
    assert (affect["valence"]["n"], affect["arousal"]["n"]) == (12, 9)
    row = found["expressions"][""]
    assert (row["n"], row["classes"]) == (9, 7)
    assert row["accuracy"] == pytest.approx(6 / 9), "what is neutral it takes for anger"
    assert row["interval"] == pytest.approx([6 / 9, 6 / 9]), "the same of every subject"
    assert found["expressions by class"]["happiness"]["recall"] == 1


def test_intensities_count_from_where_the_user_says(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path)
    shares = {
        least: measured(model, tmp_path, present=least)["action units"][LIPS]["share present"] for least in (0.5, 4)
    }
    assert shares == {0.5: 0.75, 4: 0.25}
    with pytest.raises(InputError, match="--present must be a positive, finite number, not 0"):
        measured(model, tmp_path, present=0)


def test_units_count_at_the_model_s_own_thresholds(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path / "own")
    least = dict.fromkeys(model.specification.head("units").labels, 0.5)
    modelfile.set_thresholds(model, "units", least | {"au_12": 0.95})
    row = measured(modelfile.load(model.path), tmp_path / "own")["action units"][LIPS]
    assert (row["threshold"], row["F1"], row["F1 at 0.5"]) == (0.95, pytest.approx(2 / 3), 1)


def test_what_is_empty_is_not_counted(model: ModelFolder, tmp_path: Path) -> None:
    def some(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype(object)
        table.loc[:3, "au_12"] = ""
        table["expression"] = ""
        return table.drop(columns=["valence", "arousal"])

    fake.write(tmp_path, change=some)
    found = measured(model, tmp_path)
    assert found["action units"][LIPS]["n"] == 8
    assert not {"valence and arousal", "expressions"} & found.keys()


def test_a_unit_that_never_varies_is_named_and_left_out(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, change=lambda table: table.assign(au_12=0))
    found = measured(model, tmp_path)
    assert found["units that are never there or always"] == "au_12"
    assert list(found["action units"]) == [BROWS]


def test_a_table_with_contempt_is_judged_among_eight(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, change=lambda table: table.assign(expression=["contempt", *table["expression"][1:]]))
    assert measured(model, tmp_path)["expressions"][""]["classes"] == 8


def test_one_subject_has_no_interval(model: ModelFolder, tmp_path: Path) -> None:
    fake.write(tmp_path, change=lambda table: table.assign(subject="me"))
    found = measured(model, tmp_path)
    assert found["action units"][LIPS]["interval of F1"] is None
    assert found["valence and arousal"]["valence"]["interval"] is None
    assert found["expressions"][""]["interval"] is None


def test_faces_are_found_and_the_largest_counts(model: ModelFolder, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(crops, "CenterFace", Middle)
    fake.write(tmp_path)
    Image.new("RGB", (40, 40), (200, 200, 200)).save(tmp_path / "faces" / "0-0.png")
    picture = np.zeros((80, 80, 3), np.uint8)
    picture[20:60, 20:60] = 230
    Image.fromarray(picture).save(tmp_path / "faces" / "1-0.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "faces" / "2-0.png")
    found = evaluate(model, tmp_path, threads=1)
    assert (found["faces not found"], found["cut"]) == (1, "detect"), "a black picture shows nobody"
    assert found["action units"][LIPS]["n"] == 11
    cut, rows = crops.pictures([tmp_path / "faces" / "1-0.png"], model.specification)
    assert cut.shape == (1, 8, 8) and rows.tolist() == [0]
    assert cut.mean() > 150, "the middle of the picture, not its black rim"


def test_a_table_of_nobody_is_refused(model: ModelFolder, tmp_path: Path, monkeypatch) -> None:
    class Nobody(Middle):
        def detect(self, image: np.ndarray) -> list:
            return []

    monkeypatch.setattr(crops, "CenterFace", Nobody)
    fake.write(tmp_path)
    with pytest.raises(DataError, match="no face was found in any of 12 pictures"):
        evaluate(model, tmp_path)


def test_a_model_that_answers_nothing_of_it_is_refused(tmp_path: Path) -> None:
    plain = write_model(tmp_path / "plain", [0.0] * 8)
    fake.write(tmp_path, change=lambda table: table[["path", "subject", "au_12"]])
    with pytest.raises(ModelError, match=r"model 'plain' answers nothing that .*labels.csv knows; it has: expression"):
        measured(plain, tmp_path)


def test_the_command_writes_figures_and_says_in_one_line_what_is_wrong(
    model: ModelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = fake.write(tmp_path / "own"), tmp_path / "figures.json"
    given = ["evaluate", "labelled", "--model", str(model.path), "--cut", "whole", "--threads", "1"]
    assert main([*given, "--root", str(file), "--present", "2", "--json", str(out)]) == 0
    assert f"| {LIPS} |" in capsys.readouterr().out
    assert json.loads(out.read_text(encoding="utf-8"))["units count as there from"] == 2
    file.write_text(file.read_text(encoding="utf-8").replace("au_12", "au12"), encoding="utf-8")
    assert main([*given, "--root", str(file)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"kaoiro: {file}: no action unit is called au12; valid columns: au_01")
    assert said.count("\n") == 1
