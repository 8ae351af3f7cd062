"""Learn to take identity and expression apart: stages by turns, a budget, checkpoints, what is noted on the way."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.files import replacing, write_text, writing
from kaoiro.data.subjects import People
from kaoiro.evaluation import people as reading
from kaoiro.families.identity_expression.network import PatchEncoder
from kaoiro.families.identity_expression.objective import Objective
from kaoiro.families.identity_expression.recipe import Recipe
from kaoiro.inference.generated import save_picture
from kaoiro.inference.portraits import sheet
from kaoiro.training import hardware, latents, painting, patches, snapshots, stages
from kaoiro.training.exchange_steps import Steps, step_seconds, through
from kaoiro.training.exchange_views import ViewSteps
from kaoiro.training.latents import Learned
from kaoiro.training.snapshots import FOLDER
from kaoiro.training.stages import Schedule, Stage

CHECKPOINT, HISTORY, RECIPE = "last.pt", "history.json", "recipe.json"
SAMPLES = "samples"
"""Folder of a run that receives a sheet of exchanged faces after every stage."""
BETTER = 0.01
"""A criterion improves where it falls by more than this share of its lowest value."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """A finished run, still in memory.

    Attributes:
        objective: networks.
        recipe: what was asked for.
        schedule: what was done.
        people: faces.
        history: content of history.json.
        hours: of training, all calls together.
    """

    objective: Objective
    recipe: Recipe
    schedule: Schedule
    people: People
    history: dict[str, Any]
    hours: float

    @property
    def learned(self) -> Learned:
        """The network, asked in NumPy."""
        return Learned(self.objective.network, names(self.people.training))


def names(faces: Faces) -> list[str]:
    """Return the subjects in the order of their numbers."""
    assert faces.subjects is not None
    return [str(name) for name in np.unique(faces.subjects)]


def fit(
    recipe: Recipe, folder: str | Path, tick: Callable[[str], None] = print, people: People | None = None
) -> Trained:
    """Train a recipe, or go on with what `folder` holds.

    Args:
        recipe: what to train.
        folder: receives recipe.json (settings and schedule), last.pt, history.json, samples/ and stages/.
        tick: told of every epoch and stage.
        people: faces, where they are read already.

    Raises:
        DataError: the faces cannot be read, or nothing can be learned from them.
        InputError: a setting that cannot be, another run's folder, or a loss that is no number any more.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on after the last full epoch.
    """
    recipe.check()
    folder = Path(folder)
    people = people or reading.read(recipe.data, recipe.network.side)
    run = _Run(recipe, folder, people, tick)
    run.go()
    return Trained(run.objective.cpu().eval(), recipe, run.schedule, people, run.history, run.seconds / 3600)


class _Run:
    """A run: where it stands and what it has noted."""

    def __init__(self, recipe: Recipe, folder: Path, people: People, tick: Callable[[str], None]) -> None:
        self.recipe, self.folder, self.people, self.tick = recipe, folder, people, tick
        self.shown = latents.looked_at(people.training)
        steps = Steps(people.training, recipe, 0)
        self.views = ViewSteps(people, recipe) if recipe.views.on else None
        self._faces = _told(people)
        torch.manual_seed(recipe.run.seed)
        self.objective = Objective(recipe, steps.draws.people)
        since = time.perf_counter()
        if not (folder / CHECKPOINT).is_file():
            self._begin()
        self.schedule = self._settled(steps.draws.steps)
        self.history: dict[str, Any] = {"schedule": self.schedule.asdict(), "epochs": [], "stages": []}
        self.stage, self.epoch, self.seconds = 0, 0, time.perf_counter() - since
        self._optimizers: list[dict[str, Any]] = []
        self._resume()

    def _begin(self) -> None:
        """Give the encoder of expression what it has before the first step."""
        network, recipe = self.objective.network, self.recipe
        if recipe.views.start is not None:
            snapshots.begin(network, recipe.views.start)
        elif isinstance(network.expression, PatchEncoder):
            self.tick("learning a dictionary of patches")
            known = None if recipe.data.dataset == "unlabelled" else self.people.training
            patches.learn(network.expression, patches.grey(self.people), known, recipe.run.seed)
        if network.config.painted:
            self.tick("learning what expressions paint")
            painting.learn(network, self.people.training, recipe.run.seed)

    def _settled(self, steps: int) -> Schedule:
        """Fix the schedule, or take the one that the folder's run was given.

        Raises:
            InputError: the folder belongs to a run with other settings.
        """
        file, asked = self.folder / RECIPE, _plain(self.recipe)
        if file.is_file():
            stored = json.loads(file.read_text(encoding="utf-8"))
            if _filled(stored.get("asked")) != asked:
                raise InputError(f"{self.folder} holds a run with other settings; choose another --out or delete it")
            return stages.read(stored["schedule"])
        seconds = None
        if self.recipe.run.budget is not None:
            self.tick("timing a few steps of each stage")
            seconds = step_seconds(self.recipe, self.objective, self.people.training, self.views)
        found = stages.schedule(self.recipe, steps, seconds, None if self.views is None else self.views.steps)
        write_text(file, json.dumps({"asked": asked, "schedule": found.asdict()}, indent=1))
        if seconds is not None:
            each = ", ".join(f"{kind} {value:.2f} s" for kind, value in seconds.items())
            self.tick(f"a step takes {each}; {found.scale:.2%} of the whole schedule in {found.hours:.2f} hours")
        return found

    def _resume(self) -> None:
        """Take weights and place from the folder's checkpoint, if there is one.

        Raises:
            DataError: it is damaged, or of other faces.
        """
        file, remedy = self.folder / CHECKPOINT, "name another --out, or remove it to begin anew"
        if not file.is_file():
            return
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            asked, *faces = json.loads(state["of"])
            same = _filled(asked) == _plain(self.recipe) and faces == self._faces
            if same:
                self.objective.load_state_dict(state["weights"])
                self.stage, self.epoch, self.seconds = state["stage"], state["epoch"], state["seconds"]
                self._optimizers, self.history = state["optimizers"], json.loads(state["history"])
        except (OSError, RuntimeError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError) as error:
            raise DataError(f"{file} is no checkpoint of this training; {remedy}") from error
        if not same:
            raise DataError(f"{file} is of a training on other faces; {remedy}")

    def _keep(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Write last.pt and history.json."""
        state = {
            "of": json.dumps([_plain(self.recipe), *self._faces]),
            "weights": self.objective.state_dict(),
            "optimizers": [one.state_dict() for one in optimizers],
            "history": json.dumps(self.history),
            "stage": self.stage,
            "epoch": self.epoch,
            "seconds": self.seconds,
        }
        file = self.folder / CHECKPOINT
        with replacing(file) as partial, writing(file):
            torch.save(state, partial)
        write_text(self.folder / HISTORY, json.dumps(self.history, indent=1))

    def go(self) -> None:
        """Go through the stages that are left."""
        self.objective.to(hardware.accelerator())
        while self.stage < len(self.schedule.stages):
            stage = self.schedule.stages[self.stage]
            self._through(stage)
            self._finish(stage)
        if not self.schedule.stages and not self.history["stages"]:
            self._note_still()

    def _note_still(self) -> None:
        """Note what a network is like whose parts were all learned before the first step."""
        self.objective.cpu()
        learned, others = self._learned(), latents.looked_at(self.people.unseen)
        figures = latents.criteria(learned, self.shown)
        if len(others):
            figures |= {f"unseen_{name}": value for name, value in latents.criteria(learned, others).items()}
        self.history["stages"].append({"stage": 0, "kind": "still", "iteration": 0} | _rounded(figures))
        shown = latents.grid(learned, self.people.training, others)
        save_picture(sheet(shown), self.folder / SAMPLES / "still.png", "train", {"seed": self.recipe.run.seed})
        self._keep([])

    def _through(self, stage: Stage) -> None:
        """Train the rest of a stage."""
        self.objective.begin(stage.progress(self.epoch))
        dataset = Steps(self.people.training, self.recipe, stage.number, stage.kind, self.views)
        first = self.epoch * stage.steps
        if first < stage.total:
            callback = _Epochs(self, stage, self._optimizers)
            through(self.objective, dataset, range(first, stage.total), callback)
        self._optimizers = []

    def after_epoch(self, stage: Stage, optimizers: Sequence[torch.optim.Optimizer], seconds: float) -> None:
        """Note the figures of an epoch and write a checkpoint."""
        self.epoch, self.seconds = self.epoch + 1, self.seconds + seconds
        figures = self.objective.means() | latents.statistics(self._learned(), self.shown)
        self.objective.train()
        place = {"stage": stage.number, "kind": stage.kind, "iteration": stage.iteration, "epoch": self.epoch}
        self.history["epochs"].append(place | _rounded(figures) | {"seconds": round(seconds, 2)})
        self._keep(optimizers)
        self.tick(_line(stage, self.epoch, len(self.schedule.stages), figures))
        warning = latents.collapsed(figures, stage.kind)
        if warning is not None:
            self.tick(f"warning: {warning}")

    def _learned(self) -> Learned:
        return Learned(self.objective.network, names(self.people.training))

    def _finish(self, stage: Stage) -> None:
        """Note the criteria of a stage, show samples, keep the networks, and go to the next stage or the end."""
        learned, others = self._learned(), latents.looked_at(self.people.unseen)
        told = self.objective.network.subjects > 0
        look = latents.statistics if stage.kind == "views" else latents.criteria  # no decoder has learned yet
        figures = look(learned, self.shown)
        if len(others) and not told:
            figures |= {f"unseen_{name}": value for name, value in look(learned, others).items()}
        place = {"stage": stage.number, "kind": stage.kind, "iteration": stage.iteration}
        self.history["stages"].append(place | _rounded(figures))
        if stage.kind != "views":
            nobody = self.people.training.rows(np.arange(0))
            shown = latents.grid(learned, self.people.training, nobody if told else others)
            about = place | {"seed": self.recipe.run.seed}
            save_picture(sheet(shown), self.folder / SAMPLES / f"{stage.name}.png", "train", about)
        if self.recipe.run.snapshots:
            snapshots.save(self.objective.network, learned.people, self.folder / FOLDER / f"{stage.name}.safetensors")
        self.stage, self.epoch = stage.number + 1, 0
        if stage.ends_iteration and improves_no_more(self.history["stages"], self.recipe.run.patience):
            self.history["stopped"] = f"nothing improved for {self.recipe.run.patience} iterations"
            self.tick(f"stopped: {self.history['stopped']}")
            self.stage = len(self.schedule.stages)
        self._keep([])


