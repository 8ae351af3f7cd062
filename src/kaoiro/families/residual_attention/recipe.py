"""Named recipes of the family: data, network, objective, run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaoiro.core.run import Run
from kaoiro.core.spec import CropGeometry
from kaoiro.data.source import DataConfig
from kaoiro.families.residual_attention.config import NetworkConfig, ObjectiveConfig

FER2013_CROP = CropGeometry(
    name="fer2013",
    points=((0.318, 0.407), (0.673, 0.399), (0.492, 0.598), (0.363, 0.751), (0.646, 0.744)),
    box=(0.1, 0.05, 0.8, 0.95),
)
"""Where faces lie in FER2013 images, measured by `kaoiro evaluate crop` (docs/results/crop.md)."""


@dataclass(frozen=True)
class Recipe:
    """A complete, reproducible training run of this family."""

    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    run: Run = field(default_factory=Run)
    crop: CropGeometry = FER2013_CROP
    size: int = 48


FERPLUS = Recipe()
TINY = Recipe(
    data=DataConfig(dataset="drawn", count=256),
    network=NetworkConfig(stem=8, widths=(8, 16, 24), mask=8, dropout=0.0),
    objective=replace(ObjectiveConfig(), learning_rate=0.05, mixup=0.0, small_until=0.0),
    run=Run(epochs=12, batch=32, ema=0.9),
)

RECIPES: dict[str, Recipe] = {"ferplus": FERPLUS, "tiny": TINY}
