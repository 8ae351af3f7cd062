"""Settings of the family, without PyTorch so that recipes can be listed anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kaoiro.core.checks import at_least, below_one, not_negative, require, share, side

Form = Literal["compact", "attention-56", "attention-92", "attention-56-224", "attention-92-224"]
"""Networks: ours, and the published ones for pictures of 48 pixels and of 224."""


@dataclass(frozen=True)
class NetworkConfig:
    """Which network, and the widths of the compact one.

    Attributes:
        stem: channels after the stem (24×24).
        widths: channels of the three stages (24×24, 12×12, 6×6).
        mask: channels inside the mask branch; 0 builds the network without attention.
        dropout: before the classifier.
        form: 'compact' is ours; the others are the published ones (see `nn.attention.ResidualAttention`), which have
            widths of their own.
        add_reference: published forms, for ports' weights only (see `nn.attention.AttentionModule`).
    """

    stem: int = 32
    widths: tuple[int, int, int] = (32, 72, 176)
    mask: int = 24
    dropout: float = 0.2
    form: Form = "compact"
    add_reference: bool = False

    def check(self) -> None:
        """Refuse widths with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        at_least("network.stem", 1, self.stem)
        at_least("network.widths", 1, min(self.widths))
        at_least("network.mask", 0, self.mask)
        below_one("network.dropout", self.dropout)


@dataclass(frozen=True)
class ObjectiveConfig:
    """Loss and optimiser.

    Attributes:
        learning_rate: peak of the one-cycle schedule (linear warm-up, cosine to zero).
        momentum: Nesterov momentum.
        weight_decay: on convolution and linear weights only.
        warmup: share of all steps, below 1.
        mixup: parameter of the Beta distribution; 0 turns mixup off.
        mixup_until: share of the epochs after which mixup stops.
        small_size: side in pixels of the images in the first part of the schedule (a multiple of 8).
        small_until: share of the epochs with small images; 0 trains at full size throughout.
        schedule: of the learning rate: 'one-cycle', or 'steps': a tenth after 30, 60 and 90 % of the epochs.
    """

    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.05
    mixup: float = 0.2
    mixup_until: float = 0.85
    small_size: int = 32
    small_until: float = 0.5
    schedule: Literal["one-cycle", "steps"] = "one-cycle"

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        not_negative("objective.learning_rate", self.learning_rate)
        require(0 < self.momentum < 1, "objective.momentum", "above 0 and below 1", self.momentum)
        not_negative("objective.weight_decay", self.weight_decay)
        below_one("objective.warmup", self.warmup)
        not_negative("objective.mixup", self.mixup)
        share("objective.mixup_until", self.mixup_until)
        share("objective.small_until", self.small_until)
        side("objective.small_size", self.small_size)
