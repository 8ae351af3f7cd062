"""Expression codes of all faces of photos and videos: a row for each face, for search and statistics."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kaoiro.core import codec
from kaoiro.core.codes import Codes
from kaoiro.core.errors import InputError, OutputError, TruncatedVideo
from kaoiro.core.parallel import in_order, workers
from kaoiro.core.types import COLUMNS, Box
from kaoiro.faces import photo
from kaoiro.faces.detect import Detection, detect_in
from kaoiro.faces.scout import Sighting, find, sampled, sightings
from kaoiro.faces.track import Tracker, TrackerConfig
from kaoiro.faces.video import VideoFile
from kaoiro.inference.exchange import Exchanger
from kaoiro.inference.media import Medium, Unusable, discover
from kaoiro.inference.tables import SUFFIXES, read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PLACES = ("source", "frame", "time_s", "track", "face_score", "box_left", "box_top", "box_width", "box_height")
"""Columns that say which face a row is about, as records have them."""
MODEL = "model"
"""Column: name and checksum of the model; codes of different ones cannot be compared."""
_WIDEST = 1024  # numbers of an identity code that are kept of every face; a whole picture is not
_AT_ONCE = 64  # faces that are encoded together
_PIXELS_AT_ONCE = 8_000_000  # what detectors may work on at a time in all threads
_DIGITS = 6  # decimals of codes in text
Advance = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Which face a row is about, as in a Record."""

    source: str
    frame: int
    time_s: float
    track: int | None
    score: float | None
    box: Box

    def row(self) -> dict[str, Any]:
        """Return the values of `PLACES`."""
        box = self.box
        values = (self.source, self.frame, self.time_s, self.track, self.score)
        return dict(zip(PLACES, (*values, box.left, box.top, box.width, box.height), strict=True))


