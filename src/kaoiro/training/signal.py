"""Is the signal there? A small network on rendered faces, asked about people that it has never seen.

The network has the trunk of `residual_attention`'s compact one and three heads: expression, the eight action units of
multi-task networks, identity. Where something lies counts here (a brow that is lower by a millimetre is an action
unit), so the heads see the last feature map and not its mean, and beside it where the landmarks are, which a part of
the network learns to tell. It is a measurement of the FACS world, not a product: nothing of it ships.
"""

from __future__ import annotations

import datetime
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.checks import at_least, positive
from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import DataError
from kaoiro.core.files import replacing, writing
from kaoiro.core.labels import FER2013, MULTITASK_UNITS
from kaoiro.core.modelfile import GRAPH, Card, Description, ModelFolder, Provenance, load, write_description
from kaoiro.core.rendered import POINTS
from kaoiro.core.revision import commit
from kaoiro.core.spec import CropGeometry, Head, Specification
from kaoiro.core.types import LANDMARKS
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.datasets.synthetic import Synthetic
from kaoiro.data.transforms import augment, sample
from kaoiro.evaluation.progress import followed
from kaoiro.faces.align import cut, similarity
from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.families.residual_attention.network import Network
from kaoiro.metrics.accuracy import bootstrap_interval
from kaoiro.metrics.agreement import concordance, resampled_interval
from kaoiro.nn.prediction import Prediction
from kaoiro.nn.schedule import one_cycle
from kaoiro.nn.trunks import conv_bn
from kaoiro.training.export import export_graph

