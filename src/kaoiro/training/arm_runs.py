"""Runs of system C's arms: an ordinary training and its model folder each, alike in all that is not compared.

OUT/settings.json holds what they have alike; OUT/ARM/seed-N and OUT/ARM/fold-N are what `kaoiro train` writes. Runs
that somebody put there by hand are taken if their recipe agrees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L

from kaoiro.core.errors import DataError, InputError, ModelError
from kaoiro.core.files import write_text
from kaoiro.core.modelfile import ModelFolder, load, read_description
from kaoiro.evaluation.arms import ZERO_SHOT
from kaoiro.training import arms, cost, fit, timing
from kaoiro.training.arm_data import FOLDS, Material
from kaoiro.training.arms import EPOCHS, FAMILY
from kaoiro.training.export import export
from kaoiro.training.families import objective_module
from kaoiro.training.settings import Settings, flat, flattened

SETTINGS, RECIPE, MODEL = "settings.json", "recipe.json", "model"
OWN = ("data.root", "run.budget", EPOCHS)
"""Settings of a stored run that are not compared: where its data was, and how its number of epochs came about."""
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Planned:
    """A run that is asked for.

    Attributes:
        arm: name.
        seed: of the run.
        fold: which part of Training it does not learn from; None learns from all of it.
        recipe: complete, but for the number of epochs until it is settled.
        folder: of the run.
    """

    arm: str
    seed: int
    fold: int | None
    recipe: Any
    folder: Path

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.arm}, {self.folder.name.replace('-', ' ')}"

    @property
    def learns(self) -> bool:
        """Whether it has to be trained."""
        return self.arm != ZERO_SHOT

    @property
    def finished(self) -> bool:
        """Whether its model is exported and calibrated."""
        try:
            return bool(read_description(self.folder / MODEL).card.numbers)
        except ModelError:
            return False


def by_seed(recipes: dict[str, Any], seeds: int, out: Path) -> list[list[Planned]]:
    """Return the runs of the protocol in rounds: all arms of one seed, then those of the next."""
    return [
        [
            Planned(arm, seed, None, _seeded(recipe, seed), out / arm / f"seed-{seed}")
            for arm, recipe in recipes.items()
            if not seed or arm != ZERO_SHOT
        ]
        for seed in range(seeds)
    ]


def by_fold(recipes: dict[str, Any], out: Path) -> list[list[Planned]]:
    """Return the runs of the cross-validation in rounds; they learn both annotations, as one alone has no contempt."""
    both = {arm: replace(one, data=replace(one.data, labels="both")) for arm, one in recipes.items()}
    folds = range(FOLDS) if both else ()
    return [
        [Planned(arm, 0, fold, _seeded(recipe, 0), out / arm / f"fold-{fold}") for arm, recipe in both.items()]
        for fold in folds
    ]


def _seeded(recipe: Any, seed: int) -> Any:
    return replace(recipe, run=replace(recipe.run, seed=seed, budget=None))


@dataclass(frozen=True, eq=False)
class Settled:
    """What all runs in a folder have alike.

    Attributes:
        changes: of settings, by path.
        epochs: of every run.
        budget: hours from which the epochs were decided; None where they were not.
        hardware: on which steps were timed.
    """

    changes: Settings
    epochs: int
    budget: float | None = None
    hardware: str | None = None


def stored(out: Path) -> Settled | None:
    """Return what an earlier call settled.

    Raises:
        DataError: settings.json is damaged.
    """
    file = out / SETTINGS
    if not file.is_file():
        return None
    try:
        found = Settled(**json.loads(file.read_text(encoding="utf-8")))
        if isinstance(found.changes, dict) and isinstance(found.epochs, int):
            return found
    except (ValueError, TypeError):
        pass
    raise DataError(f"{file} is damaged; remove it and ask for the settings of the runs again")


def agreed(settled: Settled | None, asked: Settings, out: Path) -> Settings:
    """Return the changes that hold: those asked for, or those of the runs in a folder, where nothing else is asked.

    Raises:
        InputError: the folder holds runs with other settings.
    """
    if settled is None:
        return {path: value for path, value in asked.items() if path != EPOCHS}
    held = settled.changes | {EPOCHS: settled.epochs}
    for path, value in asked.items():
        if path not in held or held[path] != value:
            there = held.get(path, "as in the recipes")
            raise InputError(f"{out} holds runs with {path} {there}, not {value}; choose another --out")
    return settled.changes


def store(settled: Settled, out: Path) -> None:
    """Write settings.json."""
    write_text(out / SETTINGS, json.dumps(vars(settled), indent=1))


def epochs_within(budget: float, runs: Sequence[Planned], material: Material, tell: Tell) -> int:
    """Time steps of every arm and return how many epochs of all runs fit into the hours together.

    Raises:
        InputError: not even one does.
    """
    seconds: dict[tuple[str, bool], float] = {}
    for run in (one for one in runs if one.learns):
        key = run.arm, run.fold is None
        if key not in seconds:
            seconds[key] = _epoch_seconds(run, material)
            tell(f"{run.name}: {seconds[key]:.0f} s an epoch")
    round_of_all = sum(seconds[run.arm, run.fold is None] for run in runs if run.learns)
    epochs = int(budget * 3600 / round_of_all) if round_of_all else 1
    if not epochs:
        hours = round_of_all / 3600
        raise InputError(
            f"--budget {budget:g} is too little: one epoch of all {len(runs)} runs takes {hours:.2g} hours"
        )
    return epochs


def _epoch_seconds(run: Planned, material: Material) -> float:
    data = fit.sized(material.learning(run.recipe, run.fold), run.recipe.size)
    objective = _objective(run.recipe, data)
    return timing.epoch_seconds(run.recipe.run, objective, fit.learning_order(run.recipe, data, 0))


def _objective(recipe: Any, data: Any) -> Any:
    L.seed_everything(recipe.run.seed, verbose=False)
    return objective_module(FAMILY).Objective(recipe, fit.specify(recipe, data))


def settled_run(run: Planned, epochs: int) -> Planned:
    """Return a run with its number of epochs, and with what its folder says of data and hours if it was begun.

    Raises:
        InputError: the folder holds a run with other settings.
        DataError: its recipe is damaged.
    """
    recipe = replace(run.recipe, run=replace(run.recipe.run, epochs=epochs))
    file = run.folder / RECIPE
    if not file.is_file():
        if run.finished:
            raise InputError(f"{run.folder} holds a model without {RECIPE}; choose another --out or delete it")
        return replace(run, recipe=recipe)
    asked, there = _read(file)
    _compare(flat(recipe), asked, run.folder)
    if there != epochs and run.learns:
        _refuse(run.folder, EPOCHS, there, epochs)
    run_there = replace(recipe.run, epochs=asked.get(EPOCHS, there), budget=asked.get("run.budget"))
    return replace(run, recipe=replace(recipe, run=run_there, data=replace(recipe.data, root=asked.get("data.root"))))


def _read(file: Path) -> tuple[Settings, int]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return flattened(content["asked"]), int(content["epochs"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged; delete the folder to do this run again") from error


def _compare(wanted: Settings, asked: Settings, folder: Path) -> None:
    """Refuse a stored run of another recipe; settings that it did not know yet count as the family's own."""
    usual = flat(type_defaults())
    for path, value in wanted.items():
        found = asked.get(path, usual.get(path))
        if path not in OWN and found != value:
            _refuse(folder, path, found, value)


