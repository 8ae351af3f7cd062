"""What the family learns: which words a face stands beside, from augmented and perhaps blended faces."""

from __future__ import annotations

from typing import Any

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kaoiro.core.labels import EXPRESSION, UNITS_HEAD
from kaoiro.core.spec import Specification
from kaoiro.data.transforms import augment, sample
from kaoiro.families.language_contrast.losses import adjusted, contrastive, tied
from kaoiro.families.language_contrast.network import Network, Words
from kaoiro.families.language_contrast.recipe import Recipe
from kaoiro.families.language_contrast.sentences import drawn, longest_of, truths, worded
from kaoiro.nn.clip import limit_scale
from kaoiro.nn.losses import mix, soft_cross_entropy
from kaoiro.nn.schedule import one_cycle

_MOMENTUM = 0.99  # of the shares of classes, for logit adjustment


class Objective(L.LightningModule):
    """The contrastive loss on both axes, or cross-entropy for comparison, with a one-cycle schedule.

    Batches are dictionaries: `pixels` (B, 1, H, W) uint8, and by head `target` (B, K) distributions, `label` (B,) int64
    with -1 where there is none. `target` may hold action units (B, U) that no head answers: sentences are tied to them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, specification: Specification) -> None:
        super().__init__()
        self.recipe, self.config = recipe, recipe.objective
        self.network = Network(recipe.network, specification)
        shape = (1, specification.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(specification.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(specification.std).reshape(shape), persistent=False)
        self.labels = {head.name: head.labels for head in specification.heads}
        for name, labels in self.labels.items():
            self.register_buffer(f"prior_{name}", torch.full((len(labels),), 1 / len(labels)))
        self._learned = {name: _learned(labels, recipe.data.unseen) for name, labels in self.labels.items()}
        if self.config.tied:
            self._check_sentences()
        self._draws = torch.Generator()
        self._rng = np.random.default_rng()

    def on_train_epoch_start(self) -> None:
        """Seed this epoch's augmentation, prompts and dropout: a resumed run draws what the unbroken one would."""
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
        """Augment, blend, and sum what heads and sentences err; `progress` (0–1) is the share of the epochs done."""
        images = batch["pixels"].float() / 255
        images = augment(images, sample(self.recipe.data.augmentation, images.shape, self._draws))
        images = self._resized(images, progress)
        images, targets = self._mixed(images, self._targets(batch["target"]), batch["label"], progress)
        units = targets.pop(UNITS_HEAD, None)
        answer = self.network(self.normalise(images))
        losses = [self._head_loss(name, answer.heads[name], target) for name, target in targets.items()]
        if self.config.tied and units is not None:
            losses.append(self.config.tied * self._tied(answer.features, units))
        return torch.stack(losses).sum()

    def _targets(self, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        if not self.config.hard:
            return dict(targets)
        return {name: target if name == UNITS_HEAD else _hardened(target) for name, target in targets.items()}

    def _check_sentences(self) -> None:
        """Refuse sentences that the text tower cannot read.

        Raises:
            InputError: one is too long.
        """
        words = self.network.upper
        assert isinstance(words, Words)
        words.tokenizer.encode(longest_of(self.recipe.network.text.language, self.config.longest, words.tokenizer))

    def _tied(self, places: Tensor, units: Tensor) -> Tensor:
        """Compare faces (B, E) with sentences on what they show (B, U)."""
        words, config = self.network.upper, self.config
        assert isinstance(words, Words)
        named = drawn(units.cpu().numpy(), config.sentences, config.longest, self._rng)
        texts = words.said(worded(named, self.recipe.network.text.language, self._rng))
        with torch.autocast(places.device.type, enabled=False):
            return tied(words.scale * places.float() @ texts.float().T, truths(units, named))

    def _head_loss(self, name: str, raw: Tensor, target: Tensor) -> Tensor:
        learned = self._learned[name]
        if learned is not None:  # texts of unseen classes stand on neither axis
            raw, target = raw[:, learned], target[:, learned]
        if self.config.adjust:
            raw = adjusted(raw, self._prior(name, target, learned), self.config.adjust)
        if self.config.axes == "images":
            return soft_cross_entropy(raw, target)
        return contrastive(raw, target, printed=self.config.axes == "printed")

    def _prior(self, name: str, target: Tensor, learned: list[int] | None) -> Tensor:
        """Return the shares of the classes in the batches so far, of those that are learned."""
        prior, known = self.get_buffer(f"prior_{name}"), target[~torch.isnan(target).any(dim=1)]
        places = slice(None) if learned is None else learned
        if self.training and len(known):
            with torch.no_grad():
                prior[places] = torch.lerp(prior[places], known.mean(dim=0), 1 - _MOMENTUM)
        return prior[places]

    @property
    def progress(self) -> float:
        """Share of the epochs done, 0–1."""
        return self.current_epoch / max(1, self.trainer.max_epochs or 1)

    def _resized(self, images: Tensor, progress: float) -> Tensor:
        if progress >= self.config.small_until:
            return images
        side = self.config.small_size
        return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)

    def _mixed(
        self, images: Tensor, targets: dict[str, Tensor], labels: dict[str, Tensor], progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if not self.config.mixup or progress >= self.config.mixup_until:
            return images, targets
        weight = float(self._rng.beta(self.config.mixup, self.config.mixup))
        order = self._order(labels[EXPRESSION]).to(images.device)
        return mix(images, weight, order), {name: mix(target, weight, order) for name, target in targets.items()}

    def _order(self, labels: Tensor) -> Tensor:
        """Return with which other face of the batch each is blended; those outside `mixup_among` stay as they are."""
        count = len(labels)
        if not self.config.mixup_among:
            return torch.from_numpy(self._rng.permutation(count))
        among = [self.labels[EXPRESSION].index(name) for name in self.config.mixup_among]
        chosen = np.flatnonzero(np.isin(labels.cpu().numpy(), among))
        order = np.arange(count)
        order[chosen] = self._rng.permutation(chosen)
        return torch.from_numpy(order)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Hold the scale of cosines below its limit."""
        del outputs, batch, batch_idx
        if isinstance(self.network.upper, Words):
            limit_scale(self.network.upper.logit_scale)

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
        """Return the optimiser with its schedule, stepped per batch; pretrained towers learn more slowly."""
        config, groups = self.config, _groups(self.network, self.config, self.recipe.network.clip is not None)
        if config.optimizer == "adamw":
            optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, config.learning_rate)
        else:
            optimizer = torch.optim.SGD(groups, config.learning_rate, config.momentum, nesterov=True)
        total = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / total, config.warmup))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _groups(network: Network, config: Any, pretrained: bool) -> list[dict[str, Any]]:
    """Return the parameters that learn, by rate and decay."""
    found: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            slow = pretrained and (name.startswith("lower.") or ".text." in name)
            found.setdefault((slow, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": config.learning_rate * (config.slow if slow else 1.0),
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (slow, decayed), parameters in found.items()
    ]


def _learned(labels: tuple[str, ...], unseen: tuple[str, ...]) -> list[int] | None:
    """Return the places of the classes that are learned; None for all of them."""
    found = [place for place, label in enumerate(labels) if label not in unseen]
    return None if len(found) == len(labels) else found


def _hardened(target: Tensor) -> Tensor:
    """Return 1 for the likeliest class of each row; rows without a label stay so."""
    return torch.where(torch.isnan(target), target, F.one_hot(target.argmax(dim=1), target.shape[1]).to(target.dtype))
