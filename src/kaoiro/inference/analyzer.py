"""The main job: pictures and videos to records."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.types import Record
from kaoiro.faces import photo
from kaoiro.faces.align import to_luma
from kaoiro.faces.detect import CenterFace, FaceDetector, Resolution, detect_in, given
from kaoiro.faces.scout import sightings
from kaoiro.faces.track import Tracker, TrackerConfig
from kaoiro.faces.video import Frame, VideoFile
from kaoiro.inference.classifier import prepare_crops
from kaoiro.inference.engine import Engine
from kaoiro.inference.parallel import in_order
from kaoiro.inference.results import PhotoResult, Recording, Scores


class Analyzer:
    """Measure facial expression with one model.

    Args:
        model: name of a model that ships, or a model folder; None is the default model.
        detector: finds faces; None is CenterFace with `resolution`.
        max_faces: keep only this many largest faces of a frame; None keeps all.
        min_face: smallest face to look for, pixels of the original; None finds faces down to about 1/20 of the
            picture's longer side.
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
        self.threads = threads
        self._max_faces, self._tracker, self._detector = max_faces, tracker, detector
        self._resolution = Resolution(min_face=min_face)

    def _engine(self, threads: int | None) -> Engine:
        def detector() -> FaceDetector:
            return self._detector or CenterFace(resolution=self._resolution, threads=threads)

        return Engine(self.model, detector, self._max_faces, threads)

    @cached_property
    def _photos(self) -> Engine:
        """Measures one picture with all threads."""
        return self._engine(self.threads)

    @cached_property
    def _frames(self) -> Engine:
        """Measures several frames at once, each with one thread, which wastes less than sharing one frame."""
        return self._engine(1)

    @property
    def detector(self) -> FaceDetector:
        """The face detector for photos, opened when first needed."""
        return self._photos.detector

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
        engine = self._photos
        height, width = pixels.shape[:2]
        found = given(boxes, width, height) if boxes is not None else engine.largest(detect_in(pixels, engine.detector))
        faces = engine.measure(to_luma(pixels) if engine.channels == 1 else pixels, found) if found else []
        records = [face.record(str(label), 0, 0.0, None) for face in faces] or [Record(str(label), 0, 0.0)]
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
        answer = self._photos.classifier.predict(prepare_crops(array, spec.size, spec.channels))
        return Scores(answer.heads["expression"], spec.head("expression").labels, answer.features)

    def _measured(
        self, file: VideoFile, every: float | None, keep: bool
    ) -> Iterator[tuple[Frame | None, list[Record]]]:
        """Yield (frame, records) in presentation order; the frame is None unless `keep`."""
        tracker = Tracker(self._tracker)
        shown = sightings(_sampled(file.frames(), every))
        measured = in_order(self._frames.frame, shown, self.threads or os.cpu_count() or 1)
        with contextlib.closing(measured):
            for sighting, faces in measured:
                frame = sighting.frame
                tracks = tracker.update(frame.time_s, [face.detection for face in faces])
                place = (file.name, frame.index, frame.time_s)
                records = [face.record(*place, track) for face, track in zip(faces, tracks, strict=True)]
                yield frame if keep else None, records or [Record(*place)]


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
