"""What the family learns: identity, then expression, by turns, without labels of expressions.

Source:  Kanou and Nagao, "Weakly Supervised Learning for Acquisition of Continuous Facial Expression Features", and
         SPEC 3.3, 3.4 for what it leaves open.
Changed: the discriminator is gone through once for both updates (`losses.generator_slope`), so that the generator
         learns from the discriminator as it is before the update of the same step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.errors import InputError
from kaoiro.families.identity_expression import losses
from kaoiro.families.identity_expression.network import Discriminator, Network, Posterior
from kaoiro.families.identity_expression.recipe import Recipe
from kaoiro.families.identity_expression.views import Heads, Viewed, greyed, two_views
from kaoiro.nn.schedule import one_cycle

Kind = Literal["identity", "expression", "whole", "views"]
"""Of a stage: encoder of identity and decoder; encoder of expression, decoder and discriminator; the only encoder and
decoder of a network with one code; encoder of expression (or the only one) by itself."""
_HIDDEN = 128  # features of the classifier that tells subjects from z_e
_RISE = 0.03  # share of the stage of views in which the rate rises


class Diverged(InputError):
    """A training whose numbers are no finite ones any more; whoever goes through many can go on with the next."""


class Batch(NamedTuple):
    """What a step sees.

    Attributes:
        pixels: (B, H, W, 3) uint8.
        partners: (B, K, H, W, 3) uint8, drawn from the same subject's pictures.
        swapped: (B,) places in the batch: of each picture, one of another subject.
        subjects: (B,) numbers of the subjects.
        viewed: faces that are seen in two views; None where nothing is learned from them. In a stage of views nothing
            else is there (B = 0).
    """

    pixels: Tensor
    partners: Tensor
    swapped: Tensor
    subjects: Tensor
    viewed: Viewed | None = None


@dataclass
class Progress:
    """Where a stage stands.

    Attributes:
        kind: what it trains.
        number: of the stage, from 0.
        steps: of the whole stage.
        passes: over the data that the rate falls as in.
        done: steps.
    """

    kind: Kind
    number: int
    steps: int
    passes: float
    done: int = 0


class Objective(L.LightningModule):
    """Losses and optimisers of both stages, by Lightning's manual optimisation.

    Args:
        recipe: settings.
        subjects: how many people are learned from.
    """

    def __init__(self, recipe: Recipe, subjects: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.recipe, self.config = recipe, recipe.objective
        self.subjects = subjects
        self.network = Network(recipe.network, subjects)
        exchanging = recipe.network.form == "exchange"
        judged = exchanging and self.config.adversarial > 0
        self.discriminator = Discriminator(recipe.network, self.config.spectral) if judged else None
        told = exchanging and self.config.identity_adversary > 0
        self.adversary = _classifier(recipe.network.expression, subjects) if told else None
        self.heads = Heads(recipe.views, recipe.network.expression) if recipe.views.on else None
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.progress = Progress("whole", 0, 1, 1.0)
        self.figures: dict[str, Tensor] = {}
        self.counted = 0
        self._noise = torch.Generator()

    def begin(self, progress: Progress) -> None:
        """Go to a stage: what it trains gets gradients, everything else stands still."""
        self.progress = progress
        parts = {id(one) for one in self._trained()}
        for parameter in self.parameters():
            parameter.requires_grad_(id(parameter) in parts)
        self.train()

    def begin_epoch(self, epoch: int) -> None:
        """Begin the noise and the sums of an epoch anew, so that a resumed one sees the same."""
        seed = (self.recipe.run.seed * 1_009 + self.progress.number) * 100_003 + epoch
        self._noise.manual_seed(seed % 2**63)
        self.figures, self.counted = {}, 0

    def _trained(self) -> list[nn.Parameter]:
        return [*self._generator(), *self._judge()]

    def _generator(self) -> list[nn.Parameter]:
        """Return the parameters of the stage but the discriminator's."""
        network, kind = self.network, self.progress.kind
        encoder = network.identity if kind == "identity" else network.expression
        parts: list[nn.Module | None] = [encoder, None if kind == "views" else network.decoder]
        parts += [self.adversary if kind == "expression" else None, None if kind == "identity" else self.heads]
        return [parameter for part in parts if part is not None for parameter in part.parameters()]

    def _judge(self) -> list[nn.Parameter]:
        judging = self.discriminator is not None and self.progress.kind == "expression"
        return list(self.discriminator.parameters()) if judging and self.discriminator is not None else []

    def configure_optimizers(self) -> Any:
        """Return Adam of the stage, and the discriminator's where there is one."""
        config = self.config
        found = [self._adam(self._generator(), config.beta_1)]
        judge = self._judge()
        return [*found, self._adam(judge, config.discriminator_beta_1)] if judge else found

    def _adam(self, parameters: list[nn.Parameter], beta_1: float) -> torch.optim.Adam:
        config = self.config
        return torch.optim.Adam(parameters, config.learning_rate, (beta_1, config.beta_2), config.epsilon)

    @property
    def rate(self) -> float:
        """Learning rate of the next step: it falls by `decay` after every pass of the whole schedule.

        That of a stage of views rises shortly and falls to 0 by half a cosine.
        """
        if self.progress.kind == "views":
            return self.recipe.views.learning_rate * one_cycle(self.progress.done / self.progress.steps, _RISE)
        passed = math.floor(self.progress.passes * self.progress.done / self.progress.steps + 1e-9)
        return self.config.learning_rate * self.config.decay**passed

    def training_step(self, batch: Batch, _: int) -> None:
        """Change what the stage trains."""
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        for optimizer in optimizers:
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = self.rate
        total, figures = getattr(self, self.progress.kind)(batch)
        self.manual_backward(total)
        for optimizer in optimizers:
            optimizer.step()
        self.progress.done += 1
        self._note(figures | {"loss": total} if "loss" not in figures else figures)

    def _note(self, figures: dict[str, Tensor]) -> None:
        """Add the figures of a step.

        Raises:
            Diverged: the loss is no number any more.
        """
        if not math.isfinite(float(figures["loss"].detach())):
            where = f"step {self.progress.done} of the stage of {self.progress.kind}"
            raise Diverged(f"the loss is no number at {where}: lower --objective.learning-rate")
        self.counted += 1
        for name, value in figures.items():
            self.figures[name] = self.figures.get(name, torch.zeros(())) + value.detach().cpu()

    def means(self) -> dict[str, float]:
        """Return the mean figures of the steps since the epoch began."""
        return {name: float(total) / max(1, self.counted) for name, total in self.figures.items()}

    def identity(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return (1): z_e = 0, and another picture of the same subject is wished for."""
        encoder = self.network.identity
        assert encoder is not None
        posterior = encoder(pictures(batch.pixels))
        z_i = losses.sample(posterior, self._drawn(*posterior.mean.shape))
        made = self.network.decoder(self.network.join(z_i, z_i.new_zeros(len(z_i), self.recipe.network.expression)))
        return self._evidence(posterior, made, pictures(batch.partners[:, 0]))

    def whole(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return (2) of a network with one code, told who it is where it has the subject's one-hot."""
        real = pictures(batch.pixels)
        told = F.one_hot(batch.subjects, self.subjects).to(real) if self.network.subjects else real[:, :0, 0, 0]
        posterior = self.network.expression(self._shown(real), told if self.network.subjects else None)
        z = losses.sample(posterior, self._drawn(*posterior.mean.shape))
        total, figures = self._evidence(posterior, self.network.decoder(self.network.join(told, z)), real)
        return self._with_views(batch, total, figures)

    def views(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the losses of views alone; α_1 KL keeps the posterior within its bounds until it is sampled."""
        assert self.heads is not None
        assert batch.viewed is not None
        posterior = self._of_views(batch.viewed)
        total, figures = self.heads(posterior.mean, batch.viewed)
        divergence = losses.divergence(posterior)
        return total + self.config.weights[0] * divergence, figures | {"divergence": divergence}

    def _of_views(self, viewed: Viewed) -> Posterior:
        """Return the posterior of the codes of two views of each face, first views first."""
        seen = two_views(viewed, self.recipe.views, self.recipe.network.side, self._noise)
        return self.network.expression(seen)

    def _with_views(self, batch: Batch, total: Tensor, figures: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a loss and its parts, with those of views where anything is learned from them."""
        if self.heads is None or batch.viewed is None:
            return total, figures
        more, parts = self.heads(self._of_views(batch.viewed).mean, batch.viewed)
        return total + more, figures | parts

    def _shown(self, real: Tensor) -> Tensor:
        """Return pictures as the encoder of expression sees them: some in grey, where views are learned from."""
        return real if self.heads is None else greyed(real, self.recipe.views.grey, self._noise)

    def expression(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what gives the gradients of (5), and its parts; the discriminator gets its own gradient on the way."""
        config, network, real = self.config, self.network, pictures(batch.pixels)
        z_i, posterior = self.frozen_identity(batch, real), network.expression(self._shown(real))
        z_e = losses.sample(posterior, self._drawn(*posterior.mean.shape))
        given = [network.join(z_i, z_e)]
        if self.discriminator is not None:
            given.append(self._drawn(*given[0].shape).to(real))
        if config.switch:
            given.append(network.join(z_i, posterior.mean[batch.swapped]))
        made = network.decoder(torch.cat(given)).split(len(real))
        total, figures = self._evidence(posterior, made[0], real)
        if config.switch:
            wished = (z_i, posterior.mean[batch.swapped])
            parts = losses.switch_loss(network.codes(made[-1]), wished, config.stop_gradient)
            total = total + config.switch * (parts.identity + parts.expression)
            figures |= {"switch_identity": parts.identity, "switch_expression": parts.expression}
        if self.adversary is not None:
            told = F.cross_entropy(self.adversary(losses.reversed_gradient(posterior.mean)), batch.subjects)
            total = total + config.identity_adversary * told
            figures["adversary"] = told
        total, figures = self._with_views(batch, total, figures)
        figures["loss"] = total
        if self.discriminator is not None:
            fakes = made if config.swapped or not config.switch else made[:-1]
            pull, judged = self._judged(self.discriminator, real, torch.cat(list(fakes)), len(fakes))
            total, figures = total + config.adversarial * pull, figures | judged
            figures["loss"] = figures["loss"] + config.adversarial * judged["generator"]
        return total, figures

    def frozen_identity(self, batch: Batch, real: Tensor) -> Tensor:
        """Return z_i (B, I): the mean of the frozen posterior (B-7), or of those of several of the subject's faces."""
        encoder = self.network.identity
        assert encoder is not None
        with torch.no_grad():
            if self.config.identity_images == 1:
                return encoder(real).mean
            means = encoder(pictures(batch.partners.flatten(0, 1))).mean
            return means.unflatten(0, batch.partners.shape[:2]).mean(dim=1)

    def _judged(
        self, discriminator: Discriminator, real: Tensor, made: Tensor, kinds: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the discriminator its gradient; return what has the generator's as its own, and figures."""
        seen = made.detach().requires_grad_()
        outputs = discriminator(torch.cat([real, seen]))
        fakes = outputs[len(real) :].chunk(kinds)
        loss = losses.discriminator_loss(outputs[: len(real)], fakes)
        self.manual_backward(loss)
        assert seen.grad is not None
        saturating, fake = self.config.saturating, outputs[len(real) :].detach()
        pull = (made * losses.generator_slope(seen.grad, fake, saturating)).sum()
        figures = {
            "discriminator": loss,
            "generator": losses.generator_loss([one.detach() for one in fakes], saturating),
            "real": outputs[: len(real)].detach().sigmoid().mean(),
            "fake": fake.sigmoid().mean(),
        }
        return pull, figures

    def _evidence(self, posterior: Any, made: Tensor, wished: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return α_1 KL + α_2 R and what is added in the improved mode."""
        total = losses.evidence(posterior, made, wished, self.config)
        figures = {
            "divergence": losses.divergence(posterior).detach(),
            "squared_error": losses.squared_error(made, wished).detach(),
        }
        if self.config.perceptual:
            figures["details"] = losses.details_error(made, wished)
            total = total + self.config.perceptual * figures["details"]
        return total, figures

    def _drawn(self, *shape: int) -> Tensor:
        """Return standard normal noise, the same on every device."""
        return torch.randn(*shape, generator=self._noise).to(self.device)


def pictures(pixels: Tensor) -> Tensor:
    """Return (B, H, W, 3) uint8 as (B, 3, H, W) float32 in 0 to 1, the channels last in memory."""
    return pixels.permute(0, 3, 1, 2).float() / 255


def _classifier(size: int, subjects: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, subjects))
