"""What the arms of system C learn from, and what they are asked about: FER2013 without its PrivateTest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import fer2013
from kaoiro.data.datasets.fer2013 import Fer2013
from kaoiro.data.source import LabelSet, LearningData, of_training, without
from kaoiro.data.splits import stratified_folds
from kaoiro.training.unit_readings import read_where_asked

FOLDS = 5
"""Of the cross-validation over Training."""


@dataclass(frozen=True, eq=False)
class Material:
    """Official rows.

    Attributes:
        training: of Training.
        public: of PublicTest, which is asked about once per run.
    """

    training: Fer2013
    public: Fer2013

    @cached_property
    def place(self) -> np.ndarray:
        """The fold of each row of Training, identical images together: (N,)."""
        assert self.training.votes is not None
        majority = fer2013.majority_labels(self.training.votes)
        classes = np.where(majority >= 0, majority, -1 - self.training.labels)
        return stratified_folds(self.training.image_keys(), classes, FOLDS)

    @cached_property
    def _learned(self) -> dict[Any, LearningData]:
        return {}

    def learning(self, recipe: Any, fold: int | None = None) -> LearningData:
        """Return what a run of a recipe learns from: all of Training, or all but one fold."""
        key = recipe.data.labels, recipe.data.unseen, recipe.objective.tied and recipe.data.teacher, fold
        if key not in self._learned:
            self._learned.clear()  # one at a time: a few hundred megabytes
            known = without(self._loaded(recipe.data.labels, fold), recipe.data.unseen)
            self._learned[key] = read_where_asked(known, recipe)
        return self._learned[key]

    def _loaded(self, labels: LabelSet, fold: int | None) -> LearningData:
        if fold is None:
            return of_training(self.training, labels)
        data = of_training(self.training.rows(self.place != fold), labels)
        return replace(data, description=f"{data.description}, all but fold {fold + 1} of {FOLDS}")


def read(root: str) -> Material:
    """Read the official files; rows of PrivateTest are left out at once.

    Raises:
        DataError: no Training, PublicTest or votes, or files that are not in their layout.
    """
    data = fer2013.read(root)
    for usage in ("Training", "PublicTest"):
        if not (data.usage == usage).any():
            raise DataError(f"{root}: fer2013.csv has no {usage} rows")
    if data.votes is None:
        raise DataError(f"{root}: fer2013new.csv, the votes of FER+, is missing beside fer2013.csv")
    return Material(data.part("Training"), data.part("PublicTest"))
