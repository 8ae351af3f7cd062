"""Train the generator and the discriminator against each other, or the discriminator alone as a control.

Source:  SPEC 5.4 after Kollias and Zafeiriou, arXiv 1811.07771; losses of Goodfellow et al., "Generative Adversarial
         Nets", NIPS 2014 (non-saturating form); feature matching of Salimans et al., "Improved Techniques for Training
         GANs", NIPS 2016; the task of the discriminator's heads for generated faces as in Odena et al., "Conditional
         Image Synthesis with Auxiliary Classifier GANs", ICML 2017; R1 of Mescheder et al., "Which Training Methods
         for GANs do actually Converge?", ICML 2018.
Changed: the generator and the discriminator that are kept are averages over the steps.
"""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.condition import CONDITION, PARTS, columns
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.files import replacing, writing
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.families.multitask_affect.generation import AdversarialConfig
from kaoiro.families.multitask_affect.generator import Discriminator, Generator, Judgement, activated
from kaoiro.families.multitask_affect.pool import Pool, conditions, typical
from kaoiro.nn.losses import concordance_loss, presence_loss, soft_cross_entropy, squared_loss

CHECKPOINT = "last.pt"
FLAT, NEVER_WRONG = 0.15, 0.99
"""Below this share of the real faces' variation, and above this share of right judgements, training has collapsed."""
_LOOKED_AT = 128
"""Faces by which variation is measured."""


@dataclass(frozen=True)
class Batch:
    """What a step sees.

    Attributes:
        real: (B, C, H, W) in -1 to 1, any faces.
        told: (B, C, H, W), faces with labels; the same object as `real` where all faces carry the same labels.
        target: by head (B, K), of `told`; NaN where a face carries no label.
        noise: (B, noise).
        condition: (B, 17), or None.
    """

    real: Tensor
    told: Tensor
    target: dict[str, Tensor]
    noise: Tensor
    condition: Tensor | None


