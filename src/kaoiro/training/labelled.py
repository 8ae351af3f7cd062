"""A user's own pictures of expressions as a set to learn from, such as the small set that a transfer is for."""

from __future__ import annotations

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, FERPLUS, Vocabulary
from kaoiro.core.spec import CropGeometry, Head, Specification
from kaoiro.data.datasets import own_labels
from kaoiro.data.datasets.own_labels import OwnLabels
from kaoiro.data.source import FER2013_LIMITS, DataConfig, LearningData, without
from kaoiro.data.splits import stratified_holdout
from kaoiro.training.adapting.material import Material, gather

LICENCE = "Weights learned from your pictures: what holds for these holds for the weights. The code is MIT."
LIMITS = (
    FER2013_LIMITS[0],
    "Learned on pictures of one collection; how well it does on others was not measured.",
)


def load(config: DataConfig, crop: CropGeometry, size: int) -> LearningData:
    """Read the pictures, cut the faces out, and hold a share of them out.

    People are on one side, as far as they are named; so are copies and, where nobody is named, near copies.

    Args:
        config: names the table or folder.
        crop: where faces shall lie.
        size: side of the crops, pixels.

    Raises:
        DataError: nothing in the documented layout, a label that is no expression, or too few faces of one.
    """
    if config.root is None:
        raise DataError("name a table of pictures and labels, or a folder with a sub-folder for each, by --data.root")
    own = own_labels.read(config.root)
    vocabulary = _vocabulary(own)
    found = gather(own, _wanted(vocabulary, crop, size), config.cut)
    held = stratified_holdout(found.groups, found.truth, config.held)
    _check(found, held)
    faces = _faces(found, vocabulary)
    people = f" of {found.people} people" if found.people else ""
    description = f"{len(faces)} labelled pictures{people}"
    vocabularies = {EXPRESSION: vocabulary}
    data = LearningData(faces.rows(~held), faces.rows(held), vocabularies, description, LICENCE, LIMITS)
    return without(data, config.unseen)


def _vocabulary(own: OwnLabels) -> Vocabulary:
    """Return the labels in the order of FER2013's classes, then contempt.

    Raises:
        DataError: one is no expression.
    """
    others = [label for label in own.labels if label not in FERPLUS.labels]
    if others:
        valid = ", ".join(FERPLUS.labels)
        raise DataError(f"{own.source}: labels to learn must be of {valid}; found {', '.join(others)}")
    return Vocabulary("labelled", tuple(label for label in FERPLUS.labels if label in own.labels))


def _wanted(vocabulary: Vocabulary, crop: CropGeometry, size: int) -> Specification:
    """Return what says how faces are cut; mean and deviation play no part in it."""
    head = Head(name=EXPRESSION, activation="softmax", labels=vocabulary.labels)
    return Specification(size=size, channels=1, mean=(0.5,), std=(0.25,), crop=crop, heads=(head,))


def _check(found: Material, held: np.ndarray) -> None:
    learned = np.bincount(found.truth[~held], minlength=len(found.labels))
    lacking = [label for label, count in zip(found.labels, learned, strict=True) if not count]
    if lacking:
        raise DataError(f"no face to learn from of {', '.join(lacking)}; hold out fewer by --data.held")
    if not held.any():
        raise DataError("no face is held out; hold out more by --data.held")


def _faces(found: Material, vocabulary: Vocabulary) -> Faces:
    places = np.array([vocabulary.index(label) for label in found.labels], np.int64)
    truth = places[found.truth]
    targets = np.eye(len(vocabulary), dtype=np.float32)[truth]
    return Faces(found.crops, {EXPRESSION: targets}, {EXPRESSION: truth}, subjects=found.groups.astype(str))
