"""Columns of the manifest of a rendered set: what writes sets and what reads them go by these names."""

from __future__ import annotations

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.core.types import LANDMARKS

POINTS = 68
"""Multi-PIE landmarks."""
TEXTS = ("subject", "clip", "level", "clip_expression", "expression")
MEASURES = (
    "intensity",
    *ACTION_UNITS.labels,
    *("valence", "arousal", "yaw", "pitch", "roll"),
    *("light_azimuth", "light_elevation", "light_contrast", "exposure"),
    *("box_left", "box_top", "box_width", "box_height"),
    *(f"{name}_{axis}" for name in LANDMARKS for axis in "xy"),
)
LATER = ("au_27",)
"""Intensities that came later: of the mouth stretch, which is no unit of a script. Sets without them show none."""
SIDES = ("units_left", "units_right")
"""Intensities of the action units on either side of the subject; the columns au_01 … are the mean of the two."""
FLAGS = ("training", "evaluation", "has_units", "has_expression")
PLAIN = (*TEXTS, "frame", "time_s", *MEASURES, "split", *FLAGS)
"""All columns of one value."""
LISTS = {"landmarks": 2 * POINTS, "visible": POINTS, **dict.fromkeys(SIDES, len(ACTION_UNITS))}
"""Columns of lists, and their lengths."""
