"""What tables of a user's own pictures have in common: where they lie, how they are read, and errors that name the row.

Paths are relative to the table's folder. Rows are counted from 1, without the header. CSV files are UTF-8; commas,
semicolons or tabs part their columns, whichever the header has most of.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, canonical

SEPARATORS = (",", ";", "\t")
NOTHING = ("nan", "NaN", "NAN", "<NA>", "None")
"""How programs write that there is nothing."""


def find(root: Path, names: Sequence[str]) -> Path:
    """Return the table that is meant: the file itself, or one of `names` in the folder.

    Raises:
        DataError: there is none.
    """
    if root.is_file():
        return root
    for name in names:
        if (root / name).is_file():
            return root / name
    raise DataError(f"no table in {root}: name a .csv or .parquet file, or a folder with {' or '.join(names)}")


def load(source: Path) -> pd.DataFrame:
    """Read a table; the cells of a CSV stay texts, and rows at its end in which all cells are empty are left out.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if source.suffix.lower() == ".parquet":
            return pd.read_parquet(source)
        cells = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
        return _ended(pd.read_csv(source, sep=_separator(source), **cells))
    except UnicodeError as error:
        said = "it is not UTF-8; it must be a CSV (UTF-8) or Parquet file: save it as 'CSV UTF-8', as spreadsheets say"
        raise DataError(f"{source} cannot be read: {said}") from error
    except (OSError, ValueError, pd.errors.ParserError, pa.ArrowException) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(f"{source} cannot be read: {reason}; it must be a CSV (UTF-8) or Parquet file") from error


def _separator(source: Path) -> str:
    """Return what parts the columns of the header: the comma, or another sign that occurs more often."""
    with source.open(encoding="utf-8-sig") as file:
        header = re.sub(r'"[^"]*"', "", next((line for line in file if line.strip()), ""))
    return max(SEPARATORS, key=header.count)


def _ended(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the empty rows at its end, which spreadsheets write."""
    filled = np.flatnonzero([any(str(cell).strip() for cell in row) for row in table.itertuples(index=False)])
    return table.iloc[: filled[-1] + 1 if len(filled) else 0]


def spelled(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a table in which columns called one of `names` in other capitals are called as these are."""
    plain = {str(column): str(column).strip().lower() for column in table}
    changed = {column: name for column, name in plain.items() if name in names and name not in table}
    return table.rename(columns=changed)


def where(source: Path, row: int) -> str:
    """Return a row in words, for errors; the first is 0."""
    return f"{source}, row {row + 1}"


def texts(source: Path, table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column as texts (N,).

    Raises:
        DataError: a cell is empty.
    """
    values = np.array(["" if value is None or value != value else str(value).strip() for value in table[name]], str)
    empty = np.flatnonzero(values == "")
    if len(empty):
        raise DataError(f"{where(source, int(empty[0]))}: nothing in the column {name}")
    return values


def number(value: object) -> float:
    """Return the number in a cell, NaN if there is none."""
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def free(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column that may be missing as texts (N,), composed (NFC); empty where nothing is known."""
    given = table[name] if name in table else [""] * len(table)
    found = ["" if value is None or value != value else str(value).strip() for value in given]
    return np.array(["" if text in NOTHING else unicodedata.normalize("NFC", text) for text in found], str)


def pictures(source: Path, names: np.ndarray, folder: Path | None = None) -> tuple[Path, ...]:
    """Return where the pictures are.

    Args:
        source: the table.
        names: (N,) paths as it has them.
        folder: they are relative to; None is the table's own.

    Raises:
        DataError: one is not there.
    """
    beside = source.parent if folder is None else folder
    paths = tuple(beside / name for name in names.tolist())
    for row, path in enumerate(paths):
        if not _is_file(path):
            raise DataError(f"{where(source, row)}: no picture {path}")
    return paths


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False


def expressions(source: Path, table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of labels as names of `EXPRESSIONS` (N,), empty where a cell is, or where there is no column.

    Raises:
        DataError: a label outside the vocabulary.
    """
    given = table[column] if column in table else [""] * len(table)
    names = [canonical(str(value)) if isinstance(value, str) and value.strip() else "" for value in given]
    for row, name in enumerate(names):
        if name and name not in EXPRESSIONS.labels:
            valid = ", ".join(EXPRESSIONS.labels)
            raise DataError(f"{where(source, row)}: the {column} must be empty or one of {valid}; found {name!r}")
    return np.array(names, str)
