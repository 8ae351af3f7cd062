"""What the stages of a transfer learn from: FER2013 without the tenth on which choices are made, and target sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, FER2013, Vocabulary
from kaoiro.data.source import FER2013_LICENCE, FER2013_LIMITS, LearningData, of_training, to_faces
from kaoiro.evaluation.transfers import First, Framing
from kaoiro.inference.classifier import prepare_crops
from kaoiro.training import arm_data
from kaoiro.training.transfer.targets import TRAIN, VALIDATION, Target


@dataclass(frozen=True, eq=False)
class Official:
    """FER2013 as stage 1 learns it.

    Attributes:
        files: its official rows, without PrivateTest.
    """

    files: arm_data.Material

    @cached_property
    def fer28(self) -> LearningData:
        """Training without training-val, FER2013's labels."""
        return of_training(self.files.training, "fer2013")

    @cached_property
    def ferplus(self) -> LearningData:
        """The same faces with the votes of FER+."""
        return of_training(self.files.training, "ferplus")

    @cached_property
    def fer32(self) -> LearningData:
        """Those and PublicTest, but for images that have a copy in training-val."""
        base, public = self.fer28, self.files.public
        held = {face.tobytes() for face in base.validation.pixels}
        fresh = np.array([image.tobytes() not in held for image in public.images])
        more = to_faces(public.rows(fresh & (public.images.std(axis=(1, 2)) > 0)), "fer2013")
        return replace(base, training=together(base.training, more), description=f"{base.description} and PublicTest")

    def first(self, name: First, target: Target, framing: Framing) -> LearningData:
        """Return what stage 1 of a condition learns from.

        Args:
            name: of it.
            target: whose faces are in the union.
            framing: of these.
        """
        if name != "union":
            return {"fer28": self.fer28, "fer32": self.fer32, "ferplus": self.ferplus}[name]
        own = of_target(target, framing, FER2013)
        description = f"{self.fer28.description}, and {own.description}"
        faces = together(sized(self.fer28.training, own.training.pixels.shape[1]), own.training)
        return replace(self.fer28, training=faces, validation=own.validation, description=description)


def together(one: Faces, other: Faces) -> Faces:
    """Return the faces of two sets with the same heads and sizes."""
    targets = {head: np.concatenate([values, other.targets[head]]) for head, values in one.targets.items()}
    labels = {head: np.concatenate([values, other.labels[head]]) for head, values in one.labels.items()}
    return Faces(np.concatenate([one.pixels, other.pixels]), targets, labels)


def sized(faces: Faces, side: int) -> Faces:
    """Return faces whose pictures are `side` pixels wide."""
    return replace(faces, pixels=prepare_crops(faces.pixels, side, 1))


def of_target(
    target: Target, framing: Framing, vocabulary: Vocabulary | None = None, rows: np.ndarray | None = None
) -> LearningData:
    """Return what stage 2 learns from: the training faces of a target, judged by its validation faces.

    Args:
        target: set of N faces.
        framing: of its faces.
        vocabulary: that the labels are put into; None takes the target's own.
        rows: to learn from instead of all training faces.
    """
    known = vocabulary or Vocabulary("target", target.labels)
    places = np.array(known.indices(target.labels))

    def faces(keep: np.ndarray) -> Faces:
        truth = places[target.truth[keep]]
        shares = np.eye(len(known), dtype=np.float32)[truth]
        return Faces(target.crops[framing][keep], {EXPRESSION: shares}, {EXPRESSION: truth})

    learned = target.rows(TRAIN) if rows is None else rows
    description = f"{len(learned)} faces of the target '{target.name}'"
    parts = faces(learned), faces(target.rows(VALIDATION))
    return LearningData(*parts, {EXPRESSION: known}, description, FER2013_LICENCE, FER2013_LIMITS)


def framed(target: Target) -> bool:
    """Tell whether a target's faces are cut in several ways; those that come as crops are not."""
    first, *others = target.crops.values()
    return any(not np.array_equal(first, one) for one in others)
