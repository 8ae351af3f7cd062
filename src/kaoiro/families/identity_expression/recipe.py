"""Named recipes of the family: data, network, objective, run. The rows of the source's table 3 differ as it says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaoiro.core.checks import require
from kaoiro.core.spec import CropGeometry
from kaoiro.data.subjects import SubjectsConfig
from kaoiro.families.identity_expression.config import NetworkConfig, ObjectiveConfig, RunConfig, ViewsConfig


@dataclass(frozen=True)
class Recipe:
    """A complete, reproducible training run of this family.

    Attributes:
        data: what is learned from.
        network: form and widths.
        objective: losses and optimiser.
        run: how long, and in which order.
        views: what is learned from two views of a face (not in the source).
        strength: that the model names for swaps; nothing is learned by it.
    """

    data: SubjectsConfig = field(default_factory=SubjectsConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    run: RunConfig = field(default_factory=RunConfig)
    views: ViewsConfig = field(default_factory=ViewsConfig)
    strength: float = 1.0

    @property
    def crop(self) -> CropGeometry:
        """Where a face lies in a crop."""
        return self.data.geometry

    def check(self) -> None:
        """Refuse settings with which nothing can be trained.

        Raises:
            InputError: names the first of them.
        """
        for section in (self.data, self.network, self.objective, self.run, self.views):
            section.check()
        require(0 < self.strength <= 3, "strength", "above 0 and at most 3", self.strength)
        views, alone = self.views, self.run.iterations == 0
        still = self.network.painted > 0
        require(not alone or views.epochs > 0 or still, "run.iterations", "1 or more where views.epochs is 0", 0)
        require(alone or not still, "run.iterations", "0 where network.painted leaves nothing to learn", "more")
        nobody = self.data.dataset == "unlabelled"
        require(alone or not nobody, "run.iterations", "0 where only faces of unknown people are learned from", "more")
        require(not (views.on and self.network.patches), "network.patches", "0 where views are learned from", "more")
        told = self.network.form == "cvae"
        require(not (told and views.on), "network.form", "exchange or vae where views are learned from", "cvae")
        useless = self.data.unlabelled is not None and not (views.on or self.network.patches)
        require(not useless, "data.unlabelled", "left out without views and patches", self.data.unlabelled)


SWITCHED = Recipe()
"""③: 100 epochs of each stage, with the adversarial and the switch loss."""
ADVERSARIAL = replace(SWITCHED, objective=ObjectiveConfig(switch=0.0))
"""②"""
CONVENTIONAL = replace(SWITCHED, objective=ObjectiveConfig(switch=0.0, adversarial=0.0))
"""①: the method of 2020."""
ITERATED = replace(SWITCHED, run=RunConfig(epochs=50, iterations=10))
"""④: ten times 50 epochs of each stage."""
ITERATED_128 = replace(ITERATED, network=NetworkConfig(side=128))
"""⑤"""
VAE = replace(CONVENTIONAL, network=NetworkConfig(form="vae"))
"""⑥, and ⑦ where the subject's mean is taken off its codes."""
CVAE = replace(CONVENTIONAL, network=NetworkConfig(form="cvae"))
"""⑧"""
MATCHED = replace(
    SWITCHED,
    objective=ObjectiveConfig(decay=ObjectiveConfig.decay ** (SWITCHED.run.epochs / 500)),
    run=RunConfig(epochs=500),
)
"""The control of ④: one pass with as many updates. The rate falls as far as in ③, only more slowly: with the printed
factor it would be nothing after a third of the way."""
IMPROVED = replace(
    SWITCHED,
    network=NetworkConfig(patches=256, painted=64),
    objective=ObjectiveConfig(adversarial=0.0, switch=0.0),
    run=RunConfig(iterations=0),
)
"""What a user should run: a code of expression that subjects alone give (`training.patches`), and what it paints over a
face at rest (`training.painting`). Both are learned without gradients, in minutes."""
REAL = replace(IMPROVED, network=NetworkConfig(expression=400, patches=256, painted=64), strength=1.5)
"""Improved, for real faces: patches and components are those of unlabelled photographs (`--data.unlabelled`); as many
numbers as a linear reader of photographs needs. The strength was chosen on the development part of the London set:
others' smiles are read off 31 % of photographed faces at 1, 52 % at 1.5, 60 % at 2 (their own off 88 %), but made faces
depart from the true ones, by 5, 15 and 30 % more than the given ones do, and fall apart where a smile is taken off."""
DECODED = replace(
    SWITCHED,
    network=NetworkConfig(patches=256),
    objective=ObjectiveConfig(adversarial=0.0, switch=1.0, identity_images=3, perceptual=0.005),
    run=RunConfig(epochs=200),
)
"""The code of the improved mode with an encoder of identity and a decoder that learn by gradients."""
ADVANCED = replace(
    ITERATED,
    network=NetworkConfig(groups=8),
    objective=ObjectiveConfig(
        swapped=True,
        spectral=True,
        discriminator_beta_1=0.5,
        identity_images=3,
        identity_adversary=0.01,
        perceptual=0.005,
    ),
)
"""④ with what else SPEC 3.9 names."""
ADDED: dict[str, Recipe] = {
    f"with-{name}": replace(CONVENTIONAL, **settings)
    for name, settings in {
        "switch": {"objective": ObjectiveConfig(adversarial=0.0)},
        "groups": {"network": ADVANCED.network},
        "images": {"objective": replace(CONVENTIONAL.objective, identity_images=3)},
        "adversary": {"objective": replace(CONVENTIONAL.objective, identity_adversary=0.01)},
        "details": {"objective": replace(CONVENTIONAL.objective, perceptual=0.005)},
        "critic": {"objective": ObjectiveConfig(adversarial=0.01, switch=0.0, spectral=True, discriminator_beta_1=0.5)},
    }.items()
}
"""① with one part of ③ or of `advanced` each: whether it earns its place."""
CONTRASTIVE = replace(
    ADVANCED,
    network=NetworkConfig(groups=8, expression=256, places=True),
    run=RunConfig(epochs=20),
    views=ViewsConfig(contrast=1.0, gradients=1.0, epochs=60),
)
"""Advanced, and for real faces: the encoder of expression begins with views of unlabelled faces (`--data.unlabelled`)
and goes on with them beside everything else. Its code is as wide as those of FAb-Net and FaceCycle."""
VIEWS = replace(
    CONTRASTIVE,
    data=SubjectsConfig(dataset="unlabelled"),
    network=replace(CONTRASTIVE.network, form="vae"),
    run=RunConfig(iterations=0),
)
"""The beginning of `contrastive` alone: an expression code of unlabelled faces, from which no face can be made."""
TINY = Recipe(
    data=SubjectsConfig(dataset="drawn", count=16, pictures=21, fold=0, folds=4),
    network=NetworkConfig(side=16, identity=16, expression=16),
    objective=ObjectiveConfig(
        alpha_1=1e-4, adversarial=0.002, switch=1.0, identity_images=3, learning_rate=2e-3, decay=0.96
    ),
    run=RunConfig(epochs=40, batch=16),
)
"""Drawn people; a minute on a processor core."""

RECIPES: dict[str, Recipe] = {
    "conventional": CONVENTIONAL,
    "adversarial": ADVERSARIAL,
    "switched": SWITCHED,
    "iterated": ITERATED,
    "iterated-128": ITERATED_128,
    "vae": VAE,
    "cvae": CVAE,
    "switched-matched": MATCHED,
    "improved": IMPROVED,
    "decoded": DECODED,
    "advanced": ADVANCED,
    **ADDED,
    "real": REAL,
    "contrastive": CONTRASTIVE,
    "views": VIEWS,
    "tiny": TINY,
}
