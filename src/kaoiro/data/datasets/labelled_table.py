"""A user's own pictures with what FACS coders, annotators of affect or of expressions said of them.

Source:  yours, or a set that cannot be handed on (DISFA, Aff-Wild2, AffectNet, …) brought into this layout.
Layout:  TABLE, a CSV (UTF-8, comma) or Parquet file, or a folder with labels.csv or labels.parquet; pictures where
         `path` says, from the table's folder on.
Columns: path, subject; at least one of valence, arousal (-1 to 1), au_NN (0 or 1, or intensities 0 to 5, such as au_04)
         and expression. Cells may be empty: nothing is known there. Further columns are ignored.
Licence: as your pictures'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kaoiro.core.errors import DataError
from kaoiro.core.labels import ACTION_UNITS, AFFECT
from kaoiro.data.datasets import user_tables

NAMES = ("labels.csv", "labels.parquet")
COLUMNS = ("path", "subject")
EXPRESSION = "expression"
STRONGEST = 5.0
"""Intensity E of FACS, as sets write it."""


@dataclass(frozen=True, eq=False)
class LabelledTable:
    """Pictures and what is known of them, in the order of the table.

    Attributes:
        source: the table's file.
        subjects: (N,) ids.
        paths: of the pictures.
        affect: (N, 2) valence and arousal; NaN where unknown.
        units: intensity, or 0 and 1, of each action unit that has a column: (N,), NaN where unknown.
        expressions: (N,) names of `EXPRESSIONS`, empty where unknown.
    """

    source: Path
    subjects: np.ndarray
    paths: tuple[Path, ...]
    affect: np.ndarray
    units: Mapping[str, np.ndarray]
    expressions: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


def read(root: str | Path) -> LabelledTable:
    """Read the table; pictures are read when they are asked for.

    Raises:
        DataError: no table, columns that are missing or called wrongly, values that cannot be, expressions outside the
            vocabulary, a picture that is not there, or no label at all.
    """
    source = user_tables.find(Path(root), NAMES)
    table = user_tables.load(source)
    _check_columns(source, table)
    paths, subjects = (user_tables.texts(source, table, name) for name in COLUMNS)
    affect = np.stack([_numbers(source, table, name, -1.0, 1.0) for name in AFFECT.labels], axis=1)
    units = {name: _numbers(source, table, name, 0.0, STRONGEST) for name in ACTION_UNITS.labels if name in table}
    expressions = user_tables.expressions(source, table, EXPRESSION)
    known = [~np.isnan(affect).all(axis=1), expressions != "", *(~np.isnan(values) for values in units.values())]
    if not np.any(known):
        raise DataError(f"{source} has no label: fill valence, arousal, au_NN or expression in some row")
    return LabelledTable(source, subjects, user_tables.pictures(source, paths), affect, units, expressions)


def _check_columns(source: Path, table: pd.DataFrame) -> None:
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        wanted = f"it needs {', '.join(COLUMNS)} and some of valence, arousal, au_NN, {EXPRESSION}"
        raise DataError(f"{source} lacks the column(s) {', '.join(lacking)}; {wanted}")
    meant = [str(name) for name in table if re.match(r"au[ _]?\d", str(name), re.IGNORECASE)]
    wrong = [name for name in meant if name not in ACTION_UNITS.labels]
    if wrong:
        valid = ", ".join(ACTION_UNITS.labels)
        raise DataError(f"{source}: no action unit is called {', '.join(wrong)}; valid columns: {valid}")
    if table.empty:
        raise DataError(f"{source} has no rows")


def _numbers(source: Path, table: pd.DataFrame, name: str, low: float, high: float) -> np.ndarray:
    """Return a column as numbers (N,), NaN where a cell is empty or there is no column."""
    if name not in table:
        return np.full(len(table), np.nan)
    empty = np.array([value is None or value != value or not str(value).strip() for value in table[name]], bool)
    found = np.array([user_tables.number(value) for value in table[name]], np.float64)
    wrong = np.flatnonzero(~empty & ~((found >= low) & (found <= high)))
    if len(wrong):
        cell, row = table[name].iloc[int(wrong[0])], user_tables.where(source, int(wrong[0]))
        raise DataError(f"{row}: {name} must be empty or a number from {low:g} to {high:g}, found {cell!r}")
    return found
