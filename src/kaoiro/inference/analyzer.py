"""The main job: pictures and videos to records."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError, ModelError, TruncatedVideo
from kaoiro.core.labels import EXPRESSIONS, Vocabulary, project
from kaoiro.core.types import Record, expression_column
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement, roll, to_luma
from kaoiro.faces.detect import CenterFace, Detection, FaceDetector, Resolution, detect_in, given
from kaoiro.faces.quality import sharpness
from kaoiro.faces.track import Tracker, TrackerConfig
from kaoiro.faces.video import Frame, VideoFile
from kaoiro.inference.classifier import BATCH, Classifier, prepare_crops
from kaoiro.inference.results import PhotoResult, Recording, Scores

_PREFETCH = 8


@dataclass(frozen=True)
class _Seen:
    """A frame whose faces were found and cut out, waiting for the model."""

    source: str
    index: int
    time_s: float
    faces: list[Detection]
    tracks: list[int | None]
    crops: list[np.ndarray]
    frame: Frame | None


class Analyzer:
    """Measure facial expression with one model.

    Args:
        model: name of a model that ships, or a model folder; None is the default model.
        detector: finds faces; None is CenterFace with `resolution`.
        max_faces: keep only this many largest faces of a frame; None keeps all.
        min_face: smallest face to look for, pixels of the original; None suits usual pictures (about
            1/40 of the longer side of a photo, 1/20 of a video frame) and is fastest.
        tracker: settings of the identities over time.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Raises:
        ModelError: the model is missing, damaged, or has no expression head.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        detector: FaceDetector | None = None,
        max_faces: int | None = None,
        min_face: float | None = None,
        tracker: TrackerConfig | None = None,
        threads: int | None = None,
    ) -> None:
        if max_faces is not None and max_faces < 1:
            raise InputError(f"max_faces must be 1 or more, not {max_faces}")
        if min_face is not None and not min_face > 0:
            raise InputError(f"min_face must be a positive number of pixels, not {min_face}")
        folder = modelfile.load(None if model is None else Path(model) if os.sep in str(model) else str(model))
        self.specification = folder.specification
        if all(head.name != "expression" for head in self.specification.heads):
            raise ModelError(f"model '{folder.name}' has no expression head")
        self.model = folder
        self.max_faces, self.threads, self.tracker = max_faces, threads, tracker
        self._classifier = Classifier(folder, threads)
        self._labels = self.specification.head("expression").vocabulary
        self._detector = detector
        self._resolution = Resolution(min_face=min_face)

    @property
    def detector(self) -> FaceDetector:
        """The face detector, opened when first needed."""
        if self._detector is None:
            self._detector = CenterFace(resolution=self._resolution, threads=self.threads)
        return self._detector

    def image(self, source: photo.Picture, *, boxes: Any = None, name: str | None = None) -> PhotoResult:
        """Measure the faces of one picture.

        Args:
            source: path, encoded bytes, PIL image, or RGB uint8 array (H, W, 3).
            boxes: faces the caller knows, a sequence of (left, top, width, height) in pixels of the upright
                picture; they are kept in order and detection is not run.
            name: written to the records' `source`; default: the path, or 'picture'.

        Returns:
            The faces, largest first (or in the order of `boxes`).

        Raises:
            InputError: the picture or the boxes cannot be used.
        """
        label = name or (os.fspath(source) if isinstance(source, (str, os.PathLike)) else "picture")
        pixels = photo.read(source, str(label))
        found = given(boxes) if boxes is not None else self._largest(detect_in(pixels, self.detector))
        luma = to_luma(pixels) if self.specification.channels == 1 else pixels
        seen = _Seen(str(label), 0, 0.0, found, [None] * len(found), self._cut(luma, found), None)
        records = next(iter(self._classified([seen])))[1]
        return PhotoResult(records, source)

    def video(
        self,
        path: str | os.PathLike[str],
        *,
        every: float | None = None,
        name: str | None = None,
    ) -> Recording:
        """Measure a video; nothing is read until the recording is iterated, and never all at once.

        Args:
            path: file that FFmpeg can read.
            every: seconds of presentation time between measured frames; None measures every frame.
            name: written to the records' `source`; default: the path.

        Raises:
            InputError: the file is not a video, or `every` is not positive.
        """
        if every is not None and not every > 0:
            raise InputError(f"every must be a positive number of seconds, not {every}")
        file = VideoFile(path, name)
        return Recording(file, lambda keep: self._measured(file, every, keep))

    def crops(self, array: np.ndarray) -> Scores:
        """Score faces that are already cut out.

        Args:
            array: (N, H, W) grey or (N, H, W, 3) RGB, uint8. They should be placed as the model's crop
                geometry says, as FER2013 images are for the default model.

        Returns:
            Calibrated probabilities, which NumPy sees as an array (N, K) in the order of `labels`.

        Raises:
            InputError: another shape or type.
        """
        spec = self.specification
        answer = self._classifier.predict(prepare_crops(array, spec.size, spec.channels))
        return Scores(answer.heads["expression"], self._labels.labels, answer.features)

    def _largest(self, faces: list[Detection]) -> list[Detection]:
        return faces[: self.max_faces]

    def _cut(self, pixels: np.ndarray, faces: Sequence[Detection]) -> list[np.ndarray]:
        spec = self.specification
        return [cut(pixels, placement(face, spec.crop), spec.size) for face in faces]

    def _measured(
        self, file: VideoFile, every: float | None, keep: bool
    ) -> Iterator[tuple[Frame | None, list[Record]]]:
        """Yield (frame, records) in presentation order; the frame is None unless `keep`."""
        tracker = Tracker(self.tracker)
        pending: list[_Seen] = []
        failure: TruncatedVideo | None = None
        size = self.detector.working_size(file.info.width, file.info.height, True)
        wanted = (_prepared(frame, size, self.specification.channels) for frame in _sampled(file.frames(), every))
        with _Ahead(wanted) as frames:
            try:
                for frame, small, pixels in frames:
                    found = self._largest(self._found(frame, small))
                    tracks = tracker.update(frame.time_s, found)
                    crops = self._cut(pixels, found)
                    held = frame if keep else None
                    pending.append(_Seen(file.name, frame.index, frame.time_s, found, list(tracks), crops, held))
                    if len(pending) >= BATCH // 2 or sum(len(seen.crops) for seen in pending) >= BATCH:
                        yield from self._classified(pending)
                        pending = []
            except TruncatedVideo as error:
                failure = error
        yield from self._classified(pending)
        if failure is not None:
            raise failure

    def _found(self, frame: Frame, small: np.ndarray) -> list[Detection]:
        width, height = frame.size
        x, y = width / small.shape[1], height / small.shape[0]
        return [face.scaled(x, y) for face in self.detector.detect(small)]

    def _classified(self, pending: list[_Seen]) -> Iterator[tuple[Frame | None, list[Record]]]:
        crops = [crop for seen in pending for crop in seen.crops]
        stack = np.stack(crops) if crops else np.empty((0, self.specification.size, self.specification.size), np.uint8)
        scores = (
            _eight(self._classifier.predict(stack).heads["expression"], self._labels) if crops else np.empty((0, 8))
        )
        start = 0
        for seen in pending:
            yield seen.frame, _records(seen, scores[start : start + len(seen.crops)])
            start += len(seen.crops)


