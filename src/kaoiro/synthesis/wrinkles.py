"""Wrinkles that action units make: creases of known depth, as perturbations of the normals.

Every group is a height map on the mean head (cm, negative in a crease) times an amplitude that is a fixed function of
action units; sides of the face are driven apart. SPEC: forehead lines with AU 1 and 2, glabella with AU 4, nose bridge
with AU 9, nasolabial folds with AU 6, 10, 11 and 12, crow's feet with AU 6; further ones where FACS names them.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.head import TEXELS, Head
from kaoiro.synthesis.paint import along, bump, step

GROUPS: dict[str, dict[int, float]] = {
    "forehead_middle": {1: 1.0},
    "forehead_side": {2: 1.0},
    "glabella": {4: 1.0},
    "nose_bridge": {9: 1.0, 10: 0.2},
    "nasolabial": {12: 0.8, 10: 0.7, 6: 0.5, 11: 0.7, 9: 0.4},
    "crows_feet": {6: 1.0, 7: 0.25},
    "lower_lid": {6: 0.7, 7: 0.6},
    "chin": {17: 1.0},
    "mouth_corner": {14: 1.0, 15: 0.6, 20: 0.4},
}
"""Group -> share of its full depth that each action unit makes at intensity 1; units combine as 1 - prod(1 - share)."""
DEPTH = 0.075
"""cm that a crease of amplitude 1 is deep."""


def amplitudes(units: np.ndarray) -> np.ndarray:
    """Return the amplitude of every group: (2, 20) intensities of the left and right side -> (2, G), 0-1."""
    result = np.empty((2, len(GROUPS)), np.float32)
    for place, shares in enumerate(GROUPS.values()):
        still = np.ones(2)
        for number, share in shares.items():
            still *= 1 - share * units[:, ACTION_UNITS.index(f"au_{number:02d}")]
        result[:, place] = 1 - still
    return result


class Creases:
    """The maps of all groups.

    Args:
        head: on which they lie.
    """

    def __init__(self, head: Head) -> None:
        self._patches = [_patch(height, head) for height in _heights(head)]
        self._left = step(head.places[:, :, 0], 0.25).astype(np.float32)

    def field(self, units: np.ndarray, creasing: float = 1.0) -> np.ndarray:
        """Return the gradient of the height in the head's frame and the height: (U, U, 4) float32, cm.

        Args:
            units: (2, 20) intensities of the subject's left and right side.
            creasing: the person's depth, relative.
        """
        result = np.zeros((TEXELS, TEXELS, 4), np.float32)
        for (rows, columns, patch), (left, right) in zip(self._patches, amplitudes(units).T, strict=True):
            if left or right:
                share = right + (left - right) * self._left[rows, columns, None]
                result[rows, columns] += (creasing * share) * patch
        return result


def _patch(height: np.ndarray, head: Head) -> tuple[slice, slice, np.ndarray]:
    """Return where a map is not zero, and there its gradient (cm/cm) and height (cm)."""
    rows, columns = np.nonzero(np.abs(height) > 1e-3 * DEPTH)
    if not len(rows):
        return slice(0, 0), slice(0, 0), np.zeros((0, 0, 4), np.float32)
    window = slice(max(0, rows.min() - 1), rows.max() + 2), slice(max(0, columns.min() - 1), columns.max() + 2)
    gradient = _gradient(height, head.places)
    return *window, np.dstack([gradient, height])[window].astype(np.float32)


def _gradient(height: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the gradient along the surface: (U, U) heights at (U, U, 3) places -> (U, U, 3).

    With J the 3x2 Jacobian of places, it is J (J^T J)^-1 times the gradient in texture coordinates.
    """
    along_v, along_u = np.gradient(height)
    down, right = np.gradient(places, axis=(0, 1))
    uu, vv, uv = (right**2).sum(-1), (down**2).sum(-1), (right * down).sum(-1)
    determinant = uu * vv - uv**2
    sound = (determinant > 1e-9) & (uu < 0.05) & (vv < 0.05)  # not across seams
    determinant = np.where(sound, determinant, 1)
    a = (vv * along_u - uv * along_v) / determinant
    b = (uu * along_v - uv * along_u) / determinant
    return np.where(sound[..., None], a[..., None] * right + b[..., None] * down, 0)


def _heights(head: Head) -> list[np.ndarray]:
    """Return the height map of each group in the order of `GROUPS`, both sides at once."""
    at, marks = head.places.astype(np.float64), head.marks
    x, y, front = np.abs(at[:, :, 0]), at[:, :, 1], step(at[:, :, 2] - 5, 0.4)
    flat = np.stack([x, y], axis=-1)
    crease = _Crease(flat)
    lines = 7.1 + np.array([0.0, 0.75, 1.55])
    brow = sum(np.exp(-((y - line - 0.12 * np.cos(0.8 * x + k)) ** 2) / (2 * 0.13**2)) for k, line in enumerate(lines))
    middle, side = step(2.2 - x, 0.4), step(x - 1.8, 0.4) * step(5.6 - x, 0.4)
    ala, corner = marks[35], marks[54]
    fold = [
        (1.75, 0.1),
        (ala[0] + 1.25, ala[1] - 0.35),
        (corner[0] + 0.75, corner[1] + 0.9),
        (corner[0] + 0.9, corner[1] - 0.9),
    ]
    outer = marks[45]
    feet = [[(outer[0] + 0.75, outer[1] + k), (outer[0] + 1.9, outer[1] + 1.9 * k + 0.05)] for k in (0.42, 0.0, -0.42)]
    under = [(2.0, 2.6), (3.0, 2.15), (4.2, 2.45)]
    maps = {
        "forehead_middle": brow * middle,
        "forehead_side": brow * side,
        "glabella": 0.9 * crease([(0.42, 4.7), (0.6, 5.6), (0.85, 6.5)], 0.11),
        "nose_bridge": sum(crease([(0.0, 3.9 - k), (0.95, 3.3 - k)], 0.11) for k in (0.0, 0.5, 1.0)),
        "nasolabial": 1.5 * crease(fold, 0.2),
        "crows_feet": sum(0.9 * crease(foot, 0.1) for foot in feet),
        "lower_lid": 0.9 * crease(under, 0.15),
        "chin": 0.45 * _pits(flat) * bump(flat, (0.0, -6.6), (1.4, 0.9)),
        "mouth_corner": 1.3 * crease([(corner[0] + 0.45, corner[1] + 0.55), (corner[0] + 0.5, corner[1] - 0.8)], 0.15),
    }
    return [-DEPTH * np.asarray(maps[name]) * front for name in GROUPS]


class _Crease:
    """Bell-shaped grooves along lines given in (|x|, y), cm."""

    def __init__(self, flat: np.ndarray) -> None:
        self._flat = flat

    def __call__(self, line: list[tuple[float, float]], width: float) -> np.ndarray:
        distance, place = along(self._flat, np.array(line))
        fade = np.minimum(1, 4 * np.minimum(place + 0.12, 1.12 - place))
        return fade * np.exp(-(distance**2) / (2 * width**2))


def _pits(flat: np.ndarray) -> np.ndarray:
    """Return the uneven surface of a bunched chin, about -1 to 1: waves of unlike direction and length."""
    waves = ((7.0, 1.5, 0.3), (2.5, 6.0, 1.1), (5.0, -4.5, 2.0), (-3.5, 8.0, 0.7))
    return sum((np.sin(a * flat[..., 0] + b * flat[..., 1] + c) for a, b, c in waves), np.zeros(flat.shape[:-1])) / 2.5
