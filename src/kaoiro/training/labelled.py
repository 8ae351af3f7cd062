"""A user's own pictures of expressions as a set to learn from, such as the small set that a transfer is for."""

from __future__ import annotations

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, FERPLUS, Vocabulary
from kaoiro.core.spec import CropGeometry, Head, Specification
from kaoiro.data.datasets import own_labels
from kaoiro.data.datasets.own_labels import OwnLabels
from kaoiro.data.division import PARTS, meant
from kaoiro.data.source import FER2013_LIMITS, DataConfig, LearningData, without
from kaoiro.data.splits import stratified_holdout
from kaoiro.training.adapting.material import Material, gather

LICENCE = "Weights learned from your pictures: what holds for these holds for the weights. The code is MIT."
LIMITS = (
    FER2013_LIMITS[0],
    "Learned on pictures of one collection; how well it does on others was not measured.",
)


def load(config: DataConfig, crop: CropGeometry, size: int) -> LearningData:
    """Read the pictures, cut the faces out, and hold a share of them out, or what the table's column 'split' says.

    People are on one side, as far as they are named; so are copies and, where nobody is named, near copies. Faces of
    the split 'test' are neither learned from nor held out.

    Args:
        config: names the table or folder.
        crop: where faces shall lie.
        size: side of the crops, pixels.

    Raises:
        DataError: nothing in the documented layout, a label that is no expression, too few faces of one, or splits that
            are no splits: another name than train, val or test, a row without one, a person in two of them.
    """
    if config.root is None:
        raise DataError("name a table of pictures and labels, or a folder with a sub-folder for each, by --data.root")
    own = own_labels.read(config.root)
    vocabulary = _vocabulary(own)
    _check_splits(own)
    found = gather(own, _wanted(vocabulary, crop, size), config.cut)
    learned, held = _sides(found, config.held)
    _check(found, learned, held)
    faces = _faces(found, vocabulary)
    people = f" of {found.people} people" if found.people else ""
    description = f"{len(faces)} labelled pictures{people}"
    if found.splits is not None:
        rest = int((~learned & ~held).sum())
        description += f", split by their table: {learned.sum()} to learn from, {held.sum()} held out, {rest} left out"
    vocabularies = {EXPRESSION: vocabulary}
    data = LearningData(faces.rows(learned), faces.rows(held), vocabularies, description, LICENCE, LIMITS)
    return without(data, config.unseen)


def _check_splits(own: OwnLabels) -> None:
    """Refuse splits that cannot be kept.

    Raises:
        DataError: names the first row.
    """
    if own.splits is None:
        return
    first: dict[str, str] = {}
    for name, person, split in zip(own.ids, own.persons.tolist(), own.splits.tolist(), strict=True):
        part = meant(split)
        if not part:
            valid = ", ".join(PARTS)
            raise DataError(f"{own.source}: the split of {name} must be one of {valid}, not '{split}'")
        if person and first.setdefault(person, part) != part:
            raise DataError(
                f"{own.source}: {person} is in {first[person]} and, with {name}, in {part}; nobody may be in two"
            )


def _sides(found: Material, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which faces are learned from and which are held out: (N,) bool each.

    What the table splits stays so, but for copies in 'train' of what is in another part: they are in neither. Without
    'val' a share of 'train' is held out.
    """
    if found.splits is None:
        held = stratified_holdout(found.groups, found.truth, share)
        return ~held, held
    parts = np.array([meant(split) for split in found.splits.tolist()])
    held, tested = parts == "val", parts == "test"
    held &= ~np.isin(found.groups, found.groups[tested])
    learned = (parts == "train") & ~np.isin(found.groups, found.groups[held | tested])
    if not (parts == "val").any() and learned.any():
        places = np.flatnonzero(learned)
        held[places] = stratified_holdout(found.groups[places], found.truth[places], share)
        learned &= ~held
    return learned, held


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


def _check(found: Material, learned: np.ndarray, held: np.ndarray) -> None:
    counts = np.bincount(found.truth[learned], minlength=len(found.labels))
    lacking = [label for label, count in zip(found.labels, counts, strict=True) if not count]
    fewer, more = "hold out fewer by --data.held", "hold out more by --data.held"
    if found.splits is not None:
        fewer = more = "change the column split of the table"
    if lacking:
        raise DataError(f"no face to learn from of {', '.join(lacking)}; {fewer}")
    if not held.any():
        raise DataError(f"no face is held out; {more}")


def _faces(found: Material, vocabulary: Vocabulary) -> Faces:
    places = np.array([vocabulary.index(label) for label in found.labels], np.int64)
    truth = places[found.truth]
    targets = np.eye(len(vocabulary), dtype=np.float32)[truth]
    return Faces(found.crops, {EXPRESSION: targets}, {EXPRESSION: truth}, subjects=found.groups.astype(str))
