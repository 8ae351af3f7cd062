"""Groups from a column of a table: its values, or bands of its numbers."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.evaluation.groups.looked_at import Grouping, listed

MOST = 20
"""Groups of a column."""
QUANTILES = 3
"""Bands of a column of numbers of which nobody said how to cut it."""
_FEW = 6  # different numbers that are groups by themselves
_UNKNOWN = {"", "na", "n/a", "nan", "none", "null"}


class Asked(NamedTuple):
    """A column, and how to make groups of it.

    Attributes:
        column: its name.
        edges: where bands begin, but for the first.
        quantiles: number of bands of as many people each; 0 if nothing is said.
    """

    column: str
    edges: tuple[float, ...] = ()
    quantiles: int = 0


def asked(text: str) -> Asked:
    """Return what is meant by COLUMN, COLUMN:25/40 (bands begin there) or COLUMN:q4 (bands of as many people each).

    Raises:
        InputError: something else stands behind the colon.
    """
    column, colon, how = (part.strip() for part in text.rpartition(":"))
    if not colon:
        return Asked(how)
    if match := re.fullmatch(r"q([2-9])", how):
        return Asked(column, quantiles=int(match[1]))
    try:
        edges = tuple(float(part) for part in how.split("/"))
    except ValueError:
        edges = ()
    if not edges or not all(np.isfinite(edges)) or list(edges) != sorted(set(edges)):
        wish = "numbers that rise, such as 25/40, or q2 to q9 for bands of as many people each"
        raise InputError(f"--by {text}: behind the colon stand {wish}")
    return Asked(column, edges)


def known(cell: object) -> bool:
    """Whether a cell says something; 'NA' and the like do not."""
    return cell is not None and cell == cell and str(cell).strip().lower() not in _UNKNOWN


def grouping(where: str, wanted: Asked, cells: np.ndarray, people: np.ndarray) -> Grouping:
    """Return the groups of a column.

    Args:
        where: the table, for errors.
        wanted: the column, and how to cut it.
        cells: (N,) its values.
        people: (N,) ids.

    Raises:
        InputError: fewer than two groups or too many, bands of no numbers, or a band in which nobody is.
    """
    there = np.array([known(cell) for cell in cells], bool)
    name = f"{where}: column {wanted.column}"
    if not there.any():
        raise InputError(f"{name} says nothing of any picture")
    numbers = _numbers(cells, there)
    banded = bool(wanted.edges or wanted.quantiles)
    if banded and numbers is None:
        found = next(str(cell) for cell in cells[there] if not _is_number(cell))
        raise InputError(f"{name} cannot be cut into bands: it has {found!r}, which is no number")
    if numbers is not None and (banded or len(np.unique(numbers[there])) > _FEW):
        edges = wanted.edges or _quantiles(numbers[there], people[there], wanted.quantiles or QUANTILES)
        return _banded(name, numbers, there, edges)
    return _named(name, cells, there)


def _is_number(cell: object) -> bool:
    try:
        return bool(np.isfinite(float(str(cell))))
    except ValueError:
        return False


def _numbers(cells: np.ndarray, there: np.ndarray) -> np.ndarray | None:
    if not all(_is_number(cell) for cell in cells[there]):
        return None
    return np.array([float(str(cell)) if one else np.nan for cell, one in zip(cells, there, strict=True)])


def _quantiles(values: np.ndarray, people: np.ndarray, count: int) -> tuple[float, ...]:
    """Return where bands of as many people each begin, as far as equal values allow."""
    pairs = np.unique(np.array(list(zip(people.tolist(), values.tolist(), strict=True)), object).astype(str), axis=0)
    once = np.sort(pairs[:, 1].astype(np.float64))
    cuts = np.quantile(once, np.arange(1, count) / count, method="higher")
    return tuple(float(cut) for cut in np.unique(cuts) if cut > once[0])


def _banded(name: str, numbers: np.ndarray, there: np.ndarray, edges: tuple[float, ...]) -> Grouping:
    labels = _labels(edges)
    if len(labels) > MOST:
        raise InputError(f"{name} has {len(labels)} bands; at most {MOST} are compared")
    places = np.where(there, np.searchsorted(edges, numbers, side="right"), -1)
    empty = [label for place, label in enumerate(labels) if not (places == place).any()]
    if empty or len(labels) < 2:
        span = f"its values go from {np.nanmin(numbers):g} to {np.nanmax(numbers):g}"
        what = f"nobody is in the band {listed(empty)}" if empty else "all are in one band"
        raise InputError(f"{name}: {what}; {span}")
    return Grouping(labels, places, banded=True)


def _labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    if not edges:
        return ("all",)
    inner = [f"{low:g} to below {high:g}" for low, high in pairwise(edges)]
    return f"below {edges[0]:g}", *inner, f"{edges[-1]:g} and above"


def _named(name: str, cells: np.ndarray, there: np.ndarray) -> Grouping:
    texts = np.array([str(cell).strip() if one else "" for cell, one in zip(cells, there, strict=True)])
    labels = sorted(set(texts[there].tolist()), key=lambda text: (_order(text), text))
    if len(labels) < 2:
        raise InputError(f"{name} has one group only, '{labels[0]}': nothing to compare")
    if len(labels) > MOST:
        wish = f"at most {MOST} are compared; cut numbers by COLUMN:25/40"
        raise InputError(f"{name} has {len(labels)} different values, such as {listed(labels)}: {wish}")
    places = {label: place for place, label in enumerate(labels)}
    return Grouping(tuple(labels), np.array([places.get(text, -1) for text in texts.tolist()]))


def _order(text: str) -> float:
    return float(text) if _is_number(text) else np.inf
