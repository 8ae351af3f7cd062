"""Recordings from tables of records: of each face only the rows that stand for a sample, in bounded memory."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.plain import printable
from kaoiro.core.types import LANDMARKS, SMOOTHED, changed, expression_column, smoothed
from kaoiro.inference.batches import Batch, batches
from kaoiro.inference.manifest import MANIFEST, read_manifest
from kaoiro.timeline.sampled import MOST, STEP_S, nearest

EXPRESSION_COLUMNS = tuple(map(expression_column, EXPRESSIONS.labels))
SIGNALS = SMOOTHED[len(EXPRESSIONS) :]
"""Valence, arousal and action units: columns that a model may answer beside the expressions."""
_BOX = ("box_left", "box_top", "box_width", "box_height")
LANDMARK_COLUMNS = tuple(f"{name}_{axis}" for name in LANDMARKS for axis in "xy")
_POSE = ("roll", "yaw", "pitch")  # records have no yaw and pitch of their own; tables joined with another tool's may
UNNAMED = "unnamed"
_TEXTS = ("source", "model")
_NUMBERS = ("time_s", "track", *_BOX, *LANDMARK_COLUMNS, *_POSE, "face_size", "sharpness")
_NUMBERS += (*SMOOTHED, *map(smoothed, SMOOTHED), *map(changed, EXPRESSION_COLUMNS))
_NEEDED = ("source", "track", *EXPRESSION_COLUMNS)
_PARTS = 32  # batches that wait until they are thinned together
LONGEST_S = 48 * 3600.0
"""A recording that is longer, at a sample every half second or more often, has a wrong clock or a gap of days."""
_SUM = 0.01  # by which the probabilities of a row may miss 1: rounded columns
_TABLES = (EXPRESSION_COLUMNS, tuple(map(smoothed, EXPRESSION_COLUMNS)))


@dataclass(frozen=True)
class Model:
    """Which model measured, as far as it is known.

    Attributes:
        digest: checksum of its graph.
        name: of a model that ships; empty for others.
        version: of kaoiro that measured; empty if unknown.
    """

    digest: str
    name: str = ""
    version: str = ""


@dataclass(eq=False)
class Recorded:
    """The samples of a recording: for each face and tick one row.

    Attributes:
        source: as its records say.
        file: of the records.
        start_s, end_s: times of the first and the last frame, with or without a face, seconds.
        step_s: between ticks; None where every row is kept.
        columns: (N,) each, by name: times, tracks and measurements of the rows that have a face.
        model: None if nothing says which.
        note: what analysis said of the recording, such as that it broke off.
    """

    source: str
    file: Path
    start_s: float
    end_s: float
    step_s: float | None
    columns: dict[str, np.ndarray] = field(repr=False)
    model: Model | None = None
    note: str = ""

    @property
    def tracks(self) -> np.ndarray:
        """Whose each row is: (N,) int64."""
        return self.columns["track"].astype(np.int64)

    @property
    def name(self) -> str:
        """The file name of the source, without signs that are not seen but act on a terminal."""
        return printable(self.source.replace("\\", "/").rsplit("/", 1)[-1]).strip() or UNNAMED

    def checksum(self) -> str:
        """Return what only the same recording has, whatever its file is called: SHA-256 of its measurements."""
        names = ("time_s", "track", "face_size", "sharpness", *EXPRESSION_COLUMNS)
        table = self.table(names, np.arange(len(self.tracks)))
        return hashlib.sha256(np.ascontiguousarray(table).tobytes()).hexdigest()

    def has(self, column: str) -> bool:
        """Whether a measurement is known of any row."""
        return column in self.columns and bool(np.isfinite(self.columns[column]).any())

    def table(self, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Return measurements of some rows: (n, len(names)); NaN where there are none."""
        unknown = np.full(len(rows), np.nan)
        return np.stack([self.columns[name][rows] if name in self.columns else unknown for name in names], axis=1)


