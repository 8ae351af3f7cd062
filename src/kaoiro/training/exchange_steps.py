"""Steps of a stage: their batches, Lightning's loop around them, and how long one takes."""

from __future__ import annotations

import copy
import logging
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader, Dataset

from kaoiro.core.faces import Faces
from kaoiro.data.subjects import Draws
from kaoiro.families.identity_expression.objective import Batch, Kind, Objective
from kaoiro.families.identity_expression.recipe import Recipe
from kaoiro.training import hardware, stages
from kaoiro.training.exchange_views import ViewSteps
from kaoiro.training.stages import Stage

_UNTIMED, _TIMED = 1, 4  # steps that are measured for a budget


class Steps(Dataset[Batch]):
    """The batches of a stage by the number of the step.

    Args:
        faces: to learn from; they stay uint8 in memory.
        recipe: batch, seed, how many pictures of a subject.
        stage: number of the stage.
        kind: of the stage; one of identity sees no views, and one of views nothing else.
        views: what is seen in two views, where anything is.
    """

    def __init__(
        self, faces: Faces, recipe: Recipe, stage: int, kind: Kind = "identity", views: ViewSteps | None = None
    ) -> None:
        assert faces.subjects is not None
        self._pixels, self._stage, self._kind = faces.pixels, stage, kind
        self._views = None if kind == "identity" else views
        partners = recipe.objective.identity_images if recipe.network.form == "exchange" else 1
        self.draws = Draws(faces.subjects, recipe.run.batch, (recipe.run.seed, stage), partners)

    def __getitem__(self, step: int) -> Batch:
        """Return a batch."""
        viewed = None if self._views is None else self._views(self._stage, step)
        if self._kind == "views":
            return Batch(*(torch.empty(0) for _ in range(4)), viewed=viewed)
        draw = self.draws(step)
        subjects = self.draws.numbers[draw.rows]
        columns = (self._pixels[draw.rows], self._pixels[draw.partners], draw.swapped, subjects)
        return Batch(*(torch.from_numpy(np.ascontiguousarray(column)) for column in columns), viewed=viewed)


def through(objective: Objective, dataset: Steps, steps: range, callback: Callback) -> None:
    """Go through steps by Lightning's trainer.

    Raises:
        KeyboardInterrupt: stopped by Ctrl-C.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = L.Trainer(
        max_epochs=1,
        accelerator=hardware.accelerator(),
        devices=1,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    batches = DataLoader(dataset, batch_size=None, sampler=steps, generator=torch.Generator())
    with warnings.catch_warnings(), _interruptible():
        warnings.filterwarnings("ignore", message=".*(num_workers|LeafSpec|treespec|val_dataloader).*")
        trainer.fit(objective, batches)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C through: Lightning turns it into an exit with code 1 and leaves the signal ignored."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from stop


class _Stopwatch(Callback):
    """Read the clock after every step."""

    def __init__(self) -> None:
        self.readings: list[float] = []

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Read the clock."""
        del trainer, pl_module, outputs, batch, batch_idx
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.readings.append(time.perf_counter())


def step_seconds(
    recipe: Recipe, objective: Objective, faces: Faces, views: ViewSteps | None = None
) -> dict[str, float]:
    """Return the median time of a step of each kind, measured on a copy where the run will be computed."""
    found: dict[str, float] = {}
    for number, kind in enumerate(stages.every_kind(recipe)):
        trial, watch = copy.deepcopy(objective), _Stopwatch()
        count = _UNTIMED + _TIMED
        trial.begin(Stage(number, kind, 0, 1, 1, count).progress())
        trial.begin_epoch(0)
        through(trial, Steps(faces, recipe, number, kind, views), range(count), watch)
        found[kind] = float(np.median(np.diff(watch.readings)[_UNTIMED - 1 :]))
    return found
