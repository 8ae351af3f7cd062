"""What the family learns: each head from the faces that carry its label, and from what labels say of each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, SPREAD_HEAD, UNITS_HEAD
from kaoiro.core.spec import Specification
from kaoiro.data.transforms import augment, sample
from kaoiro.families.multitask_affect import coupling
from kaoiro.families.multitask_affect.network import Network
from kaoiro.families.multitask_affect.recipe import Recipe
from kaoiro.nn.losses import concordance_loss, labelled, mix, presence_loss, soft_cross_entropy, squared_loss
from kaoiro.nn.schedule import one_cycle

LOWEST_SPREAD = -4.0
"""Logarithm of the smallest standard deviation that the likelihood may ask for."""


class Objective(L.LightningModule):
    """Masked losses over partly labelled faces of several domains.

    Batches are dictionaries: `pixels` (B, C, H, W) uint8; by head `target` (B, K), rows of NaN where a face carries no
    label, and `label` (B,) int64 with -1; optionally `domain` (B,) int64, 0 for the faces that the model is for.
    """

    mean: Tensor
    std: Tensor
    affect_table: Tensor
    unit_table: Tensor

    def __init__(self, recipe: Recipe, specification: Specification) -> None:
        super().__init__()
        self.recipe, self.config, self.specification = recipe, recipe.objective, specification
        heads = {head.name: len(head.labels) for head in specification.heads}
        self.network = Network(recipe.network, specification.channels, heads)
        shape = (1, specification.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(specification.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(specification.std).reshape(shape), persistent=False)
        self._tables()
        self._draws = torch.Generator()
        self._rng = np.random.default_rng()
        self._seen: list[dict[str, Tensor]] = []

    def _tables(self) -> None:
        """Lay down what expressions say of the other heads."""
        heads = {head.name: head.labels for head in self.specification.heads}
        expressions = heads.get(EXPRESSION, ())
        self.register_buffer("affect_table", coupling.affect_table(expressions), persistent=False)
        units = coupling.unit_table(expressions, heads.get(UNITS_HEAD, ()))
        self.register_buffer("unit_table", units, persistent=False)

    def on_train_epoch_start(self) -> None:
        """Seed this epoch's augmentation and dropout, so that a resumed run draws what the unbroken one would."""
        seed = self.recipe.run.seed * 100_003 + self.current_epoch
        self._draws.manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        torch.manual_seed(seed)

    def normalise(self, images: Tensor) -> Tensor:
        """Return (images - mean) / std for images in 0-1, at the size and channels that the network wants."""
        side = self.specification.size
        if images.shape[-1] != side:
            images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
        return (images - self.mean) / self.std

    def training_step(self, batch: dict[str, Any], index: int) -> Tensor:
        """Log and return the loss of a batch at this point of the schedule."""
        del index
        terms = self.terms(batch, self.current_epoch / max(1, self.trainer.max_epochs or 1))
        loss = torch.stack(list(terms.values())).sum()
        shown = {"loss": loss, **{f"loss_{name}": value for name, value in terms.items()}}
        self.log_dict(shown, on_step=False, on_epoch=True, batch_size=len(batch["pixels"]))
        return loss

    def loss(self, batch: dict[str, Any], progress: float) -> Tensor:
        """Return the sum of the terms; `progress` (0-1) is the share of the epochs done."""
        return torch.stack(list(self.terms(batch, progress).values())).sum()

    def terms(self, batch: dict[str, Any], progress: float) -> dict[str, Tensor]:
        """Augment, blend, and return the weighted losses by name."""
        images, targets = batch["pixels"].float() / 255, batch["target"]
        domain = batch.get("domain", torch.zeros(len(images), dtype=torch.long))
        images = augment(images, sample(self.recipe.data.augmentation, images.shape, self._draws))
        if self.config.mixup and progress < self.config.mixup_until:
            images, targets = self._mixed(images, targets, domain)
        raw = self._answers(self.normalise(images), domain)
        return {**self._labelled(raw, targets), **self._coupled(raw, targets)}

    def _mixed(self, images: Tensor, targets: dict[str, Tensor], domain: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Blend faces with others of the same domain, for other domains carry other labels."""
        weight = float(self._rng.beta(self.config.mixup, self.config.mixup))
        order = torch.empty_like(domain)
        for one in domain.unique():
            rows = torch.nonzero(domain == one).flatten()
            order[rows] = rows[torch.from_numpy(self._rng.permutation(len(rows))).to(rows.device)]
        return mix(images, weight, order), {name: mix(target, weight, order) for name, target in targets.items()}

    def _answers(self, images: Tensor, domain: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by head, each domain normalised by itself where the recipe says so."""
        if not self.config.own_statistics or not domain.any():
            return self.network(images).heads
        own, others = torch.nonzero(domain == 0).flatten(), torch.nonzero(domain).flatten()
        first = self.network(images[own]).heads
        with _unmoved(self.network):
            second = self.network(images[others]).heads
        back = torch.cat([own, others]).argsort()
        return {name: torch.cat([first[name], second[name]])[back] for name in first}

    def _labelled(self, raw: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        config, terms = self.config, {}
        for name in raw:
            if name.startswith(EXPRESSION):
                terms[name] = config.beta * soft_cross_entropy(raw[name], targets[name])
        if UNITS_HEAD in raw:
            terms[UNITS_HEAD] = (
                config.beta * config.units * presence_loss(raw[UNITS_HEAD], targets[UNITS_HEAD], config.rare)
            )
        if AFFECT_HEAD in raw:
            answer = raw[AFFECT_HEAD].tanh()
            loss = concordance_loss if config.affect_loss == "ccc" else squared_loss
            terms[AFFECT_HEAD] = config.alpha * loss(answer, targets[AFFECT_HEAD])
            if SPREAD_HEAD in raw:
                likelihood = spread_loss(raw[SPREAD_HEAD], answer.detach(), targets[AFFECT_HEAD])
                terms[SPREAD_HEAD] = config.spread * likelihood
        return terms

    def _coupled(self, raw: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what faces with an expression and no other label are told of these."""
        config, terms = self.config, {}
        if EXPRESSION not in targets:
            return terms
        shares = targets[EXPRESSION]
        if UNITS_HEAD in raw and (config.coupled_units or config.coupled_faces):
            rows = ~shares.isnan().any(dim=1) & targets[UNITS_HEAD].isnan().any(dim=1)
            told, units = shares[rows], raw[UNITS_HEAD][rows].float()
            groups = coupling.group_loss(units.sigmoid(), told, self.unit_table)
            faces = coupling.face_loss(units, told, self.unit_table)
            terms["coupled_units"] = config.coupled_units * groups + config.coupled_faces * faces
        if AFFECT_HEAD in raw and config.coupled_affect:
            rows = ~shares.isnan().any(dim=1) & targets[AFFECT_HEAD].isnan().any(dim=1)
            answer = raw[AFFECT_HEAD][rows].float().tanh()
            terms["coupled_affect"] = config.coupled_affect * squared_loss(answer, shares[rows] @ self.affect_table)
        return terms

    def validation_step(self, batch: dict[str, Any], index: int) -> None:
        """Keep the answers; figures over batches would not be those over all faces."""
        del index
        raw = self.network(self.normalise(batch["pixels"].float() / 255)).heads
        kept = {f"raw {name}": value.float().cpu() for name, value in raw.items()}
        kept |= {f"target {name}": value.cpu() for name, value in batch["target"].items()}
        self._seen.append(kept | {f"label {name}": value.cpu() for name, value in batch["label"].items()})

    def on_validation_epoch_end(self) -> None:
        """Log accuracy of clear expressions, CCC of valence and arousal, and the mean CCC of action units."""
        seen = {key: torch.cat([part[key] for part in self._seen]) for key in self._seen[0]}
        self._seen = []
        for name in (head.name for head in self.specification.heads):
            raw, suffix = seen[f"raw {name}"], name.removeprefix(EXPRESSION)
            if name.startswith(EXPRESSION):
                label = seen[f"label {name}"]
                clear = label >= 0
                if clear.any():
                    self.log(f"val_accuracy{suffix}", (raw[clear].argmax(dim=1) == label[clear]).float().mean())
                    self.log(f"val_nll{suffix}", F.cross_entropy(raw[clear], label[clear]))
            elif name in (AFFECT_HEAD, UNITS_HEAD):
                answer = raw.tanh() if name == AFFECT_HEAD else raw.sigmoid()
                self.log(f"val_ccc_{name}", 1 - concordance_loss(answer, seen[f"target {name}"]))

    def configure_optimizers(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return Nesterov SGD or Adam with the schedule, stepped per batch."""
        config = self.config
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0}]
        if config.optimizer == "sgd":
            optimizer: torch.optim.Optimizer = torch.optim.SGD(
                groups, config.learning_rate, config.momentum, nesterov=True
            )
        else:
            optimizer = torch.optim.Adam(groups, config.learning_rate)
        total = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / total, config.warmup))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def spread_loss(raw: Tensor, answer: Tensor, target: Tensor) -> Tensor:
    """Return the negative Gaussian log-likelihood of the errors, mean over labelled rows and columns.

    Args:
        raw: (B, 2) logarithms of the standard deviations.
        answer: (B, 2), no gradient is wanted of it here.
        target: (B, 2); rows with NaN carry no label.
    """
    raw, known = labelled(raw, target)
    answer, _ = labelled(answer, target)
    if not len(known):
        return raw.sum() * 0.0
    raw = raw.clamp(min=LOWEST_SPREAD)
    return (raw + 0.5 * ((known - answer) / raw.exp()).square()).mean()


@contextmanager
def _unmoved(network: nn.Module) -> Iterator[None]:
    """Leave the running statistics as they are: batches within are normalised by themselves alone."""
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    kept = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, kept, strict=True):
            layer.momentum = momentum
