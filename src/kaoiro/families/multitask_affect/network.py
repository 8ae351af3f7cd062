"""One network for valence and arousal, action units and expressions.

Source:  the multi-task form of Kollias and Zafeiriou, "A Multi-Task Learning & Generation Framework: Valence-Arousal,
         Action Units & Primary Expressions", arXiv 1811.07771; layers of the VGG form after Parkhi et al., "Deep Face
         Recognition", BMVC 2015.
Changed: the light form has the trunk of the stills and channels that know their place; all its heads are linear in
         means over places, so that the graph can tell where each answer is seen.
Legend:  B batch, C channels, K outputs of a head; H = W = 48 pixels (light) or 96 (vgg).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.families.multitask_affect.config import NetworkConfig
from kaoiro.nn.attention import compact
from kaoiro.nn.prediction import Prediction
from kaoiro.nn.trunks import conv_bn

_MIDDLE = 5
"""Layers of the compact trunk up to its second-last scale."""
_VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class Placed(nn.Module):
    """Channels weighted by a learned number for each place, so that their mean knows where something was.

    A lowered brow and a lowered lip look alike to a convolution; a mean over places does not tell them apart.
    (B, inputs, side, side) -> (B, outputs, side, side); other sides take the weights at that size.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, side: int) -> None:
        super().__init__()
        self.convolution = conv_bn(inputs, outputs, kernel)
        self.weight = nn.Parameter(1 + 0.5 * torch.randn(1, outputs, side, side))

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighted channels."""
        weight = self.weight
        if weight.shape[-2:] != x.shape[-2:]:
            weight = F.interpolate(weight, size=x.shape[-2:], mode="bilinear")
        return weight * torch.relu(self.convolution(x))


class Light(nn.Module):
    """The compact trunk and placed channels: (B, channels, H, W) -> (B, width, H/8, W/8)."""

    def __init__(self, config: NetworkConfig, channels: int) -> None:
        super().__init__()
        _, middle, last = config.widths
        self.lower = compact(channels, config.stem, config.widths, config.mask)
        self.places = nn.ModuleDict()
        if config.placed:
            self.places["middle"] = Placed(middle, config.placed, 3, 12)
            self.places["last"] = Placed(last, config.placed, 1, 6)
        self.width = last + 2 * config.placed

    def forward(self, x: Tensor) -> Tensor:
        """Return the last map, placed channels after those of the trunk."""
        middle = self.lower[:_MIDDLE](x)
        last = self.lower[_MIDDLE:](middle)
        if not self.places:
            return last
        placed = F.avg_pool2d(self.places["middle"](middle), 2)
        return torch.cat([last, placed, self.places["last"](last)], dim=1)


class Vgg(nn.Module):
    """The printed trunk: 13 convolutions, FC 4096, FC 2000; (B, channels, 96, 96) -> (B, 2000, 1, 1)."""

    width = 2000

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for group in _VGG:
            for outputs in group:
                layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU()]
                channels = outputs
            layers.append(nn.MaxPool2d(2))
        self.convolutions = nn.Sequential(*layers)
        shared = [nn.Flatten(), nn.Linear(512 * 9, 4096), nn.ReLU(), nn.Dropout(0.5)]
        self.shared = nn.Sequential(*shared, nn.Linear(4096, self.width), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Return the shared layers' output as a map of one place."""
        return self.shared(self.convolutions(x))[:, :, None, None]


class Network(nn.Module):
    """Still face -> features -> raw outputs of each head.

    Args:
        config: form and widths.
        channels: of the input image.
        heads: number of outputs by head name.
    """

    anew = ("upper.", "trunk.places.")
    """Weights that begin anew where training starts from a model without them."""

    def __init__(self, config: NetworkConfig, channels: int, heads: dict[str, int]) -> None:
        super().__init__()
        self.trunk = Light(config, channels) if config.form == "light" else Vgg(channels)
        self.dropout = nn.Dropout(config.dropout)
        self.upper = nn.ModuleDict({name: nn.Linear(self.trunk.width, count) for name, count in heads.items()})
        self.apply(_initialise)

    def adopt(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return weights of stills under this network's names: their heads read the channels of the trunk alone."""
        if any(name.startswith("trunk.") for name in state):
            return state
        renamed = {name if name.startswith("upper.") else f"trunk.{name}": value for name, value in state.items()}
        for name, value in renamed.items():
            if name.startswith("upper.") and value.ndim == 2:
                renamed[name] = F.pad(value, (0, self.trunk.width - value.shape[1]))
        return renamed

    def features(self, x: Tensor) -> Tensor:
        """Return means over places: (B, C, H, W) normalised pixels -> (B, width of the trunk)."""
        return self.trunk(x).mean(dim=(2, 3))

    def classify(self, h: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by head for features."""
        h = self.dropout(h)
        return {name: head(h) for name, head in self.upper.items()}

    def forward(self, x: Tensor) -> Prediction:
        """Return features and raw outputs for normalised pixels (B, C, H, W)."""
        h = self.features(x)
        return Prediction(h, self.classify(h))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
