"""Figures of system E1 against hand-computed values."""

import numpy as np
import pytest

from kaoiro.evaluation import system_e1, transfer_figures, transfer_picture
from kaoiro.evaluation.transfer_figures import SHIFTED, Answered, figures, weakened
from kaoiro.evaluation.transfers import CONDITIONS, few, for_target, named

LABELS = ("happiness", "sadness", "neutral")


def raw(guess, truth_of=3):
    return np.eye(truth_of)[guess] * 4


def answered(**conditions):
    """Return a target of six people, of which two of each part show each label once."""
    truth = np.tile([0, 1, 2], 6)
    people = np.repeat(np.arange(6), 3)
    part = np.repeat([0, 0, 1, 1, 2, 2], 3)
    said = {}
    for name, wrong in conditions.items():
        for seed, rows in enumerate(wrong):
            guess = truth.copy()
            guess[rows] = (guess[rows] + 1) % 3
            said[name.replace("_", " "), seed] = raw(guess)
    return Answered("made up", LABELS, truth, people, part, said, draws=200)


def test_accuracy_is_that_of_test_faces():
    found = figures({"rendered": answered(T2=[[0, 12], [13, 14], []])})["targets"]["rendered"]
    level = found["conditions"]["T2"]["accuracy"]
    assert level["by seed"] == pytest.approx([5 / 6, 4 / 6, 1.0])
    assert level["found"] == pytest.approx(5 / 6)
    assert found["majority"] == {"label": "happiness", "accuracy": pytest.approx(1 / 3)}
    assert found["faces"]["test"] == {"all": 6, "happiness": 2, "sadness": 2, "neutral": 2}


def test_differences_are_of_the_same_seeds():
    one = answered(T2=[[], [], []], T4=[[12], [12, 15], [12, 13]])
    gap = figures({"rendered": one})["targets"]["rendered"]["gaps"]["T2 − T4"]["accuracy"]
    assert gap["by seed"] == pytest.approx([1 / 6, 2 / 6, 2 / 6])


@pytest.mark.parametrize(
    ("four", "verdict"),
    [([[12, 13, 15, 16]] * 3, "holds"), ([[12]] * 3, "undecided"), ([[12, 15]] * 2, "undecided")],
)
def test_the_cascade_holds_where_every_person_and_seed_gains(four, verdict):
    claims = figures({"rendered": answered(T2=[[]] * len(four), T4=four)})["claims"]
    assert claims["rendered: cascade over combined by three points"]["verdict"] == verdict
    assert claims["rendered: T2 − T4, cascade beats combined"]["found"] > 0


def test_a_gain_above_zero_but_below_three_points_does_not_hold():
    found = {"found": 0.02, "interval": [0.01, 0.025], "by seed": [0.02] * 3, "seeds": 3, "sd": 0.0}
    assert transfer_figures._by(found, 0.03)["verdict"] == "does not hold"
    assert transfer_figures._by(found | {"interval": [0.01, 0.04]}, 0.03)["verdict"] == "undecided"


def test_claims_of_the_main_target_are_there_without_it():
    claims = figures({"london": answered(T2=[[]] * 3)})["claims"]
    assert claims["rendered: T2 − T3, FER28 beats FER32"]["verdict"] == "not measured yet"
    assert claims["london: T2 by the most frequent label"]["found"] == pytest.approx(3)
    assert claims["london: T2 by the most frequent label"]["verdict"] == "holds"


def test_scores_are_weakened_as_validation_wants_and_no_further():
    truth = np.array([1, 1, 0])
    scores = np.array([[1.1, 0.0, 0.0], [0.9, 0.0, 0.0], [3.0, 0.0, 0.0]])
    shift = weakened(scores, truth, 0, 1)
    assert -shift[0] + shift[1] == pytest.approx(1.25)
    assert weakened(scores[2:], truth[2:], 0, 1) == [0, 0, 0]


def test_a_shift_that_helps_on_test_is_told():
    one = answered(T2=[[], [], []])
    happy = {key: values.copy() for key, values in one.raw.items()}
    for values in happy.values():
        values[one.truth == 1, 0] = 5.0  # sadness is taken for happiness by a little, everywhere
    found = figures({"rendered": Answered("", LABELS, one.truth, one.groups, one.part, happy, 200)})
    gap = found["targets"]["rendered"]["gaps"][f"{SHIFTED} − T2"]["accuracy"]
    assert gap["found"] == pytest.approx(1 / 3)
    assert found["claims"]["rendered: happiness weaker, sadness stronger"]["verdict"] == "holds"


def test_curves_begin_with_none_and_end_with_all():
    one = answered(T2=[[]], T5=[[12, 13, 14]])
    one.raw[few("T2", 1), 0] = one.raw["T5", 0]  # type: ignore[index]
    curve = figures({"rendered": one})["targets"]["rendered"]["curves"]["T2"]
    assert {count: level["found"] for count, level in curve.items()} == {"0": 0.5, "1": 0.5, "2": 1.0}


def test_targets_that_come_as_crops_have_no_framings():
    assert {one.name for one in CONDITIONS} - {one.name for one in for_target(False)} == {"T7", "T2 as FER2013"}
    assert [one.name for one in named(("T4", "T2"))] == ["T2", "T4"]


ABOUT = {
    "form": "compact",
    "stage 0": "self-supervised",
    "budget_hours": 1.5,
    "settings": {},
    "hardware": "a processor",
    "schedule": {"updates of stage 1": 1200},
    "stage 1": {"stage-1/fer28-seed-0": {"seconds": 360.0, "epochs": 2, "hardware": []}},
}


def test_page_picture_and_claims_are_written(tmp_path):
    one = answered(T2=[[], [], [12]], T4=[[12], [12], [13]], T5=[[12, 13, 14]] * 3)
    one.raw[few("T2", 1), 0] = one.raw["T5", 0]  # type: ignore[index]
    system_e1.write(tmp_path, ABOUT | figures({"rendered": one, "london": answered(T2=[[]])}))
    page = (tmp_path / "system-e1.md").read_text(encoding="utf-8")
    assert "55.6 %" in page and "## Rendered" in page and "## London" in page
    assert "took 0.10 h" in page
    assert (tmp_path / system_e1.CURVES_PICTURE).is_file()
    assert system_e1.stored(tmp_path)["targets"]["rendered"]["labels"] == list(LABELS)


def test_no_curve_no_picture():
    assert transfer_picture.picture(figures({"london": answered(T2=[[]])})["targets"]) is None
