from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kaoiro.core.labels import FER2013
from kaoiro.evaluation import arm_claims, claims
from kaoiro.evaluation.arm_claims import above, at_least, gain, on_both, smallest, without_loss
from kaoiro.evaluation.arm_precision import NEG2_PRECISION, EqualPrecision
from kaoiro.evaluation.arm_readings import Drawn, Reading
from kaoiro.evaluation.arms import ARMS, COMPARISONS, SCRATCH, UNLEARNED

FEARED = FER2013.indices(("disgust", "fear"))


def figure(found: float, low: float, high: float, by_seed: tuple[float, ...] = ()) -> dict[str, Any]:
    seeds = list(by_seed or (found, found, found))
    return {"found": found, "interval": [low, high], "sd": 0.01, "by seed": seeds, "seeds": len(seeds)}


@pytest.mark.parametrize(
    ("found", "p", "verdict"),
    [
        (figure(0.03, 0.01, 0.05), 0.001, "holds"),
        (figure(0.022, 0.001, 0.05), 0.009, "holds"),
        (figure(0.021, 0.001, 0.05), 0.001, "undecided"),  # too small, and may be larger
        (figure(0.03, 0.01, 0.05), 0.01, "undecided"),
        (figure(0.03, -0.01, 0.07), 0.001, "undecided"),
        (figure(0.03, 0.01, 0.05, (0.1, 0.0, -0.01)), 0.001, "undecided"),  # a seed loses
        (figure(0.0, -0.01, 0.01), 0.9, "does not hold"),
        (figure(0.0, -0.01, 0.01, (0.03, -0.01, -0.02)), 0.9, "undecided"),  # a seed reaches it
        (figure(0.03, 0.01, 0.05, (0.03, 0.03)), 0.001, "undecided"),  # two seeds
    ],
)
def test_a_gain_is_large_and_no_chance(found: dict[str, Any], p: float, verdict: str) -> None:
    row = gain(found, {"p by seed": [1e-6, p, 1e-6], "p pooled": 1e-9})
    assert row["verdict"] == verdict
    assert (row["found"], row["interval"], row["p"]) == (found["found"], found["interval"], p)
    assert row["wished"] == "at least 0.022, McNemar p < 0.01"


def test_a_gain_of_mean_recall_has_no_test_of_single_images() -> None:
    row = gain(figure(0.03, 0.01, 0.05))
    assert (row["verdict"], row["wished"]) == ("holds", "at least 0.022, interval above 0")
    assert "p" not in row


def test_recall_may_not_be_bought_with_precision() -> None:
    risen = figure(0.05, 0.02, 0.08)
    assert without_loss(risen, figure(-0.01, -0.019, 0.0))["verdict"] == "holds"
    assert without_loss(risen, figure(-0.01, -0.03, 0.01))["verdict"] == "undecided"
    assert without_loss(risen, figure(-0.05, -0.08, -0.021))["verdict"] == "does not hold"
    assert without_loss(figure(-0.05, -0.08, -0.02), figure(0.1, 0.0, 0.2))["verdict"] == "does not hold"
    assert without_loss(figure(0.05, -0.02, 0.1), figure(0.1, 0.0, 0.2))["verdict"] == "undecided"
    assert without_loss(risen, None)["verdict"] == "undecided"


def test_a_recall_is_to_rise_on_both_annotations_without_loss_of_precision() -> None:
    up, down, open_ = figure(0.05, 0.02, 0.08), figure(-0.05, -0.08, -0.03), figure(0.01, -0.03, 0.04)
    assert on_both([up, up], [up, up])["verdict"] == "holds"
    assert on_both([up, down], [up, up])["verdict"] == "does not hold"
    assert on_both([up, up], [up, down])["verdict"] == "does not hold"
    assert on_both([up, open_], [up, up])["verdict"] == "undecided"
    assert on_both([up, up], [open_, up])["verdict"] == "undecided"
    assert on_both([up, None], [up, None])["verdict"] == "not measured yet"


