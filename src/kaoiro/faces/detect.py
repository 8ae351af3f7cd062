"""Find faces: a small protocol and the detectors that keep it."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.sessions import open_session
from kaoiro.core.types import Box

STEP = 32
"""Both networks need input sides that are multiples of this many pixels."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found.

    Attributes:
        box: pixels of the picture.
        score: 0–1; None where the caller gave the box.
        landmarks: (5, 2) float64 x, y in pixels, order of `core.types.LANDMARKS`; None if unknown.
    """

    box: Box
    score: float | None = None
    landmarks: np.ndarray | None = None

    def scaled(self, x: float, y: float) -> Detection:
        """Return the detection in a picture that is `x` times as wide and `y` times as high."""
        box = Box(self.box.left * x, self.box.top * y, self.box.width * x, self.box.height * y)
        points = None if self.landmarks is None else self.landmarks * (x, y)
        return Detection(box, self.score, points)


class FaceDetector(Protocol):
    """Anything that finds faces.

    Frames of a video are measured in several threads. A detector whose `detect` may run in several threads at
    once says so by an attribute `thread_safe = True`; others are asked by one thread at a time, which is slower.
    """

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        """Return the (width, height) at which this detector wants to see such a picture.

        `face` is the size in pixels of the smallest face that is known to be there, 0 if there is none, None if
        nothing is known.
        """
        ...

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find faces in an RGB uint8 picture (H, W, 3) of working size, largest first."""
        ...


class OneAtATime:
    """A detector that is asked by one thread at a time."""

    thread_safe = True

    def __init__(self, detector: FaceDetector) -> None:
        self._detector, self._lock = detector, threading.Lock()

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        """See `FaceDetector`."""
        return self._detector.working_size(width, height, face)

    def detect(self, image: np.ndarray) -> list[Detection]:
        """See `FaceDetector`."""
        with self._lock:
            return self._detector.detect(image)


def shareable(detector: FaceDetector) -> FaceDetector:
    """Return a detector that several threads may use: itself if it says so, else one that makes them wait."""
    return detector if getattr(detector, "thread_safe", False) else OneAtATime(detector)


@dataclass(frozen=True)
class Resolution:
    """How large a picture the detector sees.

    Attributes:
        full: longest side when nothing is known of the picture, pixels; smaller pictures are not enlarged.
        empty: longest side for frames of a video that had no face a moment ago.
        least: below this longest side pictures are enlarged, and none is shrunk further.
        best: size at which faces are found and placed best, pixels; known faces are brought to between 0.7 times
            this and this.
        min_face: when set, `full` grows so that a face of this many pixels in the original spans `smallest`.
        smallest: pixels that a face must span to be found nine times in ten (docs/results/face-sizes.md).
        limit: never larger than this.
    """

    full: int = 640
    empty: int = 320
    least: int = 160
    best: int = 64
    min_face: float | None = None
    smallest: int = 32
    limit: int = 4096

    def size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        """Return the working (width, height), multiples of `STEP`, shape kept as nearly as these allow."""
        longest = max(width, height)
        full = float(min(self.full, longest))
        if self.min_face is not None:
            full = max(full, min(self.limit, longest * self.smallest / self.min_face))
        target = full
        if face is not None:
            target = min(full, self._rung(longest * self.best / face) if face > 0 else max(self.empty, full / 2))
        scale = max(target, self.least) / longest
        return _to_step(width * scale), _to_step(height * scale)

    def _rung(self, longest: float) -> float:
        """Return the next lower of few sizes, half an octave apart: each new size costs the runtime memory."""
        steps = math.floor(2 * math.log2(max(longest / self.least, 1.0)))
        return self.least * 2 ** (steps / 2)


def _to_step(side: float) -> int:
    return max(STEP, round(side / STEP) * STEP)


class CenterFace:
    """The default detector (Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as
    Point", arXiv 1911.03599).

    Args:
        threshold: least score of a face, 0–1.
        resolution: working sizes.
        threads: of ONNX Runtime; None leaves it to the runtime.
    """

    STRIDE = 4
    thread_safe = True  # as ONNX Runtime's sessions are

    def __init__(
        self, threshold: float = 0.5, resolution: Resolution | None = None, threads: int | None = None
    ) -> None:
        path = Path(str(resources.files("kaoiro"))) / "assets" / "centerface.onnx"
        if not path.is_file():
            raise ModelError(f"{path} is missing; building the package puts it there: pip install .")
        self.threshold, self.resolution = threshold, resolution or Resolution()
        self._session = open_session(path, threads)
        self._input = self._session.get_inputs()[0].name

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        """See `FaceDetector`."""
        return self.resolution.size(width, height, face)

    def detect(self, image: np.ndarray) -> list[Detection]:
        """See `FaceDetector`; a picture in which no face is found is looked at again at half its size.

        The network misses soft faces that fill the picture: of FER2013 images shown at 160, 320 and 448
        pixels it finds 98, 96 and 93 %.
        """
        found = self._detect(image)
        height, width = image.shape[:2]
        if found or max(width, height) < 2 * self.resolution.least:
            return found
        size = (_to_step(width / 2), _to_step(height / 2))
        half = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
        return [face.scaled(width / size[0], height / size[1]) for face in self._detect(half)]

    def _detect(self, image: np.ndarray) -> list[Detection]:
        blob = image.transpose(2, 0, 1)[None].astype(np.float32)
        heat, scale, offset, points = (out[0] for out in self._session.run(None, {self._input: blob}))
        rows, columns = np.nonzero(heat[0] > self.threshold)
        scores = heat[0, rows, columns]
        high, wide = np.exp(scale[:, rows, columns]) * self.STRIDE
        top = (rows + 0.5 + offset[0, rows, columns]) * self.STRIDE - high / 2
        left = (columns + 0.5 + offset[1, rows, columns]) * self.STRIDE - wide / 2
        x = points[1::2, rows, columns] * wide + left
        y = points[0::2, rows, columns] * high + top
        boxes = np.stack([left, top, wide, high], axis=1)
        return collect(boxes, scores, np.stack([x, y], axis=-1).transpose(1, 0, 2))


