"""Tables of noise floors: what a face that does nothing makes recordings differ by, for a model, a level and a length.

One such table ships with the package; `kaoiro calibrate-floor` writes others.

Format:   {"format": 2, "model": {"name", "digest"}, "source": {...}, "levels": {LEVEL: {"people", "sessions",
          "columns": {COLUMN: [{"minutes", "floor", "estimate", "low", "sd", "rare", "rest_low", "rest_high",
          "excess"}, ...]}}}}
LEVEL is 'low', 'medium' or 'high' of the rendered world, or 'own'. COLUMN is a column of records (`expression_anger`,
`valence`, `au_04`): probabilities and intensities 0-1, valence and arousal -1 to 1; floors are in the same units, and
null where they are unknown.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from kaoiro.core.checks import positive, require
from kaoiro.core.errors import InputError
from kaoiro.core.files import write_text
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.spec import Strict
from kaoiro.inference.recording import EXPRESSION_COLUMNS, SIGNALS, Recorded, shipped_name
from kaoiro.timeline.floors import MINUTES, Floor, Session, floors
from kaoiro.timeline.sampled import STEP_S, sampled

FORMAT = 2
SHIPPED = "floor.json"
"""In the package's assets."""
OWN = "own"
"""Level of floors that come from a user's own recordings."""
USUAL = "medium"
"""Level that is taken if none is asked for: handheld cameras and ordinary rooms."""
_LEAST_S = 10.0  # of a neutral stretch


class _Row(Strict):
    """A length in a file; see `Floor`."""

    minutes: float = Field(gt=0)
    floor: float = Field(ge=0)
    estimate: float | None
    low: float | None
    sd: float = Field(ge=0)
    rare: float = Field(ge=0)
    rest_low: float | None
    rest_high: float | None
    excess: float | None


class _Level(Strict):
    """A level in a file."""

    people: int
    sessions: int
    columns: dict[str, Annotated[list[_Row], Field(min_length=1)]]


class _Model(Strict):
    """The model in a file."""

    name: str
    digest: str


class _File(Strict):
    """A file of noise floors."""

    format: Literal[2]
    model: _Model
    source: dict[str, Any]
    levels: Annotated[dict[str, _Level], Field(min_length=1)]


@dataclass(frozen=True)
class Level:
    """The floors of one level.

    Attributes:
        people: who had two sessions or more.
        sessions: of all of them.
        columns: by name, by length.
    """

    people: int
    sessions: int
    columns: Mapping[str, list[Floor]] = field(repr=False)


class Floors(NamedTuple):
    """Floors of several columns, (L,) each, as `timeline.changes` takes them.

    Attributes:
        floor: for verdicts.
        sd: as `noise_sd`.
        rare: together with `floor` as `null`.
    """

    floor: np.ndarray
    sd: np.ndarray
    rare: np.ndarray


