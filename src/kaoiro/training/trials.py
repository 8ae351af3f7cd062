"""Many runs, each stored when it ends, so that an interrupted comparison goes on and computes nothing twice."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.files import write_text
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.evaluation.multitask import Sums, restored, summed
from kaoiro.evaluation.progress import followed
from kaoiro.training import adversaries, hardware, multitask, steadied_tasks
from kaoiro.training.multitask import COUPLED, HEADS, Answering, Budget, Trial, steps_within
from kaoiro.training.videos import Videos, truth

SETTINGS = "settings.json"
CLAIMED = (0.05, 1.0)
"""Fractions of the labels at which the claims are judged."""
FURTHER = (0.01, 0.2)
ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.9)
RATES = (1e-2, 1e-3, 1e-4)
AFFECT_ALONE, EXPRESSION_ALONE, UNITS_ALONE = (AFFECT_HEAD,), (EXPRESSION,), (UNITS_HEAD,)
WITH_EXPRESSION, WITH_UNITS = (AFFECT_HEAD, EXPRESSION), (AFFECT_HEAD, UNITS_HEAD)
USUAL = Trial().heads, Trial().fraction
SMOOTHED, COUPLED_AND_SMOOTHED = "smoothed", f"{COUPLED}, smoothed"
LIGHT, ADVERSARIAL, STRIDED = Trial().learner, "adversarial", "strided"
LEARNERS: dict[str, Callable[[Trial, Budget, Videos], Answering]] = {
    LIGHT: multitask.learn,
    SMOOTHED: steadied_tasks.learn,
    COUPLED_AND_SMOOTHED: steadied_tasks.learn,
    ADVERSARIAL: partial(adversaries.learn, adversarial=True),
    STRIDED: partial(adversaries.learn, adversarial=False),
}
"""Who learns trials, by the name that trials give: the light network, that with further means, the strided network of a
judge of generated faces as a judge, and the same without a generator."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a trial.

    Attributes:
        test: answers on the people of 'test', summed up.
        validation: likewise of 'val', for choices.
        seconds: of the run and of reading it out.
    """

    test: Sums
    validation: Sums
    seconds: float


Outcomes = dict[Trial, Outcome]
Trials = list[Trial]


def stages(seeds: int) -> dict[str, list[Trial]]:
    """Return all trials of the comparison of tasks in the order in which they are run, by what they are for.

    What the claims are about comes first, with all seeds; further fractions and learning rates have the first seed. The
    claims are tested with the strided network, which learns more in the same time, and again with the light one, with
    which weights, rates and losses are compared.
    """
    every = range(seeds)
    first = (HEADS, AFFECT_ALONE, EXPRESSION_ALONE, WITH_EXPRESSION)
    main = (HEADS, AFFECT_ALONE, EXPRESSION_ALONE)

    def of(heads: Sequence[tuple[str, ...]], fractions: Sequence[float], seeds: Sequence[int], learner: str) -> Trials:
        return [
            Trial(one, fraction, seed, learner=learner)
            for seed in seeds
            for fraction in fractions[::-1]
            for one in heads
        ]

    alphas = [Trial(alpha=alpha) for alpha in ALPHAS if alpha != Trial().alpha]
    losses = [Trial(affect_loss="mse")]
    rates = [Trial(learning_rate=rate) for rate in RATES if rate != Trial().learning_rate]
    improved = [Trial(seed=seed, learner=one) for seed in every for one in (SMOOTHED, COUPLED_AND_SMOOTHED)]
    return {
        **{f"claims, seed {seed}": of(first, CLAIMED, [seed], STRIDED) for seed in every},
        "pairs with action units": of((UNITS_ALONE, WITH_UNITS), CLAIMED, every, STRIDED),
        "light network": of([HEADS], CLAIMED[1:], every, LIGHT),
        "sweeps": [*losses, *alphas, *rates],
        "coupling and smoothing": improved,
        "further fractions": of(main, FURTHER, [0], STRIDED),
        "light network, claims": [
            one for one in of(first, CLAIMED, every, LIGHT) if (one.heads, one.fraction) != USUAL
        ],
        "sweeps, further seeds": [replace(one, seed=seed) for seed in every if seed for one in (*losses, *alphas)],
    }


def adversarial(seeds: int) -> list[Trial]:
    """Return all trials with a generator, and those of the same discriminator without one."""
    pairs = [Trial(HEADS, fraction, seed) for seed in range(seeds) for fraction in (FURTHER[0], CLAIMED[0])]
    compared = [Trial(WITH_UNITS), *pairs, Trial()]
    return [replace(one, learner=learner) for one in compared for learner in (ADVERSARIAL, STRIDED)]


def settle(
    folder: Path, videos: Videos, hours: float | None, budget: Budget, tell: Callable[[str], None] = print
) -> Budget:
    """Fix what all runs in a folder have alike, or return what was fixed by an earlier call.

    Args:
        folder: of the runs; receives settings.json.
        videos: that are learned from.
        hours: for each run, to which its steps are scaled; None leaves them as they are.
        budget: steps, batch and network of all runs.
        tell: told how many steps fit into the hours.

    Raises:
        InputError: the folder holds runs of another set or budget.
        DataError: settings.json is damaged.
    """
    file = folder / SETTINGS
    asked = {"videos": videos.about, "budget_hours": hours, "budget": budget.stored()}
    if file.is_file():
        stored = _read(file)
        if stored.get("asked") != json.loads(json.dumps(asked)) or not isinstance(stored.get("steps"), int):
            raise InputError(f"{folder} holds runs with another set or budget; choose another --out or delete it")
        return replace(budget, steps=stored["steps"])
    steps = budget.steps if hours is None else steps_within(hours, videos, budget)
    write_text(file, json.dumps({"asked": asked, "steps": steps, "hardware": hardware.describe("32")}, indent=1))
    tell(f"{steps} steps of {budget.batch} faces for each run")
    return replace(budget, steps=steps)


def run(
    trials: Sequence[Trial], folder: Path, videos: Videos, budget: Budget, tell: Callable[[str], None] = print
) -> Outcomes:
    """Learn and measure trials, but for those whose outcome lies in the folder.

    Args:
        trials: in order.
        folder: of `settle`.
        videos: likewise.
        budget: that `settle` returned.
        tell: told of every run that ends.

    Raises:
        DataError: a stored outcome is damaged.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on with the run that was not finished.
    """
    result = {}
    for trial in followed(trials, len(trials), "runs"):
        file = folder / f"{_slug(trial)}.json"
        if not file.is_file():
            outcome = _measured(trial, videos, budget)
            write_text(file, _stored(trial, outcome))
            tell(f"{trial.name}, seed {trial.seed}: {_said(outcome.test)}, {outcome.seconds:.0f} s")
        result[trial] = _restored(file)
    return result


def finished(trials: Sequence[Trial], folder: Path) -> Outcomes:
    """Return the outcomes that lie in a folder.

    Raises:
        DataError: one of them is damaged.
    """
    files = {trial: folder / f"{_slug(trial)}.json" for trial in trials}
    return {trial: _restored(file) for trial, file in files.items() if file.is_file()}


def _measured(trial: Trial, videos: Videos, budget: Budget) -> Outcome:
    start = time.monotonic()
    answer = LEARNERS[trial.learner](trial, budget, videos)
    test, validation = (_of_people(answer, faces) for faces in (videos.test, videos.validation))
    return Outcome(test, validation, time.monotonic() - start)


def _of_people(answer: Answering, faces: Faces) -> Sums:
    assert faces.subjects is not None
    return summed(truth(faces), answer(faces), faces.subjects)


def _stored(trial: Trial, outcome: Outcome) -> str:
    tables = {"test": outcome.test.stored(), "validation": outcome.validation.stored()}
    return json.dumps({"trial": asdict(trial), "seconds": outcome.seconds, **tables})


def _restored(file: Path) -> Outcome:
    stored = _read(file)
    try:
        return Outcome(restored(stored["test"]), restored(stored["validation"]), float(stored["seconds"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged; remove it to do this run again") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        raise DataError(f"{file} is damaged; remove it to do this run again")
    return stored


def _slug(trial: Trial) -> str:
    """Return a file name that no other trial has."""
    rate, loss = f"rate{trial.learning_rate:g}", trial.affect_loss
    words = ("-".join(trial.heads), f"{trial.fraction:g}", f"alpha{trial.alpha:g}", loss, rate, f"seed{trial.seed}")
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join((trial.learner, *words)))


def _said(sums: Sums) -> str:
    figures = {name: sums.figure(name) for name in ("CCC valence", "CCC arousal", "F1w", "AU F1")}
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if not np.isnan(value))
