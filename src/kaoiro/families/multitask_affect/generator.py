"""A generator of faces, and the discriminator that tells what they show and whether they are real.

Source:  the GAN variant of Kollias and Zafeiriou, "A Multi-Task Learning & Generation Framework: Valence-Arousal,
         Action Units & Primary Expressions", arXiv 1811.07771, whose abstract names no layers: those of SPEC 5.4.
Changed: group normalisation and ReLU also after the first layer; a light discriminator for 48 pixels.
Legend:  B batch, C channels, H = W = side; a condition has the 17 numbers of `core.condition`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from kaoiro.core.condition import CONDITION, PARTS
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION
from kaoiro.families.multitask_affect.generation import DiscriminatorConfig, GeneratorConfig

SLOPE = 0.2
VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
GROUPS = 8
"""Of channels that are normalised together."""


class Generator(nn.Module):
    """Noise (B, noise), and a condition (B, 17) where it is conditional -> pictures (B, C, side, side) in -1 to 1."""

    def __init__(self, config: GeneratorConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        first, *others = config.widths
        self.first = nn.Linear(config.noise + len(CONDITION) * config.conditional, first * config.first**2)
        layers: list[nn.Module] = [_norm(first), nn.ReLU()]
        for width in others:
            convolution = nn.Conv2d(first, width, 3, padding=1, bias=False)
            layers += [nn.Upsample(scale_factor=2, mode="nearest"), convolution, _norm(width), nn.ReLU()]
            first = width
        self.blocks = nn.Sequential(*layers, nn.Conv2d(first, channels, 3, padding=1), nn.Tanh())
        self.apply(_initialise)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return pictures."""
        given = noise if condition is None or not self.config.conditional else torch.cat([noise, condition], dim=1)
        side = self.config.first
        return self.blocks(self.first(given).unflatten(1, (self.config.widths[0], side, side)))


class Judgement(NamedTuple):
    """What the discriminator says: features (B, F), raw outputs (B, K) by head, and `real` (B,) before the sigmoid."""

    features: Tensor
    heads: dict[str, Tensor]
    real: Tensor


HEAD = 0.01
"""Standard deviation of the heads' first weights; larger ones begin where tanh is flat, which a run may never leave."""


class Discriminator(nn.Module):
    """Pictures (B, C, side, side) in -1 to 1 -> features, the heads of the multi-task network, and whether real.

    LeakyReLU(0.2) and no batch normalisation: faces in a batch would tell of each other.
    """

    def __init__(self, config: DiscriminatorConfig, channels: int, side: int) -> None:
        super().__init__()
        self.trunk = _light(config, channels, side) if config.form == "light" else _vgg(config, channels)
        width = config.features if config.form == "light" else 2000
        self.dropout = nn.Dropout(config.dropout)
        self.upper = nn.ModuleDict({name: nn.Linear(width, len(part)) for name, part in PARTS.items()})
        self.real = nn.Linear(width, 1)
        self.apply(_initialise)
        for head in (*self.upper.values(), self.real):
            nn.init.normal_(head.weight, std=HEAD)  # type: ignore[arg-type]
        if config.spectral:
            for layer in [*self.trunk.modules(), self.real]:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def forward(self, pictures: Tensor) -> Judgement:
        """Return features, raw outputs by head, and whether real."""
        features = self.trunk(pictures)
        h = self.dropout(features)
        return Judgement(features, {name: head(h) for name, head in self.upper.items()}, self.real(h)[:, 0])


def activated(raw: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn raw outputs into answers: shares of expressions, valence and arousal, probabilities of action units."""

    def one(name: str, value: Tensor) -> Tensor:
        return value.softmax(dim=1) if name == EXPRESSION else value.tanh() if name == AFFECT_HEAD else value.sigmoid()

    return {name: one(name, value) for name, value in raw.items()}


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(groups for groups in range(1, GROUPS + 1) if channels % groups == 0), channels)


def _light(config: DiscriminatorConfig, channels: int, side: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for place, width in enumerate(config.widths):
        layers += [nn.Conv2d(channels, width, 3 if place else 5, 2, 1 if place else 2), nn.LeakyReLU(SLOPE)]
        channels, side = width, -(-side // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side**2, config.features), nn.LeakyReLU(SLOPE))


def _vgg(config: DiscriminatorConfig, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for group in VGG:
        for width in group:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(SLOPE)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(512 * 9, 4096), nn.LeakyReLU(SLOPE), nn.Dropout(config.dropout)]
    return nn.Sequential(*layers, nn.Linear(4096, 2000), nn.LeakyReLU(SLOPE))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, SLOPE, nonlinearity="leaky_relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
