"""Put faces back into the wider pictures that they were cut out of.

Models that exchange expressions see the inner face alone. Who reads what they make expects hair and chin around it, as
in FER2013.
"""

from __future__ import annotations

import math

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.spec import CropGeometry
from kaoiro.faces.align import cut, similarity

WIDE = FER2013_CROP
"""Where faces lie in the wider pictures."""
SOFT = 1 / 16
"""Of a crop's side: how wide the edge is, within the crop, over which its picture fades into the wider one."""


def wide_side(side: int, crop: CropGeometry) -> int:
    """Return the side of wider pictures, pixels, in which what a crop shows has as many pixels as in itself.

    Args:
        side: of the crop, pixels.
        crop: where a face lies in it.
    """
    if crop == WIDE:
        return side
    into = _into(crop)
    return max(side, math.ceil(side * math.hypot(into[0, 0], into[1, 0]) - 1e-6))


def put_back(faces: np.ndarray, around: np.ndarray, crop: CropGeometry) -> np.ndarray:
    """Return wider pictures with faces in the place that they were cut from.

    Args:
        faces: (N, side, side, 3) uint8, placed as `crop` says.
        around: (N, wide, wide, 3) uint8, placed as `WIDE`: the same faces, or those whose place they shall take.
        crop: where a face lies in its crop.

    Returns:
        (N, wide, wide, 3) uint8; where the crop is `WIDE`, the faces as they are.

    Raises:
        InputError: other numbers of faces.
    """
    require(len(faces) == len(around), "wider pictures", f"as many as faces, {len(faces)}", len(around))
    if crop == WIDE:
        return faces
    into, wide = _into(crop), around.shape[1]
    share = _share(into, wide)[:, :, None]
    made = np.empty_like(around)
    for number, (face, rest) in enumerate(zip(faces, around, strict=True)):
        placed = cut(face, len(face) * into, wide).astype(np.float64)
        made[number] = (rest + share * (placed - rest)).round()
    return made


def _into(crop: CropGeometry) -> np.ndarray:
    """Return the (2, 3) matrix from places of a wider picture to those of a crop, both in units of their sides."""
    return similarity(np.asarray(WIDE.points), np.asarray(crop.points))


def _share(into: np.ndarray, wide: int) -> np.ndarray:
    """Return by how much pixels (wide, wide) are the crop's, 0-1: not at all on its border, wholly `SOFT` inside."""
    centres = (np.arange(wide) + 0.5) / wide
    x, y = np.meshgrid(centres, centres)
    places = np.tensordot(into, np.stack([x, y, np.ones_like(x)]), axes=1)
    depth = np.minimum(places, 1 - places).min(axis=0)
    return np.clip(depth / SOFT, 0, 1)
