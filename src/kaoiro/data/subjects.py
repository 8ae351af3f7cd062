"""Faces of known people to learn from without labels: which people are kept back, and what a batch holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from kaoiro.core.checks import at_least, require
from kaoiro.core.crops import CROPS
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.spec import CropGeometry


@dataclass(frozen=True)
class SubjectsConfig:
    """What a recipe learns from: faces, and who is seen in each.

    Attributes:
        dataset: 'rendered' (a syn-id set under `root`), 'table' (a user's table of pictures and subjects, `root` names
            the file or its folder), 'drawn' (simple drawings, for trials) or 'unlabelled' (nobody is known: views of
            unlabelled faces alone are learned from).
        unlabelled: folder of fer2013.csv, whose Training part is taken without its labels, or of pictures: faces that
            patches or views are learned from (`NetworkConfig`, `ViewsConfig`), of which nothing is known.
        root: folder of the set, or the table.
        fold: which of `folds` parts of the training people is kept back; None learns from all of them.
        folds: parts.
        fold_seed: of the parts; apart from the seed of a run, so that runs of other seeds have the same parts.
        cut: 'detect' finds the face in each picture of a table or of a folder of unlabelled ones and places it, 'whole'
            takes pictures that are cut already.
        crop: 'inner' shows brows to chin, 'fer2013' the head with what is around it. The source takes a detector's box
            from recordings with one background for each person; where backgrounds vary, codes learned without labels
            hold them.
        cache: folder that keeps the placed crops of a set, which take a minute or two to make; None keeps none.
        grey: whether colours are taken off, for a model that shall read grey faces, too.
        count: number of drawn people.
        pictures: of each drawn person.
    """

    dataset: Literal["rendered", "table", "drawn", "unlabelled"] = "rendered"
    root: str | None = None
    unlabelled: str | None = None
    fold: int | None = None
    folds: int = 5
    fold_seed: int = 0
    cut: Literal["detect", "whole"] = "detect"
    crop: Literal["inner", "fer2013"] = "inner"
    cache: str | None = None
    grey: bool = False
    count: int = 12
    pictures: int = 24

    @property
    def geometry(self) -> CropGeometry:
        """Where a face lies in a crop."""
        return CROPS[self.crop]

    def check(self) -> None:
        """Refuse settings that name no data.

        Raises:
            InputError: names the first of them.
        """
        at_least("data.folds", 2, self.folds)
        good = self.fold is None or 0 <= self.fold < self.folds
        require(good, "data.fold", f"none, or from 0 to {self.folds - 1}", self.fold)
        at_least("data.fold_seed", 0, self.fold_seed)
        at_least("data.count", 4, self.count)
        at_least("data.pictures", 2, self.pictures)


@dataclass(frozen=True)
class People:
    """Faces of people.

    Attributes:
        training: what is learned from.
        seen: faces of the same people that measurements are made on; may be the same pictures.
        unseen: faces of other people, for measurements; may be none.
        description: what they are, in words.
        licence: what holds for weights learned from them.
        limits: what a model of them cannot do.
        unlabelled: (N, s, s) uint8 grey faces of which nothing is known, of any side; None where there are none.
    """

    training: Faces
    seen: Faces
    unseen: Faces
    description: str
    licence: str
    limits: tuple[str, ...]
    unlabelled: np.ndarray | None = None


def folds(subjects: np.ndarray, count: int, seed: int = 0) -> dict[str, int]:
    """Return the fold of each person, 0 to count - 1: as equal in size as can be, the same for the same people.

    Args:
        subjects: (N,) ids of faces, in any order.
        count: of folds.
        seed: of the shuffle.

    Raises:
        DataError: there are fewer people than folds.
    """
    names = np.unique(subjects)
    if len(names) < count:
        raise DataError(f"{count} folds of {len(names)} people cannot be: choose fewer by --data.folds")
    order = np.random.default_rng((seed, count)).permutation(len(names))
    return {str(names[place]): number % count for number, place in enumerate(order)}


def held_out(subjects: np.ndarray, config: SubjectsConfig) -> np.ndarray:
    """Return (N,) bool: whether a face is of the people that the configured fold keeps back."""
    if config.fold is None:
        return np.zeros(len(subjects), bool)
    places = folds(subjects, config.folds, config.fold_seed)
    return np.array([places[str(name)] == config.fold for name in subjects], bool)


class Draw(NamedTuple):
    """Which faces a step sees.

    Attributes:
        rows: (B,) faces.
        partners: (B, K) faces drawn uniformly from those of the same subject; the face itself may be drawn.
        swapped: (B,) places in the batch: a permutation that gives every face one of another subject.
    """

    rows: np.ndarray
    partners: np.ndarray
    swapped: np.ndarray


class Draws:
    """Batches without end: the data is gone through again and again, every time in another order.

    A step's draw depends on the seed and the number of the step alone, so that training can go on anywhere.

    Args:
        subjects: (N,) ids.
        batch: faces a step; at most N are taken, and an even number.
        seed: whole numbers that name the run and the stage.
        partners: K.

    Raises:
        DataError: all faces are of one subject.
    """

    def __init__(self, subjects: np.ndarray, batch: int, seed: tuple[int, ...], partners: int = 1) -> None:
        names, self.numbers, counts = np.unique(subjects, return_inverse=True, return_counts=True)
        if len(names) < 2:
            raise DataError("identity and expression can only be told apart with faces of two or more subjects")
        most = min(batch, len(subjects))
        self.people, self.batch = len(names), most - most % 2
        self._seed, self._partners, self._counts = seed, partners, counts
        self._sorted = np.argsort(self.numbers, kind="stable")
        self._starts = np.cumsum(counts) - counts
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    @property
    def steps(self) -> int:
        """Full batches in one pass over the data."""
        return len(self.numbers) // self.batch

    def __call__(self, step: int) -> Draw:
        """Return the draw of a step, counted from the stage's first."""
        place, rng = step % self.steps, np.random.default_rng((*self._seed, 1, step))
        rows = self._pass(step // self.steps)[place * self.batch : (place + 1) * self.batch]
        rows = self._mixed(rows, rng)
        numbers = self.numbers[rows]
        shares = rng.random((len(rows), self._partners))
        partners = self._sorted[self._starts[numbers][:, None] + (shares * self._counts[numbers][:, None]).astype(int)]
        return Draw(rows, partners, others(numbers, rng))

    def _pass(self, number: int) -> np.ndarray:
        if self._order[0] != number:
            rng = np.random.default_rng((*self._seed, 0, number))
            self._order = (number, rng.permutation(len(self.numbers)))
        return self._order[1]

    def _mixed(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return rows of which no subject has more than half: faces too many give way to random other ones."""
        rows = rows.copy()
        for _ in range(len(rows)):
            numbers = self.numbers[rows]
            most = np.bincount(numbers).argmax()
            own = np.flatnonzero(numbers == most)
            excess = len(own) - len(rows) // 2
            if excess <= 0:
                break
            rows[own[:excess]] = rng.choice(np.flatnonzero(self.numbers != most), excess)
        return rows

    def range(self, first: int, count: int) -> Iterator[Draw]:
        """Yield the draws of steps `first` to `first + count - 1`."""
        return (self(step) for step in range(first, first + count))


def others(subjects: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a permutation (B,) that gives every face one of another subject.

    Faces are laid out subject by subject, in random order, and turned by at least the size of the largest group.

    Args:
        subjects: (B,) numbers, of which none has more than half of the faces.
        rng: of the order.
    """
    rank = rng.permutation(int(subjects.max()) + 1)
    order = np.lexsort((rng.random(len(subjects)), rank[subjects]))
    largest = int(np.bincount(subjects).max())
    turn = int(rng.integers(largest, len(subjects) - largest + 1))
    result = np.empty(len(subjects), np.int64)
    result[order] = np.roll(order, turn)
    return result
