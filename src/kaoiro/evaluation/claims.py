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
RULE = """A claim holds if its whole interval (95 %, over clips or people) lies on the wished side of the limit, does
not hold if it lies on the other, and is undecided in between. Where a size is wished and an interval above 0, the
figure itself must reach the size."""
_HEAD = f"""# Claims

Every claim of the five sources that was measured so far, beside what was found. {RULE}
Written by `kaoiro evaluate claims` from the result files named in the last column.
"""
UNMEASURED = "not measured yet"


@dataclass(frozen=True)
class Claim:
    """What a source says, and where its measurement is.

    Attributes:
        system: letter, and which mode.
        source: what is said.
        figure: the source's.
        result: name of the result file.
        table: in it; 'SECTION/TABLE' is a table of a section, which may not be measured yet.
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
    contents = {name: _content(Path(folder) / f"{name}.json") for name in dict.fromkeys(one.result for one in claims)}
    found = [_row(claim, contents[claim.result], Path(folder)) for claim in claims]
    return {
        "measured": sum(row["verdict"] != UNMEASURED for row in found),
        "claims": {str(number): row for number, row in enumerate(found, 1)},
        "errors": {
            str(number): {"system": one.system, "matter": one.matter, "instead": one.instead}
            for number, one in enumerate(errors, 1)
        },
    }


def rows(result: str, content: dict[str, Any]) -> list[dict[str, str]]:
    """Return the rows of the claims that one result file answers.

    Args:
        result: its name.
        content: of the file.

    Raises:
        DataError: it lacks a row that a claim names.
    """
    return [_row(claim, content, Path()) for claim in load()[0] if claim.result == result]


def _content(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is damaged; measure anew") from error


def _row(claim: Claim, content: dict[str, Any] | None, folder: Path) -> dict[str, str]:
    row = {"system": claim.system, "source": claim.source, "their figure": claim.figure}
    if content is None or not _is_written(content, claim.table):
        return row | {"ours": "–", "interval": "–", "wished": "–", "verdict": UNMEASURED, "from": claim.result}
    try:
        found = _table(content, claim.table)[claim.row]
        between = "–" if found["interval"] is None else " to ".join(f"{value:.3g}" for value in found["interval"])
        if found["found"] is not None and "seeds" in found:
            between += f" ({found['seeds']} seeds)"
        ours = {"ours": "–" if found["found"] is None else f"{found['found']:.3g}", "interval": between}
        return row | ours | {"wished": found["wished"], "verdict": found["verdict"], "from": claim.result}
    except (KeyError, TypeError, ValueError) as error:
        file = folder / f"{claim.result}.json"
        raise DataError(f"{file}: no row '{claim.row}' in '{claim.table}'; measure anew") from error


def _is_written(content: dict[str, Any], table: str) -> bool:
    """Tell whether the section of a table was written; sections of a file are measured by different commands."""
    return "/" not in table or table in content or table.split("/")[0] in content


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table of a result file, or of one of its sections."""
    if name in content or "/" not in name:
        return content[name]
    section, table = name.split("/", 1)
    return content[section][table]


def write(folder: str | Path, figures: dict[str, Any]) -> Path:
    """Write the page of claims into a folder and return its path."""
    claims = markdown(list(figures["claims"].values()))
    errors = markdown(list(figures["errors"].values()))
    path = Path(folder) / PAGE
    write_text(path, f"{_HEAD}\n{claims}\n\n## What is wrong or unsaid in the sources\n\n{errors}\n")
    return path


def markdown(rows: list[dict[str, str]]) -> str:
    """Return rows with the same columns as a table."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([row[name] for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
