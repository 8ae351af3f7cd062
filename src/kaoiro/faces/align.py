"""Place faces in crops: similarity transforms from five points or from a box.

A crop is described by a 2×3 matrix that maps a point of the crop, in units of its side, to a pixel
of the picture. Alignment is the same for every model; where the points come to lie is part of
the model's Specification.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from kaoiro.core.spec import CropGeometry
from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection

_CORNERS = np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]], np.float64)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the least-squares similarity that maps source points to target points.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991,
    in the plane and without reflection.

    Args:
        source: (N, 2) points, N >= 2.
        target: (N, 2) where they should come to lie.

    Returns:
        (2, 3) matrix of rotation, uniform scale and shift.
    """
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    spread = (a**2).sum()
    if spread <= 0:
        return np.column_stack([np.eye(2), target.mean(axis=0) - source.mean(axis=0)])
    cos = (a * b).sum() / spread
    sin = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    shift = target.mean(axis=0) - turn @ source.mean(axis=0)
    return np.column_stack([turn, shift])


def placement(face: Detection, geometry: CropGeometry) -> np.ndarray:
    """Return the (2, 3) matrix of a face's crop: from its landmarks, or from its box where there are none."""
    if face.landmarks is not None:
        matrix = similarity(np.asarray(geometry.points), face.landmarks)
        if matrix[0, 0] ** 2 + matrix[1, 0] ** 2 > 0:
            return matrix
    return box_placement(face.box, geometry)


def box_placement(box: Box, geometry: CropGeometry) -> np.ndarray:
    """Return the (2, 3) matrix of an upright crop in which `box` lies where the geometry says."""
    left, top, width, height = geometry.box
    side = math.sqrt(box.area / (width * height))
    x = box.left + box.width / 2 - side * (left + width / 2)
    y = box.top + box.height / 2 - side * (top + height / 2)
    return np.array([[side, 0, x], [0, side, y]])


def cut(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Cut a crop out of a picture; large faces are averaged down, not skipped over.

    Args:
        image: (H, W) or (H, W, 3) uint8. Outside it lies the nearest border pixel.
        matrix: (2, 3), crop units to pixels.
        size: side of the crop, pixels.

    Returns:
        (size, size) or (size, size, 3) uint8.
    """
    region, matrix = _region(image, matrix)
    picture = Image.fromarray(region)
    shrink = max(1, int(math.hypot(matrix[0, 0], matrix[1, 0]) / size / 2))
    if shrink > 1:  # average first, so that few samples are left to interpolate
        picture = picture.reduce(shrink)
        matrix = matrix / shrink
    over = max(1, math.ceil(math.hypot(matrix[0, 0], matrix[1, 0]) / size - 0.25))
    fine = size * over
    # PIL maps output pixel centres (x + 0.5, y + 0.5) by these six numbers
    numbers = (*(matrix[0] / (fine, fine, 1)), *(matrix[1] / (fine, fine, 1)))
    picture = picture.transform((fine, fine), Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR)
    return np.asarray(picture.reduce(over) if over > 1 else picture)


def _region(image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of the picture that the crop touches, extended at the borders, and the matrix into it."""
    height, width = image.shape[:2]
    matrix = _touching(matrix, width, height)
    corners = matrix @ _CORNERS
    low = np.floor(corners.min(axis=1)).astype(int) - 2
    high = np.ceil(corners.max(axis=1)).astype(int) + 3
    x0, x1 = np.clip([low[0], high[0]], 0, width)
    y0, y1 = np.clip([low[1], high[1]], 0, height)
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    part = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    limit = 3 * max(image.shape[:2]) + 64  # bounds the memory that a crop far larger than the picture takes
    pad = np.clip([y0 - low[1], high[1] - y1, x0 - low[0], high[0] - x1], 0, limit)
    if pad.any():
        sides = [(pad[0], pad[1]), (pad[2], pad[3])] + [(0, 0)] * (image.ndim - 2)
        part = np.pad(part, sides, mode="edge")
    moved = matrix.copy()
    moved[:, 2] -= (x0 - pad[2], y0 - pad[0])
    return np.ascontiguousarray(part), moved


def _touching(matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the matrix moved just so far that its crop touches the picture; beyond the border all places are alike."""
    corners = matrix @ _CORNERS
    moved = matrix.copy()
    moved[:, 2] += np.maximum(0, -corners.max(axis=1)) - np.maximum(0, corners.min(axis=1) - (width, height))
    return moved


def roll(landmarks: np.ndarray) -> float:
    """Return the tilt of the line through the eyes, degrees, clockwise positive."""
    across = landmarks[1] - landmarks[0]
    return math.degrees(math.atan2(across[1], across[0]))


def to_luma(image: np.ndarray) -> np.ndarray:
    """Return the luma (ITU-R BT.601) of RGB: (H, W, 3) uint8 -> (H, W) uint8."""
    return np.asarray(Image.fromarray(image).convert("L"))
