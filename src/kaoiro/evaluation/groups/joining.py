"""Records, and the table that says of each picture who it shows: joined by the picture's name, or by the person's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.data.datasets import user_tables
from kaoiro.evaluation.groups.banding import Asked, grouping, known
from kaoiro.evaluation.groups.looked_at import PERSONS, Grouping, LookedAt, Read, listed

SOURCES = ("source", "path", "file")
TRUTHS = ("truth", "expression", "label")


class Joined(NamedTuple):
    """What was joined, and what was left aside.

    Attributes:
        faces: the pictures.
        truth: column of the true expressions; empty if there is none.
        person: column of the people; empty if every picture counts as somebody else.
        notes: what was left out, as sentences.
    """

    faces: LookedAt
    truth: str
    person: str
    notes: list[str]


def joined(found: Read, path: Path, by: Sequence[Asked] = (), truth: str | None = None) -> Joined:
    """Join records with a table of groups.

    Args:
        found: the records.
        path: of the table: CSV or Parquet with a column of `SOURCES` (or of `PERSONS`, if records have it, too), and
            others.
        by: columns that make groups; none takes all that can.
        truth: column of true expressions; None takes the first of `TRUTHS` that is there.

    Raises:
        DataError: the table cannot be read, or a cell is empty that must not be, or no expression.
        InputError: columns that are not there, pictures without a row, rows that are there twice, or no groups.
    """
    table = user_tables.load(path)
    table.columns = [str(name).strip() for name in table.columns]
    if table.empty:
        raise InputError(f"{path} has no rows")
    key = _key(path, table, found)
    rows = _rows(path, table, key, found)
    person = next((name for name in PERSONS if name in table), "")
    people = user_tables.texts(path, table, person)[rows] if person else _own_people(found)
    told = _truth_column(path, table, truth)
    classes = _classes(path, table, told)[rows]
    matched, left = table.iloc[rows], table.drop(index=table.index[np.unique(rows)])
    notes = _left_notes(path, key, left)
    used = {key, person, told}
    _check_told(path, by, {key, person})
    groupings = _groupings(path, matched, left, by or _all(table, used), people, notes if not by else None)
    sources = found.table["source"].to_numpy(str)
    faces = LookedAt(sources, found.scores, found.affect, found.further, people, classes, groupings)
    return Joined(faces, told, person or next((name for name in PERSONS if name in found.table), ""), notes)


def _key(path: Path, table: pd.DataFrame, found: Read) -> str:
    shared = [name for name in PERSONS if name in found.table and name in table]
    for name in (*SOURCES, *shared):
        if name in table:
            return name
    raise InputError(f"{path} needs a column {' or '.join(SOURCES)} with pictures as records name them")


def _rows(path: Path, table: pd.DataFrame, key: str, found: Read) -> np.ndarray:
    """Return the row of the table for each picture (N,)."""
    cells = user_tables.texts(path, table, key)
    places = _places(path, key, cells)
    if key in SOURCES:
        rows = _by_source(path, key, places, found.table["source"].tolist())
    else:
        rows = [places.get(str(name).strip(), -1) for name in found.table[key]]
    missing = [str(found.table["source"].iloc[place]) for place, row in enumerate(rows) if row < 0]
    if missing:
        names = listed(list(dict.fromkeys(missing)))
        raise InputError(f"{path} has no row for {len(missing)} of {len(rows)} pictures of the records: {names}")
    return np.array(rows)


def _places(path: Path, key: str, cells: np.ndarray) -> dict[str, int]:
    places: dict[str, int] = {}
    for row, cell in enumerate(cells.tolist()):
        name = _slashes(cell) if key in SOURCES else cell
        if name in places:
            raise InputError(f"{user_tables.where(path, row)}: {key} {cell} is in row {places[name] + 1} already")
        places[name] = row
    return places


def _slashes(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _by_source(path: Path, key: str, places: dict[str, int], sources: Sequence[str]) -> list[int]:
    """Return the row for each source: of the same name, or of the longest end of it that the table has."""
    rows, taken = [], defaultdict(set)
    for source in sources:
        name = next((end for end in _ends(_slashes(source)) if end in places), None)
        rows.append(-1 if name is None else places[name])
        taken[name].add(source)
    for name, several in taken.items():
        if name is not None and len(several) > 1:
            wish = "write pictures as records name them"
            raise InputError(f"{path}: {key} {name} may be {' or '.join(sorted(several)[:2])}; {wish}")
    return rows


def _ends(source: str) -> list[str]:
    """Return a path and its ends: 'a/b/c.jpg', 'b/c.jpg', 'c.jpg'."""
    parts = source.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _own_people(found: Read) -> np.ndarray:
    """Return the people that records name, or one for each source."""
    name = next((name for name in PERSONS if name in found.table), "source")
    return found.table[name].to_numpy(str)


def _truth_column(path: Path, table: pd.DataFrame, wanted: str | None) -> str:
    if wanted is None:
        return next((name for name in TRUTHS if name in table), "")
    _check_column(path, table, "--truth", wanted)
    return wanted


def _check_column(path: Path, table: pd.DataFrame, flag: str, name: str) -> None:
    if name not in table:
        raise InputError(f"{flag} {name}: no such column in {path}; it has {', '.join(map(str, table.columns))}")


def _classes(path: Path, table: pd.DataFrame, column: str) -> np.ndarray:
    if not column:
        return np.full(len(table), -1)
    names = user_tables.expressions(path, table, column).tolist()
    return np.array([EXPRESSIONS.index(name) if name else -1 for name in names])


def _check_told(path: Path, by: Sequence[Asked], names: set[str]) -> None:
    for wanted in by:
        if wanted.column in names:
            raise InputError(f"--by {wanted.column}: this column of {path} names pictures or people, not groups")


def _left_notes(path: Path, key: str, left: pd.DataFrame) -> list[str]:
    if left.empty:
        return []
    names = listed([str(cell) for cell in left[key]])
    return [f"{len(left)} rows of {path.name} are of no picture in the records, so nothing counts them: {names}"]


def _all(table: pd.DataFrame, used: set[str]) -> list[Asked]:
    return [Asked(name) for name in map(str, table.columns) if name not in {*used, *SOURCES, *PERSONS}]


def _groupings(
    path: Path,
    table: pd.DataFrame,
    left: pd.DataFrame,
    by: Sequence[Asked],
    people: np.ndarray,
    notes: list[str] | None,
) -> dict[str, Grouping]:
    """Return the groups of columns; those that make none are noted, or refused where there is no list of notes."""
    result: dict[str, Grouping] = {}
    for wanted in by:
        _check_column(path, table, "--by", wanted.column)
        try:
            one = grouping(str(path), wanted, table[wanted.column].to_numpy(object), people)
        except InputError as error:
            if notes is None:
                raise
            notes.append(f"no groups: {error}")
            continue
        _check_left(path, wanted, one, left)
        result[wanted.column] = one
    if not result:
        more = f" ({notes[-1]})" if notes else ""
        raise InputError(f"{path} has no column that makes groups{more}; add some, such as gender or age")
    return result


def _check_left(path: Path, wanted: Asked, found: Grouping, left: pd.DataFrame) -> None:
    """Refuse groups of which the records have no picture; bands were checked before."""
    if found.banded:
        return
    names = {str(cell).strip() for cell in left[wanted.column] if known(cell)} - set(found.labels)
    if names:
        wish = "measure these pictures, or leave the rows out"
        raise InputError(f"{path}: column {wanted.column}: no record shows anybody of {listed(sorted(names))}; {wish}")