Seen = tuple[Place, np.ndarray]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Faces with their codes.

    Attributes:
        places: of N faces.
        codes: of the same faces; the identity has no columns where it is not known.
        model: name and checksum of what made them.
    """

    places: Sequence[Place]
    codes: Codes
    model: str

    def __len__(self) -> int:
        return len(self.places)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each face, with the columns of `columns`."""
        names = code_columns(self.codes.expression.shape[1])
        for place, code in zip(self.places, self.codes.expression.tolist(), strict=True):
            yield place.row() | {MODEL: self.model} | dict(zip(names, code, strict=True))

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame with the columns of `columns`."""
        import pandas as pd

        return pd.DataFrame(list(self.rows()), columns=columns(self.codes.expression.shape[1]))


def code_columns(width: int) -> list[str]:
    """Return the columns of expression codes, z_00 first."""
    digits = max(2, len(str(width - 1)))
    return [f"z_{number:0{digits}d}" for number in range(width)]


def columns(width: int) -> list[str]:
    """Return all columns of embeddings whose codes have so many numbers."""
    return [*PLACES, MODEL, *code_columns(width)]


def embed(
    exchanger: Exchanger,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    every: float | None = None,
    max_faces: int | None = None,
    skipped: list[str] | None = None,
) -> Embeddings:
    """Return the codes of all faces of files, folders and archives, in memory.

    Args:
        exchanger: encodes.
        paths: photos, videos, folders, zip or tar archives of them.
        every: seconds between frames of a video; None takes every frame.
        max_faces: only this many largest faces of a picture; None takes all.
        skipped: receives a line for each file that cannot be used or breaks off, instead of an error.

    Raises:
        InputError: a file cannot be used, or a video broke off.
    """
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    parts: list[Embeddings] = []
    for medium in discover([os.fspath(path) for path in given]):
        try:
            for part in embedded(exchanger, medium, every=every, max_faces=max_faces):
                parts.append(part)
        except InputError as error:
            if skipped is None:
                raise
            skipped.append(str(error))
    return joined(parts, exchanger)


def joined(parts: Sequence[Embeddings], exchanger: Exchanger) -> Embeddings:
    """Return several embeddings of one model as one."""
    said = exchanger.description
    width = said.identity if parts and parts[0].codes.identity.shape[1] else 0
    empty = Codes(np.empty((0, width), np.float32), np.empty((0, said.expression), np.float32))
    codes = [empty, *(part.codes for part in parts)]
    identity, expression = (
        np.concatenate([getattr(code, name) for code in codes]) for name in ("identity", "expression")
    )
    return Embeddings([place for part in parts for place in part.places], Codes(identity, expression), exchanger.title)


def embedded(
    exchanger: Exchanger,
    medium: Medium | Unusable,
    *,
    every: float | None = None,
    max_faces: int | None = None,
    advance: Advance = lambda done_s, length_s: None,
) -> Iterator[Embeddings]:
    """Yield the faces of one photo or video with their codes, some at a time.

    Args:
        exchanger: encodes.
        medium: from `media.discover`.
        every: seconds between frames of a video; None takes every frame.
        max_faces: only this many largest faces of a picture; None takes all.
        advance: called with the seconds of a video that are done, and its length (None if unknown).

    Raises:
        InputError: it cannot be used.
        TruncatedVideo: after the last face, if the video broke off.
    """
    if isinstance(medium, Unusable):
        raise InputError(f"{medium.name}: {medium.reason}")
    waiting: list[Seen] = []
    failure: TruncatedVideo | None = None
    with medium.open() as path:
        photo_only = medium.kind == "photo"
        faces = (
            _in_photo(exchanger, path, medium.name, max_faces)
            if photo_only
            else _in_video(exchanger, VideoFile(path, medium.name), every, max_faces, advance)
        )
        with contextlib.closing(faces):
            try:
                for seen in faces:
                    waiting.append(seen)
                    if len(waiting) == _AT_ONCE:
                        yield _encoded(exchanger, waiting)
                        waiting = []
            except TruncatedVideo as error:
                failure = error
    if waiting:
        yield _encoded(exchanger, waiting)
    if failure is not None:
        raise failure


def _encoded(exchanger: Exchanger, faces: Sequence[tuple[Place, np.ndarray]]) -> Embeddings:
    codes = exchanger.encode(np.stack([crop for _, crop in faces]))
    if codes.identity.shape[1] > _WIDEST:
        codes = Codes(codes.identity[:, :0], codes.expression)
    return Embeddings([place for place, _ in faces], codes, exchanger.title)


def _in_photo(exchanger: Exchanger, path: Path, name: str, most: int | None) -> Generator[Seen, None, None]:
    pixels = photo.read(path, name)
    found = detect_in(pixels, exchanger.detector)[:most]
    for face, crop in zip(found, exchanger.crops(pixels, found), strict=True):
        yield Place(name, 0, 0.0, None, face.score, face.box), crop


def _in_video(
    exchanger: Exchanger, file: VideoFile, every: float | None, most: int | None, advance: Advance
) -> Generator[Seen, None, None]:
    detector, info = exchanger.detector, file.info
    tracker = Tracker(TrackerConfig().spanning(every, info.rate))

    def cut_out(sighting: Sighting) -> tuple[list[Detection], np.ndarray]:
        found = find(sighting, detector)[:most]
        return found, exchanger.crops(sighting.frame.rgb() if found else np.empty(0), found)

    width, height = detector.working_size(info.width, info.height)
    count = workers(exchanger.threads, width * height, _PIXELS_AT_ONCE)
    shown = sightings(sampled(file.frames(), every))
    with contextlib.closing(in_order(cut_out, shown, count)) as measured:
        for sighting, (found, crops) in measured:
            frame = sighting.frame
            advance(frame.time_s - info.start_s, info.duration_s)
            tracks = tracker.update(frame.time_s, found)
            for face, track, crop in zip(found, tracks, crops, strict=True):
                yield Place(file.name, frame.index, frame.time_s, track, face.score, face.box), crop


@contextlib.contextmanager
def opened(path: Path, width: int) -> Iterator[Any]:
    """Open a table of embeddings for writing; it takes `Embeddings` by `write` and is there when the block ends well.

    Args:
        path: .parquet, .csv or .jsonl.
        width: numbers of the expression code.

    Raises:
        OutputError: another suffix, or the place cannot be written.
    """
    kind = codec.format_of(path)
    with codec.opened(path, columns(width), _schema(width) if kind == "parquet" else None) as writer:
        yield _Writer(writer, kind != "parquet", code_columns(width))


class _Writer:
    def __init__(self, writer: codec.RecordWriter, text: bool, names: Sequence[str]) -> None:
        self._writer, self._text, self._names = writer, text, names

    def write(self, embeddings: Embeddings) -> None:
        """Write the rows of some faces."""
        for row in embeddings.rows():
            if self._text:
                row |= {name: round(row[name], _DIGITS) for name in self._names}
            self._writer.write(row)


def _schema(width: int) -> pa.Schema:
    import pyarrow as pa

    kinds = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    known = {column.name: kinds[column.kind] for column in COLUMNS}
    codes = [pa.field(name, pa.float32()) for name in code_columns(width)]
    return pa.schema([*(pa.field(name, known[name]) for name in PLACES), pa.field(MODEL, pa.string()), *codes])


def check_suffix(path: str | os.PathLike[str]) -> Path:
    """Return the path of a table of embeddings.

    Raises:
        OutputError: its suffix is none of .parquet, .csv, .jsonl.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise OutputError(f"--out {path}: the name must end in .parquet, .csv or .jsonl")
    return Path(path)


def read(path: str | os.PathLike[str]) -> Embeddings:
    """Read a table of embeddings.

    Raises:
        InputError: it cannot be read, or is no table that `kaoiro embed` wrote.
    """
    table = read_table(path)
    names = [name for name in table.columns if name.startswith("z_")]
    lacking = [name for name in (*PLACES, MODEL) if name not in table]
    models = [] if lacking else table[MODEL].unique().tolist()
    if lacking or not names or names != code_columns(len(names)):
        raise InputError(
            f"{path} is not a table that kaoiro embed wrote: it lacks {', '.join([*lacking, *_gap(names)])}"
        )
    if len(models) > 1:
        raise InputError(f"{path} has codes of several models ({', '.join(map(str, models))}), which do not compare")
    codes = table[names].to_numpy(np.float32)
    if not np.isfinite(codes).all():
        raise InputError(f"{path} has empty codes")
    places = [_place(*row) for row in table[list(PLACES)].astype(object).itertuples(index=False, name=None)]
    return Embeddings(places, Codes(np.empty((len(codes), 0), np.float32), codes), str(models[0]) if models else "")


def _gap(names: Sequence[str]) -> list[str]:
    return [name for name in code_columns(max(1, len(names))) if name not in names]


def _place(source: Any, frame: Any, time_s: Any, track: Any, score: Any, *box: Any) -> Place:
    def known(value: Any) -> bool:
        return value is not None and value == value

    return Place(
        str(source),
        int(frame),
        float(time_s),
        int(track) if known(track) else None,
        float(score) if known(score) else None,
        Box(*map(float, box)),
    )
