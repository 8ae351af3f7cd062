"""What the family learns from random windows of crops: the classes of faces, or what two views of one share."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor

from kaoiro.core.labels import EXPRESSION
from kaoiro.core.spec import Specification
from kaoiro.data.transforms import augment, sample, window
from kaoiro.families.staged_transfer.network import Network
from kaoiro.families.staged_transfer.recipe import Recipe
from kaoiro.families.staged_transfer.views import projector, redundancy_loss
from kaoiro.nn.caffe_files import load_published, matched
from kaoiro.nn.losses import soft_cross_entropy
from kaoiro.nn.schedule import in_parts, one_cycle

WARMUP = 0.1
"""Share of a course without parts in which the rate rises."""


class Objective(L.LightningModule):
    """Softmax cross-entropy, SGD with momentum, a rate in steps and a faster last layer where that is new.

    Batches are dictionaries: `pixels` (B, C, S, S) uint8, and by head `target` (B, K) distributions, `label` (B,) int64
    with -1 where there is none. In training the network sees a random window of each crop, else the middle. With
    `objective.task views` it sees two of each, labels are left alone, and so is the last layer.

    Attributes:
        taught: whether the last layer learns anything; where it does not, its answers say nothing.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, specification: Specification) -> None:
        super().__init__()
        self.recipe, self.config, self.specification = recipe, recipe.objective, specification
        heads = {head.name: len(head.labels) for head in specification.heads}
        self.network = Network(recipe.network, specification.channels, heads)
        self.taught = self.config.task == "labels"
        self.projector = None if self.taught else projector(self.network.width, self.config.views)
        self.network.upper.requires_grad_(self.taught)
        shape = (1, specification.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(specification.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(specification.std).reshape(shape), persistent=False)
        self._draws = torch.Generator()
        self._codes: list[Tensor] = []  # of both views of the held-out faces, (2, B, D) a batch

    def begin_published(self) -> None:
        """Take the ImageNet weights that the recipe names; the last layer stays new.

        Raises:
            InputError: the file cannot be read, or its weights are not those of the form.
        """
        config, spec = self.recipe.network, self.specification
        assert config.weights is not None
        state = load_published(config.weights, self.network.lower)
        middle = spec.mean if spec.channels == 3 else spec.mean * 3
        self.network.take(matched(state, config.colours, config.mean, middle), 255 * spec.std[0])

    def on_train_epoch_start(self) -> None:
        """Seed this epoch's windows and dropout, so that a resumed run draws what the unbroken one would."""
        seed = self.recipe.run.seed * 100_003 + self.current_epoch
        self._draws.manual_seed(seed)
        torch.manual_seed(seed)

    def normalise(self, images: Tensor) -> Tensor:
        """Return (images - mean) / std for images in 0-1, at the size of the crops."""
        return (self._sized(images) - self.mean) / self.std

    def training_step(self, batch: dict[str, Any], index: int) -> Tensor:
        """Log and return the loss of a batch."""
        del index
        loss = self.loss(batch, 0.0)
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch["pixels"]))
        return loss

    def loss(self, batch: dict[str, Any], progress: float) -> Tensor:
        """Augment, cut windows out, and sum what the heads err, or compare views; it is the same at any `progress`."""
        del progress
        if self.projector is not None:
            first, second = self._projected(batch["pixels"], self._draws)
            return redundancy_loss(first, second, self.config.views.redundancy)
        raw = self.network(self._seen(batch["pixels"], self._draws)).heads
        return torch.stack([soft_cross_entropy(raw[name], target) for name, target in batch["target"].items()]).sum()

    def _projected(self, pixels: Tensor, draws: torch.Generator) -> Tensor:
        """Return codes of two views of each face: (B, C, S, S) uint8 -> (2, B, D)."""
        assert self.projector is not None
        codes = self.projector(self.network.features(self._seen(pixels.repeat(2, 1, 1, 1), draws)))
        return codes.unflatten(0, (2, -1))

    def _seen(self, pixels: Tensor, draws: torch.Generator) -> Tensor:
        """Return what the network sees of crops (B, C, S, S) uint8 in training: normalised windows, altered."""
        images = self._sized(pixels.float() / 255)
        images = augment(images, sample(self.recipe.data.augmentation, images.shape, draws))
        return (self._windows(images, draws) - self.mean) / self.std

    def _sized(self, images: Tensor) -> Tensor:
        side = self.specification.size
        if images.shape[-1] == side:
            return images
        return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)

    def _windows(self, images: Tensor, draws: torch.Generator) -> Tensor:
        side = self.network.side
        corners = torch.randint(images.shape[-1] - side + 1, (len(images), 2), generator=draws)
        return window(images, corners, side)

    def validation_step(self, batch: dict[str, Any], index: int) -> None:
        """Log accuracy and negative log-likelihood over the faces with a clear label.

        Those of further heads carry their names. Views are the same in every epoch, and kept for its end.
        """
        if self.projector is not None:
            draws = torch.Generator().manual_seed(self.recipe.run.seed * 100_003 + index)
            self._codes.append(self._projected(batch["pixels"], draws))
            return
        answer = self.network(self.normalise(batch["pixels"].float() / 255)).heads
        for name, labels in batch["label"].items():
            clear, suffix = labels >= 0, "" if name == EXPRESSION else f"_{name}"
            if not clear.any():
                continue
            raw, label, count = answer[name][clear].float(), labels[clear], int(clear.sum())
            accuracy = (raw.argmax(dim=1) == label).float().mean()
            self.log(f"val_accuracy{suffix}", accuracy, prog_bar=True, batch_size=count)
            self.log(f"val_nll{suffix}", F.cross_entropy(raw, label), prog_bar=True, batch_size=count)

    def on_validation_epoch_end(self) -> None:
        """Log the loss over two views of all held-out faces at once; correlations are none of small batches."""
        if self._codes:
            first, second = torch.cat(self._codes, dim=1)
            self.log("val_loss", redundancy_loss(first, second, self.config.views.redundancy), prog_bar=True)
            self._codes.clear()

    def configure_optimizers(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return SGD with the schedule, stepped per batch; a new last layer learns at a rate of its own."""
        rule = torch.optim.SGD(self._groups(), self.config.learning_rate, self.config.momentum)
        total = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(rule, lambda step: self._factor(step / total))
        return {"optimizer": rule, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _factor(self, progress: float) -> float:
        """Return the factor on the rate at some progress of the course (0-1)."""
        parts = self.config.parts
        return in_parts(progress, parts) if parts else one_cycle(progress, WARMUP)

    def _groups(self) -> list[dict[str, Any]]:
        """Return parameters by rate and decay."""
        new = self.recipe.run.start is None or self.recipe.run.renew
        rates = {"network.lower": 1.0, "network.upper": self.config.anew if new else 1.0}
        if not self.taught:
            rates = {"network.lower": 1.0, "projector": 1.0}
        groups = []
        for name, factor in rates.items():
            parameters = list(self.get_submodule(name).parameters())
            for decay, some in (
                (self.config.weight_decay, [one for one in parameters if one.ndim > 1]),
                (0.0, [one for one in parameters if one.ndim <= 1]),
            ):
                groups.append({"params": some, "lr": factor * self.config.learning_rate, "weight_decay": decay})
        return groups
