"""Named recipes of the family: the arms of a comparison that differs in language alone, its rivals, and ours.

All arms of SPEC 4.4 that train from scratch here have the same image tower, augmentation, schedule and epochs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaoiro.core.checks import require, side
from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.run import Run
from kaoiro.core.spec import CropGeometry
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.source import DataConfig
from kaoiro.families.language_contrast.config import NetworkConfig, ObjectiveConfig, TextConfig


@dataclass(frozen=True)
class Recipe:
    """A complete, reproducible training run of this family.

    Attributes:
        data: what is learned from.
        network: towers.
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
        if self.objective.tied:
            require(self.network.head == "text", "network.head", "text beside objective.tied", self.network.head)
            wish = "the model whose action units objective.tied compares with, such as affect"
            require(self.data.teacher is not None, "data.teacher", wish, self.data.teacher)
            require(self.data.dataset != "joined", "data.dataset", "fer2013 or drawn beside objective.tied", "joined")


GUARANTEED = 8
"""Faces of every class in each batch (SPEC 4.4)."""
ARM = Recipe(
    data=DataConfig(labels="fer2013", guaranteed=GUARANTEED),
    objective=ObjectiveConfig(mixup=0.0, hard=True),
    run=Run(epochs=16),
)
LINEAR = replace(ARM, network=NetworkConfig(head="linear"), objective=replace(ARM.objective, axes="images"))
"""C4: the image tower with a linear layer."""
CLASS_NAMES = replace(ARM, network=NetworkConfig(text=TextConfig(style="class", sampled=False)))
"""C5 as LASTED: one text for each class."""
DESCRIPTIONS = replace(ARM, network=NetworkConfig(text=TextConfig(style="descriptions")))
"""C5 with texts that name facial actions, which classes share."""
FROZEN = replace(ARM, network=NetworkConfig(text=TextConfig(style="descriptions", frozen=True)))
"""C3: the text tower stays as it is."""
ONE_AXIS = replace(DESCRIPTIONS, objective=replace(ARM.objective, axes="images"))
"""Texts without their own axis of the loss."""
PLAIN = replace(LINEAR, data=replace(ARM.data, guaranteed=0))
"""C4 with batches as they come."""
ADJUSTED = replace(PLAIN, objective=replace(LINEAR.objective, adjust=1.0))
"""A rival: logit adjustment."""
VOTES = replace(PLAIN, data=replace(PLAIN.data, labels="both"), objective=replace(LINEAR.objective, hard=False))
"""A rival: vote distributions of FER+ beside the classes."""
NEGATIVES = replace(
    LINEAR,
    objective=replace(
        LINEAR.objective, hard=False, mixup=0.4, mixup_among=("anger", "disgust", "fear", "sadness"), mixup_until=0.85
    ),
)
"""A rival: mixup among negative classes."""
IMPROVED = Recipe(
    data=DataConfig(labels="both", guaranteed=4),
    network=NetworkConfig(text=TextConfig(style="actions", language="both", apart=True)),
    objective=ObjectiveConfig(mixup=0.2, adjust=0.5),
    run=Run(epochs=30),
)
"""Vote distributions, texts that name actions in two languages, for each annotation its own, logit adjustment."""
CLIP = Recipe(
    data=DataConfig(labels="fer2013", guaranteed=GUARANTEED),
    network=NetworkConfig(text=TextConfig(style="names", context=77)),
    objective=ObjectiveConfig(mixup=0.0, hard=True, learning_rate=1e-4, small_until=0.0),
    run=Run(epochs=20, batch=56),
)
"""C2 with published weights: give `--network.tower clip --network.clip FILE --network.merges FILE`."""
TEACHER = "affect"
"""System D as it ships: what it reads on faces is what sentences on action units are tied to."""


def tied_to_units(recipe: Recipe, weight: float = 1.0) -> Recipe:
    """Return a recipe whose text tower also hears of single action units, and of several together."""
    data, objective = replace(recipe.data, teacher=TEACHER), replace(recipe.objective, tied=weight)
    return replace(recipe, data=data, objective=objective)


TIED = tied_to_units(DESCRIPTIONS)
"""Descriptions, and the actions that they name tied to system D's action units."""
UNSEEN = replace(
    DESCRIPTIONS,
    data=replace(ARM.data, labels="both", unseen=("contempt",)),
    objective=replace(ARM.objective, hard=False),
)
"""Descriptions and votes of all classes but contempt, which is then read by its text alone; FER2013 has no contempt, so
both annotations are learned."""
GENTLE = Augmentation(
    rotation=3.0, shift=0.02, scale=0.03, light=0.1, blur=0.0, low_resolution=0.0, jpeg=0.0, noise=0.01, erase=0.0
)
"""So little that a few hundred steps are enough to learn drawn faces."""
TINY = Recipe(
    data=DataConfig(dataset="drawn", count=384, augmentation=GENTLE),
    network=NetworkConfig(
        stem=8,
        widths=(8, 16, 24),
        mask=8,
        dropout=0.0,
        embed=16,
        text=TextConfig(width=16, layers=1, heads=2, vocabulary=400),
    ),
    objective=ObjectiveConfig(optimizer="sgd", learning_rate=0.05, weight_decay=5e-4, mixup=0.0, small_until=0.0),
    run=Run(epochs=36, batch=16, ema=0.9),
)

RECIPES: dict[str, Recipe] = {
    "linear": LINEAR,
    "class-names": CLASS_NAMES,
    "descriptions": DESCRIPTIONS,
    "frozen-text": FROZEN,
    "one-axis": ONE_AXIS,
    "tied": TIED,
    "plain": PLAIN,
    "logit-adjusted": ADJUSTED,
    "votes": VOTES,
    "negative-mixup": NEGATIVES,
    "improved": IMPROVED,
    "unseen-contempt": UNSEEN,
    "unseen-contempt-tied": tied_to_units(UNSEEN),
    "clip": CLIP,
    "tiny": TINY,
}
