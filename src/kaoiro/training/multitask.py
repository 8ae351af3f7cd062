"""One run of system D on rendered videos: which tasks, how many labels, which weights of the losses.

All runs of a comparison have the same trunk and take the same number of steps of as many faces; only the heads, the
labels and the losses differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kaoiro.core.condition import PARTS
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.core.spec import Head, Specification
from kaoiro.data.source import DataConfig
from kaoiro.evaluation.progress import followed
from kaoiro.families.multitask_affect.config import NetworkConfig, ObjectiveConfig
from kaoiro.families.multitask_affect.generator import activated
from kaoiro.families.multitask_affect.objective import Objective
from kaoiro.families.multitask_affect.recipe import GENTLE, REAL, Recipe
from kaoiro.nn.schedule import one_cycle
from kaoiro.training import hardware
from kaoiro.training.fit import ACTIVATIONS
from kaoiro.training.videos import HEADS, Videos, batches, labelled

SIDE = 32
NETWORK = NetworkConfig(stem=16, widths=(16, 36, 88), mask=12, placed=48)
"""The light form with halved widths. In about three minutes it reached more on the people of 'val' than narrower forms
with more steps: P 1.45; 48 pixels and a quarter of the widths 1.40; 32 pixels and a third 1.31."""
NAMES = {AFFECT_HEAD: "valence-arousal", EXPRESSION: "expressions", UNITS_HEAD: "action units"}
"""Of the tasks, for people."""
BATCH, STEPS = 128, 2000
"""Faces a step, and steps of a run without a budget (about 30 passes over the thinned frames, as SPEC 5.3 says)."""
STRIDED, LIGHT, COUPLED = "strided", "light", "coupled"
"""Who learns a trial: the strided network of a judge of generated faces, but without a generator; the light network;
the same with expressions and action units coupled, as in the model that ships."""
TIMED, UNTIMED = 12, 3
"""Steps that are timed for a budget, and first ones that are not: they allocate memory and choose algorithms."""
MEASURING = 1.1
"""Time of a run over that of its steps: reading out the answers."""

Answering = Callable[[Faces], dict[str, np.ndarray]]
"""From crops to what a network says of them, as `values` gives it."""


@dataclass(frozen=True)
class Trial:
    """What distinguishes a run from the others.

    Attributes:
        heads: tasks that are learned, in the order of `HEADS`.
        fraction: of the labels.
        seed: of weights, choice of videos, order and augmentation.
        alpha: weight of valence and arousal; the classes have 1 - alpha. A single task has a weight of 1.
        affect_loss: as in the family's settings.
        learning_rate: of Adam, at the peak of a schedule; None takes the learner's own.
        learner: who learns it, one of `trials.LEARNERS`, or whose answers are read in another way.
    """

    heads: tuple[str, ...] = HEADS
    fraction: float = 1.0
    seed: int = 0
    alpha: float = 0.5
    affect_loss: str = "ccc"
    learning_rate: float | None = None
    learner: str = STRIDED

    @property
    def tasks(self) -> str:
        """The tasks in words."""
        return "all three" if self.heads == HEADS else " + ".join(NAMES[head] for head in self.heads)

    @property
    def name(self) -> str:
        """The run in words, without its seed."""
        usual = Trial()
        said = [self.tasks if self.learner == usual.learner else f"{self.tasks}, {self.learner}"]
        said.append(percent(self.fraction))
        said += [f"α {self.alpha:g}"] * (self.alpha != usual.alpha)
        said += [self.affect_loss] * (self.affect_loss != usual.affect_loss)
        said += [] if self.learning_rate is None else [f"rate {self.learning_rate:g}"]
        return ", ".join(said)

    @property
    def objective(self) -> ObjectiveConfig:
        """The losses; a single task is learned with a weight of 1."""
        alone = len(self.heads) == 1
        alpha, beta = (1.0, 1.0) if alone else (self.alpha, 1 - self.alpha)
        loss = "mse" if self.affect_loss == "mse" else "ccc"
        usual = ObjectiveConfig(alpha=alpha, beta=beta, affect_loss=loss)
        usual = usual if self.learning_rate is None else replace(usual, learning_rate=self.learning_rate)
        coupled = REAL.objective
        if not self.learner.startswith(COUPLED):
            return usual
        return replace(usual, coupled_units=coupled.coupled_units, coupled_faces=coupled.coupled_faces)


def percent(fraction: float) -> str:
    """Return a share of the labels in words."""
    return f"{100 * fraction:g} %"


@dataclass(frozen=True)
class Budget:
    """What every run of a comparison has alike.

    Attributes:
        steps: of every run.
        batch: faces a step.
        network: of every run.
    """

    steps: int = STEPS
    batch: int = BATCH
    network: NetworkConfig = field(default_factory=lambda: NETWORK)

    def stored(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "network": {**asdict(self.network), "widths": list(self.network.widths)}}


def build(trial: Trial, budget: Budget, videos: Videos) -> Objective:
    """Return the network of a trial with its losses, weights drawn by its seed."""
    size, (mean, std) = int(videos.training.pixels.shape[1]), videos.statistics
    data = DataConfig(augmentation=GENTLE)
    recipe = Recipe(data=data, network=budget.network, objective=trial.objective, size=size)
    recipe = replace(recipe, run=replace(recipe.run, seed=trial.seed, batch=budget.batch))
    recipe.network.check()
    heads = tuple(
        Head(name=name, activation=ACTIVATIONS.get(name, "softmax"), labels=PARTS[name].labels) for name in trial.heads
    )
    spec = Specification(size=size, channels=1, mean=(mean,), std=(std,), crop=recipe.crop, heads=heads)
    torch.manual_seed(trial.seed)
    objective = Objective(recipe, spec)
    objective.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return objective.to(hardware.accelerator())


def learn(trial: Trial, budget: Budget, videos: Videos) -> Answering:
    """Learn a trial from its labels alone and return what answers for it."""
    faces = labelled(videos.training, trial.heads, trial.fraction, trial.seed)
    assert faces.domains is not None
    rows = batches(faces.domains, budget.batch, budget.steps, trial.seed)
    objective = build(trial, budget, videos)
    objective.on_train_epoch_start()  # seeds augmentation and dropout
    take, update = _taking(faces), _Update(objective, budget.steps)
    for step, own in enumerate(followed(rows, len(rows), "steps")):
        update(take(own), step)
    return partial(values, objective.eval())


class _Update:
    """One step of Adam with the family's schedule."""

    def __init__(self, objective: Objective, steps: int) -> None:
        self._objective, self._steps = objective.train(), steps
        config = objective.config
        decayed = [p for p in objective.network.parameters() if p.ndim > 1]
        plain = [p for p in objective.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self._optimizer = torch.optim.Adam(groups, config.learning_rate)

    def __call__(self, batch: dict[str, Any], step: int) -> None:
        config, progress = self._objective.config, step / self._steps
        for group in self._optimizer.param_groups:
            group["lr"] = config.learning_rate * one_cycle(progress, config.warmup)
        loss = self._objective.loss(batch, progress)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


def _taking(faces: Faces) -> Callable[[np.ndarray], dict[str, Any]]:
    """Return a function from rows to the batch that the objective reads."""
    device = hardware.accelerator()
    pixels = torch.from_numpy(faces.pixels[:, None]).to(device)
    targets = {name: torch.from_numpy(values).to(device) for name, values in faces.targets.items()}

    def take(rows: np.ndarray) -> dict[str, Any]:
        index = torch.from_numpy(rows).to(device)
        return {"pixels": pixels[index], "target": {name: values[index] for name, values in targets.items()}}

    return take


@torch.no_grad()
def values(objective: Objective, faces: Faces) -> dict[str, np.ndarray]:
    """Return what a network says of crops.

    Returns:
        Of the heads that it has: 'affect' (N, 2) in -1 to 1, 'expression' (N, 7) shares, 'units' (N, 8) probabilities.
    """
    found: dict[str, list[Tensor]] = {}
    for start in range(0, len(faces), 256):
        images = torch.from_numpy(faces.pixels[start : start + 256, None]).to(objective.mean.device).float() / 255
        for name, value in activated(objective.network(objective.normalise(images)).heads).items():
            found.setdefault(name, []).append(value.float().cpu())
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}


def step_seconds(videos: Videos, budget: Budget) -> float:
    """Return the median time of a step of the network with all heads, seconds."""
    faces = labelled(videos.training, HEADS)
    assert faces.domains is not None
    take, objective = _taking(faces), build(Trial(), budget, videos)
    update, readings = _Update(objective, UNTIMED + TIMED), [time.perf_counter()]
    for step, rows in enumerate(batches(faces.domains, budget.batch, UNTIMED + TIMED, 0)):
        update(take(rows), step)
        readings.append(time.perf_counter())
    return float(np.median(np.diff(readings)[UNTIMED:]))


def steps_within(hours: float, videos: Videos, budget: Budget) -> int:
    """Return how many steps a run may take to last so many hours, at least 1."""
    return max(1, int(hours * 3600 / (MEASURING * step_seconds(videos, budget))))
