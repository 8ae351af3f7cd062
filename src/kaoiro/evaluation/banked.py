"""The sessions of a bank, as `evaluation.bank` wrote it, by person, level and model."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.core.files import sha256
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import SMOOTHED, expression_column
from kaoiro.timeline.floors import Session

EXPRESSION_COLUMNS = tuple(map(expression_column, EXPRESSIONS.labels))
_NEEDED = ("identity", "session", "level", "strength", "label", "intensity", "model", "digest", "found")
_STEP_S = 0.5
_ORDER = ("low", "medium", "high")


@dataclass(frozen=True, eq=False)
class Sitting:
    """One person under one light, pose and camera.

    Attributes:
        person: who.
        session: number; sessions of other levels and numbers share nothing but the person.
        level: of nuisance.
        null: (T, L) scores while nothing is shown.
        planted: by strength, (P, L) scores while the planted expression is visible.
    """

    person: str
    session: int
    level: str
    null: np.ndarray
    planted: Mapping[str, np.ndarray]

    def of(self, columns: Sequence[int]) -> Session:
        """Return the null stretch with some columns."""
        return Session(self.person, self.null[:, list(columns)])


@dataclass(frozen=True, eq=False)
class Bank:
    """Sittings of one model.

    Attributes:
        model: its name.
        digest: checksum of its graph.
        columns: names of the L columns.
        sittings: all of them.
        about: what the bank consists of.
    """

    model: str
    digest: str
    columns: tuple[str, ...]
    sittings: tuple[Sitting, ...] = field(repr=False)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def people(self) -> list[str]:
        """Everybody, in order."""
        return sorted({one.person for one in self.sittings})

    @property
    def levels(self) -> list[str]:
        """The levels, from little nuisance to much."""
        return sorted({one.level for one in self.sittings}, key=_ORDER.index)

    def places(self, names: Sequence[str]) -> list[int]:
        """Return where columns are."""
        return [self.columns.index(name) for name in names]

    def some(self, level: str, people: Sequence[str] | None = None) -> list[Sitting]:
        """Return the sittings of a level, of some people or all.

        Raises:
            InputError: the bank has no such level.
        """
        require(level in self.levels, "level", f"one of {', '.join(self.levels)}", level)
        return [one for one in self.sittings if one.level == level and (people is None or one.person in people)]


def read(path: str | os.PathLike[str], model: str | None = None) -> Bank:
    """Return the sittings of a bank as one model scored them.

    Args:
        path: of the Parquet file.
        model: name or digest; None is the first one of the bank.

    Raises:
        InputError: the file cannot be read, is no bank, or has no scores of the model.
    """
    path = Path(path)
    table = _table(path)
    names = _names(table)
    chosen = next((pair for pair in names if model is None or model in pair), None)
    if chosen is None:
        known = ", ".join(f"{name} ({digest[:12]})" for name, digest in names)
        raise InputError(f"{path}: no scores of model {model}; the bank has {known}")
    table = table.filter(pa.array([digest == chosen[1] for digest in table["digest"].to_pylist()]))
    columns = tuple(name for name in SMOOTHED if name in table.column_names and table[name].null_count < len(table))
    return Bank(*chosen, columns, tuple(_sittings(table, columns)), _about(path, table))


def models(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the models that scored a bank.

    Raises:
        InputError: the file cannot be read, or is no bank.
    """
    return [name for name, _ in _names(_table(Path(path)))]


def _names(table: pa.Table) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(table["model"].to_pylist(), table["digest"].to_pylist(), strict=True)))


def _table(path: Path) -> pa.Table:
    if not path.is_file():
        raise InputError(f"{path}: no such bank; make one by `kaoiro evaluate bank`")
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a Parquet file that can be read") from error
    missing = [name for name in (*_NEEDED, *EXPRESSION_COLUMNS) if name not in table.column_names]
    if missing or not len(table):
        raise InputError(f"{path}: no bank of scores: it lacks {', '.join(missing) or 'rows'}")
    strange = sorted(set(table["level"].to_pylist()) - set(_ORDER))
    require(not strange, f"{path}: levels of a bank", f"of {', '.join(_ORDER)}", ", ".join(map(str, strange)))
    return table


def _sittings(table: pa.Table, columns: Sequence[str]) -> list[Sitting]:
    scores = np.stack([table[name].to_numpy().astype(np.float64) for name in columns], axis=1)
    seen = np.isfinite(scores).all(axis=1)
    resting = table["intensity"].to_numpy() <= 0
    shown = np.array(table["label"].to_pylist()) != "neutral"
    strength = np.array(table["strength"].to_pylist())
    person, level = np.array(table["identity"].to_pylist()), np.array(table["level"].to_pylist())
    session, result = table["session"].to_numpy(), []
    for which in sorted(set(zip(person.tolist(), session.tolist(), level.tolist(), strict=True)), key=_order):
        here = seen & (person == which[0]) & (session == which[1]) & (level == which[2])
        null = scores[here & resting & (strength == "weak")]
        planted = {name: scores[here & shown & (strength == name)] for name in np.unique(strength).tolist()}
        if len(null):
            result.append(Sitting(*which, null, planted))
    return result


def _order(which: tuple[str, int, str]) -> tuple[str, int, int]:
    return which[0], which[1], _ORDER.index(which[2])


def _sessions(table: pa.Table) -> dict[str, int]:
    """Return how many sessions there are of each level."""
    names = ("level", "identity", "session")
    there = dict.fromkeys(zip(*(table[name].to_pylist() for name in names), strict=True))
    return dict(Counter(level for level, *_ in there))


def _about(path: Path, table: pa.Table) -> dict[str, Any]:
    whole = table["strength"].to_pylist().count("weak")
    described = path.with_suffix(".json")
    about = {"seed": json.loads(described.read_text("utf-8")).get("seed")} if described.is_file() else {}
    return {
        **about,
        "people": len(set(table["identity"].to_pylist())),
        "sessions": _sessions(table),
        "minutes of sessions": round(whole * _STEP_S / 60, 1),
        "frames": len(table),
        "faces found": round(float(np.mean(table["found"].to_pylist())), 4),
        "sha256": sha256(path),
    }
