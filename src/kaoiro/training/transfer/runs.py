"""The stages of a transfer as ordinary trainings, and what each chain says of a target's faces.

OUT/stage-0 and OUT/stage-1/NAME-seed-N are what `kaoiro train staged_transfer` writes, with the model in them;
OUT/TARGET/CONDITION/seed-N/answers.npz holds what a finished chain says of all faces of a target.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kaoiro.core.errors import DataError, ModelError
from kaoiro.core.files import replacing
from kaoiro.core.labels import EXPRESSION
from kaoiro.core.modelfile import ModelFolder, load, read_description
from kaoiro.evaluation.transfers import Condition, First
from kaoiro.families.staged_transfer.config import Form
from kaoiro.families.staged_transfer.recipe import RECIPES, Recipe
from kaoiro.inference.classifier import Classifier
from kaoiro.training import cost
from kaoiro.training.export import export
from kaoiro.training.fit import Fitted, fit
from kaoiro.training.settings import Settings, with_changes
from kaoiro.training.transfer import targets
from kaoiro.training.transfer.learning import Official, of_target
from kaoiro.training.transfer.schedule import Course, Schedule, course
from kaoiro.training.transfer.targets import Target

FAMILY = "staged_transfer"
ANSWERS, MODEL = "answers.npz", "model"
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Workshop:
    """Where stages are learned.

    Attributes:
        out: folder of all runs.
        official: FER2013.
        schedule: updates of every stage.
        form: of the network.
        weights: published ones to begin with in place of stage 0.
        changes: settings by path, the same for all stages.
    """

    out: Path
    official: Official
    schedule: Schedule
    form: Form = "compact"
    weights: str | None = None
    changes: Settings = field(default_factory=dict)

    @property
    def side(self) -> int:
        """Pixels of the crops."""
        return self.recipe("fer2013").size

    def recipe(self, kind: str) -> Recipe:
        """Return the family's recipe of the form for 'fer2013', 'target' or 'views'."""
        return recipe_of(self.form, kind, self.changes)

    def zero(self) -> str | None:
        """Return the model of stage 0, learned unless that was done; None where published weights take its place."""
        if self.weights is not None:
            return None
        recipe = self.recipe("views")
        data = self.official.fer28
        going = course(data, self.schedule.zero, recipe.run.batch, 0, judged=False)
        return str(self._model("stage-0", self._run(recipe, going, 0), going).path)

    def first(self, name: First, seed: int, pretrained: bool = True) -> ModelFolder:
        """Return the model of a stage 1 that needs no target, learned unless that was done."""
        recipe = self._began(self.recipe("fer2013"), pretrained)
        data = {"fer28": self.official.fer28, "fer32": self.official.fer32, "ferplus": self.official.ferplus}[name]
        going = course(data, self.schedule.first, self.schedule.batch, seed, judged=False)
        called = name if pretrained else f"{name}-random"
        return self._model(f"stage-1/{called}-seed-{seed}", self._run(recipe, going, seed, self.schedule.batch), going)

    def finished(self, condition: Condition, target: Target, seed: int, few: int | None = None) -> bool:
        """Tell whether a chain was learned."""
        return self._answers(condition, target, seed, few).is_file()

    def costs(self) -> dict[str, cost.Cost]:
        """Return what stages 0 and 1 cost so far, by folder."""
        files = sorted(self.out.glob(f"stage-*/**/{cost.FILE}"))
        return {file.parent.relative_to(self.out).as_posix(): cost.read(file.parent) for file in files}

    def _answers(self, condition: Condition, target: Target, seed: int, few: int | None) -> Path:
        return self.out / target.name / slug(condition.name, few) / f"seed-{seed}" / ANSWERS

    def answers(self, condition: Condition, target: Target, seed: int, few: int | None = None) -> np.ndarray:
        """Return what a condition says of a target, (N, K) raw outputs, learned unless that was done.

        Args:
            condition: chain of stages.
            target: set of N faces with K labels.
            seed: of weights and order.
            few: faces of each class to learn from; None takes all training faces.

        Raises:
            DataError: stored answers are damaged.
            KeyboardInterrupt: stopped by Ctrl-C; the same call goes on after the last full epoch.
        """
        file = self._answers(condition, target, seed, few)
        folder = file.parent
        if file.is_file():
            return _stored(file, target)
        found = self._asked(condition, target, seed, few, folder)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(file) as partial, partial.open("wb") as opened:
            np.savez_compressed(opened, raw=found.astype(np.float32))
        shutil.rmtree(folder / "run", ignore_errors=True)
        return found

    def _asked(self, one: Condition, target: Target, seed: int, few: int | None, folder: Path) -> np.ndarray:
        crops = target.crops[one.framing]
        if not one.second and one.first != "union":
            assert one.first is not None
            return of_model(self.first(one.first, seed, one.pretrained), crops, target.labels)
        recipe, going = self._last(one, target, seed, few)
        fitted = fit(FAMILY, self._run(recipe, going, seed, self.schedule.batch), folder / "run", going.data)
        return of_fitted(fitted, crops, target.labels)

    def _last(self, one: Condition, target: Target, seed: int, few: int | None) -> tuple[Recipe, Course]:
        """Return the last stage of a chain: its recipe, and what it goes through."""
        plan, batch = self.schedule, self.schedule.batch
        rows = None if few is None else targets.few(target, few, seed)
        if one.first == "union":
            data = self.official.first("union", target, one.framing)
            return self._began(self.recipe("fer2013"), one.pretrained), course(data, plan.single, batch, seed, True)
        data = of_target(target, one.framing, rows=rows)
        if one.first is None:
            updates = plan.single if few is None else plan.second
            return self._began(self.recipe("fer2013"), one.pretrained), course(data, updates, batch, seed, True)
        model, recipe = self.first(one.first, seed, one.pretrained), self.recipe("target")
        recipe = replace(recipe, run=replace(recipe.run, start=str(model.path), renew=one.renewed))
        return recipe, course(data, plan.single if one.longer else plan.second, batch, seed, True)

    def _began(self, recipe: Recipe, pretrained: bool) -> Recipe:
        """Return the recipe of a stage that follows stage 0, or nothing."""
        if not pretrained:
            return recipe
        if self.weights is not None:
            return replace(recipe, network=replace(recipe.network, weights=self.weights))
        return replace(recipe, run=replace(recipe.run, start=self.zero(), renew=True))

    def _run(self, recipe: Recipe, going: Course, seed: int, batch: int | None = None) -> Recipe:
        run = replace(
            recipe.run,
            epochs=going.epochs,
            patience=going.patience,
            seed=seed,
            batch=batch or recipe.run.batch,
            budget=None,
        )
        return replace(recipe, run=run)

    def _model(self, name: str, recipe: Recipe, going: Course) -> ModelFolder:
        folder = self.out / name
        if _finished(folder / MODEL):
            return load(folder / MODEL)
        fitted = fit(FAMILY, recipe, folder, going.data)
        spent = cost.read(folder).text(fitted.recipe.run.epochs)
        made = export(fitted, FAMILY, name.split("/")[0], folder / MODEL, folder.name, spent)
        (folder / "last.ckpt").unlink(missing_ok=True)
        return made


