"""What is seen of every picture of a set, in one pass: digest, small grey copy, crop, whether there is a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.files import printable
from kaoiro.core.spec import Specification
from kaoiro.evaluation.audit.labelled_set import LabelledSet, digest
from kaoiro.evaluation.progress import followed
from kaoiro.faces.align import cut, placement, to_luma
from kaoiro.faces.detect import CenterFace, Detection, FaceDetector, detect_in
from kaoiro.inference.classifier import prepare_crops

Cut = Literal["whole", "detect"]
SIDE = 48
"""Pixels of the grey copies that are compared."""
FAINT = 0.05
"""Least score of a face that is noted."""
SUSPECT = 0.2
"""A picture whose best face scores below is suspected to show none: 1 of 200 real crops does (see `votes.faces`)."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of N pictures.

    Attributes:
        digests: (N,) str, equal for identical pixels.
        grey: (N, 48, 48) uint8.
        crops: as the model takes them, uint8.
        constant: (N,) bool, all pixels alike.
        faces: (N,) score of the best face, 0 where there is none; NaN where nobody looked.
        unreadable: why, by row; grey and crops are black there.
    """

    digests: np.ndarray
    grey: np.ndarray
    crops: np.ndarray
    constant: np.ndarray
    faces: np.ndarray
    unreadable: dict[int, str]

    @property
    def usable(self) -> np.ndarray:
        """Rows that show something: (N,) bool."""
        return self.readable & ~self.constant

    @property
    def readable(self) -> np.ndarray:
        """Rows whose picture could be read: (N,) bool."""
        found = np.ones(len(self.digests), bool)
        found[list(self.unreadable)] = False
        return found


def see(
    data: LabelledSet,
    specification: Specification,
    how: Cut = "whole",
    faces: bool = True,
    threads: int | None = None,
) -> Seen:
    """Look at every picture once.

    Args:
        data: the set.
        specification: of the model whose crops are wanted.
        how: 'whole' takes pictures as the crops they are; 'detect' cuts the largest face out where there is one.
        faces: whether to look for faces; `how='detect'` looks in any case.
        threads: of ONNX Runtime; None leaves it to the runtime.
    """
    count, spec = len(data), specification
    shape = (count, spec.size, spec.size, *((3,) if spec.channels == 3 else ()))
    digests, grey, crops = np.empty(count, "U32"), np.zeros((count, SIDE, SIDE), np.uint8), np.zeros(shape, np.uint8)
    constant, best, unreadable = np.zeros(count, bool), np.full(count, np.nan), {}
    detector = CenterFace(threshold=FAINT, threads=threads) if faces or how == "detect" else None
    for row in followed(range(count), count, "pictures"):
        try:
            pixels = data.pixels(row)
        except InputError as error:
            unreadable[row], digests[row] = printable(" ".join(str(error).split())), data.broken_digest(row)
            continue
        digests[row], grey[row] = digest(pixels), prepare_crops(pixels[None], SIDE, 1)[0]
        constant[row] = bool((pixels == pixels[:1, :1]).all())
        found = [] if detector is None or constant[row] else _faces(pixels, detector)
        best[row] = np.nan if detector is None else max((face.score or 0.0 for face in found), default=0.0)
        crops[row] = _crop(pixels, found if how == "detect" else [], spec)
    return Seen(digests, grey, crops, constant, best, unreadable)


def _faces(pixels: np.ndarray, detector: FaceDetector) -> list[Detection]:
    return detect_in(_coloured(pixels), detector)


def _coloured(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2)) if pixels.ndim == 2 else pixels


def _crop(pixels: np.ndarray, found: list[Detection], spec: Specification) -> np.ndarray:
    """Return the crop of the largest face that is sure enough, else of the whole picture."""
    sure = [face for face in found if (face.score or 0) >= 0.5]
    if not sure:
        return prepare_crops(pixels[None], spec.size, spec.channels)[0]
    colour = _coloured(pixels)
    seen = to_luma(colour) if spec.channels == 1 else colour
    return cut(seen, placement(max(sure, key=lambda face: face.box.area), spec.crop), spec.size)
