"""Does the road from a photo to a crop lose anything? Photos made from FER2013.

Every FER2013 image is enlarged and set into a grey picture, as a face in a photo; then the whole
chain runs: detection, landmarks, alignment, classification. The same images as they are, and crops
placed by the detector's box alone, stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from kaoiro.core.errors import DataError
from kaoiro.core.labels import Vocabulary
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.spec import Specification
from kaoiro.core.types import Box
from kaoiro.data.datasets import fer2013
from kaoiro.data.splits import stratified_holdout
from kaoiro.evaluation.fer2013 import SPLITS, predict, truth_of
from kaoiro.evaluation.progress import followed
from kaoiro.faces.align import cut, placement, to_luma
from kaoiro.faces.detect import CenterFace, Detection, FaceDetector, Resolution, detect_in
from kaoiro.metrics.accuracy import bootstrap_interval

FACE, MARGIN = 160, 80
"""Side of the enlarged image and width of the grey border around it, pixels."""

SIZES = (12, 16, 24, 32, 48, 64, 96, 160)
"""Sides of the faces whose share found is measured, pixels."""


def as_photo(image: np.ndarray, turn: float = 0.0) -> np.ndarray:
    """Return a FER2013 image (48, 48) as a photo (320, 320, 3): enlarged to 160 pixels, padded with its mean.

    Args:
        image: grey, uint8.
        turn: of the photo about its middle, degrees, anticlockwise.
    """
    grey = int(image.mean())
    large = np.asarray(Image.fromarray(image).resize((FACE, FACE), Image.Resampling.BICUBIC))
    padded = np.pad(large, MARGIN, constant_values=grey)
    if turn:
        turned = Image.fromarray(padded).rotate(turn, Image.Resampling.BICUBIC, fillcolor=grey)
        padded = np.asarray(turned)
    return np.repeat(padded[:, :, None], 3, axis=2)


def photographed(
    images: np.ndarray, detector: FaceDetector, tilt: float = 0.0
) -> Iterator[tuple[np.ndarray, Detection | None]]:
    """Yield each image as a photo with its largest face, None where no face was found; keep none of them.

    Photos are turned by angles drawn evenly from -tilt to tilt (degrees) with seed 0.
    """
    turns = np.random.default_rng(0).uniform(-tilt, tilt, len(images))
    for image, turn in zip(followed(images, len(images), "photos"), turns, strict=True):
        picture = as_photo(image, float(turn))
        yield picture, next(iter(detect_in(picture, detector)), None)


def evaluate(
    model: ModelFolder,
    root: str,
    split: str,
    limit: int | None = None,
    threads: int | None = None,
    tilt: float = 0.0,
) -> dict[str, Any]:
    """Compare accuracy on the images as they are, on aligned crops and on box crops (FER+ majority labels).

    Args:
        model: checked model folder.
        root: folder of the official files.
        split: 'training-val', 'val' (PublicTest) or 'test' (PrivateTest).
        limit: only the first images.
        threads: of ONNX Runtime.
        tilt: photos are turned by up to this many degrees.

    Raises:
        DataError: files, rows or votes are missing, or no face was found.
        ModelError: the model has no expression head.
    """
    part = _part(fer2013.read(root), split)
    truth, vocabulary = truth_of(part, "ferplus")
    rows = np.flatnonzero(truth >= 0)[:limit]
    images, truth = part.images[rows], truth[rows]
    pairs = [
        None if face is None else _crops(picture, face, model.specification)
        for picture, face in photographed(images, CenterFace(threads=threads), tilt)
    ]
    seen = np.array([pair is not None for pair in pairs], bool)
    if not seen.any():
        raise DataError(f"no face was found in {len(rows)} images of {split} with a clear FER+ label")
    aligned, boxed = (np.stack(crops) for crops in zip(*(pair for pair in pairs if pair is not None), strict=True))
    crops = {"as they are": images[seen], "aligned": aligned, "box": boxed}
    right = {name: _right(model, stack, truth[seen], vocabulary, threads) for name, stack in crops.items()}
    groups = part.image_keys()[rows][seen]
    table = {
        name: {"accuracy": float(hits.mean()), "low_95": low, "high_95": high}
        for name, hits in right.items()
        for low, high in [bootstrap_interval(hits, groups, draws=2000)]
    }
    return {
        "n": len(rows),
        "detected": int(seen.sum()),
        "detection_rate": float(seen.mean()),
        "loss_against_crops_points": 100 * float(right["as they are"].mean() - right["aligned"].mean()),
        "gain_of_alignment_points": 100 * float(right["aligned"].mean() - right["box"].mean()),
        "labels": "ferplus",
        "split": split,
        "model": model.name,
        "tilt_degrees": tilt,
        "protocol": f"images enlarged to {FACE} pixels in photos of {FACE + 2 * MARGIN}; over images with a face found",
        "accuracy": table,
    }


def _part(data: fer2013.Fer2013, split: str) -> fer2013.Fer2013:
    if split != "training-val":
        return data.part(SPLITS[split])
    training = data.part("Training")
    return training.rows(stratified_holdout(training.image_keys(), training.labels))


def _crops(picture: np.ndarray, face: Detection, spec: Specification) -> tuple[np.ndarray, np.ndarray]:
    """Return the face placed by its landmarks and by its box alone, (size, size) each."""
    luma = to_luma(picture)
    aligned, boxed = (cut(luma, placement(known, spec.crop), spec.size) for known in (face, Detection(face.box)))
    return aligned, boxed


def _right(
    model: ModelFolder, crops: np.ndarray, truth: np.ndarray, vocabulary: Vocabulary, threads: int | None
) -> np.ndarray:
    probabilities, _ = predict(model, crops, vocabulary, threads)
    return probabilities.argmax(axis=1) == truth


def measure_geometry(root: str, limit: int = 4000, threads: int | None = None) -> dict[str, Any]:
    """Return where the five points and the detector's box lie on FER2013 Training images.

    Units are the side of the image. Medians are taken, because a few detections are wrong; the spread is
    the scaled median absolute deviation.

    Args:
        root: folder of the official files.
        limit: number of images, drawn at random with seed 0.
        threads: of ONNX Runtime.

    Raises:
        DataError: files or rows are missing, or no face was found.
    """
    training = fer2013.read(root).part("Training")
    rows = np.random.default_rng(0).permutation(len(training))[:limit]
    found = photographed(training.images[rows], CenterFace(threads=threads))
    faces = [face for _, face in found if face is not None]
    if not faces:
        raise DataError(f"no face was found in {len(rows)} Training images")
    points = np.array([(face.landmarks - MARGIN) / FACE for face in faces if face.landmarks is not None])
    edges = np.array(
        [[face.box.left - MARGIN, face.box.top - MARGIN, face.box.width, face.box.height] for face in faces]
    )
    middle, box = np.median(points, axis=0), np.median(edges / FACE, axis=0)
    spread = 1.4826 * np.median(np.abs(points - middle), axis=0)
    names = ("left eye", "right eye", "nose", "mouth left", "mouth right")
    table = {
        name: {"x": round(float(x), 3), "y": round(float(y), 3), "spread_x": float(sx), "spread_y": float(sy)}
        for name, (x, y), (sx, sy) in zip(names, middle, spread, strict=True)
    }
    return {
        "n": len(rows),
        "detection_rate": len(faces) / len(rows),
        "box": [round(float(value), 3) for value in box],
        "data": "FER2013 Training, seed 0",
        "points": table,
    }


def crowd(images: np.ndarray, face: int, size: tuple[int, int] = (1280, 960)) -> tuple[np.ndarray, list[Box]]:
    """Return a scene (H, W, 3) with FER2013 images scaled to `face` pixels on a grid, and where they lie."""
    width, height = size
    canvas = np.full((height, width), 128, np.uint8)
    pitch = max(2 * face, 64)
    corners = [(x, y) for y in range(pitch // 4, height - face, pitch) for x in range(pitch // 4, width - face, pitch)]
    boxes = []
    for image, (x, y) in zip(images, corners, strict=False):
        canvas[y : y + face, x : x + face] = np.asarray(Image.fromarray(image).resize((face, face)))
        boxes.append(Box(x, y, face, face))
    return np.repeat(canvas[:, :, None], 3, axis=2), boxes


def measure_sizes(root: str, split: str = "val", scenes: int = 4, threads: int | None = None) -> dict[str, Any]:
    """Return the share of faces found by their size, with the usual setting and with `min_face`.

    A face counts as found if the centre of a detection lies in the middle half of its image.

    Args:
        root: folder of the official files.
        split: 'training-val', 'val' or 'test'.
        scenes: pictures of 1280x960 for each size, up to 60 faces in each.
        threads: of ONNX Runtime.

    Raises:
        DataError: files or rows are missing, or no image has enough contrast to show a face.
    """
    part = _part(fer2013.read(root), split)
    images = part.images[part.images.std(axis=(1, 2)) > 20]
    if not len(images):
        raise DataError(f"no image of {split} has enough contrast to show a face")
    images = images[np.random.default_rng(0).permutation(len(images))]
    table: dict[str, dict[str, float]] = {}
    for face in followed(SIZES, len(SIZES), "sizes"):
        shown = [crowd(images[60 * k : 60 * k + 60], face) for k in range(scenes)]
        table[f"{face} pixels"] = {
            "faces": float(sum(len(boxes) for _, boxes in shown)),
            "usual setting": _found_share(shown, CenterFace(threads=threads)),
            "min_face": _found_share(shown, CenterFace(resolution=Resolution(min_face=face), threads=threads)),
        }
    return {"split": split, "scene": "1280x960, up to 60 faces", "data": "FER2013, seed 0", "found": table}


def _found_share(shown: list[tuple[np.ndarray, list[Box]]], detector: FaceDetector) -> float:
    hits = total = 0
    for scene, boxes in shown:
        found = [face.box for face in detect_in(scene, detector)]
        centres = np.array([(box.left + box.width / 2, box.top + box.height / 2) for box in found]).reshape(-1, 2)
        for box in boxes:
            middle = (box.left + box.width / 2, box.top + box.height / 2)
            hits += (
                bool((np.abs(centres - middle).max(axis=1, initial=0) < box.width / 4).any()) if len(found) else False
            )
            total += 1
    return hits / total
