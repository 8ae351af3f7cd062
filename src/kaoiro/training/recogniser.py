"""Recognisers of expressions that begin from the expression code, against the same trunk on pixels: what the source
names as its future work.

Source:  Kanou and Nagao, "Weakly Supervised Learning for Acquisition of Continuous Facial Expression Features". Of the
         comparison it says no more than that; all settings are ours.
Arms:    'frozen' reads the code μ_e of a trained network linearly; 'tuned' begins from the weights of its expression
         encoder and trains all of them; 'pixels' begins from random ones (He et al., ICCV 2015). The latter two are
         the same network (trunk, μ_e, a linear layer with the same random weights) and see the same batches, augmented
         in the same way, in as many updates of the same optimiser.
Labels:  a share of the labelled faces of the training people, the same for all arms and smaller shares within larger
         ones. Some people are kept back: on their share of the labels each arm chooses its learning rate or how
         strongly weights are held back. All expressions are learned from alike often, however rare they are.
Legend:  N faces, M labelled faces, B batch, E numbers of μ_e, K = 7 expressions.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.checks import at_least, below_one, not_negative, positive, require
from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSION, FER2013
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.subjects import People
from kaoiro.data.transforms import augment, sample
from kaoiro.evaluation import recogniser_tables as tables
from kaoiro.evaluation.progress import followed
from kaoiro.evaluation.recogniser_tables import ARMS, FRACTIONS, FROZEN, TUNED, Recognised
from kaoiro.families.identity_expression.network import Encoder, Network, PatchEncoder
from kaoiro.families.identity_expression.objective import pictures
from kaoiro.metrics.accuracy import confusion, macro_recall
from kaoiro.metrics.probes import RIDGES, logistic
from kaoiro.nn.schedule import one_cycle
from kaoiro.training import hardware
from kaoiro.training.latents import Learned
from kaoiro.training.recogniser_labels import Labels, alike, batches, drawn, labelled, subjects

GENTLE = Augmentation(
    rotation=3.0, shift=0.02, scale=0.03, light=0.1, blur=0.0, low_resolution=0.0, jpeg=0.0, noise=0.01, erase=0.0
)
"""Half of the faces are mirrored, all are moved and turned by little and seen in other light."""
CLIP = 2.0
"""Norm to which gradients are clipped."""
_ASKED = 256  # faces that are looked at together
_SAME = 1e-9  # variance below which a number of a code is constant
Fit = TypeVar("Fit")


@dataclass(frozen=True)
class RecogniserConfig:
    """What all recognisers of a comparison have alike: AdamW (Loshchilov and Hutter, 2019), one cycle.

    Attributes:
        steps: updates of 'tuned' and of 'pixels', with each rate.
        batch: faces a step.
        fractions: of the labelled faces of the training people; at least one face of each expression is taken.
        rates: peaks of the learning rate that are tried, the same for both. Each costs all `steps`.
        seeds: how often people and labels are drawn, and weights and batches with them.
        kept: share of the training people who are kept back for choices.
        decay: of weights.
        warmup: share of the steps in which the rate rises.
        augmentation: of the faces that are learned from; JPEG knows grey pictures only and stays 0.
    """

    steps: int = 1000
    batch: int = 64
    fractions: tuple[float, ...] = FRACTIONS
    rates: tuple[float, ...] = (3e-3, 1e-3, 3e-4)
    seeds: int = 3
    kept: float = 0.2
    decay: float = 0.02
    warmup: float = 0.05
    augmentation: Augmentation = GENTLE

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "seeds"):
            at_least(name, 1, getattr(self, name))
        for name in ("fractions", "rates"):
            values = getattr(self, name)
            require(0 < len(values) == len(set(values)), name, "one or several different numbers", values)
        for fraction in self.fractions:
            require(0 < fraction <= 1, "fractions", "above 0 and at most 1", fraction)
        for rate in self.rates:
            positive("rates", rate)
        require(0 < self.kept < 1, "kept", "above 0 and below 1", self.kept)
        not_negative("decay", self.decay)
        below_one("warmup", self.warmup)
        self.augmentation.check()
        require(self.augmentation.jpeg == 0, "augmentation.jpeg", "0 for pictures in colour", self.augmentation.jpeg)


@dataclass(frozen=True)
class Trial:
    """One recogniser.

    Attributes:
        arm: one of `ARMS`.
        fraction: of the labels.
        seed: of everything that is drawn.
    """

    arm: str
    fraction: float
    seed: int = 0

    @property
    def row(self) -> str:
        """What it is called in tables, where seeds stand together."""
        return tables.row(self.arm, self.fraction)


class Fitted(NamedTuple):
    """A trained network.

    Attributes:
        network: pictures (B, 3, H, W) in 0 to 1 -> scores (B, K).
        loss: mean over the last tenth of the steps.
    """

    network: nn.Module
    loss: float


class Answered(NamedTuple):
    """What a recogniser says of the tested faces.

    Attributes:
        classes: (N,) in the order of FER2013.
        chosen: rate or ridge.
        loss: of `Fitted`; None of a linear reader.
    """

    classes: np.ndarray
    chosen: float
    loss: float | None = None


def recogniser(
    network: Network | Learned, people: People, config: RecogniserConfig | None = None, arms: Sequence[str] = ARMS
) -> dict[str, list[Recognised]]:
    """Learn and measure all recognisers of a comparison.

    Args:
        network: trained, without labels; what it learned from is its own affair, but must not be the tested people.
        people: 'training' with labels are learned from, 'unseen' are tested; crops (N, side, side, 3) in colour.
        config: None takes the usual one.
        arms: that are wanted; 'pixels' is the same for all networks of one form, on the same people.

    Returns:
        By row ('tuned, 1 %'), one measurement for each seed. `measured.level` and `measured.difference` give
        figures with intervals over people, `recogniser_tables.figures` all tables.

    Raises:
        InputError: faces without labels or subjects, tested people who were learned from, a network that is told the
            subject, an unknown arm, or a loss that is no number.
    """
    config = config or RecogniserConfig()
    found: dict[str, list[Recognised]] = {}
    asked, wanted = Recognisers(network, people, config), trials(config, arms)
    for trial in followed(wanted, len(wanted), "recognisers"):
        found.setdefault(trial.row, []).append(asked.measured(trial))
    return found


def arms_of(encoder: nn.Module) -> tuple[str, ...]:
    """Return the arms that a network's encoder of expression can take part in: one of patches does not learn on."""
    return tuple(arm for arm in ARMS if arm != TUNED or isinstance(encoder, Encoder))


