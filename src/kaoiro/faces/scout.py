"""Find the faces of a video's frames at the size that suits them.

The first frame of each second is looked at closely. What it shows decides how large the other frames of
that second need to be: large faces are found, and placed better, in small pictures, small ones need large
pictures. A frame that shows fewer faces than the first one is looked at closely too. So a face that
comes in is found within a second at the latest, and no answer depends on more than that second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kaoiro.faces.detect import Detection, FaceDetector
from kaoiro.faces.video import Frame

Keep = Callable[[list[Detection]], list[Detection]]


@dataclass
class Outlook:
    """What the first frame of a second told; the others wait for it.

    Attributes:
        face: size of the smallest face that is kept, pixels; 0 if there was none.
        count: number of faces kept.
        ready: set once the first frame was looked at.
    """

    face: float | None = None
    count: int = 0
    ready: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Sighting:
    """A frame, the outlook of its second, and whether it is the one that makes it."""

    frame: Frame
    outlook: Outlook
    first: bool


def sightings(frames: Iterator[Frame], every_s: float = 1.0) -> Iterator[Sighting]:
    """Group frames by seconds of presentation time; the first frame of each group makes its outlook."""
    slot: int | None = None
    outlook = Outlook()
    for frame in frames:
        now = int(frame.time_s // every_s)
        first = now != slot
        if first:
            slot, outlook = now, Outlook()
        yield Sighting(frame, outlook, first)


def find(sighting: Sighting, detector: FaceDetector, keep: Keep) -> list[Detection]:
    """Return the faces of a frame, in its own pixels.

    Safe to call from several threads, as long as sightings are started in order.

    Args:
        sighting: from `sightings`.
        detector: any detector.
        keep: chooses among faces sorted by size, for instance the largest ones.
    """
    frame, outlook = sighting.frame, sighting.outlook
    close: list[Detection] | None = None
    if sighting.first:
        try:
            close = keep(_look(frame, detector, None))
            outlook.face = min((face.box.area**0.5 for face in close), default=0.0)
            outlook.count = len(close)
        finally:
            outlook.ready.set()
    outlook.ready.wait()
    size = frame.size
    if detector.working_size(*size, outlook.face) == detector.working_size(*size):
        return keep(_look(frame, detector, None)) if close is None else close
    found = keep(_look(frame, detector, outlook.face))
    if len(found) >= outlook.count:
        return found
    return keep(_look(frame, detector, None)) if close is None else close


def _look(frame: Frame, detector: FaceDetector, face: float | None) -> list[Detection]:
    width, height = frame.size
    small = frame.rgb(detector.working_size(width, height, face))
    x, y = width / small.shape[1], height / small.shape[0]
    return [found.scaled(x, y) for found in detector.detect(small)]
