"""Whose face counts: the lanes of a recording, of which one is the speaker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.inference.recording import Recorded
from kaoiro.timeline.sampled import Sampled, nearest, sampled

AUTO = "auto"
LARGEST = "largest"
_MOST_NAMED = 12


@dataclass(frozen=True, eq=False)
class Lane:
    """A face over a recording.

    Attributes:
        name: the number of its track, several joined by a plus sign, or 'largest'.
        tracks: that it consists of; empty where it is whoever is largest.
        rows: (n,) of the recording, in order of time.
        samples: of these rows, from the recording's start to its end.
    """

    name: str
    tracks: tuple[int, ...]
    rows: np.ndarray
    samples: Sampled

    @property
    def seen_s(self) -> float:
        """Seconds in which the face was seen."""
        return float(self.samples.weights_s[self.samples.present].sum())

    @property
    def coverage(self) -> float:
        """Share of the recording in which it was seen, 0-1."""
        return self.seen_s / float(self.samples.weights_s.sum())


def lane(recorded: Recorded, tracks: Sequence[int] | None) -> Lane:
    """Return the lane of tracks, or with None of whoever is largest at each sample (the source's rule).

    Where several of the tracks are there at once, the larger face counts, in the frame that is nearest to the tick.
    """
    chosen = np.arange(len(recorded.tracks)) if tracks is None else np.flatnonzero(np.isin(recorded.tracks, tracks))
    times = recorded.columns["time_s"][chosen]
    sizes = np.nan_to_num(recorded.table(["face_size"], chosen)[:, 0])
    if recorded.step_s is None:
        order = np.lexsort((-sizes, times))
        kept = np.sort(order[np.diff(times[order], prepend=-math.inf) > 0])
    else:
        kept = nearest(times, np.zeros(len(times)), recorded.step_s, recorded.start_s, sizes)
    samples = sampled(times[kept], recorded.step_s, recorded.start_s, recorded.end_s)
    name = LARGEST if tracks is None else "+".join(map(str, tracks))
    return Lane(name, () if tracks is None else tuple(tracks), chosen[kept], samples)


def longest_first(recorded: Recorded) -> list[int]:
    """Return the numbers of all tracks: most samples first, of equally many the one with the larger face."""
    numbers, place = np.unique(recorded.tracks, return_inverse=True)
    counts = np.bincount(place)
    sizes = np.nan_to_num(recorded.table(["face_size"], np.arange(len(place)))[:, 0])
    means = np.bincount(place, weights=sizes) / counts
    return numbers[np.lexsort((numbers, -means, -counts))].tolist()


def speaker(recorded: Recorded, track: str, largest: bool) -> Lane:
    """Return the lane of the speaker.

    Args:
        recorded: the recording.
        track: 'auto' takes the track that is seen longest; else its number, or several joined by commas where one
            person has several.
        largest: take the largest face of each sample instead, whoever it is.

    Raises:
        InputError: no such track, or a choice of two kinds.
    """
    if largest:
        if track != AUTO:
            raise InputError("--largest takes whoever is largest; leave out --track")
        return lane(recorded, None)
    ranked = longest_first(recorded)
    if track == AUTO:
        return lane(recorded, ranked[:1])
    parts = [part.strip().removeprefix("#") for part in track.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise InputError(f"--track must be auto or the number of a track, several joined by commas, not {track}")
    asked = list(dict.fromkeys(map(int, parts)))
    unknown = [number for number in asked if number not in ranked]
    if unknown:
        more = f" and {len(ranked) - _MOST_NAMED} shorter ones" if len(ranked) > _MOST_NAMED else ""
        there = ", ".join(map(str, ranked[:_MOST_NAMED])) + more
        raise InputError(f"{recorded.source}: no track {unknown[0]}; the longest first, there are {there}")
    return lane(recorded, asked)
