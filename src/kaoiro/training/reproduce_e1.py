"""System E1 from the official files to the claims, in one call that can be interrupted and goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np

from kaoiro.core.checks import at_least, positive, require
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.files import write_text
from kaoiro.evaluation import transfer_figures
from kaoiro.evaluation.transfer_figures import Answered
from kaoiro.evaluation.transfers import CURVES, PER_CLASS, Condition, few, for_target, named
from kaoiro.evaluation.transfers import NAMES as CONDITION_NAMES
from kaoiro.families.staged_transfer.config import Form
from kaoiro.training import arm_data, fit, hardware, timing
from kaoiro.training.families import objective_module
from kaoiro.training.settings import Settings, asked
from kaoiro.training.transfer import targets
from kaoiro.training.transfer.learning import Official, framed
from kaoiro.training.transfer.runs import FAMILY, Workshop, recipe_of
from kaoiro.training.transfer.schedule import EPOCHS, Schedule, course, told
from kaoiro.training.transfer.targets import TRAIN, Roots, Target

RENDERED, SET = "rendered", "syn-ward"
"""The target that is made where it lacks, and the rendered set that it is."""
__all__ = ["RENDERED", "SET", "Order", "Roots", "changes", "system_e1", "wanted"]
FIRST_PASSES, ZERO_PASSES = 30, 30
"""Over FER2013's Training in stages 1 and 0, as the specification has them, or as long."""
SECOND_UPDATES = 300
"""Of stage 2: twenty passes over as many faces as SFEW has."""
BATCH = 64
SETTINGS = "settings.json"
CHANGED = ("network.", "size", "run.precision")
"""Settings that may be changed, for all stages alike."""
Answers = dict[str, dict[tuple[str, int], np.ndarray]]
"""Raw outputs by target, run and seed."""
Tell = Callable[[str], None]
Report = Callable[[dict[str, Any], bool], None]
"""Receives the figures each time that there are more of them, and whether all runs are finished."""


@dataclass(frozen=True)
class Order:
    """What is reproduced, from what and where.

    Attributes:
        roots: folders of FER2013 and of the target sets.
        out: folder of the runs; those in it are not done again.
        targets: names.
        conditions: names; none means all.
        seeds: of each condition.
        curves: whether learning curves are measured.
        budget: hours for all runs together, by which stages 0 and 1 are shortened; None takes the whole schedule.
        form: of the network.
        weights: file with ImageNet's; None puts self-supervised learning in their place.
        changes: settings by path, the same for all stages.
        training: False trains nothing and reports what is finished.
    """

    roots: Roots
    out: Path
    targets: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    seeds: int = 3
    curves: bool = True
    budget: float | None = None
    form: Form = "compact"
    weights: str | None = None
    changes: Settings = field(default_factory=dict)
    training: bool = True

    def __post_init__(self) -> None:
        at_least("--seeds", 1, self.seeds)
        for name, given, known in (
            ("--targets", self.targets, targets.NAMES),
            ("--conditions", self.conditions, CONDITION_NAMES),
        ):
            unknown = [one for one in given if one not in known]
            require(not unknown, name, f"of {', '.join(known)}", ", ".join(unknown))
        if self.budget is not None:
            positive("--budget", self.budget, "hours")
        other = [path for path in self.changes if not path.startswith(CHANGED)]
        require(not other, "settings for all stages", f"below {', '.join(CHANGED)}", ", ".join(other))
        if self.weights is not None:
            require(self.form != "compact", "--weights", "given with --form alexnet or vgg-m", self.weights)
            require(Path(self.weights).is_file(), "--weights", "a file", self.weights)


def changes(form: Form, options: Sequence[str], changed: Callable[[Any, list[str]], Any]) -> Settings:
    """Return which settings options change, such as `--network.dropout 0.5`; arguments and errors as of `asked`."""
    return asked(recipe_of(form, "fer2013", {}), options, changed)


def wanted(names: tuple[str, ...], roots: Roots) -> tuple[str, ...]:
    """Return the targets that are asked for; none means all whose folders are named."""
    return names or tuple(name for name in targets.NAMES if targets.has(name, roots))


