from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake import groups as fake
from PIL import Image
from sklearn.metrics import log_loss

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.evaluation.groups import documents, page, picture
from kaoiro.evaluation.groups.comparing import BY_CHANCE, DIFFERS, DOING, SAME, SCORES, TOO_FEW, UNSHOWN, Audit, Figure
from kaoiro.evaluation.groups.making import Made, audited
from kaoiro.metrics.calibration import expected_calibration_error
from kaoiro.timeline.changes import adjusted


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    records, groups = fake.write_both(tmp_path_factory.mktemp("set"))
    return audited([records], groups, ["gender", "age:25/30/40"], draws=1000)


def figure(found: Audit, group: str, measure: str) -> Figure:
    (one,) = [one for one in found.figures if (one.group, one.measure) == (group, measure)]
    return one


def test_figures_are_those_of_the_pictures(made: Made) -> None:
    found = made.audit
    # 20 men with 40 faces: the smiles of 10 are missed; 20 women with 39 faces and no error
    assert (figure(found, "man", "error").value, figure(found, "woman", "error").value) == (0.25, 0)
    assert figure(found, "woman", "no face").value == pytest.approx(1 / 40)
    assert figure(found, "man", "recall of happiness").value == 0.5
    assert figure(found, "man", "recall of neutral").value == 1
    assert figure(found, "man", "below 0.5").value == 0
    confident = (20 * 0.8 + 10 * 0.9 + 10 * 0.7) / 40
    assert figure(found, "man", "overconfidence").value == pytest.approx(confident - 0.75)
    assert figure(found, "man", "true happiness: p(happiness)").value == pytest.approx(0.4)
    assert figure(found, "man", "true neutral: p(anger)").value == pytest.approx(0.2)
    assert found.overall["error"] == pytest.approx(10 / 79)


def test_calibration_is_that_of_scikit_learn_and_of_the_project(made: Made) -> None:
    faces = made.audit.faces
    men = faces.found & (faces.groupings["gender"].places == 0)
    scores, truth = faces.scores[men], faces.truth[men]
    loss = log_loss(truth, np.maximum(scores, 1e-12), labels=range(len(EXPRESSIONS)))
    assert figure(made.audit, "man", "log loss").value == pytest.approx(loss, abs=1e-6)
    assert figure(made.audit, "man", "ECE").value == pytest.approx(expected_calibration_error(scores, truth))
    mean, most = made.audit.about["gender"]["man"][BY_CHANCE]
    assert 0 < mean < most < 0.4


def test_differences_are_tested_once_and_adjusted_within_their_family(made: Made) -> None:
    found = made.audit
    man, woman = (figure(found, group, "error") for group in ("man", "woman"))
    assert (man.difference, woman.difference, woman.p, woman.verdict) == (0.25, -0.25, None, "")
    assert man.p is not None and man.p < 0.02 and man.verdict == DIFFERS
    assert man.difference_low is not None and 0 < man.difference_low < 0.25
    for family in (DOING, SCORES):
        tested = [one for one in found.figures if one.family == family and one.p is not None]
        expected = adjusted(np.array([one.p for one in tested], float))
        assert [one.adjusted for one in tested] == pytest.approx(expected.tolist())
        assert found.tests[family] == len(tested)
    gaps = [one for one in found.gaps if one.family == DOING]
    assert [one.adjusted for one in gaps] == pytest.approx(adjusted(np.array([one.gap.p for one in gaps])).tolist())


def test_small_groups_are_shown_and_nothing_is_said_of_them(made: Made) -> None:
    young = figure(made.audit, "below 25", "error")
    assert (young.people, young.p, young.verdict) == (5, None, TOO_FEW)
    assert young.value is not None and young.low is not None
    middle = figure(made.audit, "30 to below 40", "error")
    assert (middle.people, middle.verdict) == (10, UNSHOWN)
    assert figure(made.audit, "man", "below 0.5").verdict == SAME
    said = page.text(made.audit)
    assert "Of groups with fewer than 10 people nothing is said: below 25 (5), 25 to below 30 (5)" in said
    assert "| below 25 (too few) | 5 |" in said


def test_the_text_says_what_can_be_found_and_never_that_all_is_well(made: Made) -> None:
    said = page.text(made.audit)
    assert "man, error +25.0 points" in said
    assert "a difference in error is found in four of five cases from" in said
    assert "No row says that the model treats groups alike" in said
    assert "fair" not in (said + page.EXPLAINED).lower()
    assert "| man | 20 | 40 | 0.0 [0.0, 16.8] |" in said


