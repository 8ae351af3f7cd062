"""Sizes of two-tower networks of pictures and texts, without PyTorch so that settings can be listed anywhere.

Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021,
        tables 19 and 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kaoiro.core.checks import at_least, require

Gelu = Literal["quick", "exact"]
"""Activation of the transformers: x·sigmoid(1.702 x), as the published networks have it, or the exact GELU."""

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the red, green and blue values in 0-1, with which the published image towers were trained."""


@dataclass(frozen=True)
class TextSizes:
    """A text tower.

    Attributes:
        vocabulary: number of token ids; the highest one ends a text.
        width: of a token's features.
        layers: blocks of the transformer.
        heads: of its attention; they divide the width.
        context: tokens of the longest text, start and end included.
    """

    vocabulary: int
    width: int = 128
    layers: int = 4
    heads: int = 4
    context: int = 32

    def check(self) -> None:
        """Refuse sizes with which there is no tower.

        Raises:
            InputError: names the first of them.
        """
        at_least("text.vocabulary", 2, self.vocabulary)
        _transformer("text", self.width, self.layers, self.heads)
        at_least("text.context", 2, self.context)


@dataclass(frozen=True)
class ResNetSizes:
    """A residual network with attention pooling.

    Attributes:
        layers: bottlenecks of the four stages.
        width: channels after the stem; the last map has 32 times as many, in heads of 64.
        side: of the picture, pixels: a multiple of 32.
    """

    layers: tuple[int, int, int, int]
    width: int
    side: int

    @property
    def heads(self) -> int:
        """Heads of the attention pool."""
        return self.width // 2

    def check(self) -> None:
        """Refuse sizes with which there is no tower.

        Raises:
            InputError: names the first of them.
        """
        at_least("image.layers", 1, min(self.layers))
        require(self.width >= 2 and self.width % 2 == 0, "image.width", "a positive, even number", self.width)
        require(self.side >= 32 and self.side % 32 == 0, "image.side", "a multiple of 32", self.side)


@dataclass(frozen=True)
class PatchSizes:
    """A vision transformer.

    Attributes:
        patch: side of a patch, pixels.
        width: of a patch's features.
        layers: blocks of the transformer.
        heads: of its attention; they divide the width.
        side: of the picture, pixels: a multiple of the patch.
    """

    patch: int
    width: int
    layers: int
    heads: int
    side: int

    def check(self) -> None:
        """Refuse sizes with which there is no tower.

        Raises:
            InputError: names the first of them.
        """
        at_least("image.patch", 1, self.patch)
        _transformer("image", self.width, self.layers, self.heads)
        whole = self.side >= self.patch and self.side % self.patch == 0
        require(whole, "image.side", f"a multiple of {self.patch}", self.side)


@dataclass(frozen=True)
class ClipSizes:
    """Both towers.

    Attributes:
        embed: length of the features in which picture and text are compared.
        image: the image tower.
        text: the text tower.
        gelu: activation in the transformers. No weights file tells it: the published networks, and those of open_clip
            whose name ends in 'quickgelu', have 'quick', the others of open_clip 'exact'.
    """

    embed: int
    image: ResNetSizes | PatchSizes
    text: TextSizes
    gelu: Gelu = "quick"

    def check(self) -> None:
        """Refuse sizes with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        at_least("embed", 1, self.embed)
        self.image.check()
        self.text.check()


def _transformer(tower: str, width: int, layers: int, heads: int) -> None:
    at_least(f"{tower}.layers", 1, layers)
    at_least(f"{tower}.heads", 1, heads)
    require(width >= 1 and width % heads == 0, f"{tower}.width", f"a multiple of its {heads} heads", width)


RN50 = ClipSizes(1024, ResNetSizes((3, 4, 6, 3), 64, 224), TextSizes(49408, 512, 12, 8, 77))
RN50X64 = ClipSizes(1024, ResNetSizes((3, 15, 36, 10), 128, 448), TextSizes(49408, 1024, 12, 16, 77))
VIT_B_32 = ClipSizes(512, PatchSizes(32, 768, 12, 12, 224), TextSizes(49408, 512, 12, 8, 77))
