"""Aligned grey crops of sets that are not cut as FER2013 is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT, AFFECT_HEAD, EXPRESSION, FER2013, MEASURED_UNITS, UNITS_HEAD
from kaoiro.core.spec import Specification
from kaoiro.core.types import LANDMARKS
from kaoiro.data.datasets import diffusion, london, synthetic
from kaoiro.data.splits import Part, part_of
from kaoiro.evaluation.progress import followed
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement, similarity, to_luma
from kaoiro.faces.detect import CenterFace, Detection, FaceDetector, detect_in

ABSENT, PRESENT = 0.1, 0.3
"""Intensities up to which an action unit is clearly absent and from which clearly present; for learning, it is partly
present between them."""
ACTIVE = 0.2
"""Intensity from which an action unit counts as present where figures need a yes or no; sets name their own."""
INTENSITY = "intensity"
"""Target beside `UNITS_HEAD`: true intensities, 0-1."""
MARGIN = 0.4
"""Of the side, that is added around generated faces: they are cut so closely that a detector misses them."""
_READ = 512  # pictures held at a time


@dataclass(frozen=True)
class Portraits:
    """Faces of the London set.

    Attributes:
        pixels: (N, size, size) uint8.
        smiling: (N,) bool.
        people: (N,) names.
        missed: pictures in which no face was found.
    """

    pixels: np.ndarray
    smiling: np.ndarray
    people: np.ndarray
    missed: int


def portraits(root: str | Path, size: int) -> Portraits:
    """Read the London set.

    Raises:
        DataError: files are missing, or faces were found in one group only.
    """
    detector, crops, found = CenterFace(), [], []
    pictures = london.read(root)
    for one in followed(pictures, len(pictures), "portraits"):
        pixels = photo.read(one.data, f"{root}, {one.file}")
        face = next(iter(detect_in(pixels, detector)), None)
        if face is not None:
            crops.append(cut(to_luma(pixels), placement(face, FER2013_CROP), size))
            found.append(one)
    smiling = np.array([one.smiling for one in found], bool)
    if smiling.all() or not smiling.any():
        kinds = f"{smiling.sum()} smiling and {(~smiling).sum()} neutral ones"
        raise DataError(f"{root}: of {len(pictures)} portraits, faces were found in {kinds}; both kinds are needed")
    return Portraits(np.stack(crops), smiling, np.array([one.subject for one in found]), len(pictures) - len(found))


def generated(root: str | Path, size: int) -> Faces:
    """Read DiffusionFER: 'expression' (N, 7) one-hot in the order of FER2013, 'affect' (N, 2); a subject a picture.

    Raises:
        DataError: files are missing or not in the documented layout, or no face was found.
    """
    detector, crops, found = CenterFace(), [], []
    pictures = diffusion.read(root)
    for one in followed(pictures, len(pictures), "generated faces"):
        pixels = photo.read(one.data, f"{root}, {one.file}")
        crop = _central_crop(pixels, detector, size)
        if crop is not None:
            crops.append(crop)
            found.append(one)
    if not found:
        raise DataError(f"{root}: no face was found in any of {len(pictures)} pictures")
    classes = np.array(FER2013.indices(one.expression for one in found))
    affect = np.array([[one.valence, one.arousal] for one in found], np.float32)
    return Faces(
        np.stack(crops),
        {EXPRESSION: np.eye(len(FER2013), dtype=np.float32)[classes], AFFECT_HEAD: affect},
        {EXPRESSION: classes},
        subjects=np.array([one.subject for one in found]),
    )


def generated_part(faces: Faces, part: Part | Literal["learned"]) -> Faces:
    """Return a part of the generated faces: what networks learn from, what choices are made on, what is reported.

    Args:
        faces: of `generated`.
        part: 'learned' are four of five faces of the development part, 'development' the fifth that training keeps
            back, 'report' the other part.
    """
    assert faces.subjects is not None
    developed = np.array([part_of(subject) == "development" for subject in faces.subjects], bool)
    if part == "report":
        return faces.rows(~developed)
    rows = np.flatnonzero(developed)
    held = np.arange(len(rows)) % 5 == 0
    return faces.rows(rows[held if part == "development" else ~held])


def _central_crop(pixels: np.ndarray, detector: FaceDetector, size: int) -> np.ndarray | None:
    """Return the crop of the face in the middle of a closely cut picture, or None."""
    rim = round(MARGIN * len(pixels))
    pixels = np.pad(pixels, ((rim, rim), (rim, rim), (0, 0)), mode="edge")
    face = next(iter(detect_in(pixels, detector)), None)
    if face is None or not _central(face, pixels):
        return None
    return cut(to_luma(pixels), placement(face, FER2013_CROP), size)


def _central(face: Detection, pixels: np.ndarray) -> bool:
    """Tell whether the middle of the picture lies in the face."""
    height, width = pixels.shape[:2]
    inside = 0 < width / 2 - face.box.left < face.box.width
    return inside and 0 < height / 2 - face.box.top < face.box.height


def rendered(data: synthetic.Synthetic, rows: np.ndarray, size: int) -> Faces:
    """Read frames of the FACS world, placed by their five points.

    Targets: 'units' (N, 12) soft presence for learning, 'intensity' (N, 12), 'affect' (N, 2).

    Raises:
        DataError: a picture is damaged.
    """
    table = data.table.iloc[rows]
    points = table[[f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]].to_numpy(np.float64).reshape(-1, 5, 2)
    wanted, pixels = np.asarray(FER2013_CROP.points), np.empty((len(rows), size, size), np.uint8)
    starts = range(0, len(rows), _READ)
    for start in followed(starts, len(starts), f"x {_READ} rendered frames"):
        for place, picture in enumerate(data.pixels(rows[start : start + _READ], grey=True), start=start):
            pixels[place] = cut(picture, similarity(wanted, points[place]), size)
    intensity = table[list(MEASURED_UNITS.labels)].to_numpy(np.float32)
    return Faces(
        pixels,
        {
            UNITS_HEAD: presence(intensity),
            INTENSITY: intensity,
            AFFECT_HEAD: table[list(AFFECT.labels)].to_numpy(np.float32),
        },
        subjects=table["subject"].to_numpy(str),
    )


def truth(data: synthetic.Synthetic, faces: Faces) -> dict[str, np.ndarray]:
    """Return whether each action unit is present in rendered faces (`rendered`) of a set: (N,) 1 or 0, by unit."""
    shown = faces.targets[INTENSITY] >= np.float32(data.settings.get("unit_active", ACTIVE))
    return {unit: shown[:, k].astype(np.float64) for k, unit in enumerate(MEASURED_UNITS.labels)}


def clear(faces: Faces) -> dict[str, np.ndarray]:
    """Return in which rendered faces each action unit is clearly absent or clearly present: (N,) bool, by unit."""
    told = (faces.targets[UNITS_HEAD] == 0) | (faces.targets[UNITS_HEAD] == 1)
    return {unit: told[:, k] for k, unit in enumerate(MEASURED_UNITS.labels)}


def presence(intensity: np.ndarray) -> np.ndarray:
    """Return how far action units of an intensity (0-1) count as present, 0-1."""
    return np.clip((intensity - ABSENT) / (PRESENT - ABSENT), 0, 1)


def pictures(
    paths: Sequence[Path], specification: Specification, how: Literal["detect", "whole"] = "detect"
) -> tuple[np.ndarray, np.ndarray]:
    """Read pictures of one person each as crops that a model takes.

    Args:
        paths: of N pictures.
        specification: of the model: size, channels and where faces lie in crops.
        how: 'detect' finds the largest face of a picture and places it; 'whole' takes pictures that are cut already,
            brought to size.

    Returns:
        Crops (M, size, size) or (M, size, size, 3) uint8, and the indices (M,) of the pictures in which there was a
        face.

    Raises:
        InputError: a picture cannot be read.
    """
    detector = CenterFace() if how == "detect" else None
    found = [_largest(path, specification, detector) for path in followed(paths, len(paths), "pictures")]
    rows = np.flatnonzero([crop is not None for crop in found])
    shape = (specification.size, specification.size, *((3,) if specification.channels == 3 else ()))
    crops = np.array([crop for crop in found if crop is not None], np.uint8).reshape(len(rows), *shape)
    return crops, rows


def _largest(path: Path, specification: Specification, detector: FaceDetector | None) -> np.ndarray | None:
    """Return the crop of the largest face of a picture, or of all of it without a detector; None without a face."""
    pixels = photo.read(path)
    seen = to_luma(pixels) if specification.channels == 1 else pixels
    if detector is None:
        height, width = pixels.shape[:2]
        return cut(seen, np.array([[width, 0, 0], [0, height, 0]], np.float64), specification.size)
    faces = detect_in(pixels, detector)
    if not faces:
        return None
    largest = max(faces, key=lambda face: face.box.area)
    return cut(seen, placement(largest, specification.crop), specification.size)
