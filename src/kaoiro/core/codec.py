"""Records to and from files: CSV, JSON lines, Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

from kaoiro.core.errors import InputError, OutputError
from kaoiro.core.files import named, replacing, writing
from kaoiro.core.types import COLUMNS, WORD_DIGITS, Record, Value, is_word

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("csv", "parquet", "jsonl")
NAMES = tuple(column.name for column in COLUMNS)
_DIGITS = {column.name: column.digits for column in COLUMNS}
_BATCH = 4096


class RecordWriter(Protocol):
    """Takes rows one by one."""

    def write(self, row: dict[str, Any]) -> None:
        """Write one row."""
        ...


def rounded(name: str, value: Value) -> Value:
    """Return a number with the decimals that text formats keep."""
    digits = WORD_DIGITS if is_word(name) else _DIGITS.get(name)
    return round(value, digits) if digits is not None and isinstance(value, float) else value


class _Text:
    """Base of the writers that go to an open text file."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()


class CsvWriter(_Text):
    """Comma-separated values with a header; an empty cell is a missing value."""

    def __init__(self, file: IO[str], names: Sequence[str] = NAMES) -> None:
        super().__init__(file)
        self._names = names
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(names)

    def write(self, row: dict[str, Any]) -> None:
        """Write one row."""
        self._writer.writerow(["" if row[name] is None else rounded(name, row[name]) for name in self._names])


class JsonLinesWriter(_Text):
    """One JSON object a line; a missing value is null."""

    def __init__(self, file: IO[str], names: Sequence[str] = NAMES) -> None:
        super().__init__(file)
        self._names = names

    def write(self, row: dict[str, Any]) -> None:
        """Write one row."""
        line = {name: rounded(name, row[name]) for name in self._names}
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")


class ParquetWriter:
    """Parquet with typed columns, written in row groups so that memory stays bounded."""

    def __init__(self, path: Path, types: pa.Schema | None = None) -> None:
        self._path, self._types, self._rows = path, types, []
        self._writer: Any = None

    def __enter__(self) -> Self:
        import pyarrow.parquet as pq

        self._types = schema() if self._types is None else self._types
        self._writer = pq.ParquetWriter(self._path, self._types, compression="zstd")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def write(self, row: dict[str, Any]) -> None:
        """Write one row."""
        self._rows.append(row)
        if len(self._rows) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._types))
            self._rows.clear()


class _Named:
    """Passes rows on; where one cannot be written, the error names the file."""

    def __init__(self, writer: RecordWriter, path: str | Path) -> None:
        self._writer, self._path = writer, path

    def write(self, row: dict[str, Any]) -> None:
        """Write one row."""
        with writing(self._path):
            self._writer.write(row)


def schema(words: Sequence[str] = ()) -> pa.Schema:
    """Return the Arrow schema of the records, with columns of words after the others."""
    import pyarrow as pa

    kinds = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    fields = [pa.field(column.name, kinds[column.kind]) for column in COLUMNS]
    return pa.schema([*fields, *(pa.field(name, pa.float64()) for name in words)])


def row_of(record: Record, words: Sequence[str] = ()) -> dict[str, Value]:
    """Return a record's row, with a value (or None) for every column of words, too."""
    return dict.fromkeys(words) | record.row()


def to_arrow(rows: Iterable[dict[str, Value]], words: Sequence[str] = ()) -> pa.Table:
    """Return rows as an Arrow table with the records' schema; rows lack columns of words where nothing is known."""
    import pyarrow as pa

    rows = list(rows)
    columns = {name: [row[name] for row in rows] for name in NAMES}
    columns |= {name: [row.get(name) for row in rows] for name in words}
    return pa.Table.from_pydict(columns, schema=schema(words))


def check_format(name: str) -> str:
    """Return a format's name, or raise OutputError naming the valid ones."""
    if name not in FORMATS:
        raise OutputError(f"format '{name}' is not known; choose one of {', '.join(FORMATS)}")
    return name


def format_of(path: str | Path) -> str:
    """Return the format that a file's suffix means.

    Raises:
        OutputError: the suffix is none of .csv, .parquet, .jsonl.
    """
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise OutputError(f"{path}: the name must end in .csv, .parquet or .jsonl")
    return suffix


@contextmanager
def opened(path: str | Path, names: Sequence[str] = NAMES, types: pa.Schema | None = None) -> Iterator[RecordWriter]:
    """Open a writer for a path; the file appears, complete, when the block ends well.

    Args:
        path: its suffix names the format.
        names: columns, in order; default: those of the records.
        types: of these columns, for Parquet; default: those of the records.

    Raises:
        OutputError: unknown suffix, or the place cannot be written.
    """
    kind = format_of(path)
    with replacing(path) as partial, ExitStack() as stack:
        if kind == "parquet":
            writer: RecordWriter = stack.enter_context(named(path, ParquetWriter(partial, types)))
        else:
            with writing(path):
                text = partial.open("w", encoding="utf-8", newline="")
            file = stack.enter_context(named(path, text))
            writer = stack.enter_context(named(path, text_writer(kind, file, names)))
        yield _Named(writer, path)


def text_writer(kind: str, file: IO[str], names: Sequence[str] = NAMES) -> CsvWriter | JsonLinesWriter:
    """Return a writer of CSV or JSON lines to an open text file."""
    if kind == "parquet":
        raise OutputError("parquet is a binary format; give --out")
    return CsvWriter(file, names) if check_format(kind) == "csv" else JsonLinesWriter(file, names)


@contextmanager
def opened_with(path: str | Path, words: Sequence[str]) -> Iterator[RecordWriter]:
    """Open a writer as `opened` does, for the records' columns and those of words after them."""
    types = schema(words) if words and format_of(path) == "parquet" else None
    with opened(path, (*NAMES, *words), types) as writer:
        yield writer


def write(records: Iterable[Record], path: str | Path, words: Sequence[str] = ()) -> int:
    """Write records to a file whose suffix names the format.

    Args:
        records: in order.
        path: replaced only when complete.
        words: columns of words, written after the others.

    Returns:
        The number of rows.
    """
    count = 0
    with opened_with(path, words) as writer:
        for record in records:
            writer.write(row_of(record, words))
            count += 1
    return count


def read_rows(path: str | Path) -> Iterator[dict[str, Value]]:
    """Yield the rows of a file that kaoiro wrote, with the columns of words that it has, in bounded memory.

    Raises:
        InputError: a column is missing.
    """
    kind = format_of(path)
    if kind == "parquet":
        yield from _read_parquet(Path(path))
        return
    with Path(path).open(encoding="utf-8", newline="") as file:
        if kind == "csv":
            reader = csv.DictReader(file)
            _require(path, reader.fieldnames or ())
            yield from (_typed(row) for row in reader)
        else:
            for line in file:
                row = json.loads(line)
                _require(path, row)
                yield row


def _read_parquet(path: Path) -> Iterator[dict[str, Value]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        _require(path, file.schema_arrow.names)
        for batch in file.iter_batches(_BATCH):
            yield from batch.to_pylist()


def _require(path: str | Path, names: Collection[str]) -> None:
    missing = [name for name in NAMES if name not in names]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}")


def _typed(row: dict[str, str]) -> dict[str, Value]:
    convert = {"text": str, "integer": int, "number": float}
    known = {c.name: convert[c.kind](row[c.name]) if row[c.name] != "" else None for c in COLUMNS}
    return known | {name: float(value) if value != "" else None for name, value in row.items() if is_word(name)}
