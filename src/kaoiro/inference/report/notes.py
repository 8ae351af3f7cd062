"""What must not be overlooked about a recording, as keys of the page's texts with what they are put together from.

The page says the same of the lane that is looked at; this is what holds of the speaker's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kaoiro.inference.report import assembly
from kaoiro.inference.report.speaker import LARGEST
from kaoiro.inference.transcript import Cue

if TYPE_CHECKING:
    from kaoiro.inference.report.making import RecordingReport

HARDLY = 0.5
"""Share of a recording below which its face is hardly seen."""


@dataclass(frozen=True)
class Note:
    """A sentence that must not be overlooked.

    Attributes:
        key: of the text, without 'note_'.
        values: that stand in it.
    """

    key: str
    values: Mapping[str, str | int] = field(default_factory=dict)


def in_words(note: Note, language: str = "en") -> str:
    """Return a note as a sentence."""
    text = assembly.texts(assembly.HOME)[language][f"note_{note.key}"]
    if isinstance(text, dict):
        text = text.get(str(note.values.get("n")), text["other"])
    for name, value in note.values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def outside(cues: Sequence[Cue], length_s: float) -> int:
    """Return how many events or lines of a transcript begin after a recording has ended."""
    return sum(cue.start_s > length_s for cue in cues)


def notes_of(one: RecordingReport) -> list[Note]:
    """Return the notes of a recording."""
    return [*_general(one), *_face(one), *_intervals(one)]


def _general(one: RecordingReport) -> Iterator[Note]:
    yield from (Note(key) for key in one.notes)
    yield from (Note(f"{name}_outside", {"n": count}) for name, count in one.outside.items() if count)
    if one.recorded.note:
        yield Note("analysis", {"text": " ".join(one.recorded.note.split())})
    if one.recorded.model is None:
        yield Note("model_unknown")
    if one.speaker.lane.coverage < HARDLY:
        yield Note("coverage", {"share": f"{100 * one.speaker.lane.coverage:.1f} %"})


def _face(one: RecordingReport) -> Iterator[Note]:
    tracks = len(np.unique(one.recorded.tracks))
    if one.speaker.lane.name == LARGEST:
        yield Note("largest")
    elif one.choice is not None:
        yield Note("chosen")
    elif tracks > 1:
        yield Note("tracks", {"n": tracks})


def _intervals(one: RecordingReport) -> Iterator[Note]:
    drawn = list(one.speaker.drawn.values())
    if any(not one.enough for one in drawn):
        yield Note("short")
    worst = max((one for one in drawn if one.enough and one.cut), key=lambda one: one.wished_s, default=None)
    if worst is not None:  # its blocks are the longest that were allowed
        key = "cut_much" if worst.far_cut else "cut"
        yield Note(key, {"wished": f"{worst.wished_s:.0f}", "longest": f"{worst.block_s:g}"})
