"""What an audit found, as rows: which pictures, why, and how sure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kaoiro.core import codec
from kaoiro.core.files import replacing, writing
from kaoiro.core.plain import inert
from kaoiro.evaluation.audit.doubts import Doubts
from kaoiro.evaluation.audit.labelled_set import LabelledSet
from kaoiro.evaluation.audit.seeing import SUSPECT, Seen
from kaoiro.evaluation.audit.twins import Pairs

Kind = Literal["unreadable", "constant", "conflict", "duplicate", "near", "error", "faceless"]
KINDS: dict[Kind, str] = {
    "unreadable": "files that cannot be read",
    "constant": "constant images: no picture at all",
    "conflict": "groups of identical pictures with conflicting labels, without constant ones",
    "duplicate": "groups of identical pictures with one label",
    "near": "pairs of nearly identical pictures",
    "error": "labels that are likely wrong",
    "faceless": "pictures in which hardly a face is found (suspected only)",
}
COLUMNS = ("finding", "group", "score", "note", "id", "split", "label", "suggested", "hash", "decision", "new_label")


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes:
        kind: of `KINDS`.
        rows: of the set that it is about.
        score: 0-1, 1 is certain.
        note: in words.
    """

    kind: Kind
    rows: tuple[int, ...]
    score: float
    note: str = ""


def collect(
    data: LabelledSet,
    seen: Seen,
    groups: list[np.ndarray],
    pairs: Pairs | None,
    doubts: Doubts | None,
    settled: set[tuple[str, str]],
) -> list[Finding]:
    """Return findings, those of a kind with the surest first, without what was decided before.

    Args:
        data: the set.
        seen: of its pictures.
        groups: of identical ones, constant ones left out.
        pairs: of nearly identical ones; None was not looked for.
        doubts: of labels; None was not looked for.
        settled: pictures with labels that need no second look.
    """
    found = [Finding("unreadable", (row,), 1.0, why) for row, why in seen.unreadable.items()]
    found += [Finding("constant", (int(row),), 1.0) for row in np.flatnonzero(seen.constant)]
    found += sorted((_copies(data, rows) for rows in groups), key=lambda one: (one.kind, -one.score))
    found += [] if pairs is None else list(_near(data, pairs))
    found += [] if doubts is None else list(_errors(data, doubts))
    faint = np.flatnonzero(seen.usable & (seen.faces < SUSPECT))
    faint = faint[np.argsort(seen.faces[faint], kind="stable")]
    found += [Finding("faceless", (int(row),), 1 - float(seen.faces[row])) for row in faint]
    return [one for one in found if not all((seen.digests[row], data.label(row)) in settled for row in one.rows)]


def _copies(data: LabelledSet, rows: np.ndarray) -> Finding:
    labels = sorted({data.label(int(row)) for row in rows})
    note = _across(data, rows)
    if len(labels) > 1:
        return Finding("conflict", tuple(rows.tolist()), 1.0, "; ".join(filter(None, [" / ".join(labels), note])))
    return Finding("duplicate", tuple(rows.tolist()), 1.0, note)


def _across(data: LabelledSet, rows: np.ndarray) -> str:
    splits = sorted({name for name in data.splits[rows].tolist() if name})
    return f"in {' and '.join(splits)}" if len(splits) > 1 else ""


def _near(data: LabelledSet, pairs: Pairs) -> Iterator[Finding]:
    for one, other, likeness, mirrored in zip(*_columns(pairs), strict=True):
        notes = ["mirrored" if mirrored else "", _across(data, np.array([one, other]))]
        notes.insert(0, "labels differ" if data.truth[one] != data.truth[other] else "")
        yield Finding("near", (one, other), float(likeness), "; ".join(filter(None, notes)))


def _columns(pairs: Pairs) -> tuple[list[Any], ...]:
    return tuple(column.tolist() for column in (pairs.first, pairs.second, pairs.likeness, pairs.mirrored))


def _errors(data: LabelledSet, doubts: Doubts) -> Iterator[Finding]:
    for row in doubts.rows.tolist():
        label = data.vocabulary.labels[doubts.suggested[row]]
        share = float(doubts.probabilities[row].max())
        yield Finding("error", (row,), 1 - float(doubts.quality[row]), f"{label}? ({share:.0%})")


def suggestion(data: LabelledSet, doubts: Doubts | None, row: int) -> str:
    """Return the label that the pictures around a row speak for; empty where none was looked for."""
    if doubts is None or doubts.suggested[row] < 0:
        return ""
    return data.vocabulary.labels[doubts.suggested[row]]


def rows_of(
    data: LabelledSet, seen: Seen, doubts: Doubts | None, found: list[Finding]
) -> Iterator[dict[str, str | int | float]]:
    """Yield a row for each picture of each finding, with `COLUMNS`; decisions are empty, for somebody to fill in."""
    for number, one in enumerate(found, start=1):
        for row in one.rows:
            values = (one.kind, number, round(one.score, 4), one.note, data.ids[row], str(data.splits[row]))
            rest = (data.label(row), suggestion(data, doubts, row), str(seen.digests[row]), "", "")
            yield dict(zip(COLUMNS, (*values, *rest), strict=True))


def write(path: str | Path, rows: Iterator[dict[str, Any]]) -> None:
    """Write rows of `rows_of` as CSV for spreadsheets: with the mark of UTF-8, and no text that acts as a formula.

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path), partial.open("w", encoding="utf-8-sig", newline="") as file:
        writer = codec.text_writer("csv", file, COLUMNS)
        for row in rows:
            writer.write({name: inert(value) if isinstance(value, str) else value for name, value in row.items()})
