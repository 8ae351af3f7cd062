"""An index on disk: parts that are written whole and then renamed, and one small file that says which parts count.

    index.json                 format, model, columns, seconds between samples, names of the parts
    part-000001/embeddings.npy (N, E) float16, each of length 1
    part-000001/scores.npy     (N, S) float32, NaN where the model gave nothing
    part-000001/rows.parquet   a row for each face: source, time_s, frame, track, face_score, box_…, face_size
    part-000001/files.parquet  a row for each file, in the order of its faces: name, size, stamp, rows, note

Of a file that stands in several parts the last one counts; one whose size is -1 was removed. What an interrupted run
left half done is in no list, so nobody reads it, and the next run removes it. One process writes at a time (`holding`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from kaoiro.core import files as written
from kaoiro.core.errors import InputError, OutputError
from kaoiro.core.files import write_text, writing
from kaoiro.core.spec import Strict

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FORMAT, ABOUT = 1, "index.json"
EMBEDDINGS, SCORES, ROWS, FILES = "embeddings.npy", "scores.npy", "rows.parquet", "files.parquet"
CHUNK = 8192
"""Rows that are read at a time, and that a row group of `rows.parquet` has."""
REMOVED = -1
_GROUPS = 64  # row groups that are kept in memory
_NUMBERS = ("time_s", "face_score", "box_left", "box_top", "box_width", "box_height", "face_size")


class About(Strict):
    """The content of index.json.

    Attributes:
        model: name of the model that measured.
        digest: its checksum.
        width: E, numbers of an embedding.
        columns: S names of scores.
        every: seconds between samples of a video.
        parts: folders that count, oldest first.
    """

    format: Literal[1] = FORMAT
    model: str
    digest: str
    width: int = Field(ge=1)
    columns: tuple[str, ...]
    every: float = Field(gt=0)
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """What a part gets.

    Attributes:
        embeddings: (N, E) of length 1.
        scores: (N, S).
        rows: N, with the columns of `rows.parquet`.
        files: with the columns of `files.parquet`; their 'rows' add up to N.
    """

    embeddings: np.ndarray
    scores: np.ndarray
    rows: Sequence[dict[str, Any]]
    files: Sequence[dict[str, Any]]


class Part:
    """A part that is there; arrays are mapped, not read.

    Raises:
        InputError: something is missing, damaged, or of another size than the others.
    """

    def __init__(self, folder: Path, about: About) -> None:
        self.folder = folder
        self._groups: dict[int, pa.Table] = {}
        try:
            self.embeddings: np.ndarray = np.load(folder / EMBEDDINGS, mmap_mode="r", allow_pickle=False)
            self.scores: np.ndarray = np.load(folder / SCORES, mmap_mode="r", allow_pickle=False)
            self.files = _table(folder / FILES).to_pandas()
            self._rows = _opened(folder / ROWS)  # stays open: whoever merges parts takes the file away
            rows = self._rows.metadata.num_rows
        except Exception as error:  # NumPy and Arrow raise a dozen unrelated classes
            raise InputError(damaged(folder.parent, f"{folder.name}: {' '.join(str(error).split())}")) from error
        shapes = (len(self.embeddings), about.width), (len(self.embeddings), len(about.columns))
        kinds = self.embeddings.dtype == np.float16 and self.scores.dtype == np.float32
        fits = (self.embeddings.shape, self.scores.shape) == shapes and kinds
        if not fits or rows != len(self) or int(self.files["rows"].to_numpy().sum()) != rows:
            raise InputError(damaged(folder.parent, f"{folder.name}: its files do not belong together"))

    def __len__(self) -> int:
        return len(self.embeddings)

    def row(self, number: int) -> dict[str, Any]:
        """Return a row of `rows.parquet`."""
        group = number // CHUNK
        if group not in self._groups:
            while len(self._groups) >= _GROUPS:
                self._groups.pop(next(iter(self._groups)))
            self._groups[group] = self._rows.read_row_group(group)
        return self._groups[group].slice(number % CHUNK, 1).to_pylist()[0]


def damaged(place: Path, why: str) -> str:
    """Return what to say of an index that cannot be used; `place` is its whole folder, for no part is made again."""
    return f"{place}: no index that can be read ({why}); remove the folder, and it is made again"


def read_about(folder: Path) -> About:
    """Read index.json.

    Raises:
        InputError: not there, not readable, or of another format.
    """
    file = folder / ABOUT
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("format") != FORMAT:
            raise InputError(damaged(folder, f"its format is {content.get('format')}, not {FORMAT}"))
        return About.model_validate(content)
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no index, there is no {ABOUT}; 'kaoiro search QUERY FOLDER' makes one") from error
    except (OSError, ValueError, ValidationError) as error:
        raise InputError(damaged(folder, f"{ABOUT}: {str(error).splitlines()[0]}")) from error


def opened(folder: Path) -> tuple[About, list[Part]]:
    """Open an index and its parts; once more if another process has put parts together meanwhile.

    Raises:
        InputError: no index, or one that is damaged.
    """
    while True:
        about = read_about(folder)
        try:
            return about, [Part(folder / name, about) for name in about.parts]
        except InputError:
            if read_about(folder).parts == about.parts:
                raise


def write_about(folder: Path, about: About) -> None:
    """Write index.json at once.

    Raises:
        OutputError: the place cannot be written.
    """
    write_text(folder / ABOUT, json.dumps(about.model_dump(mode="json"), indent=1, ensure_ascii=False))


def append(folder: Path, about: About, content: Content) -> About:
    """Add a part; it counts when this returns, and not at all before.

    Raises:
        OutputError: the place cannot be written, or another process changed the index meanwhile.
    """
    name = _write(folder, about, content)
    return _committed(folder, about, (*about.parts, name), about.parts)


def _committed(folder: Path, about: About, parts: tuple[str, ...], before: tuple[str, ...]) -> About:
    if (folder / ABOUT).exists() and read_about(folder).parts != before:
        raise OutputError(f"{folder}: another process writes this index; run again when it is done")
    found = about.model_copy(update={"parts": parts})
    write_about(folder, found)
    return found


def _write(folder: Path, about: About, content: Content) -> str:
    """Write a part under a temporary name, then give it its own; returns that."""
    name, partial = _fresh(folder)
    with writing(folder):
        np.save(partial / EMBEDDINGS, np.asarray(content.embeddings, np.float16).reshape(-1, about.width))
        np.save(partial / SCORES, np.asarray(content.scores, np.float32).reshape(-1, len(about.columns)))
        _save(partial / ROWS, content.rows, rows_schema())
        _save(partial / FILES, content.files, files_schema())
        partial.rename(folder / name)
    return name


def _fresh(folder: Path) -> tuple[str, Path]:
    """Return the name of the next part and an empty temporary folder for it."""
    taken = [int(place.name[5:]) for place in folder.glob("part-*") if place.name[5:].isdigit()]
    name = f"part-{max(taken, default=0) + 1:06d}"
    partial = folder / f".{name}.part{os.getpid()}"
    with writing(folder):
        partial.mkdir(parents=True)
    return name, partial


def merged(folder: Path, about: About, parts: Sequence[Part], keep: Sequence[np.ndarray]) -> About:
    """Write what counts of several parts as one part, in bounded memory, and remove the others.

    Args:
        folder: of the index.
        about: it.
        parts: all of it.
        keep: for each part which of its files count, bool.

    Raises:
        OutputError: the place cannot be written.
    """
    name, partial = _fresh(folder)
    masks = [np.repeat(which, part.files["rows"].to_numpy()) for part, which in zip(parts, keep, strict=True)]
    with writing(folder):
        for file, width, kind in ((EMBEDDINGS, about.width, np.float16), (SCORES, len(about.columns), np.float32)):
            _merge_arrays(partial / file, [_array(part, file) for part in parts], masks, (width, kind))
        _merge_rows(partial / ROWS, parts, masks)
        kept = [part.files[which] for part, which in zip(parts, keep, strict=True)]
        _save(partial / FILES, [row for table in kept for row in table.to_dict("records")], files_schema())
        partial.rename(folder / name)
    found = _committed(folder, about, (name,), about.parts)
    sweep(folder, found)
    return found


def _array(part: Part, file: str) -> np.ndarray:
    return part.embeddings if file == EMBEDDINGS else part.scores


def _merge_arrays(
    path: Path, arrays: Sequence[np.ndarray], masks: Sequence[np.ndarray], shape: tuple[int, Any]
) -> None:
    """Write the rows that count, chunk by chunk."""
    width, kind = shape
    header = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": (int(sum(map(np.sum, masks))), width)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for array, mask in zip(arrays, masks, strict=True):
            for start in range(0, len(array), CHUNK):
                file.write(array[start : start + CHUNK][mask[start : start + CHUNK]].tobytes())


def _merge_rows(path: Path, parts: Sequence[Part], masks: Sequence[np.ndarray]) -> None:
    """Write the rows of tables that count, in row groups of exactly `CHUNK`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    waiting = rows_schema().empty_table()
    with pq.ParquetWriter(path, rows_schema()) as writer:
        for part, mask in zip(parts, masks, strict=True):
            with pq.ParquetFile(part.folder / ROWS) as file:
                for number, batch in enumerate(file.iter_batches(CHUNK)):
                    which = pa.array(mask[number * CHUNK : number * CHUNK + len(batch)])
                    waiting = pa.concat_tables([waiting, pa.table(batch).filter(which)])
                    while len(waiting) >= CHUNK:
                        writer.write_table(waiting.slice(0, CHUNK))
                        waiting = waiting.slice(CHUNK)
        if len(waiting):
            writer.write_table(waiting)