def test_every_other_arm_must_be_beaten() -> None:
    up, more, open_ = figure(0.05, 0.02, 0.08), figure(0.09, 0.05, 0.1), figure(0.01, -0.02, 0.04)
    row = smallest({"plain": up, "votes": more}, ("plain", "votes"))
    assert (row["verdict"], row["found"], row["against"]) == ("holds", 0.05, "plain")
    assert smallest({"plain": up, "votes": None}, ("plain", "votes"))["verdict"] == "undecided"
    assert smallest({"plain": up, "votes": open_}, ("plain", "votes"))["verdict"] == "undecided"
    lost = smallest({"plain": figure(-0.05, -0.08, -0.02), "votes": None}, ("plain", "votes"))
    assert lost["verdict"] == "does not hold"
    assert smallest({"plain": None}, ("plain",))["verdict"] == "not measured yet"


def test_levels_and_differences_need_the_whole_interval_and_every_seed() -> None:
    assert at_least(figure(0.74, 0.735, 0.75), 0.733)["verdict"] == "holds"
    assert at_least(figure(0.74, 0.73, 0.75), 0.733)["verdict"] == "undecided"
    assert at_least(figure(0.70, 0.69, 0.71), 0.733)["verdict"] == "does not hold"
    assert above(figure(0.02, 0.01, 0.03, (0.05, 0.02, -0.01)))["verdict"] == "undecided"
    assert above(figure(0.6, 0.55, 0.65), 0.5)["verdict"] == "holds"
    assert above(figure(0.6, 0.55, 0.65, (0.7, 0.6, 0.49)), 0.5)["verdict"] == "undecided"
    assert above(None) == {
        "found": None,
        "interval": None,
        "wished": "interval above 0",
        "verdict": "not measured yet",
    }


def test_a_gain_that_votes_do_not_confirm_is_called_imitation() -> None:
    up, open_ = figure(0.05, 0.02, 0.08), figure(0.01, -0.02, 0.04)
    rows = {
        "descriptions above linear, NEG2 recall": without_loss(up, figure(0.0, -0.1, 0.1)),
        "descriptions above linear, NEG2 recall on FER+": on_both([up, open_], [up, up]),
    }
    assert "imitating labels" in (arm_claims.labelled_imitation(rows, "descriptions", "linear") or "")
    rows["descriptions above linear, NEG2 recall on FER+"] = on_both([up, up], [up, figure(-0.05, -0.08, -0.03)])
    assert arm_claims.labelled_imitation(rows, "descriptions", "linear") is None
    assert arm_claims.labelled_imitation({}, "descriptions", "linear") is None


def test_every_claim_of_system_c_is_not_measured_before_it_is() -> None:
    rows = claims.rows("system-c", {})
    assert len(rows) > 15
    assert {row["verdict"] for row in rows} == {"not measured yet"}


def test_every_arm_is_described_and_in_one_comparison() -> None:
    arms = [arm for one in COMPARISONS for arm in one.arms] + list(UNLEARNED)
    assert sorted(arms) == sorted(ARMS)
    assert SCRATCH.worded == (*SCRATCH.language, "improved")


def test_arms_whose_precisions_cannot_be_made_equal_are_not_compared() -> None:
    """The rival answers disgust and fear once each and is right; ours is surest of them where they are wrong."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 7, 700)
    sharp = np.eye(7)[np.where(np.isin(truth, FEARED), 3, truth)]
    for place in FEARED:
        sharp[np.flatnonzero(truth == place)[0]] = np.eye(7)[place]
    loose = np.exp(rng.normal(size=(700, 7)))
    loose[np.ix_(np.isin(truth, FEARED), FEARED)] *= 0.01
    runs = {("ours", 0): loose / loose.sum(axis=1, keepdims=True), ("rival", 0): sharp * 0.93 + 0.01}
    drawn = Drawn(Reading(FER2013, truth, np.arange(700), runs, 50))
    equal = EqualPrecision(drawn, ["ours"], ["rival"])
    left = equal.gap("ours", "rival", NEG2_PRECISION)
    assert left is not None
    assert left["found"] < -0.1
    assert arm_claims._equally_precise("ours", ["rival"], equal)["verdict"] == "not measured yet"
