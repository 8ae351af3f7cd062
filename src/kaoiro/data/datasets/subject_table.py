"""A user's own pictures of known people, named by a table.

Source:  yours.
Layout:  TABLE, a CSV (UTF-8, comma) or Parquet file, or a folder with subjects.csv or subjects.parquet; pictures where
         `path` says, from the table's folder on.
Columns: subject_id, clip_id, frame (whole number, 0 or more), path; label (an expression) may be left out or empty.
         Further columns are ignored.
Licence: as your pictures'.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, canonical

NAMES = ("subjects.csv", "subjects.parquet")
COLUMNS = ("subject_id", "clip_id", "frame", "path")
LABEL = "label"


@dataclass(frozen=True, eq=False)
class SubjectTable:
    """Pictures and who is seen in them, in the order of the table.

    Attributes:
        source: the table's file.
        subjects: (N,) ids.
        clips: (N,) 'subject/clip', which no other clip is called.
        frames: (N,) int64.
        paths: of the pictures.
        labels: (N,) names of `EXPRESSIONS`, empty where unknown.
    """

    source: Path
    subjects: np.ndarray
    clips: np.ndarray
    frames: np.ndarray
    paths: tuple[Path, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


def read(root: str | Path) -> SubjectTable:
    """Read the table; pictures are read when they are asked for.

    Raises:
        DataError: no table, columns that are missing, values that cannot be, labels outside the vocabulary, a frame
            that stands twice, or a picture that is not there.
    """
    source = _file(Path(root))
    table = _table(source)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise DataError(f"{source} lacks the column(s) {', '.join(lacking)}; it needs {', '.join(COLUMNS)}[, {LABEL}]")
    if table.empty:
        raise DataError(f"{source} has no rows")
    subjects, clips, paths = (_texts(source, table, name) for name in ("subject_id", "clip_id", "path"))
    frames = _frames(source, table)
    clips = np.char.add(np.char.add(subjects, "/"), clips)
    _once(source, clips, frames)
    return SubjectTable(source, subjects, clips, frames, _found(source, paths), _labels(source, table))


def _file(root: Path) -> Path:
    if root.is_file():
        return root
    for name in NAMES:
        if (root / name).is_file():
            return root / name
    raise DataError(f"no table in {root}: name a .csv or .parquet file, or a folder with {' or '.join(NAMES)}")


def _table(source: Path) -> pd.DataFrame:
    try:
        if source.suffix == ".parquet":
            return pd.read_parquet(source)
        return pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, pd.errors.ParserError, pa.ArrowException) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(f"{source} cannot be read: {reason}; it must be a CSV (UTF-8) or Parquet file") from error


def _where(source: Path, row: int) -> str:
    return f"{source}, row {row + 1}"


def _texts(source: Path, table: pd.DataFrame, name: str) -> np.ndarray:
    values = np.array(["" if value is None or value != value else str(value).strip() for value in table[name]], str)
    empty = np.flatnonzero(values == "")
    if len(empty):
        raise DataError(f"{_where(source, int(empty[0]))}: nothing in the column {name}")
    return values


def _frames(source: Path, table: pd.DataFrame) -> np.ndarray:
    numbers = np.array([_number(value) for value in table["frame"]], np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers) | (numbers < 0) | (numbers != np.floor(numbers)))
    if len(wrong):
        found = table["frame"].iloc[int(wrong[0])]
        raise DataError(f"{_where(source, int(wrong[0]))}: frame must be a whole number, 0 or more, found {found!r}")
    return numbers.astype(np.int64)


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def _once(source: Path, clips: np.ndarray, frames: np.ndarray) -> None:
    twice = pd.DataFrame({"clip": clips, "frame": frames}).duplicated().to_numpy(bool)
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise DataError(f"{_where(source, row)}: {clips[row]}, frame {frames[row]} stands twice")


def _found(source: Path, names: np.ndarray) -> tuple[Path, ...]:
    paths = tuple(source.parent / name for name in names.tolist())
    for row, path in enumerate(paths):
        if not _is_file(path):
            raise DataError(f"{_where(source, row)}: no picture {path}")
    return paths


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False


def _labels(source: Path, table: pd.DataFrame) -> np.ndarray:
    given = table[LABEL] if LABEL in table else [""] * len(table)
    names = [canonical(str(value)) if isinstance(value, str) and value.strip() else "" for value in given]
    for row, name in enumerate(names):
        if name and name not in EXPRESSIONS.labels:
            valid = ", ".join(EXPRESSIONS.labels)
            raise DataError(f"{_where(source, row)}: the label must be empty or one of {valid}; found {name!r}")
    return np.array(names, str)
