"""System C from the official files to the claims, in one call that can be interrupted and goes on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.checks import at_least, positive, require
from kaoiro.core.errors import InputError
from kaoiro.core.modelfile import load
from kaoiro.data.datasets.fer2013 import majority_labels
from kaoiro.data.source import LearningData
from kaoiro.evaluation import unlearned, unlearned_figures
from kaoiro.evaluation.arm_answers import FILE, Answered, kept
from kaoiro.evaluation.arm_figures import folds, section, truth_of
from kaoiro.evaluation.arm_readings import Key
from kaoiro.evaluation.arms import COMPARISONS, CONTINUED, SCRATCH, UNLEARNED, UNSEEN, ZERO_SHOT
from kaoiro.training import arm_data, arm_runs, hardware
from kaoiro.training.arm_data import FOLDS, Material
from kaoiro.training.arm_runs import Planned, Settled, agreed, by_fold, by_seed, settled_run
from kaoiro.training.arms import EPOCHS, Published, alike, named, recipe_of
from kaoiro.training.settings import Settings

Tell = Callable[[str], None]
Report = Callable[[dict[str, Any], bool], None]
"""Receives the figures by section, each time that there are more of them, and whether all runs are finished."""


@dataclass(frozen=True)
class Order:
    """What is reproduced, from what and where.

    Attributes:
        fer2013: folder of the official files.
        out: folder of the runs; those in it are not done again.
        arms: names; none means all that can be trained.
        seeds: of each arm.
        folds: arms that are also cross-validated over Training.
        budget: hours for all runs together, from which their number of epochs is decided once; None takes the epochs
            asked for, or those of the recipes.
        published: weights of CLIP; None leaves the arms out that need them.
        changes: settings by path, the same for all arms.
        training: False trains nothing and reports what is finished.
    """

    fer2013: str
    out: Path
    arms: tuple[str, ...] = ()
    seeds: int = 3
    folds: tuple[str, ...] = ()
    budget: float | None = None
    published: Published | None = None
    changes: Settings = field(default_factory=dict)
    training: bool = True

    def __post_init__(self) -> None:
        at_least("--seeds", 1, self.seeds)
        at_least(EPOCHS, 1, self.changes.get(EPOCHS, 1))
        named(self.arms, self.published)
        _without_training(named(self.folds, self.published, "--folds") if self.folds else ())
        if self.budget is not None:
            positive("--budget", self.budget, "hours")
            asked = self.changes.get(EPOCHS)
            require(asked is None, f"--{EPOCHS}", "left out beside --budget, which decides on them", asked)


def _without_training(arms: Sequence[str]) -> None:
    """Refuse to cross-validate arms that know the faces of every fold, or have no fold to leave out.

    Raises:
        InputError: names them.
    """
    known = [arm for arm in arms if arm in (*CONTINUED.arms, *UNLEARNED, ZERO_SHOT) or arm.endswith("tied")]
    why = "they learn nothing, leave a class out, or begin with or learn from a model that learned all of Training"
    require(not known, "--folds", f"arms that a fold can be kept from ({why})", ", ".join(known))


def system_c(order: Order, report: Report, tell: Tell = print) -> None:
    """Train and measure the arms of system C.

    Args:
        order: what, from what and where.
        report: receives the figures after every round: all arms of a seed, or of a fold.
        tell: receives what a person should know on the way.

    Raises:
        DataError: the official files lack something, or a stored run is damaged.
        InputError: `out` holds runs with other settings, or no finished ones where nothing is to be trained.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
    """
    material = arm_data.read(order.fer2013)
    rounds, settled = planned(order, material, tell)
    for line in arm_runs.plan(rounds, settled):
        tell(line)
    if not order.training:
        _finished(order, rounds, settled, material, report)
        return
    for one in rounds:
        for run in one:
            tell(f"{run.name}{' (finished)' if run.finished else ''}")
            arm_runs.trained(run, material)
            if run.arm not in UNLEARNED:  # these are asked about other faces, when figures are made
                _answers(run, material)
        report(figures(order, rounds, settled, material), one is rounds[-1])


def _finished(
    order: Order, rounds: Sequence[Sequence[Planned]], settled: Settled, material: Material, report: Report
) -> None:
    runs = list(itertools.chain.from_iterable(rounds))
    if not any(run.finished for run in runs):
        raise InputError(f"{order.out} holds no finished runs of these arms")
    report(figures(order, rounds, settled, material), all(run.finished for run in runs))


def figures(order: Order, rounds: Sequence[Sequence[Planned]], settled: Settled, material: Material) -> dict[str, Any]:
    """Return the figures of all finished runs, by section; what a model answers is asked once."""
    runs = [run for one in rounds for run in one if run.finished]
    of_seeds, of_folds = ([run for run in runs if (run.fold is None) is whole] for whole in (True, False))
    truth = truth_of(material.public, material.training)
    answered = {(run.arm, run.seed): _answers(run, material) for run in of_seeds if run.arm not in UNLEARNED}
    found: dict[str, Any] = {}
    for comparison in COMPARISONS:
        own = {key: one for key, one in answered.items() if key[0] in comparison.arms}
        if own:
            about = _about(order, settled, [run for run in of_seeds if run.arm in comparison.arms])
            found[comparison.section] = about | section(comparison, own, truth)
    unseen = [run for run in of_seeds if run.arm in UNLEARNED]
    if unseen:
        found[UNSEEN] = _about(order, settled, unseen) | _unlearned(unseen, answered, material)
    if of_folds:
        about = _about(order, settled, of_folds)
        found["folds"] = about | _out_of_fold(of_folds, material)
    return found


def _answers(run: Planned, material: Material) -> Answered:
    """Return what a run says of PublicTest, or of the fold that it did not learn from."""
    images = material.public.images if run.fold is None else material.training.images[material.place == run.fold]

    def learned() -> LearningData:
        return material.learning(run.recipe, run.fold)

    return kept(run.folder / FILE, load(run.folder / arm_runs.MODEL), images, learned)


def _unlearned(runs: Sequence[Planned], answered: Mapping[Key, Answered], material: Material) -> dict[str, Any]:
    """Return the figures of classes that runs left out, beside those of arms that learned the votes."""
    labels = dict.fromkeys(UNLEARNED[run.arm] for run in runs)
    questions = {label: unlearned.question(label, material.public, material.training) for label in labels}
    told = {
        (run.arm, run.seed): unlearned.kept(
            run.folder / unlearned.FILE, load(run.folder / arm_runs.MODEL), questions[UNLEARNED[run.arm]].images
        )
        for run in runs
    }
    learned = {key: one.eight for key, one in answered.items() if key[0] in SCRATCH.arms and one.eight is not None}
    found = unlearned_figures.section(questions, told, learned)
    return found | {"part": "PublicTest and Training"}


def _about(order: Order, settled: Settled, runs: Sequence[Planned]) -> dict[str, Any]:
    """Return what stands beside figures: what all runs have alike, and of each what it cost."""
    models = {run.name: load(run.folder / arm_runs.MODEL) for run in runs}
    return {
        "seeds": {arm: sum(run.arm == arm for run in runs) for arm in dict.fromkeys(run.arm for run in runs)},
        "epochs": settled.epochs,
        "budget_hours": settled.budget,
        "settings": settled.changes,
        "part": "PublicTest" if runs[0].fold is None else f"Training, {FOLDS} folds",
        "runs": {
            name: {"cost": model.description.provenance.budget, "model_sha256": model.digest}
            for name, model in models.items()
        },
    }


def _out_of_fold(runs: Sequence[Planned], material: Material) -> dict[str, Any]:
    """Return the figures of arms all of whose folds are finished."""
    pooled: dict[Key, Answered] = {}
    for arm in dict.fromkeys(run.arm for run in runs):
        own = {run.fold: run for run in runs if run.arm == arm}
        if len(own) == FOLDS:
            pooled[arm, 0] = _pooled([_answers(own[fold], material) for fold in range(FOLDS)], material.place)
    assert material.training.votes is not None
    groups = np.unique(material.training.image_keys(), return_inverse=True)[1].ravel()
    return folds(pooled, majority_labels(material.training.votes), groups)


def _pooled(parts: Sequence[Answered], place: np.ndarray) -> Answered:
    """Return the answers of folds in the order of the faces."""
    rows = np.argsort(np.concatenate([np.flatnonzero(place == fold) for fold in range(len(parts))]))
    eights = [one.eight for one in parts if one.eight is not None]
    eight = np.concatenate(eights) if len(eights) == len(parts) else None
    return Answered(
        np.concatenate([one.seven for one in parts])[rows],
        None if eight is None else eight[rows],
        np.concatenate([one.probe for one in parts])[rows],
    )


def planned(order: Order, material: Material, tell: Tell) -> tuple[list[list[Planned]], Settled]:
    """Return all runs in rounds, with what they have alike; both agree with what lies in the folder.

    Raises:
        InputError: they do not.
    """
    before = arm_runs.stored(order.out)
    changes = agreed(before, order.changes, order.out)
    rounds = _rounds(order, changes)
    if before is None:
        settled = _settle(order, changes, rounds, material, tell)
    else:
        settled = before
        if order.budget not in (None, before.budget):
            tell(f"{order.out} keeps its {before.epochs} epochs, whatever the budget")
    rounds = [[settled_run(run, settled.epochs) for run in one] for one in rounds]
    if before is None and order.training:
        arm_runs.store(settled, order.out)
    return rounds, settled


def _rounds(order: Order, changes: Settings) -> list[list[Planned]]:
    arms = named(order.arms, order.published)
    folds = named(order.folds, order.published, "--folds") if order.folds else ()
    recipes = alike({name: recipe_of(name, order.published) for name in dict.fromkeys((*arms, *folds))}, changes)
    recipes = {
        name: replace(one, data=replace(one.data, root=str(Path(order.fer2013).resolve())))
        for name, one in recipes.items()
    }
    return [
        *by_seed({name: recipes[name] for name in arms}, order.seeds, order.out),
        *by_fold({name: recipes[name] for name in folds}, order.out),
    ]


def _settle(
    order: Order, changes: Settings, rounds: Sequence[Sequence[Planned]], material: Material, tell: Tell
) -> Settled:
    """Decide what all runs have alike, the number of epochs too."""
    if order.budget is None:
        usual = recipe_of(SCRATCH.backbone, None).run.epochs
        return Settled(changes, order.changes.get(EPOCHS, usual))
    runs = list(itertools.chain.from_iterable(rounds))
    precision = runs[0].recipe.run.precision
    epochs = arm_runs.epochs_within(order.budget, runs, material, tell)
    return Settled(changes, epochs, order.budget, hardware.describe(precision))