def _told(people: People) -> list[int]:
    """Return what tells faces from others: how many, and the sum of their pixels; also of unlabelled ones."""
    known = [people.training.pixels, *([] if people.unlabelled is None else [people.unlabelled])]
    return [number for pixels in known for number in (len(pixels), int(pixels.sum(dtype=np.int64)))]


def _plain(recipe: Recipe) -> dict[str, Any]:
    """Return the settings as JSON has them, without those that change no result."""
    asked = dataclasses.asdict(recipe)
    del asked["data"]["cache"], asked["strength"]
    return json.loads(json.dumps(asked))


def _filled(asked: Any) -> Any:
    """Return stored settings with those that have been added since, which were as their defaults are."""
    if not isinstance(asked, dict):
        return asked
    return {name: values | asked.get(name, {}) for name, values in _plain(Recipe()).items()}


def improves_no_more(noted: Sequence[dict[str, Any]], patience: int) -> bool:
    """Tell whether neither leakage nor the error of exchanges has improved for `patience` iterations (B-9).

    Args:
        noted: criteria of the stages that are done.
        patience: iterations; 0 waits for ever.
    """
    ends = [one for one in noted if one["kind"] in stages.ENDS]
    if not patience or len(ends) <= patience:
        return False

    def improved(name: str) -> bool:
        values = [one[name] for one in ends if name in one]
        before, since = values[:-patience], values[-patience:]
        return bool(before) and min(since) < min(before) - BETTER * abs(min(before))

    return not any(improved(name) for name in ("leakage", "cycle_identity", "cycle_expression"))


