"""Settings of the family, without PyTorch so that recipes can be listed anywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkConfig:
    """Widths of the compact network.

    Attributes:
        stem: channels after the stem (24×24).
        widths: channels of the three stages (24×24, 12×12, 6×6).
        mask: channels inside the mask branch; 0 builds the network without attention.
        dropout: before the classifier.
    """

    stem: int = 32
    widths: tuple[int, int, int] = (32, 72, 176)
    mask: int = 24
    dropout: float = 0.2


@dataclass(frozen=True)
class ObjectiveConfig:
    """Loss and optimiser.

    Attributes:
        learning_rate: peak of the one-cycle schedule (linear warm-up, cosine to zero).
        momentum: Nesterov momentum.
        weight_decay: on convolution and linear weights only.
        warmup: share of all steps.
        mixup: parameter of the Beta distribution; 0 turns mixup off.
        mixup_until: share of the epochs after which mixup stops.
        small_size: side in pixels of the images in the first part of the schedule (a multiple of 8).
        small_until: share of the epochs with small images; 0 trains at full size throughout.
    """

    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.05
    mixup: float = 0.2
    mixup_until: float = 0.85
    small_size: int = 32
    small_until: float = 0.5
