"""Settings of the family, without PyTorch so that recipes can be listed anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaoiro.core.checks import at_least, below_one, not_negative, require

Form = Literal["alexnet", "vgg-m", "compact"]
"""Networks: the two published ones, and ours for modest machines."""
SIDES: dict[str, int] = {"alexnet": 227, "vgg-m": 224}
"""Pixels of what the published ones look at."""
THIN = 16
"""Channels can be divided by so many, such that two groups remain."""


@dataclass(frozen=True)
class NetworkConfig:
    """Which network, the widths of ours, and published weights to begin with.

    Attributes:
        form: 'alexnet' (Caffe's) and 'vgg-m' (VGG-CNN-M-2048) have widths of their own; 'compact' is ours.
        pixels: side of what the compact one looks at.
        stem, widths, mask: of the compact one, see `nn.attention.compact`.
        thin: published forms, for trials: divides the number of channels of every layer.
        normalise_first: 'alexnet': before pooling, as weights of `bvlc_alexnet` want it; else after it, as those of
            `bvlc_reference_caffenet`. No file tells which.
        dropout: after fc6 and fc7; of the compact one before the last layer.
        weights: published forms: file with ImageNet weights to begin with, see `nn.caffe_files`; None begins with
            random ones.
        colours: order of the colours that the first layer of the file takes.
        mean: that the file's network takes off, 0-255, in this order.
    """

    form: Form = "alexnet"
    pixels: int = 48
    stem: int = 32
    widths: tuple[int, int, int] = (32, 72, 176)
    mask: int = 24
    thin: int = 1
    normalise_first: bool = False
    dropout: float = 0.5
    weights: str | None = None
    colours: Literal["bgr", "rgb"] = "bgr"
    mean: tuple[float, float, float] = (104.0, 117.0, 123.0)

    @property
    def side(self) -> int:
        """Pixels of what the network looks at."""
        return SIDES.get(self.form, self.pixels)

    def check(self) -> None:
        """Refuse widths with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        at_least("network.pixels", 16, self.pixels)
        at_least("network.stem", 1, self.stem)
        at_least("network.widths", 1, min(self.widths))
        at_least("network.mask", 0, self.mask)
        require(1 <= self.thin <= THIN and THIN % self.thin == 0, "network.thin", "1, 2, 4, 8 or 16", self.thin)
        below_one("network.dropout", self.dropout)
        published = self.form != "compact"
        require(published or self.weights is None, "network.weights", "left out with the compact form", self.weights)
        require(min(self.mean) >= 0 and max(self.mean) <= 255, "network.mean", "between 0 and 255", self.mean)


@dataclass(frozen=True)
class ViewsConfig:
    """Learning from two views of each face, see `views`.

    Attributes:
        hidden: units of the projector's hidden layer.
        numbers: that the projector gives, and that are correlated.
        redundancy: weight of the correlations between different numbers (lambda).
    """

    hidden: int = 512
    numbers: int = 512
    redundancy: float = 0.005

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        at_least("objective.views.hidden", 1, self.hidden)
        at_least("objective.views.numbers", 2, self.numbers)
        not_negative("objective.views.redundancy", self.redundancy)


@dataclass(frozen=True)
class ObjectiveConfig:
    """Loss and optimiser: cross-entropy or agreement of views, SGD with momentum (SPEC 6.1).

    Attributes:
        learning_rate: of the first part of the course, or at its highest.
        parts: the course is divided into so many equal parts; in each the rate is a tenth of what it was in the part
            before. Three parts of 30 epochs, and two of 20, are a tenth every 10 epochs. 0 has no parts: the rate rises
            for a tenth of the course, and falls to 0 along a cosine, which suits courses of few epochs.
        momentum: of SGD.
        weight_decay: on convolution and linear weights only, as in Caffe.
        anew: factor on the rate of the last layer where that begins anew: in a first stage, or with `run.renew`.
        task: 'labels' learns the classes of faces; 'views' learns features that two views of a face share, without
            looking at any label, and leaves the last layer alone.
        views: how, with 'views'; how views differ is `data.augmentation`.
    """

    learning_rate: float = 1e-3
    parts: int = 3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    anew: float = 10.0
    task: Literal["labels", "views"] = "labels"
    views: ViewsConfig = field(default_factory=ViewsConfig)

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        not_negative("objective.learning_rate", self.learning_rate)
        at_least("objective.parts", 0, self.parts)
        require(0 < self.momentum < 1, "objective.momentum", "above 0 and below 1", self.momentum)
        not_negative("objective.weight_decay", self.weight_decay)
        not_negative("objective.anew", self.anew)
        self.views.check()