class YuNet:
    """Any detector in YuNet's format (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023).

    Its ONNX graph takes BGR pixels 0–255 and answers cls_S, obj_S, bbox_S, kps_S for strides S = 8, 16, 32.

    Args:
        path: ONNX file.
        threshold: least score of a face, 0–1.
        resolution: working sizes.
        threads: of ONNX Runtime.
    """

    STRIDES = (8, 16, 32)
    thread_safe = True

    def __init__(
        self, path: str | Path, threshold: float = 0.6, resolution: Resolution | None = None, threads: int | None = None
    ) -> None:
        self.threshold, self.resolution = threshold, resolution or Resolution()
        self._session = open_session(Path(path), threads)
        self._input: Any = self._session.get_inputs()[0]
        self._outputs = [f"{part}_{stride}" for stride in self.STRIDES for part in ("cls", "obj", "bbox", "kps")]
        missing = set(self._outputs) - {output.name for output in self._session.get_outputs()}
        if missing:
            raise ModelError(f"{path} is not in YuNet's format: it lacks the outputs {', '.join(sorted(missing))}")

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        """See `FaceDetector`; a graph with a fixed input size gets that size."""
        fixed = self._input.shape[2:]
        if all(isinstance(side, int) for side in fixed):
            return fixed[1], fixed[0]
        return self.resolution.size(width, height, face)

    def detect(self, image: np.ndarray) -> list[Detection]:
        """See `FaceDetector`."""
        blob = image[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        outputs = [out.reshape(-1, out.shape[-1]) for out in self._session.run(self._outputs, {self._input.name: blob})]
        parts = [
            self._decode(image.shape[1] // stride, stride, *outputs[4 * level : 4 * level + 4])
            for level, stride in enumerate(self.STRIDES)
        ]
        boxes, scores, points = (np.concatenate(part) for part in zip(*parts, strict=True))
        return collect(boxes, scores, points)

    def _decode(self, columns: int, stride: int, cls: Any, obj: Any, bbox: Any, kps: Any) -> tuple[Any, Any, Any]:
        scores = np.sqrt(cls.clip(0, 1)[:, 0] * obj.clip(0, 1)[:, 0])
        keep = np.flatnonzero(scores > self.threshold)
        cell = np.stack([keep % columns, keep // columns], axis=1)
        size = np.exp(bbox[keep, 2:]) * stride
        corner = (cell + bbox[keep, :2]) * stride - size / 2
        points = (kps[keep].reshape(-1, 5, 2) + cell[:, None]) * stride
        return np.concatenate([corner, size], axis=1), scores[keep], points


def collect(boxes: np.ndarray, scores: np.ndarray, points: np.ndarray, overlap: float = 0.3) -> list[Detection]:
    """Suppress overlapping boxes of lower score and return the rest, largest first.

    Args:
        boxes: (N, 4) left, top, width, height.
        scores: (N,).
        points: (N, 5, 2).
        overlap: intersection over union above which two boxes are one face.
    """
    kept: list[Detection] = []
    for index in np.argsort(-scores, kind="stable"):
        box = Box(*map(float, boxes[index]))
        if all(box.overlap(other.box) <= overlap for other in kept):
            kept.append(Detection(box, float(scores[index]), points[index].astype(np.float64)))
    return sorted(kept, key=lambda found: -found.box.area)


def detect_in(image: np.ndarray, detector: FaceDetector, face: float | None = None) -> list[Detection]:
    """Find faces in a picture of any size: bring it to working size, detect, scale back.

    Args:
        image: (H, W, 3) RGB uint8.
        detector: any detector.
        face: size of the smallest face that is known to be there, pixels; see `FaceDetector.working_size`.
    """
    height, width = image.shape[:2]
    size = detector.working_size(width, height, face)
    if size == (width, height):
        return detector.detect(image)
    method = Image.Resampling.BOX if size[0] < width else Image.Resampling.BILINEAR
    small = np.asarray(Image.fromarray(image).resize(size, method))
    return [found.scaled(width / size[0], height / size[1]) for found in detector.detect(small)]


def given(boxes: Any, width: int, height: int) -> list[Detection]:
    """Turn boxes of a caller into detections.

    Args:
        boxes: sequence of (left, top, width, height) in pixels.
        width: of the picture, pixels.
        height: of the picture, pixels.

    Raises:
        InputError: not four finite numbers each, without area, outside the picture or more than twice its size.
    """
    wanted = "boxes must be finite (left, top, width, height) with positive width and height"
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(wanted) from error
    if not array.size and array.ndim:
        return []
    if array.shape[1:] != (4,) or not np.isfinite(array).all() or (array[:, 2:] <= 0).any():
        raise InputError(wanted)
    found = [Box(*map(float, row)) for row in array]
    for number, box in enumerate(found):
        if not _fits(box, width, height):
            place = ", ".join(f"{value:g}" for value in array[number])
            raise InputError(f"box {number} ({place}) lies outside the picture of {width}x{height} or is far too large")
    return [Detection(box) for box in found]


def _fits(box: Box, width: int, height: int) -> bool:
    beside = box.left >= width or box.top >= height or box.left + box.width <= 0 or box.top + box.height <= 0
    return not beside and max(box.width, box.height) <= 2 * max(width, height)
