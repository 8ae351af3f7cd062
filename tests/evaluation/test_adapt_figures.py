"""Figures and claims of adaptation, by hand; the page and its picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kaoiro.evaluation import adapt_claims, adapt_figures, adapt_page, claims
from kaoiro.evaluation.adapt_figures import ADAPTED, BEFORE, LOSS, Answer, Asked, figures, point, promises

TRUTH = np.array([0, 0, 1, 1])
GROUPS = np.array(["a", "a", "b", "c"])


def scores(*said: int) -> np.ndarray:
    """Return raw outputs that say so with odds of 3 to 1."""
    return np.log(3.0) * np.eye(2)[list(said)]


def adaptation(taken: str, *said: int, seed: int = 0) -> Answer:
    """Return a run in which the model as it is has one of four right."""
    found = {"nothing": scores(0, 1, 0, 0), "head 1": scores(*said)}
    return Answer(
        found,
        {
            "pictures": 10 + seed,
            "groups": 5,
            "taken": taken,
            "before": 0.3,
            "before interval": [0.1, 0.5],
            "after": 0.6,
            "after interval": [0.4, 0.8],
            "gain": 0.3,
            "gain interval": [0.1, 0.5],
            "shares": {"nothing": 0.1, "head 1": 0.9},
            "folds": {"nothing": 0.3, "head 1": 0.7},
            "temperatures": {"nothing": 2.0, "head 1": 0.5},
            "seconds": {"clock": 3.0, "processor": 2.0},
        },
    )


def rival(name: str, *said: int) -> Answer:
    return Answer({name: scores(*said)}, {"pictures": 10, "seconds": {"clock": 9.0, "processor": 8.0}})


def asked(*runs: tuple[str, int, Answer]) -> Asked:
    return Asked("a target", ("happiness", "neutral"), TRUTH, GROUPS, {(arm, seed): one for arm, seed, one in runs})


@pytest.fixture
def target() -> Asked:
    """Return three seeds: two of adaptation that learn, one that leaves the model alone; a rival of the first."""
    return asked(
        (ADAPTED, 0, adaptation("head 1", 0, 0, 1, 1)),
        (ADAPTED, 1, adaptation("head 1", 0, 0, 1, 0)),
        (ADAPTED, 2, adaptation("nothing", 0, 0, 1, 1)),
        ("combined", 0, rival("combined", 0, 0, 1, 0)),
    )


def test_accuracy_and_loss_are_those_of_the_model_that_is_written(target: Asked) -> None:
    found = figures(target, draws=50)
    assert found["arms"][BEFORE]["accuracy"]["by seed"] == [0.25, 0.25, 0.25]
    assert found["arms"][ADAPTED]["accuracy"]["by seed"] == [1.0, 0.75, 0.25]
    assert found["gaps"]["adapted − before"]["accuracy"]["found"] == pytest.approx((0.75 + 0.5 + 0) / 3)
    before = -(np.log(0.75) + 3 * np.log(0.25)) / 4
    learned = [-np.log(0.9), -(3 * np.log(0.9) + np.log(0.1)) / 4]  # at temperature 0.5 the odds are 9 to 1
    assert found["arms"][BEFORE][LOSS]["found"] == pytest.approx(before)
    assert found["arms"][ADAPTED][LOSS]["by seed"] == pytest.approx([*learned, before])
    assert found["arms"]["combined"][LOSS]["found"] == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)
    assert found["arms"][BEFORE]["ECE"] == pytest.approx(0.5)


def test_rivals_are_compared_over_the_seeds_that_both_have(target: Asked) -> None:
    gap = figures(target, draws=50)["gaps"]["adapted − combined"]
    assert (gap["accuracy"]["found"], gap["accuracy"]["seeds"]) == (0.25, 1)


def test_a_temperature_of_its_own_is_told_for_the_model_as_it_is(target: Asked) -> None:
    warmer = 1 / (1 + 3**-0.5)
    expected = -(np.log(warmer) + 3 * np.log(1 - warmer)) / 4
    found = figures(target, draws=50)
    assert found["temperature alone"][LOSS]["found"] == pytest.approx(expected - found["arms"][BEFORE][LOSS]["found"])


def test_promises_are_held_against_what_was_found(target: Asked) -> None:
    found = figures(target, draws=50)
    runs = list(found["runs"].values())
    assert runs[0]["found interval"] == [1.0, 1.0]
    assert [run["kept"] for run in runs] == [False, True, False]  # off by 0.4, 0.15 and 0.35
    told = promises({"one": found})
    assert (told["adaptations"], told["kept"]) == (3, 1)
    assert told["found less promised, mean"] == pytest.approx((0.4 + 0.15 - 0.35) / 3)
    assert told["found less promised, mean size"] == pytest.approx(0.3)
    assert found["candidates"]["head 1"] == pytest.approx(
        {"accuracy": 2.75 / 3, "in the folds": 0.7, "tried": 3, "taken": 2}
    )


def test_a_curve_has_the_first_seed_alone(target: Asked) -> None:
    found = point(target.first_seed(), draws=50)
    assert (found["pictures"], found["gain"]["found"], found["taken"]) == (10.0, 0.75, ["head 1"])


def gap(found: float, low: float, high: float, seeds: int = 3) -> dict[str, Any]:
    return {"found": found, "interval": [low, high], "sd": 0.01, "by seed": [found] * seeds, "seeds": seeds}


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ({"rendered": gap(0.1, 0.05, 0.15), "london": gap(0.0, 0.0, 0.0)}, "holds"),
        ({"rendered": gap(0.1, 0.05, 0.15), "london": gap(0.01, -0.03, 0.04)}, "holds"),
        ({"rendered": gap(0.1, 0.05, 0.15), "london": gap(-0.01, -0.03, 0.04)}, "undecided"),
        ({"rendered": gap(0.1, 0.05, 0.15), "london": gap(-0.02, -0.03, -0.01)}, "does not hold"),
        ({"rendered": gap(0.1, 0.05, 0.15)}, "undecided"),  # a target lacks
        ({"rendered": gap(0.1, 0.05, 0.15), "london": gap(0.0, 0.0, 0.0, seeds=2)}, "undecided"),
        ({"rendered": gap(0.1, 0.05, 0.15, seeds=1), "london": gap(0.0, 0.0, 0.0)}, "undecided"),
        ({}, "not measured yet"),
    ],
)
def test_no_target_may_end_below_its_start(gaps: dict[str, Any], verdict: str) -> None:
    row = adapt_claims.never_below(gaps, ("rendered", "london"))
    assert row["verdict"] == verdict
    if len(gaps) == 2:
        assert (row["against"], row["of"]) == ("london", 2)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (gap(0.06, 0.01, 0.11), "holds"),
        (gap(0.04, 0.01, 0.07), "undecided"),
        (gap(0.03, 0.01, 0.049), "does not hold"),
    ],
)
def test_the_gain_over_no_adaptation_is_to_be_five_points(found: dict[str, Any], verdict: str) -> None:
    rows = adapt_claims.claims({"rendered": {"before": found}}, ("rendered",))
    assert rows["rendered: adapted above before, accuracy"]["verdict"] == verdict
    assert rows["rendered: adapted above combined, accuracy"]["verdict"] == "not measured yet"


def test_every_registered_claim_has_its_row() -> None:
    known = adapt_claims.claims({}, ("rendered",))
    registered = [claim for claim in claims.load()[0] if claim.result == adapt_page.NAME]
    assert {claim.row for claim in registered} == set(known)


def test_the_page_has_tables_claims_and_a_picture(target: Asked, tmp_path: Path) -> None:
    found = {"rendered": figures(target, draws=50), "london": figures(target.first_seed(), draws=50)}
    gaps = {name: {"before": one["gaps"]["adapted − before"]["accuracy"]} for name, one in found.items()}
    content = {
        "model": "affect",
        "pictures": 10,
        "seeds": 3,
        "claims": adapt_claims.claims(gaps, ("rendered", "london")),
        "promises": adapt_figures.promises(found),
        "targets": found,
        "curve": {"target": "rendered", "points": [point(target.first_seed(), draws=50)]},
    }
    adapt_page.write(tmp_path, content)
    page = (tmp_path / "adapt.md").read_text(encoding="utf-8")
    told = "| rendered | 0 | 10 / 5 | head 1 | 0.300 | 0.250 | 0.600 (0.400 to 0.800) | 1.000 (1.000 to 1.000) | no |"
    assert told in page
    assert "Of 4 adaptations 1 kept their promise" in page
    assert "rendered, seed 0:" in page
    assert json.loads((tmp_path / "adapt.json").read_text(encoding="utf-8"))["seeds"] == 3
    with Image.open(tmp_path / "adapt.png") as picture:
        assert picture.width == 820
    rows = claims.rows("adapt", json.loads((tmp_path / "adapt.json").read_text(encoding="utf-8")))
    assert [row["verdict"] for row in rows][1:3] == ["not measured yet"] * 2
