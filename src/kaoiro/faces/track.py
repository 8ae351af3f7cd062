"""Stable identities over the frames of one video: overlap with where a face should be by now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of the tracker.

    Attributes:
        max_gap_s: a face unseen for longer gets a new number when it comes back, seconds. The analyzer takes more
            where frames are further apart, see `spanning`.
        min_overlap: least intersection over union with the predicted box.
        reach: faces that do not overlap may still match if their centres are nearer than this many
            face sizes, and their sizes differ by less than a factor of two.
        memory: share of the old velocity kept at each observation, 0–1.
    """

    max_gap_s: float = 1.0
    min_overlap: float = 0.25
    reach: float = 0.6
    memory: float = 0.7

    def spanning(self, every_s: float | None, rate: float) -> TrackerConfig:
        """Return these settings with a gap that holds at least one and a half steps between frames, and a frame.

        Args:
            every_s: seconds between measured frames; None measures every frame.
            rate: frames per second of the video, 0 if unknown.
        """
        frame_s = 1 / rate if rate > 0 else 0.0
        step_s = max(every_s or 0.0, frame_s)
        return replace(self, max_gap_s=max(self.max_gap_s, 1.5 * step_s + frame_s))


@dataclass
class _Track:
    number: int
    box: Box
    time_s: float
    velocity: np.ndarray
    seen: int = 1

    def predicted(self, time_s: float) -> Box:
        dx, dy = self.velocity * (time_s - self.time_s)
        return Box(self.box.left + dx, self.box.top + dy, self.box.width, self.box.height)

    def observe(self, box: Box, time_s: float, memory: float) -> None:
        elapsed = time_s - self.time_s
        if elapsed > 0:
            moved = (_centre(box) - _centre(self.box)) / elapsed
            keep = memory if self.seen > 1 else 0.0
            self.velocity = keep * self.velocity + (1 - keep) * moved
        self.box, self.time_s, self.seen = box, time_s, self.seen + 1


def _centre(box: Box) -> np.ndarray:
    return np.array([box.left + box.width / 2, box.top + box.height / 2])


class Tracker:
    """Numbers faces from 0 in the order in which they appear.

    Each face moves on with its own velocity until it is seen again, which carries identities through
    crossings and short gaps; it may also turn up where it was last seen. Time is presentation time, so a
    variable frame rate changes nothing. A jump backwards in time (joined recordings) ends all tracks.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self._tracks: list[_Track] = []
        self._next = 0
        self._time_s = -np.inf

    def update(self, time_s: float, faces: Sequence[Detection]) -> list[int]:
        """Return the track number of each face seen at `time_s` (seconds), in the given order."""
        if time_s < self._time_s:
            self._tracks = []
        self._time_s = time_s
        self._tracks = [t for t in self._tracks if time_s - t.time_s <= self.config.max_gap_s]
        matches = self._match(time_s, faces)
        numbers = []
        for index, face in enumerate(faces):
            track = matches.get(index)
            if track is None:
                track = _Track(self._next, face.box, time_s, np.zeros(2))
                self._tracks.append(track)
                self._next += 1
            else:
                track.observe(face.box, time_s, self.config.memory)
            numbers.append(track.number)
        return numbers

    def _match(self, time_s: float, faces: Sequence[Detection]) -> dict[int, _Track]:
        """Pair faces and tracks greedily, best affinity first."""
        pairs = [
            (affinity, index, place)
            for place, track in enumerate(self._tracks)
            for index, face in enumerate(faces)
            if (affinity := self._affinity(track, time_s, face.box)) > 0
        ]
        matches: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, index, place in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if index not in matches and place not in taken:
                matches[index] = self._tracks[place]
                taken.add(place)
        return matches

    def _affinity(self, track: _Track, time_s: float, seen: Box) -> float:
        """Return how well a face fits where a track should be by now, else half of how well where it was last seen.

        The latter is for faces that stopped while they were hidden.
        """
        return self._closeness(track.predicted(time_s), seen) or self._closeness(track.box, seen) / 2

    def _closeness(self, expected: Box, seen: Box) -> float:
        """Return 1–2 for overlapping boxes, 0–1 for near ones, 0 for others."""
        overlap = expected.overlap(seen)
        if overlap >= self.config.min_overlap:
            return 1 + overlap
        size = np.sqrt(max(expected.area, 1e-9))
        ratio = np.sqrt(max(seen.area, 1e-9)) / size
        distance = float(np.linalg.norm(_centre(expected) - _centre(seen))) / size
        if distance >= self.config.reach or not 0.5 < ratio < 2:
            return 0.0
        return 1 - distance / self.config.reach
