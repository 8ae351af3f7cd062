"""Records of a video as the Emotion API told them: fragments of ticks, events of faces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column, smooth_column
from kaoiro.timeline.ticks import Ticks, Window, nearest_frames, windows

ORDER = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""Order of the keys in answers about videos."""
LEAST_FACE, LARGEST_FACE, MOST_FACES = 24, 2048, 64
MOST_S = 24 * 3600.0
"""What lies later is left out: one wrong time stamp must not make an answer of any length."""
_FRAGMENT_S, _WINDOW_S = 2.0, 0.5
_PLACES = ("time_s", "track", "box_left", "box_top", "box_width", "box_height")


class Faces:
    """The faces of a measured video that the old interface reports, as columns in order of time.

    Args:
        path: Parquet file of records.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        smooth = [smooth_column(label) for label in EXPRESSIONS.labels]
        raw = [expression_column(label) for label in EXPRESSIONS.labels]
        table = pq.read_table(path, columns=[*_PLACES, *smooth, *raw])
        self.end_s = max(table["time_s"].to_pylist(), default=0.0)
        table = table.filter(table["track"].is_valid())
        column = {name: table[name].to_numpy() for name in _PLACES}
        names = smooth if table[smooth[0]].null_count == 0 else raw
        scores = np.stack([table[name].to_numpy() for name in names], axis=1)
        keep = self._reported(column)
        self.times_s, self.track = column["time_s"][keep], column["track"][keep].astype(np.int64)
        self.boxes = np.stack([column[name][keep] for name in _PLACES[2:]], axis=1)
        self.scores = scores[keep][:, EXPRESSIONS.indices(ORDER)]

    @staticmethod
    def _reported(column: dict[str, np.ndarray]) -> np.ndarray:
        sides = (
            np.minimum(column["box_width"], column["box_height"]),
            np.maximum(column["box_width"], column["box_height"]),
        )
        fits = (sides[0] >= LEAST_FACE) & (sides[1] <= LARGEST_FACE)
        first = np.unique(column["track"][fits])[:MOST_FACES]
        return fits & np.isin(column["track"], first)


def result(path: Path, video: dict[str, Any], style: str) -> str:
    """Return the JSON document that a finished operation carries as a string.

    Args:
        path: Parquet file of records.
        video: what the file says of itself: width, height, rate, start_s, duration_s, rotation.
        style: 'aggregate' or 'perFrame'.
    """
    faces, ticks = Faces(path), Ticks.of(video["rate"])
    grid = Grid(ticks, video["start_s"], faces)
    length = ticks.frames(_WINDOW_S) if style == "aggregate" else 1
    events = _aggregate(faces, grid, length) if style == "aggregate" else _per_frame(faces, grid, video)
    interval = length * ticks.frame
    per_fragment = max(1, round(_FRAGMENT_S * ticks.timescale / interval))
    document = {
        "version": 1,
        "timescale": ticks.timescale,
        "offset": 0,
        "framerate": round(ticks.timescale / ticks.frame, 6),
        "width": video["width"],
        "height": video["height"],
        "rotation": 0,
        "facesDetected": [{"faceId": int(track)} for track in np.unique(faces.track)],
        "fragments": list(_fragments(events, interval, per_fragment)),
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


Events = list[list[dict[str, Any]]]


class Grid:
    """The slots of a recording, one for each frame at its usual rate.

    Args:
        ticks: how time is counted.
        start_s: time of the first slot, seconds.
        faces: that were seen.
    """

    def __init__(self, ticks: Ticks, start_s: float, faces: Faces) -> None:
        self.start_s, self.step_s = start_s, ticks.frame / ticks.timescale
        self.slots = ticks.slots(faces.times_s, start_s)
        self.count = int(ticks.slots(np.array([min(faces.end_s, start_s + MOST_S)]), start_s)[0]) + 1


def _aggregate(faces: Faces, grid: Grid, length: int) -> Events:
    """Return for each window of `length` slots what all faces in it show."""
    found = windows(faces.scores, grid.slots, length, -(-grid.count // length))
    return [[] if window is None else [_window(window)] for window in found]


def _window(window: Window) -> dict[str, Any]:
    return {"windowFaceDistribution": _named(window.shares), "windowMeanScores": _named(window.means)}


def _per_frame(faces: Faces, grid: Grid, video: dict[str, Any]) -> Events:
    """Return for each slot the faces of the frame that lies nearest."""
    keep = nearest_frames(faces.times_s, grid.slots, grid.start_s, grid.step_s)
    events: Events = [[] for _ in range(grid.count)]
    relative = _shares(faces.boxes, video["width"], video["height"])
    for row in np.flatnonzero(keep & (grid.slots < grid.count)).tolist():
        place = dict(zip(("x", "y", "width", "height"), np.round(relative[row], 6).tolist(), strict=True))
        events[grid.slots[row]].append({"id": int(faces.track[row]), **place, "scores": _named(faces.scores[row])})
    return events


def _shares(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the parts of boxes (N, 4) that lie in the picture, as shares of its sides."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1) / [width, height, width, height]
    corners = corners.clip(0, 1)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


def _named(values: np.ndarray) -> dict[str, float]:
    return dict(zip(ORDER, np.round(values, 6).tolist(), strict=True))


def _fragments(events: Events, interval: int, per_fragment: int) -> Iterator[dict[str, Any]]:
    """Yield stretches of about two seconds; one without a face says only where it lies."""
    for first in range(0, len(events), per_fragment):
        inside = events[first : first + per_fragment]
        fragment: dict[str, Any] = {"start": first * interval, "duration": len(inside) * interval}
        if any(inside):
            fragment |= {"interval": interval, "events": inside}
        yield fragment
