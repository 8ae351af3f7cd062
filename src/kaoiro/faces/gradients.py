"""Histograms of oriented gradients: in which directions a face's edges run, place by place.

Source:  Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.
Changed: a cell is normalised once, by itself and its eight neighbours, instead of in four overlapping blocks;
         directions go full circle, because on faces it matters which side of an edge is dark (a linear reader of
         FER2013's expressions gains three points by it).
Legend:  N faces, C cells a side, O directions.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.checks import require

CELLS, DIRECTIONS = 8, 16
"""Cells along a side (of 6 pixels where a face has 48), and directions of the full circle; the first is lighter to the
right, the next ones turn downwards."""
_LEAST = 1e-3  # added to the strength of a neighbourhood, so that flat places stay flat
_AT_ONCE = 256  # faces, which bounds the memory


def histograms(faces: np.ndarray) -> np.ndarray:
    """Return how strong edges of each direction are in each cell: (N, C C O) float32, directions fastest.

    Pixels are taken to the power of a half; an edge counts for the two directions nearest to it.

    Args:
        faces: (N, S, S) uint8, S a multiple of `CELLS`.

    Raises:
        InputError: another shape.
    """
    fits = faces.ndim == 3 and faces.shape[1] == faces.shape[2] and faces.shape[1] % CELLS == 0
    require(fits, "faces", f"of shape (N, S, S), S a multiple of {CELLS}", faces.shape)
    parts = [_histograms(faces[start : start + _AT_ONCE]) for start in range(0, len(faces), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty((0, CELLS * CELLS * DIRECTIONS), np.float32)


def _histograms(faces: np.ndarray) -> np.ndarray:
    light = np.sqrt(faces.astype(np.float32) / 255)
    down, right = np.zeros_like(light), np.zeros_like(light)
    down[:, 1:-1], right[:, :, 1:-1] = light[:, 2:] - light[:, :-2], light[:, :, 2:] - light[:, :, :-2]
    strength = np.hypot(down, right)
    direction = np.arctan2(down, right) % (2 * np.pi) * (DIRECTIONS / (2 * np.pi))
    lower = direction.astype(np.int64)  # the largest may be O itself, where 360 degrees are 0
    share, cells = direction - lower, _cells(*faces.shape[:2])
    found = np.zeros(len(faces) * CELLS * CELLS * DIRECTIONS)
    for place, own in ((lower, 1 - share), (lower + 1, share)):
        index = cells * DIRECTIONS + place % DIRECTIONS
        found += np.bincount(index.ravel(), (strength * own).ravel(), len(found))
    return _normalised(found.reshape(-1, CELLS, CELLS, DIRECTIONS)).reshape(len(faces), -1).astype(np.float32)


def _cells(count: int, side: int) -> np.ndarray:
    """Return the number of the cell in which a pixel lies, over all faces: (N, S, S)."""
    place = np.arange(side) * CELLS // side
    return (np.arange(count)[:, None, None] * CELLS + place[:, None]) * CELLS + place


def _normalised(found: np.ndarray) -> np.ndarray:
    """Divide by the root of the squares in 3x3 cells; cells at the border have themselves as neighbours."""
    squares = np.pad((found**2).sum(axis=-1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = sum(squares[:, y : y + CELLS, x : x + CELLS] for y in range(3) for x in range(3))
    return found / np.sqrt(around + _LEAST)[..., None]


def mirrored(found: np.ndarray) -> np.ndarray:
    """Return the histograms of mirrored faces: (N, C C O)."""
    cells = found.reshape(-1, CELLS, CELLS, DIRECTIONS)[:, :, ::-1]
    return cells[..., (DIRECTIONS // 2 - np.arange(DIRECTIONS)) % DIRECTIONS].reshape(found.shape)


def symmetrical(found: np.ndarray) -> np.ndarray:
    """Return the mean of faces and their mirror images, which is what both have in common: (N, C C O)."""
    return (found + mirrored(found)) / 2
