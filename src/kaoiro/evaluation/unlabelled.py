"""Faces of which nothing is known, to learn views from: FER2013 without its labels, or a folder of pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.spec import CropGeometry
from kaoiro.data.datasets import fer2013
from kaoiro.data.source import FER2013_LICENCE, FER2013_LIMITS
from kaoiro.data.subjects import People
from kaoiro.evaluation.progress import followed
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement, similarity, to_luma
from kaoiro.faces.detect import CenterFace, detect_in
from kaoiro.inference.media import Unusable, discover

OWN_LICENCE = "As the unlabelled pictures' own: ask who made them before you pass weights on."
LIMITS = ("Codes of faces without labels hold whatever tells faces apart: pose, light and identity beside expression.",)
_DESCRIBED = 1024  # faces that statistics of a run are of, where nobody is known


class Unlabelled(NamedTuple):
    """Faces of which nothing is known.

    Attributes:
        pixels: (N, s, s) uint8 grey.
        description: what they are, in words.
        licence: what holds for weights learned from them.
        limits: what a model of them cannot do.
    """

    pixels: np.ndarray
    description: str
    licence: str
    limits: tuple[str, ...]


def read(root: str | Path, side: int, crop: CropGeometry, how: str = "detect") -> Unlabelled:
    """Read unlabelled faces.

    Args:
        root: folder of fer2013.csv, whose pixels stay as they are where all of a face is wanted, or of pictures.
        side: of crops of pictures, pixels.
        crop: where a face lies in a crop.
        how: 'detect' finds the largest face of a picture and places it; 'whole' takes the picture, brought to size.

    Raises:
        DataError: nothing that can be used is there.
        InputError: a picture cannot be read.
    """
    if (Path(root) / fer2013.TABLE).is_file():
        pixels = recut(fer2013.unlabelled(root), crop)
        description = f"{len(pixels)} faces of FER2013 {fer2013.LEARNED} without labels"
        return Unlabelled(pixels, description, FER2013_LICENCE, (*LIMITS, *FER2013_LIMITS[2:]))
    pixels, missed = _pictures(Path(root), side, crop, how)
    lost = f"; no face found in {missed} more" if missed else ""
    return Unlabelled(pixels, f"{len(pixels)} unlabelled pictures{lost}", OWN_LICENCE, LIMITS)


def _pictures(root: Path, side: int, crop: CropGeometry, how: str) -> tuple[np.ndarray, int]:
    """Return faces (N, side, side) uint8 of the photos in a folder, and in how many no face was found."""
    found = list(discover([str(root)]))
    for one in found:
        if isinstance(one, Unusable):
            raise DataError(f"data.unlabelled: {one.name}: {one.reason}")
    photos = [one for one in found if not isinstance(one, Unusable) and one.kind == "photo"]
    detector, crops = CenterFace() if how == "detect" and photos else None, []
    for one in followed(photos, len(photos), "unlabelled pictures"):
        with one.open() as path:
            picture = photo.read(path, one.name)
        faces = [None] if detector is None else detect_in(picture, detector)[:1]
        height, width = picture.shape[:2]
        for face in faces:
            whole = np.array([[width, 0, 0], [0, height, 0]], np.float64)
            crops.append(cut(to_luma(picture), whole if face is None else placement(face, crop), side))
    if not crops:
        raise DataError(
            f"data.unlabelled: no face in any of {len(photos)} photos in {root}; name a folder with photos, or with "
            f"{fer2013.TABLE}"
        )
    return np.stack(crops), len(photos) - len(crops)


def recut(images: np.ndarray, crop: CropGeometry) -> np.ndarray:
    """Return images of FER2013 (N, 48, 48) uint8 placed as a crop has it: (N, 48, 48), or themselves."""
    if crop == FER2013_CROP:
        return images
    side = images.shape[1]
    matrix = similarity(np.asarray(crop.points), side * np.asarray(FER2013_CROP.points))
    return np.stack([cut(image, matrix, side) for image in images])


def beside(people: People, more: Unlabelled) -> People:
    """Return people with unlabelled faces beside theirs."""
    return dataclasses.replace(
        people,
        unlabelled=more.pixels,
        description=f"{people.description}; and {more.description}",
        licence=f"Of the unlabelled faces: {more.licence} Of the others: {people.licence}",
        limits=tuple(dict.fromkeys((*people.limits, *more.limits))),
    )


def alone(found: Unlabelled, side: int) -> People:
    """Return unlabelled faces of nobody; `training` holds some of them in three equal channels, to be described."""
    some = found.pixels[np.sort(np.random.default_rng(0).permutation(len(found.pixels))[:_DESCRIBED])]
    height = found.pixels.shape[1]
    whole = np.array([[height, 0, 0], [0, height, 0]], np.float64)
    shown = np.stack([cut(face, whole, side) for face in some])
    nobody = np.array([f"face-{number:05d}" for number in range(len(shown))])
    faces = Faces(np.repeat(shown[..., None], 3, axis=3), {}, subjects=nobody)
    none = faces.rows(np.arange(0))
    return People(faces, none, none, found.description, found.licence, found.limits, found.pixels)
