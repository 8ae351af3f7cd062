"""Which stages a run goes through, how long each is, and how a budget of hours scales them all (SPEC 3.4)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from kaoiro.families.identity_expression.config import RunConfig
from kaoiro.families.identity_expression.objective import Kind, Progress
from kaoiro.families.identity_expression.recipe import Recipe

ENDS: tuple[Kind, ...] = ("expression", "whole")
"""What is learned last in an iteration."""
OVERHEAD = 1.05
"""Time of a run over that of its steps: statistics, samples and checkpoints."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of a run, throughout which the same parameters learn.

    Attributes:
        number: from 0.
        kind: what learns.
        iteration: how often the stages have been gone through before.
        passes: over the data in the whole schedule; the rate falls as far, also where fewer steps are done.
        epochs: after each of which figures and a checkpoint are written.
        steps: of an epoch.
    """

    number: int
    kind: Kind
    iteration: int
    passes: int
    epochs: int
    steps: int

    @property
    def total(self) -> int:
        """Steps of the stage."""
        return self.epochs * self.steps

    @property
    def name(self) -> str:
        """'00-identity'."""
        return f"{self.number:02d}-{self.kind}"

    @property
    def ends_iteration(self) -> bool:
        """Whether both encoders have learned since the iteration began."""
        return self.kind in ENDS

    def progress(self, epochs: int = 0) -> Progress:
        """Return where the stage stands after some epochs."""
        return Progress(self.kind, self.number, self.total, self.passes, epochs * self.steps)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Stages of a run and what they were made of.

    Attributes:
        scale: share of the whole schedule's steps that is done.
        steps: full batches in one pass over the data.
        seconds: of a step, by kind, where they were measured.
        stages: in their order.
    """

    scale: float
    steps: int
    seconds: Mapping[str, float]
    stages: tuple[Stage, ...]

    @property
    def hours(self) -> float | None:
        """Expected; None where steps were not timed."""
        return hours(self.stages, self.seconds) if self.seconds else None

    def asdict(self) -> dict[str, Any]:
        """Return the schedule as JSON has it."""
        stages = [dataclasses.asdict(stage) for stage in self.stages]
        return {
            "scale": self.scale,
            "steps": self.steps,
            "seconds": dict(self.seconds),
            "hours": self.hours,
            "stages": stages,
        }


def read(stored: Mapping[str, Any]) -> Schedule:
    """Return a schedule from what `Schedule.asdict` gave."""
    stages = tuple(Stage(**one) for one in stored["stages"])
    return Schedule(stored["scale"], stored["steps"], stored["seconds"], stages)


def kinds(recipe: Recipe) -> tuple[Kind, ...]:
    """Return the stages of one iteration."""
    return ("identity", "expression") if recipe.network.form == "exchange" else ("whole",)


def opening(recipe: Recipe) -> tuple[Kind, ...]:
    """Return the stages that come once, before all iterations."""
    return ("views",) if recipe.views.epochs else ()


def every_kind(recipe: Recipe) -> tuple[Kind, ...]:
    """Return the kinds of stages that a run goes through, in their order."""
    return (*opening(recipe), *(kinds(recipe) if recipe.run.iterations else ()))


def schedule(
    recipe: Recipe, steps: int, seconds: Mapping[str, float] | None = None, views: int | None = None
) -> Schedule:
    """Return the schedule of a recipe.

    Args:
        recipe: names epochs, iterations, and the scale or the budget.
        steps: full batches in one pass over the data.
        seconds: of a step, by kind; needed where the recipe names a budget.
        views: full batches in one pass over the faces that are seen in views; None takes `steps`.
    """
    run, timed = recipe.run, seconds or {}
    scale = run.scale
    passes: dict[Kind, int] = {kind: views if kind == "views" and views else steps for kind in every_kind(recipe)}
    if run.budget is not None and seconds is not None:
        whole = hours(_stages(recipe, passes, 1.0, {}), seconds)
        scale = min(1.0, run.budget / whole)
    return Schedule(scale, steps, dict(timed), _stages(recipe, passes, scale, timed))


def hours(stages: tuple[Stage, ...], seconds: Mapping[str, float]) -> float:
    """Return how long stages take."""
    return OVERHEAD * sum(stage.total * seconds[stage.kind] for stage in stages) / 3600


def _stages(recipe: Recipe, steps: Mapping[Kind, int], scale: float, seconds: Mapping[str, float]) -> tuple[Stage, ...]:
    run, order = recipe.run, kinds(recipe)
    turns: list[tuple[Kind, int]] = [(kind, 0) for kind in opening(recipe)]
    turns.extend((kind, turn) for turn in range(run.iterations) for kind in order)
    return tuple(
        Stage(number, kind, turn, passes, *_epochs(run, passes, steps[kind], scale, seconds.get(kind, 0.0)))
        for number, (kind, turn) in enumerate(turns)
        for passes in [recipe.views.epochs if kind == "views" else run.epochs]
    )


def _epochs(run: RunConfig, passes: int, steps: int, scale: float, seconds: float) -> tuple[int, int]:
    """Return epochs of a stage and the steps of each: all of the passes, or the share of their steps that is done.

    A share gives epochs of at most one pass and, where steps were timed, of at most so many minutes.
    """
    if scale >= 1:
        return passes, steps
    total = max(1, round(passes * steps * scale))
    count = max(math.ceil(total / steps), math.ceil(total * seconds / 60 / run.minutes))
    return count, max(1, round(total / count))
