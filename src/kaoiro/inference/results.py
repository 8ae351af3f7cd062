"""What an Analyzer returns: faces of a photo, a recording, scores of crops."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from kaoiro.core import codec
from kaoiro.core.dialects import check_dialect, write_dialect
from kaoiro.core.types import Record
from kaoiro.faces import draw, photo
from kaoiro.faces.video import Frame, VideoFile, VideoInfo
from kaoiro.inference.plot import figure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from PIL import Image

Measured = Iterator[tuple[Frame | None, list[Record]]]


class _Table:
    """What every result that consists of records can do."""

    def rows(self) -> Iterator[Record]:
        """Yield one record for each face, and one without a face for a frame that has none."""
        raise NotImplementedError

    def to_arrow(self) -> pa.Table:
        """Return the records as an Arrow table."""
        return codec.to_arrow(record.row() for record in self.rows())

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
        if check_dialect(dialect) == "kaoiro":
            return codec.write(self.rows(), path)
        return write_dialect((record.row() for record in self.rows()), path, dialect)


class PhotoResult(_Table, Sequence[Record]):
    """The faces of one picture, largest first; empty if there is none."""

    def __init__(self, records: list[Record], source: photo.Picture) -> None:
        self._all, self._source = records, source
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
        """Return the picture with boxes and expressions drawn; `blur` hides the people."""
        return draw.annotate(photo.read(self._source), self._faces, blur=blur)

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
    """

    def __init__(self, file: VideoFile, measure: Callable[[bool], Measured]) -> None:
        self._file, self._measure = file, measure
        self._kept: list[Record] | None = None

    @property
    def info(self) -> VideoInfo:
        """What the file says of itself: size, rate, duration, rotation."""
        return self._file.info

    def __iter__(self) -> Iterator[Record]:
        return self.rows()

    def rows(self) -> Iterator[Record]:
        """Yield the records in order of frames."""
        if self._kept is not None:
            yield from self._kept
            return
        for _, records in self._measure(False):
            yield from records

    def frames(self) -> Measured:
        """Yield (frame, its records), for those who also need the pixels."""
        return self._measure(True)

    def records(self) -> list[Record]:
        """Return all records and keep them."""
        if self._kept is None:
            self._kept = list(self.rows())
        return self._kept

    def to_arrow(self) -> pa.Table:
        """Return the records as an Arrow table."""
        return codec.to_arrow(record.row() for record in self.records())

    def figure(self) -> Image.Image:
        """Return a picture of the probabilities over time, a panel for each track."""
        return figure(self.records(), self._file.path.name)

    def show(self) -> None:
        """Open the picture of the probabilities over time in the system's viewer."""
        self.figure().show()

    def __repr__(self) -> str:
        info = self.info
        length = "unknown length" if info.duration_s is None else f"{info.duration_s:.1f} s"
        return f"<recording {self._file.name}: {info.width}x{info.height}, {length}>"

    def _repr_html_(self) -> str:
        return draw.html_image(self.figure(), longest=1000) + html_table(self.records())


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
        """Return a DataFrame with a column for each label."""
        import pandas as pd

        return pd.DataFrame(self.probabilities, columns=list(self.labels))

    def __repr__(self) -> str:
        return f"<scores of {len(self)} crops: {', '.join(self.labels)}>"


def html_table(records: list[Record], limit: int = 12) -> str:
    """Return the main columns of the first records as an HTML table."""
    names = ("frame", "time_s", "track", "expression", "confidence", "face_size", "sharpness")
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(getattr(record, name))}</td>" for name in names) + "</tr>"
        for record in records[:limit]
    )
    more = f"<p>{len(records)} rows in all</p>" if len(records) > limit else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else html.escape(str(value))