class _Epochs(Callback):
    """Cut the steps of a stage into epochs, and show how far they are."""

    def __init__(self, run: _Run, stage: Stage, optimizers: list[dict[str, Any]]) -> None:
        self._run, self._stage, self._states = run, stage, optimizers
        self._since = time.perf_counter()
        self._bar = tqdm(
            total=stage.total,
            initial=run.epoch * stage.steps,
            desc=stage.name,
            unit=" steps",
            leave=False,
            dynamic_ncols=True,
            disable=None,
        )

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take up the state of the optimisers, and begin the first epoch."""
        for optimizer, state in zip(trainer.optimizers, self._states, strict=bool(self._states)):
            optimizer.load_state_dict(state)
        assert isinstance(pl_module, Objective)
        pl_module.begin_epoch(self._run.epoch)
        self._since = time.perf_counter()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End an epoch after its last step."""
        del outputs, batch, batch_idx
        assert isinstance(pl_module, Objective)
        self._bar.update()
        if pl_module.progress.done % self._stage.steps:
            return
        elapsed, before = time.perf_counter() - self._since, self._run.epoch
        with tqdm.external_write_mode(file=sys.stderr):
            self._run.after_epoch(self._stage, trainer.optimizers, elapsed)
        pl_module.begin_epoch(before + 1)
        self._since = time.perf_counter()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Close the bar."""
        del trainer, pl_module, stage
        self._bar.close()


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.6g}") if math.isfinite(value) else value for name, value in figures.items()}


def _line(stage: Stage, epoch: int, count: int, figures: dict[str, float]) -> str:
    shown = ("loss", "contrast", "gradients", "squared_error", "divergence", "switch_expression", "discriminator")
    told = " ".join(f"{name} {figures[name]:.4g}" for name in (*shown, "leakage") if name in figures)
    active = " ".join(f"{name} {value:.0f}" for name, value in figures.items() if name.endswith("active_units"))
    return f"stage {stage.number + 1} of {count} ({stage.kind}), epoch {epoch} of {stage.epochs}: {told} {active}"