def type_defaults() -> Any:
    """Return a recipe of the family with its own settings."""
    return type(arms.recipe_of("linear", None))()


def _refuse(folder: Path, path: str, found: Any, wanted: Any) -> None:
    raise InputError(
        f"{folder} holds a run with {path} {found}, not {wanted}; ask for the same settings, choose another --out or "
        "delete the folder"
    )


def trained(run: Planned, material: Material) -> ModelFolder:
    """Return the model of a run, trained and exported unless that was done.

    Raises:
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on after the last full epoch.
    """
    if run.finished:
        return load(run.folder / MODEL)
    data = material.learning(run.recipe, run.fold)
    fitted = fit.fit(FAMILY, run.recipe, run.folder, data) if run.learns else _as_published(run, data)
    spent = cost.read(run.folder).text(fitted.recipe.run.epochs) if run.learns else "no training"
    return export(fitted, FAMILY, run.arm, run.folder / MODEL, run.arm, spent)


def _as_published(run: Planned, data: Any) -> fit.Fitted:
    """Return an arm that learns nothing, as if it were fitted."""
    data = fit.sized(data, run.recipe.size)
    objective = _objective(run.recipe, data)
    recipe = fit.settle(run.recipe, objective, data, run.folder)
    return fit.Fitted(objective.eval(), fit.specify(recipe, data), data, recipe, ())


def plan(rounds: Sequence[Sequence[Planned]], settled: Settled) -> list[str]:
    """Return what will be done, in lines: what all runs have alike, and which of each arm are finished."""
    runs = [run for one in rounds for run in one]
    changed = "".join(f", {path} {value}" for path, value in settled.changes.items())
    done = sum(run.finished for run in runs)
    lines = [f"{len(runs)} runs of {settled.epochs} epochs{changed}; {done} finished"]
    for arm in dict.fromkeys(run.arm for run in runs):
        states = (f"{run.folder.name}{_state(run)}" for run in runs if run.arm == arm)
        lines.append(f"{arm}: {', '.join(states)}")
    return lines


def _state(run: Planned) -> str:
    if run.finished:
        return " (finished)"
    return " (goes on)" if (run.folder / "last.ckpt").is_file() else ""
