"""Image towers of CLIP: residual networks with attention pooling, and vision transformers.

Source:  Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, 2.4;
         three convolutions before the first stage after He et al., "Bag of Tricks", CVPR 2019 (ResNet-D); averaging
         before every halving after Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019; vision
         transformers after Dosovitskiy et al., ICLR 2021.
Changed: residual branches begin at `BRANCH` of their scale instead of 0, so that every parameter learns from the first
         step; attention pooling computes the one query that is used.
Names:   of parameters as in the published weights.
Legend:  B pictures, C channels, S side in pixels, W width, E length of the feature.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.nn.clip_sizes import Gelu, PatchSizes, ResNetSizes
from kaoiro.nn.transformer import Transformer, forgetful, split_heads

BRANCH = 0.1
"""Scale of the last normalisation in every residual branch when training begins from random weights."""


class Bottleneck(nn.Module):
    """Convolutions of 1×1, 3×3 and 1×1 beside a shortcut; where the map is halved, both sides average it first.

    (B, inputs, H, W) -> (B, 4 planes, H/stride, W/stride)
    """

    def __init__(self, inputs: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        outputs = 4 * planes
        self.stride = stride
        self.conv1, self.bn1 = nn.Conv2d(inputs, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        changes = stride > 1 or inputs != outputs
        match = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.downsample = match if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        branch = self.bn1(self.conv1(x)).relu()
        branch = self.bn2(self.conv2(branch)).relu()
        branch = self.bn3(self.conv3(_smaller(branch, self.stride)))
        shortcut = x if self.downsample is None else self.downsample(_smaller(x, self.stride))
        return (branch + shortcut).relu()


def _smaller(x: Tensor, stride: int) -> Tensor:
    return F.avg_pool2d(x, stride) if stride > 1 else x


class AttentionPool(nn.Module):
    """One attention of the mean over places towards all places. (B, C, H, W) -> (B, E).

    Args:
        cells: H times W.
        width: C.
        heads: they divide C.
        embed: E.
    """

    def __init__(self, cells: int, width: int, heads: int, embed: int) -> None:
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.empty(cells + 1, width))
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.c_proj = nn.Linear(width, width), nn.Linear(width, embed)
        for layer in (self.q_proj, self.k_proj, self.v_proj, self.c_proj):
            nn.init.normal_(layer.weight, std=width**-0.5)
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.positional_embedding, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled feature."""
        places = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([places.mean(dim=1, keepdim=True), places], dim=1) + self.positional_embedding
        query = split_heads(self.q_proj(tokens[:, :1]), self.heads)
        key, value = split_heads(self.k_proj(tokens), self.heads), split_heads(self.v_proj(tokens), self.heads)
        pooled = F.scaled_dot_product_attention(query, key, value)
        return self.c_proj(pooled.flatten(1))


class ResNetTower(nn.Module):
    """Stem, four stages of bottlenecks, attention pool. (B, 3, S, S) normalised pixels -> (B, E).

    Attributes:
        spares_memory: keep only the blocks' inputs for the backward pass and compute the rest again.

    Args:
        sizes: of the tower.
        embed: E.
    """

    def __init__(self, sizes: ResNetSizes, embed: int) -> None:
        super().__init__()
        sizes.check()
        self.side, self.spares_memory = sizes.side, False
        half, width = sizes.width // 2, sizes.width
        self.conv1, self.bn1 = nn.Conv2d(3, half, 3, 2, 1, bias=False), nn.BatchNorm2d(half)
        self.conv2, self.bn2 = nn.Conv2d(half, half, 3, 1, 1, bias=False), nn.BatchNorm2d(half)
        self.conv3, self.bn3 = nn.Conv2d(half, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, sizes.layers[0], 1)
        self.layer2 = _stage(4 * width, 2 * width, sizes.layers[1], 2)
        self.layer3 = _stage(8 * width, 4 * width, sizes.layers[2], 2)
        self.layer4 = _stage(16 * width, 8 * width, sizes.layers[3], 2)
        self.attnpool = AttentionPool((sizes.side // 32) ** 2, 32 * width, sizes.heads, embed)
        self.apply(_initialise)

    def maps(self, x: Tensor) -> Tensor:
        """Return the last feature map: (B, 3, S, S) normalised pixels -> (B, 32 width, S/32, S/32)."""
        _refuse_other_side(x, self.side)
        for convolution, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = norm(convolution(x)).relu()
        x = F.avg_pool2d(x, 2)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in stage:
                x = forgetful(block, x) if self.spares_memory else block(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return one feature per picture, not normalised."""
        return self.attnpool(self.maps(x))


def _stage(inputs: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    """Return the bottlenecks of a stage, of which the first halves the map."""
    later = [Bottleneck(4 * planes, planes) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(inputs, planes, stride), *later)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, Bottleneck):
        nn.init.constant_(module.bn3.weight, BRANCH)


class PatchTower(nn.Module):
    """A transformer over patches, read at a class token. (B, 3, S, S) normalised pixels -> (B, E).

    Args:
        sizes: of the tower.
        embed: E.
        gelu: activation.
    """

    def __init__(self, sizes: PatchSizes, embed: int, gelu: Gelu) -> None:
        super().__init__()
        sizes.check()
        self.side, width = sizes.side, sizes.width
        cells = (sizes.side // sizes.patch) ** 2
        self.conv1 = nn.Conv2d(3, width, sizes.patch, sizes.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(cells + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, sizes.layers, sizes.heads, causal=False, gelu=gelu)
        self.proj = nn.Parameter(torch.empty(width, embed))
        for parameter in (self.class_embedding, self.positional_embedding, self.proj):
            nn.init.normal_(parameter, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return one feature per picture, not normalised."""
        _refuse_other_side(x, self.side)
        patches = self.conv1(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.to(patches.dtype).expand(x.shape[0], 1, -1)
        tokens = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        return self.ln_post(self.transformer(tokens)[:, 0]) @ self.proj


def _refuse_other_side(x: Tensor, side: int) -> None:
    if tuple(x.shape[1:]) != (3, side, side):
        raise ValueError(f"pictures of {tuple(x.shape[1:])}; this tower reads (3, {side}, {side})")


def resized(positions: Tensor, cells: int) -> Tensor:
    """Return positional embeddings for a square grid of another size, bicubic with antialiasing.

    Args:
        positions: (1 + h², W); the first belongs to no place and stays.
        cells: number of places of the new grid, a square.

    Returns:
        (1 + cells, W).
    """
    old, new = round((len(positions) - 1) ** 0.5), round(cells**0.5)
    if old == new:
        return positions
    grid = positions[1:].T.unflatten(1, (old, old)).unsqueeze(0)
    grid = F.interpolate(grid.float(), (new, new), mode="bicubic", align_corners=False, antialias=True)
    return torch.cat([positions[:1], grid[0].flatten(1).T.to(positions.dtype)])
