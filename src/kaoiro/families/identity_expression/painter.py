"""What a face does, painted over the picture of it at rest: a decoder that needs no gradients to learn.

A picture is taken apart into what its code of expression paints and the rest, z_i = x - S φ(z_e), and put together from
the rest of one face and the strokes of another, x' = z_i + S M φ(z_e). φ are numbers of the code and products of the
first of them; M mixes them into a few strokes S, both learned by ridge regression (`training.painting`). Whoever keeps
the code of expression gets the picture back to the grey level, and an identity never blurs: it is the picture itself.

Source:  expression carried over as a difference of aligned pictures is as old as Liu, Shan and Zhang, "Expressive
         Expression Mapping with Ratio Images", SIGGRAPH 2001; here the difference comes from codes.
Legend:  B batch, E numbers of the code, T terms, R strokes, P = 3 H W values of a picture.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FINEST = 40
"""Pixels across and down in which is painted, at most; larger pictures get these enlarged."""
SQUARED = 24
"""The first numbers of the code, of which products are taken as well: so many foretell best what pictures of people who
were left out change by within a clip."""
STROKES = 64
"""R at most: what more of them would paint nobody sees."""


def terms(count: int) -> int:
    """Return T for a code of which `count` numbers paint."""
    first = min(SQUARED, count)
    return count + first * (first + 1) // 2


def expanded(codes: Tensor, count: int) -> Tensor:
    """Return φ (B, T) of codes (B, E): the first numbers, and products of the very first."""
    painting = codes[:, :count]
    first = painting[:, :SQUARED]
    products = [first[:, place : place + 1] * first[:, place:] for place in range(first.shape[1])]
    return torch.cat([painting, *products], dim=1)


class Painter(nn.Module):
    """Codes of expression (B, E) -> what they paint over a face at rest, (B, P) about 0.

    Args:
        count: numbers of the code that paint.
        side: of the pictures, pixels.
    """

    mix: Tensor
    strokes: Tensor
    even: Tensor

    def __init__(self, count: int, side: int) -> None:
        super().__init__()
        self._count, self._side = count, side
        self.grid = min(side, FINEST)
        size = 3 * self.grid**2
        self.register_buffer("mix", torch.zeros(STROKES, terms(count)))
        self.register_buffer("strokes", torch.zeros(size, STROKES))
        self.register_buffer("even", torch.zeros(size), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """Return values of a picture, (channel, row, column) in a row."""
        painted = F.linear(F.linear(expanded(codes, self._count), self.mix), self.strokes, self.even)
        if self.grid == self._side:
            return painted
        coarse = painted.unflatten(1, (3, self.grid, self.grid))
        return F.interpolate(coarse, (self._side, self._side), mode="bilinear", align_corners=False).flatten(1)


class Canvas(nn.Module):
    """Codes (B, P + E), a face at rest and an expression -> pictures (B, 3, H, W) in 0 to 1.

    Args:
        painter: of the network.
        side: of the pictures, pixels.
    """

    def __init__(self, painter: Painter, side: int) -> None:
        super().__init__()
        self._side = side
        self.painter = painter

    def forward(self, codes: Tensor) -> Tensor:
        """Return pictures."""
        size = 3 * self._side**2
        made = codes[:, :size] + self.painter(codes[:, size:])
        return made.clamp(0, 1).unflatten(1, (3, self._side, self._side))
