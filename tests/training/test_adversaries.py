"""Runs whose network judges generated faces: the control differs by nothing but the generator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake import multitask as made

from kaoiro.core.labels import AFFECT_HEAD, UNITS_HEAD
from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.families.multitask_affect.generation import DiscriminatorConfig, GeneratorConfig
from kaoiro.training import adversaries
from kaoiro.training.multitask import HEADS, Trial
from kaoiro.training.videos import Videos

PAIR = (AFFECT_HEAD, UNITS_HEAD)


@pytest.fixture(scope="module")
def videos() -> Videos:
    return made.videos()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(
        adversaries.QUICK,
        generator=GeneratorConfig(noise=8, widths=(8, 8, 8, 8)),
        discriminator=DiscriminatorConfig(widths=(8, 8, 8), features=16),
    )
    monkeypatch.setattr(adversaries, "QUICK", quick)


def test_both_differ_by_the_generator_only() -> None:
    one, other = (adversaries.settings(Trial(seed=3), made.TINY, 48, adversarial=kind) for kind in (True, False))
    assert replace(one, adversarial=False) == other
    assert one.seed == 3 and one.steps * one.batch == made.TINY.steps * made.TINY.batch
    assert one.generator.side == 48 and one.generator.conditional


def test_a_generator_is_told_conditions_only_where_all_heads_have_labels() -> None:
    assert not adversaries.settings(Trial(PAIR), made.TINY, 48, adversarial=True).generator.conditional


@pytest.mark.parametrize("adversarial", [True, False])
@pytest.mark.parametrize("heads", [HEADS, PAIR])
def test_it_answers_what_was_learned_and_nothing_else(videos: Videos, heads: tuple, adversarial: bool) -> None:
    said = adversaries.learn(Trial(heads), made.TINY, videos, adversarial)(videos.test)
    assert set(said) == set(heads)
    assert all(len(values) == len(videos.test) for values in said.values())


def test_a_trial_decides_on_weights_loss_and_rate() -> None:
    trial = Trial(alpha=0.3, affect_loss="mse", learning_rate=0.01)
    config = adversaries.settings(trial, made.TINY, 48, adversarial=False)
    assert (config.alpha, config.beta, config.affect_loss, config.learning_rate) == (0.3, 0.7, "mse", 0.01)
    assert adversaries.settings(Trial(), made.TINY, 48, True).learning_rate == adversaries.QUICK.learning_rate


def test_faces_whose_labels_are_taken_away_are_still_looked_at(videos: Videos, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    step = Adversarial.step

    def noted(self: Adversarial, batch: Any) -> Any:
        seen.append(batch)
        return step(self, batch)

    monkeypatch.setattr(Adversarial, "step", noted)
    budget = replace(made.TINY, steps=8)
    adversaries.learn(Trial(fraction=0.01), budget, videos, adversarial=True)
    looked, told = (
        {tuple(np.round(np.sort(face.flatten()), 4)[::97]) for batch in seen for face in getattr(batch, name).numpy()}
        for name in ("real", "told")
    )
    assert len(told) < 16 < len(looked)
