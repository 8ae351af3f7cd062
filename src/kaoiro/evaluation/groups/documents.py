"""An audit of groups as JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from kaoiro.core.files import replacing, writing
from kaoiro.core.plain import inert
from kaoiro.evaluation.groups.comparing import Audit, Figure, Largest
from kaoiro.evaluation.groups.measures import ECE, ERROR, NO_FACE, OVERCONFIDENCE, unsure

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
    """Return what a model does as plain values, as far as everybody asks for it first."""
    rows = [one for one in found.figures if one.measure in (NO_FACE, ERROR, OVERCONFIDENCE, ECE, unsure(found.least))]
    figures: dict[str, dict[str, list[list[Any]]]] = {}
    for one in rows:
        values = [_rounded(getattr(one, name), _FEWER) for name in BRIEF]
        figures.setdefault(one.column, {}).setdefault(one.group, []).append(values)
    names = list(dict.fromkeys(one.measure for one in rows))
    gaps = [_gap(one) for one in found.gaps if one.measure == ERROR]
    about = {"measures": names, "columns of each": list(BRIEF)}
    return _counts(found) | {"groups": _people(found)} | about | {"figures": figures, "largest gaps": gaps}


def _people(found: Audit) -> dict[str, dict[str, Any]]:
    """Return how many people each group has, by column."""
    return {name: {group: one["people"] for group, one in column.items()} for name, column in found.about.items()}


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


def as_json(stamped: Mapping[str, Any], depth: int = 2) -> str:
    """Return plain values as JSON, with what lies deeper than so many levels on one line."""
    if not depth or not isinstance(stamped, Mapping) or not stamped:
        return json.dumps(stamped, ensure_ascii=False)
    parts = (f"{json.dumps(name, ensure_ascii=False)}: {as_json(one, depth - 1)}" for name, one in stamped.items())
    return "{\n" + ",\n".join(parts) + "\n}"


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
