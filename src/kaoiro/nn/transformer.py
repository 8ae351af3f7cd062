"""The transformer of two-tower networks: for words with a causal mask, for patches without one.

Source:  Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, 2.4;
         blocks after Vaswani et al., 2017, normalised before each branch as in Radford et al., 2019.
Names:   of parameters as in the published weights.
Legend:  N texts or pictures, T tokens, W width.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from kaoiro.nn.clip_sizes import Gelu


class QuickGelu(nn.Module):
    """x·sigmoid(1.702 x), an approximation of the Gaussian error linear unit (Hendrycks & Gimpel, 2016, sec. 2)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation, in the shape of `x`."""
        return x * torch.sigmoid(1.702 * x)


class SelfAttention(nn.Module):
    """Dot-product attention of several heads over the tokens of one text or picture. (N, T, W) -> (N, T, W).

    Args:
        width: W.
        heads: they divide the width.
        causal: a token sees itself and what stands before it.
    """

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.normal_(self.in_proj_weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return what every token gathers."""
        query, key, value = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=2)
        heads = (split_heads(query, self.heads), split_heads(key, self.heads), split_heads(value, self.heads))
        gathered = F.scaled_dot_product_attention(*heads, is_causal=self.causal)
        return self.out_proj(gathered.transpose(1, 2).flatten(2))


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Return (N, heads, T, W/heads) for (N, T, W)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


class Block(nn.Module):
    """Attention and a perceptron of four times the width, each normalised before and added. (N, T, W) -> (N, T, W)."""

    def __init__(self, width: int, heads: int, causal: bool, gelu: Gelu) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads, causal)
        self.ln_2 = nn.LayerNorm(width)
        activation = QuickGelu() if gelu == "quick" else nn.GELU()
        wide, narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(c_fc=wide, gelu=activation, c_proj=narrow))

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """Blocks one after the other. (N, T, W) -> (N, T, W).

    Attributes:
        spares_memory: keep only the blocks' inputs for the backward pass and compute the rest again.

    Args:
        width: W.
        layers: number of blocks.
        heads: of each block's attention.
        causal: a token sees itself and what stands before it.
        gelu: activation.
    """

    def __init__(self, width: int, layers: int, heads: int, causal: bool, gelu: Gelu) -> None:
        super().__init__()
        self.spares_memory = False
        self.resblocks = nn.ModuleList(Block(width, heads, causal, gelu) for _ in range(layers))
        for block in self.resblocks:
            _initialise(block, width, layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last block's output."""
        for block in self.resblocks:
            x = forgetful(block, x) if self.spares_memory else block(x)
        return x


def _initialise(block: nn.Module, width: int, layers: int) -> None:
    """Draw weights as the published training began: the deeper the network, the smaller at the ends of branches."""
    spread = {
        "attn.out_proj.weight": (2 * layers * width) ** -0.5,
        "mlp.c_fc.weight": (2 * width) ** -0.5,
        "mlp.c_proj.weight": (2 * layers * width) ** -0.5,
    }
    for name, std in spread.items():
        nn.init.normal_(block.get_parameter(name), std=std)
    for name in ("attn.out_proj.bias", "mlp.c_fc.bias", "mlp.c_proj.bias"):
        nn.init.zeros_(block.get_parameter(name))


def forgetful(block: nn.Module, x: Tensor) -> Tensor:
    """Return `block(x)`, to be computed again in the backward pass (Chen et al., 2016).

    Running means of batch normalisation move once only, as without it.
    """
    if not torch.is_grad_enabled():
        return block(x)
    return cast(Tensor, checkpoint(block, x, use_reentrant=False, context_fn=lambda: (nullcontext(), _still(block))))


@contextmanager
def _still(block: nn.Module) -> Iterator[None]:
    """Hold the running means of batch normalisation within the block."""
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
