"""Reads a person's resting face from a photo, a video, a folder of them, or a table of records."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kaoiro.core.errors import InputError, TruncatedVideo
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import CHANGED, Record, expression_column
from kaoiro.inference.change import Rest, values_of
from kaoiro.inference.media import Unusable, discover
from kaoiro.inference.tables import is_table, read_table

if TYPE_CHECKING:
    from kaoiro.inference.analyzer import Analyzer

EVERY_S = 0.2
"""Seconds between the measured frames of a video of rest."""
_NEEDED = tuple(map(expression_column, EXPRESSIONS.labels))


@dataclass(frozen=True)
class _Seen:
    """A face with its measurements, in the order of `CHANGED`."""

    source: str
    frame: int
    track: int | None
    area: float
    values: tuple[float, ...]


def read_rest(analyzer: Analyzer, file: str | os.PathLike[str]) -> Rest:
    """Return the resting face that a file shows: medians over all its frames.

    Of a photo with several faces the largest counts, of a video with several tracks the longest.

    Args:
        analyzer: measures photos and videos; its model should be the one that the rest is compared with.
        file: a photo or video of the person at rest, a folder of them, or a table of records (.csv, .parquet, .jsonl)
            that `kaoiro analyze` wrote.

    Raises:
        InputError: it cannot be read, is no table of records, or shows no face.
    """
    path = Path(file)
    faces = list(_of_table(path) if is_table(path) else _of_media(analyzer, path))
    if not faces:
        raise InputError(f"{path}: no face found; a baseline shows the person's face at rest")
    chosen = list(_one_person(faces))
    tracks = {(one.source, one.track) for one in chosen}
    others = len(faces) - len(chosen)
    kept = "longest track" if any(track is not None for _, track in tracks) else "largest face"
    notes = (f"{path}: the {kept} is the baseline; {others} of {len(faces)} faces were left out",) if others else ()
    return Rest.of(np.array([one.values for one in chosen]), notes)


def _one_person(faces: list[_Seen]) -> Iterator[_Seen]:
    """Yield the faces of the longest track of each video, and the largest of each photo."""
    for _, group in groupby(faces, key=lambda one: one.source):
        seen = list(group)
        tracks = [one.track for one in seen if one.track is not None]
        if tracks:
            longest = max(dict.fromkeys(tracks), key=tracks.count)
            yield from (one for one in seen if one.track == longest)
        else:
            for _, frame in groupby(seen, key=lambda one: one.frame):
                yield max(frame, key=lambda one: one.area)


def _of_media(analyzer: Analyzer, path: Path) -> Iterator[_Seen]:
    from kaoiro.inference.job import measure_records

    for medium in discover([str(path)]):
        if isinstance(medium, Unusable):
            raise InputError(f"{medium.name}: {medium.reason}")
        records: Iterable[Record] = measure_records(analyzer, medium, EVERY_S, "none")
        try:
            for record in records:
                if record.box is not None:
                    place = record.source, record.frame, record.track
                    yield _Seen(*place, record.box.area, values_of(record))
        except TruncatedVideo:
            continue  # what could be read is enough


def _of_table(path: Path) -> Iterator[_Seen]:
    table = read_table(path)
    missing = [name for name in ("source", "frame", *_NEEDED) if name not in table]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}; give a table that kaoiro analyze wrote")
    for row in table.to_dict("records"):
        values = tuple(_number(row.get(name)) for name in CHANGED)
        if not math.isnan(values[0]):
            track = _number(row.get("track"))
            area = _number(row.get("box_width")) * _number(row.get("box_height"))
            place = str(row["source"]), row["frame"], None if math.isnan(track) else int(track)
            yield _Seen(*place, 0.0 if math.isnan(area) else area, values)


def _number(value: Any) -> float:
    """Return a cell as a number, NaN where it holds none."""
    try:
        number = math.nan if value is None else float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan
