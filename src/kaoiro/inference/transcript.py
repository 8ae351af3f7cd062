"""Transcripts (SubRip, WebVTT) and events (CSV) of a recording: what was said and what happened, with times."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from kaoiro.core.errors import InputError
from kaoiro.inference.tables import text_of

SUFFIXES = (".srt", ".vtt")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_ARROW = re.compile(r"^\s*(\S+)\s+-->\s+(\S+)(?:\s.*)?$")
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Cue:
    """A line of a transcript, or an event.

    Attributes:
        start_s, end_s: seconds since the start of the recording; equal for an event of one moment.
        text: in plain words.
    """

    start_s: float
    end_s: float
    text: str


def read_transcript(path: Path) -> list[Cue]:
    """Return the cues of a transcript in the order of their starts; markup is taken off.

    Args:
        path: .srt or .vtt, times since the start of the recording.

    Raises:
        InputError: it cannot be read, holds no cue, or one whose times are broken.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a transcript ends in {' or '.join(SUFFIXES)}")
    blocks = re.split(r"\n[ \t]*\n", text_of(path).strip("\n"))
    if path.suffix.lower() == ".vtt" and not blocks[0].startswith("WEBVTT"):
        raise InputError(f"{path}: no WebVTT, which begins with the line WEBVTT")
    cues = [cue for block in blocks if (cue := _cue(path, block)) is not None]
    if not cues:
        raise InputError(f"{path}: holds no line with times such as 00:01:02,500 --> 00:01:04,000")
    return sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))


def _cue(path: Path, block: str) -> Cue | None:
    """Return the cue of a block; None for headers, notes and styles, which have no arrow."""
    lines = block.split("\n")
    place = next((number for number, line in enumerate(lines) if "-->" in line), None)
    if place is None:
        return None
    match = _ARROW.match(lines[place])
    times = [_clock(match[1]), _clock(match[2])] if match else []
    if not match or times[0] is None or times[1] is None:
        raise InputError(f"{path}: broken times in the line '{lines[place].strip()[:80]}'")
    if times[1] < times[0]:
        raise InputError(f"{path}: ends before it starts: '{lines[place].strip()[:80]}'")
    words = html.unescape(_MARKUP.sub("", " ".join(line.strip() for line in lines[place + 1 :])))
    return Cue(times[0], times[1], " ".join(words.split()))


def _clock(text: str) -> float | None:
    """Return a time such as 1:02:03.5 in seconds; None if it is none."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    seconds = float(match[3].replace(",", "."))
    return int(match[1] or 0) * 3600 + int(match[2]) * 60 + seconds if seconds < 60 else None


def read_events(path: Path) -> list[Cue]:
    """Return the events of a table with the columns start_s (or time_s), label and, if they last, end_s.

    Args:
        path: CSV with a header; times in seconds or such as 1:02:03.5, since the start of the recording.

    Raises:
        InputError: it cannot be read, lacks a column, has a broken time, or events that overlap or are not in order.
    """
    reader = csv.DictReader(text_of(path).splitlines())
    names = [name.strip() for name in reader.fieldnames or ()]
    start = next((name for name in ("start_s", "time_s") if name in names), None)
    if start is None or "label" not in names:
        raise InputError(f"{path}: events have the columns start_s (or time_s), label and, if they last, end_s")
    reader.fieldnames = names
    events = list(_events(path, reader, start))
    if not events:
        raise InputError(f"{path}: holds no event")
    _refuse_overlaps(path, events)
    return events


def _events(path: Path, rows: csv.DictReader[str], start: str) -> Iterator[Cue]:
    for number, row in enumerate(rows, 2):
        begin = _seconds(path, number, row[start])
        end = _seconds(path, number, row["end_s"]) if (row.get("end_s") or "").strip() else begin
        if end < begin:
            raise InputError(f"{path}: line {number}: the event ends before it starts")
        yield Cue(begin, end, " ".join((row["label"] or "").split()))


def _seconds(path: Path, number: int, text: str | None) -> float:
    text = (text or "").strip()
    value = float(text) if _PLAIN.fullmatch(text) else _clock(text)
    if value is None:
        raise InputError(f"{path}: line {number}: '{text}' is no time in seconds or such as 1:02:03.5")
    return value


def _refuse_overlaps(path: Path, events: Sequence[Cue]) -> None:
    for number, (before, after) in enumerate(pairwise(events), 3):
        if after.start_s < before.start_s:
            raise InputError(f"{path}: line {number}: events must be in order of time")
        if after.start_s < before.end_s:
            raise InputError(f"{path}: line {number}: '{after.text}' begins before '{before.text}' has ended")
