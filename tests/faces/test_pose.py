from __future__ import annotations

import math

import numpy as np
import pytest

from kaoiro.faces.pose import LEVEL, NOSE, TILT, yaw_and_pitch

FACE = np.array([[-1.0, 0, 0], [1, 0, 0], [0, 2 * LEVEL, 2 * NOSE], [-0.8, 2, 0], [0.8, 2, 0]])
"""Eyes 2 apart, mouth 2 below; the nose stands out by `NOSE` distances of the eyes."""


def seen(yaw: float, roll: float = 0.0) -> np.ndarray:
    """The face from afar, turned to the right of the picture, then tilted clockwise: (1, 5, 2)."""
    y, r = math.radians(yaw), math.radians(roll)
    flat = np.stack([math.cos(y) * FACE[:, 0] + math.sin(y) * FACE[:, 2], FACE[:, 1]], axis=1)
    turn = np.array([[math.cos(r), -math.sin(r)], [math.sin(r), math.cos(r)]])
    return (100 + 30 * flat @ turn.T)[None]


@pytest.mark.parametrize("roll", [0.0, 25.0, -40.0])
@pytest.mark.parametrize("yaw", [-35.0, 0.0, 20.0])
def test_yaw_is_found_whatever_the_tilt(yaw: float, roll: float) -> None:
    found = yaw_and_pitch(seen(yaw, roll))
    assert (found[0][0], found[1][0]) == pytest.approx((yaw, 0.0), abs=1e-6)


def test_a_nose_nearer_to_the_mouth_is_a_bowed_head() -> None:
    points = seen(0.0)
    points[0, 2, 1] += 0.05 * 60
    assert yaw_and_pitch(points)[1][0] == pytest.approx(-math.degrees(math.atan(0.05 * TILT)))


def test_what_is_unknown_stays_unknown() -> None:
    points = np.concatenate([seen(10.0), seen(10.0), np.full((1, 5, 2), 3.0)])
    points[1, 2] = np.nan
    found = yaw_and_pitch(points)
    assert [np.isnan(one).tolist() for one in found] == [[False, True, True]] * 2
    assert yaw_and_pitch(np.empty((0, 5, 2)))[0].shape == (0,)
