"""Settings of the family, without PyTorch so that recipes can be listed anywhere.

Source: Kanou and Nagao, "Weakly Supervised Learning for Acquisition of Continuous Facial Expression Features";
        SPEC 3.2 to 3.4. Where it is silent, the choice is named beside the setting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaoiro.core.checks import at_least, below_one, not_negative, positive, require, share
from kaoiro.data.augmentation import Augmentation

Form = Literal["exchange", "vae", "cvae"]
"""Two encoders; one code for everything; one code, and the subject's one-hot beside it."""
Reading = Literal["R3", "R1", "printed"]
"""Of the weights α (SPEC, B-4): the exponent lost its sign; the indices are exchanged; as they stand."""
WEIGHTS: dict[Reading, tuple[float, float]] = {"R3": (1e-5, 0.01), "R1": (0.01, 1e5), "printed": (1e5, 0.01)}
"""α_1 on the divergence, α_2 on the reconstruction."""
SIDES = (16, 32, 64, 128)


@dataclass(frozen=True)
class NetworkConfig:
    """Which network, and its widths; the defaults are tables 1 and 2 of the source.

    Attributes:
        form: 'exchange' has an encoder for identity and one for expression, 'vae' one for everything, 'cvae' one that
            is told the subject, as the decoder is.
        side: of the pictures, pixels. The source has 64 and 128.
        width: channels after the first convolution; they double up to eight times as many.
        identity: numbers of z_i.
        expression: numbers of z_e; those of the only code in 'vae' and 'cvae'.
        groups: of channels that are normalised together after every convolution; 0 normalises nothing (as the source).
        places: whether z_e is computed from all 4x4 places of the last map, which the source averages: faces are
            aligned, and what a place shows tells more than what the mean place shows (not in the source).
        patches: atoms of the dictionary of patches that z_e is computed from, instead of convolutions (`patches`); it
            is learned without gradients before the first stage. 0 has none (as the source).
        painted: numbers of z_e, the first ones, that paint what a face does over the picture of it at rest, which then
            is z_i (`painter`): no decoder is learned by gradients. 0 learns one (as the source).
    """

    form: Form = "exchange"
    side: int = 64
    width: int = 32
    identity: int = 64
    expression: int = 64
    groups: int = 0
    places: bool = False
    patches: int = 0
    painted: int = 0

    def check(self) -> None:
        """Refuse widths with which there is no network.

        Raises:
            InputError: names the first of them.
        """
        require(self.side in SIDES, "network.side", f"one of {', '.join(map(str, SIDES))}", self.side)
        for name in ("width", "identity", "expression"):
            at_least(f"network.{name}", 1, getattr(self, name))
        require(self.width % 8 == 0, "network.width", "a multiple of 8", self.width)
        at_least("network.groups", 0, self.groups)
        at_least("network.patches", 0, self.patches)
        paints = not self.painted or (self.patches > 0 and self.form == "exchange" and self.painted <= self.expression)
        wish = "at most network.expression, with network.patches and the form exchange"
        require(self.painted >= 0 and paints, "network.painted", wish, self.painted)
        alone = not self.patches or (self.form != "cvae" and not self.places)
        require(alone, "network.patches", "0 where network.places is on or the form is cvae", self.patches)
        narrowest = min(self.width, self.maps[-1] >> len(self.maps))
        fits = not self.groups or narrowest % self.groups == 0
        require(fits, "network.groups", f"0 or a divisor of the narrowest map's {narrowest} channels", self.groups)

    @property
    def maps(self) -> tuple[int, ...]:
        """Channels after each halving of the side, down to 4 pixels."""
        halvings = (self.side // 4).bit_length() - 1
        return tuple(min(self.width << place, 8 * self.width) for place in range(halvings))


@dataclass(frozen=True)
class ObjectiveConfig:
    """Losses and optimiser: L'_e = α_1 KL + α_2 R + β L_gan + γ L_switch (SPEC 3.3, 3.4).

    Attributes:
        reading: of the printed α (B-4). 'R3' and 'printed' weigh the squared error summed over pixels (that of 64x64
            pixels, whatever the side), 'R1' its mean.
        alpha_1: on the divergence; None takes the reading's.
        alpha_2: on the reconstruction; None takes the reading's.
        adversarial: β; 0 trains without a discriminator.
        switch: γ; 0 exchanges nothing.
        saturating: whether the generator minimises log(1 - D) instead of -log D (B-6).
        stop_gradient: whether the codes that exchanged pictures are compared with stand still (B-5).
        swapped: whether the discriminator sees exchanged pictures, too (improved mode).
        spectral: whether every layer of the discriminator is divided by its largest singular value (Miyato et al.,
            2018; improved mode).
        identity_images: pictures of the subject of which z_i is the mean while expressions are learned; 1 takes the
            picture itself (improved mode: more).
        identity_adversary: weight of a classifier that tells the subject from μ_e, whose gradient is reversed (Ganin
            and Lempitsky, 2015; improved mode).
        perceptual: weight of the distance in a pyramid of details (Bojanowski et al., "Optimizing the Latent Space of
            Generative Networks", ICML 2018; improved mode).
        learning_rate: of Adam at the start of every stage.
        decay: factor on it after every pass over the data.
        beta_1: of Adam.
        beta_2: of Adam.
        epsilon: of Adam.
        discriminator_beta_1: of the discriminator's Adam (improved mode: 0.5).
    """

    reading: Reading = "R3"
    alpha_1: float | None = None
    alpha_2: float | None = None
    adversarial: float = 1.0
    switch: float = 10.0
    saturating: bool = False
    stop_gradient: bool = True
    swapped: bool = False
    spectral: bool = False
    identity_images: int = 1
    identity_adversary: float = 0.0
    perceptual: float = 0.0
    learning_rate: float = 5e-4
    decay: float = 0.95
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    discriminator_beta_1: float = 0.9

    @property
    def weights(self) -> tuple[float, float]:
        """α_1 and α_2 as they are used."""
        first, second = WEIGHTS[self.reading]
        return (
            first if self.alpha_1 is None else self.alpha_1,
            second if self.alpha_2 is None else self.alpha_2,
        )

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        for name, value in zip(("alpha_1", "alpha_2"), self.weights, strict=True):
            not_negative(f"objective.{name}", value)
        for name in ("adversarial", "switch", "identity_adversary", "perceptual"):
            not_negative(f"objective.{name}", getattr(self, name))
        at_least("objective.identity_images", 1, self.identity_images)
        for name in ("learning_rate", "epsilon"):
            positive(f"objective.{name}", getattr(self, name))
        require(0 < self.decay <= 1, "objective.decay", "above 0 and at most 1", self.decay)
        for name in ("beta_1", "beta_2", "discriminator_beta_1"):
            below_one(f"objective.{name}", getattr(self, name))
        seen = self.adversarial > 0 and self.switch > 0
        require(not self.swapped or seen, "objective.swapped", "off where nothing is judged or exchanged", self.swapped)


@dataclass(frozen=True)
class RunConfig:
    """How long and in which order (SPEC 3.4).

    Attributes:
        epochs: passes over the data in each stage.
        iterations: how often both stages are gone through; 1 is a single pass. Every stage begins with the full rate
            and a new state of Adam (B-8), and the last stage is one of expression (B-9). 0 is for recipes that learn
            from views alone (`ViewsConfig.epochs`).
        scale: share of every stage's updates that is done; the rate falls as far as in the whole.
        budget: hours; steps are timed and `scale` is replaced by what fits. A resumed run keeps what it was given.
        patience: iterations without lower leakage or error of exchanges after which iterating ends; 0 never ends early.
        batch: pictures a step.
        seed: of weights, order and noise.
        snapshots: whether the networks are kept after every stage, in half precision, for measurements of each.
        minutes: of an epoch at most, where `budget` is given: after each, a checkpoint is written.
    """

    epochs: int = 100
    iterations: int = 1
    scale: float = 1.0
    budget: float | None = None
    patience: int = 0
    batch: int = 128
    seed: int = 0
    snapshots: bool = True
    minutes: float = 10.0

    def check(self) -> None:
        """Refuse settings with which nothing can be trained.

        Raises:
            InputError: names the first of them.
        """
        at_least("run.epochs", 1, self.epochs)
        at_least("run.iterations", 0, self.iterations)
        require(0 < self.scale <= 1, "run.scale", "above 0 and at most 1", self.scale)
        if self.budget is not None:
            positive("run.budget", self.budget, "hours")
        positive("run.minutes", self.minutes)
        at_least("run.patience", 0, self.patience)
        at_least("run.batch", 2, self.batch)
        require(0 <= self.seed < 2**32, "run.seed", "0 or more and below 2 to the 32nd", self.seed)


VIEWED = Augmentation(
    rotation=10.0, shift=0.07, scale=0.15, light=0.4, blur=0.3, low_resolution=0.3, jpeg=0.1, noise=0.04, erase=0.3
)
"""How views of a face differ: by more than faces do that a classifier learns from."""


@dataclass(frozen=True)
class ViewsConfig:
    """Two altered views of one face, of which nothing need be known: what lets codes carry over to other pictures.

    Not in the source. Both terms go through μ_e alone and can be switched on apart from each other.

    Attributes:
        contrast: weight of the contrastive loss between the codes of two views (NT-Xent; Chen et al., "A Simple
            Framework for Contrastive Learning of Visual Representations", ICML 2020), where expressions are learned.
        gradients: weight of the error with which histograms of oriented gradients of the unaltered face are read from
            the code of a view, in the spirit of Wei et al., "Masked Feature Prediction for Self-Supervised Visual
            Pre-Training", CVPR 2022.
        epochs: passes over the faces before all other stages, in which the encoder of expression learns from views
            alone, without a decoder; 0 leaves this stage out.
        start: model folder, or file of weights, of another run whose encoder of expression is begun with.
        batch: faces a step, each seen in two views.
        known: share of these that are faces of the recipe's people, 0-1; the others are unlabelled. Only these are
            taken where there are no unlabelled faces, and none where there are no people.
        people: whose faces these are, in one step. A face is told apart from others of the same person, so that who it
            is does not help; 0 takes them as they come and tells them apart from all.
        grey: probability that the encoder of expression sees a face in grey, 0-1, since unlabelled faces are grey;
            otherwise known ones are seen in their colours, unlabelled ones tinted.
        tint: how far the channels of a tinted face go apart, 0-1; 0 leaves it grey.
        temperature: by which similarities of the contrastive loss are divided.
        hidden: width of the projection's hidden layer.
        numbers: that the projection ends with.
        components: principal components of the histograms that are read.
        learning_rate: of Adam at the peak of the stage of views, which begins with a short rise and ends with half a
            cosine.
        augmentation: how views are altered.
    """

    contrast: float = 0.0
    gradients: float = 0.0
    epochs: int = 0
    start: str | None = None
    batch: int = 128
    known: float = 0.25
    people: int = 4
    grey: float = 0.5
    tint: float = 0.2
    temperature: float = 0.2
    hidden: int = 256
    numbers: int = 64
    components: int = 256
    learning_rate: float = 1e-3
    augmentation: Augmentation = field(default_factory=lambda: VIEWED)

    @property
    def on(self) -> bool:
        """Whether anything is learned from views."""
        return self.contrast > 0 or self.gradients > 0

    def check(self) -> None:
        """Refuse settings with which nothing can be learned.

        Raises:
            InputError: names the first of them.
        """
        for name in ("contrast", "gradients"):
            not_negative(f"views.{name}", getattr(self, name))
        for name, least in (("epochs", 0), ("batch", 2), ("people", 0), ("hidden", 1), ("numbers", 1)):
            at_least(f"views.{name}", least, getattr(self, name))
        require(1 <= self.components <= 1024, "views.components", "from 1 to 1024", self.components)
        for name in ("known", "grey", "tint"):
            share(f"views.{name}", getattr(self, name))
        for name in ("temperature", "learning_rate"):
            positive(f"views.{name}", getattr(self, name))
        self.augmentation.check("views")
        require(self.on or not self.epochs, "views.epochs", "0 where both weights of views are 0", self.epochs)
