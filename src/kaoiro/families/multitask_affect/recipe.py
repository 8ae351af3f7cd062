"""Named recipes of the family: data, network, objective, run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaoiro.core.checks import side
from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.run import Run
from kaoiro.core.spec import CropGeometry
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.source import DataConfig
from kaoiro.families.multitask_affect.config import NetworkConfig, ObjectiveConfig


@dataclass(frozen=True)
class Recipe:
    """A complete, reproducible training run of this family.

    Attributes:
        data: what is learned from.
        network: form and widths.
        objective: losses and optimiser.
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


MILD = Augmentation(
    rotation=4.0, shift=0.03, scale=0.05, light=0.2, blur=0.15, low_resolution=0.15, jpeg=0.1, noise=0.02, erase=0.1
)
"""As much as detectors and cameras do: small action units are a pixel wide."""
REAL = Recipe(
    data=DataConfig(dataset="joined", labels="both", augmentation=MILD),
    objective=ObjectiveConfig(
        units=2.0,
        spread=0.1,
        coupled_units=1.0,
        coupled_faces=0.2,
        coupled_affect=2.0,
        optimizer="sgd",
        learning_rate=0.03,
        weight_decay=5e-4,
        mixup=0.2,
    ),
    run=Run(epochs=20),
)
"""The model for real faces: expressions of photographs, action units and affect of rendered and generated faces."""
GENTLE = Augmentation(
    rotation=3.0, shift=0.02, scale=0.03, light=0.1, blur=0.0, low_resolution=0.0, jpeg=0.0, noise=0.01, erase=0.0
)
TINY = Recipe(
    data=DataConfig(dataset="drawn", count=384, augmentation=GENTLE),
    network=NetworkConfig(stem=8, widths=(8, 16, 24), mask=8, placed=8, dropout=0.0),
    objective=ObjectiveConfig(optimizer="sgd", learning_rate=0.05, weight_decay=5e-4, beta=1.0),
    run=Run(epochs=36, batch=16, ema=0.9),
)

FIDELITY = replace(
    REAL,
    network=NetworkConfig(form="vgg", dropout=0.5),
    objective=ObjectiveConfig(optimizer="adam", learning_rate=1e-3, weight_decay=0.0),
    size=96,
)
"""The printed network, losses and optimiser (SPEC 5.2, 5.3), on the same faces in grey; days without an accelerator."""

RECIPES: dict[str, Recipe] = {"real": REAL, "fidelity": FIDELITY, "tiny": TINY}
