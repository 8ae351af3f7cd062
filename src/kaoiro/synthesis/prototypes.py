"""Which action units show an expression, and where expressions lie in valence and arousal.

Two tables, because observers and data sets do not agree on one: the style of the FACS
investigator's guide, and the probabilistic table that FaceBehaviorNet (Kollias et al., arXiv
1910.11111) couples its tasks with. Valence and arousal are definitions of this world, not
psychology.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from kaoiro.core.checks import not_negative, require, share
from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT_CENTRES, FER2013
from kaoiro.synthesis.action_units import vector

NEUTRAL = "neutral"
SHOWN = tuple(label for label in FER2013.labels if label != NEUTRAL)
"""The six expressions that move the face, in the order of FER2013."""

DRIVE = (0.7, 1.0)
"""Each unit takes the expression's intensity times a factor drawn from here: people differ."""

MEAN_DRIVE = 0.85
"""The mean of `DRIVE`, for pictures that must not vary."""

AFFECT_SD = 0.05
"""Standard deviation of valence and of arousal around intensity × centre."""


@dataclass(frozen=True)
class Prototype:
    """The action units of an expression by FACS number.

    Attributes:
        always: prototypical units.
        sometimes: observational units with their probabilities 0–1.
    """

    always: tuple[int, ...]
    sometimes: Mapping[int, float] = field(default_factory=dict)


TABLES: Mapping[str, Mapping[str, Prototype]] = MappingProxyType(
    {
        "facs": {
            "anger": Prototype((4, 5, 7, 23)),
            "disgust": Prototype((9, 15, 16)),
            "fear": Prototype((1, 2, 4, 5, 7, 20, 26)),
            "happiness": Prototype((6, 12)),
            "sadness": Prototype((1, 4, 15)),
            "surprise": Prototype((1, 2, 5, 26)),
            NEUTRAL: Prototype(()),
        },
        "probabilistic": {
            "anger": Prototype((4, 7, 24), {10: 0.26, 17: 0.52, 23: 0.29}),
            "disgust": Prototype((9, 10, 17), {4: 0.31, 24: 0.26}),
            "fear": Prototype((1, 4, 20, 25), {2: 0.57, 5: 0.63, 26: 0.33}),
            "happiness": Prototype((12, 25), {6: 0.51}),
            "sadness": Prototype((4, 15), {1: 0.60, 6: 0.50, 11: 0.26, 17: 0.67}),
            "surprise": Prototype((1, 2, 25, 26), {5: 0.66}),
            NEUTRAL: Prototype(()),
        },
    }
)
"""Table, expression, units."""


def prototype(expression: str, table: str) -> Prototype:
    """Look up the units of an expression.

    Raises:
        InputError: no such table, or the tables lack the expression; the message lists the valid ones.
    """
    require(table in TABLES, "prototype table", f"one of {', '.join(TABLES)}", table)
    _check_expression(expression)
    return TABLES[table][expression]


def sample(expression: str, table: str, intensity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the action units (20,), 0–1, of one person's one showing of an expression.

    Prototypical units are always there, observational ones with their probability; each has
    `intensity · u`, u uniform in `DRIVE`.

    Raises:
        InputError: unknown expression or table, or an intensity outside 0–1.
    """
    found = prototype(expression, table)
    share("intensity", intensity)
    shown = [*found.always, *(unit for unit, chance in found.sometimes.items() if rng.random() < chance)]
    return vector({unit: intensity * rng.uniform(*DRIVE) for unit in shown})


def mean(expression: str, table: str, intensity: float) -> np.ndarray:
    """Return the typical action units (20,), 0–1: u = 0.85, observational units from probability 0.5 on.

    Raises:
        InputError: unknown expression or table, or an intensity outside 0–1.
    """
    found = prototype(expression, table)
    share("intensity", intensity)
    shown = [*found.always, *(unit for unit, chance in found.sometimes.items() if chance >= 0.5)]
    return vector(dict.fromkeys(shown, intensity * MEAN_DRIVE))


def affect(
    expression: str | Mapping[str, float], intensity: float, rng: np.random.Generator, sd: float = AFFECT_SD
) -> tuple[float, float]:
    """Draw valence and arousal (−1 to 1) of a showing: intensity × centre + noise.

    Args:
        expression: one, or the weights of a blend.
        intensity: 0–1.
        rng: gives the noise.
        sd: standard deviation of the noise.

    Raises:
        InputError: unknown expression, weights that are none, intensity outside 0–1, or a negative `sd`.
    """
    share("intensity", intensity)
    not_negative("standard deviation of valence and arousal", sd)
    centre = affect_of_blend({expression: 1.0} if isinstance(expression, str) else expression)
    valence, arousal = np.clip(np.multiply(intensity, centre) + rng.normal(0, sd, 2), -1, 1)
    return float(valence), float(arousal)


def affect_of_blend(weights: Mapping[str, float]) -> tuple[float, float]:
    """Return valence and arousal of a blend at full intensity: the weighted mean of the centres.

    Raises:
        InputError: an unknown expression, a weight that is negative or not finite, or weights that sum to 0.
    """
    for expression, weight in weights.items():
        _check_expression(expression)
        not_negative(f"weight of {expression}", weight)
    total = sum(weights.values())
    require(total > 0, "sum of the weights of a blend", "above 0", total)
    valence, arousal = np.array(list(weights.values())) @ np.array([AFFECT_CENTRES[name] for name in weights]) / total
    return float(valence), float(arousal)


def _check_expression(expression: str) -> None:
    if expression not in FER2013.labels:
        raise InputError(f"no prototype of '{expression}'; the tables have: {', '.join(FER2013.labels)}")
