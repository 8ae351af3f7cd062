"""Runs of system B: which there are, learning one or going on with it, and what became of each.

Layout:   OUT/settings.json             what all runs have alike, and the share of each schedule that the budget allows
          OUT/crops/                    placed faces of the sets
          OUT/runs/ROW-seedN-foldN/     of `training.exchange.fit`, model/, and:
              run.json                  hours, updates; or why nothing could be learned. Written last of training
              separation.json …         measurements (`exchange_measures.MEASURES`)
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.files import write_text
from kaoiro.evaluation import measured
from kaoiro.evaluation.renders import SwapConfig
from kaoiro.evaluation.separation import SeparationConfig
from kaoiro.families.identity_expression.config import SIDES
from kaoiro.families.identity_expression.objective import Diverged, Objective
from kaoiro.families.identity_expression.recipe import ADDED, RECIPES, Recipe
from kaoiro.inference.exchange import WEIGHTS
from kaoiro.training import hardware, latents, snapshots, stages
from kaoiro.training.exchange import Trained, fit
from kaoiro.training.exchange_export import export
from kaoiro.training.exchange_measures import CURVED, MEASURES, Bench, Found, codes_of
from kaoiro.training.exchange_sets import Sets
from kaoiro.training.exchange_steps import Steps, step_seconds
from kaoiro.training.latents import Learned

SETTINGS, RUN, MODEL = "settings.json", "run.json", "model"
ROWS = (
    *("conventional", "switched", "iterated", "vae", "cvae", "adversarial", "switched-matched", "improved"),
    *("decoded", "advanced", "iterated-128"),
)
"""Recipes in the order in which they are run: what most claims rest on comes first, what takes longest last."""
KNOWN = (*ROWS, *ADDED)
"""What can be run: these, and what is added to ① one at a time."""
REFERENCE, CONTROL = "iterated", "switched-matched"
"""Row ④, whose updates the control makes, and whose share all rows do where they keep their proportions."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        recipe: its name.
        seed: of weights, order and noise.
        fold: of the people that are kept back.
    """

    recipe: str
    seed: int
    fold: int

    @property
    def name(self) -> str:
        """Who it is, for people."""
        return f"{self.recipe}, seed {self.seed}, fold {self.fold}"

    @property
    def slug(self) -> str:
        """Name of its folder."""
        return f"{self.recipe}-seed{self.seed}-fold{self.fold}"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a run.

    Attributes:
        about: content of run.json.
        found: by measurement, what was measured.
    """

    about: Mapping[str, Any]
    found: Mapping[str, Found] = field(default_factory=dict)

    @property
    def failed(self) -> str | None:
        """Why nothing was learned."""
        return self.about.get("failed")


Outcomes = dict[Run, Outcome]


