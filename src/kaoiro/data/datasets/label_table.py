"""A user's own pictures with one expression each, named by a table.

Source:  yours.
Layout:  TABLE, a CSV (UTF-8, comma) or Parquet file, or a folder with labels.csv or labels.parquet; pictures where
         `path` says, from the table's folder on. A picture may stand in several rows.
Columns: path, label (an expression, in whatever spelling); person and split may be left out. Further columns are kept.
Licence: as your pictures'.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import user_tables

NAMES = ("labels.csv", "labels.parquet")
COLUMNS = ("path", "label")
PERSON, SPLIT = "person", "split"


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Pictures and their labels, in the order of the table.

    Attributes:
        source: the table's file.
        table: as it was read.
        paths: of N pictures.
        labels: (N,) names of `EXPRESSIONS`.
        persons: (N,), empty where unknown.
        splits: (N,), empty where unknown.
    """

    source: Path
    table: pd.DataFrame
    paths: tuple[Path, ...]
    labels: np.ndarray
    persons: np.ndarray
    splits: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


def read(root: str | Path) -> LabelTable:
    """Read the table; pictures are read when they are asked for.

    Raises:
        DataError: no table, columns that are missing, an empty cell, a label outside the vocabulary, or a picture that
            is not there.
    """
    source = user_tables.find(Path(root), NAMES)
    table = user_tables.load(source)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        wanted = f"it needs {', '.join(COLUMNS)}[, {PERSON}][, {SPLIT}]"
        raise DataError(f"{source} lacks the column(s) {', '.join(lacking)}; {wanted}")
    if table.empty:
        raise DataError(f"{source} has no rows")
    paths, _ = (user_tables.texts(source, table, name) for name in COLUMNS)  # no cell is empty
    labels = user_tables.expressions(source, table, COLUMNS[1])
    found = user_tables.pictures(source, paths)
    return LabelTable(source, table, found, labels, user_tables.free(table, PERSON), user_tables.free(table, SPLIT))
