"""Results of videos as files and as curves, read in bounded memory."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from kaoiro.core.codec import CsvWriter, JsonLinesWriter, rounded
from kaoiro.core.labels import AFFECT, EXPRESSIONS
from kaoiro.core.types import WORD_ENDINGS, expression_column, is_word, smooth_column, smoothed
from kaoiro.timeline.lanes import Lane, lanes

TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
_BLOCK, _ROWS, _DIGITS = 256 << 10, 1024, 4
_QUIET = ("neutral",)


def file_name(name: str, ending: str) -> str:
    """Return a file name of plain ASCII, whatever the video is called."""
    return re.sub(r"[^A-Za-z0-9._ -]", "_", name, flags=re.ASCII)[:100] + f".{ending}"


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file as it is, and close it."""
    with file:
        while block := file.read(_BLOCK):
            yield block


def stream(file: IO[bytes], format: str) -> Iterator[bytes]:
    """Yield a Parquet file of records in a format of `TYPES`, and close it."""
    if format == "parquet":
        yield from blocks(file)
        return
    import pyarrow.parquet as pq

    with file:
        table = pq.ParquetFile(file)
        batches = (batch.to_pylist() for batch in table.iter_batches(_ROWS))
        yield from _json(batches) if format == "json" else _text(batches, format, table.schema_arrow.names)


def _json(batches: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    first = True
    yield b'{"records":['
    for rows in batches:
        plain = [{name: rounded(name, value) for name, value in row.items()} for row in rows]
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))[1:-1]
        yield (text if first else "," + text).encode()
        first = False
    yield b"]}\n"


def _text(batches: Iterator[list[dict[str, Any]]], format: str, names: Sequence[str]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = (CsvWriter if format == "csv" else JsonLinesWriter)(buffer, names)
    for rows in batches:
        for row in rows:
            writer.write(row)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def timeline(path: Path, points: int) -> dict[str, Any]:
    """Return the curves of a Parquet file of records.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    import pyarrow.parquet as pq

    raw = {label: expression_column(label) for label in EXPRESSIONS.labels}
    smooth = {f"{label} smooth": smooth_column(label) for label in EXPRESSIONS.labels}
    words = [name for name in pq.read_schema(path).names if is_word(name) and not name.endswith(WORD_ENDINGS)]
    beside = (*AFFECT.labels, *words)
    further = [*beside, *map(smoothed, beside)]
    table = pq.read_table(path, columns=["time_s", "track", *raw.values(), *smooth.values(), *further])
    times = table["time_s"].to_numpy()
    table = table.filter(table["track"].is_valid())
    steady = len(table) > 0 and table[smooth_column("anger")].null_count == 0
    names = {**raw, **smooth} if steady else raw
    names |= {label: smoothed(label) if steady else label for label in beside}
    curves = {name: table[column].to_numpy() for name, column in names.items()}
    quiet = [*_QUIET, *(f"{label} smooth" for label in _QUIET), *(raw if steady else ()), *beside]
    found = lanes(table["time_s"].to_numpy(), table["track"].to_numpy(), curves, points, quiet)
    span = (float(times.min()), float(times.max())) if len(times) else (0.0, 0.0)
    tracks = [_track(lane, steady, words) for lane in found]
    said = {"labels": list(EXPRESSIONS.labels), "words": words}
    return {**said, "start_s": span[0], "end_s": span[1], "tracks": tracks}


def _track(lane: Lane, steady: bool, words: Sequence[str]) -> dict[str, Any]:
    peaks = [
        {"label": peak.label.removesuffix(" smooth"), "time_s": round(peak.time_s, 6), "value": round(peak.value, 4)}
        for peak in lane.peaks
    ]
    return {
        "track": lane.track,
        "first_s": float(lane.times_s[0]),
        "last_s": float(lane.times_s[-1]),
        "time_s": np.round(lane.times_s, 4).tolist(),
        "scores": {label: _numbers(lane.curves[label]) for label in EXPRESSIONS.labels},
        "smooth": {label: _numbers(lane.curves[f"{label} smooth"]) for label in EXPRESSIONS.labels} if steady else None,
        "affect": _affect(lane),
        "words": {word: _numbers(lane.curves[word]) for word in words} or None,
        "peaks": peaks,
    }


def _affect(lane: Lane) -> dict[str, list[float | None]] | None:
    """Return valence and arousal over time, None where the model does not answer them."""
    curves = {label: lane.curves[label] for label in AFFECT.labels}
    known = any(np.isfinite(curve).any() for curve in curves.values())
    return {label: _numbers(curve) for label, curve in curves.items()} if known else None


def _numbers(curve: np.ndarray) -> list[float | None]:
    return [None if math.isnan(value) else round(value, _DIGITS) for value in curve.tolist()]