class Adversarial:
    """A generator and a discriminator.

    Attributes:
        generator, discriminator: being trained.
        averaged: generator and discriminator that are kept.
        typical: (7, 17) what a condition is for each expression; empty where the generator is unconditional.
        history: figures of every epoch.
        stopped: why training ended early, or None.

    Raises:
        InputError: a setting that cannot be.
    """

    def __init__(self, config: AdversarialConfig, channels: int = 1) -> None:
        config.check()
        self.config, self.channels = config, channels
        torch.manual_seed(config.seed)
        self.discriminator = Discriminator(config.discriminator, channels, config.generator.side)
        self.generator = Generator(config.generator, channels)
        for network in (self.discriminator, self.generator):
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.averaged = nn.ModuleDict(
            {"generator": copy.deepcopy(self.generator), "discriminator": copy.deepcopy(self.discriminator)}
        ).requires_grad_(False)
        betas = (config.momentum, 0.999)
        self._optimizers = {
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), config.learning_rate, betas),
            "generator": torch.optim.Adam(self.generator.parameters(), config.learning_rate, betas),
        }
        self.typical = np.zeros((0, len(CONDITION)), np.float32)
        self.history: list[dict[str, float]] = []
        self.stopped: str | None = None
        self._steps = 0

    def supervised(self, raw: dict[str, Tensor], target: dict[str, Tensor]) -> Tensor:
        """Return α L_affect + β (L_expression + L_units) over the labelled rows (SPEC 5.3)."""
        config = self.config
        apart = concordance_loss if config.affect_loss == "ccc" else squared_loss
        affect = apart(raw[AFFECT_HEAD].tanh(), target[AFFECT_HEAD])
        classes = soft_cross_entropy(raw[EXPRESSION], target[EXPRESSION])
        units = presence_loss(raw[UNITS_HEAD], target[UNITS_HEAD], config.rare)
        return config.alpha * affect + config.beta * (classes + units)

    def discriminator_step(self, batch: Batch, made: Tensor | None) -> dict[str, float]:
        """Change the discriminator: L_D = -log D(x) - log(1 - D(G(z))) + L, and now and then the R1 penalty.

        Args:
            batch: what is seen.
            made: (B, C, H, W) generated faces; None learns by the supervised losses alone.
        """
        pictures = [batch.told] if made is None or batch.real is batch.told else [batch.told, batch.real]
        judged = self.discriminator(torch.cat([*pictures, *([] if made is None else [made.detach()])]))
        count = len(batch.told)
        told = self.supervised({name: raw[:count] for name, raw in judged.heads.items()}, batch.target)
        if made is None:
            self._change("discriminator", told)
            return {"supervised": float(told.detach())}
        fake, real = judged.real[-len(made) :], judged.real[: -len(made)][-len(batch.real) :]
        against = F.softplus(-real).mean() + F.softplus(fake).mean()
        self._change("discriminator", told + against + self._penalty(batch.real))
        right = (float((real > 0).float().mean()) + float((fake < 0).float().mean())) / 2
        return {"supervised": float(told.detach()), "discriminator": float(against.detach()), "right": right}

    def _penalty(self, real: Tensor) -> Tensor | float:
        """Return γ/2 ‖∇ D(x)‖² every few steps, as much heavier as it is rarer."""
        config = self.config
        if not config.penalty or self._steps % config.penalty_every:
            return 0.0
        seen = real.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.discriminator(seen).real.sum(), seen, create_graph=True)
        return config.penalty_every * config.penalty / 2 * slope.square().sum(dim=(1, 2, 3)).mean()

    def generator_step(self, batch: Batch, made: Tensor) -> dict[str, float]:
        """Change the generator: L_G = -log D(G(z)) + λ_fm ‖E f(x) - E f(G(z))‖² + λ_c L(G(z, c), c).

        Args:
            batch: what is seen.
            made: (B, C, H, W) generated faces that remember how.
        """
        config = self.config
        with torch.no_grad():
            usual = self.discriminator(batch.real).features.mean(dim=0)
        self.discriminator.requires_grad_(False)
        judged: Judgement = self.discriminator(made)
        terms = {
            "generator": F.softplus(-judged.real).mean(),
            "matching": config.matching * (judged.features.mean(dim=0) - usual).square().sum(),
        }
        if batch.condition is not None:
            wished = {name: batch.condition[:, place] for name, place in columns().items()}
            terms["condition"] = config.condition * self.supervised(judged.heads, wished)
        self._change("generator", torch.stack(list(terms.values())).sum())
        self.discriminator.requires_grad_(True)
        return {name: float(value.detach()) for name, value in terms.items()}

    def _change(self, name: str, loss: Tensor) -> None:
        """Step one network down its loss, its gradient clipped."""
        if not math.isfinite(float(loss.detach())):
            raise InputError(f"the loss of the {name} is no number at step {self._steps}: lower the learning rate")
        optimizer, network = self._optimizers[name], getattr(self, name)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), self.config.clip)
        optimizer.step()

    def step(self, batch: Batch) -> dict[str, float]:
        """Change both networks by one batch, and their averages; return the losses."""
        if not self.config.adversarial:
            found = self.discriminator_step(batch, None)
        else:
            made = self.generator(batch.noise, batch.condition)
            found = self.discriminator_step(batch, made) | self.generator_step(batch, made)
        self._steps += 1
        self._average()
        return found

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averages towards the networks: soon after the start they follow closely."""
        share = 1 - min(self.config.ema, (1 + self._steps) / (10 + self._steps))
        for name, network in self.averaged.items():
            now = getattr(self, name)
            for kept, value in zip(network.parameters(), now.parameters(), strict=True):
                kept.lerp_(value, share)
            for kept, value in zip(network.buffers(), now.buffers(), strict=True):
                kept.copy_(value)

    def fit(
        self,
        faces: Faces,
        folder: Path | None = None,
        tick: Callable[[str], None] = print,
        show: Callable[[Adversarial, int], None] | None = None,
    ) -> Adversarial:
        """Train, or go on with what `folder` holds, also with more steps than it was begun with; returns itself.

        Args:
            faces: (N, side, side) uint8 or (N, side, side, 3) with targets 'affect' (N, 2), 'expression' (N, 7) and
                'units' (N, 8), rows of NaN where a face carries no label.
            folder: of last.pt, which is written after every epoch.
            tick: told of every epoch.
            show: called after every epoch with this object and the number of epochs done, for instance to draw samples.

        Raises:
            DataError: faces of another size or without labels, or a checkpoint of another training.
            InputError: the losses are no numbers any more.
        """
        config, run = self.config, _Run(self.config, faces, self.channels)
        self.typical = typical(run.conditions) if run.conditions is not None else self.typical
        file = None if folder is None else folder / CHECKPOINT
        first = self._resume(file, run.identity)
        for epoch in range(first, config.epochs):
            torch.manual_seed(config.seed * 100_003 + epoch)
            self.discriminator.train()
            steps = min(config.epoch, config.steps - epoch * config.epoch)
            losses = [self.step(batch) for batch in run.batches(epoch, steps)]
            figures = {name: float(np.mean([one[name] for one in losses])) for name in losses[0]}
            self.history.append(figures | (self._watch(run) if config.adversarial else {}))
            tick(_line(epoch, config.epochs, self.history[-1]))
            self._judge(tick)
            if file is not None:
                self._store(file, run.identity)
            if show is not None:
                show(self, epoch + 1)
            if self.stopped:
                break
        return self

    def _watch(self, run: _Run) -> dict[str, float]:
        """Return how much generated faces vary, and how much they do where all have one condition, of the real 1."""
        real = run.faces.pixels[:: max(1, len(run.faces) // _LOOKED_AT)][:_LOOKED_AT]
        usual = real.astype(np.float32).std(axis=0).mean()
        found, count = {}, len(real)
        if run.conditions is not None:
            rows = np.linspace(0, len(run.conditions) - 1, count).astype(int)
            wished = {"variation": run.conditions[rows], "people": np.repeat(self.typical[-1:], count, axis=0)}
        else:
            wished = {"variation": None}
        for name, condition in wished.items():
            made = self.generate(condition, self.config.seed, count)
            found[name] = float(made.astype(np.float32).std(axis=0).mean() / max(usual, 1e-6))
        return found

    def _judge(self, tick: Callable[[str], None]) -> None:
        """Say that training has collapsed, and stop it where the settings want that."""
        recent = self.history[-self.config.patience :]
        if len(recent) < self.config.patience or not self.config.adversarial:
            return
        why = None
        if all(min(one["variation"], one.get("people", 1.0)) < FLAT for one in recent):
            why = f"generated faces vary less than {FLAT:.0%} of the real ones"
        elif all(one["right"] > NEVER_WRONG for one in recent):
            why = f"the discriminator is right in more than {NEVER_WRONG:.0%}"
        if why is not None:
            why += f" for {self.config.patience} epochs: collapsed; try a higher penalty or another seed"
            tick(f"warning: {why}")
            self.stopped = why if self.config.collapse == "stop" else None

    def _state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in ("generator", "discriminator", "averaged")}
        parts["optimizers"] = {name: one.state_dict() for name, one in self._optimizers.items()}
        return parts | {"steps": self._steps, "history": self.history, "stopped": self.stopped}

    def _store(self, file: Path, identity: str) -> None:
        with replacing(file) as partial, writing(file):
            torch.save({"of": identity, **self._state()}, partial)

    def _resume(self, file: Path | None, identity: str) -> int:
        """Return the epochs that are done."""
        if file is None or not file.is_file():
            return 0
        remedy = "name another folder, or remove it to begin anew"
        try:
            state = torch.load(file, weights_only=True)
            if state["of"] == identity:
                self.load(state)
                return self.config.epochs if self.stopped else len(self.history)
        except (OSError, RuntimeError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError) as error:
            raise DataError(f"{file} is no checkpoint of this training; {remedy}") from error
        raise DataError(f"{file} is of a training with other settings or faces; {remedy}")

    def load(self, state: dict[str, Any]) -> None:
        """Take the weights and the place in the training from a checkpoint's content."""
        for name in ("generator", "discriminator", "averaged"):
            getattr(self, name).load_state_dict(state[name])
        for name, one in self._optimizers.items():
            one.load_state_dict(state["optimizers"][name])
        self._steps, self.history, self.stopped = state["steps"], state["history"], state["stopped"]

    @torch.no_grad()
    def answer(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the averaged discriminator says of faces.

        Args:
            pixels: (N, side, side) or (N, side, side, 3) uint8.

        Returns:
            'affect' (N, 2) valence and arousal in -1 to 1, 'expression' (N, 7) shares, 'units' (N, 8) probabilities.
        """
        network, parts = self.averaged["discriminator"].eval(), []
        for start in range(0, len(pixels), 256):
            parts.append(activated(network(pictures(pixels[start : start + 256])).heads))
        return {name: torch.cat([part[name] for part in parts]).numpy() for name in PARTS}

    @torch.no_grad()
    def generate(self, condition: np.ndarray | None, seed: int, count: int | None = None) -> np.ndarray:
        """Return faces of the averaged generator: (count, side, side) or (count, side, side, 3) uint8.

        Args:
            condition: (count, 17), or None where the generator is unconditional.
            seed: of the noise; the same rows of noise are the same people.
            count: of faces; None takes as many as there are conditions.
        """
        count = count if count is not None else len(condition if condition is not None else ())
        noise = np.random.default_rng(seed).standard_normal((count, self.config.generator.noise), np.float32)
        network, parts = self.averaged["generator"].eval(), []
        for start in range(0, count, 256):
            rows = slice(start, start + 256)
            given = None if condition is None else torch.from_numpy(np.asarray(condition[rows], np.float32))
            parts.append(network(torch.from_numpy(noise[rows]), given))
        made = ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
        return made[:, 0] if self.channels == 1 else made.transpose(0, 2, 3, 1)


class _Run:
    """Faces and the batches that are made of them."""

    def __init__(self, config: AdversarialConfig, faces: Faces, channels: int) -> None:
        side = config.generator.side
        shape = (side, side) if channels == 1 else (side, side, channels)
        if faces.pixels.shape[1:] != shape:
            raise DataError(f"faces of {faces.pixels.shape[1:]} pixels; the networks are for {shape}")
        self.config, self.faces, self._channels = config, faces, channels
        self._pool = Pool(faces, config.batch, config.seed)
        wanted = config.adversarial and config.generator.conditional
        self.conditions = conditions(faces, config.seed) if wanted else None
        total = sum(float(np.nansum(faces.targets[name])) for name in PARTS)
        pixels = int(faces.pixels.sum(dtype=np.int64))
        self.identity = repr((replace(config, steps=1), channels, len(faces), pixels, round(total, 3)))

    def batches(self, epoch: int, steps: int) -> Any:
        """Yield the batches of an epoch."""
        config = self.config
        draws, turned = (torch.Generator().manual_seed(config.seed * 100_003 + epoch) for _ in range(2))
        for seen, told in zip(*self._pool.order(epoch, steps), strict=True):
            labelled = self._pictures(told, turned)
            real = labelled if self._pool.whole else self._pictures(seen, draws)
            target = {name: torch.from_numpy(self.faces.targets[name][told]) for name in PARTS}
            noise = torch.randn(len(seen), config.generator.noise, generator=draws)
            yield Batch(real, labelled, target, noise, self._conditions(draws))

    def _conditions(self, draws: torch.Generator) -> Tensor | None:
        if self.conditions is None:
            return None
        rows = torch.randint(len(self.conditions), (self.config.batch,), generator=draws)
        return torch.from_numpy(self.conditions)[rows]

    def _pictures(self, rows: np.ndarray, draws: torch.Generator) -> Tensor:
        found = pictures(self.faces.pixels[rows])
        if not self.config.mirror:
            return found
        mirrored = torch.rand(len(rows), generator=draws) < 0.5
        return torch.where(mirrored[:, None, None, None], found.flip(3), found)


def pictures(pixels: np.ndarray) -> Tensor:
    """Return (B, H, W) or (B, H, W, C) uint8 as (B, C, H, W) float32 in -1 to 1."""
    found = torch.from_numpy(np.ascontiguousarray(pixels)).float() / 127.5 - 1
    return found[:, None] if found.ndim == 3 else found.permute(0, 3, 1, 2).contiguous()


def _line(epoch: int, epochs: int, figures: dict[str, float]) -> str:
    return f"epoch {epoch + 1} of {epochs}: " + " ".join(f"{name} {value:.3f}" for name, value in figures.items())
