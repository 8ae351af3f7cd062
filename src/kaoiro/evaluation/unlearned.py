"""Classes that arms of system C never learned: faces of them, and what the arms say of these by a text alone.

Legend: N faces, K labels of FER+.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.files import replacing, writing
from kaoiro.core.labels import FERPLUS, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets.fer2013 import Fer2013, image_keys, majority_labels
from kaoiro.data.splits import stratified_holdout
from kaoiro.evaluation.arm_answers import said_of
from kaoiro.evaluation.fer2013 import head_for
from kaoiro.inference.classifier import Classifier

FILE = "unlearned.npz"


@dataclass(frozen=True, eq=False)
class Question:
    """Faces that no network knows which left a class out: which of them are of it?

    Attributes:
        label: the class.
        images: (N, 48, 48) uint8.
        positive: (N,) bool, by the majority of FER+; the others have a majority for another class.
        public: (N,) bool, from PublicTest; the others from Training.
        rows: of those from PublicTest, in this part.
        groups: (N,) ids of identical images.
    """

    label: str
    images: np.ndarray
    positive: np.ndarray
    public: np.ndarray
    rows: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True, eq=False)
class Told:
    """What a model says of N faces.

    Attributes:
        cosines: (N, K) in the order of FER+, times a scale that is the same for all of them.
        probabilities: (N, K), calibrated.
    """

    cosines: np.ndarray
    probabilities: np.ndarray


def question(label: str, public: Fer2013, training: Fer2013) -> Question:
    """Return the faces that a network which left `label` out is asked about.

    Of the class: all in PublicTest and all in Training. Others: PublicTest, and the tenth of Training on which choices
    are made. Images with a copy among those that are learned from are left out.
    """
    place = FERPLUS.index(label)
    truths, keys = [], []
    for part in (public, training):
        assert part.votes is not None
        truths.append(majority_labels(part.votes))
        keys.append(part.image_keys())
    held = stratified_holdout(keys[1], training.labels)
    own = keys[1][held | (truths[1] == place)]
    learned = np.setdiff1d(keys[1], own)
    asked = [truths[0] >= 0, (truths[1] == place) | (held & (truths[1] >= 0))]
    rows = [np.flatnonzero(kept & ~np.isin(key, learned)) for kept, key in zip(asked, keys, strict=True)]
    every = np.concatenate([key[kept] for key, kept in zip(keys, rows, strict=True)])
    return Question(
        label,
        np.concatenate([public.images[rows[0]], training.images[rows[1]]]),
        np.concatenate([truth[kept] == place for truth, kept in zip(truths, rows, strict=True)]),
        np.arange(len(every)) < len(rows[0]),
        rows[0],
        np.unique(every, return_inverse=True)[1].ravel(),
    )


def kept(file: Path, model: ModelFolder, images: np.ndarray) -> Told:
    """Return what a model told before, or ask it and keep what it tells.

    Args:
        file: of the answers.
        model: that is asked.
        images: (N, 48, 48) uint8.

    Raises:
        DataError: the file is damaged.
    """
    about = {"model": model.digest, "images": hashlib.sha256(image_keys(images).tobytes()).hexdigest()}
    if file.is_file():
        stored, found = _read(file)
        if stored == about:
            return found
    found = ask(model, images)
    with replacing(file) as partial, writing(file), partial.open("wb") as stream:
        np.savez_compressed(stream, about=np.array(json.dumps(about)), **vars(found))
    return _read(file)[1]


def _read(file: Path) -> tuple[dict[str, str], Told]:
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            return json.loads(str(stored["about"])), Told(stored["cosines"], stored["probabilities"])
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} is damaged; remove it to ask the model again") from error


def ask(model: ModelFolder, images: np.ndarray) -> Told:
    """Return what a model tells by its head of FER+, whose answers are cosines with texts."""
    classifier, head = Classifier(model), head_for(model.specification, FERPLUS)
    said = said_of(classifier, images)
    order = head.vocabulary.indices(FERPLUS.labels)
    return Told(
        said.raw[head.name][:, order].astype(np.float32),
        project(said.heads[head.name], head.vocabulary, FERPLUS).astype(np.float32),
    )
