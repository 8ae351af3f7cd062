"""What must not be overlooked about a comparison, as keys of the page's texts with what they are put together from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kaoiro.inference.floor import OWN
from kaoiro.inference.report.measured import CHANGE, RAW
from kaoiro.inference.report.speaker import LARGEST

if TYPE_CHECKING:
    from kaoiro.inference.comparison.making import Compared, Comparison

HARDLY = 0.5
"""Share of a recording below which its face is hardly seen."""


@dataclass(frozen=True)
class Note:
    """A sentence that must not be overlooked.

    Attributes:
        key: of the text, without 'note_'.
        names: of the recordings or people that it is about.
        text: that others wrote.
    """

    key: str
    names: tuple[str, ...] = ()
    text: str = ""


def notes_of(comparison: Comparison) -> list[Note]:
    """Return the notes of a comparison: those about everything first."""
    return [*_general(comparison), *_floors(comparison), *_recordings(comparison)]


def _general(comparison: Comparison) -> Iterator[Note]:
    if comparison.by is None:
        yield Note("one_person")
    absent = dict.fromkeys(one.given.person for one in comparison.everything if not one.counts)
    if absent:
        yield Note("one_side", tuple(absent))
    lacking = [one.name for one in comparison.compared if CHANGE not in one.means]
    if lacking and len(lacking) < len(comparison.compared):
        yield Note("no_rest", tuple(lacking))


def _floors(comparison: Comparison) -> Iterator[Note]:
    floors = comparison.floors
    unknown = tuple(one.name for one in comparison.everything if one.recorded.model is None)
    if unknown:
        yield Note("model_unknown", unknown)
    elif floors.why_not:
        yield Note(floors.why_not)
    if floors.table is not None and floors.level == OWN and len(comparison.people) > 1:
        yield Note("floor_own_many")


def _recordings(comparison: Comparison) -> Iterator[Note]:
    for key, holds in _ABOUT:
        names = tuple(one.name for one in comparison.everything if holds(one))
        if names and (key != "cut" or comparison.single):  # of several, their scatter tells how exact they are
            yield Note(key, names)
    for one in comparison.everything:
        if one.recorded.note:
            yield Note("analysis", (one.name,), " ".join(one.recorded.note.split()))


def _short(one: Compared) -> bool:
    return not one.means[RAW].enough


def _hardly_seen(one: Compared) -> bool:
    return one.lane.coverage < HARDLY


def _several_faces(one: Compared) -> bool:
    return one.lane.name != LARGEST and len(set(one.recorded.tracks.tolist()) - set(one.lane.tracks)) > 0


def _largest(one: Compared) -> bool:
    return one.lane.name == LARGEST


def _cut(one: Compared) -> bool:
    return one.means[RAW].enough and one.means[RAW].cut


_ABOUT = (
    ("short", _short),
    ("hardly_seen", _hardly_seen),
    ("several_faces", _several_faces),
    ("largest", _largest),
    ("cut", _cut),
)
