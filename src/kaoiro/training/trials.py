"""Many runs, each stored when it ends, so that an interrupted comparison goes on and computes nothing twice.

What a network says of the people of 'val' and 'test' is stored, so that it can be read anew without training.
"""

from __future__ import annotations

import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.files import replacing, write_text, writing
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.core.revision import commit
from kaoiro.evaluation.multitask import Sums
from kaoiro.evaluation.progress import followed
from kaoiro.training import adversaries, hardware, multitask, readings
from kaoiro.training.multitask import COUPLED, HEADS, LIGHT, STRIDED, Answering, Budget, Trial, steps_within
from kaoiro.training.readings import Reading
from kaoiro.training.videos import Videos

SETTINGS = "settings.json"
CLAIMED = (0.05, 1.0)
"""Fractions of the labels at which the claims are judged."""
FURTHER = (0.01, 0.2)
ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.9)
CHOSEN = 0.9
"""The weight of valence and arousal that had the best P on the people of 'val'."""
RATES = (1e-2, 1e-3, 1e-4)
RATE = RATES[1]
"""The source's."""
SWEPT = 3
"""At most so many seeds of settings that are compared, and of networks with a generator."""
AFFECT_ALONE, EXPRESSION_ALONE, UNITS_ALONE = (AFFECT_HEAD,), (EXPRESSION,), (UNITS_HEAD,)
WITH_EXPRESSION, WITH_UNITS = (AFFECT_HEAD, EXPRESSION), (AFFECT_HEAD, UNITS_HEAD)
ADVERSARIAL = "adversarial"
LEARNERS: dict[str, Callable[[Trial, Budget, Videos], Answering]] = {
    STRIDED: partial(adversaries.learn, adversarial=False),
    ADVERSARIAL: partial(adversaries.learn, adversarial=True),
    LIGHT: multitask.learn,
    COUPLED: multitask.learn,
}
"""Who learns trials, by the name that trials give."""
SMOOTHED = {STRIDED: "smoothed", COUPLED: f"{COUPLED}, smoothed"}
"""Networks whose answers on all labels are also read smoothed over time, and how that reading is called."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a trial.

    Attributes:
        reading: of its answers.
        seconds: of the run, and of asking it; 0 where answers of another trial are read in another way.
        commit: of the code that learned it.
    """

    reading: Reading
    seconds: float
    commit: str

    @property
    def test(self) -> Sums:
        """Answers on the people of 'test', summed up."""
        return self.reading.test

    @property
    def validation(self) -> Sums:
        """Answers on the people of 'val', on which choices are made, summed up."""
        return self.reading.validation


Outcomes = dict[Trial, Outcome]
Trials = list[Trial]


def stages(seeds: int) -> dict[str, list[Trial]]:
    """Return all trials of the comparison of tasks in the order in which they are run, by what they are for.

    The claims about tasks have all seeds; settings that are compared have at most `SWEPT`, further fractions the first.
    """
    swept = range(min(seeds, SWEPT))
    first = (HEADS, AFFECT_ALONE, EXPRESSION_ALONE, WITH_EXPRESSION, UNITS_ALONE, WITH_UNITS)

    def of(heads: Sequence[tuple[str, ...]], fractions: Sequence[float], seed: int) -> Trials:
        return [Trial(one, fraction, seed) for fraction in fractions[::-1] for one in heads]

    usual = Trial()
    sweeps = [Trial(alpha=alpha) for alpha in ALPHAS if alpha != usual.alpha]
    sweeps += [Trial(learning_rate=rate) for rate in RATES]
    sweeps += [Trial(AFFECT_ALONE, affect_loss="mse")]
    settings = [replace(one, seed=seed) for seed in swept for one in sweeps]
    claimed = {f"claims, seed {seed}": of(first, CLAIMED, seed) for seed in range(seeds)}
    chosen = [replace(one, alpha=CHOSEN) for seed in range(seeds) for one in of(first[:1], CLAIMED, seed)]
    return {
        **{name: stage for name, stage in claimed.items() if stage[0].seed in swept},
        "coupling": [Trial(seed=seed, learner=one) for seed in swept for one in (LIGHT, COUPLED)],
        "settings": settings,
        "further fractions": of(first[:3], FURTHER, 0),
        **{name: stage for name, stage in claimed.items() if stage[0].seed not in swept},
        "the chosen weight": [one for one in chosen if one not in settings],
    }


