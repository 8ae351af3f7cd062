"""Whose each recording is: as a table says, or the folder in which it lies."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kaoiro.core.errors import InputError
from kaoiro.inference.recording import Recorded
from kaoiro.inference.tables import text_of

PERSON = "person"
"""What recordings can be compared by."""
_MOST_NAMED = 8


@dataclass(eq=False)
class Given:
    """A recording as it was given.

    Attributes:
        path: of the video or table that was given.
        recorded: a recording in it.
        after: on which side.
        person: whose; empty if all are of one.
        track: whose face, where the table of people says it.
        event: of which it is one of several recordings, where the table says it.
    """

    path: Path
    recorded: Recorded
    after: bool
    person: str = ""
    track: str = ""
    event: str = ""

    @property
    def names(self) -> set[str]:
        """What a table of people may call it."""
        return {self.path.as_posix(), self.path.name, _slashes(self.recorded.source), self.recorded.name}


@dataclass(frozen=True)
class Entry:
    """A line of a table of people.

    Attributes:
        line: its number.
        recording: a name of it, see `Given.names`.
        person: whose it is; empty if people are not told apart.
        track: the person's in it; empty if it does not say.
        event: of which it is a recording; likewise.
    """

    line: int
    recording: str
    person: str
    track: str
    event: str = ""


def _slashes(name: str) -> str:
    return name.replace("\\", "/")


def of_folders(given: Sequence[Given]) -> None:
    """Say of each recording that it is of the person whose name the folder of its file has.

    Raises:
        InputError: a folder without a name.
    """
    for one in given:
        one.person = one.path.resolve().parent.name
        if not one.person:
            raise InputError(f"{one.path}: lies in no folder that could name a person; say who is who by --people")


def of_table(path: Path, given: Sequence[Given], by_person: bool = True) -> None:
    """Say of each recording whose it is, and perhaps which track and event, by a table of people.

    Args:
        path: of the table.
        given: the recordings.
        by_person: whether people are told apart; else the table is there for its events.

    Raises:
        InputError: the table cannot be read, or an entry is unknown, missing, double or ambiguous.
    """
    lines: dict[int, int] = {}  # of entries, by the place of the recording
    for entry in read_people(path, by_person):
        places = [place for place, one in enumerate(given) if entry.recording in one.names]
        _check(path, entry, places, given)
        for place in places:
            if place in lines:
                whose = f"line {lines[place]} already says whose {given[place].recorded.name} is"
                raise InputError(f"{path}: line {entry.line}: {whose}")
            lines[place] = entry.line
            given[place].person, given[place].track, given[place].event = entry.person, entry.track, entry.event
    missing = [one.recorded.name for place, one in enumerate(given) if place not in lines]
    if missing:
        raise InputError(f"{path}: does not say whose {_listed(missing)} {'is' if len(missing) == 1 else 'are'}")


def _check(path: Path, entry: Entry, places: Sequence[int], given: Sequence[Given]) -> None:
    """Refuse an entry that names no recording, or recordings of several files."""
    files = list(dict.fromkeys(given[place].path.as_posix() for place in places))
    if not files:
        there = _listed([one.recorded.name for one in given])
        raise InputError(f"{path}: line {entry.line}: no recording is called {entry.recording}; there are {there}")
    if len(files) > 1:
        wish = "write the file as it was given"
        raise InputError(f"{path}: line {entry.line}: {entry.recording} may be {' or '.join(files[:2])}; {wish}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def read_people(path: Path, by_person: bool = True) -> list[Entry]:
    """Return the entries of a table with the columns recording, person and perhaps track and event.

    Args:
        path: CSV with a header; a recording is called as its file, or as its records call its source.
        by_person: whether people are told apart; else the table needs no persons, but events.

    Raises:
        InputError: it cannot be read, lacks a column, or has a line that lacks a value.
    """
    reader = csv.DictReader(text_of(path).splitlines())
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    if not by_person and "event" not in reader.fieldnames:
        raise InputError(f"{path}: says who is who, which counts only --by person; without it, it needs a column event")
    if not {"recording", "person" if by_person else "event"} <= set(reader.fieldnames):
        raise InputError(f"{path}: people have the columns recording, person and perhaps track and event")
    entries = list(_entries(path, reader, by_person))
    if not entries:
        raise InputError(f"{path}: names nobody")
    return entries


def _entries(path: Path, rows: csv.DictReader[str], by_person: bool) -> Iterator[Entry]:
    for row in rows:
        found = {name: (row.get(name) or "").strip() for name in ("recording", "person", "track", "event")}
        for name in ("recording", "person") if by_person else ("recording",):
            if not found[name]:
                raise InputError(f"{path}: line {rows.line_num}: lacks the {name}")
        person = found["person"] if by_person else ""
        yield Entry(rows.line_num, _slashes(found["recording"]), person, found["track"], found["event"])