def test_json_and_csv_hold_every_figure(made: Made, tmp_path: Path) -> None:
    stored = json.loads(documents.as_json(made.plain()))
    rows = [dict(zip(stored["figures"]["columns"], row, strict=True)) for row in stored["figures"]["rows"]]
    assert len(rows) == len(made.audit.figures)
    assert (stored["pictures"], stored["faces"], stored["people"], stored["draws"]) == (80, 79, 40, 1000)
    assert (stored["column of truth"], stored["column of people"]) == ("expression", "person")
    documents.write_csv(tmp_path / "o.csv", made.audit)
    with (tmp_path / "o.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["measure"] for row in table] == [row["measure"] for row in rows]
    (row,) = [row for row in table if (row["group"], row["measure"]) == ("man", "error")]
    assert (float(row["value"]), float(row["difference"]), row["verdict"]) == (0.25, 0.25, DIFFERS)
    brief = documents.brief(made.audit)
    place = brief["measures"].index("error")
    assert brief["figures"]["gender"]["man"][place][::3] == [0.25, 0.25, round(float(row["adjusted"]), 4)]


def test_the_picture_has_a_row_for_each_group_and_a_panel_for_each_measure_that_is_not_0(
    made: Made, tmp_path: Path
) -> None:
    picture.write(tmp_path / "p.png", picture.figure("By group", made.audit))
    with Image.open(tmp_path / "p.png") as image:
        assert (image.format, image.width) == ("PNG", 230 + 3 * 210 + 14)
        assert image.height == 62 + 8 * 22 + 30
        colours = image.convert("RGB").getcolors(1 << 20) or []
    assert (31, 119, 180) in {colour for _, colour in colours}
    assert 2_000 < (tmp_path / "p.png").stat().st_size < 60_000


def test_groups_with_other_expressions_are_compared_by_their_mean_recall(tmp_path: Path) -> None:
    records, rows = [], []
    for number in range(40):  # one group smiles more often; smiles are recognised, every other rest is not
        smiles = 2 if number % 2 else 1
        for place in range(3):
            source, smiling = f"{number}-{place}.jpg", place < smiles
            records.append(fake.photo(source, **({"happiness": 0.9} if smiling else {"anger": 0.6 * (number % 4 < 2)})))
            group = "often" if number % 2 else "seldom"
            rows.append((source, f"p{number}", "happiness" if smiling else "neutral", group))
    table = fake.write_groups(tmp_path / "g.csv", rows, (*fake.HEADER[:3], "smiles"))
    found = audited([fake.write(tmp_path / "r.csv", records)], table, draws=400).audit
    assert figure(found, "seldom", "error").value > figure(found, "often", "error").value + 0.1
    assert figure(found, "seldom", "mean recall").value == figure(found, "often", "mean recall").value == 0.75
    assert figure(found, "often", "mean recall").verdict == UNSHOWN


def test_answers_without_confidence_count_as_none(tmp_path: Path) -> None:
    records, groups = fake.write_both(tmp_path)
    found = audited([records], groups, ["gender"], least=0.85, draws=300).audit
    assert figure(found, "man", "below 0.85").value == pytest.approx(30 / 40)
    assert figure(found, "man", "error from 0.85 on").value == 1


def test_without_truth_scores_and_missed_faces_are_compared(tmp_path: Path) -> None:
    records, groups = fake.write_both(tmp_path)
    pd.read_csv(groups).drop(columns=["expression", "person"]).to_csv(groups, index=False)
    found = audited([records], groups, draws=300)
    names = {one.measure for one in found.audit.figures}
    assert {"no face", "below 0.5", "p(anger)"} <= names and "error" not in names
    assert figure(found.audit, "woman", "p(anger)").value == pytest.approx(20 * 0.2 / 39)
    assert [note for note in found.notes if "person of its own" in note]
    assert [note for note in found.notes if "no true expressions" in note]
    assert picture.figure("t", found.audit).width == 230 + 210 + 14


def test_the_same_seed_says_the_same(tmp_path: Path) -> None:
    records, groups = fake.write_both(tmp_path)
    first, second, other = (audited([records], groups, ["gender"], draws=300, seed=s).audit.figures for s in (1, 1, 2))
    assert first == second
    assert first != other
