"""One photo or video measured for an index: places, embeddings and scores of its faces."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kaoiro.core.errors import InputError, TruncatedVideo
from kaoiro.faces import photo
from kaoiro.faces.video import VideoFile
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.engine import MeasuredFace
from kaoiro.inference.media import Medium

Advance = Callable[[float, float | None], None]
Seen = tuple[int, float, int | None, MeasuredFace]
"""Number of the frame, its time in seconds, track, face."""


@dataclass
class Faces:
    """What a file shows.

    Attributes:
        rows: for each face, the columns of a part's `rows.parquet`.
        embeddings: (E,) of each, of length 1.
        scores: (S,) of each.
        note: why the end of a video is missing; empty if it is not.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    embeddings: list[np.ndarray] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=list)
    note: str = ""


def faces_of(analyzer: Analyzer, medium: Medium, columns: tuple[str, ...], every: float, advance: Advance) -> Faces:
    """Measure a photo or video.

    Args:
        analyzer: measures.
        medium: from `media.discover`.
        columns: of the scores.
        every: seconds between samples of a video.
        advance: called with the seconds of a video that are done, and its length (None if unknown).

    Raises:
        InputError: it cannot be used.
    """
    found = Faces()
    with medium.open() as path:
        try:
            seen = _in_photo(analyzer, path, medium.name)
            if medium.kind == "video":
                seen = _in_video(analyzer, VideoFile(path, medium.name), every, advance)
            for frame, time_s, track, face in seen:
                record = face.record(medium.name, frame, time_s, track)
                row = record.row()
                found.rows.append({name: row[name] for name in _ROW})
                found.embeddings.append(unit(face.features))
                found.scores.append([record.scores.get(name, np.nan) for name in columns])
        except TruncatedVideo as error:
            found.note = str(error)
    return found


_ROW = ("frame", "time_s", "track", "face_score", "box_left", "box_top", "box_width", "box_height", "face_size")


def _in_photo(analyzer: Analyzer, path: Any, name: str) -> Iterator[Seen]:
    for face in analyzer.engine.picture(photo.read(path, name)).faces:
        yield 0, 0.0, None, face


def _in_video(analyzer: Analyzer, file: VideoFile, every: float, advance: Advance) -> Iterator[Seen]:
    with contextlib.closing(analyzer.tracked(file, every)) as shown:
        for frame, seen, tracks in shown:
            advance(frame.time_s - file.info.start_s, file.info.duration_s)
            for face, track in zip(seen.faces, tracks, strict=True):
                yield frame.index, frame.time_s, track, face


def unit(features: np.ndarray | None) -> np.ndarray:
    """Return an embedding (E,) at length 1, float32; nothing but zeros where it is of no length.

    Raises:
        InputError: the face has no embedding.
    """
    if features is None:
        raise InputError("a face without an embedding cannot be searched for")
    wide = np.asarray(features, np.float64)
    length = float(np.linalg.norm(wide))
    return (wide / length if length > 0 else wide * 0).astype(np.float32)
