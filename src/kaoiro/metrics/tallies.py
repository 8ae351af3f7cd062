"""How often each class was there, answered, and answered rightly: what recall, precision and F1 follow from.

Sums over images, so that 10,000 draws of images cost one matrix product, the same draws for every classifier: the
difference between two of them is paired.
Legend: N images, G groups, R classifiers, D draws, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.metrics.resampling import drawn_sums


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of one classifier, of all images (K,) or of each draw of them (D, K).

    Attributes:
        support: images of each class.
        answered: how often each class was answered.
        hits: how often rightly.
    """

    support: np.ndarray
    answered: np.ndarray
    hits: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Share of right answers (micro): () or (D,)."""
        return _ratio(self.hits.sum(axis=-1), self.support.sum(axis=-1))

    @property
    def recalls(self) -> np.ndarray:
        """Recall of each class, NaN without images of it."""
        return _ratio(self.hits, self.support)

    @property
    def precisions(self) -> np.ndarray:
        """Precision of each class, NaN where it is never answered."""
        return _ratio(self.hits, self.answered)

    @property
    def f1_scores(self) -> np.ndarray:
        """F1 of each class, NaN where it is neither there nor answered."""
        return _ratio(2 * self.hits, self.support + self.answered)

    @property
    def macro_recall(self) -> np.ndarray:
        """Mean recall over the classes that occur: () or (D,)."""
        return _mean_of_known(self.recalls)

    @property
    def macro_f1(self) -> np.ndarray:
        """Mean F1 over the classes that occur or are answered: () or (D,)."""
        return _mean_of_known(self.f1_scores)

    def recall(self, classes: Sequence[int]) -> np.ndarray:
        """Return the mean recall of some classes; NaN where any of them does not occur."""
        return self.recalls[..., list(classes)].mean(axis=-1)

    def precision(self, classes: Sequence[int]) -> np.ndarray:
        """Return the mean precision of some classes; NaN where any of them is never answered."""
        return self.precisions[..., list(classes)].mean(axis=-1)


def tally(truth: np.ndarray, guess: np.ndarray, classes: int) -> Tally:
    """Return the counts of one classifier.

    Args:
        truth: (N,) classes.
        guess: (N,) answers.
        classes: K.
    """
    there, said, right = _columns(truth, guess, classes)
    return Tally(there.sum(axis=0), said.sum(axis=0), right.sum(axis=0))


def redrawn(
    truth: np.ndarray, guesses: Sequence[np.ndarray], classes: int, groups: np.ndarray, draws: int | None = None
) -> list[Tally]:
    """Return the counts of classifiers over the same draws of groups of images.

    Args:
        truth: (N,) classes.
        guesses: (N,) answers of each classifier.
        classes: K.
        groups: (N,) ids of identical images, drawn together.
        draws: None is `resampling.DRAWS`.

    Raises:
        InputError: no classifiers or images, or another number of groups than of images.
    """
    if not guesses:
        raise InputError("no answers to draw again")
    parts = [_columns(truth, guess, classes) for guess in guesses]
    there = parts[0][0]
    sums = drawn_sums(np.concatenate([there, *(one for _, *rest in parts for one in rest)], axis=1), groups, draws)
    support, *rest = np.split(sums, 1 + 2 * len(parts), axis=1)
    return [Tally(support, said, right) for said, right in zip(rest[::2], rest[1::2], strict=True)]


def _columns(truth: np.ndarray, guess: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is summed up over images: of each class whether it is there, answered, and both (N, K)."""
    there, said = (np.eye(classes)[np.asarray(one, np.int64)] for one in (truth, guess))
    return there, said, there * said


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))
