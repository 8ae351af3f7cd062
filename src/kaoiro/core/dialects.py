"""Records in the columns of other tools, where the meaning is the same.

`py-feat`: the Fex table of py-feat, a row for each face and, as there, one with empty face columns for a frame
without a face. `fer`: the wide table of fer's `Video.to_pandas`, a row for each frame. Both tools know seven
expressions, so contempt is dropped and the rest renormalised; columns for which kaoiro measures nothing are left out,
not filled. AU01 … AU26, valence and arousal are empty where the model has no head for them.

Fex also has Pitch, Roll and Yaw, the angles of the head in space as a pose network tells them. kaoiro's `roll` is the
tilt of the line through the eyes in the picture, another quantity as soon as a head turns or nods: there is no Roll.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kaoiro.core import codec
from kaoiro.core.errors import OutputError
from kaoiro.core.files import writing
from kaoiro.core.labels import AFFECT, MEASURED_UNITS, unit_number
from kaoiro.core.types import Value, expression_column

if TYPE_CHECKING:
    import pyarrow as pa

DIALECTS = ("kaoiro", "py-feat", "fer")
_SEVEN = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_FER_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_EDGES = ("box_left", "box_top", "box_width", "box_height")
_FEX_BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
_FEX_UNITS = tuple(f"AU{unit_number(unit):02d}" for unit in MEASURED_UNITS.labels)
_FEX = (*_FEX_BOX, "FaceScore", *_FEX_UNITS, *_SEVEN, *AFFECT.labels, "input", "frame", "approx_time")
_KINDS = {"source": "text", "input": "text", "approx_time": "text", "frame": "integer"}  # all others are numbers
_IN_MEMORY = 1 << 20  # bytes of the intermediate table that need no file

Row = dict[str, Value]


def check_dialect(name: str) -> str:
    """Return a dialect's name, or raise OutputError naming the valid ones."""
    if name not in DIALECTS:
        raise OutputError(f"dialect '{name}' is not known; choose one of {', '.join(DIALECTS)}")
    return name


def seven(row: Row) -> list[float | None]:
    """Return the probabilities of the seven expressions, renormalised without contempt."""
    values = [row[expression_column(label)] for label in _SEVEN]
    if any(value is None for value in values):
        return [None] * len(_SEVEN)
    total = sum(float(value) for value in values if value is not None)
    return [float(value or 0) / total if total else 1 / len(_SEVEN) for value in values]


def to_py_feat(row: Row) -> dict[str, Any]:
    """Return a row in py-feat's Fex columns; `approx_time` is minutes:seconds as there.

    Its action units are probabilities too; valence and arousal are called as its Detectorv2 calls them.
    """
    units, affect = ([row[name] for name in labels] for labels in (MEASURED_UNITS.labels, AFFECT.labels))
    values = [*(row[name] for name in _EDGES), row["face_score"], *units, *seven(row), *affect]
    place = (row["source"], row["frame"], _minutes(float(row["time_s"] or 0)))
    return dict(zip(_FEX, (*values, *place), strict=True))


def _minutes(time_s: float) -> str:
    """Return whole minutes and seconds, cut off towards zero."""
    minutes, seconds = divmod(int(abs(time_s)), 60)
    return f"{'-' if time_s <= -1 else ''}{minutes:02d}:{seconds:02d}"


def to_fer(rows: Sequence[Row], width: int) -> dict[str, Any]:
    """Return the rows of one frame as one wide row with the columns box0, angry0, and so on.

    Args:
        rows: of one frame.
        width: number of faces for which there are columns.
    """
    faces = [row for row in rows if row["box_left"] is not None]
    wide: dict[str, Any] = {name: rows[0][name] for name in ("source", "frame", "time_s")}
    for index in range(width):
        row = faces[index] if index < len(faces) else None
        box = None if row is None else [round(float(row[name] or 0)) for name in _EDGES]
        values = [None] * len(_SEVEN) if row is None else seven(row)
        wide |= dict(zip(_fer_names(index), (box, *values), strict=True))
    return wide


def _fer_names(index: int) -> list[str]:
    """Return the columns of one face."""
    return [f"{name}{index}" for name in ("box", *_FER_NAMES)]


def write_dialect(rows: Iterable[Row], path: str | Path, dialect: str) -> int:
    """Write rows in a dialect to .csv, .jsonl or .parquet, in bounded memory.

    Args:
        rows: of the records, in order.
        path: replaced only when complete.
        dialect: 'py-feat' or 'fer'.

    Returns:
        The number of rows written.

    Raises:
        OutputError: unknown dialect or suffix, or the place cannot be written.
    """
    parquet = codec.format_of(path) == "parquet"
    count = 0
    with (
        _translated(rows, check_dialect(dialect)) as (names, table),
        codec.opened(path, names, _schema(names) if parquet else None) as writer,
    ):
        for row in table:
            writer.write(row)
            count += 1
    return count


@contextmanager
def _translated(rows: Iterable[Row], dialect: str) -> Iterator[tuple[Sequence[str], Iterator[dict[str, Any]]]]:
    """Give the columns of a dialect, and its rows.

    The columns of fer depend on the fullest frame, so its frames go through an intermediate file.
    """
    if dialect != "fer":
        yield _FEX, (to_py_feat(row) for row in rows)
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8") as spool:
        width = max(1, _spool(rows, spool))
        names = ["source", "frame", "time_s", *itertools.chain(*map(_fer_names, range(width)))]
        yield names, (to_fer(json.loads(line), width) for line in spool)


def _spool(rows: Iterable[Row], file: IO[str]) -> int:
    """Write the rows of each frame as a line; return the largest number of faces, and go back to the start."""
    most = 0
    for _, group in itertools.groupby(rows, key=lambda row: (row["source"], row["frame"])):
        frame = list(group)
        most = max(most, sum(row["box_left"] is not None for row in frame))
        with writing(tempfile.gettempdir()):
            file.write(json.dumps(frame) + "\n")
    with writing(tempfile.gettempdir()):
        file.seek(0)
    return most


def _schema(names: Sequence[str]) -> pa.Schema:
    """Return the Arrow types of a dialect's columns, which do not depend on the values."""
    import pyarrow as pa

    kinds = {"text": pa.string(), "integer": pa.int64(), "box": pa.list_(pa.int64()), "number": pa.float64()}
    return pa.schema([pa.field(name, kinds[_kind(name)]) for name in names])


def _kind(name: str) -> str:
    return "box" if name.startswith("box") else _KINDS.get(name, "number")
