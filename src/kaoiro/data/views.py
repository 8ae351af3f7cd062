"""Which faces a step sees in two views: unlabelled ones, and faces of some known people."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kaoiro.core.errors import DataError


class ViewDraw(NamedTuple):
    """Faces of a step.

    Attributes:
        unlabelled: (U,) rows of the unlabelled faces.
        known: (V,) rows of the faces whose people are known.
        groups: (U + V,) whole numbers; a face is told apart from the others of its group alone.
    """

    unlabelled: np.ndarray
    known: np.ndarray
    groups: np.ndarray


class ViewDraws:
    """Batches without end. A step's draw depends on the seed and the number of the step alone.

    Unlabelled faces are one group and are gone through pass by pass, every time in another order. Of known faces some
    people are drawn, and some faces of each: these are a group of their own, in which it does not help to know who
    somebody is. Neither group is told apart from the other, or codes would be learned to say where a face is from.

    Args:
        unlabelled: how many there are.
        subjects: (N,) ids of the known faces; none where there are none.
        batch: faces a step.
        known: share of these that are known ones, 0-1, where there are faces of both kinds.
        people: known people of a step; 0 draws known faces of anybody, as one group.
        seed: whole numbers that name the run and the stage.

    Raises:
        DataError: there are fewer than two faces.
    """

    def __init__(
        self, unlabelled: int, subjects: np.ndarray, batch: int, known: float, people: int, seed: tuple[int, ...]
    ) -> None:
        if unlabelled + len(subjects) < 2:
            raise DataError("views need two faces or more")
        self._count, self._numbers = unlabelled, np.unique(subjects, return_inverse=True)[1]
        share = known if unlabelled and len(subjects) else float(not unlabelled)
        self._known = round(batch * share)
        self._unlabelled = min(batch - self._known, unlabelled)
        self._people, self._seed = people, seed
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    @property
    def steps(self) -> int:
        """Full batches in one pass over the unlabelled faces, or over the known ones where there are no others."""
        count, each = (self._count, self._unlabelled) if self._unlabelled else (len(self._numbers), self._known)
        return max(1, count // each)

    def __call__(self, step: int) -> ViewDraw:
        """Return the draw of a step, counted from the stage's first."""
        place, rng = step % self.steps, np.random.default_rng((*self._seed, 3, step))
        rows = self._pass(step // self.steps)[place * self._unlabelled : (place + 1) * self._unlabelled]
        known = self._drawn(rng)
        own = 1 + (self._numbers[known] if self._people else np.zeros(len(known), np.int64))
        return ViewDraw(rows, known, np.concatenate([np.zeros(len(rows), np.int64), own]))

    def _pass(self, number: int) -> np.ndarray:
        if self._order[0] != number:
            rng = np.random.default_rng((*self._seed, 2, number))
            self._order = (number, rng.permutation(self._count))
        return self._order[1]

    def _drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Return rows of known faces, no face twice."""
        if not self._known:
            return np.empty(0, np.int64)
        if not self._people:
            return rng.permutation(len(self._numbers))[: self._known]
        names = rng.permutation(self._numbers.max() + 1)[: self._people]
        each = max(2, self._known // len(names))
        return np.concatenate([rng.permutation(np.flatnonzero(self._numbers == name))[:each] for name in names])
