"""Scores of words, 0-1, from what a model answers.

Each action of an entry gives a factor, and the score is their product: 1 - w (1 - p) for what the face shows,
1 - w p for what it does not, with w the weight of the action and p its probability. A main action (w = 1) gives p, or
1 - p; one of weight 0.4 takes at most 40 % away. Expressions count like actions that are shown; a range of valence or
arousal gives the probability that it lies there, for a normal distribution with the model's mean and spread.

So the score of a word of main actions alone is the probability that all of them are there, as if they came about
independently. On rendered people of 'val' that was better calibrated than their geometric mean, their minimum and the
mean of their logits (`kaoiro evaluate words --choose`). It never rises when a shown action gets less probable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kaoiro.core.types import expression_column, spread_column
from kaoiro.inference.words.entry import Entry

Measured = Mapping[str, np.ndarray]
"""By column of records: (N,), NaN where unknown."""
_cumulative = np.vectorize(lambda z: (1 + math.erf(z / math.sqrt(2))) / 2, otypes=[np.float64])


class Part(NamedTuple):
    """What an action adds to a score.

    Attributes:
        column: of its probability.
        weight: 0-1.
        shown: whether the word wants it, or wants it not.
    """

    column: str
    weight: float
    shown: bool


def parts(entry: Entry, columns: Sequence[str] | None = None) -> list[Part]:
    """Return the parts of a score that are probabilities.

    Args:
        entry: whose.
        columns: what a model answers; parts that are not there are left out. None keeps all.
    """
    found = [Part(entry.reading(unit), weight, True) for unit, weight in entry.present.items()]
    found += [Part(unit, weight, False) for unit, weight in entry.absent.items()]
    found += [Part(expression_column(label), weight, True) for label, weight in entry.expressions.items()]
    return [part for part in found if columns is None or part.column in columns]


def factors(entry: Entry, measured: Measured) -> np.ndarray:
    """Return the factors of the score of N faces: (K, N); NaN where something of it is unknown.

    Args:
        entry: of which every main part is in `measured`.
        measured: what is not there counts as not measured by the model.
    """
    rows = [_factor(part, measured[part.column]) for part in parts(entry, list(measured))]
    for name, (low, high) in entry.ranges.items():
        mean, sd = measured[name], measured[spread_column(name)]
        rows.append(within(mean, sd, low, high))
    return np.stack([np.asarray(row, np.float64) for row in rows])


def score(entry: Entry, measured: Measured) -> np.ndarray:
    """Return the scores (N,) of a word; arguments as of `factors`."""
    return factors(entry, measured).prod(axis=0)


def _factor(part: Part, probability: np.ndarray) -> np.ndarray:
    against = 1 - probability if part.shown else probability
    return 1 - part.weight * against


def within(mean: np.ndarray, sd: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the probability that a normal variable lies in a range; ends at -1 and 1 leave that side open."""
    mean, sd = np.asarray(mean, np.float64), np.maximum(np.asarray(sd, np.float64), 1e-9)
    above = 1.0 if high >= 1 else _cumulative((high - mean) / sd)
    below = 0.0 if low <= -1 else _cumulative((low - mean) / sd)
    known = np.where(np.isnan(mean) | np.isnan(sd), np.nan, 0.0)
    return known + np.asarray(above) - np.asarray(below)
