"""Fit a recipe: loaders, schedule, checkpoints, resume."""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.files import write_text
from kaoiro.core.labels import AFFECT_HEAD, SPREAD_HEAD, UNITS_HEAD
from kaoiro.core.run import Run
from kaoiro.core.spec import Head, Specification
from kaoiro.data.source import LearningData, load
from kaoiro.inference.classifier import prepare_crops
from kaoiro.training import best, cost, curve, hardware
from kaoiro.training.families import objective_module
from kaoiro.training.orders import EpochOrder, GuaranteedOrder, MixedOrder
from kaoiro.training.start import begin
from kaoiro.training.timing import epochs_within
from kaoiro.training.unit_readings import read_where_asked

CURVE = "curve.csv"
ACTIVATIONS: dict[str, Literal["tanh", "exponential", "sigmoid"]] = {
    AFFECT_HEAD: "tanh",
    SPREAD_HEAD: "exponential",
    UNITS_HEAD: "sigmoid",
}
"""Of the heads that are no expressions."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A finished run, still in memory; `history` holds the figures of each epoch."""

    objective: L.LightningModule
    specification: Specification
    data: LearningData
    recipe: Any
    history: tuple[dict[str, float], ...]


def fit(family: str, recipe: Any, folder: str | Path, given: LearningData | None = None) -> Fitted:
    """Train a recipe, or go on with what `folder` holds.

    Args:
        family: folder name under `kaoiro.families`.
        recipe: the family's Recipe.
        folder: receives recipe.json, last.ckpt, the learning curve (curve.csv) and the time spent (cost.json).
        given: what is learned from, such as some folds of it; None loads what the recipe names.

    Raises:
        DataError: the data of the recipe cannot be read.
        InputError: a setting of the recipe cannot be, or `folder` belongs to a run with other settings.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on after the last full epoch.
    """
    recipe.check()
    folder = Path(folder)
    data = sized(loaded(recipe) if given is None else given, recipe.size)
    if not len(data.training):
        raise DataError(f"{data.description} gives no training faces")
    specification = specify(recipe, data)
    L.seed_everything(recipe.run.seed, verbose=False)
    objective = objective_module(family).Objective(recipe, specification)
    if recipe.run.start is not None:
        faces = functools.partial(_normalised, data.training, specification)
        begin(objective.network, recipe.run.start, faces, specification, recipe.run.renew)
    last = folder / "last.ckpt"
    if getattr(recipe.network, "weights", None) is not None and not last.is_file():
        objective.begin_published()
    objective.network.to(memory_format=torch.channels_last)
    recipe = settle(recipe, objective, data, folder)
    trainer = _trainer(recipe.run, folder)
    with warnings.catch_warnings(), _interruptible():
        warnings.filterwarnings("ignore", message=".*(num_workers|LeafSpec|logging interval|not empty|treespec).*")
        trainer.fit(
            objective,
            learning_order(recipe, data, recipe.run.seed),
            loader(data.validation, 256, 0, training=False),
            ckpt_path=str(last) if last.is_file() else None,
            weights_only=False,
        )
    # the checkpoint holds the averaged weights, also when a finished run is only exported anew
    kept = folder / best.FILE if recipe.run.patience else last
    objective.load_state_dict(torch.load(kept, map_location="cpu", weights_only=False)["state_dict"])
    return Fitted(objective.eval(), specification, data, recipe, tuple(curve.read(folder / CURVE)))


def loaded(recipe: Any) -> LearningData:
    """Load what a recipe learns from.

    Raises:
        DataError: the files are missing or not in their layouts.
    """
    if recipe.data.dataset == "joined":
        from kaoiro.training import joined

        return joined.load(recipe.data, recipe.size)
    if recipe.data.dataset == "labelled":
        from kaoiro.training import labelled

        return labelled.load(recipe.data, recipe.crop, recipe.size)
    return read_where_asked(load(recipe.data), recipe)


def _normalised(faces: Faces, specification: Specification) -> torch.Tensor:
    """Return faces as a network eats them: (B, C, H, W)."""
    pixels = faces.pixels[..., None] if faces.pixels.ndim == 3 else faces.pixels
    x = torch.from_numpy(pixels).movedim(-1, 1).float() / 255
    shape = (1, specification.channels, 1, 1)
    return (x - torch.tensor(specification.mean).reshape(shape)) / torch.tensor(specification.std).reshape(shape)


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


def sized(data: LearningData, size: int) -> LearningData:
    """Return learning data whose faces have a side of `size` pixels."""

    def resized(faces: Faces) -> Faces:
        channels = 1 if faces.pixels.ndim == 3 else 3
        return dataclasses.replace(faces, pixels=prepare_crops(faces.pixels, size, channels))

    return dataclasses.replace(data, training=resized(data.training), validation=resized(data.validation))


def specify(recipe: Any, data: LearningData) -> Specification:
    """Return the specification of the model that a recipe will give.

    Raises:
        ValueError: of pydantic, where the recipe's size is outside of what a specification allows; `Recipe.check`
            refuses such a recipe before.
    """
    mean, deviation = _moments(data.training.pixels)
    deviation = getattr(recipe, "deviation", None) or deviation
    heads = (
        Head(name=name, activation=ACTIVATIONS.get(name, "softmax"), labels=vocabulary.labels)
        for name, vocabulary in data.vocabularies.items()
    )
    return Specification(
        size=recipe.size,
        channels=1,
        mean=(round(mean, 4),),
        std=(round(deviation, 4),),
        crop=recipe.crop,
        heads=tuple(heads),
    )


