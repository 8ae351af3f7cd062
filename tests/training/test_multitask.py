"""One run of system D: what is learned, and what a head without labels contributes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake import multitask as made

from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.families.multitask_affect.config import NetworkConfig
from kaoiro.families.multitask_affect.recipe import REAL
from kaoiro.training import multitask
from kaoiro.training.multitask import Budget, Trial, build, learn
from kaoiro.training.readings import read
from kaoiro.training.videos import HEADS, Videos, labelled

TINY = made.TINY


@pytest.fixture(scope="module")
def videos() -> Videos:
    return made.videos()


@pytest.mark.parametrize(
    ("trial", "name"),
    [
        (Trial(), "all three, 100 %"),
        (Trial((AFFECT_HEAD, EXPRESSION), 0.05, 3), "valence-arousal + expressions, 5 %"),
        (Trial(alpha=0.3), "all three, 100 %, α 0.3"),
        (Trial(affect_loss="mse", learning_rate=0.01), "all three, 100 %, mse, rate 0.01"),
        (Trial(learner="light"), "all three, light, 100 %"),
        (Trial((UNITS_HEAD,), learner="adversarial"), "action units, adversarial, 100 %"),
    ],
)
def test_a_run_is_named_by_what_is_unusual_about_it(trial: Trial, name: str) -> None:
    assert trial.name == name


def test_alpha_weighs_affect_and_the_rest_weighs_classes() -> None:
    both = Trial(alpha=0.3).objective
    assert (both.alpha, both.beta, both.affect_loss) == (0.3, pytest.approx(0.7), "ccc")
    alone = Trial((EXPRESSION,)).objective
    assert (alone.alpha, alone.beta) == (1, 1)
    assert Trial(affect_loss="mse").objective.affect_loss == "mse"


@pytest.mark.parametrize("heads", [(AFFECT_HEAD,), (EXPRESSION,), (UNITS_HEAD,), (AFFECT_HEAD, UNITS_HEAD), HEADS])
def test_a_network_answers_what_it_learned_and_nothing_else(videos: Videos, heads: tuple) -> None:
    said = learn(Trial(heads), TINY, videos)(videos.test)
    assert set(said) == set(heads)
    assert all(len(values) == len(videos.test) for values in said.values())


def test_a_head_without_labels_contributes_nothing(videos: Videos) -> None:
    objective = build(Trial(), TINY, videos)
    own = videos.training
    rows = np.flatnonzero(~np.isnan(own.targets[EXPRESSION][:, 0]))[:12]
    take = multitask._taking(labelled(own, HEADS))

    def gradients(batch: dict) -> dict:
        objective.zero_grad()
        objective.on_train_epoch_start()
        objective.loss(batch, 0.0).backward()
        return {name: p.grad.clone() for name, p in objective.network.named_parameters() if p.grad is not None}

    objective.train()
    batch = take(rows)
    with_head = gradients(batch)
    assert with_head["upper.units.weight"].abs().sum() == 0
    assert with_head["upper.expression.weight"].abs().sum() > 0
    objective.network.upper = torch.nn.ModuleDict(
        {name: head for name, head in objective.network.upper.items() if name != UNITS_HEAD}
    )
    without = gradients(batch)
    assert all(torch.equal(without[name], with_head[name]) for name in without)


def test_a_seed_gives_the_same_answers_again(videos: Videos) -> None:
    first, again, other = (learn(Trial(seed=seed), TINY, videos)(videos.test)[AFFECT_HEAD] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_networks_of_all_tasks_have_the_same_trunk(videos: Videos) -> None:
    counts = {
        sum(p.numel() for p in build(Trial(heads), TINY, videos).network.trunk.parameters())
        for heads in ((AFFECT_HEAD,), (EXPRESSION,), HEADS)
    }
    assert len(counts) == 1


def test_all_tasks_are_learned(videos: Videos) -> None:
    config = NetworkConfig(stem=8, widths=(8, 12, 16), mask=0, placed=8, dropout=0.0)
    answer = learn(Trial(learning_rate=1e-2), Budget(80, 24, config), videos)
    sums = read(answer(videos.validation), videos.validation, answer(videos.test), videos.test).test
    assert sums.figure("mean CCC") > 0.6
    assert sums.figure("accuracy") > 0.6
    assert sums.figure("TA_bal") > 0.6


def test_values_are_shares_probabilities_and_places_on_the_circumplex(videos: Videos) -> None:
    said = multitask.values(build(Trial(), TINY, videos).eval(), videos.test.rows(np.arange(9)))
    assert {name: table.shape for name, table in said.items()} == {
        AFFECT_HEAD: (9, 2),
        EXPRESSION: (9, 7),
        UNITS_HEAD: (9, 8),
    }
    np.testing.assert_allclose(said[EXPRESSION].sum(axis=1), 1, atol=1e-6)
    assert (said[UNITS_HEAD] > 0).all() and (said[UNITS_HEAD] < 1).all() and (np.abs(said[AFFECT_HEAD]) <= 1).all()


def test_coupled_runs_weigh_the_table_as_the_model_that_ships_does() -> None:
    assert Trial(learner="coupled").objective.coupled_units == REAL.objective.coupled_units > 0
    assert Trial(learner="light").objective.coupled_units == Trial().objective.coupled_faces == 0


def test_a_budget_of_hours_becomes_steps(videos: Videos, monkeypatch: pytest.MonkeyPatch) -> None:
    assert multitask.step_seconds(videos, replace(TINY, batch=6)) > 0
    monkeypatch.setattr(multitask, "step_seconds", lambda *_: 0.5)
    assert multitask.steps_within(0.1, videos, TINY) == int(360 / (1.1 * 0.5))
    assert multitask.steps_within(1e-9, videos, TINY) == 1
