"""Detector, alignment and model as one step: pixels to measured faces."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kaoiro.core.labels import EXPRESSIONS, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import Record, expression_column
from kaoiro.faces.align import cut, placement, roll, to_luma
from kaoiro.faces.detect import Detection, FaceDetector, detect_in
from kaoiro.faces.quality import sharpness
from kaoiro.faces.scout import Sighting, find
from kaoiro.inference.classifier import Classifier
from kaoiro.inference.heads import columns
from kaoiro.inference.words import readers
from kaoiro.inference.words.asked import Words


@dataclass(frozen=True, slots=True)
class MeasuredFace:
    """A face with everything that one frame tells.

    Attributes:
        detection: where it was found.
        sharpness: of the aligned crop, 0–1.
        scores: (8,) calibrated probabilities in the order of `labels.EXPRESSIONS`.
        further: valence, arousal, action units and words by column, as far as the model answers them.
        features: (E,) float32, the model's embedding of the crop; None where nobody took it down.
    """

    detection: Detection
    sharpness: float
    scores: np.ndarray
    further: Mapping[str, float] = field(default_factory=dict)
    features: np.ndarray | None = None

    def record(self, source: str, frame: int, time_s: float, track: int | None) -> Record:
        """Return the record of this face."""
        top, points = int(self.scores.argmax()), self.detection.landmarks
        named = zip(EXPRESSIONS.labels, self.scores.tolist(), strict=True)
        return Record(
            source=source,
            frame=frame,
            time_s=time_s,
            track=track,
            face_score=self.detection.score,
            box=self.detection.box,
            landmarks=None if points is None else tuple((float(x), float(y)) for x, y in points),
            roll=None if points is None else roll(points),
            face_size=self.detection.box.area**0.5,
            sharpness=self.sharpness,
            expression=EXPRESSIONS.labels[top],
            confidence=float(self.scores[top]),
            scores={expression_column(label): value for label, value in named} | dict(self.further),
        )


@dataclass(frozen=True, slots=True)
class MeasuredPicture:
    """What one picture shows.

    Attributes:
        faces: measured, largest first (or in the caller's order).
        others: faces that were found but, being beyond `max_faces`, not measured.
    """

    faces: list[MeasuredFace]
    others: list[Detection]


class Engine:
    """Measures the faces of single pictures; may be used by several threads at once.

    Args:
        model: checked model folder.
        detector: opens the face detector when it is first needed.
        max_faces: keep only this many largest faces; None keeps all.
        threads: of ONNX Runtime for the model; None leaves it to the runtime.
        words: that are scored, too.
    """

    def __init__(
        self,
        model: ModelFolder,
        detector: Callable[[], FaceDetector],
        max_faces: int | None,
        threads: int | None,
        words: Words | None = None,
    ) -> None:
        self.classifier = Classifier(model, threads)
        self._specification = model.specification
        self._labels = model.specification.head("expression").vocabulary
        self._open, self._max_faces, self._words = detector, max_faces, words
        self._detector: FaceDetector | None = None
        self._lock = threading.Lock()

    def with_words(self, words: Words) -> Engine:
        """Return an engine that scores other words, and shares detector and network with this one."""
        _ = self.detector  # opened once for both
        other = copy.copy(self)
        other._words = words
        return other

    @property
    def detector(self) -> FaceDetector:
        """The face detector; it is opened once, whoever asks first."""
        with self._lock:
            if self._detector is None:
                self._detector = self._open()
            return self._detector

    @property
    def channels(self) -> int:
        """Channels that the model wants: 1 (luma) or 3 (RGB)."""
        return self._specification.channels

    def picture(self, pixels: np.ndarray) -> MeasuredPicture:
        """Detect and measure the faces of one picture, RGB uint8 (H, W, 3).

        Raises:
            ModelError: the detector cannot be opened.
        """
        return self._measured(
            detect_in(pixels, self.detector), lambda: to_luma(pixels) if self.channels == 1 else pixels
        )

    def frame(self, sighting: Sighting) -> MeasuredPicture:
        """Detect and measure the faces of one video frame.

        Raises:
            ModelError: the detector cannot be opened.
        """
        frame = sighting.frame
        return self._measured(
            find(sighting, self.detector), lambda: frame.luma() if self.channels == 1 else frame.rgb()
        )

    def _measured(self, found: list[Detection], pixels: Callable[[], np.ndarray]) -> MeasuredPicture:
        """Measure the largest faces; the pixels are asked for only if there are any."""
        kept = found[: self._max_faces]
        return MeasuredPicture(self.measure(pixels(), kept) if kept else [], found[len(kept) :])

    def measure(self, pixels: np.ndarray, faces: Sequence[Detection]) -> list[MeasuredFace]:
        """Measure known faces.

        Args:
            pixels: (H, W) luma or (H, W, 3) RGB uint8, as the model's channels ask.
            faces: where they are.

        Returns:
            A measured face for each of `faces`, in their order.

        Raises:
            LabelError: the model shares no expression with `labels.EXPRESSIONS`.
        """
        if not faces:
            return []
        spec = self._specification
        crops = np.stack([cut(pixels, placement(face, spec.crop), spec.size) for face in faces])
        found = self.classifier.predict(crops)
        answers = found.heads
        scores = project(answers["expression"], self._labels, EXPRESSIONS)
        further = map(self._with_words, scores, columns(answers, spec), self._read(pixels, faces, crops))
        parts = zip(faces, map(sharpness, crops), scores, further, found.features, strict=True)
        return [MeasuredFace(*part) for part in parts]

    def _read(self, pixels: np.ndarray, faces: Sequence[Detection], crops: np.ndarray) -> list[dict[str, float]]:
        """Return what readers and texts answer of each face by column: nothing where no word asks for it."""
        beside = self._words.texts if self._words else None
        told = [{} for _ in faces] if beside is None else beside.read(pixels, faces)
        spec, found = self._specification, readers.shipped() if self._words and self._words.read else None
        if found is None:
            return told
        if (spec.crop, spec.size, spec.channels) != (readers.CROP, readers.SIDE, 1):
            grey = to_luma(pixels) if pixels.ndim == 3 else pixels
            crops = np.stack([cut(grey, placement(face, readers.CROP), readers.SIDE) for face in faces])
        said = found.read(crops)
        return [more | {name: float(values[face]) for name, values in said.items()} for face, more in enumerate(told)]

    def _with_words(
        self, scores: np.ndarray, further: Mapping[str, float], read: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Return what is known beside the expressions (8,), with the words' scores; what was read goes no further."""
        if not self._words:
            return further
        named = zip(map(expression_column, EXPRESSIONS.labels), scores.tolist(), strict=True)
        return {**further, **self._words.scores({**read, **dict(named), **further})}
