from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from kaoiro.core.errors import InputError
from kaoiro.core.labels import FER2013, MULTITASK_UNITS
from kaoiro.evaluation import multitask
from kaoiro.evaluation.multitask import MEASURES, Answers, difference, resting, restored, summed, verdict
from kaoiro.metrics.agreement import concordance
from kaoiro.metrics.temporal import draws

PEOPLE = np.repeat(["ann", "bob", "cyd"], [10, 20, 30])


def truth(seed: int = 0) -> Answers:
    rng = np.random.default_rng(seed)
    return Answers(rng.uniform(-1, 1, (60, 2)), rng.integers(0, 7, 60), rng.random((60, 8)) < 0.3)


def near(seed: int = 1) -> Answers:
    """Answers that are often right."""
    rng, true = np.random.default_rng(seed), truth()
    assert true.affect is not None and true.expression is not None and true.units is not None
    classes = np.where(rng.random(60) < 0.6, true.expression, rng.integers(0, 7, 60))
    return Answers(true.affect + rng.normal(0, 0.3, (60, 2)), classes, true.units ^ (rng.random((60, 8)) < 0.2))


def test_sums_over_people_give_the_figures_over_all_faces() -> None:
    true, answer = truth(), near()
    sums = summed(true, answer, PEOPLE)
    figure = {name: float(sums.figure(name)) for name in MEASURES}
    assert true.affect is not None and answer.affect is not None
    ccc = [concordance(true.affect[:, k], answer.affect[:, k]) for k in range(2)]
    assert [figure["CCC valence"], figure["CCC arousal"]] == pytest.approx(ccc)
    assert figure["mean CCC"] == pytest.approx(np.mean(ccc))
    assert figure["accuracy"] == pytest.approx(sk.accuracy_score(true.expression, answer.expression))
    assert figure["F1w"] == pytest.approx(sk.f1_score(true.expression, answer.expression, average="weighted"))
    assert figure["F1 macro"] == pytest.approx(sk.f1_score(true.expression, answer.expression, average="macro"))
    assert figure["AU F1"] == pytest.approx(sk.f1_score(true.units, answer.units, average="macro"))
    assert figure["TA_pool"] == pytest.approx((true.units == answer.units).mean())
    assert figure["TA_exact"] == pytest.approx(sk.accuracy_score(true.units, answer.units))
    assert figure["P"] == pytest.approx(np.mean(ccc) + figure["F1 macro"] + figure["AU F1"])
    np.testing.assert_allclose(sums.unit_scores(), sk.f1_score(true.units, answer.units, average=None))


def test_draws_of_people_are_figures_of_their_faces_together() -> None:
    sums = summed(truth(), near(), PEOPLE)
    rows = np.array([[0, 0, 2], [1, 2, 1]])
    blocks = [np.flatnonzero(name == PEOPLE) for name in ("ann", "bob", "cyd")]
    for place, drawn in enumerate(rows):
        index = np.concatenate([blocks[person] for person in drawn])
        names = np.repeat(["x"], len(index))
        whole = summed(_rows(truth(), index), _rows(near(), index), names)
        for measure in MEASURES:
            assert sums.figure(measure, rows)[place] == pytest.approx(float(whole.figure(measure)))


def _rows(answer: Answers, index: np.ndarray) -> Answers:
    return Answers(*(values[index] for values in vars(answer).values()))


def test_a_head_that_a_network_lacks_has_no_figures() -> None:
    sums = summed(truth(), Answers(affect=near().affect), PEOPLE)
    assert np.isfinite(sums.figure("CCC valence"))
    assert all(np.isnan(sums.figure(name)) for name in ("F1w", "AU F1", "TA_exact", "P"))
    assert np.isnan(sums.figure("P", draws(3, 5))).tolist() == [True] * 5
    assert np.isnan(sums.unit_scores()).all()
    assert multitask.unit_table({"a": [sums]}) == {}


def test_sums_survive_json() -> None:
    sums = summed(truth(), near(), PEOPLE)
    again = restored(json.loads(json.dumps(sums.stored())))
    assert [float(again.figure(name)) for name in MEASURES] == [float(sums.figure(name)) for name in MEASURES]


def test_calling_everything_neutral_is_what_chance_is() -> None:
    true = truth()
    assert true.expression is not None and true.units is not None
    sums = summed(true, resting(60), PEOPLE)
    assert sums.figure("CCC valence") == 0
    assert sums.figure("accuracy") == (true.expression == FER2013.index("neutral")).mean()
    assert sums.figure("TA_pool") == pytest.approx(1 - true.units.mean())
    assert sums.figure("TA_bal") == pytest.approx(0.5)
    assert sums.figure("TA_exact") == (~true.units.any(axis=1)).mean()
    assert sums.figure("AU F1") == 0


def test_tables_have_means_and_the_spread_of_seeds() -> None:
    seeds = [summed(truth(), near(seed), PEOPLE) for seed in (1, 2)]
    values = [float(one.figure("F1w")) for one in seeds]
    table = multitask.table({"both": seeds, "first": seeds[:1]})
    assert table["both"]["F1w"] == pytest.approx({"mean": np.mean(values), "sd": np.std(values, ddof=1)})
    assert table["first"]["F1w"] == {"mean": values[0]}
    assert table["both"]["seeds"] == 2
    units = multitask.unit_table({"both": seeds})["both"]
    assert tuple(units) == MULTITASK_UNITS.labels


def test_a_network_differs_from_itself_by_nothing_on_any_draw() -> None:
    sums = summed(truth(), near(), PEOPLE)
    assert difference([sums], [sums], "CCC valence", draws(3, 50)) == (0, 0, 0)
    found, low, high = difference([sums], [summed(truth(), resting(60), PEOPLE)], "CCC valence", draws(3, 200))
    assert 0 < low <= found <= high


@pytest.mark.parametrize(
    ("found", "above", "word"),
    [
        ((0.03, 0.01, 0.05), 0.0, "holds"),
        ((0.03, 0.01, 0.05), None, "undecided"),
        ((0.03, -0.01, 0.05), 0.0, "undecided"),
        ((0.01, 0.005, 0.018), 0.0, "does not hold"),
        ((0.03, 0.02, 0.05), None, "holds"),
        ((0.0, -0.02, 0.01), None, "does not hold"),
    ],
)
def test_claims_are_judged_by_size_and_interval(found: tuple, above: float | None, word: str) -> None:
    row = verdict(found, 0.02, above)
    assert row["verdict"] == word
    assert row["interval"] == list(found[1:])
    assert row["wished"] == "at least 0.02" + (", interval above 0" if above is not None else "")


@pytest.mark.parametrize("found", [None, (float("nan"),) * 3])
def test_what_was_not_measured_says_so(found: tuple | None) -> None:
    assert verdict(found, 0.0) == {
        "found": None,
        "interval": None,
        "wished": "at least 0",
        "verdict": "not measured yet",
    }


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(InputError, match="no faces"):
        summed(Answers(), Answers(), np.array([], str))
