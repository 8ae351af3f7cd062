"""Columns of a table of records, batch by batch: Parquet, CSV, JSON lines in bounded memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.inference.tables import SUFFIXES

Batch = dict[str, np.ndarray]
_ROWS = 16_384
_BYTES = 8 << 20  # of a CSV that are parsed at a time


def batches(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Batch]:
    """Yield columns as far as a table has them: texts as objects (None where empty), numbers as float64 (NaN).

    Args:
        path: its suffix is one of `tables.SUFFIXES`.
        texts: columns of text to read; those that the table lacks are not there.
        numbers: columns of numbers, likewise.

    Raises:
        InputError: it cannot be read.
    """
    readers = {".parquet": _parquet, ".csv": _csv, ".jsonl": _lines}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise InputError(f"{path}: records end in {', '.join(SUFFIXES)}")
    try:
        with path.open("rb"):  # Arrow's own message on a missing file is its name
            pass
        yield from readers[suffix](path, tuple(texts), tuple(numbers))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # Arrow raises a dozen unrelated classes
        raise InputError(f"{path}: no table of records that can be read ({' '.join(str(error).split())})") from error


def _parquet(path: Path, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = [name for name in (*texts, *numbers) if name in file.schema_arrow.names]
        for batch in file.iter_batches(_ROWS, columns=there):
            yield _columns(batch, texts)


def _csv(path: Path, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Iterator[Batch]:
    import pyarrow as pa
    from pyarrow import csv

    with path.open(encoding="utf-8", newline="") as file:
        header = {name.strip().strip('"') for name in file.readline().lstrip("\ufeff").split(",")}
    there = [name for name in (*texts, *numbers) if name in header]
    types = dict.fromkeys(texts, pa.string()) | dict.fromkeys(numbers, pa.float64())
    convert = csv.ConvertOptions(column_types=types, include_columns=there, strings_can_be_null=True)
    with csv.open_csv(path, csv.ReadOptions(block_size=_BYTES), convert_options=convert) as reader:
        for batch in reader:
            yield _columns(batch, texts)


def _columns(batch: Any, texts: tuple[str, ...]) -> Batch:
    named = zip(batch.schema.names, batch.columns, strict=True)
    return {name: _texts(column) if name in texts else _numbers(column) for name, column in named}


def _texts(column: Any) -> np.ndarray:
    """Return texts; few differ, so that each of them is made once."""
    return column.dictionary_encode().to_numpy(zero_copy_only=False)


def _numbers(column: Any) -> np.ndarray:
    import pyarrow as pa

    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _lines(path: Path, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Iterator[Batch]:
    with path.open(encoding="utf-8") as file:
        rows = (json.loads(line) for line in file if line.strip())
        while part := list(itertools.islice(rows, _ROWS)):
            if not all(isinstance(row, dict) for row in part):
                raise InputError(f"{path}: no table of records: every line must be an object")
            names = set().union(*part)
            found: Batch = {name: np.array([row.get(name) for row in part], object) for name in texts if name in names}
            for name in numbers:
                if name in names:
                    found[name] = np.array([row.get(name) for row in part], np.float64)  # None becomes NaN
            yield found