@dataclass(frozen=True)
class FloorTable:
    """Noise floors of one model.

    Attributes:
        name: of the model.
        digest: checksum of its graph.
        levels: by name.
        source: what the floors were measured on.
    """

    name: str
    digest: str
    levels: Mapping[str, Level]
    source: Mapping[str, Any] = field(default_factory=dict)

    def floor(self, column: str, minutes: float, level: str = USUAL) -> Floor:
        """Return the floor of a column for recordings of a length.

        Between two lengths of the table it is interpolated over the logarithm of the length; beyond the longest it is
        that of the longest, for light and camera do not average out; below the shortest it grows as 1 / √length.

        Raises:
            InputError: no such level or column, or an impossible length.
        """
        positive("length of a recording", minutes, "minutes")
        require(level in self.levels, "level of the noise floor", f"one of {', '.join(self.levels)}", level)
        columns = self.levels[level].columns
        require(column in columns, "column of the noise floor", f"one of {', '.join(columns)}", column)
        return _between(columns[column], minutes)

    def floors(self, columns: Sequence[str], minutes: float, level: str = USUAL) -> Floors:
        """Return the floors of several columns; NaN where a column is unknown.

        Raises:
            InputError: no such level, or an impossible length.
        """
        require(level in self.levels, "level of the noise floor", f"one of {', '.join(self.levels)}", level)
        known = self.levels[level].columns
        found = [self.floor(name, minutes, level) if name in known else None for name in columns]
        rows = [(math.nan,) * 3 if one is None else (one.floor, one.sd, one.rare) for one in found]
        return Floors(*np.array(rows).reshape(-1, 3).T)

    def rest(self, columns: Sequence[str], minutes: float, level: str = USUAL) -> tuple[np.ndarray, np.ndarray]:
        """Return the range in which recordings of a face that does nothing lie: (L,) lower and upper ends, or NaN.

        Raises:
            InputError: no such level, or an impossible length.
        """
        require(level in self.levels, "level of the noise floor", f"one of {', '.join(self.levels)}", level)
        known = self.levels[level].columns
        found = [self.floor(name, minutes, level) if name in known else None for name in columns]
        rows = [(math.nan, math.nan) if one is None else (one.rest_low, one.rest_high) for one in found]
        low, high = np.array(rows).reshape(-1, 2).T
        return low, high

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table.

        Raises:
            OutputError: it cannot be written.
        """
        content = {
            "format": FORMAT,
            "model": {"name": self.name, "digest": self.digest},
            "source": dict(self.source),
            "levels": {name: _written(level) for name, level in self.levels.items()},
        }
        write_text(Path(path), json.dumps(content, ensure_ascii=False) + "\n")


def load(path: str | os.PathLike[str] | None = None, model: ModelFolder | str | None = None) -> FloorTable:
    """Return a table of noise floors.

    Args:
        path: file that `kaoiro calibrate-floor` wrote; None is the one that ships.
        model: that the recordings were measured with, or its digest; None checks nothing.

    Raises:
        InputError: the file cannot be read, is no table of floors, or is one of another model.
    """
    name = "the noise floor that ships" if path is None else str(path)
    try:
        text = (_shipped() if path is None else Path(path)).read_text(encoding="utf-8")
        table = _read(text)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{name}: no table of noise floors; make one by `kaoiro calibrate-floor`") from error
    digest = model.digest if isinstance(model, ModelFolder) else model
    if digest is not None and digest != table.digest:
        raise InputError(
            f"{name}: measured with another model ({table.name}, {table.digest[:12]}) than these recordings "
            f"({digest[:12]}); measure its floor by `kaoiro calibrate-floor`"
        )
    return table


def of_recordings(recorded: Sequence[Recorded], minutes: Sequence[float] = MINUTES, seed: int = 0) -> FloorTable:
    """Return the floors that a person's own neutral stretches tell, as level 'own'.

    Of each recording, the face that is seen longest counts.

    Args:
        recorded: two or more of one person, measured by one model.
        minutes: lengths of the recordings that the floor is asked for.
        seed: of blocks.

    Raises:
        InputError: fewer than two recordings, several models, or a stretch that is too short.
    """
    if len(recorded) < 2:
        raise InputError("a noise floor needs two or more neutral recordings of the person, not one")
    digests = {"" if one.model is None else one.model.digest for one in recorded}
    if len(digests) > 1 or not min(digests):
        raise InputError(
            f"own recordings must be measured by one model that is known, not {len(digests - {''})} "
            "(records carry it where `kaoiro analyze` wrote them into a folder)"
        )
    _refuse_copies(recorded)
    columns = _columns(recorded)
    sessions = [Session("own", _stretch(one, columns)) for one in recorded]
    found = floors(sessions, columns, minutes, seed)
    digest = min(digests)
    source = {"recordings": [one.name for one in recorded], "seed": seed}
    return FloorTable(shipped_name(digest) or digest[:12], digest, {OWN: Level(1, len(sessions), found)}, source)


def _refuse_copies(recorded: Sequence[Recorded]) -> None:
    seen: dict[str, Recorded] = {}
    for one in recorded:
        other = seen.setdefault(one.checksum(), one)
        if other is not one:
            raise InputError(
                f"{one.file}: {one.name} is the same recording as {other.name} in {other.file}; it counts once"
            )


def _columns(recorded: Sequence[Recorded]) -> list[str]:
    return [name for name in (*EXPRESSION_COLUMNS, *SIGNALS) if all(one.has(name) for one in recorded)]


def _stretch(one: Recorded, columns: Sequence[str]) -> np.ndarray:
    """Return the samples of the face that is seen longest: (T, L)."""
    tracks, counts = np.unique(one.tracks, return_counts=True)
    rows = np.flatnonzero(one.tracks == tracks[counts.argmax()])
    taken = sampled(one.columns["time_s"][rows], STEP_S)
    values = taken.take(one.table(columns, rows))
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) * STEP_S < _LEAST_S:
        raise InputError(f"{one.name}: {len(values) * STEP_S:g} s of a face; a neutral stretch needs {_LEAST_S:g} s")
    return values


def _shipped() -> Any:
    return files("kaoiro") / "assets" / SHIPPED


def _read(text: str) -> FloorTable:
    file = _File.model_validate_json(text)
    levels = {
        name: Level(
            level.people, level.sessions, {column: list(map(_floor, rows)) for column, rows in level.columns.items()}
        )
        for name, level in file.levels.items()
    }
    return FloorTable(file.model.name, file.model.digest, levels, file.source)


def _floor(row: _Row) -> Floor:
    return Floor(**{name: math.nan if value is None else value for name, value in row.model_dump().items()})


def _written(level: Level) -> dict[str, Any]:
    columns = {name: [_plain(row) for row in rows] for name, rows in level.columns.items()}
    return {"people": level.people, "sessions": level.sessions, "columns": columns}


def _plain(row: Floor) -> dict[str, float | None]:
    """Return a row with three digits, for more are not known."""
    return {name: float(f"{value:.3g}") if math.isfinite(value) else None for name, value in asdict(row).items()}


def _between(rows: Sequence[Floor], minutes: float) -> Floor:
    ordered = sorted(rows, key=lambda row: row.minutes)
    at = np.log([row.minutes for row in ordered])
    shorter = max(1.0, math.sqrt(ordered[0].minutes / minutes))

    def value(name: str) -> float:
        return float(np.interp(math.log(minutes), at, [getattr(row, name) for row in ordered]))

    scaled = {name: value(name) * shorter for name in ("floor", "estimate", "low", "sd", "rare")}
    middle, half = (value("rest_low") + value("rest_high")) / 2, (value("rest_high") - value("rest_low")) / 2
    rest = {"rest_low": middle - shorter * half, "rest_high": middle + shorter * half}
    return Floor(minutes, **scaled, **rest, excess=value("excess"))


def joined(table: FloorTable, own: FloorTable) -> FloorTable:
    """Return a table with a person's own floors beside the others.

    Raises:
        InputError: tables of different models.
    """
    if table.digest != own.digest:
        raise InputError(
            f"floors of two models do not go into one table: {table.name} ({table.digest[:12]}) and {own.name} "
            f"({own.digest[:12]})"
        )
    return replace(table, levels={**table.levels, **own.levels}, source={**table.source, OWN: own.source})


def part(table: FloorTable, levels: Sequence[str], minutes: Sequence[float] | None = None) -> FloorTable:
    """Return some levels of a table, at other lengths if any are given.

    Raises:
        InputError: no such level, or an impossible length.
    """
    for name in levels:
        require(name in table.levels, "level of the noise floor", f"one of {', '.join(table.levels)}", name)
    kept = {name: table.levels[name] for name in levels}
    if minutes is not None:
        kept = {
            name: replace(
                level,
                columns={column: [table.floor(column, one, name) for one in minutes] for column in level.columns},
            )
            for name, level in kept.items()
        }
    return replace(table, levels=kept)


def shown(table: FloorTable) -> str:
    """Return a table in words: the floors of each column at its lengths, a block for each level."""
    blocks = []
    for name, level in table.levels.items():
        lengths = [row.minutes for row in next(iter(level.columns.values()))]
        minutes = ", ".join(f"{length:g}" for length in lengths)
        lines = [f"{name}: {level.people} people, {level.sessions} sessions; minutes: {minutes}"]
        for column, rows in level.columns.items():
            lines.append(f"  {column:22} {'  '.join(f'{row.floor:.4f}' for row in rows)}")
        blocks.append("\n".join(lines))
    return "\n".join([f"noise floor of {table.name} ({table.digest[:12]})", *blocks])
