"""From a few labelled pictures to a model that suits them, or to the honest statement that none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.core.labels import OWN_HEAD
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets.own_labels import OwnLabels
from kaoiro.evaluation.audit.seeing import Cut
from kaoiro.inference.heads import own_columns
from kaoiro.metrics.calibration import fit_temperature
from kaoiro.metrics.selection import Choice, choose
from kaoiro.training.adapting import growth, start, trials, writing
from kaoiro.training.adapting.candidates import ALL, LONGER, NAMES, Bench, head_name
from kaoiro.training.adapting.growth import Growth
from kaoiro.training.adapting.material import Material, gather

NOTHING = NAMES[0]
WORK = "trials"
"""Folder of what is kept while it runs, below the model's."""


@dataclass(frozen=True)
class AdaptConfig:
    """How a model is adapted.

    Attributes:
        cut: 'detect' cuts the largest face out of each picture, 'whole' takes pictures as crops.
        methods: candidates to try; 'nothing' always is.
        folds: of the cross-validation; fewer if there are fewer groups.
        more: further faces whose worth is asked about.
        seed: of folds, order and augmentation.
        threads: of processors; None leaves it to the libraries.
        draws: of groups, for intervals; None is 10,000.
    """

    cut: Cut = "detect"
    methods: tuple[str, ...] = NAMES
    folds: int = trials.FOLDS
    more: int = 200
    seed: int = 0
    threads: int | None = None
    draws: int | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.methods if name not in NAMES]
        if unknown:
            raise InputError(f"no method {', '.join(unknown)}; there are: {', '.join(NAMES)}")
        require(self.folds >= 2, "folds", "2 or more", self.folds)
        require(self.more >= 1, "more", "1 or more", self.more)


@dataclass(frozen=True, eq=False)
class Chosen:
    """The candidate taken, by what each says of faces that it did not learn from.

    Attributes:
        names: of the candidates, in the order of `scores`.
        place: (N,) fold of each face.
        scores: (N, K) raw outputs of each candidate.
        choice: which was taken, and what to expect.
    """

    names: tuple[str, ...]
    place: np.ndarray
    scores: dict[str, np.ndarray]
    choice: Choice

    @property
    def taken(self) -> str:
        """Name of the candidate that was taken."""
        return self.names[self.choice.place]


def chosen(bench: Bench, config: AdaptConfig, folder: Path | None = None) -> Chosen:
    """Try candidates by cross-validation, in which groups are never divided, and take one.

    The most costly one, `LONGER`, is tried only where tuning all layers is best: elsewhere more of it is no help.

    Args:
        bench: model and faces.
        config: how.
        folder: keeps the trials that are done, so that a repeated call goes on; None keeps nothing.
    """
    names, place = bench.names(config.methods), trials.folds_of(bench.material, config.seed, config.folds)
    first = tuple(name for name in names if name != LONGER or ALL not in names)
    scores = trials.out_of_fold(bench, first, place, folder)
    made = Chosen(first, place, scores, choose(trials.judged(scores, bench.material), config.draws))
    if made.taken != ALL or first == names:
        return made
    scores |= trials.out_of_fold(bench, (LONGER,), place, folder)
    return Chosen(names, place, scores, choose(trials.judged(scores, bench.material), config.draws))


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What came out.

    Attributes:
        material: faces that were learned from.
        names: of the candidates, in the order of `scores`.
        choice: which was taken, and what to expect.
        scores: (N, K) raw outputs of each candidate about faces that it did not learn from.
        growth: accuracy by number of faces; None where nothing was learned.
        temperature: of the candidate taken.
        model: the folder written.
        started: name of the model that was adapted.
        knew: whether it knew all labels.
    """

    material: Material
    names: tuple[str, ...]
    choice: Choice
    scores: dict[str, np.ndarray]
    growth: Growth | None
    temperature: float
    model: ModelFolder
    started: str
    knew: bool

    @property
    def taken(self) -> str:
        """Name of the candidate that was taken."""
        return self.names[self.choice.place]


def adapt(
    own: OwnLabels, model: ModelFolder, out: Path, config: AdaptConfig | None = None, name: str | None = None
) -> Adaptation:
    """Adapt a model and write the result as a model folder.

    The candidate is chosen by cross-validation in which people (or copies of a picture) stay together; what is told of
    it is corrected for that choice. If none is surely better, the folder holds the model as it was.

    Args:
        own: pictures and labels.
        model: that is adapted.
        out: folder of the new model.
        config: how.
        name: of the new model; None is the folder's.

    Raises:
        DataError: too few faces of a label.
        InputError: a model that cannot be adapted, or a label that no column can be called after.
        OutputError: the folder cannot be written.
        KeyboardInterrupt: stopped; the same call goes on with the trials that are done.
    """
    config = config or AdaptConfig()
    _set_threads(config.threads)
    begun = start.opened(model)
    if head_name(own.labels) == OWN_HEAD:
        own_columns(own.labels)
    material = gather(own, begun.part.specification, config.cut, config.threads)
    bench = Bench(begun, material, start.look(begun, material.crops, material.labels, config.threads), config.seed)
    made = chosen(bench, config, out / WORK)
    taken, scores = made.taken, made.scores[made.taken]
    found = Adaptation(
        material,
        made.names,
        made.choice,
        made.scores,
        _growth(bench, made, config, out / WORK),
        fit_temperature(scores, material.truth),
        writing.write(bench, taken, out, name or out.name, scores, made.choice, len(np.unique(made.place))),
        model.name,
        bool(bench.seen.known.all()),
    )
    writing.forget(out / WORK)
    return found


def _growth(bench: Bench, made: Chosen, config: AdaptConfig, folder: Path | None = None) -> Growth | None:
    """Measure the candidate taken with fewer faces, trials kept as in `chosen`; None where nothing is learned."""
    taken, material = made.taken, bench.material
    if taken == NOTHING:
        return None

    def answer(learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return trials.kept(folder, bench, taken, learned, asked)

    parts = (material.truth, material.groups, made.place, made.scores[taken], config.more, config.seed)
    return growth.grown(answer, *parts)


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def method_names(text: str) -> Sequence[str]:
    """Return the candidates that a text with commas names; 'head' names all of its weights.

    Raises:
        InputError: one is unknown.
    """
    asked = [one.strip() for one in text.split(",") if one.strip()]
    found = [name for name in NAMES for one in asked if name == one or name.split()[0] == one]
    lacking = [one for one in asked if not any(name == one or name.split()[0] == one for name in NAMES)]
    if lacking or not found:
        raise InputError(f"no method '{', '.join(lacking) or text}'; there are: {', '.join(NAMES)}")
    return list(dict.fromkeys(found))
