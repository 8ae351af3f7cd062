"""What is left out of a comparison at a time, to see what hangs on it: recordings, events or people.

Recordings of one event, such as a meeting in several files, tell the same story and are left out together. Of several
people, one who has a single recording or event on a side is left out as a whole: without it there is nothing to compare
the others of that person with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kaoiro.inference.comparison.making import Compared

RECORDING, EVENT, PERSON = "recording", "event", "person"


@dataclass(frozen=True)
class Unit:
    """What is left out at a time.

    Attributes:
        kind: 'recording', 'event' or 'person'.
        name: of it.
        rows: places of its recordings among those that count.
    """

    kind: str
    name: str
    rows: tuple[int, ...]


def units_of(compared: Sequence[Compared]) -> list[Unit]:
    """Return what is left out, in the order of the recordings; each of them is in one unit."""
    keys = [_own(one) for one in compared]
    people = {one.given.person for one in compared}
    hanging = {person for person in people if len(people) > 1 and _hangs(person, compared, keys)}
    keys = [
        (PERSON, one.given.person) if one.given.person in hanging else key
        for one, key in zip(compared, keys, strict=True)
    ]
    rows = {key: tuple(row for row, other in enumerate(keys) if other == key) for key in dict.fromkeys(keys)}
    return [Unit(kind, name, rows[kind, name]) for kind, name in rows]


def _own(one: Compared) -> tuple[str, str]:
    return (EVENT, one.given.event) if one.given.event else (RECORDING, one.name)


def _hangs(person: str, compared: Sequence[Compared], keys: Sequence[tuple[str, str]]) -> bool:
    """Return whether a person has a single recording, or event, on a side."""
    sides: dict[bool, set[tuple[str, str]]] = {}
    for one, key in zip(compared, keys, strict=True):
        if one.given.person == person:
            sides.setdefault(one.after, set()).add(key)
    return min(len(found) for found in sides.values()) == 1


def groups_of(units: Sequence[Unit], count: int) -> np.ndarray:
    """Return the place of each recording's unit: (R,), as `timeline.changes.left_out` takes them."""
    groups = np.zeros(count, np.int64)
    for place, unit in enumerate(units):
        groups[list(unit.rows)] = place
    return groups
