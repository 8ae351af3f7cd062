"""Two towers that lay pictures and texts into one space, where their cosine says how well they fit.

Source:  Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, fig. 3.
Names:   of parameters as in the published weights, the text tower's under `text.`, so that a tower can be frozen or
         exchanged as a whole; `nn.clip_files` reads and writes the published names.
Legend:  B pictures, K texts, E length of the features.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.nn.clip_image import PatchTower, ResNetTower
from kaoiro.nn.clip_sizes import ClipSizes, PatchSizes
from kaoiro.nn.text import TextTower
from kaoiro.nn.transformer import Transformer

LARGEST_SCALE = 100.0
"""Of the logits, beyond which the published training became unstable (section 2.5)."""


class Clip(nn.Module):
    """Image tower, text tower and the scale of their cosine.

    Args:
        sizes: for example `RN50X64`.

    Raises:
        InputError: there is no network of such sizes.
    """

    def __init__(self, sizes: ClipSizes) -> None:
        super().__init__()
        sizes.check()
        self.sizes = sizes
        self.visual = _image_tower(sizes)
        text = sizes.text
        self.text = TextTower(
            text.vocabulary, text.width, text.layers, text.heads, text.context, sizes.embed, sizes.gelu
        )
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Return the logits of every picture for every text.

        Args:
            images: (B, 3, S, S) normalised pixels.
            tokens: (K, T) ids.

        Returns:
            (B, K), single precision.
        """
        return cosine_logits(self.visual(images), self.text(tokens), self.logit_scale)

    def spare_memory(self, on: bool = True) -> None:
        """Compute blocks again in the backward pass instead of keeping what they computed: less memory, more time."""
        for module in self.modules():
            if isinstance(module, ResNetTower | Transformer):
                module.spares_memory = on


def _image_tower(sizes: ClipSizes) -> ResNetTower | PatchTower:
    if isinstance(sizes.image, PatchSizes):
        return PatchTower(sizes.image, sizes.embed, sizes.gelu)
    return ResNetTower(sizes.image, sizes.embed)


def cosine_logits(images: Tensor, texts: Tensor, logit_scale: Tensor) -> Tensor:
    """Return the scaled cosine of every picture with every text, in single precision also under autocast.

    With the published scale of 100, bfloat16 would leave the logits steps of a half.

    Args:
        images: (B, E) features, not normalised.
        texts: (K, E) features, not normalised.
        logit_scale: logarithm of the scale.

    Returns:
        (B, K).
    """
    with torch.autocast(images.device.type, enabled=False):
        cosine = F.normalize(images.float(), dim=1) @ F.normalize(texts.float(), dim=1).T
        return logit_scale.float().exp() * cosine


def limit_scale(logit_scale: nn.Parameter) -> None:
    """Hold the scale of the logits at 100 at most: to be called after every step of the optimiser.

    Limiting the scale in the forward pass instead would leave published weights, which stand at the limit, without a
    gradient for it.
    """
    with torch.no_grad():
        logit_scale.clamp_(max=math.log(LARGEST_SCALE))