@dataclass(frozen=True)
class Run:
    """A chain that is asked for: its condition, seed, and how few faces of each class it learns from."""

    condition: Condition
    seed: int
    few: int | None = None

    @property
    def name(self) -> str:
        """What its condition is called."""
        return self.condition.name if self.few is None else few(self.condition.name, self.few)


def system_e1(order: Order, report: Report, tell: Tell = print) -> None:
    """Train and measure the conditions of system E1.

    Args:
        order: what, from what and where.
        report: receives the figures after each target of each seed.
        tell: receives what a person should know on the way.

    Raises:
        DataError: the official files or a target set lack something, or a stored run is damaged.
        InputError: `out` holds runs with other settings, or no finished ones where nothing is to be trained.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
    """
    require(order.roots.fer2013 is not None, "--fer2013", "the folder of FER2013", None)
    official = Official(arm_data.read(str(order.roots.fer2013)))
    workshop = Workshop(order.out, official, _full(official), order.form, order.weights, order.changes)
    sets = [targets.load(name, order.roots, workshop.side, order.out / "targets") for name in order.targets]
    workshop = _settled(order, workshop, sets, tell)
    asked = [(target, run) for seed in range(order.seeds) for target in sets for run in _runs(order, target, seed)]
    lacking = [(one, run) for one, run in asked if not workshop.finished(run.condition, one, run.seed, run.few)]
    done: Answers = {one.name: {} for one in sets}

    def take(target: Target, run: Run) -> None:
        done[target.name][run.name, run.seed] = workshop.answers(run.condition, target, run.seed, run.few)

    for one in asked:
        if one not in lacking:
            take(*one)
    if not order.training and not any(done.values()):
        raise InputError(f"{order.out} holds no finished runs of these targets")
    for place, (target, run) in enumerate(lacking if order.training else ()):
        tell(f"{len(asked) - len(lacking) + place + 1}/{len(asked)}: {target.name}, {run.name}, seed {run.seed}")
        take(target, run)
        following = lacking[place + 1 :]
        if following and (following[0][0], following[0][1].seed) != (target, run.seed):
            report(_figures(order, workshop, sets, done), False)
    report(_figures(order, workshop, sets, done), True)


def _runs(order: Order, target: Target, seed: int) -> list[Run]:
    """Return the runs on a target: all conditions, then the learning curves as far as there are so many faces."""
    differing = {one.name for one in for_target(framed(target))}
    asked = [one for one in named(order.conditions) if one.name in differing]
    found = [Run(one, seed) for one in asked]
    least = int(np.bincount(target.truth[target.rows(TRAIN)], minlength=len(target.labels)).max())
    if order.curves:
        found += [Run(one, seed, n) for one in asked if one.name in CURVES for n in PER_CLASS if n < least]
    return found


def _full(official: Official) -> Schedule:
    """Return the whole schedule."""
    first, zero = (round(passes * len(official.fer28.training) / BATCH) for passes in (FIRST_PASSES, ZERO_PASSES))
    return Schedule(zero, first, SECOND_UPDATES, BATCH)


def _settled(order: Order, workshop: Workshop, sets: Sequence[Target], tell: Tell) -> Workshop:
    """Return the workshop with its schedule, which is decided once for a folder.

    Raises:
        InputError: the folder holds runs with other settings.
        DataError: what it holds of settings is damaged.
    """
    file = order.out / SETTINGS
    same = {
        "form": order.form,
        "weights": None if order.weights is None else _digest(Path(order.weights).read_bytes()),
        "changes": json.loads(json.dumps(order.changes)),
    }
    digests = {one.name: _of_target(one) for one in sets}
    before = _read(file)
    if before is None:
        schedule = workshop.schedule if order.budget is None else _within(order, workshop, sets, tell)
        about = {**same, "schedule": schedule.asdict(), "budget": order.budget, "targets": digests}
        if order.training:
            write_text(file, json.dumps(about, indent=1))
        return replace(workshop, schedule=schedule)
    for name, value in same.items():
        if before[name] != value:
            raise InputError(f"{order.out} holds runs with {name} {before[name]}, not {value}; choose another --out")
    for name, digest in digests.items():
        if before["targets"].setdefault(name, digest) != digest:
            raise InputError(f"{order.out} holds runs on another set '{name}'; choose another --out")
    if order.budget not in (None, before["budget"]):
        tell(f"{order.out} keeps its schedule, whatever the budget")
    if order.training:
        write_text(file, json.dumps(before, indent=1))
    return replace(workshop, schedule=Schedule(**before["schedule"]))


