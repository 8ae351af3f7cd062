"""Learn weights over time from the streams of a frozen still model."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from safetensors.torch import save_file
from torch.utils.data import DataLoader

from kaoiro.core import modelfile
from kaoiro.core.errors import DataError
from kaoiro.core.files import write_text, writing
from kaoiro.core.modelfile import GRAPH, WEIGHTS
from kaoiro.core.revision import commit
from kaoiro.core.streams import CUES, Streams
from kaoiro.data.datasets import synthetic, wandering
from kaoiro.data.source import StreamConfig
from kaoiro.evaluation import streams
from kaoiro.families.temporal_attention.objective import AFFECT_CUES, Objective
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
    windows, read = part.streams.windows(length, centred), part.streams
    first = np.arange(len(read) - 1)
    usable = read.clips[first] == read.clips[first + 1]
    usable &= (part.split[first] == split) & read.seen[first] & read.seen[first + 1]
    if not usable.any():
        raise DataError(f"no clip of the split {split} has two neighbouring frames with a face")
    return np.stack([windows[first[usable]], windows[first[usable] + 1]], axis=1)


def load(config: StreamConfig) -> tuple[Part, dict[str, Any]]:
    """Return the streams of a recipe with their splits, and what they are, for the record.

    Raises:
        DataError: no root, or no finished set with clips to learn from and to watch.
        ModelError: the still model cannot be used.
    """
    if config.dataset == "drawn":
        made = wandering.streams(config.count, config.seed)
        number = np.array([int(name.removeprefix("clip-")) for name in made.clips])
        return Part(made, np.array(["train", "train", "val", "test"])[number % 4]), {"data": "drawn curves"}
    if config.root is None:
        raise DataError("name the folder of a syn-vid set by --data.root (kaoiro synth syn-vid)")
    data, model = synthetic.read(config.root), modelfile.load(config.model)
    rows = np.lexsort((data.table["frame"].to_numpy(), data.clips))
    split = data.table["split"].to_numpy(str)[rows]
    read = streams.rendered(data, rows, model, seed=config.seed)
    about = {"data": data.settings.get("set"), "set_sha256": data.settings.get("finished", {}).get("sha256")}
    return Part(read, split), about | {"still model": model.name, "still model sha256": model.digest}


def save(objective: Objective, folder: Path, read: Streams, about: dict[str, Any]) -> None:
    """Write what was learned: model.onnx, weights.safetensors, and temporal.json, which says what goes in.

    The graph takes values (B, N, C), cues (B, N, Q) and seen (B, N), and answers weights (B, N).

    Raises:
        OutputError: the folder cannot be written.
    """
    network, recipe = objective.network.cpu().eval(), objective.recipe
    length = recipe.network.length
    values = read.features if recipe.network.reads == "features" else read.logits
    example = (
        torch.zeros(2, length, values.shape[1]),
        torch.zeros(2, length, read.cues.shape[1] + len(AFFECT_CUES if recipe.network.affect else ())),
        torch.ones(2, length, dtype=torch.bool),
    )
    names = ["values", "cues", "seen"]
    with writing(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder.mkdir(parents=True, exist_ok=True)
        save_file({key: value.contiguous() for key, value in network.state_dict().items()}, folder / WEIGHTS)
        torch.onnx.export(
            network,
            example,
            str(folder / GRAPH),
            input_names=names,
            output_names=["weights"],
            dynamic_axes={name: {0: "windows"} for name in [*names, "weights"]},
            opset_version=17,
            dynamo=False,
        )
    cues = [*CUES, *(AFFECT_CUES if recipe.network.affect else ())]
    settings: dict[str, Any] = {"recipe": asdict(recipe), "cues": cues, "labels": list(read.labels)}
    settings["weights are for"] = recipe.network.weighs
    settings["recipe"]["data"]["root"] = None
    write_text(folder / "temporal.json", json.dumps(settings | {"commit": commit()} | about, indent=2))


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
def answers(objective: Objective, read: Streams) -> tuple[np.ndarray, np.ndarray]:
    """Return smoothed probabilities (F, K) and weights (F, N) of every frame."""
    network = objective.recipe.network
    objective.watch(read)
    windows = torch.from_numpy(read.windows(network.length, network.centred))
    parts = [objective.answer(rows) for rows in windows.split(4096)]
    logits, weights = (torch.cat(column) for column in zip(*parts, strict=True))
    probabilities = logits.double().softmax(dim=1).numpy()
    probabilities[~read.seen] = np.nan
    return probabilities, weights.numpy()
