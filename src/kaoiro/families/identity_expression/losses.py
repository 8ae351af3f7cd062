"""Losses (1) to (5) of the source, those of the improved mode and of views, on pictures (B, 3, H, W) in 0 to 1.

Source:  Kanou and Nagao, "Weakly Supervised Learning for Acquisition of Continuous Facial Expression Features", with
         the corrections B-4 to B-6 of SPEC 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kaoiro.families.identity_expression.config import ObjectiveConfig
from kaoiro.families.identity_expression.network import Posterior

PRINTED_SIDE = 64
"""Of the pictures that the weights are meant for; the squared error of others is counted as if they had as many."""
_STEEPEST = 60.0  # of logits, beyond which the generator's slope is no longer computed from the discriminator's
_SMALLEST = 8  # pixels: side of the coarsest map of details


def divergence(posterior: Posterior) -> Tensor:
    """Return KL(q(z|x) || N(0, I)) of the mean picture: ½ Σ_d (μ² + σ² - log σ² - 1)."""
    mean, logvar = posterior
    return 0.5 * (mean.square() + logvar.exp() - logvar - 1).sum(dim=1).mean()


def squared_error(made: Tensor, wished: Tensor) -> Tensor:
    """Return Σ (x - x')² over the pixels of the mean picture, counted as for 64x64 pixels."""
    per_picture = (made - wished).square().sum(dim=(1, 2, 3)).mean()
    return per_picture * (PRINTED_SIDE / made.shape[-1]) ** 2


def evidence(posterior: Posterior, made: Tensor, wished: Tensor, config: ObjectiveConfig) -> Tensor:
    """Return the negative lower bound that is minimised, (1) and (2): α_1 KL + α_2 R.

    R is the squared error summed over pixels, or its mean where the weights are read as 'R1' (B-4).
    """
    kl, reconstruction = config.weights
    error = F.mse_loss(made, wished) if config.reading == "R1" else squared_error(made, wished)
    return kl * divergence(posterior) + reconstruction * error


def sample(posterior: Posterior, noise: Tensor) -> Tensor:
    """Return z = μ + σ ε (Kingma and Welling, "Auto-Encoding Variational Bayes", 2014)."""
    return posterior.mean + noise * (0.5 * posterior.logvar).exp()


def discriminator_loss(real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """Return -log D(x) - Σ log(1 - D(x')) over the kinds of made pictures (3), from raw outputs (B,) each."""
    return F.softplus(-real).mean() + sum((F.softplus(fake).mean() for fake in fakes), start=real.new_zeros(()))


def generator_loss(fakes: Sequence[Tensor], saturating: bool = False) -> Tensor:
    """Return -Σ log D(x') (B-6), or Σ log(1 - D(x')) where saturating, from raw outputs (B,) each."""
    terms = [-F.softplus(fake).mean() if saturating else F.softplus(-fake).mean() for fake in fakes]
    return torch.stack(terms).sum()


def generator_slope(slope: Tensor, fake: Tensor, saturating: bool = False) -> Tensor:
    """Turn d L_D / d x' into d L_G / d x', so that the discriminator is gone through once and not twice.

    Both losses see a picture through its raw output l alone, and faces do not influence each other: the slopes are
    σ(l) and -(1 - σ(l)), whose ratio is -exp(-l); of the saturating form -1.

    Args:
        slope: (M, 3, H, W) of the discriminator's loss.
        fake: (M,) raw outputs of the same pictures.
        saturating: form of the generator's loss.
    """
    if saturating:
        return -slope
    return -slope * (-fake).clamp(max=_STEEPEST).exp()[:, None, None, None]


class Switched(NamedTuple):
    """Parts of (4)."""

    identity: Tensor
    expression: Tensor


def switch_loss(again: tuple[Tensor, Tensor], wished: tuple[Tensor, Tensor], stop_gradient: bool = True) -> Switched:
    """Return MSE(z_i, z_i') and MSE(z_e, z_e') of exchanged pictures (4), with the prime that the print lost (B-5).

    Args:
        again: codes (B, I) and (B, E) of the exchanged pictures.
        wished: codes that these were made of.
        stop_gradient: whether the latter stand still; else the codes may shrink to satisfy the loss.
    """
    targets = [one.detach() if stop_gradient else one for one in wished]
    return Switched(*(F.mse_loss(a, b) for a, b in zip(again, targets, strict=True)))


def details_error(made: Tensor, wished: Tensor) -> Tensor:
    """Return the distance in a Laplacian pyramid (Burt and Adelson, 1983), averaged over 2x2 pixels a level.

    Per picture Σ |difference| over the bands, each counted as for 64x64 pixels: small details weigh as much as large
    ones, and an edge that is a little blurred costs more than in the squared error.
    """
    rest, total = made - wished, made.new_zeros(())
    while rest.shape[-1] > _SMALLEST:
        coarse = F.avg_pool2d(rest, 2)
        total = total + (rest - F.interpolate(coarse, scale_factor=2, mode="nearest")).abs().mean()
        rest = coarse
    return (total + rest.abs().mean()) * made.shape[1] * PRINTED_SIDE**2


def contrast(codes: Tensor, groups: Tensor, temperature: float) -> Tensor:
    """Return how badly the other view of each face is found among the views of its group, in nats.

    NT-Xent, eq. (1) of Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020:
    -log exp(s_ij / τ) / Σ_k exp(s_ik / τ), s the cosine of two codes, j the other view of i, k all views of i's group
    but i itself; the mean over all views. A face alone in its group costs nothing.

    Args:
        codes: (2N, D), the first views of N faces, then the second ones.
        groups: (N,) whole numbers.
        temperature: τ.
    """
    unit, count = F.normalize(codes, dim=1), len(groups)
    both = groups.repeat(2)
    rivals = (both[:, None] == both) & ~torch.eye(2 * count, dtype=torch.bool, device=codes.device)
    alike = (unit @ unit.T / temperature).masked_fill(~rivals, -torch.inf)
    return F.cross_entropy(alike, torch.arange(2 * count, device=codes.device).roll(count))


class _Reversal(torch.autograd.Function):
    """Identity whose gradient is reversed (Ganin and Lempitsky, 2015)."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the values."""
        del ctx
        return values.view_as(values)

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the gradient with its sign changed."""
        del ctx
        return -slope


def reversed_gradient(values: Tensor) -> Tensor:
    """Return values through which a loss is maximised by what comes before, minimised by what comes after."""
    result = _Reversal.apply(values)
    assert isinstance(result, Tensor)
    return result
