"""What a clip shows without meaning it: pose, camera, light, detector, gaze, rest and blinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.action_units import column
from kaoiro.synthesis.difficulty import Level
from kaoiro.synthesis.motion import blinks, flicker, ornstein_uhlenbeck

Draw = Callable[[str], np.random.Generator]
"""Gives the stream of random numbers of a process by its name."""

BLINK = column(43)
LEAN = 3.0
"""Largest asymmetry in standard deviations: beyond, one side would stand still."""


def nuisance(level: Level, time_s: np.ndarray, draw: Draw) -> dict[str, Any]:
    """Draw the fields of a `Script` that a nuisance level decides, by name.

    Args:
        level: how much of each.
        time_s: (T,) increasing seconds.
        draw: streams by process.
    """
    camera = draw("camera")
    return {
        **_head(level, time_s, draw),
        "box_jitter": _wander(time_s, level.box_sd, level.box_time, draw("box"), 3),
        "gaze": _wander(time_s, level.gaze_sd, level.gaze_time, draw("gaze"), 2),
        "exposure": _exposure(level, time_s, draw),
        "blur": camera.uniform(*level.blur),
        "noise": camera.uniform(*level.noise),
        "jpeg": int(camera.integers(level.jpeg[0], level.jpeg[1], endpoint=True)),
    }


def both_sides(course: np.ndarray, level: Level, time_s: np.ndarray, draw: Draw) -> np.ndarray:
    """Return what the two sides of the face show: (T, 2, 20) float32, 0–1, row 0 the subject's left.

    Each unit of the clip is stronger on one side by a drawn factor; on both, the face twitches
    a little at rest, and blinks.

    Args:
        course: (T, 20) intensities that are meant.
        level: how much of each.
        time_s: (T,) increasing seconds.
        draw: streams by process.
    """
    lean = level.asymmetry_sd * np.clip(draw("asymmetry").standard_normal(len(ACTION_UNITS)), -LEAN, LEAN)
    units = np.stack([course * (1 + lean / 2), course * (1 - lean / 2)], axis=1)
    twitch = _wander(time_s, level.rest_sd, level.rest_time, draw("rest"), len(ACTION_UNITS))
    units += np.maximum(twitch, 0)[:, None]
    units[:, :, BLINK] = blinks(time_s, level.blinks_per_minute, level.blink_seconds, draw("blinks"))[:, None]
    return np.clip(units, 0, 1).astype(np.float32)


def _head(level: Level, time_s: np.ndarray, draw: Draw) -> dict[str, np.ndarray]:
    """Return angles in degrees, place in shares of the face box, and relative size."""
    start = draw("pose").uniform(-1, 1, 4) * (level.yaw, level.pitch, level.roll, level.zoom)
    turn = start[:3] + _wander(time_s, np.array(level.turn_sd), level.turn_time, draw("turn"), 3)
    trunk = _wander(time_s, level.shift_sd, level.shift_time, draw("shift"), 2)
    hand = _wander(time_s, level.hand_sd, level.hand_time, draw("hand"), 2)
    lean = _wander(time_s, level.zoom_sd, level.shift_time, draw("zoom"), 1)[:, 0]
    yaw, pitch, roll = turn.T
    return {"yaw": yaw, "pitch": pitch, "roll": roll, "shift": trunk + hand, "zoom": (1 + start[3]) * np.exp(lean)}


def _exposure(level: Level, time_s: np.ndarray, draw: Draw) -> np.ndarray:
    """Return the brightness of each frame relative to the clip's; log-normal, so always above 0."""
    lamp = draw("flicker")
    chance, amplitude, hertz = lamp.random(), lamp.uniform(*level.flicker_amplitude), lamp.uniform(*level.flicker_hertz)
    lit = flicker(time_s, amplitude if chance < level.flicker_probability else 0.0, hertz, lamp)
    return lit * np.exp(draw("exposure").normal(0, level.exposure_sd, len(time_s)))


def _wander(time_s: np.ndarray, sd: float | np.ndarray, tau: float, rng: np.random.Generator, width: int) -> np.ndarray:
    """Return (T, width) values that wander around 0."""
    return ornstein_uhlenbeck(len(time_s), np.diff(time_s), sd, tau, rng, (width,))
