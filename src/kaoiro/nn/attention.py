"""Building blocks of the Residual Attention Network, in the form of its authors' published layers.

Source: Wang et al., "Residual Attention Network for Image Classification", CVPR 2017, fig. 2 and eq. 3, and the
        authors' network description; units after He et al., "Identity Mappings in Deep Residual Networks", ECCV 2016.
Legend: B batch, C channels, H and W pixels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.nn.trunks import BasicBlock, conv_bn


class Unit(nn.Module):
    """Pre-activation bottleneck: three times batch normalisation, ReLU and a convolution, beside a shortcut.

    The shortcut is the input, or a 1x1 convolution of the activated input where channels or stride change. No biases.
    (B, inputs, H, W) -> (B, outputs, H/stride, W/stride)
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        inner = outputs // 4
        self.activate = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, outputs, 1, bias=False),
        )
        changes = inputs != outputs or stride != 1
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Return shortcut + body."""
        active = self.activate(x)
        return self.body(active) + (x if self.shortcut is None else self.shortcut(active))


class AttentionModule(nn.Module):
    """Trunk features weighted by 1 + M, M a mask in (0, 1) that has looked at coarser scales.

    `Unit((1 + M) ⊙ T)` with the authors' p = 1 unit before trunk and mask, t = 2 in the trunk, r = 1 between levels.
    (B, C, H, W) -> (B, C, H, W)

    Args:
        channels: C.
        levels: how often the mask branch halves the picture; 0 leaves a mask of two units at full size.
        add_reference: ports' weights only: a widely copied port adds the tensor that the authors' interpolation layer
            takes for its size alone (SPEC, trap A-1).
    """

    def __init__(self, channels: int, levels: int, add_reference: bool = False) -> None:
        super().__init__()
        self.add_reference = add_reference

        def unit() -> Unit:
            return Unit(channels, channels)

        self.first = unit()
        self.trunk = nn.Sequential(unit(), unit())
        self.down = nn.ModuleList(
            unit() if level < levels - 1 else nn.Sequential(unit(), unit()) for level in range(levels)
        )
        self.skip = nn.ModuleList(unit() for _ in range(levels - 1))
        self.up = nn.ModuleList(unit() for _ in range(levels - 1))
        self.flat = nn.Identity() if levels else nn.Sequential(unit(), unit())
        self.gate = nn.Sequential(*(_gate(channels) for _ in range(2)), nn.Sigmoid())
        self.last = unit()

    def mask(self, x: Tensor, trunk: Tensor) -> Tensor:
        """Return M for the input of both branches and the trunk's output: (B, C, H, W) in (0, 1)."""
        levels = []
        for down in self.down:
            x = down(F.max_pool2d(x, 3, 2, 1))
            levels.append(x)
        for level in range(len(levels) - 2, -1, -1):
            x = self.up[level](self._enlarged(x, levels[level]) + self.skip[level](levels[level]))
        return self.gate(self._enlarged(x, trunk) if levels else self.flat(x))

    def _enlarged(self, x: Tensor, reference: Tensor) -> Tensor:
        """Return `x` at the size of the reference."""
        large = F.interpolate(x, reference.shape[2:], mode="bilinear", align_corners=False)
        return large + reference if self.add_reference else large

    def forward(self, x: Tensor) -> Tensor:
        """Return `Unit((1 + M) ⊙ T)`."""
        return self.masked(x)[0]

    def masked(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and the mask beside it."""
        x = self.first(x)
        trunk = self.trunk(x)
        mask = self.mask(x, trunk)
        return self.last((1 + mask) * trunk), mask


def _gate(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 1, bias=False))


class ResidualAttention(nn.Module):
    """The published network up to its last feature map: Attention-56 and Attention-92, at 224 or at 48 pixels.

    (B, channels, S, S) -> (B, width, S/32, S/32), or S/4 where it is native; features are its mean over places.

    Args:
        channels: of the picture.
        modules: attention modules of the three stages: (1, 1, 1) is Attention-56, (1, 2, 3) Attention-92.
        native: for pictures of 48 pixels (SPEC 2.2): a 3x3 stem without strides, half the channels, one stage less
            of strides, and masks that halve the picture 2, 1 and 0 times instead of 3, 2 and 1.
        add_reference: see `AttentionModule`.
    """

    def __init__(
        self,
        channels: int,
        modules: tuple[int, int, int] = (1, 1, 1),
        native: bool = False,
        add_reference: bool = False,
    ) -> None:
        super().__init__()
        stem = 32 if native else 64
        kernel = (3, 1, 1) if native else (7, 2, 3)
        self.stem = nn.Sequential(nn.Conv2d(channels, stem, *kernel, bias=False), nn.BatchNorm2d(stem), nn.ReLU())
        self.pool = nn.Identity() if native else nn.MaxPool2d(3, 2, 1)
        stages: list[nn.Module] = []
        width = stem
        for number, count in enumerate(modules):
            stages.append(Unit(width, stem * 4 * 2**number, 1 if number == 0 else 2))
            width = stem * 4 * 2**number
            levels = 2 - number if native else 3 - number
            stages += [AttentionModule(width, levels, add_reference) for _ in range(count)]
        self.stages = nn.ModuleList(stages)
        self.width = 2 * width
        self.top = nn.Sequential(
            Unit(width, self.width, 1 if native else 2),
            Unit(self.width, self.width),
            Unit(self.width, self.width),
            nn.BatchNorm2d(self.width),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the last feature map."""
        return self.maps(x)[0]

    def maps(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the last feature map (B, width, h, w), and the mask of every module."""
        x, masks = self.pool(self.stem(x)), []
        for stage in self.stages:
            if isinstance(stage, AttentionModule):
                x, mask = stage.masked(x)
                masks.append(mask)
            else:
                x = stage(x)
        return self.top(x), masks


class AttentionBlock(nn.Module):
    """A basic block T whose output is weighted by 1 + M, with M in (0, 1) from a coarser scale.

    (B, C, H, W) -> (B, C, H, W)
    """

    def __init__(self, channels: int, mask: int) -> None:
        super().__init__()
        self.trunk = BasicBlock(channels, channels)
        self.mask = nn.Sequential(
            nn.MaxPool2d(3, 2, 1),
            conv_bn(channels, mask, 1),
            nn.ReLU(),
            conv_bn(mask, mask, 3),
            nn.ReLU(),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(mask, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return `(1 + M(x)) ⊙ T(x)`."""
        return (1 + self.mask(x)) * self.trunk(x)


def compact(channels: int, stem: int, widths: tuple[int, int, int], mask: int) -> nn.Sequential:
    """Return the layers of our compact network up to its last feature map.

    (B, channels, H, W) -> (B, widths[2], H/8, W/8). The first five layers end in the map of (B, widths[1], H/4, W/4).

    Args:
        channels: of the picture.
        stem: channels after the stem (H/2).
        widths: channels of the three stages (H/2, H/4, H/8).
        mask: channels inside the mask branch; 0 builds the network without attention.
    """
    first, second, third = widths
    attended = AttentionBlock(second, mask) if mask else BasicBlock(second, second)
    return nn.Sequential(
        conv_bn(channels, stem, 5, 2),
        nn.ReLU(),
        BasicBlock(stem, first),
        BasicBlock(first, second, 2),
        attended,
        BasicBlock(second, third, 2),
        BasicBlock(third, third),
    )
