"""Named recipes of the family: data, network, objective, run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaoiro.core.checks import side
from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.run import Run
from kaoiro.core.spec import CropGeometry
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.source import DataConfig
from kaoiro.families.residual_attention.config import NetworkConfig, ObjectiveConfig


@dataclass(frozen=True)
class Recipe:
    """A complete, reproducible training run of this family.

    Attributes:
        data: what is learned from.
        network: widths.
        objective: loss and optimiser.
        run: how long.
        crop: where a face lies in a crop.
        size: side of the crops, pixels (a multiple of 8).
    """

    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    run: Run = field(default_factory=Run)
    crop: CropGeometry = FER2013_CROP
    size: int = 48

    def check(self) -> None:
        """Refuse settings with which nothing can be trained.

        Raises:
            InputError: names the first of them.
        """
        for section in (self.data, self.network, self.objective, self.run):
            section.check()
        side("size", self.size)


FERPLUS = Recipe()
FIDELITY = Recipe(
    data=DataConfig(
        labels="fer2013",
        augmentation=Augmentation(
            rotation=5.0,
            shift=0.03,
            scale=0.05,
            light=0.0,
            blur=0.0,
            low_resolution=0.0,
            jpeg=0.0,
            noise=0.0,
            erase=0.5,
        ),
    ),
    network=NetworkConfig(form="attention-56", dropout=0.0),
    objective=ObjectiveConfig(
        learning_rate=0.1,
        weight_decay=1e-4,
        mixup=1.0,
        mixup_until=5 / 6,
        small_until=0.0,
        schedule="steps",
    ),
    run=Run(epochs=120, batch=64, ema=0.0),
)
"""Attention-56 for 48 pixels with the published recipe (SPEC 2.2): seven classes, cross-entropy, rotation within ±10°
and crops of 80 to 100 % (here two standard deviations), erasing, mixup but for the last sixth of the epochs."""
IMPROVED = replace(FERPLUS, data=replace(FERPLUS.data, labels="fer2013"))
"""The compact network on FER2013's own labels."""
BOTH = replace(FERPLUS, data=replace(FERPLUS.data, labels="both"))
"""One compact network with a head for each annotation of the same faces."""
GENTLE = Augmentation(
    rotation=3.0, shift=0.02, scale=0.03, light=0.1, blur=0.0, low_resolution=0.0, jpeg=0.0, noise=0.01, erase=0.0
)
"""So little that a few hundred steps are enough to learn drawn faces."""
TINY = Recipe(
    data=DataConfig(dataset="drawn", count=384, augmentation=GENTLE),
    network=NetworkConfig(stem=8, widths=(8, 16, 24), mask=8, dropout=0.0),
    objective=replace(ObjectiveConfig(), learning_rate=0.05, mixup=0.0, small_until=0.0),
    run=Run(epochs=36, batch=16, ema=0.9),
)

RECIPES: dict[str, Recipe] = {
    "ferplus": FERPLUS,
    "fer2013-fidelity": FIDELITY,
    "fer2013-improved": IMPROVED,
    "both": BOTH,
    "tiny": TINY,
}
