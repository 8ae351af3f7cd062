"""The table of claims: source, their figure, ours, interval, verdict; and the sources' own errors."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from kaoiro.core.errors import DataError
from kaoiro.core.files import write_text

PAGE = "claims.md"
_HEAD = """# Claims

Every claim of the five sources that was measured so far, beside what was found. A claim holds if its whole interval
(95 %, over clips or people) lies on the wished side of the limit, does not hold if it lies on the other, and is
undecided in between. Written by `kaoiro evaluate claims` from the result files named in the last column.
"""


@dataclass(frozen=True)
class Claim:
    """What a source says, and where its measurement is.

    Attributes:
        system: letter, and which mode.
        source: what is said.
        figure: the source's.
        result: name of the result file.
        table: in it.
        row: in that; it has found, interval, wished and verdict.
    """

    system: str
    source: str
    figure: str
    result: str
    table: str
    row: str


@dataclass(frozen=True)
class Error:
    """What is wrong or unsaid in a source.

    Attributes:
        system: letter.
        matter: what.
        instead: what is done here.
    """

    system: str
    matter: str
    instead: str


def load() -> tuple[list[Claim], list[Error]]:
    """Return all claims and errors, in the order of the file.

    Raises:
        DataError: an entry lacks a field or has one too many.
    """
    stored = tomllib.loads((resources.files("kaoiro.evaluation") / "claims.toml").read_text(encoding="utf-8"))
    return [_entry(Claim, one) for one in stored["claims"]], [_entry(Error, one) for one in stored["errors"]]


def _entry(kind: Any, values: dict[str, str]) -> Any:
    names = {field.name for field in fields(kind)}
    if set(values) != names:
        raise DataError(f"claims.toml: an entry has {', '.join(sorted(values))}; wanted: {', '.join(sorted(names))}")
    return kind(**values)


def table(folder: str | Path) -> dict[str, Any]:
    """Return rows of claims with what was found, and rows of errors.

    Args:
        folder: of the results; what was not measured yet says so.

    Raises:
        DataError: there is no such folder, or a result file is damaged, or lacks the row that a claim names.
    """
    if not Path(folder).is_dir():
        raise DataError(f"--root {folder}: no such folder; name the one with the results, such as docs/results")
    claims, errors = load()
    rows = [_row(Path(folder), claim) for claim in claims]
    return {
        "measured": sum(row["verdict"] != "not measured yet" for row in rows),
        "claims": {str(number): row for number, row in enumerate(rows, 1)},
        "errors": {
            str(number): {"system": one.system, "matter": one.matter, "instead": one.instead}
            for number, one in enumerate(errors, 1)
        },
    }


def _row(folder: Path, claim: Claim) -> dict[str, str]:
    row = {"system": claim.system, "source": claim.source, "their figure": claim.figure}
    file = folder / f"{claim.result}.json"
    if not file.is_file():
        return row | {"ours": "–", "interval": "–", "wished": "–", "verdict": "not measured yet", "from": claim.result}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))[claim.table][claim.row]
        between = "–" if found["interval"] is None else " to ".join(f"{value:.3g}" for value in found["interval"])
        ours = {"ours": "–" if found["found"] is None else f"{found['found']:.3g}", "interval": between}
        return row | ours | {"wished": found["wished"], "verdict": found["verdict"], "from": claim.result}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file}: no row '{claim.row}' in '{claim.table}'; measure anew") from error


def write(folder: str | Path, figures: dict[str, Any]) -> Path:
    """Write the page of claims into a folder and return its path."""
    claims = _markdown(list(figures["claims"].values()))
    errors = _markdown(list(figures["errors"].values()))
    path = Path(folder) / PAGE
    write_text(path, f"{_HEAD}\n{claims}\n\n## What is wrong or unsaid in the sources\n\n{errors}\n")
    return path


def _markdown(rows: list[dict[str, str]]) -> str:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([row[name] for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
