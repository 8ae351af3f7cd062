"""What somebody decided about pictures of a set: a table that the sheet writes, and that a second audit reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import canonical
from kaoiro.core.plain import inert
from kaoiro.data.datasets import user_tables
from kaoiro.evaluation.audit.labelled_set import LabelledSet, digest
from kaoiro.evaluation.progress import followed

Verb = Literal["keep", "relabel", "drop"]
VERBS: tuple[Verb, ...] = ("keep", "relabel", "drop")
COLUMNS = ("id", "hash", "label", "decision", "new_label")


@dataclass(frozen=True)
class Decision:
    """What becomes of a picture.

    Attributes:
        id: of the row in its set.
        hash: digest of the picture that was looked at.
        label: that it had.
        verb: 'keep', 'relabel' or 'drop'.
        new_label: for 'relabel'.
    """

    id: str
    hash: str
    label: str
    verb: Verb
    new_label: str = ""

    @property
    def result(self) -> tuple[str, str] | None:
        """Digest and label afterwards; None if the picture is gone."""
        return None if self.verb == "drop" else (self.hash, self.new_label or self.label)


def read(path: str | Path) -> list[Decision]:
    """Read decisions; rows without one are passed over, and so are further columns.

    Raises:
        DataError: the table cannot be read, lacks columns, or a row makes no sense or contradicts another one.
    """
    source = Path(path)
    table = user_tables.load(source)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        wanted = f"decisions have {', '.join(COLUMNS)}, with commas between"
        raise DataError(f"{source} lacks the column(s) {', '.join(lacking)}; {wanted}")
    found: dict[str, Decision] = {}
    for row, cells in enumerate(zip(*(_texts(table[name]) for name in COLUMNS), strict=True)):
        decision = _decision(source, row, *cells)
        if decision is None:
            continue
        if found.setdefault(decision.id, decision) != decision:
            where = user_tables.where(source, row)
            raise DataError(f"{where}: {decision.id} was decided otherwise further up; keep one of the two rows")
    return list(found.values())


def _texts(column: Iterable[object]) -> list[str]:
    return ["" if value is None or value != value else str(value) for value in column]


def _decision(source: Path, row: int, *cells: str) -> Decision | None:
    pixels, label, verb, new = (text.strip() for text in cells[1:])
    name, verb = cells[0], verb.lower()
    if not verb:
        return None
    where = user_tables.where(source, row)
    if verb not in VERBS:
        raise DataError(f"{where}: the decision must be empty or one of {', '.join(VERBS)}; found {verb!r}")
    if (verb == "relabel") != bool(new):
        raise DataError(f"{where}: 'relabel' needs a new_label, and nothing else has one; found {verb!r}, {new!r}")
    return Decision(name, pixels, canonical(label), cast(Verb, verb), canonical(new))


def fitted(data: LabelledSet, decisions: list[Decision], source: str | Path) -> dict[int, Decision]:
    """Return decisions by row of the set.

    Args:
        data: the set.
        decisions: about it.
        source: of the decisions, for errors.

    Raises:
        DataError: an id or label that the set does not have, another picture or label than was decided about, or no
            picture would be left.
    """
    rows = {name: row for row, name in enumerate(data.ids)}
    rows = {inert(name): row for name, row in rows.items()} | rows  # as tables for spreadsheets spell them
    found: dict[int, Decision] = {}
    for one in followed(decisions, len(decisions), "decisions"):
        row = rows.get(one.id, rows.get(one.id.strip()))  # a name may begin with a space; a number does not
        if row is None:
            raise DataError(f"{source}: {data.source} has no picture with the id {one.id!r}; is it another set?")
        _check(data, row, one, source)
        found[row] = one
    if sum(one.verb == "drop" for one in found.values()) == len(data):
        raise DataError(f"{source}: every picture of {data.source} would be dropped")
    return found


def _check(data: LabelledSet, row: int, one: Decision, source: str | Path) -> None:
    valid = ", ".join(data.vocabulary.labels)
    if one.verb == "relabel" and one.new_label not in data.vocabulary.labels:
        raise DataError(f"{source}, id {one.id}: no label is called {one.new_label!r}; valid labels: {valid}")
    if one.label != data.label(row):
        was, now = one.label, data.label(row)
        raise DataError(f"{source}, id {one.id}: decided about the label {was!r}, but it is {now!r}; audit again")
    if one.hash != digest_of(data, row):
        raise DataError(f"{source}, id {one.id}: decided about another picture (its hash differs); audit again")


def digest_of(data: LabelledSet, row: int) -> str:
    """Return the digest of a picture, readable or not."""
    try:
        return digest(data.pixels(row))
    except InputError:
        return data.broken_digest(row)


def settled(decisions: list[Decision]) -> set[tuple[str, str]]:
    """Return pictures (digest) with labels that somebody looked at and let stand or gave."""
    return {one.result for one in decisions if one.result is not None}