SIDE, MEAN, STD = 96, 0.5, 0.25
_FOLD = 2  # pixels across and down that become channels: the network works on 48x48 of them
_MAP, _FEATURES = 32, 256  # channels of the map and of the feature that the heads see
_PLACES = 64  # channels of the map that tells where the landmarks are
MIRRORED = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""The landmark of the other side of the face for each of the 68."""
_READ = 512  # pictures held at a time


@dataclass(frozen=True)
class SignalConfig:
    """How the network is trained: AdamW (Loshchilov and Hutter, 2019), one cycle, gradients clipped to a norm of 2.

    Chosen on training people who were kept back (`rendered.choose`): crops of 96 pixels instead of 48, and a placement
    that is varied by no more than detectors err; a lowered brow is a pixel, and a face that is moved about by five
    hides it. No rectangle covers the face: it would hide what a small action unit is seen by.

    Attributes:
        epochs: passes over the training frames.
        batch: frames a step.
        learning_rate: peak of the one-cycle schedule.
        units: weight of the squared error of action units.
        full: intensity from which a frame is learned as its expression alone; a weaker one is learned as partly
            neutral, in proportion. Who must call a trace of anger anger will find it in a resting face.
        identity: weight of the cross-entropy of identity.
        landmarks: weight of the squared error of the 68 landmarks, in standard deviations of the training frames.
        seed: of weights, order and augmentation.
        network: widths.
        augmentation: of training frames.
    """

    epochs: int = 6
    batch: int = 128
    learning_rate: float = 2e-3
    units: float = 25.0
    full: float = 0.5
    identity: float = 0.25
    landmarks: float = 1.0
    seed: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(rotation=2.0, shift=0.015, scale=0.025, light=0.15, erase=0.0)
    )

    def __post_init__(self) -> None:
        at_least("epochs", 1, self.epochs)
        at_least("batch", 2, self.batch)
        positive("learning rate", self.learning_rate)
        positive("full intensity", self.full)


@dataclass(frozen=True, eq=False)
class Frames:
    """Aligned grey crops with their truth.

    Attributes:
        pixels: (N, 96, 96) uint8, placed as the crops of FER2013 are.
        expression: (N,) classes in the order of FER2013.
        intensity: (N,) of the expression, 0-1.
        units: (N, 8) intensities of `MULTITASK_UNITS`.
        landmarks: (N, 68, 2) places in the crop, -1 to 1 across and down.
        subjects: (N,) names.
        clips: (N,) names.
    """

    pixels: np.ndarray
    expression: np.ndarray
    intensity: np.ndarray
    units: np.ndarray
    landmarks: np.ndarray
    subjects: np.ndarray
    clips: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def rows(self, keep: np.ndarray) -> Frames:
        """Return the rows selected by a mask or by indices."""
        return Frames(*(getattr(self, field.name)[keep] for field in fields(self)))

    def targets(self, rows: np.ndarray, full: float) -> np.ndarray:
        """Return what the expression of some rows is learned as: (B, 7) shares, see `SignalConfig.full`."""
        shown = np.clip(self.intensity[rows] / full, 0, 1)[:, None]
        classes = np.eye(len(FER2013))
        shares = shown * classes[self.expression[rows]] + (1 - shown) * classes[FER2013.index("neutral")]
        return shares.astype(np.float32)


def aligned(
    data: Synthetic, rows: np.ndarray, unit: str = "frames", side: int = SIDE, crop: CropGeometry = FER2013_CROP
) -> Frames:
    """Read frames and place them by their five points, as `kaoiro analyze` places real faces; `side` in pixels."""
    table = data.table.iloc[rows]
    points = table[[f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]].to_numpy(np.float64).reshape(-1, 5, 2)
    pixels = np.empty((len(rows), side, side), np.uint8)
    places = np.empty((len(rows), POINTS, 2), np.float32)
    starts = range(0, len(rows), _READ)
    for start in followed(starts, len(starts), f"x {_READ} {unit}"):
        pictures = data.pixels(rows[start : start + _READ], grey=True)
        for place, picture in enumerate(pictures, start=start):
            matrix = similarity(np.asarray(crop.points), points[place])
            pixels[place] = cut(picture, matrix, side)
            inside = np.linalg.solve(matrix[:, :2], (data.landmarks[rows[place]] - matrix[:, 2]).T).T
            places[place] = 2 * inside - 1
    return Frames(
        pixels,
        np.array(FER2013.indices(table["expression"]), np.int64),
        table["intensity"].to_numpy(np.float32),
        table[list(MULTITASK_UNITS.labels)].to_numpy(np.float32),
        places,
        table["subject"].to_numpy(str),
        data.clips[rows],
    )


class SignalNetwork(nn.Module):
    """Crops (B, 1, 96, 96), normalised -> features (B, 392) -> raw outputs (B, K) by head.

    The features are 256 values of the map and the 68 landmarks, in standard deviations from their usual places; the
    heads do not change where the network sees those.
    """

    usual: Tensor
    spread: Tensor

    def __init__(self, config: NetworkConfig, heads: dict[str, int]) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.PixelUnshuffle(_FOLD), *Network(config, _FOLD**2, {}).lower.children())
        self.map = nn.Sequential(conv_bn(config.widths[2], _MAP, 1), nn.ReLU(), nn.Flatten())
        place = SIDE // _FOLD // 8  # of the trunk's strides
        self.feature = nn.Sequential(nn.Linear(_MAP * place**2, _FEATURES), nn.ReLU())
        places = nn.Sequential(conv_bn(config.widths[2], _PLACES, 1), nn.ReLU(), nn.Flatten())
        self.places = nn.Sequential(places, nn.Linear(_PLACES * place**2, 2 * POINTS))
        self.dropout = nn.Dropout(config.dropout)
        width = _FEATURES + 2 * POINTS
        self.upper = nn.ModuleDict({name: nn.Linear(width, count) for name, count in heads.items()})
        self.register_buffer("usual", torch.zeros(2 * POINTS))
        self.register_buffer("spread", torch.ones(2 * POINTS))

    def forward(self, x: Tensor) -> Prediction:
        """Return features and raw outputs; the landmarks are those of 'landmarks'."""
        seen = self.trunk(x)
        h, places = self.feature(self.map(seen)), self.places(seen)
        told = torch.cat([self.dropout(h), places.detach()], dim=1)
        raw = {name: head(told) for name, head in self.upper.items()}
        return Prediction(torch.cat([h, places.detach()], dim=1), raw | {"landmarks": places})

    def expect(self, landmarks: Tensor) -> None:
        """Take usual places and spread from those of training frames and their mirror images, (N, 136) each."""
        self.usual, self.spread = landmarks.mean(dim=0), landmarks.std(dim=0).clamp(min=1e-3)


class Signal:
    """The network and what it answers.

    Args:
        config: of the training.
        people: names of the training subjects, in the order of the identity head.
    """

    def __init__(self, config: SignalConfig, people: list[str]) -> None:
        self.config, self.people = config, people
        torch.manual_seed(config.seed)
        heads = {"expression": len(FER2013), "units": len(MULTITASK_UNITS), "identity": len(people)}
        self.network = SignalNetwork(config.network, heads)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def fit(
        self, frames: Frames, checkpoint: Path | None = None, tick: Callable[[str], None] = print, data: str = ""
    ) -> float:
        """Train and return the hours that it took, those before an interruption included.

        Args:
            frames: to learn from.
            checkpoint: file from which an interrupted training goes on; kept up to date after every epoch.
            tick: told of every epoch.
            data: what the frames are, such as the hash of their set; a checkpoint of others is refused.

        Raises:
            DataError: the checkpoint is damaged, or of another training.
        """
        config, start = self.config, time.monotonic()
        optimizer = torch.optim.AdamW(self.network.parameters(), config.learning_rate, weight_decay=0.02)
        steps = len(frames) // config.batch
        self.network.expect(_both_ways(frames.landmarks))
        mine = repr((config, self.people, len(frames), data))
        first, before = self._resume(optimizer, checkpoint, mine)
        for epoch in range(first, config.epochs):
            loss = self._epoch(frames, optimizer, epoch, steps)
            state = {"of": mine, "epoch": epoch + 1, "hours": before + (time.monotonic() - start) / 3600}
            state |= {"network": self.network.state_dict(), "optimizer": optimizer.state_dict()}
            if checkpoint is not None:
                with replacing(checkpoint) as partial, writing(checkpoint):
                    torch.save(state, partial)
            tick(f"epoch {epoch + 1} of {config.epochs}: loss {loss:.3f}")
        return before + (time.monotonic() - start) / 3600

    def _resume(self, optimizer: torch.optim.Optimizer, checkpoint: Path | None, mine: str) -> tuple[int, float]:
        """Return the epochs that are done, and the hours that they took."""
        if checkpoint is None or not checkpoint.exists():
            return 0, 0.0
        remedy = "name another file, or remove it to begin anew"
        try:
            state = torch.load(checkpoint, weights_only=True)
            if state["of"] == mine:
                self.network.load_state_dict(state["network"])
                optimizer.load_state_dict(state["optimizer"])
                return int(state["epoch"]), float(state["hours"])
        except (OSError, RuntimeError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError) as error:
            raise DataError(f"{checkpoint} is no checkpoint of this training; {remedy}") from error
        raise DataError(f"{checkpoint} is of a training with other settings, people or frames; {remedy}")

    def _epoch(self, frames: Frames, optimizer: torch.optim.Optimizer, epoch: int, steps: int) -> float:
        seed = self.config.seed * 100_003 + epoch
        torch.manual_seed(seed)
        draws = torch.Generator().manual_seed(seed)
        order = np.random.default_rng(seed).permutation(len(frames))[: steps * self.config.batch]
        batches = order.reshape(steps, self.config.batch)
        self.network.train()
        total = 0.0
        for step, rows in enumerate(followed(batches, steps, "steps")):
            progress = (epoch + step / steps) / self.config.epochs
            for group in optimizer.param_groups:
                group["lr"] = self.config.learning_rate * one_cycle(progress, 0.05)
            loss = self.loss(frames, rows, draws)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
            optimizer.step()
            total += float(loss.detach())
        return total / max(1, steps)

    def loss(self, frames: Frames, rows: np.ndarray, draws: torch.Generator) -> Tensor:
        """Return the loss of some rows: expression + weighted units, identity and landmarks."""
        images = torch.from_numpy(frames.pixels[rows]).float()[:, None] / 255
        draw = sample(self.config.augmentation, images.shape, draws)
        images = augment(images, draw)
        answer = self._heads(images)
        people = torch.tensor([self.people.index(name) for name in frames.subjects[rows]])
        places = (self._places(frames.landmarks[rows], draw.affine) - self.network.usual) / self.network.spread
        return (
            F.cross_entropy(answer["expression"], torch.from_numpy(frames.targets(rows, self.config.full)))
            + self.config.units * F.mse_loss(answer["units"].sigmoid(), torch.from_numpy(frames.units[rows]))
            + self.config.identity * F.cross_entropy(answer["identity"], people)
            + self.config.landmarks * F.mse_loss(answer["landmarks"], places)
        )

    def _places(self, landmarks: np.ndarray, affine: Tensor) -> Tensor:
        """Return where landmarks (B, 68, 2) lie after warping: (B, 136). A mirrored face's left ones are its right."""
        given = torch.from_numpy(landmarks)
        moved = torch.linalg.solve(affine[:, :, :2], (given - affine[:, None, :, 2]).transpose(1, 2)).transpose(1, 2)
        mirrored = torch.linalg.det(affine[:, :, :2]) < 0
        return torch.where(mirrored[:, None, None], moved[:, list(MIRRORED)], moved).flatten(1)

    def _heads(self, images: Tensor) -> dict[str, Tensor]:
        return self.network((images - MEAN) / STD).heads

    @torch.no_grad()
    def answer(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Return by head: probabilities of expressions (N, 7), units (N, 8), probabilities of people (N, P).

        Args:
            pixels: (N, 96, 96) uint8.
        """
        self.network.eval()
        found: dict[str, list[Tensor]] = {"expression": [], "units": [], "identity": []}
        for start in range(0, len(pixels), 256):
            images = torch.from_numpy(pixels[start : start + 256]).float()[:, None] / 255
            heads = self._heads(images)
            for name in found:
                raw = heads[name]
                found[name].append(raw.sigmoid() if name == "units" else raw.softmax(dim=1))
        return {name: torch.cat(parts).numpy() for name, parts in found.items()}


def _both_ways(landmarks: np.ndarray) -> Tensor:
    """Return landmarks (N, 68, 2) and those of the mirrored faces: (2N, 136)."""
    mirrored = (landmarks * np.array([-1, 1], np.float32))[:, list(MIRRORED)]
    return torch.from_numpy(np.concatenate([landmarks, mirrored])).flatten(1)


def save(signal: Signal, folder: Path, data: str, hours: float) -> ModelFolder:
    """Write the network as a model folder: expression and action units of rendered faces.

    Args:
        signal: trained.
        folder: receives model.json and model.onnx.
        data: what it learned from, in words.
        hours: what it cost.
    """
    heads = (
        Head(name="expression", activation="softmax", labels=FER2013.labels),
        Head(name="units", activation="sigmoid", labels=MULTITASK_UNITS.labels),
    )
    spec = Specification(size=SIDE, channels=1, mean=(MEAN,), std=(STD,), crop=FER2013_CROP, heads=heads)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        export_graph(signal.network, spec, folder / GRAPH)
    provenance = Provenance(
        recipe="signal/rendered",
        settings=asdict(signal.config),
        data=data,
        seed=signal.config.seed,
        budget=f"{signal.config.epochs} epochs, {hours:.2f} h",
        commit=commit(),
        created=datetime.date.today().isoformat(),
    )
    card = Card(
        summary="expression and eight action units of rendered faces, for measurements on rendered faces",
        limits=("Has never seen a person: of no use for photographs.",),
        licence="MIT as the code; learned from faces rendered by this project.",
    )
    description = Description(name="rendered", specification=spec, files={}, provenance=provenance, card=card)
    write_description(folder, description)
    return load(folder)


def held_out(frames: Frames) -> np.ndarray:
    """Return the rows of one clip of every person, for the test of identity: (N,) bool.

    The clips take turns through the expressions, so that identity cannot be read from one of them.
    """
    result = np.zeros(len(frames), bool)
    for place, person in enumerate(np.unique(frames.subjects)):
        clips = np.unique(frames.clips[frames.subjects == person])
        result |= (frames.subjects == person) & (frames.clips == clips[place % len(clips)])
    return result


def figures_of(signal: Signal, frames: Frames) -> dict[str, Any]:
    """Return accuracy of expressions and CCC of units, with 95 % intervals over people."""
    answer = signal.answer(frames.pixels)
    right = answer["expression"].argmax(axis=1) == frames.expression
    low, high = bootstrap_interval(right, frames.subjects)
    recall = {
        label: {"n": int((frames.expression == k).sum()), "recall": float(right[frames.expression == k].mean())}
        for k, label in enumerate(FER2013.labels)
        if (frames.expression == k).any()
    }
    head = {
        "frames": len(frames),
        "people": len(np.unique(frames.subjects)),
        "expression accuracy": float(right.mean()),
    }
    return head | {"expression interval": [low, high], "recall": recall, "units": _units(answer["units"], frames)}


def _units(answer: np.ndarray, frames: Frames) -> dict[str, dict[str, Any]]:
    table = {}
    for k, name in enumerate(MULTITASK_UNITS.labels):
        truth, found = frames.units[:, k], answer[:, k]
        interval = resampled_interval(lambda rows, t=truth, f=found: concordance(t[rows], f[rows]), frames.subjects)
        table[name] = {"CCC": concordance(truth, found), "interval": list(interval)}
    return table


def identity_figures(signal: Signal, frames: Frames) -> dict[str, Any]:
    """Return how often the network names the person in clips that it was not trained on."""
    names = np.array(signal.people)[signal.answer(frames.pixels)["identity"].argmax(axis=1)]
    low, high = bootstrap_interval(names == frames.subjects, frames.subjects)
    chance = 1 / len(signal.people)
    return {
        "frames": len(frames),
        "accuracy": float((names == frames.subjects).mean()),
        "interval": [low, high],
        "chance": chance,
    }
