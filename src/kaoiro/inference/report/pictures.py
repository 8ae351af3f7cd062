"""Small pictures of a recording for its report: some over its length, and the face at the height of each episode."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from kaoiro.core.errors import KaoiroError
from kaoiro.core.types import Box
from kaoiro.faces.detect import CenterFace, FaceDetector, detect_in
from kaoiro.faces.draw import hide
from kaoiro.faces.video import VideoFile
from kaoiro.inference.recording import Recorded
from kaoiro.inference.report.speaker import Lane
from kaoiro.timeline.episodes import Episode

MOST_PICTURES = 60
"""Pictures over the length of a recording."""
MOST_FACES = 24
"""Episodes that get a picture: the longest."""
EXACT_S = 30.0
"""Of recordings up to so many seconds pictures are exact; of longer ones they are key frames, found much faster."""
LONGEST = 288  # pixels of a picture
SIDE = 112  # pixels of a face
_MARGIN = 0.35  # of a box, around a face
_NEAR_S = 1.0  # boxes within so many seconds of a picture are hidden too, where people are
_QUALITY = 68


@dataclass(frozen=True)
class Picture:
    """A small picture.

    Attributes:
        time_s: of its frame, seconds.
        address: a data URL.
    """

    time_s: float
    address: str


@dataclass
class Pictures:
    """What a video adds to a report.

    Attributes:
        resolution: width and height, pixels; None without a video.
        shown: over the length of the recording.
        faces: by number of the episode.
        lights: mean brightness of the speaker's face in the pictures in which it is known, 0-1.
    """

    resolution: tuple[int, int] | None = None
    shown: list[Picture] = field(default_factory=list)
    faces: dict[int, Picture] = field(default_factory=dict)
    lights: list[float] = field(default_factory=list)


def pictures(video: Path | None, recorded: Recorded, lane: Lane, found: Sequence[Episode], blur: bool) -> Pictures:
    """Return the pictures of a recording; none where the video is not at hand or cannot be read.

    Args:
        video: the file.
        recorded: its records, which say where faces are.
        lane: of the speaker.
        found: episodes.
        blur: make all people unrecognisable: those of the records, and whom the detector finds besides.
    """
    result = Pictures()
    if video is None:
        return result
    with suppress(KaoiroError):  # a report without pictures is better than none
        file = VideoFile(video)
        result.resolution = (file.info.width, file.info.height)
        making = _Making(recorded, lane, CenterFace(threads=1) if blur else None)
        length_s = recorded.end_s - recorded.start_s
        count = min(MOST_PICTURES, max(1, round(length_s)))
        times = recorded.start_s + (np.arange(count) + 0.5) * length_s / count
        for frame in file.near(times.tolist(), exact=length_s <= EXACT_S):
            if frame is not None and all(frame.time_s != one.time_s for one in result.shown):
                result.shown.append(making.small(frame.time_s, frame.rgb()))
        ranked = sorted(range(len(found)), key=lambda place: -found[place].duration_s)[:MOST_FACES]
        for place, frame in zip(ranked, file.near([found[place].peak_s for place in ranked]), strict=False):
            if frame is not None and (face := making.face(frame.time_s, frame.rgb())) is not None:
                result.faces[place] = face
        result.lights = making.lights
    return result


class _Making:
    """Makes small pictures of frames; `detector` finds whom else to hide, None hides nobody."""

    def __init__(self, recorded: Recorded, lane: Lane, detector: FaceDetector | None) -> None:
        self._recorded, self._detector = recorded, detector
        self._times = recorded.columns["time_s"]
        self._boxes = recorded.table(("box_left", "box_top", "box_width", "box_height"), np.arange(len(self._times)))
        self._own = lane.rows
        self.lights: list[float] = []

    def small(self, time_s: float, pixels: np.ndarray) -> Picture:
        """Return a frame as a small picture, and take note of the light on the speaker's face."""
        box = self._box(time_s)
        if box is not None:
            part = pixels[_inside(box, pixels.shape, 0.0)]
            if part.size:
                self.lights.append(float(part.mean()) / 255)
        image = self._hidden(time_s, pixels)
        image.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX, reducing_gap=2.0)
        return Picture(time_s, address(image))

    def face(self, time_s: float, pixels: np.ndarray) -> Picture | None:
        """Return the speaker's face in a frame; None where nobody knows where it is."""
        box = self._box(time_s)
        if box is None:
            return None
        rows, columns = _inside(box, pixels.shape, _MARGIN)
        area = (columns.start, rows.start, columns.stop, rows.stop)
        if area[2] <= area[0] or area[3] <= area[1]:
            return None
        image = self._hidden(time_s, pixels).crop(area)
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        return Picture(time_s, address(image))

    def _box(self, time_s: float) -> Box | None:
        """Return where the speaker's face is, from the nearest row of the lane."""
        times = self._times[self._own]
        if not len(times):
            return None
        nearest = int(np.abs(times - time_s).argmin())
        box = self._boxes[self._own[nearest]]
        known = abs(times[nearest] - time_s) <= _NEAR_S and np.isfinite(box).all()
        return Box(*box.tolist()) if known else None

    def _hidden(self, time_s: float, pixels: np.ndarray) -> Image.Image:
        """Return a frame as a picture, in which nobody can be recognised where that was asked for."""
        image = Image.fromarray(pixels)
        if self._detector is not None:
            for box in [*self._known(time_s), *(one.box for one in detect_in(pixels, self._detector))]:
                hide(image, box)
        return image

    def _known(self, time_s: float) -> Iterator[Box]:
        near = np.abs(self._times - time_s) <= _NEAR_S
        yield from (Box(*row) for row in self._boxes[near].tolist() if np.isfinite(row).all())


def _inside(box: Box, shape: tuple[int, ...], margin: float) -> tuple[slice, slice]:
    """Return the rows and columns of a box within a picture, with a margin around it."""
    wide, high = margin * box.width, margin * box.height
    top, bottom = max(0, int(box.top - high)), min(shape[0], int(box.top + box.height + high) + 1)
    left, right = max(0, int(box.left - wide)), min(shape[1], int(box.left + box.width + wide) + 1)
    return slice(top, bottom), slice(left, right)


def address(image: Image.Image) -> str:
    """Return a picture as a data URL, a JPEG."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
