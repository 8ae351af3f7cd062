"""Shards: many small pictures in one tar file, and beside each the rows that tell what its pictures show.

Layout:   SET/shard-00000.tar       ustar, not compressed; members SUBJECT/CLIP/FRAME.jpg
          SET/shard-00000.parquet   one row for each member, in the same order; written last
The same pictures give the same bytes: members carry no times and no owners.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from kaoiro.core.errors import OutputError
from kaoiro.core.files import named, replacing, writing
from kaoiro.core.labels import ACTION_UNITS
from kaoiro.core.rendered import FLAGS, LATER, MEASURES, POINTS, SIDES, TEXTS
from kaoiro.synthesis.person import MODES, Looks, Person

Colour = tuple[float, float, float]
Content = TypeVar("Content")
_BYTES = b"kaoiro.bytes"


@dataclass(frozen=True)
class Drawn(Generic[Content]):
    """Pictures on their way into a file.

    Attributes:
        contents: JPEG files, or pixels (H, W, 3) uint8.
        rows: one for each, under `truth()`.
    """

    contents: Sequence[Content]
    rows: pa.Table


@cache
def truth() -> pa.Schema:
    """Return the columns that tell what a picture shows; where it lies comes before them."""
    fields = [pa.field(name, pa.string()) for name in TEXTS]
    fields.insert(2, pa.field("frame", pa.int32()))
    fields.insert(3, pa.field("time_s", pa.float64()))
    fields += [pa.field(name, pa.float32()) for name in (*MEASURES, *LATER)]
    fields += [pa.field(name, pa.list_(pa.float32(), len(ACTION_UNITS))) for name in SIDES]
    fields += [
        pa.field("landmarks", pa.list_(pa.float32(), 2 * POINTS)),
        pa.field("visible", pa.list_(pa.bool_(), POINTS)),
    ]
    return pa.schema([*fields, pa.field("split", pa.string()), *(pa.field(name, pa.bool_()) for name in FLAGS)])


def rows(entries: Sequence[Mapping[str, object]]) -> pa.Table:
    """Return rows as a table under `truth()`."""
    return pa.Table.from_pylist([dict(entry) for entry in entries], truth())


def people(persons: Sequence[Person]) -> pa.Table:
    """Return who is drawn, one row each: subject, shape, and all that `Looks` holds."""
    kinds = {float: pa.float32(), int: pa.int64(), str: pa.string(), Colour: pa.list_(pa.float32(), 3)}
    fields = [pa.field(name, kinds[kind]) for name, kind in get_type_hints(Looks).items()]
    schema = pa.schema([pa.field("subject", pa.string()), pa.field("shape", pa.list_(pa.float32(), MODES)), *fields])
    entries = [{"subject": one.subject, "shape": one.shape.tolist(), **vars(one.looks)} for one in persons]
    return pa.Table.from_pylist(entries, schema)


def rows_path(path: Path) -> Path:
    """Return where the rows of a shard or a video lie."""
    return path.with_suffix(".parquet")


def write(path: Path, drawn: Iterable[Drawn[bytes]]) -> None:
    """Write a shard, then its rows, each atomically.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    with replacing(path) as partial:
        with writing(path):
            opened = tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - `named` closes it
        with named(path, opened) as archive:
            tables = [_append(archive, path, batch) for batch in drawn]
    finish(path, tables)


def finish(path: Path, tables: Sequence[pa.Table]) -> None:
    """Write the rows of a shard or video that is complete.

    Raises:
        OutputError: the place cannot be written.
    """
    table = pa.concat_tables(tables)
    write_table(rows_path(path), table.replace_schema_metadata({_BYTES: str(path.stat().st_size).encode()}))


def read_rows(path: Path) -> pa.Table:
    """Return the rows of a shard or video that is complete.

    Raises:
        OutputError: they cannot be read.
    """
    try:
        return pq.read_table(rows_path(path)).replace_schema_metadata()
    except (OSError, pa.ArrowException) as error:
        raise OutputError(f"{rows_path(path)} cannot be read: {' '.join(str(error).split())}; start again") from error


def finished(path: Path) -> bool:
    """Whether a shard or video is complete: its rows are there and say how long it is."""
    try:
        size = int((pq.read_schema(rows_path(path)).metadata or {})[_BYTES])
        return path.stat().st_size == size
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return False


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table atomically.

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path):
        pq.write_table(table, partial)


def sha256(paths: Iterable[Path]) -> str:
    """Return one SHA-256 over the bytes of several files, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _append(archive: tarfile.TarFile, path: Path, batch: Drawn[bytes]) -> pa.Table:
    """Add pictures to a shard; returns their rows with the place of each."""
    columns = (batch.rows[name].to_pylist() for name in ("subject", "clip", "frame"))
    names = (f"{subject}/{clip}/{frame:05d}.jpg" for subject, clip, frame in zip(*columns, strict=True))
    with writing(path):
        offsets = [_add(archive, name, content) for name, content in zip(names, batch.contents, strict=True)]
    lengths = [len(content) for content in batch.contents]
    table = batch.rows.add_column(0, "length", pa.array(lengths, pa.int64()))
    table = table.add_column(0, "offset", pa.array(offsets, pa.int64()))
    return table.add_column(0, "shard", pa.array([path.name] * len(offsets), pa.string()))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> int:
    """Add one picture; returns where its bytes begin."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    begin = archive.offset + tarfile.BLOCKSIZE  # a ustar header takes one block
    archive.addfile(entry, io.BytesIO(content))
    return begin
