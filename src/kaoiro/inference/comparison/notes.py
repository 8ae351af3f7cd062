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
        labels: that it is about, whose names differ by language.
    """

    key: str
    names: tuple[str, ...] = ()
    text: str = ""
    labels: tuple[str, ...] = ()


def notes_of(comparison: Comparison) -> list[Note]:
    """Return the notes of a comparison: those about everything first."""
    return [*_general(comparison), *_floors(comparison), *_held_back(comparison), *_recordings(comparison)]


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
    if floors.table is not None and floors.level != OWN:
        yield Note("floor_rendered")
    elif floors.table is not None and len(comparison.people) > 1:
        yield Note("floor_own_many")


def _recordings(comparison: Comparison) -> Iterator[Note]:
    for key, holds in _ABOUT:
        names = tuple(one.name for one in comparison.everything if holds(one))
        if names:
            yield Note(key, names)
    yield from _too_narrow(comparison)
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


def _too_narrow(comparison: Comparison) -> Iterator[Note]:
    """Yield which single recordings wish longer blocks; of several, their scatter tells how exact they are."""
    cut = [one for one in comparison.everything if one.means[RAW].enough and one.means[RAW].cut]
    if not comparison.single or not cut:
        return
    for key, part in (("cut_much", [one for one in cut if _far(one)]), ("cut", [one for one in cut if not _far(one)])):
        if part:
            wished = max(one.means[RAW].wished_s for one in part)
            yield Note(key, tuple(one.name for one in part), f"{wished:.0f}")


def _far(one: Compared) -> bool:
    return bool(one.means[RAW].far_cut.any())


def _held_back(comparison: Comparison) -> Iterator[Note]:
    """Yield which labels of two single recordings are uncertain whatever their difference is, and why."""
    for key in ("off_rest", "far_cut"):
        labels = [family.labels[place] for family in comparison.families for place in getattr(family, key)]
        if labels:
            yield Note(key, labels=tuple(dict.fromkeys(labels)))


_ABOUT = (
    ("short", _short),
    ("hardly_seen", _hardly_seen),
    ("several_faces", _several_faces),
    ("largest", _largest),
)