def _moments(pixels: np.ndarray, at_once: int = 512) -> tuple[float, float]:
    """Return mean and standard deviation of pixels in 0-1, without a copy of all of them in another type."""
    counts = np.zeros(256, np.int64)
    for start in range(0, len(pixels), at_once):
        counts += np.bincount(pixels[start : start + at_once].ravel(), minlength=256)
    levels = np.arange(256) / 255
    mean = float(np.average(levels, weights=counts))
    return mean, float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))


def loader(
    faces: Faces, batch: int, seed: int, training: bool, shares: Sequence[float] = (), guaranteed: int = 0
) -> DataLoader:
    """Return batches: `pixels` (B, C, H, W) uint8, `domain` (B,), and by head `target` (B, K) and `label` (B,).

    Args:
        faces: to go through.
        batch: faces a step.
        seed: of the order.
        training: whether to shuffle, and leave out a last batch that is not full.
        shares: of every batch, by domain; empty takes the faces as they come.
        guaranteed: faces of every class (of the first head) in each batch; 0 takes them as they come.
    """
    pixels = faces.pixels[:, None] if faces.pixels.ndim == 3 else faces.pixels.transpose(0, 3, 1, 2)
    heads = tuple(faces.targets)
    domains = faces.domains if faces.domains is not None else np.zeros(len(faces), np.int64)
    unlabelled = np.full(len(faces), -1, np.int64)
    columns = (pixels, domains, *faces.targets.values(), *(faces.labels.get(head, unlabelled) for head in heads))
    dataset = TensorDataset(*(torch.from_numpy(np.ascontiguousarray(column)) for column in columns))
    order = None
    if training and guaranteed:
        order = GuaranteedOrder(faces.labels.get(heads[0], unlabelled), guaranteed, batch, seed)
    elif training:
        order = MixedOrder(domains, shares, batch, seed) if len(shares) else EpochOrder(len(faces), seed)
    return DataLoader(
        dataset,
        batch,
        sampler=order,
        drop_last=training and len(faces) > batch,
        collate_fn=functools.partial(_collate, heads),
        generator=torch.Generator(),  # else the loader draws from the numbers meant for dropout
    )


def learning_order(recipe: Any, data: LearningData, seed: int) -> DataLoader:
    """Return the batches that a recipe learns from.

    Raises:
        InputError: a batch has no room for the faces of every class that the recipe asks for.
    """
    guaranteed = recipe.data.guaranteed
    return loader(data.training, recipe.run.batch, seed, training=True, shares=data.shares, guaranteed=guaranteed)


def _collate(heads: tuple[str, ...], rows: list[tuple[torch.Tensor, ...]]) -> dict[str, Any]:
    pixels, domain, *columns = (torch.stack(column) for column in zip(*rows, strict=True))
    targets, labels = columns[: len(heads)], columns[len(heads) :]
    return {
        "pixels": pixels,
        "domain": domain,
        "target": dict(zip(heads, targets, strict=True)),
        "label": dict(zip(heads, labels, strict=True)),
    }


def settle(recipe: Any, objective: Any, data: LearningData, folder: Path) -> Any:
    """Fix the number of epochs and write recipe.json; return the recipe with that number.

    Raises:
        InputError: `folder` belongs to a run with other settings.
    """
    file = folder / "recipe.json"
    asked = dataclasses.asdict(recipe)
    del asked["crop"]  # where a face lies is measured apart from training and may be corrected later
    if file.is_file():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if known_settings(stored["asked"], recipe) != json.loads(json.dumps(asked)):
            raise InputError(f"{folder} holds a run with other settings; choose another --out or delete it")
        epochs = stored["epochs"]
    else:
        run, batches = recipe.run, learning_order(recipe, data, 0)
        epochs = run.epochs if run.budget is None else epochs_within(run, objective, batches)
        write_text(file, json.dumps({"asked": asked, "epochs": epochs}, indent=1))
    return dataclasses.replace(recipe, run=dataclasses.replace(recipe.run, epochs=epochs))


def known_settings(asked: Any, recipe: Any) -> Any:
    """Return stored settings; those that a run did not know yet are the family's own."""
    usual = dataclasses.asdict(type(recipe)())
    del usual["crop"]
    return _over(asked, json.loads(json.dumps(usual)))


def _over(asked: Any, usual: Any) -> Any:
    if not isinstance(asked, dict) or not isinstance(usual, dict):
        return asked
    return {**usual, **{name: _over(value, usual.get(name)) for name, value in asked.items()}}


class Lines(Callback):
    """One line per epoch where no progress bar can be drawn."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print epoch, elapsed time and metrics."""
        del pl_module
        metrics = " ".join(f"{k} {float(v):.4f}" for k, v in sorted(trainer.callback_metrics.items()))
        elapsed = time.perf_counter() - self._start
        print(
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs} {elapsed:.0f}s {metrics}",
            file=sys.stderr,
            flush=True,
        )


def newest_checkpoint(folder: Path) -> ModelCheckpoint:
    """Return the callback that writes last.ckpt after each epoch, always under this name."""
    return ModelCheckpoint(
        folder, filename="newest", save_last=True, save_top_k=1, monitor=None, enable_version_counter=False
    )


def _trainer(run: Run, folder: Path) -> L.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    interactive = sys.stderr.isatty()
    meter = cost.Meter(folder, hardware.describe(run.precision))
    callbacks: list[Callback] = [curve.Curve(folder / CURVE), meter]
    if run.patience:
        callbacks += best.callbacks(folder, run.patience)
    callbacks.append(newest_checkpoint(folder))  # last: it stores what the others know of this epoch
    if run.ema:
        callbacks.append(EMAWeightAveraging(decay=run.ema))
    if not interactive:
        callbacks.append(Lines())
    return L.Trainer(
        max_epochs=run.epochs,
        accelerator=hardware.accelerator(),
        devices=1,
        precision=hardware.precision(run.precision),
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=interactive,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
