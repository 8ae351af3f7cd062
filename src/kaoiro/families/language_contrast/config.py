"""Settings of the family, without PyTorch so that recipes can be listed anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaoiro.core.checks import at_least, below_one, not_negative, positive, require, share, side
from kaoiro.families.language_contrast.prompts import Language, Style


@dataclass(frozen=True)
class TextConfig:
    """The text tower.

    Attributes:
        width: of the transformer.
        layers, heads: of it.
        context: tokens of a prompt at most.
        vocabulary: tokens of the tokenizer that is learned from the prompts.
        style: what is said of each class.
        language: of the prompts.
        frozen: the tower keeps the weights that it starts with (arm C3).
        sampled: in training one prompt of each class is drawn in every step; else the mean over all of them is taken.
        apart: texts of a second head say that the labels are of somebody else. Heads that compare a face with the same
            texts give the same answer, whatever their annotations.
    """

    width: int = 128
    layers: int = 4
    heads: int = 4
    context: int = 48
    vocabulary: int = 1000
    style: Style = "descriptions"
    language: Language = "en"
    frozen: bool = False
    sampled: bool = True
    apart: bool = False

    def check(self) -> None:
        """Refuse a tower that cannot be.

        Raises:
            InputError: names the first setting.
        """
        for name in ("layers", "heads", "width"):
            at_least(f"network.text.{name}", 1, getattr(self, name))
        at_least("network.text.context", 4, self.context)
        at_least("network.text.vocabulary", 300, self.vocabulary)
        require(self.width % self.heads == 0, "network.text.width", f"a multiple of {self.heads} heads", self.width)


@dataclass(frozen=True)
class NetworkConfig:
    """Which towers.

    Attributes:
        tower: of images: 'compact' is that of `residual_attention`; 'clip' the one of the weights in `clip`.
        head: 'text' compares with the texts of the classes; 'linear' has none, for comparison (arms C0 and C4).
        stem, widths, mask: of the compact tower, see `nn.attention.compact`.
        dropout: before the last layer.
        embed: numbers of the common space.
        scale: of cosines at the start (learned): the inverse of a temperature.
        clip: file of published CLIP weights, for the tower 'clip'; its own text tower and space are taken with it.
        merges: tokenizer file that belongs to them.
        text: the text tower.
    """

    tower: Literal["compact", "clip"] = "compact"
    head: Literal["text", "linear"] = "text"
    stem: int = 32
    widths: tuple[int, int, int] = (32, 72, 176)
    mask: int = 24
    dropout: float = 0.2
    embed: int = 128
    scale: float = 14.3
    clip: str | None = None
    merges: str | None = None
    text: TextConfig = field(default_factory=TextConfig)

    def check(self) -> None:
        """Refuse towers that cannot be built.

        Raises:
            InputError: names the first setting.
        """
        at_least("network.stem", 1, self.stem)
        at_least("network.widths", 1, min(self.widths))
        at_least("network.mask", 0, self.mask)
        at_least("network.embed", 2, self.embed)
        positive("network.scale", self.scale)
        below_one("network.dropout", self.dropout)
        given = self.clip is not None and self.merges is not None
        wish = "given together with network.clip and network.merges"
        require(given == (self.tower == "clip"), "network.tower clip", wish, (self.tower, self.clip, self.merges))
        self.text.check()


@dataclass(frozen=True)
class ObjectiveConfig:
    """Loss and optimiser, the same for every arm.

    Attributes:
        axes: 'both' is LASTED's loss, 'printed' the same as published (without the text axis where a class is missing),
            'images' cross-entropy of images alone.
        adjust: strength of logit adjustment; 0 leaves it out.
        hard: targets are 1 for the likeliest class, instead of distributions.
        mixup: parameter of the Beta distribution; 0 turns mixup off.
        mixup_among: labels among which faces are blended; empty blends all.
        mixup_until: share of the epochs after which mixup stops.
        tied: weight of the loss that ties sentences on action units to faces; 0 leaves it out. The units are those that
            the model `data.teacher` reads.
        sentences: that are made in each step of what single faces show, beside one on every unit.
        longest: actions in a sentence at most.
        optimizer: 'adamw', or 'sgd' (Nesterov, as the toolkit's stills). After three epochs of faces of 32 pixels AdamW
            had 46.6 % of training-val right with a linear layer and 39.4 % with texts, SGD 43.2 % and 38.4 %.
        learning_rate: peak of the one-cycle schedule.
        slow: share of the learning rate for pretrained towers.
        momentum: of SGD.
        weight_decay: on weights of two dimensions or more.
        warmup: share of all steps.
        small_size, small_until: side of the images in the first part of the schedule, and how long that lasts.
    """

    axes: Literal["both", "printed", "images"] = "both"
    adjust: float = 0.0
    hard: bool = False
    mixup: float = 0.2
    mixup_among: tuple[str, ...] = ()
    mixup_until: float = 0.85
    tied: float = 0.0
    sentences: int = 12
    longest: int = 3
    optimizer: Literal["sgd", "adamw"] = "adamw"
    learning_rate: float = 2e-3
    slow: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.05
    warmup: float = 0.05
    small_size: int = 32
    small_until: float = 0.5

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        for name in ("adjust", "mixup", "tied", "learning_rate", "slow", "weight_decay"):
            not_negative(f"objective.{name}", getattr(self, name))
        at_least("objective.sentences", 0, self.sentences)
        at_least("objective.longest", 1, self.longest)
        require(0 < self.momentum < 1, "objective.momentum", "above 0 and below 1", self.momentum)
        below_one("objective.warmup", self.warmup)
        share("objective.mixup_until", self.mixup_until)
        share("objective.small_until", self.small_until)
        side("objective.small_size", self.small_size)
