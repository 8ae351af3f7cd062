"""Which labels recognisers learn from and choose by: a share of those of training people, some of whom are kept back.

Legend: N faces, M labelled faces; classes in the order of FER2013.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION

_PEOPLE, _FACES, _ORDER = range(3)  # what is drawn by a seed


class Labels(NamedTuple):
    """Which training faces' labels are known; rows of all that could be known.

    Attributes:
        learning: (M,) that are learned from.
        choosing: of people kept back, by which rates and ridges are chosen.
    """

    learning: np.ndarray
    choosing: np.ndarray


def labelled(faces: Faces, side: int, name: str) -> Faces:
    """Return the faces whose expression is known.

    Raises:
        InputError: there are none, nobody knows of whom they are, or they have another size.
    """
    if faces.subjects is None or EXPRESSION not in faces.labels:
        raise InputError(f"recognisers need {name} faces whose person and expression are known")
    rows = np.flatnonzero(faces.labels[EXPRESSION] >= 0)
    if not len(rows):
        raise InputError(f"recognisers need {name} people with labels; there are none")
    if faces.pixels.shape[1:] != (side, side, 3):
        raise InputError(f"{name} faces must be (N, {side}, {side}, 3), not {faces.pixels.shape}")
    return faces if len(rows) == len(faces) else faces.rows(rows)


def subjects(faces: Faces) -> np.ndarray:
    """Return (N,) names."""
    return np.asarray(faces.subjects, str)


def drawn(faces: Faces, fraction: float, kept: float, seed: int) -> Labels:
    """Draw the labels that are known, of people to learn from and of people kept back alike.

    The same seed keeps the same people back and gives smaller shares within larger ones.

    Args:
        faces: of `labelled`, of two people or more.
        fraction: of the labels of each expression; at least one of each is drawn.
        kept: share of the people who are kept back; at least one of them.
        seed: of the draws.

    Raises:
        InputError: labels to learn from are of one expression.
    """
    names, truth = subjects(faces), faces.labels[EXPRESSION]
    order = np.random.default_rng((seed, _PEOPLE)).permutation(np.unique(names))
    count = min(len(order) - 1, max(1, round(kept * len(order))))
    held, rng = np.isin(names, order[:count]), np.random.default_rng((seed, _FACES))
    labels = Labels(*(stratified(truth, np.flatnonzero(part), fraction, rng) for part in (~held, held)))
    if len(np.unique(truth[labels.learning])) < 2:
        raise InputError("recognisers need labels of two expressions or more; name the column `label`")
    return labels


def stratified(truth: np.ndarray, rows: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Return a share of each class among rows, at least one of each: (M,) rows in rising order.

    The same generator gives smaller shares within larger ones.

    Args:
        truth: (N,) classes.
        rows: to draw from.
        fraction: share.
        rng: of the draws.
    """
    classes = [rng.permutation(rows[truth[rows] == label]) for label in np.unique(truth[rows])]
    return np.sort(np.concatenate([one[: max(1, round(fraction * len(one)))] for one in classes]))


def alike(truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows in which every class stands as often as the most frequent one, its rows repeated in turn.

    Args:
        truth: (N,) classes.
        rows: of which each stands once or more often in what is returned.
    """
    classes = [rows[truth[rows] == label] for label in np.unique(truth[rows])]
    most = max(len(one) for one in classes)
    return np.concatenate([np.resize(one, most) for one in classes])


def batches(rows: np.ndarray, steps: int, batch: int, seed: int) -> np.ndarray:
    """Return (steps, batch) rows: they are gone through again and again, every time in another order.

    Args:
        rows: as `alike` returns.
        steps: how many batches.
        batch: rows of each.
        seed: of the orders.
    """
    rng, count = np.random.default_rng((seed, _ORDER)), steps * batch
    passes = [rng.permutation(rows) for _ in range(math.ceil(count / len(rows)))]
    return np.concatenate(passes)[:count].reshape(steps, batch)
