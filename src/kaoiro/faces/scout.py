"""Find the faces of a video's frames at the size that suits them.

The first frame of each second is looked at closely. What it shows decides how large the other frames of
that second need to be: large faces are found, and placed better, in small pictures, small ones need large
pictures. A frame that shows fewer faces than the first one is looked at closely too. So a face that
comes in is found within a second at the latest, and no answer depends on more than that second.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from kaoiro.faces.detect import Detection, FaceDetector
from kaoiro.faces.frame import Frame


class Outlook:
    """What the first frame of a second shows; whoever asks first looks, the others wait for that one.

    No one ever waits for work that has not begun, so frames may be taken up in any order, and some of them never.
    """

    def __init__(self, first: Frame) -> None:
        self._first: Frame | None = first
        self._faces: list[Detection] = []
        self._lock = threading.Lock()

    def faces(self, detector: FaceDetector) -> list[Detection]:
        """Return the faces of the first frame, in its own pixels."""
        with self._lock:
            if self._first is not None:
                self._faces = _look(self._first, detector, None)
                self._first = None  # its pixels are needed no more
            return self._faces


@dataclass(frozen=True)
class Sighting:
    """A frame, the outlook of its second, and whether it is the one that makes it."""

    frame: Frame
    outlook: Outlook
    first: bool


def sampled(frames: Iterator[Frame], every: float | None) -> Iterator[Frame]:
    """Keep the first frame at or after each multiple of `every` seconds of presentation time."""
    last: int | None = None
    for frame in frames:
        if every is None:
            yield frame
            continue
        slot = math.floor(frame.time_s / every + 1e-6)
        if slot != last:
            last = slot
            yield frame


def sightings(frames: Iterator[Frame], every_s: float = 1.0) -> Iterator[Sighting]:
    """Group frames by seconds of presentation time; the first frame of each group makes its outlook."""
    last: tuple[float, Outlook] | None = None
    for frame in frames:
        slot = frame.time_s // every_s
        first = last is None or last[0] != slot
        if last is None or first:
            last = (slot, Outlook(frame))
        yield Sighting(frame, last[1], first)


def find(sighting: Sighting, detector: FaceDetector) -> list[Detection]:
    """Return the faces of a frame, largest first, in its own pixels; safe to call from several threads."""
    frame = sighting.frame
    shown = sighting.outlook.faces(detector)
    smallest = min((face.box.area**0.5 for face in shown), default=0.0)
    if detector.working_size(*frame.size, smallest) == detector.working_size(*frame.size):
        return shown if sighting.first else _look(frame, detector, None)
    found = _look(frame, detector, smallest)
    if len(found) >= len(shown):
        return found
    return shown if sighting.first else _look(frame, detector, None)


def _look(frame: Frame, detector: FaceDetector, face: float | None) -> list[Detection]:
    width, height = frame.size
    small = frame.rgb(detector.working_size(width, height, face))
    x, y = width / small.shape[1], height / small.shape[0]
    return [found.scaled(x, y) for found in detector.detect(small)]