def adversarial(seeds: int) -> list[Trial]:
    """Return all trials with a generator, and those of the same discriminator without one."""
    fractions = (FURTHER[0], *CLAIMED)
    compared = [
        one
        for seed in range(min(seeds, SWEPT))
        for one in (Trial(WITH_UNITS, seed=seed), *(Trial(HEADS, fraction, seed) for fraction in fractions))
    ]
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
        stored = _settings(file)
        if stored["asked"] != json.loads(json.dumps(asked)):
            raise InputError(f"{folder} holds runs with another set or budget; choose another --out or delete it")
        return replace(budget, steps=stored["steps"])
    steps = budget.steps if hours is None else steps_within(hours, videos, budget)
    write_text(file, json.dumps({"asked": asked, "steps": steps, "hardware": hardware.describe("32")}, indent=1))
    tell(f"{steps} steps of {budget.batch} faces for each run")
    return replace(budget, steps=steps)


def settled(folder: Path, videos: Videos, budget: Budget) -> Budget:
    """Return what was fixed for the runs in a folder, whatever their steps.

    Args:
        folder: of the runs.
        videos: that they learned from.
        budget: what else they have alike.

    Raises:
        InputError: it holds no runs, or those of another set.
        DataError: settings.json is damaged.
    """
    file = folder / SETTINGS
    if not file.is_file():
        raise InputError(f"{folder.parent} holds no runs; name the folder of finished ones by --out")
    stored = _settings(file)
    if stored["asked"].get("videos") != json.loads(json.dumps(videos.about)):
        raise InputError(f"{folder.parent} holds runs with another set; name that set by --sets")
    return replace(budget, steps=stored["steps"])


def _settings(file: Path) -> dict[str, Any]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(stored["steps"], int) and isinstance(stored["asked"], dict):
            return stored
    except (ValueError, KeyError, TypeError):
        pass
    raise DataError(f"{file} is damaged; delete the folder to begin anew")


def run(
    trials: Sequence[Trial], folder: Path, videos: Videos, budget: Budget, tell: Callable[[str], None] = print
) -> None:
    """Learn trials, and store what they say, but for those that lie in the folder.

    Args:
        trials: in order.
        folder: of `settle`.
        videos: likewise.
        budget: that `settle` returned.
        tell: told of every run that ends.

    Raises:
        DataError: a stored run is damaged.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on with the run that was not finished.
    """
    for trial in followed(trials, len(trials), "runs"):
        file = folder / f"{_slug(trial)}.npz"
        if file.is_file():
            continue
        start = time.monotonic()
        answer = LEARNERS[trial.learner](trial, budget, videos)
        said = {"validation": answer(videos.validation), "test": answer(videos.test)}
        _store(file, trial, said, time.monotonic() - start)
        found = _outcome(file, videos)
        tell(f"{trial.name}, seed {trial.seed}: {_told(found.test)}, {found.seconds:.0f} s")


def finished(trials: Sequence[Trial], folder: Path, videos: Videos) -> Outcomes:
    """Return what came of the trials whose answers lie in a folder, and of answers that are read smoothed, too.

    Raises:
        DataError: one of them is damaged.
    """
    result: Outcomes = {}
    for trial in trials:
        file = folder / f"{_slug(trial)}.npz"
        if not file.is_file():
            continue
        result[trial] = _outcome(file, videos)
        if trial == Trial(seed=trial.seed, learner=trial.learner) and trial.learner in SMOOTHED:
            result[replace(trial, learner=SMOOTHED[trial.learner])] = _outcome(file, videos, readings.steadied)
    return result


def _store(file: Path, trial: Trial, said: Mapping[str, readings.Said], seconds: float) -> None:
    tables: dict[str, Any] = {
        f"{part}/{head}": values.astype(np.float16) for part, one in said.items() for head, values in one.items()
    }
    about = json.dumps({"trial": asdict(trial), "seconds": round(seconds, 1), "commit": commit()})
    with replacing(file) as partial_file, writing(file), partial_file.open("wb") as stream:
        np.savez_compressed(stream, **{"about": np.array(about), **tables})


def _outcome(file: Path, videos: Videos, reader: Callable[..., Reading] = readings.read) -> Outcome:
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            about = json.loads(str(stored["about"]))
            said: dict[str, dict[str, np.ndarray]] = {"validation": {}, "test": {}}
            for name in stored.files:
                if "/" in name:
                    part, head = name.split("/")
                    said[part][head] = stored[name].astype(np.float32)
        reading = reader(said["validation"], videos.validation, said["test"], videos.test)
        return Outcome(reading, float(about["seconds"]), str(about["commit"]))
    except (OSError, KeyError, ValueError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} is damaged; remove it to do this run again") from error


def _slug(trial: Trial) -> str:
    """Return a file name that no other trial has."""
    rate = "own" if trial.learning_rate is None else f"{trial.learning_rate:g}"
    words = ("-".join(trial.heads), f"{trial.fraction:g}", f"alpha{trial.alpha:g}", trial.affect_loss, f"rate{rate}")
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join((trial.learner, *words, f"seed{trial.seed}")))


def _told(sums: Sums) -> str:
    figures = {name: sums.figure(name) for name in ("CCC valence", "CCC arousal", "F1w", "AU F1")}
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if not np.isnan(value))
