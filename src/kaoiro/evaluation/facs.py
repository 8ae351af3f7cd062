"""Does each action unit move what FACS says, and nothing else?

Source: Facial Action Coding System (Ekman, Friesen and Hager, 2002), the appearance changes of each unit, reduced to
what the 68 landmarks can show. What must move is asked of the mean of a region; what must not, of each landmark alone,
depth included, so that opposite movements do not cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.action_units import PARTING, blend_weights, vector
from kaoiro.synthesis.assets import Assets

LEAST_MM = 1.0
"""What a named region must move by on average, in the named direction, at intensity 1."""
STILL_MM = 1.0
"""What a single landmark of a region that is not named may move by at most, in any direction."""
REGIONS: dict[str, tuple[int, ...]] = {
    "inner brow": (21, 22),
    "mid brow": (19, 20, 23, 24),
    "outer brow": (17, 18, 25, 26),
    "nose bridge": (27, 28, 29),
    "nose": (30, 31, 32, 33, 34, 35),
    "eye corner": (36, 39, 42, 45),
    "upper lid": (37, 38, 43, 44),
    "lower lid": (40, 41, 46, 47),
    "mouth corner": (48, 54, 60, 64),
    "upper lip": (49, 50, 51, 52, 53, 61, 62, 63),
    "lower lip": (55, 56, 57, 58, 59, 65, 66, 67),
    "upper jaw": (0, 1, 2, 14, 15, 16),
    "jaw": (3, 4, 5, 6, 10, 11, 12, 13),
    "chin": (7, 8, 9),
}
"""The 68 landmarks, each once; `upper jaw` is the outline of the face from the ear to the cheek."""
_INNER_LIPS = (61, 62, 63), (65, 66, 67)
OUT, UP, DOWN = (1.0, 0.0), (0.0, 1.0), (0.0, -1.0)
Direction = tuple[float, float]


@dataclass(frozen=True)
class Expected:
    """What FACS says of a unit.

    Attributes:
        moves: regions that must move, and where to: (out, up).
        may: regions that the same muscle takes along; each has its reason beside it.
    """

    moves: dict[str, Direction]
    may: tuple[str, ...] = field(default=())


EXPECTED: dict[int, Expected] = {
    # the frontalis is one sheet over the whole brow, and runs on into the procerus on the bridge of the nose
    1: Expected({"inner brow": UP}, ("mid brow", "outer brow", "nose bridge")),
    2: Expected({"outer brow": UP}, ("mid brow", "inner brow")),
    4: Expected({"inner brow": DOWN, "mid brow": DOWN}, ("outer brow",)),  # the skin of the brow is one
    # the levator's tendon spreads sideways to both corners of the eye
    5: Expected({"upper lid": UP}, ("eye corner",)),
    # the orbital ring draws in brow and corners of the eye from around; it lifts the cheek, with it the cheek's outline
    # down to the jaw, and in a strong action the outer upper lip and the corner of the mouth
    6: Expected(
        {"lower lid": UP},
        ("mid brow", "outer brow", "eye corner", "upper jaw", "jaw", "mouth corner", "upper lip"),
    ),
    7: Expected({"lower lid": UP}),
    # one muscle lifts nose and upper lip, and the skin below the eye with the edge of the cheek; the procerus lowers
    # the brow; the lip takes the corner of the mouth along, and that the outer end of the lower lip
    9: Expected(
        {"nose": UP, "upper lip": UP},
        (
            *("inner brow", "mid brow", "outer brow", "nose bridge", "lower lid"),
            *("upper jaw", "mouth corner", "lower lip"),
        ),
    ),
    10: Expected({"upper lip": UP, "nose": UP}, ("mouth corner",)),  # the corner hangs on the lip
    11: Expected({"upper lip": UP}, ("nose", "mouth corner")),  # as 10: lip, wing of the nose and corner are joined
    # the zygomaticus lifts the cheek, and so the outline down to the jaw; both lips, the wings of the nose (widened)
    # and the skin of the chin (stretched) hang on the corners
    12: Expected({"mouth corner": UP}, ("upper lip", "lower lip", "chin", "nose", "jaw", "upper jaw")),
    # the dimpler pulls the skin below the corners, of chin and jaw, up towards them
    14: Expected({"mouth corner": OUT}, ("upper lip", "lower lip", "chin", "jaw")),
    # the depressor fans out from the edge of the jaw beside the chin, whose skin it bunches
    15: Expected({"mouth corner": DOWN}, ("upper lip", "lower lip", "chin", "jaw")),
    # the depressor of the lip comes from the edge of the jaw beside the chin, and is one sheet with the platysma there
    16: Expected({"lower lip": DOWN}, ("mouth corner", "chin", "jaw")),
    # the mentalis bunches the skin from beside the chin as well
    17: Expected({"chin": UP, "lower lip": UP}, ("mouth corner", "jaw")),
    # risorius and platysma draw the skin over jaw and chin sideways
    20: Expected({"mouth corner": OUT}, ("upper lip", "lower lip", "chin", "jaw")),
    # the ring of the mouth has bands to the septum and the wings of the nose
    23: Expected({"lower lip": UP}, ("upper lip", "mouth corner", "nose")),
    # no chin: FACS has the lips pressed without pushing the chin up, which tells 24 from 17
    24: Expected({"lower lip": UP}, ("upper lip", "mouth corner", "nose")),
    # as 16 on the lower lip and chin, as 10 on the upper lip and the wings of the nose; no jaw, whose drop is 26
    25: Expected({"lower lip": DOWN, "upper lip": UP}, ("mouth corner", "chin", "nose")),
    # the mandible itself, and the cheek that spans from it to the cheekbone
    26: Expected({"chin": DOWN, "lower lip": DOWN}, ("upper lip", "mouth corner", "jaw", "upper jaw")),
    # the ring of the lids is tied to both corners, and squeezes the lower lid inwards
    43: Expected({"upper lid": DOWN}, ("lower lid", "eye corner")),
}


def landmark_movements(assets: Assets, number: int, intensity: float = 1.0) -> np.ndarray:
    """Return how far each landmark moves, (68, 3) mm: to the subject's left, up, forward.

    It is the same for every person, for shapes add.
    """
    units = vector({number: intensity})
    weights = blend_weights(np.stack([units, units]), list(assets.expression_names))
    return 10 * np.einsum("k,kvc->vc", weights, assets.expression[:, assets.landmarks])


def displacements(assets: Assets, number: int, intensity: float = 1.0) -> dict[str, tuple[float, float]]:
    """Return how far each region moves out from the midline and up, mm: the mean of its landmarks."""
    moved = landmark_movements(assets, number, intensity)
    side = np.sign(np.round(assets.neutral[assets.landmarks, 0], 2))
    found = {}
    for name, marks in REGIONS.items():
        rows = list(marks)
        found[name] = (float((side[rows] * moved[rows, 0]).mean()), float(moved[rows, 1].mean()))
    return found


def check(assets: Assets) -> dict[str, Any]:
    """Return the table of displacements and what contradicts FACS.

    `largest stray` is the largest movement of a single landmark in the regions that FACS does not name for the unit,
    `largest` that of all; both in three dimensions, mm.
    """
    table, wrong = {}, []
    for name in ACTION_UNITS.labels:
        number = int(name[3:])
        means, lengths = displacements(assets, number), np.linalg.norm(landmark_movements(assets, number), axis=1)
        expected = EXPECTED[number]
        strays = _strays(lengths, expected)
        wrong += [f"{name}: {what}" for what in (*_missing(means, expected), *_straying(strays))]
        mark, length = max(strays.values(), key=lambda stray: stray[1])
        table[name] = {region: f"{x:+.1f} {y:+.1f}" for region, (x, y) in means.items()} | {
            "largest stray": length,
            "stray landmark": mark,
            "largest": float(lengths.max()),
        }
    return {
        "tolerance_mm": STILL_MM,
        "least_mm": LEAST_MM,
        "contradictions found": len(wrong),
        "contradictions": wrong,
        "out and up, mm": table,
        "inner lips apart, by unit": _parting(assets),
    }


def _parting(assets: Assets) -> dict[str, dict[str, float]]:
    """Return how far units move the inner lips apart, mm and relative to 25, beside what the truth of 25 takes."""
    gaps = {}
    for name in ACTION_UNITS.labels:
        up = landmark_movements(assets, int(name[3:]))[:, 1]
        gaps[name] = float(up[list(_INNER_LIPS[0])].mean() - up[list(_INNER_LIPS[1])].mean())
    unit = gaps["au_25"] or float("nan")
    return {
        name: {"mm": gap, "relative": gap / unit, "in the truth": PARTING.get(int(name[3:]), 0.0)}
        for name, gap in gaps.items()
        if abs(gap / unit) >= 0.05 or int(name[3:]) in PARTING
    }


def _missing(means: dict[str, tuple[float, float]], expected: Expected) -> list[str]:
    along = {r: means[r][0] * out + means[r][1] * up for r, (out, up) in expected.moves.items()}
    due = f"mm where at least {LEAST_MM:g} are due"
    return [f"{region} moves {length:.1f} {due}" for region, length in along.items() if length < LEAST_MM]


def _strays(lengths: np.ndarray, expected: Expected) -> dict[str, tuple[int, float]]:
    """Return the landmark that moves most, and how far, of each region that is not named."""
    named = {*expected.moves, *expected.may}
    most = {region: max(marks, key=lambda m: lengths[m]) for region, marks in REGIONS.items() if region not in named}
    return {region: (mark, float(lengths[mark])) for region, mark in most.items()}


def _straying(strays: dict[str, tuple[int, float]]) -> list[str]:
    return [
        f"{region} moves {length:.1f} mm at landmark {mark} and should not"
        for region, (mark, length) in strays.items()
        if length > STILL_MM
    ]
