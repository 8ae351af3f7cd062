"""What the family learns: the labels of each head, from augmented and blended faces."""

from __future__ import annotations

from typing import Any

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kaoiro.core.labels import EXPRESSION
from kaoiro.core.spec import Specification
from kaoiro.data.transforms import augment, sample
from kaoiro.families.residual_attention.network import Network
from kaoiro.families.residual_attention.recipe import Recipe
from kaoiro.nn.losses import mix, soft_cross_entropy
from kaoiro.nn.schedule import in_steps, one_cycle


class Objective(L.LightningModule):
    """Soft-label cross-entropy with mixup, Nesterov momentum and a one-cycle schedule.

    Batches are dictionaries: `pixels` (B, 1, H, W) uint8, and by head `target` (B, K) distributions, `label` (B,) int64
    with -1 where there is none.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, specification: Specification) -> None:
        super().__init__()
        self.recipe, self.config = recipe, recipe.objective
        heads = {head.name: len(head.labels) for head in specification.heads}
        self.network = Network(recipe.network, specification.channels, heads)
        shape = (1, specification.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(specification.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(specification.std).reshape(shape), persistent=False)
        self._draws = torch.Generator()
        self._rng = np.random.default_rng()

    def on_train_epoch_start(self) -> None:
        """Seed this epoch's augmentation and dropout, so that a resumed run draws what the unbroken one would."""
        seed = self.recipe.run.seed * 100_003 + self.current_epoch
        self._draws.manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        torch.manual_seed(seed)

    def normalise(self, images: Tensor) -> Tensor:
        """Return (images - mean) / std for images in 0–1."""
        return (images - self.mean) / self.std

    def training_step(self, batch: dict[str, Any], index: int) -> Tensor:
        """Log and return the loss of a batch at this point of the schedule."""
        del index
        loss = self.loss(batch, self.progress)
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch["pixels"]))
        return loss

    def loss(self, batch: dict[str, Any], progress: float) -> Tensor:
        """Augment, blend, and sum what the heads err; `progress` (0–1) is the share of the epochs done."""
        images = batch["pixels"].float() / 255
        images = augment(images, sample(self.recipe.data.augmentation, images.shape, self._draws))
        images, targets = self._mixed(self._resized(images, progress), batch["target"], progress)
        raw = self.network(self.normalise(images)).heads
        return torch.stack([soft_cross_entropy(raw[name], target) for name, target in targets.items()]).sum()

    @property
    def progress(self) -> float:
        """Share of the epochs done, 0–1."""
        return self.current_epoch / max(1, self.trainer.max_epochs or 1)

    def _rate(self, progress: float) -> float:
        """Return the factor on the peak rate at a share of the steps."""
        return one_cycle(progress, self.config.warmup) if self.config.schedule == "one-cycle" else in_steps(progress)

    def _resized(self, images: Tensor, progress: float) -> Tensor:
        if progress >= self.config.small_until:
            return images
        side = self.config.small_size
        return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)

    def _mixed(self, images: Tensor, targets: dict[str, Tensor], progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        if not self.config.mixup or progress >= self.config.mixup_until:
            return images, targets
        weight = float(self._rng.beta(self.config.mixup, self.config.mixup))
        order = torch.from_numpy(self._rng.permutation(len(images))).to(images.device)
        return mix(images, weight, order), {name: mix(target, weight, order) for name, target in targets.items()}

    def validation_step(self, batch: dict[str, Any], index: int) -> None:
        """Log accuracy and negative log-likelihood over the faces with a clear label, at the size in training.

        Those of further heads carry their names.
        """
        del index
        images = self._resized(batch["pixels"].float() / 255, self.progress)
        answer = self.network(self.normalise(images)).heads
        for name, labels in batch["label"].items():
            clear, suffix = labels >= 0, "" if name == EXPRESSION else f"_{name}"
            if not clear.any():
                continue
            raw, label, count = answer[name][clear].float(), labels[clear], int(clear.sum())
            accuracy = (raw.argmax(dim=1) == label).float().mean()
            self.log(f"val_accuracy{suffix}", accuracy, prog_bar=True, batch_size=count)
            self.log(f"val_nll{suffix}", F.cross_entropy(raw, label), prog_bar=True, batch_size=count)

    def configure_optimizers(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return Nesterov SGD with the schedule, stepped per batch."""
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": self.config.weight_decay}, {"params": plain, "weight_decay": 0}]
        optimizer = torch.optim.SGD(groups, self.config.learning_rate, self.config.momentum, nesterov=True)
        total = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self._rate(step / total))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
