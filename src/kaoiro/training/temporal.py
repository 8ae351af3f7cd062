"""Learn weights over time from the streams of a frozen still model."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader

from kaoiro.core.errors import DataError
from kaoiro.core.streams import Streams
from kaoiro.families.temporal_attention.objective import Objective
from kaoiro.families.temporal_attention.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Part:
    """Streams, and which of their clips are for what.

    Attributes:
        streams: of all clips.
        split: (F,) 'train', 'val' or 'test' of each frame.
    """

    streams: Streams
    split: np.ndarray


def pairs(part: Part, split: str, length: int, centred: bool) -> np.ndarray:
    """Return windows of neighbouring frames of one split: (M, 2, length) frames, -1 beyond the ends of a clip.

    Raises:
        DataError: no clip of the split has two neighbouring frames with a face.
    """
    windows, streams = part.streams.windows(length, centred), part.streams
    first = np.arange(len(streams) - 1)
    usable = streams.clips[first] == streams.clips[first + 1]
    usable &= (part.split[first] == split) & streams.seen[first] & streams.seen[first + 1]
    if not usable.any():
        raise DataError(f"no clip of the split {split} has two neighbouring frames with a face")
    return np.stack([windows[first[usable]], windows[first[usable] + 1]], axis=1)


def fit(recipe: Recipe, part: Part, progress: bool = False) -> Objective:
    """Train a recipe on the clips of 'train', watching those of 'val'.

    Raises:
        InputError: a setting of the recipe cannot be.
        DataError: a split has no neighbouring frames.
    """
    recipe.check()
    network = recipe.network
    learned, checked = (pairs(part, split, network.length, network.centred) for split in ("train", "val"))
    L.seed_everything(recipe.run.seed, verbose=False)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    objective = Objective(recipe, part.streams)
    trainer = L.Trainer(
        max_epochs=recipe.run.epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(num_workers|LeafSpec|logging interval|treespec).*")
        trainer.fit(objective, _loader(learned, recipe.run.batch, True), _loader(checked, 1024, False))
    return objective.eval()


def _loader(windows: np.ndarray, batch: int, shuffle: bool) -> DataLoader[Any]:
    rows = torch.from_numpy(windows)
    return DataLoader(range(len(rows)), batch, shuffle=shuffle, collate_fn=lambda picked: rows[picked])  # pyright: ignore


@torch.no_grad()
def answers(objective: Objective, streams: Streams) -> tuple[np.ndarray, np.ndarray]:
    """Return smoothed probabilities (F, K) and weights (F, N) of every frame."""
    network = objective.recipe.network
    windows = torch.from_numpy(streams.windows(network.length, network.centred))
    parts = [objective.answer(rows) for rows in windows.split(4096)]
    logits, weights = (torch.cat(column) for column in zip(*parts, strict=True))
    probabilities = logits.double().softmax(dim=1).numpy()
    probabilities[~streams.seen] = np.nan
    return probabilities, weights.numpy()
