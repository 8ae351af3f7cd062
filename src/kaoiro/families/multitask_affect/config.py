"""Settings of the family, without PyTorch so that recipes can be listed anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kaoiro.core.checks import at_least, below_one, not_negative, require, share

Form = Literal["light", "vgg"]
"""Trunks: ours for 48 pixels, and the printed one for 96."""


@dataclass(frozen=True)
class NetworkConfig:
    """Which network, and the widths of the light one.

    Attributes:
        stem: channels after the stem (24×24).
        widths: channels of the three stages (24×24, 12×12, 6×6).
        mask: channels inside the mask branch of the trunk; 0 builds it without attention.
        placed: channels that know where they are, from each of the last two maps; 0 leaves them out.
        dropout: before the heads.
        form: 'light' is ours, with the trunk of the stills; 'vgg' is the printed one, which has widths of its own.
    """

    stem: int = 32
    widths: tuple[int, int, int] = (32, 72, 176)
    mask: int = 24
    placed: int = 96
    dropout: float = 0.2
    form: Form = "light"

    def check(self) -> None:
        """Refuse widths with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        at_least("network.stem", 1, self.stem)
        at_least("network.widths", 1, min(self.widths))
        at_least("network.mask", 0, self.mask)
        at_least("network.placed", 0, self.placed)
        below_one("network.dropout", self.dropout)


@dataclass(frozen=True)
class ObjectiveConfig:
    """Losses and optimiser: L = α L_affect + β (L_expression + L_units) + couplings (SPEC 5.3, 5.7).

    Attributes:
        alpha: weight of valence and arousal.
        beta: weight of expressions and action units.
        affect_loss: 'ccc' (1 - mean concordance over the batch) or 'mse'.
        units: factor on the loss of action units, beside β.
        rare: at most this factor on the present cases of a rare action unit.
        spread: weight of the likelihood that teaches the predictive spread.
        coupled_units: weight of the distance between what faces of an expression show on average and the table of
            expressions and action units, on faces without labels of units.
        coupled_faces: weight of the same table as a soft label of each single face.
        coupled_affect: weight of the expression's place in valence and arousal, on faces that have no label of these.
        own_statistics: whether faces of other domains than the first are normalised by their own batch alone and leave
            the running statistics as they are.
        optimizer: 'sgd' (Nesterov) or 'adam'.
        learning_rate: peak of the schedule.
        momentum: of SGD.
        weight_decay: on convolution and linear weights only.
        warmup: share of all steps, below 1.
        mixup: parameter of the Beta distribution; 0 turns mixup off.
        mixup_until: share of the epochs after which mixup stops.
    """

    alpha: float = 0.5
    beta: float = 0.5
    affect_loss: Literal["ccc", "mse"] = "ccc"
    units: float = 1.0
    rare: float = 10.0
    spread: float = 0.0
    coupled_units: float = 0.0
    coupled_faces: float = 0.0
    coupled_affect: float = 0.0
    own_statistics: bool = False
    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 1e-5
    warmup: float = 0.05
    mixup: float = 0.0
    mixup_until: float = 0.85

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        weights = ("alpha", "beta", "units", "spread", "coupled_units", "coupled_faces", "coupled_affect")
        for name in (*weights, "learning_rate", "weight_decay", "mixup"):
            not_negative(f"objective.{name}", getattr(self, name))
        require(self.rare >= 1, "objective.rare", "1 or more", self.rare)
        require(0 < self.momentum < 1, "objective.momentum", "above 0 and below 1", self.momentum)
        below_one("objective.warmup", self.warmup)
        share("objective.mixup_until", self.mixup_until)
