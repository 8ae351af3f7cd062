"""How recordings of both sides were made: what differs there may have made the difference in the shares, too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.inference.report.confounds import Confounds
from kaoiro.timeline.permutation import Sides

RATIO, APART = "ratio", "apart"
LIMITS = {
    "face_size": (RATIO, 1.5),
    "eyes": (RATIO, 1.5),
    "resolution": (RATIO, 1.5),
    "sharpness": (RATIO, 1.5),
    "light": (APART, 0.15),
    "roll": (APART, 10.0),
    "yaw": (APART, 10.0),
    "pitch": (APART, 10.0),
    "reading": (APART, 0.1),
    "speaking": (APART, 0.2),
    "coverage": (APART, 0.2),
    "length": (RATIO, 3.0),
}
"""From which difference between the sides on there is a warning: how many times as much, or how far apart. Of shares
0-1, degrees, and pixels; chosen by judgement, not measured."""


@dataclass(frozen=True)
class Contrast:
    """One circumstance on both sides; NaN is unknown.

    Attributes:
        name: of `LIMITS`.
        before, after: means of the sides, weighted as shares are; a recording counts by its median.
        before_range, after_range: least and greatest of the recordings.
        differs: whether the sides differ enough to be told.
    """

    name: str
    before: float
    after: float
    before_range: tuple[float, float]
    after_range: tuple[float, float]
    differs: bool


def contrasts(known: Sequence[Confounds], lengths_s: Sequence[float], sides: Sides) -> list[Contrast]:
    """Return the circumstances of both sides.

    Args:
        known: of each recording that is compared.
        lengths_s: of each, seconds in which the face was seen.
        sides: of them.
    """
    rows = [circumstances(one, length) for one, length in zip(known, lengths_s, strict=True)]
    return [_contrast(name, np.array([row[name] for row in rows]), sides) for name in LIMITS]


def circumstances(known: Confounds, length_s: float) -> dict[str, float]:
    """Return the circumstances of one recording by name: medians, shares, seconds, the shorter side of the picture."""
    found = {name: _median(known, name) for name in ("face_size", "eyes", "sharpness", "light", "roll", "yaw", "pitch")}
    found["resolution"] = math.nan if known.resolution is None else float(min(known.resolution))
    for name in ("reading", "speaking"):
        value = getattr(known, name)
        found[name] = math.nan if value is None else value
    return found | {"coverage": 1 - known.missing, "length": length_s}


def _median(known: Confounds, name: str) -> float:
    spread = getattr(known, name)
    return math.nan if spread is None else spread.median


def _contrast(name: str, values: np.ndarray, sides: Sides) -> Contrast:
    (before, first), (after, second) = (_side(values, sides, part) for part in (~sides.after, sides.after))
    return Contrast(name, before, after, first, second, _differs(name, before, after))


def _side(values: np.ndarray, sides: Sides, part: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Return the mean of a side over the recordings of which it is known, and their range."""
    weights = np.abs(sides.weights) * (part & np.isfinite(values))
    there = values[weights > 0]
    if not len(there):
        return math.nan, (math.nan, math.nan)
    mean = float(weights[weights > 0] @ there / weights.sum())
    return mean, (float(there.min()), float(there.max()))


def _differs(name: str, before: float, after: float) -> bool:
    how, limit = LIMITS[name]
    if not math.isfinite(before + after):
        return False
    if how == APART:
        return abs(after - before) >= limit
    low, high = sorted((before, after))
    return high >= limit * low > 0