def sweep(folder: Path, about: About) -> None:
    """Remove parts that do not count, and what interrupted runs left."""
    for place in [*folder.glob("part-*"), *folder.glob(".part-*.part*")]:
        if place.is_dir() and place.name not in about.parts:
            shutil.rmtree(place, ignore_errors=True)  # in use on Windows: the next run removes it
    written.sweep(folder)


def chunks(length: int) -> Iterator[slice]:
    """Yield slices of `CHUNK` rows."""
    yield from (slice(start, min(start + CHUNK, length)) for start in range(0, length, CHUNK))


def files_of(parts: Sequence[Part]) -> Any:
    """Return the files of all parts that count, a DataFrame with the columns of `files.parquet` and 'part'."""
    import pandas as pd

    tables = [part.files.assign(part=number) for number, part in enumerate(parts)]
    if not tables:
        return files_schema().empty_table().to_pandas().assign(part=pd.Series(dtype="int64"))
    found = pd.concat(tables)
    found = found if len(tables) == 1 else found[~found["name"].duplicated(keep="last")]
    return found[found["size"] != REMOVED]


def rows_schema() -> pa.Schema:
    """Return the columns of `rows.parquet`."""
    import pyarrow as pa

    kinds = [pa.field("source", pa.string()), pa.field("frame", pa.int64()), pa.field("track", pa.int64())]
    return pa.schema([*kinds, *(pa.field(name, pa.float64()) for name in _NUMBERS)])


def files_schema() -> pa.Schema:
    """Return the columns of `files.parquet`."""
    import pyarrow as pa

    whole = (pa.field(name, pa.int64()) for name in ("size", "stamp", "rows"))
    return pa.schema([pa.field("name", pa.string()), *whole, pa.field("note", pa.string())])


def _save(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, row_group_size=CHUNK)


def _table(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(path, schema=files_schema())


def _opened(path: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    if not file.schema_arrow.equals(rows_schema()):
        raise ValueError(f"{ROWS} has other columns")
    return file
