"""Tuning of a network's last layers, or of all, after its new last layer was found.

Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022: a network
that is tuned begins with the last layer that fits its features as they are, so that features need not move to make up
for one that does not. Batch normalisation keeps its statistics: a few faces do not give better ones.
Legend: B batch, N faces, F features, K labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.checks import at_least, positive
from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSION
from kaoiro.core.spec import Specification
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.transforms import augment, sample
from kaoiro.nn.prediction import Prediction
from kaoiro.training.adapting.heads import Layer

Depth = Literal["last", "all"]
_BATCH = 256


@dataclass(frozen=True)
class TuningConfig:
    """How a network is tuned.

    Attributes:
        depth: 'last' tunes the layers of the last maps, 'all' every layer.
        learning_rate: at its highest, of one cycle.
        weight_decay: of AdamW, towards the weights at the start.
        passes: over the faces.
        least: steps at least, for few faces.
        most: steps at most, for many.
        batch: faces at a step.
        augmentation: of faces.
    """

    depth: Depth = "last"
    learning_rate: float = 3e-4
    weight_decay: float = 0.1
    passes: int = 20
    least: int = 60
    most: int = 1000
    batch: int = 32
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(erase=0.0, low_resolution=0.0))

    def __post_init__(self) -> None:
        for name in ("passes", "least", "most", "batch"):
            at_least(name, 1, getattr(self, name))
        positive("learning_rate", self.learning_rate)

    def steps(self, count: int) -> int:
        """Return the number of steps for so many faces."""
        return max(self.least, min(self.most, self.passes * count // self.batch))


class Adapted(nn.Module):
    """A network whose features are read by a layer of one's own.

    Args:
        network: answers features (B, F) and heads.
        name: of the head.
        answer: the layer.
        specification: of the network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, name: str, answer: nn.Linear, specification: Specification) -> None:
        super().__init__()
        self.network, self.name, self.answer = network, name, answer
        shape = (1, specification.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(specification.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(specification.std).reshape(shape), persistent=False)

    def forward(self, x: Tensor) -> Prediction:
        """Return features and the head's raw outputs for normalised pixels (B, C, H, W)."""
        h = self.network(x).features
        return Prediction(h, {self.name: self.answer(h)})

    def scores(self, images: Tensor) -> Tensor:
        """Return raw outputs (B, K) for images in 0-1."""
        return self((images - self.mean) / self.std).heads[self.name]


def layered(
    network: nn.Module, layer: Layer, labels: tuple[str, ...], specification: Specification, name: str
) -> Adapted:
    """Return the network with a layer found on its features: what the model said before, and what was added.

    Args:
        network: of the part that is adapted.
        layer: found.
        labels: K that it answers.
        specification: of the part.
        name: of the head.

    Raises:
        InputError: the network's expressions are not read from its features by one layer.
    """
    before = expression_layer(network)
    known = specification.head(EXPRESSION)
    weights = torch.from_numpy(layer.weights.T).float().clone()
    bias = torch.from_numpy(layer.bias).float().clone()
    scale = layer.kept / known.temperature
    for place, label in enumerate(labels):
        if label in known.labels:
            row = known.labels.index(label)
            weights[place] += scale * before.weight.detach()[row]
            bias[place] += scale * before.bias.detach()[row]
    answer = nn.Linear(weights.shape[1], len(labels))
    with torch.no_grad():
        answer.weight.copy_(weights)
        answer.bias.copy_(bias)
    return Adapted(network, name, answer, specification).eval()


def expression_layer(network: nn.Module) -> nn.Linear:
    """Return the layer that reads expressions from features.

    Raises:
        InputError: they are not read by one layer.
    """
    upper = getattr(network, "upper", {})
    layer: object = dict(upper.items()).get(EXPRESSION)
    if not isinstance(layer, nn.Linear):
        raise InputError("this network reads expressions by more than one layer; adapt another model")
    return layer


def tune(adapted: Adapted, crops: np.ndarray, truth: np.ndarray, config: TuningConfig, seed: int = 0) -> Adapted:
    """Learn from faces, in place.

    Args:
        adapted: as `layered` gives it.
        crops: (N, H, W) or (N, H, W, 3) uint8.
        truth: (N,) classes.
        config: how.
        seed: of order and augmentation.
    """
    steps = config.steps(len(truth))
    order = batches(len(truth), config.batch, steps, np.random.default_rng(seed))
    return follow(adapted, crops, truth, order, steps, config, seed)


def follow(
    adapted: Adapted,
    crops: np.ndarray,
    truth: np.ndarray,
    order: Iterable[np.ndarray],
    steps: int,
    config: TuningConfig,
    seed: int = 0,
) -> Adapted:
    """Learn from batches of faces in their order, in place.

    Args:
        adapted: as `layered` gives it.
        crops: (N, H, W) or (N, H, W, 3) uint8.
        truth: (N,) classes.
        order: rows of each step.
        steps: their number.
        config: how.
        seed: of augmentation.
    """
    _laid_out(adapted, torch.channels_last)  # a fifth faster on a processor
    learned = list(_learned(adapted, config.depth))
    start = [one.detach().clone() for one in learned]
    rule = torch.optim.AdamW(learned, config.learning_rate, weight_decay=0.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(rule, config.learning_rate, total_steps=steps)
    draws = torch.Generator().manual_seed(seed)
    pixels, wanted = images_of(crops), torch.from_numpy(truth)
    for rows in order:
        shown = augment(pixels[rows].float() / 255, sample(config.augmentation, pixels[rows].shape, draws))
        loss = F.cross_entropy(adapted.scores(shown), wanted[rows])
        rule.zero_grad()
        loss.backward()
        rule.step()
        _pull(learned, start, config.weight_decay * float(cycle.get_last_lr()[0]))
        cycle.step()
    _laid_out(adapted, torch.contiguous_format)
    return adapted


def _laid_out(adapted: Adapted, order: torch.memory_format) -> None:
    """Store the weights of convolutions in an order."""
    for one in adapted.parameters():
        if one.ndim == 4:
            one.data = one.data.contiguous(memory_format=order)


def _learned(adapted: Adapted, depth: Depth) -> Iterator[nn.Parameter]:
    """Yield what is learned, and freeze the rest."""
    parts = [adapted.answer, *last_maps(adapted.network)] if depth == "last" else [adapted]
    for parameter in adapted.parameters():
        parameter.requires_grad_(False)
    for part in parts:
        for parameter in part.parameters():
            parameter.requires_grad_(True)
            yield parameter


def last_maps(network: nn.Module) -> list[nn.Module]:
    """Return the modules of a trunk that have its last maps: the last third of those with weights.

    None are known of trunks that are no sequence.
    """
    lower = getattr(network, "lower", None)
    if not isinstance(lower, nn.Sequential):
        return []
    parts = [part for part in lower if any(True for _ in part.parameters())]
    return parts[-max(1, len(parts) // 3) :]


@torch.no_grad()
def _pull(learned: list[nn.Parameter], start: list[Tensor], share: float) -> None:
    """Move weights a share of the way back to where they began (L2-SP, Li et al., 2018, in its decoupled form)."""
    for one, before in zip(learned, start, strict=True):
        one.lerp_(before, share)


def batches(count: int, batch: int, steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield rows, each as often as the others."""
    left = np.empty(0, np.int64)
    for _ in range(steps):
        while len(left) < min(batch, count):
            left = np.concatenate([left, rng.permutation(count)])
        yield left[:batch]
        left = left[batch:]


def images_of(crops: np.ndarray) -> Tensor:
    """Return crops as (N, C, H, W) uint8."""
    pixels = crops[:, None] if crops.ndim == 3 else crops.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(pixels))


@torch.no_grad()
def answers(adapted: Adapted, crops: np.ndarray) -> np.ndarray:
    """Return raw outputs (N, K)."""
    pixels = images_of(crops)
    parts = [adapted.scores(some.float() / 255) for some in pixels.split(_BATCH)]
    return torch.cat(parts).double().numpy()
