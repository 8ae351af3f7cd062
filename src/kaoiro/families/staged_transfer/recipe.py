"""Named recipes of the family: the stages of a transfer, for the published networks and for ours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaoiro.core.checks import positive, require
from kaoiro.core.crops import E_CROP, FER2013_CROP
from kaoiro.core.run import Run
from kaoiro.core.spec import CropGeometry
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.source import DataConfig
from kaoiro.families.staged_transfer.config import NetworkConfig, ObjectiveConfig, ViewsConfig

MIRRORED = Augmentation(
    rotation=0.0, shift=0.0, scale=0.0, light=0.0, blur=0.0, low_resolution=0.0, jpeg=0.0, noise=0.0, erase=0.0
)
"""Half of the faces are mirrored; beside that, windows of the crops are drawn."""
VIEWED = Augmentation()
"""How views differ: as mirrors, detectors, cameras and compression make pictures of one face differ, such that nobody
would call the expressions different. Strong crops, which help to tell objects, would cut mouths away."""


@dataclass(frozen=True)
class Recipe:
    """A complete, reproducible training run of this family.

    Attributes:
        data: what is learned from.
        network: form, and weights to begin with.
        objective: loss and optimiser.
        run: how long, and which model is begun with.
        crop: where a face lies in a crop.
        size: side of the crops, pixels; the network looks at windows of `network.side` of it.
        deviation: what pixels of 0-1 are divided by once the mean of the learning data is off; None takes their own
            deviation. The same number in all stages keeps the range that the layers learned.
    """

    data: DataConfig = field(default_factory=lambda: DataConfig(labels="fer2013", augmentation=MIRRORED))
    network: NetworkConfig = field(default_factory=NetworkConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    run: Run = field(default_factory=lambda: Run(epochs=30, batch=128, ema=0.0))
    crop: CropGeometry = FER2013_CROP
    size: int = 256
    deviation: float | None = 0.25

    def check(self) -> None:
        """Refuse settings with which nothing can be trained.

        Raises:
            InputError: names the first of them.
        """
        for section in (self.data, self.network, self.objective, self.run):
            section.check()
        seen = self.network.side
        require(seen <= self.size <= 1024, "size", f"between {seen}, which the network looks at, and 1024", self.size)
        if self.deviation is not None:
            positive("deviation", self.deviation)
        both = self.run.start is not None and self.network.weights is not None
        require(not both, "network.weights", "left out with run.start, which has weights", self.network.weights)
        if self.objective.task == "views":
            wish = "0 with objective.task views, which answers nothing that could be right"
            require(not self.run.patience, "run.patience", wish, self.run.patience)
            require(self.run.batch > 1, "run.batch", "2 or more with objective.task views", self.run.batch)


ALEXNET_FER2013 = Recipe()
"""Stage 1: FER2013's Training with its own labels; give ImageNet's weights by `--network.weights FILE`."""
VGG_M_FER2013 = replace(ALEXNET_FER2013, network=NetworkConfig(form="vgg-m"))
ALEXNET_TARGET = replace(
    ALEXNET_FER2013,
    data=DataConfig(dataset="labelled", augmentation=MIRRORED),
    objective=ObjectiveConfig(learning_rate=1e-4, parts=2),
    run=Run(epochs=20, batch=128, ema=0.0, patience=5),
    crop=E_CROP,
)
"""Stage 2: few faces of the kind that is wanted; give them by `--data.root`, and stage 1 by `--run.start MODEL`."""
VGG_M_TARGET = replace(ALEXNET_TARGET, network=VGG_M_FER2013.network)
COMPACT_FER2013 = replace(
    ALEXNET_FER2013,
    network=NetworkConfig(form="compact", dropout=0.2),
    objective=ObjectiveConfig(learning_rate=0.1, parts=0, anew=1.0),
    size=54,
    deviation=None,
)
"""Stage 1 of a modest machine: the trunk of the toolkit's stills, which has normalisation and takes higher rates; 48 of
54 pixels are about as much of a crop as 227 of 256."""
COMPACT_VIEWS = replace(
    COMPACT_FER2013,
    data=DataConfig(labels="fer2013", augmentation=VIEWED),
    objective=ObjectiveConfig(learning_rate=0.05, parts=0, task="views"),
)
"""Stage 0 without ImageNet: the same faces, of which no label is looked at."""
COMPACT_TARGET = replace(
    COMPACT_FER2013,
    data=ALEXNET_TARGET.data,
    objective=ObjectiveConfig(learning_rate=0.03, parts=0, anew=3.0),
    run=ALEXNET_TARGET.run,
    crop=E_CROP,
)
TINY = Recipe(
    data=DataConfig(dataset="drawn", count=384, augmentation=MIRRORED),
    network=NetworkConfig(form="compact", stem=8, widths=(8, 16, 24), mask=8, dropout=0.0),
    objective=ObjectiveConfig(learning_rate=0.05, parts=2, anew=1.0),
    run=Run(epochs=24, batch=16, ema=0.0),
    size=50,
    deviation=None,
)
TINY_VIEWS = replace(
    TINY,
    data=replace(TINY.data, augmentation=VIEWED),
    objective=ObjectiveConfig(learning_rate=0.01, parts=2, task="views", views=ViewsConfig(32, 32, redundancy=0.05)),
    run=replace(TINY.run, epochs=8, batch=32),
)

RECIPES: dict[str, Recipe] = {
    "alexnet-fer2013": ALEXNET_FER2013,
    "vgg-m-fer2013": VGG_M_FER2013,
    "alexnet-target": ALEXNET_TARGET,
    "vgg-m-target": VGG_M_TARGET,
    "compact-views": COMPACT_VIEWS,
    "compact-fer2013": COMPACT_FER2013,
    "compact-target": COMPACT_TARGET,
    "tiny": TINY,
    "tiny-views": TINY_VIEWS,
}