@dataclass(frozen=True)
class Alike:
    """What all runs have alike.

    Attributes:
        hours: of each run; None goes through whole schedules.
        proportional: whether `hours` are those of row ④ and all rows do the same share of their schedules.
        batch: pictures a step; None leaves it to the recipe.
        side: of the pictures, pixels, twice as many in row ⑤; None leaves it to the recipe.
        width: channels after the first convolution; None leaves it to the recipe.
        iterations: of recipes that iterate; the control makes as many updates. None leaves it to the recipe.
        separation: how codes are looked at.
        swapping: how many swaps.
        recipes: by name.
    """

    hours: float | None = None
    proportional: bool = False
    batch: int | None = None
    side: int | None = None
    width: int | None = None
    iterations: int | None = None
    separation: SeparationConfig = field(default_factory=SeparationConfig)
    swapping: SwapConfig = field(default_factory=SwapConfig)
    recipes: Mapping[str, Recipe] = field(default_factory=lambda: RECIPES)

    def recipe(self, name: str) -> Recipe:
        """Return a recipe of the size that is asked for."""
        recipe = self.recipes[name]
        network, run = recipe.network, recipe.run
        if self.batch is not None:
            run = replace(run, batch=self.batch)
        if self.side is not None:
            network = replace(network, side=self.side * network.side // self.recipes[REFERENCE].network.side)
        if self.width is not None:
            network = replace(network, width=self.width)
        if self.iterations is not None and run.iterations > 1:
            run = replace(run, iterations=self.iterations)
        recipe = replace(recipe, network=network, run=run)
        return recipe if name != CONTROL or self.iterations is None else self._matched(recipe)

    def sides(self, rows: Sequence[str]) -> tuple[int, ...]:
        """Return the sides that can be asked for: those with which networks of all `rows` have one that can be."""
        return tuple(
            side for side in SIDES if all(replace(self, side=side).recipe(row).network.side in SIDES for row in rows)
        )

    def _matched(self, control: Recipe) -> Recipe:
        """Return the control with as many passes as the reference has, over which the rate falls as far as before."""
        reference, before = self.recipe(REFERENCE).run, control.run.epochs
        epochs = reference.epochs * reference.iterations
        objective = replace(control.objective, decay=control.objective.decay ** (before / epochs))
        return replace(control, objective=objective, run=replace(control.run, epochs=epochs))

    def stored(self) -> dict[str, Any]:
        """Return what decides results, as JSON has it."""
        named = {name: dataclasses.asdict(self.recipe(name)) for name in KNOWN}
        for one in named.values():
            del one["data"], one["strength"]
        names = ("proportional", "batch", "side", "width", "iterations")
        found = {"budget": self.hours} | {name: getattr(self, name) for name in names}
        found |= {"clusters": dataclasses.asdict(self.separation), "swaps": dataclasses.asdict(self.swapping)}
        return json.loads(json.dumps(found | {"recipes": named}))


class Runs:
    """The runs in a folder.

    Args:
        folder: of all.
        bench: what they are measured on; its sets are what they learn from.
        alike: settings.
    """

    def __init__(self, folder: Path, bench: Bench, alike: Alike) -> None:
        self.folder, self.bench, self.alike = folder, bench, alike
        self._asked = {"sets": bench.sets.about} | alike.stored()

    @property
    def sets(self) -> Sets:
        """What runs learn from."""
        return self.bench.sets

    def settle(self) -> None:
        """Fix what all runs have alike, or check it against what an earlier call fixed.

        Raises:
            InputError: the folder holds runs with other settings.
            DataError: settings.json is damaged.
        """
        file = self.folder / SETTINGS
        if not file.is_file():
            self._settled({})
            return
        settings = _read(file)
        before = settings.get("asked", {})
        recipes = before.get("recipes", {})
        other = [name for name in self._asked if name != "recipes" and before.get(name) != self._asked[name]]
        if any(recipes.get(name, one) != one for name, one in self._asked["recipes"].items()):
            other.append("recipes")
        if other:
            raise InputError(
                f"{self.folder} holds runs with other {', '.join(other)}; choose another --out or delete it"
            )
        self._settled(settings.get("shares", {}))

    def settings(self) -> dict[str, Any]:
        """Return what an earlier call fixed.

        Raises:
            DataError: there was none, or settings.json is damaged.
        """
        file = self.folder / SETTINGS
        if not file.is_file():
            raise DataError(f"{self.folder} holds no runs of system B; leave --finished out to begin")
        return _read(file)

    def _settled(self, shares: Mapping[str, float]) -> None:
        content = {"asked": self._asked, "shares": dict(shares), "hardware": hardware.describe("32")}
        write_text(self.folder / SETTINGS, json.dumps(content, indent=1))

    def share(self, recipe: str, tell: Tell) -> float:
        """Return the share of a recipe's schedule that is done: the same for all of its runs.

        It is found from the time of a few steps, by the first run of the recipe.
        """
        if self.alike.hours is None:
            return self.alike.recipe(recipe).run.scale
        timed = REFERENCE if self.alike.proportional or recipe == CONTROL else recipe
        shares = self.settings().get("shares", {})
        if timed not in shares:
            shares[timed] = self._timed(timed, self.alike.hours)
            self._settled(shares)
            tell(f"{timed}: {shares[timed]:.2%} of the whole schedule in {self.alike.hours:g} hours")
        return shares[timed]

    def _timed(self, name: str, hours: float) -> float:
        recipe = self.alike.recipe(name)
        faces = self.sets.people(0, recipe.network.side).training
        draws = Steps(faces, recipe, 0).draws
        seconds = step_seconds(recipe, Objective(recipe, draws.people), faces)
        return stages.schedule(replace(recipe, run=replace(recipe.run, budget=hours)), draws.steps, seconds).scale

    def recipe(self, run: Run, share: float) -> Recipe:
        """Return what a run trains."""
        recipe = self.alike.recipe(run.recipe)
        settings = replace(recipe.run, seed=run.seed, scale=share, snapshots=run.recipe in CURVED)
        return replace(recipe, data=self.sets.config(recipe.data, run.fold), run=settings)

    def place(self, run: Run) -> Path:
        """Return the folder of a run."""
        return self.folder / "runs" / run.slug

    def model(self, run: Run) -> Learned:
        """Open what a finished run learned.

        Raises:
            ModelError: it is not there, or damaged.
        """
        return snapshots.reopen(self.place(run) / MODEL / WEIGHTS)

    def is_done(self, run: Run) -> bool:
        """Tell whether nothing is left to do for a run."""
        outcome = self.outcome(run)
        return outcome is not None and (outcome.failed is not None or outcome.found.keys() >= MEASURES.keys())

    def finish(self, run: Run, tell: Tell) -> None:
        """Train and measure a run as far as that is not done.

        Raises:
            DataError: what is stored of it is damaged.
            InputError: its folder holds a run with other settings.
            KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
        """
        folder = self.place(run)
        if not (folder / RUN).is_file():
            self._learn(run, tell)
        about = _read(folder / RUN)
        missing = {name: one for name, one in MEASURES.items() if not (folder / f"{name}.json").is_file()}
        if "failed" in about or not missing:
            return
        learned = self.model(run)
        for name, measure in missing.items():
            found = measure(self.bench, learned, run.recipe, run.fold, folder)
            content = {row: {part: one.stored() for part, one in parts.items()} for row, parts in found.items()}
            write_text(folder / f"{name}.json", json.dumps(content))

    def _learn(self, run: Run, tell: Tell) -> None:
        """Train a run and write its model, or note why that cannot be."""
        folder = self.place(run)
        recipe = self.recipe(run, self.share(run.recipe, tell))
        people = self.sets.people(run.fold, recipe.network.side)
        try:
            trained = fit(recipe, folder, lambda line: tell(f"{run.name}: {line}"), people)
            codes_of(trained.learned, latents.looked_at(people.training))
        except Diverged as error:
            write_text(folder / RUN, json.dumps({"failed": str(error)}))
            tell(f"{run.name}: failed: {error}")
            return
        export(trained, run.recipe, folder / MODEL, run.slug)
        write_text(folder / RUN, json.dumps(_noted(trained), indent=1))

    def outcome(self, run: Run) -> Outcome | None:
        """Return what became of a run; None where it was not trained to its end.

        Raises:
            DataError: what is stored of it is damaged.
        """
        folder = self.place(run)
        if not (folder / RUN).is_file():
            return None
        files = {name: folder / f"{name}.json" for name in MEASURES}
        found = {name: _restored(file) for name, file in files.items() if file.is_file()}
        return Outcome(_read(folder / RUN), found)

    def outcomes(self, runs: Sequence[Run]) -> Outcomes:
        """Return what became of runs, without those that were not trained to their end."""
        found = ((run, self.outcome(run)) for run in runs)
        return {run: outcome for run, outcome in found if outcome is not None}


def _noted(trained: Trained) -> dict[str, Any]:
    """Return what a run cost and did."""
    return {
        "hours": round(trained.hours, 4),
        "updates": sum(stage.total for stage in trained.schedule.stages),
        "share": trained.schedule.scale if trained.schedule.stages else 1.0,
        "batch": trained.recipe.run.batch,
        "learned from": trained.people.description,
        "hardware": hardware.describe("32"),
    }


def _restored(file: Path) -> Found:
    content = _read(file)
    try:
        return {row: {part: measured.restored(one) for part, one in parts.items()} for row, parts in content.items()}
    except (InputError, AttributeError) as error:
        raise DataError(f"{file} is damaged; remove it to measure this run again") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise DataError(f"{file} is damaged; remove it to do this anew")
    return content