def trials(config: RecogniserConfig, arms: Sequence[str] = ARMS) -> list[Trial]:
    """Return all recognisers of a comparison, for whoever stores each when it ends.

    Raises:
        InputError: an unknown arm.
    """
    for arm in arms:
        require(arm in ARMS, "arms", f"of {', '.join(ARMS)}", arm)
    seeds = range(config.seeds)
    return [Trial(arm, fraction, seed) for seed in seeds for fraction in config.fractions for arm in arms]


class _Trunk(nn.Module):
    """Pictures (B, 3, H, W) in 0 to 1 -> scores of expressions (B, K): an encoder's μ_e, read linearly.

    Args:
        encoder: whose layers it takes over, but that of the variance.
        head: E -> K.
    """

    def __init__(self, encoder: Encoder, head: nn.Linear) -> None:
        super().__init__()
        self.trunk, self.mean, self.head = encoder.trunk, encoder.mean, head

    def forward(self, pictures: Tensor) -> Tensor:
        """Return scores."""
        return self.head(self.mean(self.trunk(pictures)))


def _head(size: int) -> nn.Linear:
    """Return a layer E -> K with weights after He et al., as all of the family's."""
    head = nn.Linear(size, len(FER2013))
    nn.init.kaiming_normal_(head.weight, nonlinearity="relu")
    nn.init.zeros_(head.bias)
    return head


