"""The faces of syn-swap, arranged by person and expression, and which expression is carried over to whom.

Every person shows every expression in equal pose and light, so that what a swap should look like is known.
Legend: P people, E expressions, S swaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.checks import at_least, not_negative
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import ACTION_UNITS, EXPRESSION, FER2013, MULTITASK_UNITS, UNITS_HEAD

_NEUTRAL = FER2013.index("neutral")


@dataclass(frozen=True)
class SwapConfig:
    """Which swaps are made and how their course is judged.

    Attributes:
        sources: other people for each person; each gives all expressions.
        steps: of an interpolation, both ends included.
        tolerance: intensity by which a course may step back and count as monotone: what a judge's reading wavers.
        least: intensity by which a course must go forward in all; who stands still is not monotone.
        seed: of the draws.
    """

    sources: int = 4
    steps: int = 11
    tolerance: float = 0.02
    least: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("sources", 1, self.sources)
        at_least("steps", 3, self.steps)
        not_negative("tolerance", self.tolerance)
        not_negative("least", self.least)


@dataclass(frozen=True, eq=False)
class Renders:
    """All pairs of P people and E expressions.

    Attributes:
        people: names.
        expressions: (E,) classes in the order of FER2013.
        pixels: (P, E, side, side, 3) uint8.
        units: (P, E, 8) true intensities of `MULTITASK_UNITS`.
    """

    people: np.ndarray
    expressions: np.ndarray
    pixels: np.ndarray
    units: np.ndarray

    @property
    def resting(self) -> int:
        """The place of neutral among the expressions."""
        return int(np.flatnonzero(self.expressions == _NEUTRAL)[0])

    def flat(self, values: np.ndarray) -> np.ndarray:
        """Return values (P, E, ...) as (P E, ...)."""
        return values.reshape(-1, *values.shape[2:])


def renders(faces: Faces) -> Renders:
    """Arrange the faces of syn-swap by person and expression.

    Args:
        faces: one for each pair, with subjects, labels 'expression' and targets 'units' (N, 20).

    Raises:
        DataError: a pair is missing or there twice, neutral faces or labels are missing, or there is one person only.
    """
    if faces.subjects is None or EXPRESSION not in faces.labels or UNITS_HEAD not in faces.targets:
        raise DataError("swaps are measured on faces whose person, expression and action units are known: syn-swap")
    people, person = np.unique(faces.subjects, return_inverse=True)
    expressions, shown = np.unique(faces.labels[EXPRESSION], return_inverse=True)
    places = np.full((len(people), len(expressions)), -1)
    places[person, shown] = np.arange(len(faces))
    if (places < 0).any() or places.size != len(faces):
        raise DataError("swaps need every person with every expression once; make the set by `kaoiro synth syn-swap`")
    if len(people) < 2 or _NEUTRAL not in expressions or len(expressions) < 2:
        raise DataError("swaps need two people or more, a neutral face and another expression of each")
    columns = [ACTION_UNITS.index(unit) for unit in MULTITASK_UNITS.labels]
    units = faces.targets[UNITS_HEAD][:, columns]
    return Renders(people, expressions, faces.pixels[places], units[places])


@dataclass(frozen=True, eq=False)
class Plan:
    """S swaps: the face of person `identity` with expression `own` shall show `wanted`, as person `source` does.

    All are (S,) int64 places in `Renders`.
    """

    identity: np.ndarray
    own: np.ndarray
    source: np.ndarray
    wanted: np.ndarray

    def __len__(self) -> int:
        return len(self.identity)


def plan(people: int, expressions: int, config: SwapConfig) -> Plan:
    """Draw swaps: every person and every expression, from several other people, onto another expression of the person.

    Args:
        people: P.
        expressions: E.
        config: how many.
    """
    rng = np.random.default_rng(config.seed)
    count = min(config.sources, people - 1)
    turned = [rng.permutation(people - 1)[:count] + 1 for _ in range(people)]
    rows = [
        (one, (wanted + rng.integers(1, expressions)) % expressions, (one + turn) % people, wanted)
        for one in range(people)
        for turn in turned[one]
        for wanted in range(expressions)
    ]
    return Plan(*np.array(rows, np.int64).T)
