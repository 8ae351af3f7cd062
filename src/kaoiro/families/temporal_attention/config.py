"""Settings of the family, without PyTorch so that recipes can be listed anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kaoiro.core.checks import at_least, not_negative, require
from kaoiro.timeline.smoothing import LENGTH


@dataclass(frozen=True)
class NetworkConfig:
    """What the network sees of a window.

    Attributes:
        length: frames of a window (N).
        centred: a window reaches to both sides of its frame; else it ends with it.
        reads: 'features' of the still network (as the source), or its calibrated 'logits', which are the same for all
            still networks with the same labels.
        projection: values to which every frame is brought by one shared layer first; 0 gives all frames whole to the
            first layer (as the source).
        hidden: values after the first and the second of the three layers.
        cues: the network also sees the quality of each frame.
        affect: the cues also hold the valence and arousal that each frame's answer means, and how far these lie from
            the window's mean: expressions that are related lie near each other, a wild guess lies apart.
        weighs: what the weights are laid on: 'logits' (as the source: features before a linear layer), or
            'probabilities'.
        parabolic: the weights start as a parabola, from which the network learns to differ; else as equal.
    """

    length: int = LENGTH
    centred: bool = False
    reads: Literal["features", "logits"] = "features"
    projection: int = 0
    hidden: tuple[int, int] = (256, 64)
    cues: bool = False
    affect: bool = False
    weighs: Literal["logits", "probabilities"] = "logits"
    parabolic: bool = False

    def check(self) -> None:
        """Refuse settings with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        at_least("network.length", 2, self.length)
        require(not self.centred or self.length % 2 == 1, "network.length", "odd for a centred window", self.length)
        require(self.reads in ("features", "logits"), "network.reads", "features or logits", self.reads)
        require(self.weighs in ("logits", "probabilities"), "network.weighs", "logits or probabilities", self.weighs)
        at_least("network.projection", 0, self.projection)
        require(self.cues or not self.affect, "network.affect", "False without network.cues", self.affect)
        at_least("network.hidden", 1, min(self.hidden))


@dataclass(frozen=True)
class ObjectiveConfig:
    """Loss and optimiser.

    Attributes:
        learning_rate: of Adam.
        compare: what neighbouring windows should agree on: 'probabilities' (as the source's figure), or 'logits' (where
            probabilities are weighed: their logarithms).
        fidelity: weight of the divergence from a curve without lag (a centred parabola); 0 is the source's loss.
        lag: weight of the mean age of the frames that are listened to, in windows.
        shuffled: control: the frames of each window are put in an order of its own.
    """

    learning_rate: float = 1e-3
    compare: Literal["probabilities", "logits"] = "probabilities"
    fidelity: float = 0.0
    lag: float = 0.0
    shuffled: bool = False

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        not_negative("objective.learning_rate", self.learning_rate)
        not_negative("objective.fidelity", self.fidelity)
        not_negative("objective.lag", self.lag)
