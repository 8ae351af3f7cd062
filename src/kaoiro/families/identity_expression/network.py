"""Encoders, decoder and discriminator.

Source:  tables 1 and 2 of Kanou and Nagao, "Weakly Supervised Learning for Acquisition of Continuous Facial Expression
         Features".
Changed: average pooling without padding (printed: padding 1, which would give 3x3; B-1); output padding 1 in the
         deconvolutions with kernel 3 (printed: none, which would give 2n - 1; B-2); 'fc σ' is the logarithm of the
         variance, held within ±10 (B-3); pictures are standardised (of 4,362 steps of row ① on rendered faces this
         leaves a fifth less error and half of the leakage). ReLU after every (de)convolution but the last, and the
         sigmoid at the end, are not printed.
Legend:  B batch, I and E numbers of the codes, S training subjects, H = W = side; pictures (B, 3, H, W) in 0 to 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from kaoiro.families.identity_expression.config import NetworkConfig
from kaoiro.families.identity_expression.painter import Canvas, Painter
from kaoiro.families.identity_expression.patches import PLACES, Patches

SMALLEST = 4
"""Side of the last map, which pooling covers."""
LOGVAR = 10.0
"""Logarithms of variances stay within this."""
_NARROW = -4.0  # logarithm of the variance that codes of patches begin with


class Posterior(NamedTuple):
    """q(z|x): mean and logarithm of the variance, (B, D) each."""

    mean: Tensor
    logvar: Tensor


class Standardised(nn.Module):
    """Pictures in 0 to 1 -> about mean 0 and deviation 1, as He's initialisation supposes."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Return pictures."""
        return (pictures - 0.5) * 4


def trunk(config: NetworkConfig, places: bool = False) -> nn.Sequential:
    """Return the encoder up to pooling: (B, 3, H, W) -> (B, C), or (B, 16 C) where all places of the map are kept."""
    layers: list[nn.Module] = [Standardised()]
    channels = 3
    for width in config.maps:
        layers += _convolution(channels, width, 2, config.groups) + _convolution(width, width, 1, config.groups)
        channels = width
    return nn.Sequential(*layers, *([] if places else [nn.AvgPool2d(SMALLEST, 1, 0)]), nn.Flatten())


def _convolution(channels: int, width: int, stride: int, groups: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, width, 3, stride, 1), *_after(width, groups)]


def _after(width: int, groups: int) -> list[nn.Module]:
    """Return what follows a convolution: ReLU, after normalisation where there is any."""
    normalisation = [nn.GroupNorm(groups, width)] if groups else []
    return [*normalisation, nn.ReLU(inplace=True)]


class Encoder(nn.Module):
    """Pictures (B, 3, H, W) -> posterior of a code (B, D).

    Args:
        config: widths.
        size: D.
        told: S, where the subject's one-hot (B, S) is appended to the pooled features; 0 tells nothing.
        places: whether the last map is not pooled.
    """

    def __init__(self, config: NetworkConfig, size: int, told: int = 0, places: bool = False) -> None:
        super().__init__()
        self.trunk = trunk(config, places)
        features = config.maps[-1] * (SMALLEST**2 if places else 1) + told
        self.mean = nn.Linear(features, size)
        self.logvar = nn.Linear(features, size)
        self.apply(_initialise)

    def forward(self, pictures: Tensor, told: Tensor | None = None) -> Posterior:
        """Return mean and logarithm of the variance."""
        seen = self.trunk(pictures)
        seen = seen if told is None else torch.cat([seen, told], dim=1)
        return Posterior(self.mean(seen), self.logvar(seen).clamp(-LOGVAR, LOGVAR))


class PatchEncoder(nn.Module):
    """Pictures (B, 3, H, W) -> posterior of a code (B, D), linear in the features of `patches.Patches`.

    Its mean is learned before everything else, without gradients, and stands still.

    Args:
        config: number of atoms.
        size: D.
    """

    turn: Tensor
    shift: Tensor

    def __init__(self, config: NetworkConfig, size: int) -> None:
        super().__init__()
        self.trunk = Patches(config.patches, config.side)
        self.register_buffer("turn", torch.zeros(size, config.patches * PLACES**2))
        self.register_buffer("shift", torch.zeros(size))
        self.logvar = nn.Parameter(torch.full((size,), _NARROW))

    def forward(self, pictures: Tensor, told: Tensor | None = None) -> Posterior:
        """Return mean and logarithm of the variance, which is the same for all pictures."""
        del told
        mean = F.linear(self.trunk(pictures), self.turn, self.shift)
        return Posterior(mean, self.logvar.clamp(-LOGVAR, LOGVAR).expand_as(mean))


