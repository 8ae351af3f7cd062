"""The networks of system E1: AlexNet and VGG-CNN-M-2048 with a new last layer, and a compact one.

Source:  Ng et al., "Deep Learning for Emotion Recognition on Small Datasets Using Transfer Learning", ICMI 2015; the
         layers are in `nn.alexnet` and `nn.vgg_m`.
Changed: the middle of a larger picture is cut out here, so that an exported graph takes whole crops. Layers without
         published weights begin as He et al. (2015) advise, not with the deviations of Caffe's files, which are meant
         for pixels of 0 to 255.
Legend:  B batch, C channels, S side of a picture, K outputs of a head; 227, 224 or 48 pixels are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kaoiro.families.staged_transfer.config import NetworkConfig
from kaoiro.nn.alexnet import alexnet
from kaoiro.nn.attention import compact
from kaoiro.nn.prediction import Prediction
from kaoiro.nn.vgg_m import vgg_m


class Network(nn.Module):
    """Still face -> features (fc7 after its ReLU) -> raw outputs of each head (fc8).

    Args:
        config: form and widths.
        channels: of the input image; published forms repeat a grey one for red, green and blue.
        heads: number of outputs by head name.
    """

    gain: Tensor

    def __init__(self, config: NetworkConfig, channels: int, heads: dict[str, int]) -> None:
        super().__init__()
        self.side, self.published = config.side, config.form != "compact"
        self.lower, self.width = _trunk(config, channels)
        self.dropout = nn.Dropout(config.dropout)
        self.upper = nn.ModuleDict({name: nn.Linear(self.width, count) for name, count in heads.items()})
        self.register_buffer("gain", torch.ones(()))
        self.apply(_initialise)
        for head in self.upper.values():
            nn.init.normal_(head.get_parameter("weight"), std=0.01)

    @torch.no_grad()
    def take(self, state: Mapping[str, Tensor], gain: float) -> None:
        """Begin with published weights; the last layer stays new.

        Normalised pixels are multiplied by `gain` before conv1, so that it sees the range that it learned from. Laid
        into conv1's weights instead, a factor of 64 would slow their learning by its square.

        Args:
            state: of `nn.caffe_files.matched`.
            gain: what brings normalised pixels back to the range of 0 to 255: 255 times the deviation.
        """
        self.lower.load_state_dict(dict(state))
        self.gain.fill_(gain)

    def features(self, x: Tensor) -> Tensor:
        """Return fc7, or means over places: (B, C, S, S) normalised pixels -> (B, width)."""
        x = middle(x, self.side)
        if not self.published:
            return self.lower(x).mean(dim=(2, 3))
        return self.lower(x.expand(-1, 3, -1, -1) * self.gain)

    def classify(self, h: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by head for features."""
        h = self.dropout(h)
        return {name: head(h) for name, head in self.upper.items()}

    def forward(self, x: Tensor) -> Prediction:
        """Return features and raw outputs for normalised pixels (B, C, S, S)."""
        h = self.features(x)
        return Prediction(h, self.classify(h))


def middle(x: Tensor, side: int) -> Tensor:
    """Return the middle of pictures: (B, C, S, S) -> (B, C, side, side); smaller ones stay as they are."""
    first = max(0, (int(x.shape[-1]) - side) // 2)
    return x[:, :, first : first + side, first : first + side]


def _trunk(config: NetworkConfig, channels: int) -> tuple[nn.Sequential, int]:
    """Return the layers below the last one, and the number of features."""
    if config.form == "compact":
        return compact(channels, config.stem, config.widths, config.mask), config.widths[-1]
    if config.form == "alexnet":
        layers = alexnet(config.thin, config.dropout, config.normalise_first)
    else:
        layers = vgg_m(config.thin, config.dropout)
    return layers, layers.get_submodule("fc7").get_parameter("weight").shape[0]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