def _eight(probabilities: np.ndarray, labels: Vocabulary) -> np.ndarray:
    """Return (N, 8) in column order; expressions that the model does not know stay 0."""
    return project(probabilities, labels, EXPRESSIONS)


def _records(seen: _Seen, scores: np.ndarray) -> list[Record]:
    if not seen.faces:
        return [Record(seen.source, seen.index, seen.time_s)]
    parts = zip(seen.faces, seen.tracks, seen.crops, scores, strict=True)
    return [_record(seen, face, track, crop, row) for face, track, crop, row in parts]


def _record(seen: _Seen, face: Detection, track: int | None, crop: np.ndarray, scores: np.ndarray) -> Record:
    top = int(scores.argmax())
    points = face.landmarks
    return Record(
        source=seen.source,
        frame=seen.index,
        time_s=seen.time_s,
        track=track,
        face_score=face.score,
        box=face.box,
        landmarks=None if points is None else tuple((float(x), float(y)) for x, y in points),
        roll=None if points is None else roll(points),
        face_size=float(np.sqrt(face.box.area)),
        sharpness=sharpness(crop),
        expression=EXPRESSIONS.labels[top],
        confidence=float(scores[top]),
        scores={expression_column(label): float(p) for label, p in zip(EXPRESSIONS.labels, scores, strict=True)},
    )


def _sampled(frames: Iterator[Frame], every: float | None) -> Iterator[Frame]:
    """Keep the first frame at or after each multiple of `every` seconds of presentation time."""
    last: int | None = None
    for frame in frames:
        if every is None:
            yield frame
            continue
        slot = int(np.floor(frame.time_s / every + 1e-6))
        if slot != last:
            last = slot
            yield frame


def _prepared(frame: Frame, size: tuple[int, int], channels: int) -> tuple[Frame, np.ndarray, np.ndarray]:
    return frame, frame.rgb(size), frame.luma() if channels == 1 else frame.rgb()


class _Ahead:
    """Run an iterator in a thread, a few items ahead; errors surface where the items are taken."""

    _END = object()

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self._queue: queue.Queue[Any] = queue.Queue(_PREFETCH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        try:
            for item in self._items:
                self._put(item)
                if self._stop.is_set():
                    return
            self._put(self._END)
        except BaseException as error:  # handed over to the consumer, which raises it
            self._put(error)

    def _put(self, item: Any) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def __enter__(self) -> Iterator[Any]:
        self._thread.start()
        return self._taken()

    def _taken(self) -> Iterator[Any]:
        while (item := self._queue.get()) is not self._END:
            if isinstance(item, BaseException):
                raise item
            yield item

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)
