"""Where a head is turned, estimated from five points: coarse, for telling recordings apart, not for measuring heads.

After the line through the eyes is made level, the nose, which stands out, moves against the flat of eyes and mouth:

    tan yaw   = a / NOSE          a: from the line eyes-mouth to the nose, to the right, in distances of the eyes
    tan pitch = (LEVEL - b) TILT  b: from the eyes down to the nose, by the way from the eyes down to the mouth

Yaw is positive to the right of the picture, pitch upwards. NOSE and TILT were fitted to rendered faces whose pose is
known, seen by the package's own detector (24 people, 17 poses each, yaw and pitch of up to 40°, eyes 67 pixels apart).
There yaw has a correlation of 0.99 with the truth and a mean absolute error of 1.9°. Pitch has 0.84 and, from each
person's own level, 0.87 and 5.7°: the detector places nose and mouth nearly where those of an upright face would be, so
that b moves little. LEVEL is the mean of the photographs of 102 people who look straight ahead (Face Research Lab
London Set), where people differ by 8° (sd) in pitch and by 2.6° in yaw: the pitch of one recording alone says little,
that of two recordings of one person more, and how it moves within a recording most. Of heads bowed by 40°, 30°, 20°
and 10°, 83, 67, 42 and 13 % are found 20° below their own level, of upright ones none.
`python benchmarks/pose.py` measures all of this again.
"""

from __future__ import annotations

import numpy as np

NOSE = 0.60
TILT = 5.9
LEVEL = 0.595
_LEAST = 1e-6  # pixels between the eyes, or from the eyes to the mouth: less is no face


def yaw_and_pitch(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates in degrees, (N,) each; NaN where a point is unknown or points coincide.

    Args:
        points: (N, 5, 2) pixels, in the order of `core.types.LANDMARKS`.
    """
    across, down, apart = _levelled(np.asarray(points, np.float64))
    nose, mouth = (across[:, 2], down[:, 2]), (across[:, 3:].mean(axis=1), down[:, 3:].mean(axis=1))
    known = (apart > _LEAST) & (mouth[1] > _LEAST)
    apart, height = np.where(known, apart, np.nan), np.where(known, mouth[1], np.nan)
    share = nose[1] / height
    aside = (nose[0] - mouth[0] * share) / apart
    return np.degrees(np.arctan(aside / NOSE)), np.degrees(np.arctan((LEVEL - share) * TILT))


def _levelled(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how far points lie right of and below the middle of the eyes, (N, 5) each, and the eyes' distance (N,)."""
    eyes = points[:, 1] - points[:, 0]
    apart = np.hypot(*eyes.T)
    cos, sin = eyes.T / np.where(apart > 0, apart, np.nan)
    x, y = np.moveaxis(points - points[:, :2].mean(axis=1, keepdims=True), 2, 0)
    return x * cos[:, None] + y * sin[:, None], y * cos[:, None] - x * sin[:, None], apart
