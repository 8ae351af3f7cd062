"""Faces of pictures in three framings, by one detection each.

* 'e-crop': as `core.crops.E_CROP` says, placed by the detected landmarks: upright, all eyes in one place.
* 'box': without landmarks, as organisers of challenges cut faces: an upright square about the detector's box, in which
  a box of average size lies where it lies in `E_CROP`; so faces are as large as there on average.
* 'fer2013': as `core.crops.FER2013_CROP` says, placed by the detected landmarks: the framing of FER2013 itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kaoiro.core.crops import E_CROP, FER2013_CROP
from kaoiro.evaluation.progress import followed
from kaoiro.faces.align import box_placement, cut, placement, to_luma
from kaoiro.faces.detect import CenterFace, Detection, FaceDetector, detect_in
from kaoiro.inference.classifier import prepare_crops

FRAMINGS = ("e-crop", "box", "fer2013")
SURE = 0.5
"""Score that a face must exceed, 0-1."""


def placements(face: Detection) -> dict[str, np.ndarray]:
    """Return the (2, 3) matrix of each framing of a face: units of the crop's side to pixels."""
    return {
        "e-crop": placement(face, E_CROP),
        "box": box_placement(face.box, E_CROP),
        "fer2013": placement(face, FER2013_CROP),
    }


def cut_out(
    pictures: Iterable[np.ndarray], count: int, side: int, detector: FaceDetector | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Cut the largest face out of each picture, in each framing.

    Args:
        pictures: N of (H, W, 3) RGB, uint8.
        count: N.
        side: of the crops, pixels.
        detector: of faces whose scores exceed `SURE`; None takes the default one.

    Returns:
        By framing the crops (M, side, side) uint8 of those in which a face was found, and which these are, (N,) bool.
    """
    detector = detector or CenterFace(SURE)
    crops: dict[str, list[np.ndarray]] = {name: [] for name in FRAMINGS}
    seen = np.zeros(count, bool)
    for row, pixels in enumerate(followed(pictures, count, "pictures")):
        face = next(iter(detect_in(pixels, detector)), None)
        if face is not None:
            seen[row], luma = True, to_luma(pixels)
            for name, matrix in placements(face).items():
                crops[name].append(cut(luma, matrix, side))
    empty = np.empty((0, side, side), np.uint8)
    return {name: np.stack(found) if found else empty for name, found in crops.items()}, seen


def whole(pictures: np.ndarray, side: int) -> dict[str, np.ndarray]:
    """Return pictures that are crops already, (N, H, W) uint8, as every framing: (N, side, side) each."""
    return dict.fromkeys(FRAMINGS, prepare_crops(pictures, side, 1))