def recipe_of(form: Form, kind: str, changes: Settings) -> Recipe:
    """Return the family's recipe of a form for 'fer2013', 'target' or 'views', with settings changed."""
    if kind == "views":  # there is one recipe of them; the network is that of the other stages
        like = RECIPES[f"{form}-fer2013"]
        base = RECIPES["compact-views"]
        base = replace(base, network=like.network, size=like.size, deviation=like.deviation)
    else:
        base = RECIPES[f"{form}-{kind}"]
    return with_changes(base, changes)


def _finished(model: Path) -> bool:
    try:
        return bool(read_description(model).card.summary)
    except ModelError:
        return False


def slug(name: str, few: int | None = None) -> str:
    """Return the folder name of a condition."""
    text = name.replace(" ", "-")
    return text if few is None else f"{text}-{few}-per-class"


def _stored(file: Path, target: Target) -> np.ndarray:
    try:
        with np.load(file) as content:
            raw = content["raw"].astype(np.float64)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{file} is damaged; delete it to do this run again") from error
    if raw.shape != (len(target.truth), len(target.labels)):
        raise DataError(f"{file} answers another set than '{target.name}' is now; delete {file.parents[2]}")
    return raw


def of_model(model: ModelFolder, crops: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    """Return what a model says of faces, (N, K) raw outputs of some of its labels."""
    classifier = Classifier(model)
    parts = [classifier.predict(crops[at : at + _AT_ONCE]).raw[EXPRESSION] for at in range(0, len(crops), _AT_ONCE)]
    return _of_labels(np.concatenate(parts), model.specification.head(EXPRESSION).labels, labels)


@torch.no_grad()
def of_fitted(fitted: Fitted, crops: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    """Return what a fitted run says of faces, (N, K) raw outputs of some of its labels."""
    objective: Any = fitted.objective.eval()
    found = []
    for at in range(0, len(crops), _AT_ONCE):
        pixels = torch.from_numpy(crops[at : at + _AT_ONCE])[:, None].float() / 255
        found.append(objective.network(objective.normalise(pixels)).heads[EXPRESSION].float().numpy())
    return _of_labels(np.concatenate(found), fitted.specification.head(EXPRESSION).labels, labels)


def _of_labels(raw: np.ndarray, known: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    return raw[:, [known.index(label) for label in wanted]].astype(np.float64)
