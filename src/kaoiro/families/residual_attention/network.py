"""Residual attention networks: a compact one for 48×48 grey faces, and the published ones.

Source:  the soft mask `(1 + M) ⊙ T` of Wang et al., "Residual Attention Network for Image
         Classification", CVPR 2017, eq. 3.
Changed: basic blocks instead of bottlenecks, a 5×5 stride-2 stem and one attention module with a
         narrow mask, so that a face costs about a millisecond on two CPU cores.
Legend:  B batch, C channels, H = W = 48 pixels at full size (any multiple of 8 works).
"""

from __future__ import annotations

from torch import Tensor, nn

from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.nn.attention import ResidualAttention, compact
from kaoiro.nn.prediction import Prediction


class Network(nn.Module):
    """Still image -> features -> one raw output per label of each head.

    Args:
        config: widths.
        channels: of the input image.
        heads: number of outputs by head name.
    """

    def __init__(self, config: NetworkConfig, channels: int, heads: dict[str, int]) -> None:
        super().__init__()
        self.lower, width = _trunk(config, channels)
        self.dropout = nn.Dropout(config.dropout)
        self.upper = nn.ModuleDict({name: nn.Linear(width, count) for name, count in heads.items()})
        self.apply(_initialise)

    def features(self, x: Tensor) -> Tensor:
        """Return the expression feature: (B, C, H, W) normalised pixels -> (B, width of the last map)."""
        return self.lower(x).mean(dim=(2, 3))

    def classify(self, h: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by head for features."""
        h = self.dropout(h)
        return {name: head(h) for name, head in self.upper.items()}

    def forward(self, x: Tensor) -> Prediction:
        """Return features and raw outputs for normalised pixels (B, C, H, W)."""
        h = self.features(x)
        return Prediction(h, self.classify(h))


def _trunk(config: NetworkConfig, channels: int) -> tuple[nn.Module, int]:
    """Return the layers up to the last feature map, and that map's channels."""
    if config.form == "compact":
        return compact(channels, config.stem, config.widths, config.mask), config.widths[-1]
    modules = (1, 1, 1) if "-56" in config.form else (1, 2, 3)
    network = ResidualAttention(channels, modules, not config.form.endswith("224"), config.add_reference)
    return network, network.width


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
