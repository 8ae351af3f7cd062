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

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import user_tables

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
    source = user_tables.find(Path(root), NAMES)
    table = user_tables.load(source)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise DataError(f"{source} lacks the column(s) {', '.join(lacking)}; it needs {', '.join(COLUMNS)}[, {LABEL}]")
    if table.empty:
        raise DataError(f"{source} has no rows")
    subjects, clips, paths = (user_tables.texts(source, table, name) for name in ("subject_id", "clip_id", "path"))
    frames = _frames(source, table)
    clips = np.char.add(np.char.add(subjects, "/"), clips)
    _once(source, clips, frames)
    found = user_tables.pictures(source, paths)
    return SubjectTable(source, subjects, clips, frames, found, user_tables.expressions(source, table, LABEL))


def _frames(source: Path, table: pd.DataFrame) -> np.ndarray:
    numbers = np.array([user_tables.number(value) for value in table["frame"]], np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers) | (numbers < 0) | (numbers != np.floor(numbers)))
    if len(wrong):
        found, row = table["frame"].iloc[int(wrong[0])], user_tables.where(source, int(wrong[0]))
        raise DataError(f"{row}: frame must be a whole number, 0 or more, found {found!r}")
    return numbers.astype(np.int64)


def _once(source: Path, clips: np.ndarray, frames: np.ndarray) -> None:
    twice = pd.DataFrame({"clip": clips, "frame": frames}).duplicated().to_numpy(bool)
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise DataError(f"{user_tables.where(source, row)}: {clips[row]}, frame {frames[row]} stands twice")