def read_recordings(path: Path, step_s: float | None = STEP_S, whole: bool = False) -> list[Recorded]:
    """Return the recordings that a table of records holds, one for each of its sources that is no photo.

    Args:
        path: .csv, .parquet or .jsonl, as `kaoiro analyze` writes.
        step_s: between samples; None keeps every row.
        whole: refuse a table of which some recording shows no face, instead of leaving that recording out.

    Raises:
        InputError: it cannot be read, is no table of records, has no times, or shows no face; or its rows were
            measured by more than one model, hold no probabilities, or span days (`LONGEST_S`).
    """
    found: dict[str, _Reading] = {}
    count = 0
    for batch in batches(path, _TEXTS, _NUMBERS):
        _check(path, batch)
        _check_sums(path, batch, count)
        count += len(batch["time_s"])
        for source, rows in _by_source(batch):
            found.setdefault(source, _Reading(path, source, step_s)).add(rows)
    if not found:
        raise InputError(f"{path}: holds no records")
    faceless = [name for name, one in found.items() if not one.seen]
    if len(faceless) == len(found) or (whole and faceless):
        of = f" of {faceless[0]}" if len(found) > 1 else ""
        raise InputError(f"{path}: no face in it{of} that was followed over time")
    recorded = [one.finish() for one in found.values() if one.seen]
    entries = _entries(path)
    for one in recorded:
        one.model, one.note = _origin(one, entries.get(one.source), found[one.source].models)
    return recorded


def _check(path: Path, batch: Batch) -> None:
    if "time_s" not in batch:
        raise InputError(f"{path} has no times (column time_s); give records that kaoiro analyze wrote of a video")
    missing = [name for name in _NEEDED if name not in batch]
    if missing:
        raise InputError(f"{path} is no table of records: it lacks the columns {', '.join(missing)}")
    if not np.isfinite(batch["time_s"]).all():
        raise InputError(f"{path}: has rows without a time; give records that kaoiro analyze wrote of a video")


def _check_sums(path: Path, batch: Batch, before: int) -> None:
    """Refuse probabilities that are none; `before` rows of the table precede the batch."""
    for names in _TABLES:
        if not all(name in batch for name in names):
            continue
        table = np.stack([batch[name] for name in names], axis=1)
        known = np.isfinite(table).all(axis=1)
        sums = np.where(known, np.nan_to_num(table).sum(axis=1), 1.0)
        wrong = np.flatnonzero((np.abs(sums - 1) > _SUM) | (known & (np.nan_to_num(table) < 0).any(axis=1)))
        if len(wrong):
            place = int(wrong[0])
            source, row = batch["source"][place], before + place + 1
            raise InputError(
                f"{path}: row {row} ({source}): the probabilities {names[0]} … {names[-1]} must be 0 "
                f"or more and add up to 1, not to {sums[place]:.3g}"
            )


def _by_source(batch: Batch) -> Iterator[tuple[str, Batch]]:
    """Yield the rows of each source; those of a video follow each other."""
    sources = batch["source"].astype(str)
    edges = [0, *(np.flatnonzero(sources[1:] != sources[:-1]) + 1).tolist(), len(sources)]
    for first, last in pairwise(edges):
        if last > first:
            yield str(sources[first]), {name: column[first:last] for name, column in batch.items()}


