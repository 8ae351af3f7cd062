"""An audit of groups as JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from kaoiro.core.files import replacing, writing
from kaoiro.core.plain import inert
from kaoiro.evaluation.groups.comparing import DOING, Audit, Figure, Largest
from kaoiro.evaluation.groups.measures import ERROR

COLUMNS = tuple(one.name for one in fields(Figure))
BRIEF = ("value", "low", "high", "difference", "difference_low", "difference_high", "adjusted")
_DIGITS, _FEWER = 5, 4


def plain(found: Audit) -> dict[str, Any]:
    """Return an audit as plain values."""
    return _counts(found) | {
        "overall": {name: _rounded(value) for name, value in found.overall.items()},
        "figures": {"columns": list(COLUMNS), "rows": [_row(one) for one in found.figures]},
        "largest gaps": [_gap(one) for one in found.gaps],
    }


def brief(found: Audit) -> dict[str, Any]:
    """Return what a model does as plain values, without its scores and what follows from the rest."""
    figures: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for one in found.figures:
        if one.family == DOING:
            values = [_rounded(getattr(one, name), _FEWER) for name in BRIEF]
            figures.setdefault(one.column, {}).setdefault(one.group, {})[one.measure] = values
    gaps = [_gap(one) for one in found.gaps if one.measure == ERROR]
    return _counts(found) | {"columns of figures": list(BRIEF), "figures": figures, "largest gaps": gaps}


def _counts(found: Audit) -> dict[str, Any]:
    return {
        "pictures": len(found.faces),
        "faces": int(found.faces.found.sum()),
        "further faces of the pictures, left out": found.faces.further,
        "people": found.faces.persons,
        "answers count from": found.least,
        "draws": found.draws,
        "seed": found.seed,
        "tests": found.tests,
        "groups": found.about,
        "unknown": found.unknown,
    }


def _row(one: Figure) -> list[Any]:
    return [_rounded(getattr(one, name)) for name in COLUMNS]


def _gap(one: Largest) -> dict[str, Any]:
    gap = one.gap
    return {
        "column": one.column,
        "measure": one.measure,
        "most": one.most,
        "least": one.least,
        "gap": _rounded(gap.value),
        "interval": [_rounded(gap.low), _rounded(gap.high)],
        "by chance": [_rounded(value) for value in gap.chance],
        "p": _rounded(gap.p),
        "adjusted": _rounded(one.adjusted),
    }


def _rounded(value: Any, digits: int = _DIGITS) -> Any:
    if not isinstance(value, float):
        return value
    return None if value != value else round(value, digits)


def as_json(stamped: Mapping[str, Any]) -> str:
    """Return plain values as JSON, each row of figures on a line of its own."""
    return "\n".join(_lines(stamped, ""))


def _lines(value: Any, indent: str) -> Iterator[str]:
    deep = isinstance(value, Mapping) and any(isinstance(one, (Mapping, list)) for one in value.values())
    table = isinstance(value, list) and any(isinstance(one, (Mapping, list)) for one in value)
    if not (deep or table):
        yield json.dumps(value, ensure_ascii=False)
        return
    yield "{" if deep else "["
    items = list(value.items()) if isinstance(value, Mapping) else [(None, one) for one in value]
    for place, (name, one) in enumerate(items):
        first, *rest = _lines(one, f"{indent} ")
        label = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
        block = [f"{indent} {label}{first}", *rest]
        yield from (*block[:-1], block[-1] + ("," if place < len(items) - 1 else ""))
    yield indent + ("}" if deep else "]")


def write_csv(path: str | Path, found: Audit) -> None:
    """Write every figure of every group as a row.

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path), partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in found.figures:
            cells = (getattr(one, name) for name in COLUMNS)
            writer.writerow([inert(cell) if isinstance(cell, str) else _rounded(cell) for cell in cells])
