"""From a recipe's data settings to training and validation faces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from kaoiro.core.checks import at_least, require, share
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, EXPRESSION_FER2013, EXPRESSIONS, FER2013, FERPLUS, Vocabulary
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.datasets import drawn, fer2013
from kaoiro.data.splits import stratified_holdout

ROOT_VARIABLE = "KAOIRO_FER2013"
FER2013_LICENCE = (
    "Weights learned from FER2013, which was collected for research: use the weights for research. The code is MIT."
)
FER2013_LIMITS = (
    "Expression is not emotion: the scores say how a face looks to people who label photographs.",
    "Contempt, disgust and fear are rare in the training data and often missed: see the recalls in docs/results.",
    "Learned from photographs found by web search in 2013; differences between ages, skin tones and cultures are not "
    "measured.",
    "Not measured on faces that are covered, turned far from the camera, or smaller than about 30 pixels.",
)
DRAWN_LICENCE = "Weights learned from faces drawn by this project, for trials; MIT as the code."
DRAWN_LIMITS = ("A trial on simple drawings: of no use for photographs.",)


LabelSet = Literal["ferplus", "fer2013", "both"]


@dataclass(frozen=True)
class DataConfig:
    """What a recipe learns from.

    Attributes:
        dataset: 'fer2013' (official files under `root`), 'labelled' (your own pictures of expressions: `root` is a
            table, or a folder with a sub-folder for each label, see `datasets.own_labels`), 'joined' (FER2013, rendered
            and generated faces together) or 'drawn' (simple drawings, for trials).
        labels: 'ferplus' takes the vote distributions of eight emotions, 'fer2013' its seven classes, 'both' gives each
            a head of its own ('expression' and 'expression_fer2013').
        root: folder of the official files, default: environment variable KAOIRO_FER2013; or see 'labelled'.
        cut: 'labelled': 'detect' finds the face in each picture and places it as the recipe's crop says, 'whole' takes
            pictures that are cut already.
        held: 'labelled': share that is held out, 0-1, on which choices are made; nobody is on both sides. What the
            column 'split' of a table says goes before it.
        rendered: 'joined': folders of sets of the FACS world.
        generated: 'joined': folder of DiffusionFER.
        teacher: model (name or folder) whose answers stand for labels that faces lack: with 'joined' valence, arousal
            and action units of FER2013; in `language_contrast` the action units that sentences are tied to.
        distilled: 'joined': share of the teacher's probabilities in the expressions to learn, 0-1.
        shares: 'joined': of every batch: photographs, generated faces, rendered faces.
        unseen: classes that are left out: their faces by any annotation, and the votes for them. They keep their place
            among the labels: models that compare with texts answer them by their texts alone.
        guaranteed: faces of every class in each batch, however rare; 0 takes them as they come.
        count: number of drawn faces.
        augmentation: applied to training faces only.
    """

    dataset: Literal["fer2013", "labelled", "joined", "drawn"] = "fer2013"
    labels: LabelSet = "ferplus"
    root: str | None = None
    cut: Literal["detect", "whole"] = "detect"
    held: float = 0.25
    rendered: tuple[str, ...] = ()
    generated: str | None = None
    teacher: str | None = None
    distilled: float = 0.0
    shares: tuple[float, float, float] = (0.56, 0.06, 0.38)
    unseen: tuple[str, ...] = ()
    guaranteed: int = 0
    count: int = 256
    augmentation: Augmentation = field(default_factory=Augmentation)

    def check(self) -> None:
        """Refuse settings that name no data.

        Raises:
            InputError: names the first of them.
        """
        at_least("data.count", 1, self.count)
        share("data.distilled", self.distilled)
        require(0 < self.held < 1, "data.held", "above 0 and below 1", self.held)
        at_least("data.guaranteed", 0, self.guaranteed)
        unknown = [name for name in self.unseen if name not in EXPRESSIONS.labels]
        require(not unknown, "data.unseen", f"of {', '.join(EXPRESSIONS.labels)}", ", ".join(unknown))
        require(not self.unseen or self.dataset != "joined", "data.unseen", "left out with joined faces", self.unseen)
        require(min(self.shares) >= 0 < self.shares[0], "data.shares", "0 or more, photographs above 0", self.shares)
        self.augmentation.check()


@dataclass(frozen=True)
class StreamConfig:
    """What a recipe over time learns from.

    Attributes:
        dataset: 'rendered' (clips under `root`, read by the still model `model`) or 'drawn' (curves made up for
            trials).
        root: folder of a syn-vid set.
        model: of stills: name, or folder; None is the default model.
        count: number of drawn clips.
        seed: of the detector's errors, or of what is drawn.
    """

    dataset: Literal["rendered", "drawn"] = "rendered"
    root: str | None = None
    model: str | None = None
    count: int = 24
    seed: int = 0

    def check(self) -> None:
        """Refuse settings that name no data.

        Raises:
            InputError: names the first of them.
        """
        at_least("data.count", 2, self.count)
        at_least("data.seed", 0, self.seed)


@dataclass(frozen=True)
class LearningData:
    """Training faces, the held-out faces on which every choice is made, and where they come from.

    Attributes:
        vocabularies: by head, what it answers; `EXPRESSION` comes first.
        licence: what holds for weights learned from these faces.
        limits: what a model of these faces cannot do.
        shares: of every batch, by domain; empty where there is one domain.
    """

    training: Faces
    validation: Faces
    vocabularies: Mapping[str, Vocabulary]
    description: str
    licence: str
    limits: tuple[str, ...]
    shares: tuple[float, ...] = ()


def load(config: DataConfig) -> LearningData:
    """Load the data of a recipe.

    Raises:
        DataError: the files are missing or not in the official layout.
        InputError: an unseen class is none of the labels.
    """
    return without(_load(config), config.unseen)


def _load(config: DataConfig) -> LearningData:
    if config.dataset == "drawn":
        faces = drawn.faces(config.count, seed=0)
        held = np.arange(len(faces)) // len(drawn.VOCABULARY) % 4 == 0
        description = f"{config.count} drawn faces"
        vocabularies = {EXPRESSION: drawn.VOCABULARY}
        return LearningData(faces.rows(~held), faces.rows(held), vocabularies, description, DRAWN_LICENCE, DRAWN_LIMITS)
    return _load_fer2013(config)


def _load_fer2013(config: DataConfig) -> LearningData:
    root = config.root or os.environ.get(ROOT_VARIABLE)
    if root is None:
        raise DataError(f"name the folder with fer2013.csv by --data.root or the variable {ROOT_VARIABLE}")
    return of_training(fer2013.read(root).part("Training"), config.labels)


def without(data: LearningData, unseen: Sequence[str]) -> LearningData:
    """Return learning data that shows nothing of some classes, nor do its held-out faces.

    Faces of these classes by any annotation are left out, with all identical ones; votes for them are taken out and the
    others scaled to a sum of 1. Faces that keep no label are left out, too. The vocabularies stay.

    Raises:
        InputError: a class is no label, or fewer than two remain.
    """
    if not unseen:
        return data
    labels = list(data.vocabularies[EXPRESSION].labels)
    unknown = [name for name in unseen if name not in labels]
    require(not unknown, "data.unseen", f"of {', '.join(labels)} with data.labels as they are", ", ".join(unknown))
    require(len(labels) - len(set(unseen)) >= 2, "data.unseen", "such that two classes or more remain", unseen)
    parts = (data.training, data.validation)
    shown = [_of_any(faces, data.vocabularies, unseen) for faces in parts]
    keys = [fer2013.image_keys(faces.pixels) for faces in parts]
    gone = np.concatenate([key[rows] for key, rows in zip(keys, shown, strict=True)])
    training, validation = (
        _unvoted(faces.rows(~np.isin(key, gone)), data.vocabularies, unseen)
        for faces, key in zip(parts, keys, strict=True)
    )
    told = np.any([~np.isnan(targets).any(axis=1) for targets in training.targets.values()], axis=0)
    description = f"{data.description} without {', '.join(unseen)}"
    return replace(data, training=training.rows(told), validation=validation, description=description)


def _of_any(faces: Faces, vocabularies: Mapping[str, Vocabulary], unseen: Sequence[str]) -> np.ndarray:
    """Return which faces are of some classes by any of their labels: (N,) bool."""
    found = np.zeros(len(faces), bool)
    for head, vocabulary in vocabularies.items():
        found |= np.isin(faces.labels[head], [vocabulary.index(name) for name in unseen if name in vocabulary.labels])
    return found


def _unvoted(faces: Faces, vocabularies: Mapping[str, Vocabulary], unseen: Sequence[str]) -> Faces:
    """Return faces whose distributions have no share of some classes; NaN where nothing else remains."""
    targets = dict(faces.targets)
    for head, vocabulary in vocabularies.items():
        kept = np.array([name not in unseen for name in vocabulary.labels], np.float32)
        shares = faces.targets[head] * kept
        total = shares.sum(axis=1, keepdims=True)
        targets[head] = np.where(total > 0, shares / np.where(total > 0, total, 1), np.nan).astype(np.float32)
    return replace(faces, targets=targets)


def of_training(training: fer2013.Fer2013, labels: LabelSet) -> LearningData:
    """Return what can be learned from rows of Training; a tenth of them is held out, on which choices are made.

    Raises:
        DataError: FER+ labels are asked for and the vote table is missing.
    """
    held = stratified_holdout(training.image_keys(), training.labels)
    faces = to_faces(training, labels)
    labelled = [~np.isnan(targets).any(axis=1) for targets in faces.targets.values()]
    usable = np.any(labelled, axis=0) & (faces.pixels.std(axis=(1, 2)) > 0)
    learned, checked = faces.rows(usable & ~held), faces.rows(held)
    vocabularies = VOCABULARIES[labels]
    annotations = " and ".join(vocabulary.name for vocabulary in vocabularies.values())
    description = f"FER2013 Training with {annotations} labels"
    return LearningData(learned, checked, vocabularies, description, FER2013_LICENCE, FER2013_LIMITS)


VOCABULARIES: dict[LabelSet, dict[str, Vocabulary]] = {
    "ferplus": {EXPRESSION: FERPLUS},
    "fer2013": {EXPRESSION: FER2013},
    "both": {EXPRESSION: FERPLUS, EXPRESSION_FER2013: FER2013},
}
"""What the heads of a model answer that learned a set of labels."""


def to_faces(data: fer2013.Fer2013, labels: LabelSet) -> Faces:
    """Turn rows of FER2013 into faces with the chosen labels, by head.

    Raises:
        DataError: FER+ labels are asked for and the vote table is missing.
    """
    targets, classes = {}, {}
    for head, vocabulary in VOCABULARIES[labels].items():
        if vocabulary is FER2013:
            targets[head], classes[head] = np.eye(len(FER2013), dtype=np.float32)[data.labels], data.labels
            continue
        if data.votes is None:
            raise DataError("FER+ labels need fer2013new.csv beside fer2013.csv")
        targets[head], classes[head] = fer2013.vote_distributions(data.votes), fer2013.majority_labels(data.votes)
    return Faces(data.images, targets, classes)