class _Reading:
    """Takes the rows of one source and keeps those that can stand for a sample."""

    def __init__(self, path: Path, source: str, step_s: float | None) -> None:
        self.path, self.source, self.step_s = path, source, step_s
        self.start_s, self.last_s = math.nan, -math.inf
        self.seen, self.models = False, set[str]()
        self._parts: list[Batch] = []

    def add(self, rows: Batch) -> None:
        """Take the next rows."""
        times = rows["time_s"]
        if times[0] < self.last_s or (np.diff(times) < 0).any():
            raise InputError(
                f"{self.path}: times of {self.source} go back: two recordings under one name, or rows out of order; "
                "give each its own table"
            )
        self.start_s = float(times[0]) if math.isnan(self.start_s) else self.start_s
        self.last_s = float(times[-1])
        self.models |= {str(name) for name in set(rows.get("model", ())) if name is not None and name == name}
        with_face = np.isfinite(rows["track"]) & np.isfinite(rows[EXPRESSION_COLUMNS[0]])
        if with_face.any():
            self.seen = True
            kept = {name: column[with_face] for name, column in rows.items() if name not in _TEXTS}
            self._parts.append(self._thinned(kept))
        if len(self._parts) > _PARTS:
            self._parts = [self._thinned(_joined(self._parts))]

    def _thinned(self, rows: Batch) -> Batch:
        if self.step_s is None:
            return rows
        chosen = nearest(rows["time_s"], rows["track"], self.step_s, self.start_s)
        return {name: column[chosen] for name, column in rows.items()}

    def finish(self) -> Recorded:
        """Return what was kept."""
        self._refuse_days()
        columns = self._thinned(_joined(self._parts))
        return Recorded(self.source, self.path, self.start_s, self.last_s, self.step_s, columns)

    def _refuse_days(self) -> None:
        """Refuse a recording of which a table of samples would be made of nothing but gaps."""
        step_s = STEP_S if self.step_s is None else self.step_s
        most_s = min(LONGEST_S * max(1.0, step_s / STEP_S), MOST * step_s)
        if self.last_s - self.start_s >= most_s:
            hours = (self.last_s - self.start_s) / 3600
            raise InputError(
                f"{self.path}: {self.source} lasts {hours:.4g} hours by its times, from {self.start_s:g} to "
                f"{self.last_s:g} s; at most {most_s / 3600:.4g} are measured with a sample every {step_s:g} s: mend "
                "its times, cut it, or take fewer samples (--every SECONDS)"
            )


def _joined(parts: list[Batch]) -> Batch:
    names = dict.fromkeys(name for part in parts for name in part)
    return {
        name: np.concatenate([part.get(name, np.full(len(part["time_s"]), np.nan)) for part in parts]) for name in names
    }


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    """Return what the manifests of the folders above a table say of its sources."""
    for folder in list(path.resolve().parents)[:4]:
        if (folder / MANIFEST).is_file():
            return {entry["name"]: entry for entry in read_manifest(folder / MANIFEST)}
    return {}


def _origin(one: Recorded, entry: dict[str, Any] | None, models: set[str]) -> tuple[Model | None, str]:
    """Return the model of a recording, from its records or the manifest beside them, and the manifest's note."""
    if len(models) > 1:
        raise InputError(
            f"{one.file}: {one.source} was measured by {len(models)} models ({', '.join(sorted(models))}), whose "
            "scores do not compare; analyze it again with one"
        )
    settings = _settings(entry)
    digest = next(iter(models), None) or settings.get("model")
    note = "" if entry is None else str(entry.get("message") or "")
    if not isinstance(digest, str):
        return None, note
    return Model(digest, shipped_name(digest), str(settings.get("version") or "")), note


def measured_by(path: Path) -> set[str]:
    """Return the checksums of the models that measured a table of records, as the manifests above it say."""
    sources = {str(source) for batch in batches(path, ("source",), ()) for source in set(batch.get("source", ()))}
    entries = (entry for name, entry in _entries(path).items() if name in sources)
    return {str(model) for entry in entries if (model := _settings(entry).get("model"))}


def _settings(entry: dict[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {}
    try:
        settings = json.loads(entry["settings"])
    except (TypeError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


@cache
def shipped_name(digest: str) -> str:
    """Return the name of the model that ships with this checksum; empty if none has it."""
    for name, folder in modelfile.shipped().items():
        text = json.loads((folder / modelfile.DESCRIPTION).read_text(encoding="utf-8"))
        if text.get("files", {}).get(modelfile.GRAPH) == digest:
            return name
    return ""
