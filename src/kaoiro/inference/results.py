"""What an Analyzer returns: faces of a photo, a recording, scores of crops."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from kaoiro.core import codec
from kaoiro.core.dialects import check_dialect, write_dialect
from kaoiro.core.errors import TruncatedVideo, TruncatedVideoWarning
from kaoiro.core.types import Box, Record, expression_column
from kaoiro.faces import draw, photo
from kaoiro.faces.overlay import Overlay
from kaoiro.faces.video import Frame, VideoFile, VideoInfo
from kaoiro.inference.change import Baseline, Rest, changes, estimated
from kaoiro.inference.plot import figure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from PIL import Image


class MeasuredFrame(NamedTuple):
    """One frame of a video and what it shows.

    Attributes:
        frame: the frame, None where nobody asked for pixels.
        records: of its faces, or one without a face.
        others: faces that were found but, being beyond `max_faces`, not measured.
    """

    frame: Frame | None
    records: list[Record]
    others: list[Box]


Measured = Iterator[MeasuredFrame]


class _Table:
    """What every result that consists of records can do."""

    _words: Sequence[str] = ()  # columns of words

    def rows(self) -> Iterator[Record]:
        """Yield one record for each face, and one without a face for a frame that has none."""
        raise NotImplementedError

    def to_arrow(self) -> pa.Table:
        """Return the records as an Arrow table."""
        return codec.to_arrow((record.row() for record in self.rows()), self._words)

    def to_pandas(self) -> pd.DataFrame:
        """Return the records as a pandas DataFrame."""
        return self.to_arrow().to_pandas()

    def write(self, path: str | Path, dialect: str = "kaoiro") -> int:
        """Write the records; the suffix (.csv, .parquet, .jsonl) names the format.

        Args:
            path: replaced only when complete.
            dialect: 'kaoiro', or the columns of another tool: 'py-feat', 'fer'.

        Returns:
            The number of rows.

        Raises:
            OutputError: unknown suffix or dialect, or the place cannot be written.
        """
        return _write(self.rows(), path, dialect, self._words)


def _write(records: Iterator[Record], path: str | Path, dialect: str, words: Sequence[str]) -> int:
    if check_dialect(dialect) == "kaoiro":
        return codec.write(records, path, words)
    return write_dialect((record.row() for record in records), path, dialect)


class PhotoResult(_Table, Sequence[Record]):
    """The faces of one picture, largest first; empty if there is none."""

    def __init__(
        self,
        records: list[Record],
        source: photo.Picture,
        others: Sequence[Box] = (),
        visible_from: Mapping[str, float] | None = None,
        words: Sequence[str] = (),
    ) -> None:
        self._all, self._source, self._others, self._visible_from = records, source, others, visible_from
        self._words = words
        self._faces = [record for record in records if record.has_face]

    def __len__(self) -> int:
        return len(self._faces)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """Return one face, or several."""
        return self._faces[index]

    def rows(self) -> Iterator[Record]:
        """Yield the faces, or one record without a face."""
        return iter(self._all)

    def picture(self, blur: bool = False) -> Image.Image:
        """Return the picture with boxes and expressions drawn, and valence, arousal, action units, words if measured.

        Args:
            blur: hide the people, those beyond `max_faces` too. Who was not found is not hidden: look at the
                picture before you show it.

        Raises:
            InputError: the picture cannot be read any more.
        """
        return Overlay(self._visible_from).annotate(photo.read(self._source), self._faces, blur, self._others)

    def show(self) -> None:
        """Open the annotated picture in the system's viewer."""
        self.picture().show()

    def __repr__(self) -> str:
        faces = ", ".join(f"{face.expression} {face.confidence:.2f}" for face in self._faces[:5])
        more = f", … {len(self) - 5} more" if len(self) > 5 else ""
        return f"<{len(self)} face{'' if len(self) == 1 else 's'}: {faces}{more}>" if self._faces else "<no face>"

    def _repr_html_(self) -> str:
        return draw.html_image(self.picture()) + html_table(self._all)


