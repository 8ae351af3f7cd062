"""From tables of records and of groups to what was found, and its documents."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError
from kaoiro.core.files import write_text
from kaoiro.core.revision import commit
from kaoiro.evaluation.groups import documents, measures, page, picture
from kaoiro.evaluation.groups.banding import asked
from kaoiro.evaluation.groups.comparing import Audit, audit
from kaoiro.evaluation.groups.joining import joined
from kaoiro.evaluation.groups.looked_at import read
from kaoiro.metrics.resampling import DRAWS

LIMIT = """Groups are those of the table, errors are held against its expressions: labels that are worse for one group,
or
pictures that were chosen otherwise, look like errors of the model."""


@dataclass(frozen=True, eq=False)
class Made:
    """An audit of tables.

    Attributes:
        audit: what was found.
        records, groups: the tables.
        truth: column of the true expressions; empty if there is none.
        person: column of the people; empty if every picture counts as somebody else.
        notes: what was left out.
    """

    audit: Audit
    records: tuple[Path, ...]
    groups: Path
    truth: str
    person: str
    notes: list[str]

    @property
    def title(self) -> str:
        """What was audited."""
        return f"By group: {self.groups.stem}"

    def plain(self) -> dict[str, Any]:
        """Return everything as plain values."""
        about = {
            "measured": datetime.date.today().isoformat(),
            "commit": commit(),
            "records": [path.name for path in self.records],
            "table of groups": self.groups.name,
            "column of truth": self.truth or None,
            "column of people": self.person or None,
            "notes": self.notes,
        }
        return about | documents.plain(self.audit)


def audited(
    records: Sequence[Path],
    groups: Path,
    by: Sequence[str] = (),
    truth: str | None = None,
    least: float = measures.LEAST,
    draws: int = DRAWS,
    seed: int = 0,
) -> Made:
    """Compare groups of the people whom records show.

    Args:
        records: tables that `kaoiro analyze` wrote.
        groups: table that says of each picture who it shows (`joining.joined`).
        by: columns that make groups, as `banding.asked` reads them; none takes all that can.
        truth: column of true expressions; None takes the first that is called so.
        least: confidence below which an answer counts as none.
        draws: of people, and as many rearrangements.
        seed: of both.

    Raises:
        DataError: the table of groups cannot be used.
        InputError: records cannot be used, or the tables do not fit.
    """
    found = joined(read(records), groups, [asked(name) for name in by], truth)
    if not found.faces.found.any():
        raise InputError(f"{records[0]}: no face in any of {len(found.faces)} pictures: nothing to compare")
    notes = list(found.notes)
    if not found.person:
        notes.append(f"{groups.name} has no column person or subject: every picture counts as a person of its own")
    if not found.truth:
        notes.append(f"{groups.name} has no true expressions: errors and calibration are not compared")
    result = audit(found.faces, least, draws, seed)
    return Made(result, tuple(records), groups, found.truth, found.person, notes)


def write(folder: Path, made: Made) -> None:
    """Write groups-NAME.md, groups-NAME.json and groups-NAME.png.

    Raises:
        OutputError: the folder cannot be written.
    """
    name = f"groups-{made.groups.stem}"
    stamp = f"Measured {datetime.date.today().isoformat()}, commit {commit()}, seed {made.audit.seed}."
    head = f"# {made.title}\n\nWritten by `kaoiro audit groups`. {stamp}\n\n![Figures by group]({name}.png)"
    body = page.text(made.audit, made.notes)
    write_text(folder / f"{name}.md", f"{head}\n\n{LIMIT}\n\n{body}\n\n{page.EXPLAINED}")
    write_text(folder / f"{name}.json", documents.as_json(made.plain()))
    picture.write(folder / f"{name}.png", picture.figure(made.title, made.audit))
