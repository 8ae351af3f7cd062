"""Measure what happens now: records of the newest frame, and an honest count of those that were passed over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kaoiro.core.checks import require
from kaoiro.core.types import Record
from kaoiro.faces.frame import Frame
from kaoiro.faces.live import Newest, frames_of
from kaoiro.faces.scout import sightings
from kaoiro.faces.track import Tracker, TrackerConfig
from kaoiro.inference.engine import Engine
from kaoiro.inference.results import MeasuredFrame
from kaoiro.inference.steadied import steadied
from kaoiro.timeline.steady import Mode

MODES: tuple[Mode, ...] = ("causal", "none")
"""A curve that looks ahead would come too late."""


class Moment(NamedTuple):
    """What one frame shows.

    Attributes:
        records: of its faces, or one without a face.
        dropped: frames that were passed over since the frame before; it belongs to the frame, not to a face.
    """

    records: list[Record]
    dropped: int


class Live:
    """A source that is measured while it plays; frames that come too fast are dropped and counted.

    Args:
        source: see `faces.live.frames_of`.
        engine: measures single frames.
        tracker: settings of the identities over time.
        smooth: 'causal' or 'none'.
        seconds: of the source's time, after which it ends; None goes on.

    Attributes:
        measured: frames so far.
        dropped: frames that were passed over so far.

    Raises:
        InputError: another smoothing.
    """

    def __init__(
        self,
        source: str,
        engine: Engine,
        tracker: TrackerConfig,
        smooth: Mode = "causal",
        seconds: float | None = None,
    ) -> None:
        require(smooth in MODES, "smooth", f"one of {', '.join(MODES)}", smooth)
        self._seconds = seconds
        self._source, self._engine, self._tracker = source, engine, tracker
        self._smooth: Mode = smooth
        self.measured = self.dropped = 0

    def __iter__(self) -> Iterator[Moment]:
        """Yield moments until the source ends, or `seconds` of its time have passed.

        Raises:
            InputError: the source cannot be opened, or broke off.
        """
        frames = frames_of(self._source)
        _ = self._engine.detector  # opened now, not while the first frames pass
        newest = Newest(frames)
        passed: list[int] = []
        try:
            begun: float | None = None
            for frame in steadied(self._frames(newest, passed), self._smooth):
                time_s = frame.records[0].time_s
                begun = time_s if begun is None else begun
                if self._seconds is not None and time_s - begun >= self._seconds:
                    return
                self.measured += 1
                dropped = passed.pop(0)
                self.dropped += dropped
                yield Moment(frame.records, dropped)
        finally:
            newest.stop()

    def _frames(self, newest: Newest, passed: list[int]) -> Iterator[MeasuredFrame]:
        tracker = Tracker(self._tracker)

        def shown() -> Iterator[Frame]:
            for frame, dropped in newest:
                passed.append(dropped)
                yield frame

        for sighting in sightings(shown()):
            seen, frame = self._engine.frame(sighting), sighting.frame
            tracks = tracker.update(frame.time_s, [face.detection for face in seen.faces])
            place = (self._source, frame.index, frame.time_s)
            records = [face.record(*place, track) for face, track in zip(seen.faces, tracks, strict=True)]
            yield MeasuredFrame(None, records or [Record(*place)], [face.box for face in seen.others])