class Recording(_Table):
    """A video's records, made while they are asked for.

    Iterating streams in bounded memory and decodes anew each time. `to_arrow`, `to_pandas`, `show` and
    the notebook display need all records at once and keep them.

    A video that broke off raises TruncatedVideo after its last record where it is iterated. Tables, figures and
    files hold what was readable, and a TruncatedVideoWarning says what is missing.

    Attributes:
        failure: what is missing of the video, as far as it was read so far; None if nothing is.
        notes: where the baseline is 'auto', which tracks have no resting face, once the records were read.
    """

    def __init__(
        self,
        file: VideoFile,
        measure: Callable[[bool], Measured],
        baseline: Baseline | None = None,
        visible_from: Mapping[str, float] | None = None,
        words: Sequence[str] = (),
    ) -> None:
        self._file, self._measure, self._visible_from, self._words = file, measure, visible_from, words
        self._baseline: Baseline | None = baseline
        self._kept: list[Record] | None = None
        self.failure: str | None = None
        self.notes: list[str] = []

    @property
    def info(self) -> VideoInfo:
        """What the file says of itself: size, rate, duration, rotation."""
        return self._file.info

    def __iter__(self) -> Generator[Record, None, None]:
        return self.rows()

    def rows(self) -> Generator[Record, None, None]:
        """Yield the records in order of frames.

        Raises:
            TruncatedVideo: after the last record, if the video broke off.
        """
        yield from self._readable()
        if self.failure is not None:
            raise TruncatedVideo(self.failure)

    def _readable(self) -> Generator[Record, None, None]:
        """Yield the records up to the end or to where the video broke off, which `failure` then tells."""
        if self._kept is not None:
            yield from self._kept
            return
        self.notes = []
        try:
            yield from changes(_records(self._measure(False)), self._baseline, self.notes)
            self.failure = None
        except TruncatedVideo as error:
            self.failure = str(error)

    def frames(self) -> Generator[tuple[Frame, list[Record]], None, None]:
        """Yield (frame, its records), for those who also need the pixels.

        Raises:
            TruncatedVideo: after the last frame, if the video broke off.
        """
        for frame, records, _ in self._changed():
            assert frame is not None
            yield frame, records

    def pictures(self, blur: bool = False) -> Generator[tuple[Image.Image, list[Record]], None, None]:
        """Yield (annotated picture, its records) frame by frame.

        Args:
            blur: hide the people, those beyond `max_faces` too. Who was not found is not hidden: look at the
                video before you show it.

        Raises:
            TruncatedVideo: after the last frame, if the video broke off.
        """
        overlay = Overlay(self._visible_from)
        for frame, records, others in self._changed():
            assert frame is not None
            faces = [record for record in records if record.has_face]
            yield overlay.annotate(frame.rgb(), faces, blur, others), records

    def _changed(self) -> Measured:
        """Yield frames with their pixels; where the baseline is 'auto', the video is measured once more before."""
        if self._baseline is None:
            yield from self._measure(True)
            return
        rests = self._baseline if isinstance(self._baseline, Rest) else estimated(_records(self._measure(False)))
        for frame in self._measure(True):
            yield frame._replace(records=[rests.applied(record) for record in frame.records])

    def records(self) -> list[Record]:
        """Return all readable records and keep them; warns if the video broke off."""
        records = self._all()
        self._warn()
        return records

    def to_arrow(self) -> pa.Table:
        """Return the readable records as an Arrow table; warns if the video broke off."""
        table = codec.to_arrow((record.row() for record in self._all()), self._words)
        self._warn()
        return table

    def write(self, path: str | Path, dialect: str = "kaoiro") -> int:
        """Write the readable records as `PhotoResult.write` does; warns if the video broke off."""
        count = _write(self._readable(), path, dialect, self._words)
        self._warn()
        return count

    def figure(self) -> Image.Image:
        """Return a picture of the probabilities over time, a panel for each track; warns if the video broke off."""
        return figure(self.records(), self._file.path.name)

    def show(self) -> None:
        """Open the picture of the probabilities over time in the system's viewer."""
        self.figure().show()

    def _all(self) -> list[Record]:
        if self._kept is None:
            self._kept = list(self._readable())
        return self._kept

    def _warn(self) -> None:
        if self.failure is not None:
            warnings.warn(self.failure, TruncatedVideoWarning, stacklevel=3)

    def __repr__(self) -> str:
        info = self.info
        length = "unknown length" if info.duration_s is None else f"{info.duration_s:.1f} s"
        return f"<recording {self._file.name}: {info.width}x{info.height}, {length}>"

    def _repr_html_(self) -> str:
        picture = figure(self._all(), self._file.path.name)
        note = "" if self.failure is None else f"<p>{html.escape(self.failure)}</p>"
        return draw.html_image(picture, longest=1000) + note + html_table(self._all())


def _records(measured: Measured) -> Iterator[Record]:
    for frame in measured:
        yield from frame.records


class Scores:
    """Calibrated expression probabilities of crops.

    Attributes:
        probabilities: (N, K) float64, rows sum to 1; `np.asarray(scores)` gives the same.
        labels: names of the K columns.
        features: (N, C) float32, the network's features.
    """

    def __init__(self, probabilities: np.ndarray, labels: tuple[str, ...], features: np.ndarray) -> None:
        self.probabilities, self.labels, self.features = probabilities, labels, features

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, K)."""
        return self.probabilities.shape

    @property
    def top(self) -> list[str]:
        """The most probable label of each crop."""
        return [self.labels[index] for index in self.probabilities.argmax(axis=1)]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, index: Any) -> Any:
        return self.probabilities[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.probabilities, dtype=dtype, copy=True if copy is None else copy)

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame with a column `expression_<label>` for each label, as records have."""
        import pandas as pd

        return pd.DataFrame(self.probabilities, columns=[expression_column(label) for label in self.labels])

    def __repr__(self) -> str:
        return f"<scores of {len(self)} crops: {', '.join(self.labels)}>"

    def _repr_html_(self) -> str:
        first = zip(self.top[:12], self.probabilities[:12].tolist(), strict=True)
        rows = [(number, top, *values) for number, (top, values) in enumerate(first)]
        return _html(("crop", "top", *self.labels), rows, len(self))


def html_table(records: list[Record], limit: int = 12) -> str:
    """Return the main columns of the first records as an HTML table."""
    names = ("frame", "time_s", "track", "expression", "confidence", "face_size", "sharpness")
    return _html(names, [[getattr(record, name) for name in names] for record in records[:limit]], len(records))


def _html(names: Sequence[str], rows: Sequence[Sequence[Any]], count: int) -> str:
    """Return the first rows of a table of `count` rows."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    more = f"<p>{count} rows in all</p>" if count > len(rows) else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else html.escape(str(value))
