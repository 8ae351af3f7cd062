"""Runs of system D whose network also judges generated faces, and the same network without a generator.

Faces without labels are looked at by the judge of real and generated faces alone: what semi-supervised learning could
gain (SPEC 5.4). The control differs by the generator only: same network, same labelled faces in the same order.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from kaoiro.core.condition import PARTS
from kaoiro.core.faces import Faces
from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.families.multitask_affect.generation import QUICK, AdversarialConfig
from kaoiro.training.multitask import HEADS, Answering, Budget, Trial
from kaoiro.training.videos import Videos, labelled

BATCH = 64
"""Faces a step; a run sees as many labelled faces as those without a generator do."""
HALVINGS = 3
"""Of the side, from generated faces to the generator's first map."""


def learn(trial: Trial, budget: Budget, videos: Videos, adversarial: bool) -> Answering:
    """Learn a trial with a generator or without one, and return what answers for it."""
    faces = _complete(labelled(videos.training, trial.heads, trial.fraction, trial.seed))
    trained = Adversarial(settings(trial, budget, faces.pixels.shape[1], adversarial))
    trained.fit(faces, tick=_silent)
    return partial(values, trained, trial.heads)


def settings(trial: Trial, budget: Budget, side: int, adversarial: bool) -> AdversarialConfig:
    """Return how a trial is trained on crops of `side` pixels; a condition needs labels of all three heads."""
    batch = min(BATCH, budget.batch)
    objective = trial.objective
    return replace(
        QUICK,
        generator=replace(QUICK.generator, first=side // 2**HALVINGS, conditional=trial.heads == HEADS),
        adversarial=adversarial,
        steps=max(1, budget.steps * budget.batch // batch),
        batch=batch,
        alpha=objective.alpha,
        beta=objective.beta,
        affect_loss=objective.affect_loss,
        learning_rate=QUICK.learning_rate if trial.learning_rate is None else trial.learning_rate,
        seed=trial.seed,
    )


def values(trained: Adversarial, heads: tuple[str, ...], faces: Faces) -> dict[str, np.ndarray]:
    """Return what the averaged discriminator says of crops, for the heads that were learned."""
    said = trained.answer(faces.pixels)
    return {name: said[name] for name in heads}


def _complete(faces: Faces) -> Faces:
    """Return faces with targets of all heads, NaN where they were not to be learned."""
    missing = {
        name: np.full((len(faces), len(vocabulary)), np.nan, np.float32)
        for name, vocabulary in PARTS.items()
        if name not in faces.targets
    }
    return replace(faces, targets={**faces.targets, **missing})


def _silent(line: str) -> None:
    """Say nothing: what a run found is told when it ends."""
    del line
