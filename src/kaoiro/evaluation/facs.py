"""Does each action unit move what FACS says, and nothing else?

Source: Facial Action Coding System (Ekman, Friesen and Hager, 2002), the appearance changes of each unit, reduced to
what the 68 landmarks can show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.action_units import blend_weights, vector
from kaoiro.synthesis.assets import Assets

LEAST_MM = 1.0
"""What a named region must move by, in the named direction, at intensity 1."""
STILL_MM = 1.0
"""What a region that is not named may move by at most."""
REGIONS: dict[str, tuple[int, ...]] = {
    "inner brow": (21, 22),
    "mid brow": (19, 20, 23, 24),
    "outer brow": (17, 18, 25, 26),
    "nose bridge": (27, 28, 29),
    "nose": (30, 31, 32, 33, 34, 35),
    "upper lid": (37, 38, 43, 44),
    "lower lid": (40, 41, 46, 47),
    "mouth corner": (48, 54, 60, 64),
    "upper lip": (50, 51, 52, 61, 62, 63),
    "lower lip": (56, 57, 58, 65, 66, 67),
    "chin": (7, 8, 9),
}
OUT, UP, IN, DOWN = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)
Direction = tuple[float, float]


@dataclass(frozen=True)
class Expected:
    """What FACS says of a unit.

    Attributes:
        moves: regions that must move, and where to: (out, up).
        may: regions that the same muscle takes along.
    """

    moves: dict[str, Direction]
    may: tuple[str, ...] = field(default=())


_MOUTH = ("mouth corner", "upper lip", "lower lip", "chin")
EXPECTED: dict[int, Expected] = {
    1: Expected({"inner brow": UP}, ("mid brow", "outer brow", "nose bridge")),
    2: Expected({"outer brow": UP}, ("mid brow", "inner brow")),
    4: Expected({"inner brow": DOWN, "mid brow": DOWN}, ("outer brow",)),
    5: Expected({"upper lid": UP}),
    6: Expected({"lower lid": UP}, ("mid brow", "outer brow", "mouth corner", "upper lip", "upper lid")),
    7: Expected({"lower lid": UP}),
    9: Expected(
        {"nose": UP, "upper lip": UP}, ("inner brow", "mid brow", "outer brow", "nose bridge", "lower lid", *_MOUTH)
    ),
    10: Expected({"upper lip": UP, "nose": UP}, ("mouth corner",)),
    11: Expected({"upper lip": UP}, ("nose", "mouth corner")),
    12: Expected({"mouth corner": UP}, ("upper lip", "lower lip", "chin", "nose")),
    14: Expected({"mouth corner": OUT}, _MOUTH),
    15: Expected({"mouth corner": DOWN}, ("upper lip", "lower lip", "chin")),
    16: Expected({"lower lip": DOWN}, ("mouth corner", "chin")),
    17: Expected({"chin": UP, "lower lip": UP}, ("mouth corner",)),
    20: Expected({"mouth corner": OUT}, ("upper lip", "lower lip", "chin")),
    23: Expected({"lower lip": UP}, ("upper lip", "mouth corner", "nose")),
    24: Expected({"lower lip": UP}, ("upper lip", "mouth corner", "chin")),
    25: Expected({"lower lip": DOWN, "upper lip": UP}, ("mouth corner", "chin")),
    26: Expected({"chin": DOWN, "lower lip": DOWN}, ("upper lip", "mouth corner")),
    43: Expected({"upper lid": DOWN}, ("lower lid",)),
}


def displacements(assets: Assets, number: int, intensity: float = 1.0) -> dict[str, tuple[float, float]]:
    """Return how far each region moves out from the midline and up, mm; the same for every person, for shapes add."""
    units = vector({number: intensity})
    weights = blend_weights(np.stack([units, units]), list(assets.expression_names))
    moved = 10 * np.einsum("k,kvc->vc", weights, assets.expression[:, assets.landmarks])
    side = np.sign(np.round(assets.neutral[assets.landmarks, 0], 2))
    found = {}
    for name, marks in REGIONS.items():
        rows = list(marks)
        found[name] = (float((side[rows] * moved[rows, 0]).mean()), float(moved[rows, 1].mean()))
    return found


def check(assets: Assets) -> dict[str, Any]:
    """Return the table of displacements and what contradicts FACS.

    `largest stray` is the largest movement of a region that FACS does not name for the unit.
    """
    table, wrong = {}, []
    for name in ACTION_UNITS.labels:
        number = int(name[3:])
        moved, expected = displacements(assets, number), EXPECTED[number]
        for region, direction in expected.moves.items():
            along = moved[region][0] * direction[0] + moved[region][1] * direction[1]
            if along < LEAST_MM:
                wrong.append(f"{name}: {region} moves {along:.1f} mm where at least {LEAST_MM:g} are due")
        allowed = {*expected.moves, *expected.may}
        strays = {region: float(np.hypot(*moved[region])) for region in REGIONS if region not in allowed}
        worst = max(strays, key=lambda region: strays[region])
        if strays[worst] > STILL_MM:
            wrong.append(f"{name}: {worst} moves {strays[worst]:.1f} mm and should not")
        table[name] = {r: f"{x:+.1f} {y:+.1f}" for r, (x, y) in moved.items()} | {"largest stray": strays[worst]}
    return {"tolerance_mm": STILL_MM, "least_mm": LEAST_MM, "contradictions": wrong, "out and up, mm": table}