class Decoder(nn.Module):
    """Codes (B, D) -> pictures (B, 3, H, W) in 0 to 1."""

    def __init__(self, config: NetworkConfig, size: int) -> None:
        super().__init__()
        channels = config.maps[-1]
        self.first = nn.Linear(size, channels * SMALLEST**2)
        layers: list[nn.Module] = []
        for place in range(len(config.maps)):
            width = channels // 2
            layers += [_doubling(channels, width, place), *_after(width, config.groups)]
            layers += _convolution(width, width, 1, config.groups)
            channels = width
        self.blocks = nn.Sequential(*layers, nn.Conv2d(channels, 3, 3, 1, 1), nn.Sigmoid())
        self.apply(_initialise)

    def forward(self, codes: Tensor) -> Tensor:
        """Return pictures."""
        first = self.first(codes).unflatten(1, (-1, SMALLEST, SMALLEST))
        return self.blocks(first.contiguous(memory_format=torch.channels_last))


def _doubling(channels: int, width: int, place: int) -> nn.ConvTranspose2d:
    """Return a deconvolution that doubles the side: kernel 4 in the first two places, then 3."""
    if place < 2:
        return nn.ConvTranspose2d(channels, width, 4, 2, 1)
    return nn.ConvTranspose2d(channels, width, 3, 2, 1, output_padding=1)


class Discriminator(nn.Module):
    """Pictures (B, 3, H, W) -> whether they are real (B,), before the sigmoid."""

    def __init__(self, config: NetworkConfig, spectral: bool = False) -> None:
        super().__init__()
        self.trunk = trunk(config)
        self.real = nn.Linear(config.maps[-1], 1)
        self.apply(_initialise)
        if spectral:
            for layer in [*self.trunk, self.real]:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return raw outputs."""
        return self.real(self.trunk(pictures))[:, 0]


class Network(nn.Module):
    """The encoders and the decoder that are kept.

    Attributes:
        identity: encoder of z_i; None where there is one code.
        expression: encoder of z_e, or of the only code.
        decoder: of what `join` puts together.
        subjects: S, where encoder and decoder are told who it is; else 0.

    Args:
        config: form and widths.
        subjects: people to learn from, in the order of the one-hot.
    """

    def __init__(self, config: NetworkConfig, subjects: int = 0) -> None:
        super().__init__()
        self.config = config
        self.subjects = subjects if config.form == "cvae" else 0
        learns = config.form == "exchange" and not config.painted
        self.identity = Encoder(config, config.identity) if learns else None
        self.expression: Encoder | PatchEncoder = (
            PatchEncoder(config, config.expression)
            if config.patches
            else Encoder(config, config.expression, self.subjects, config.places)
        )
        self.decoder: Decoder | Canvas = (
            Canvas(Painter(config.painted, config.side), config.side)
            if config.painted
            else Decoder(config, self.identity_size + config.expression)
        )

    @property
    def identity_size(self) -> int:
        """I: numbers beside z_e that the decoder takes; S where it is told the subject, 0 where it takes no more."""
        if self.config.painted:
            return 3 * self.config.side**2
        return self.config.identity if self.config.form == "exchange" else self.subjects

    @property
    def exchanges(self) -> bool:
        """Whether there are two codes."""
        return self.config.form == "exchange"

    def join(self, identity: Tensor, expression: Tensor) -> Tensor:
        """Return what the decoder takes: z_i (or the one-hot) first, (B, I + E)."""
        return torch.cat([identity, expression], dim=1)

    def codes(self, pictures: Tensor, told: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the means μ_i (B, I) and μ_e (B, E).

        Args:
            pictures: (B, 3, H, W).
            told: (B, S) one-hot, which is the code of identity of a network that is told it; None says nothing
                (zeros).
        """
        if isinstance(self.decoder, Canvas):
            expression = self.expression(pictures).mean
            return pictures.flatten(1) - self.decoder.painter(expression), expression
        if self.identity is not None:
            return self.identity(pictures).mean, self.expression(pictures).mean
        told = _nobody(pictures, self.subjects) if told is None else told
        return told, self.expression(pictures, told if self.subjects else None).mean

    def forward(self, pictures: Tensor, told: Tensor | None = None) -> Tensor:
        """Return pictures (B, 3, H, W) from the means of their codes."""
        return self.decoder(self.join(*self.codes(pictures, told)))


def _nobody(pictures: Tensor, subjects: int) -> Tensor:
    """Return zeros (B, S), computed from the pictures: an exported graph must not remember the B of its example."""
    return (0 * pictures[:, :1, 0, 0]).repeat(1, subjects)


def _initialise(module: nn.Module) -> None:
    """Initialise after He et al., "Delving Deep into Rectifiers", ICCV 2015: variance 2 over the terms of an output.

    An output of a deconvolution sums over kernel² / stride² places of every channel, which PyTorch does not count so.
    """
    if isinstance(module, nn.ConvTranspose2d):
        terms = module.in_channels * module.kernel_size[0] ** 2 / module.stride[0] ** 2
        nn.init.normal_(module.weight, 0.0, (2 / terms) ** 0.5)
    elif isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
