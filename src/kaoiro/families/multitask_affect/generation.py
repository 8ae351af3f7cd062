"""Settings of the generator, its discriminator and their training, without PyTorch so that they can be listed anywhere.

Source: SPEC 5.4; where it is silent, the choice is named beside the setting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaoiro.core.checks import at_least, below_one, not_negative, positive, require, share


@dataclass(frozen=True)
class GeneratorConfig:
    """Widths of the generator: side = first · 2^blocks.

    Attributes:
        noise: numbers of z, drawn from a standard normal distribution.
        first: side of the first map, pixels.
        widths: channels of the first map and after each block, which doubles the side.
        conditional: whether the 17 numbers of a condition are appended to z.
    """

    noise: int = 100
    first: int = 6
    widths: tuple[int, ...] = (128, 64, 32, 16)
    conditional: bool = True

    @property
    def side(self) -> int:
        """Side of the generated pictures, pixels."""
        return self.first * 2 ** (len(self.widths) - 1)

    def check(self) -> None:
        """Refuse widths with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        at_least("generator.noise", 1, self.noise)
        at_least("generator.first", 1, self.first)
        at_least("number of generator.widths", 2, len(self.widths))
        at_least("generator.widths", 4, min(self.widths))
        require(self.side <= 1024, "side of generated faces", "1024 or less", self.side)


PRINTED = GeneratorConfig(widths=(512, 256, 128, 64, 32))
"""The generator of SPEC 5.4: 96×96."""


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Widths of the discriminator, which is a multi-task network with one more answer.

    Attributes:
        form: 'light' halves the side by a strided convolution per width; 'vgg' is the printed trunk, for 96 pixels.
        widths: channels of the light one after each halving.
        features: outputs of its fully connected layer, which feature matching compares; 'vgg' has 2000.
        dropout: before the heads (and between the fully connected layers of 'vgg').
        spectral: whether every layer of the trunk is divided by its largest singular value (Miyato et al., 2018).
    """

    form: Literal["light", "vgg"] = "light"
    widths: tuple[int, ...] = (48, 96, 160)
    features: int = 256
    dropout: float = 0.3
    spectral: bool = False

    def check(self) -> None:
        """Refuse widths with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        at_least("discriminator.widths", 1, min(self.widths, default=0))
        at_least("discriminator.features", 1, self.features)
        below_one("discriminator.dropout", self.dropout)


@dataclass(frozen=True)
class AdversarialConfig:
    """How both are trained (SPEC 5.4): Adam, one step of each for every batch.

    The printed rates of D's source are `learning_rate` 1e-3 and `momentum` 0.9 (fidelity switch).

    Attributes:
        generator: widths.
        discriminator: widths.
        adversarial: False trains the same discriminator by its supervised losses alone, on the same faces in the same
            order: the control.
        steps: of each network in all.
        epoch: steps after which figures, samples and a checkpoint are written.
        batch: faces a step.
        learning_rate: of Adam, both networks.
        momentum: β1 of Adam.
        alpha: weight of valence and arousal.
        beta: weight of expressions and action units.
        affect_loss: of valence and arousal: 1 - concordance ('ccc'), or squared errors ('mse').
        rare: at most this factor on the present cases of a rare action unit.
        matching: λ_fm, weight of the distance between mean features of real and generated faces.
        condition: λ_c, weight of what the discriminator's heads say of generated faces, against their condition.
        penalty: weight γ of the R1 penalty γ/2 ‖∇ D(x)‖² on real faces (Mescheder et al., 2018); 0 turns it off.
        penalty_every: steps between penalties, whose weight grows by the same factor.
        clip: largest norm of a gradient.
        ema: decay of the averaged generator, which is the one that is kept.
        mirror: whether half of the real faces are mirrored.
        collapse: what happens when generated faces hardly vary, or the discriminator is never wrong, for `patience`
            epochs: 'stop' or 'go on'.
        patience: see there.
        seed: of weights, order, noise and dropout.
    """

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    adversarial: bool = True
    steps: int = 4000
    epoch: int = 200
    batch: int = 64
    learning_rate: float = 2e-4
    momentum: float = 0.5
    alpha: float = 0.5
    beta: float = 0.5
    affect_loss: Literal["ccc", "mse"] = "ccc"
    rare: float = 10.0
    matching: float = 1.0
    condition: float = 0.5
    penalty: float = 1.0
    penalty_every: int = 8
    clip: float = 10.0
    ema: float = 0.998
    mirror: bool = True
    collapse: Literal["stop", "go on"] = "go on"
    patience: int = 3
    seed: int = 0

    @property
    def epochs(self) -> int:
        """How often figures, samples and a checkpoint are written."""
        return -(-self.steps // self.epoch)

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        self.generator.check()
        self.discriminator.check()
        for name in ("steps", "epoch", "penalty_every", "patience"):
            at_least(name, 1, getattr(self, name))
        at_least("batch", 2, self.batch)
        positive("learning_rate", self.learning_rate)
        positive("clip", self.clip)
        below_one("momentum", self.momentum)
        below_one("ema", self.ema)
        for name in ("alpha", "beta", "matching", "condition", "penalty"):
            not_negative(name, getattr(self, name))
        require(self.rare >= 1, "rare", "1 or more", self.rare)
        require(0 <= self.seed < 2**32, "seed", "0 or more and below 2 to the 32nd", self.seed)


@dataclass(frozen=True)
class GenerationData:
    """What a generator learns from.

    Attributes:
        dataset: 'rendered' (a set of the FACS world under `root`) or 'drawn' (simple drawings, for trials).
        root: folder of a set that `kaoiro synth` made.
        labels: 'given' takes the labels that the set gives away, 'true' all of them.
        full: intensity from which a rendered frame is its expression alone; a weaker one is partly neutral.
        labelled: share of the training people whose labels are used, 0-1; the faces of the others are still looked at.
        count: number of drawn faces.
    """

    dataset: Literal["rendered", "drawn"] = "rendered"
    root: str | None = None
    labels: Literal["given", "true"] = "true"
    full: float = 0.5
    labelled: float = 1.0
    count: int = 256

    def check(self) -> None:
        """Refuse settings that name no data.

        Raises:
            InputError: names the first of them.
        """
        positive("data.full", self.full)
        share("data.labelled", self.labelled)
        at_least("data.count", 8, self.count)


@dataclass(frozen=True)
class GenerationRecipe:
    """A complete, reproducible training of a generator.

    Attributes:
        data: what it learns from.
        run: networks, losses and how long.
    """

    data: GenerationData = field(default_factory=GenerationData)
    run: AdversarialConfig = field(default_factory=AdversarialConfig)

    def check(self) -> None:
        """Refuse settings with which nothing can be trained.

        Raises:
            InputError: names the first of them.
        """
        self.data.check()
        self.run.check()


QUICK = AdversarialConfig(batch=32, learning_rate=8e-4, ema=0.995, penalty=2.0)
"""Four times the rate of SPEC 5.4, held by a higher penalty: with the printed one, 400 steps (minutes each hundred on a
processor core) made no face."""
SMALL = AdversarialConfig(
    generator=GeneratorConfig(noise=16, widths=(16, 8, 8, 8)),
    discriminator=DiscriminatorConfig(widths=(8, 12, 16), features=32),
    steps=24,
    epoch=8,
    batch=16,
)
GENERATORS: dict[str, GenerationRecipe] = {
    "generator": GenerationRecipe(run=QUICK),
    "generator-tiny": GenerationRecipe(GenerationData(dataset="drawn", count=64), SMALL),
}
"""Recipes of generators, beside the recipes of networks that only look."""
