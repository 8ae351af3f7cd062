"""Action units and the blendshapes that show them.

Names and numbers: Facial Action Coding System (Ekman and Friesen, 1978). Shapes: the expression
shapes of ICT-FaceKit (Li et al., CVPR 2020), of which most exist once per side (`_L`, `_R`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import ACTION_UNITS, UNIT_NAMES
from kaoiro.synthesis.assets import EXPRESSIONS


@dataclass(frozen=True)
class Unit:
    """One action unit.

    Attributes:
        name: in FACS.
        weights: of the blendshapes at intensity 1, by base name without side.
    """

    name: str
    weights: Mapping[str, float]


_SHAPES: Mapping[int, Mapping[str, float]] = {
    1: {"browInnerUp": 1.0},
    2: {"browOuterUp": 1.0},
    4: {"browDown": 1.0},
    5: {"eyeWide": 1.0},
    6: {"cheekSquint": 1.0, "cheekRaiser": 0.5},
    7: {"eyeSquint": 0.9},
    9: {"noseSneer": 1.0},
    10: {"mouthUpperUp": 0.9},
    # 11 deepens the nasolabial furrow and moves little else: its visible part is the wrinkle, for
    # which the geometry only lifts lip and nose wing a little (the probabilistic sadness asks for it)
    11: {"mouthUpperUp": 0.15, "noseSneer": 0.15},
    12: {"mouthSmile": 1.0},
    14: {"mouthDimple": 1.0},
    15: {"mouthFrown": 1.0},
    # 16 draws the lower lip down without the jaw, twice as far as 25 does (disgust of the
    # investigator style asks for it); a decision, as the table of shapes has no published one
    16: {"mouthLowerDown": 0.8},
    17: {"mouthShrugLower": 0.9},
    20: {"mouthStretch": 1.0},
    23: {"mouthRollLower": 0.5, "mouthRollUpper": 0.5},
    24: {"mouthPress": 1.0},
    25: {"mouthLowerDown": 0.4, "mouthUpperUp": 0.2, "jawOpen": 0.08},
    26: {"jawOpen": 0.45},
    43: {"eyeBlink": 1.0},
}
STRETCH: Mapping[str, float] = MappingProxyType({"jawOpen": 0.55})
"""Shapes of a mouth stretch (AU 27) at intensity 1, beside a jaw dropped in full (26): FACS scores 27 where the jaw is
pulled down beyond that. It is none of the `UNITS`, whose number all sets share."""
UNITS: Mapping[int, Unit] = MappingProxyType(
    {number: Unit(UNIT_NAMES[f"au_{number:02d}"], weights) for number, weights in _SHAPES.items()}
)
"""FACS number to name and shapes, in the order of the columns of `ACTION_UNITS`."""

PARTING: Mapping[int, float] = MappingProxyType(
    {
        6: 0.09,
        9: 1.05,
        10: 1.04,
        11: 0.33,
        14: -0.26,
        16: 0.77,
        17: -0.95,
        20: -0.06,
        23: -0.07,
        24: -0.36,
        25: 1.0,
        26: 2.15,
    }
)
"""FACS number to how far apart a unit moves the inner lips, relative to 25: of the shapes above on the head's mesh."""

SHAPES = frozenset(EXPRESSIONS)
"""The 57 expression shapes of the head."""


def column(unit: int) -> int:
    """Return the column (0–19) of an action unit by its FACS number.

    Raises:
        InputError: there is no such unit; the message names the valid ones.
    """
    require(unit in UNITS, "action unit", f"one of {', '.join(map(str, UNITS))}", unit)
    return ACTION_UNITS.index(f"au_{unit:02d}")


def vector(intensities: Mapping[int, float]) -> np.ndarray:
    """Return intensities (20,) in the order of `ACTION_UNITS` from FACS numbers.

    Args:
        intensities: FACS number to intensity 0–1; units that are not named are at rest (0).

    Raises:
        InputError: a number that is no unit, or an intensity outside 0–1.
    """
    result = np.zeros(len(ACTION_UNITS))
    for unit, intensity in intensities.items():
        place = column(unit)
        require(0 <= intensity <= 1, f"intensity of action unit {unit}", "between 0 and 1", intensity)
        result[place] = intensity
    return result


def scored(units: np.ndarray) -> np.ndarray:
    """Return intensities as a FACS coder gives them: 25 is scored whenever lips are apart, whatever parts them.

    Args:
        units: (…, 20) intensities 0–1 of what the muscles do.

    Source: Ekman, Friesen and Hager, 2002: 25 goes with 10, 16 and 26 when these part the lips.
    """
    result = units.copy()
    apart = sum(share * units[..., column(unit)] for unit, share in PARTING.items())
    result[..., column(25)] = np.clip(apart, 0, 1)
    return result


def stretched(shapes: Mapping[str, float]) -> float:
    """Return the intensity (0–1) of a mouth stretch (AU 27) in further blendshapes of a face; 0 without any."""
    return min(1.0, max(shapes.get(name, 0.0) / weight for name, weight in STRETCH.items()))


def blend_weights(units: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the weights (…, len(names)) float32, 0–1, of the blendshapes that show `units`.

    Units that move the same shape add up. A shape without sides takes the mean of the two sides.

    Args:
        units: (…, 2, 20) intensities 0–1; row 0 is the subject's left, row 1 the right.
        names: the expression shapes of the head, in any order.

    Raises:
        InputError: the units have another shape, or lie outside 0–1.
        DataError: a name that is no expression shape, one that is named twice, or a needed one is missing.
    """
    wish = (2, len(ACTION_UNITS))
    require(units.shape[-2:] == wish, "shape of the action units", f"(…, {wish[0]}, {wish[1]})", units.shape)
    if not np.all((units >= 0) & (units <= 1)):
        raise InputError("action units must be between 0 and 1 everywhere; clip them, and look for NaN")
    weights = np.einsum("...su,sun->...n", units, _matrix(tuple(names)))
    return np.clip(weights, 0, 1).astype(np.float32)


@lru_cache(maxsize=4)
def _matrix(names: tuple[str, ...]) -> np.ndarray:
    """Return (2, 20, len(names)): how much each unit of each side moves each shape."""
    _check_names(names)
    matrix = np.zeros((2, len(ACTION_UNITS), len(names)))
    for row, unit in enumerate(UNITS.values()):
        for place, name in enumerate(names):
            base, side = _split(name)
            matrix[:, row, place] = np.multiply(side, unit.weights.get(base, 0.0))
    return matrix


def _split(name: str) -> tuple[str, tuple[float, float]]:
    """Return the base name, and the shares of the left and of the right side in the shape."""
    sides = {"_L": (1.0, 0.0), "_R": (0.0, 1.0)}
    return (name[:-2], sides[name[-2:]]) if name[-2:] in sides else (name, (0.5, 0.5))


def _check_names(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in SHAPES]
    if unknown or len(set(names)) != len(names):
        what = f"unknown: {', '.join(unknown)}" if unknown else "a name stands twice"
        raise DataError(f"expression shapes of the head ({what}); expected the 57 of ICT-FaceKit light")
    needed = {base for unit in UNITS.values() for base in unit.weights}
    missing = sorted(name for name in SHAPES - set(names) if _split(name)[0] in needed)
    if missing:
        raise DataError(f"the head lacks shapes that action units need: {', '.join(missing)}; convert it again")