def _read(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        Schedule(**found["schedule"])
        return {name: found[name] for name in ("form", "weights", "changes", "schedule", "budget", "targets")}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged; delete the folder to begin anew") from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _of_target(target: Target) -> str:
    """Return a digest of a set: crops, labels, parts."""
    arrays = [*(target.crops[name] for name in sorted(target.crops)), target.truth, target.part]
    return _digest(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays))


def _within(order: Order, workshop: Workshop, sets: Sequence[Target], tell: Tell) -> Schedule:
    """Return the schedule of which all runs fit into the budget, from steps timed here.

    Raises:
        InputError: not even stage 2 of all runs fits.
    """
    whole = workshop.schedule
    step = _step_seconds(workshop)
    runs = [run for target in sets for run in _runs(order, target, 0)]
    shares = [_cost(run, whole) for run in runs]
    stages = {(one.first, one.pretrained) for one in named(order.conditions) if one.first not in (None, "union")}
    scaling = order.seeds * (sum(long for long, _ in shares) + len(stages) * whole.first)
    scaling += 0 if order.weights is not None else 4 * whole.zero  # two views, and twice the faces of an update
    kept = order.seeds * sum(short for _, short in shares)
    assert order.budget is not None
    left = order.budget * 3600 / step - kept
    least = kept * step / 3600
    if left <= 0:
        raise InputError(f"--budget {order.budget:g} is too little: stage 2 of all runs alone takes {least:.2g} hours")
    found = whole.scaled(min(1.0, left / scaling))
    tell(f"{1000 * step:.0f} ms an update of {BATCH}: {found.zero} updates in stage 0, {found.first} in stage 1")
    return found


def _cost(run: Run, whole: Schedule) -> tuple[int, int]:
    """Return updates of a run, stage 1 that is shared left out: those that a budget shortens, and the others."""
    one = run.condition
    if run.few is not None:
        return 0, whole.second
    if one.first is None or one.first == "union" or one.longer:
        return whole.first, whole.second
    return 0, whole.second if one.second else 0


def _step_seconds(workshop: Workshop) -> float:
    recipe = workshop.recipe("fer2013")
    data = fit.sized(course(workshop.official.fer28, EPOCHS, BATCH, 0, judged=False).data, recipe.size)
    L.seed_everything(0, verbose=False)
    objective = objective_module(FAMILY).Objective(recipe, fit.specify(recipe, data))
    return timing.step_seconds(recipe.run, objective, fit.learning_order(recipe, data, 0), 1.0, 12) * timing.OVERHEAD


def _figures(order: Order, workshop: Workshop, sets: Sequence[Target], done: Answers) -> dict[str, Any]:
    """Return all figures of what is finished."""
    answered = {
        one.name: Answered(one.about, one.labels, one.truth, one.groups, one.part, done[one.name])
        for one in sets
        if done[one.name]
    }
    recipe = workshop.recipe("fer2013")
    begun = (
        f"ImageNet's weights, {Path(order.weights).name}" if order.weights else "self-supervised on the faces of FER28"
    )
    about = {
        "form": order.form,
        "stage 0": begun,
        "budget_hours": (_read(order.out / SETTINGS) or {"budget": order.budget})["budget"],
        "settings": order.changes,
        "hardware": hardware.describe(recipe.run.precision),
        "schedule": told(workshop.schedule),
        "stage 1": {name: asdict(one) for name, one in workshop.costs().items()},
    }
    return about | transfer_figures.figures(answered)
