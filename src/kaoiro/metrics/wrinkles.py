"""Where faces wrinkle: the five regions in which the FACS world draws creases (SPEC 1.3), found by landmarks.

The regions follow the lines that `kaoiro.synthesis.wrinkles` creases, in centimetres on the mean head: x is the
distance from the middle of the face, y the height.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.rendered import POINTS

_STEADY = {
    36: (-4.46, 3.43),
    39: (-1.84, 3.25),
    42: (1.84, 3.25),
    45: (4.46, 3.43),
    27: (0.0, 3.74),
    33: (0.0, -1.20),
}
"""Landmarks that expressions hardly move, and where they lie on the mean head, cm."""
Line = tuple[tuple[float, float], ...]
_LINES: Mapping[str, tuple[float, tuple[Line, ...]]] = MappingProxyType(
    {
        "forehead": (0.4, tuple(((0.0, y), (5.4, y)) for y in (7.1, 7.85, 8.65))),
        "glabella": (0.35, (((0.42, 4.7), (0.6, 5.6), (0.85, 6.5)),)),
        "nose bridge": (0.35, tuple(((0.0, y), (0.95, y - 0.6)) for y in (3.9, 3.4, 2.9))),
        "nasolabial folds": (0.45, (((1.75, 0.1), (2.5, -1.5), (3.28, -2.62), (3.43, -4.42)),)),
        "crow's feet": (0.35, tuple(((5.21, 3.43 + k), (6.36, 3.48 + 1.9 * k)) for k in (0.42, 0.0, -0.42))),
    }
)
REGIONS = tuple(_LINES)
"""Names of the regions."""


def regions(landmarks: np.ndarray, side: int) -> dict[str, np.ndarray]:
    """Return the five regions of faces: by name (N, side, side) bool.

    Args:
        landmarks: (N, 68, 2) places in the crop, -1 to 1 across and down.
        side: of the crop, pixels.

    Raises:
        InputError: the table is none of 68 landmarks.
    """
    if landmarks.ndim != 3 or landmarks.shape[1:] != (POINTS, 2):
        raise InputError(f"landmarks must be (N, {POINTS}, 2), not {landmarks.shape}")
    centres = (np.arange(side) + 0.5) / side * 2 - 1
    across, down = np.meshgrid(centres, centres)
    pixels = np.stack([across, down, np.ones_like(across)], axis=-1)
    heads = (
        np.stack([pixels @ _onto_head(one) for one in landmarks]) if len(landmarks) else np.empty((0, side, side, 2))
    )
    heads[..., 0] = np.abs(heads[..., 0])
    return {name: _near(heads, lines) < width for name, (width, lines) in _LINES.items()}


def _onto_head(landmarks: np.ndarray) -> np.ndarray:
    """Return the (3, 2) matrix that takes (x, y, 1) of the crop to the mean head, by least squares."""
    rows = list(_STEADY)
    seen = np.column_stack([landmarks[rows], np.ones(len(rows))]).astype(np.float64)
    return np.linalg.lstsq(seen, np.array([_STEADY[row] for row in rows]), rcond=None)[0]


def _near(places: np.ndarray, lines: tuple[Line, ...]) -> np.ndarray:
    """Return the distance of places (..., 2) from the nearest of some lines: (...), cm."""
    best = np.full(places.shape[:-1], np.inf)
    for line in lines:
        for a, b in zip(np.array(line)[:-1], np.array(line)[1:], strict=True):
            t = np.clip((places - a) @ (b - a) / ((b - a) ** 2).sum(), 0, 1)
            best = np.minimum(best, np.linalg.norm(places - (a + t[..., None] * (b - a)), axis=-1))
    return best
