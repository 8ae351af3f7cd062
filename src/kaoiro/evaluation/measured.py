"""Figures of a method as sums over the faces of each person, so that intervals are drawn over people.

Differences and ratios are paired: both methods are looked at on the same people. Legend: P people, D draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.metrics.temporal import counted, draws, interval

DRAWS = 10_000
Found = tuple[float, float, float]
"""A figure and the ends of its 95 % interval."""
Table = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one trained method on the faces of P people.

    Attributes:
        people: names, in alphabetical order.
        sums: by measure (P, 2): sum over a person's faces, and what it is divided by, mostly their number.
        tables: figures without interval: by table, row and column.
    """

    people: tuple[str, ...]
    sums: Mapping[str, np.ndarray]
    tables: Mapping[str, Table] = field(default_factory=dict)

    def figure(self, measure: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return a measure over all people (), or over draws of people (D,); NaN where it was not measured.

        Args:
            measure: one of `sums`.
            rows: (D, P) how often each person was drawn, or None.
        """
        if measure not in self.sums:
            return np.full(() if rows is None else len(rows), np.nan)
        total = self.sums[measure].sum(axis=0) if rows is None else rows @ self.sums[measure]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total[..., 0] / total[..., 1])

    def of(self, people: Sequence[str]) -> Measured:
        """Return the sums of some people, in the order given; tables are left out."""
        places = [self.people.index(name) for name in people]
        return Measured(tuple(people), {name: table[places] for name, table in self.sums.items()})

    def stored(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        sums = {name: table.tolist() for name, table in self.sums.items()}
        return {"people": list(self.people), "sums": sums, "tables": _plain(self.tables)}


def _plain(tables: Any) -> Any:
    return {key: _plain(one) for key, one in tables.items()} if isinstance(tables, Mapping) else float(tables)


def restored(content: Any) -> Measured:
    """Return what `Measured.stored` gave.

    Raises:
        InputError: the content is none of this.
    """
    try:
        people = tuple(content["people"])
        sums = {name: np.array(table, np.float64).reshape(-1, 2) for name, table in content["sums"].items()}
        fits = all(len(table) == len(people) for table in sums.values())
    except (TypeError, KeyError, ValueError, AttributeError):
        fits, people, sums = False, (), {}
    if not fits:
        raise InputError("stored figures are damaged; measure anew")
    return Measured(people, sums, content.get("tables", {}))


def per_person(values: np.ndarray, subjects: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Sum values up for each person, in alphabetical order: (P, 2).

    Args:
        values: (N,) of faces; NaN are left out.
        subjects: (N,) names.
        weights: (N,) what the sum is divided by; None counts faces.
    """
    _, index = np.unique(subjects, return_inverse=True)
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
    parts = np.ones(len(values)) if weights is None else weights
    first = np.bincount(index, np.where(known, values, 0).astype(np.float64))
    return np.column_stack([first, np.bincount(index, np.where(known, parts, 0))])


def merged(parts: Sequence[Measured]) -> Measured:
    """Put measurements of one method together, such as of folds: sums of a person are added, tables averaged.

    Raises:
        InputError: there are none.
    """
    if not parts:
        raise InputError("no measurements to put together")
    people = sorted({name for one in parts for name in one.people})
    names = list(dict.fromkeys(name for one in parts for name in one.sums))
    sums = {name: np.zeros((len(people), 2)) for name in names}
    for one in parts:
        places = [people.index(person) for person in one.people]
        for name, table in one.sums.items():
            sums[name][places] += table
    return Measured(tuple(people), sums, _averaged([one.tables for one in parts]))


def _averaged(tables: Sequence[Any]) -> Any:
    """Return nested tables whose numbers are means over those that have them."""
    if not isinstance(tables[0], Mapping):
        return float(np.mean(tables))
    keys = dict.fromkeys(key for one in tables for key in one)
    return {key: _averaged([one[key] for one in tables if key in one]) for key in keys}


@lru_cache(maxsize=4)
def _weights(people: int) -> np.ndarray:
    return counted(draws(people, DRAWS), people).astype(np.float64)


def level(seeds: Sequence[Measured], measure: str) -> Found | None:
    """Return a measure, mean over seeds, with the interval over people; None where it was not measured.

    Args:
        seeds: of the same people.
        measure: its name.

    Raises:
        InputError: seeds without people in common.
    """
    return _mean(seeds, [], lambda ours, _: ours[0], measure)


def difference(ours: Sequence[Measured], theirs: Sequence[Measured], measure: str) -> Found | None:
    """Return how much more one method has of a measure than another, with the interval over the people of both.

    Raises:
        InputError: methods measured on different people.
    """
    return _mean(ours, theirs, lambda one, other: one[0] - other[0], measure) if theirs else None


def ratio(seeds: Sequence[Measured], measure: str, through: str) -> Found | None:
    """Return a measure through another one of the same faces, with the interval over people."""
    return _mean(seeds, [], lambda ours, _: ours[0] / ours[1], measure, through)


def _mean(ours: Sequence[Measured], theirs: Sequence[Measured], combine: Any, *measures: str) -> Found | None:
    if not ours:
        return None
    people = _shared([*ours, *theirs])
    both = [[one.of(people) for one in side] for side in (ours, theirs)]

    def of(rows: np.ndarray | None) -> np.ndarray:
        sides = [side for side in both if side]
        means = [[np.mean([one.figure(name, rows) for one in side], axis=0) for name in measures] for side in sides]
        with np.errstate(invalid="ignore", divide="ignore"):
            return combine(means[0], means[-1])

    found = float(of(None))
    return None if np.isnan(found) else (found, *interval(of(_weights(len(people)))))


def _shared(seeds: Sequence[Measured]) -> list[str]:
    shared = set(seeds[0].people).intersection(*(one.people for one in seeds))
    if not shared:
        raise InputError("measurements to be compared are of different people")
    return sorted(shared)


def verdict(found: Found | None, limit: float, at_most: bool = False) -> dict[str, Any]:
    """Return the row of a claim: it holds if the whole interval lies on the wished side of the limit.

    Args:
        found: figure with its interval; None where it was not measured.
        limit: what is wished.
        at_most: whether smaller is wished.
    """
    wished = f"at {'most' if at_most else 'least'} {limit:g}"
    if found is None:
        return {"found": None, "interval": None, "wished": wished, "verdict": "not measured yet"}
    sign = -1 if at_most else 1
    low, high = sorted(sign * (end - limit) for end in found[1:])
    word = "holds" if low >= 0 else "does not hold" if high < 0 else "undecided"
    return {"found": found[0], "interval": list(found[1:]), "wished": wished, "verdict": word}


def above(found: Found | None, may_tie: bool = False) -> dict[str, Any]:
    """Return the row of a claim that one method does better than another.

    Args:
        found: difference with its interval; None where it was not measured.
        may_tie: whether it is enough that the interval does not lie below 0.
    """
    row = verdict(found, 0.0) | {"wished": "interval not below 0 (may tie)" if may_tie else "interval above 0"}
    if found is None:
        return row
    better = found[2] >= 0 if may_tie else found[1] > 0
    return row | {"verdict": "holds" if better else "does not hold" if found[2] < 0 else "not resolved"}
