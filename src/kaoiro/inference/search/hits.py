"""What a search finds, and the choice of the best ones among many scores."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kaoiro.core.types import Box
from kaoiro.inference.embedding import Place

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    *("rank", "score", "source", "time_s", "frame", "track"),
    *("box_left", "box_top", "box_width", "box_height", "face_size"),
)
"""Columns of a table of hits."""
_WHOLE = ("rank", "frame", "track")
_MORE = 4  # times as many candidates are looked at when too many were of one track
SAME = 0.5
"""Overlap of boxes in one picture from which they are one face."""


def schema() -> pa.Schema:
    """Return the Arrow types of `COLUMNS`."""
    import pyarrow as pa

    kinds = {"source": pa.string(), **dict.fromkeys(_WHOLE, pa.int64())}
    return pa.schema([pa.field(name, kinds.get(name, pa.float64())) for name in COLUMNS])


@dataclass(frozen=True)
class Hit:
    """A face that was found.

    Attributes:
        rank: from 1.
        score: 0-1 where words were searched for, else the cosine, -1 to 1.
        place: which face it is.
        face_size: square root of the box's area, pixels.
    """

    rank: int
    score: float
    place: Place
    face_size: float

    def row(self) -> dict[str, Any]:
        """Return the values of `COLUMNS`."""
        row = {"rank": self.rank, "score": round(self.score, 6), "face_size": round(self.face_size, 2)}
        row |= self.place.row()
        return {name: row[name] for name in COLUMNS}


def hits(
    scores: np.ndarray, n: int, place: Callable[[int], Place], per_track: bool = False, without: Place | None = None
) -> list[Hit]:
    """Return the best faces, best first; equal ones in the order of their rows.

    Of each track at most one face a second is taken, or one at all.

    Args:
        scores: (N,); rows that are not finite are left out.
        n: how many.
        place: tells which face a row is.
        per_track: take one face of each track.
        without: a face that is left out: the one that was searched with.
    """
    chosen: list[tuple[int, Place]] = []
    seen: set[tuple[Any, ...]] = set()
    for row in _ranked(scores, n):
        where = place(row)
        if without is not None and _is(where, without):
            continue
        group = _group(where, row, per_track)
        if group not in seen:
            seen.add(group)
            chosen.append((row, where))
        if len(chosen) == n:
            break
    return [Hit(rank, float(scores[row]), at, at.box.area**0.5) for rank, (row, at) in enumerate(chosen, start=1)]


def _ranked(scores: np.ndarray, n: int) -> Iterator[int]:
    """Yield rows, best first, and sort only as many as are asked for."""
    finite = int(np.isfinite(scores).sum())
    done, count = 0, max(64, _MORE * n)
    while done < finite:
        count = min(count, finite)
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        rows = np.flatnonzero(scores >= least)
        ordered = rows[np.argsort(-scores[rows], kind="stable")]
        yield from map(int, ordered[done:])
        done, count = len(ordered), count * _MORE


def _group(place: Place, row: int, per_track: bool) -> tuple[Any, ...]:
    if place.track is None:
        return (row,)
    return (place.source, place.track) if per_track else (place.source, place.track, math.floor(place.time_s))


def _is(place: Place, query: Place) -> bool:
    return place.track is None and _file(place) == _file(query) and place.box.overlap(query.box) >= SAME


def _file(place: Place) -> Path:
    return Path(os.path.normpath(Path(place.source).absolute()))


def place_of(source: str, row: dict[str, Any]) -> Place:
    """Return the place that a row of a table tells; what is not known is None.

    Args:
        source: its file.
        row: the columns of `COLUMNS`, and 'face_score'.
    """
    track, score = (
        None if row[name] is None or row[name] != row[name] else row[name] for name in ("track", "face_score")
    )
    box = Box(*(float(row[f"box_{name}"]) for name in ("left", "top", "width", "height")))
    frame = row["frame"]
    number = 0 if frame is None or frame != frame else int(frame)
    return Place(source, number, float(row["time_s"]), None if track is None else int(track), score, box)