class Recognisers:
    """The recognisers of one network on one division of people.

    Args:
        network: trained.
        people: as `recogniser`.
        config: settings.

    Attributes:
        training: faces with a known expression, of whom labels are drawn.
        tested: likewise, of other people.

    Raises:
        InputError: as `recogniser`, without what learning can raise.
    """

    def __init__(self, network: Network | Learned, people: People, config: RecogniserConfig) -> None:
        known = network.people if isinstance(network, Learned) else []
        network = network.network if isinstance(network, Learned) else network
        self.config, self._form = config, replace(network.config, patches=0)
        if network.subjects:
            raise InputError("a network that is told the subject has no code of expression for other people")
        self.training = labelled(people.training, network.config.side, "training")
        self.tested = labelled(people.unseen, network.config.side, "unseen")
        self._check(known)
        self._device = torch.device(hardware.accelerator())
        self._encoder: Encoder | PatchEncoder = copy.deepcopy(network.expression).requires_grad_(True).to(self._device)

    def _check(self, known: Sequence[str]) -> None:
        """Refuse tests on people who were learned from, and people too few to keep some back."""
        names = subjects(self.training)
        shared = np.intersect1d(subjects(self.tested), np.union1d(names, np.array(known, str)))
        if len(shared):
            raise InputError(f"{shared[0]} is to be tested and was learned from; keep people back by --data.fold")
        if len(np.unique(names)) < 2:
            raise InputError("recognisers need two training people or more: one is kept back for choices")

    def labels(self, trial: Trial) -> Labels:
        """Return the labels of a trial: the same for all arms, smaller shares within larger ones.

        Raises:
            InputError: those to learn from are of one expression.
        """
        return drawn(self.training, trial.fraction, self.config.kept, trial.seed)

    def measured(self, trial: Trial) -> Recognised:
        """Learn a recogniser and measure it on the tested people.

        Raises:
            InputError: a loss that is no number.
        """
        labels, answered, truth = self.labels(trial), self.answered(trial), self.tested.labels[EXPRESSION]
        counts = {"to learn from": len(labels.learning), "to choose by": len(labels.choosing), "tested": len(truth)}
        most = np.bincount(truth).max() / len(truth)
        options, name = (RIDGES, "ridge") if trial.arm == FROZEN else (self.config.rates, "rate")
        chosen = {f"{name} {option:g}": float(option == answered.chosen) for option in options}
        told = {
            tables.LABELS: {tables.percent(trial.fraction): counts | {"always the most frequent": float(most)}},
            tables.CHOSEN: {trial.row: chosen | ({} if answered.loss is None else {"loss at the end": answered.loss})},
        }
        return tables.summed(truth, answered.classes, subjects(self.tested), told)

    def answered(self, trial: Trial) -> Answered:
        """Learn a recogniser and return what it says of the tested faces.

        Raises:
            InputError: a loss that is no number.
        """
        wise = arms_of(self._encoder)
        require(trial.arm in wise, "arm", f"one of {', '.join(wise)}", trial.arm)
        labels = self.labels(trial)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            return self._read(labels) if trial.arm == FROZEN else self._trained(trial, labels)

    def _read(self, labels: Labels) -> Answered:
        """Return what a linear reader of the code says, by multinomial logistic regression."""
        learned, tested = self._codes
        truth, rows = self.training.labels[EXPRESSION], alike(self.training.labels[EXPRESSION], labels.learning)
        middle, variance = learned[rows].mean(axis=0), learned[rows].var(axis=0)
        spread = np.sqrt(np.where(variance > _SAME, variance, 1))
        x, asked = (learned - middle) / spread, (tested - middle) / spread
        fits = ((ridge, logistic(x[rows], truth[rows], len(FER2013), ridge)) for ridge in RIDGES)
        chosen, reader = _best(fits, lambda one: one(x[labels.choosing]), truth[labels.choosing])
        return Answered(reader(asked).argmax(axis=1), chosen)

    @cached_property
    def _codes(self) -> tuple[np.ndarray, np.ndarray]:
        """Codes of training and of tested faces, (N, E) float64 each."""
        faces = (self.training, self.tested)
        learned, tested = (self._asked(lambda given: self._encoder(given).mean, one.pixels) for one in faces)
        return learned.astype(np.float64), tested.astype(np.float64)

    def _trained(self, trial: Trial, labels: Labels) -> Answered:
        pixels, truth = (values[labels.choosing] for values in (self.training.pixels, self.training.labels[EXPRESSION]))
        fits = ((rate, self.fit(trial, rate)) for rate in self.config.rates)
        chosen, fitted = _best(fits, lambda one: self._asked(one.network, pixels), truth)
        return Answered(self._asked(fitted.network, self.tested.pixels).argmax(axis=1), chosen, fitted.loss)

    def begun(self, trial: Trial) -> nn.Module:
        """Return the network of an arm before its first update: pictures (B, 3, H, W) in 0 to 1 -> scores (B, K)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(trial.seed)
            head = _head(self._form.expression)
            own = isinstance(self._encoder, Encoder) and trial.arm == TUNED
            encoder = copy.deepcopy(self._encoder) if own else Encoder(self._form, self._form.expression)
        assert isinstance(encoder, Encoder)
        network = _Trunk(encoder, head).to(self._device)
        return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def fit(self, trial: Trial, rate: float) -> Fitted:
        """Return the network of 'tuned' or 'pixels', trained with a learning rate.

        Raises:
            InputError: the loss is no number any more.
        """
        config, network, losses = self.config, self.begun(trial), []
        optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=config.decay)
        rows, draws = self.labels(trial).learning, torch.Generator().manual_seed(trial.seed)
        order = batches(alike(self.training.labels[EXPRESSION], rows), config.steps, config.batch, trial.seed)
        for step, batch in enumerate(followed(order, len(order), "steps")):
            for group in optimizer.param_groups:
                group["lr"] = rate * one_cycle(step / config.steps, config.warmup)
            loss = self._loss(network, batch, draws)
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                where = f"{trial.row}, seed {trial.seed}, step {step}"
                raise InputError(f"{where}: the loss is no number at a rate of {rate:g}; name smaller rates")
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
        return Fitted(network, float(np.mean(losses[-math.ceil(len(losses) / 10) :])))

    def _loss(self, network: nn.Module, rows: np.ndarray, draws: torch.Generator) -> Tensor:
        """Return the cross-entropy of some faces, augmented."""
        images = pictures(torch.from_numpy(self.training.pixels[rows]).to(self._device))
        images = augment(images, sample(self.config.augmentation, images.shape, draws))
        truth = torch.from_numpy(self.training.labels[EXPRESSION][rows]).to(self._device)
        return F.cross_entropy(network(images), truth)

    @torch.no_grad()
    def _asked(self, ask: Callable[[Tensor], Tensor], pixels: np.ndarray) -> np.ndarray:
        """Return what is said of faces (N, side, side, 3) uint8.

        Raises:
            InputError: answers that are no finite numbers.
        """
        parts = (np.ascontiguousarray(pixels[start : start + _ASKED]) for start in range(0, len(pixels), _ASKED))
        given = (pictures(torch.from_numpy(part).to(self._device)) for part in parts)
        found = torch.cat([ask(one).cpu() for one in given]).numpy()
        if not np.isfinite(found).all():
            raise InputError("the network gives no finite numbers: it has not learned")
        return found


def _best(fits: Iterable[tuple[float, Fit]], ask: Callable[[Fit], np.ndarray], truth: np.ndarray) -> tuple[float, Fit]:
    """Return the option, with what was fitted by it, whose mean recall on labels kept back is highest.

    Few labels are often answered alike well: the lower cross-entropy decides then.

    Args:
        fits: options and what was fitted.
        ask: returns scores (M, K) of the faces kept back.
        truth: (M,) their classes.
    """
    best = None
    for option, fitted in fits:
        scores = ask(fitted).astype(np.float64)
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        recall = macro_recall(confusion(truth, scores.argmax(axis=1), len(FER2013)))
        good = (recall, float(logs[np.arange(len(truth)), truth].mean()))
        if best is None or good > best[0]:
            best = good, option, fitted
    assert best is not None
    return best[1], best[2]
