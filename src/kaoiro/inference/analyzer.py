"""The main job: pictures and videos to records."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Generator, Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from kaoiro.core import modelfile
from kaoiro.core.checks import require
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.parallel import in_order, workers
from kaoiro.core.types import Record
from kaoiro.faces import photo
from kaoiro.faces.align import to_luma
from kaoiro.faces.detect import CenterFace, FaceDetector, Resolution, given, shareable
from kaoiro.faces.frame import Frame
from kaoiro.faces.scout import sampled, sightings
from kaoiro.faces.track import Tracker, TrackerConfig
from kaoiro.faces.video import VideoFile
from kaoiro.inference.change import AUTO, Rest, changes
from kaoiro.inference.classifier import prepare_crops
from kaoiro.inference.engine import Engine, MeasuredPicture
from kaoiro.inference.heads import check_heads, visible_from
from kaoiro.inference.live import Live
from kaoiro.inference.rest import read_rest
from kaoiro.inference.results import MeasuredFrame, PhotoResult, Recording, Scores
from kaoiro.inference.steadied import steadied
from kaoiro.inference.words.asked import Words, asked
from kaoiro.timeline.steady import MODES, Mode

_PIXELS_AT_ONCE = 8_000_000
"""What the detector may work on at a time in all threads; it takes about 200 bytes a pixel."""

_ENGINES = {"_photos", "_frames"}


class Analyzer:
    """Measure facial expression with one model.

    Args:
        model: name of a model that ships, or a model folder (a path object, or text with a separator such as
            './stills', is always a folder); None is the default model.
        detector: finds faces; None is CenterFace. See `FaceDetector` for what threads may do with it.
        max_faces: measure only this many largest faces of a frame; None measures all.
        min_face: smallest face to look for, pixels of the original; None finds faces down to about 1/20 of the
            picture's longer side.
        tracker: settings of the identities over time.
        threads: processor threads; None takes what there is (for videos at most eight frames at a time).
        classes: words of your own, such as ["smile", "苦笑"] or "smile, wry smile", whose scores records get as
            `word_smile`, … The glossary says what they stand for.
        glossary: file of entries of your own, which are added to those that ship, or replace them.
        clip: folder of words that `kaoiro words --clip` compiled, for those that the glossary does not tell.

    Raises:
        InputError: `max_faces` or `min_face` makes no sense; a word is not in the glossary, or cannot be told.
        ModelError: the model is missing, damaged, has no expression head, or answers what records have no column for.
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
        classes: str | Iterable[str] | None = None,
        glossary: str | os.PathLike[str] | None = None,
        clip: str | os.PathLike[str] | None = None,
    ) -> None:
        if max_faces is not None and max_faces < 1:
            raise InputError(f"max_faces must be 1 or more, not {max_faces}")
        if min_face is not None and not min_face > 0:
            raise InputError(f"min_face must be a positive number of pixels, not {min_face}")
        folder = modelfile.load(model)
        self.specification = folder.specification
        if all(head.name != "expression" for head in self.specification.heads):
            raise ModelError(f"model '{folder.name}' has no expression head")
        check_heads(folder)
        self.model, self.words = folder, asked(classes, folder, glossary, clip)
        self.threads = threads
        self._max_faces, self._tracker = max_faces, tracker or TrackerConfig()
        self._detector = None if detector is None else shareable(detector)
        self._resolution = Resolution(min_face=min_face)

    def with_words(self, words: Words) -> Analyzer:
        """Return an analyzer that scores other words, and shares networks and settings with this one.

        Args:
            words: of `kaoiro.inference.words.asked.asked`, for the same model.
        """
        other = copy.copy(self)
        other.words = words
        for name in _ENGINES & vars(self).keys():  # as far as they were opened
            vars(other)[name] = vars(self)[name].with_words(words)
        return other

    def _engine(self, threads: int | None) -> Engine:
        def detector() -> FaceDetector:
            return self._detector or CenterFace(resolution=self._resolution, threads=threads)

        return Engine(self.model, detector, self._max_faces, threads, self.words)

    @cached_property
    def _photos(self) -> Engine:
        """Measures one picture with all threads."""
        return self._engine(self.threads)

    @cached_property
    def _frames(self) -> Engine:
        """Measures several frames at once, each with one thread, which wastes less than sharing one frame."""
        return self._engine(1)

    @property
    def engine(self) -> Engine:
        """What measures single pictures."""
        return self._photos

    @property
    def detector(self) -> FaceDetector:
        """The face detector for photos, opened when first needed."""
        return self._photos.detector

    def image(
        self,
        source: photo.Picture,
        *,
        boxes: Any = None,
        name: str | None = None,
        baseline: str | os.PathLike[str] | Rest | None = None,
    ) -> PhotoResult:
        """Measure the faces of one picture.

        Args:
            source: path, encoded bytes, PIL image, or RGB uint8 array (H, W, 3).
            boxes: faces the caller knows, a sequence of (left, top, width, height) in pixels of the upright
                picture; they are kept in order and detection is not run, so nobody else is hidden in pictures.
            name: written to the records' `source`; default: the path, or 'picture'.
            baseline: the resting face of the person, or a file that shows it (see `rest`): adds the difference of every
                score from it.

        Returns:
            The faces, largest first (or in the order of `boxes`).

        Raises:
            InputError: the picture, the boxes or the baseline cannot be used.
        """
        require(baseline != AUTO, "baseline of a picture", "a file or a resting face", AUTO)
        rest = None if baseline is None else self.rest(baseline)
        label = name or (os.fspath(source) if isinstance(source, (str, os.PathLike)) else "picture")
        pixels = photo.read(source, str(label))
        measured = self._photos.picture(pixels) if boxes is None else self._known(pixels, boxes)
        records = [face.record(str(label), 0, 0.0, None) for face in measured.faces] or [Record(str(label), 0, 0.0)]
        others = [face.box for face in measured.others]
        least, words = visible_from(self.specification), self.words.columns
        return PhotoResult(list(changes(records, rest)), source, others, least, words)

    def _known(self, pixels: np.ndarray, boxes: Any) -> MeasuredPicture:
        engine = self._photos
        faces = given(boxes, pixels.shape[1], pixels.shape[0])
        return MeasuredPicture(engine.measure(to_luma(pixels) if engine.channels == 1 else pixels, faces), [])

    def video(
        self,
        path: str | os.PathLike[str],
        *,
        every: float | None = None,
        name: str | None = None,
        smooth: Mode = "centred",
        baseline: str | os.PathLike[str] | Rest | None = None,
    ) -> Recording:
        """Measure a video; nothing is read until the recording is iterated, and never all at once.

        Args:
            path: file that FFmpeg can read.
            every: seconds of presentation time between measured frames; None measures every frame.
            name: written to the records' `source`; default: the path.
            smooth: adds every measurement smoothed over time within each track: 'centred' looks 0.24 s ahead and back
                and does not lag, 'causal' looks back only and trails by 0.2 s, 'none' adds nothing.
            baseline: adds the difference of every score of single frames from a resting face: one of `rest`, a file
                that shows it, or 'auto', which estimates it for each track from the video itself (the records then
                come when all of it was measured).

        Raises:
            InputError: the file is not a video, `every` is not positive, `smooth` is none of the three, or the baseline
                shows no face.
        """
        require(smooth in MODES, "smooth", f"one of {', '.join(MODES)}", smooth)
        if every is not None and not every > 0:
            raise InputError(f"every must be a positive number of seconds, not {every}")
        file = VideoFile(path, name)
        rest = None if baseline is None else AUTO if baseline == AUTO else self.rest(baseline)
        least, words = visible_from(self.specification), self.words.columns
        return Recording(file, lambda keep: steadied(self._measured(file, every, keep), smooth), rest, least, words)

    def rest(self, source: str | os.PathLike[str] | Rest) -> Rest:
        """Return a person's resting face, from which `image` and `video` tell changes.

        Args:
            source: a photo or video of the person at rest, a folder of them, or a table of records (.csv, .parquet,
                .jsonl) that this model measured; medians over all frames are the rest. A rest comes back as it is.

        Raises:
            InputError: it cannot be read, or shows no face.
        """
        return source if isinstance(source, Rest) else read_rest(self, source)

    def live(self, source: str, *, smooth: Mode = "causal", seconds: float | None = None) -> Live:
        """Measure a source while it plays; frames that come faster than they are measured are dropped and counted.

        Args:
            source: number or device of a camera, a URL, or a file, which is played at its own pace.
            smooth: 'causal' adds every measurement smoothed over time, 'none' does not.
            seconds: of the source's time, after which it ends; None goes on.

        Raises:
            InputError: another smoothing; when it is iterated: the source cannot be opened, or broke off.
        """
        return Live(source, self._photos, self._tracker, smooth, seconds)

    def crops(self, array: np.ndarray) -> Scores:
        """Score faces that are already cut out.

        Args:
            array: (N, H, W) grey or (N, H, W, 3) RGB, uint8. They should be placed as the model's crop
                geometry says, as FER2013 images are for the default model.

        Returns:
            Calibrated probabilities, which NumPy sees as an array (N, K) in the order of `labels`: alphabetical,
            as in records, where the model knows the eight expressions, else the model's own.

        Raises:
            InputError: another shape or type.
        """
        spec = self.specification
        answer = self._photos.classifier.predict(prepare_crops(array, spec.size, spec.channels))
        vocabulary, scores = spec.head("expression").vocabulary, answer.heads["expression"]
        if set(vocabulary.labels) == set(EXPRESSIONS.labels):
            scores, vocabulary = scores[:, vocabulary.indices(EXPRESSIONS.labels)], EXPRESSIONS
        return Scores(scores, vocabulary.labels, answer.features)

    def _measured(self, file: VideoFile, every: float | None, keep: bool) -> Iterator[MeasuredFrame]:
        """Yield what each frame shows in presentation order; the frame itself is None unless `keep`."""
        with contextlib.closing(self.tracked(file, every)) as shown:
            for frame, seen, tracks in shown:
                place = (file.name, frame.index, frame.time_s)
                records = [face.record(*place, track) for face, track in zip(seen.faces, tracks, strict=True)]
                others = [face.box for face in seen.others]
                yield MeasuredFrame(frame if keep else None, records or [Record(*place)], others)

    def tracked(
        self, file: VideoFile, every: float | None
    ) -> Generator[tuple[Frame, MeasuredPicture, list[int]], None, None]:
        """Yield frames of a video in presentation order with what each shows, and the track of each face.

        Args:
            file: opened video.
            every: seconds between measured frames; None measures every frame.

        Raises:
            TruncatedVideo: after the last frame, if the video broke off.
        """
        tracker = Tracker(self._tracker.spanning(every, file.info.rate))
        count = self._workers(file)
        engine = self._frames if count > 1 else self._photos
        shown = sightings(sampled(file.frames(), every))
        with contextlib.closing(in_order(engine.frame, shown, count)) as measured:
            for sighting, seen in measured:
                frame = sighting.frame
                yield frame, seen, tracker.update(frame.time_s, [face.detection for face in seen.faces])

    def _workers(self, file: VideoFile) -> int:
        """Return how many frames of a video are measured at once: fewer where they are looked at in large."""
        working_size = self._resolution.size if self._detector is None else self._detector.working_size
        width, height = working_size(file.info.width, file.info.height)
        return workers(self.threads, width * height, _PIXELS_AT_ONCE)
