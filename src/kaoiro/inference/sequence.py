"""Pictures that come one after another from somebody else: tracks, and curves smoothed over time, as they come."""

from __future__ import annotations

from kaoiro.core.checks import require
from kaoiro.core.types import Record
from kaoiro.faces.track import Tracker, TrackerConfig
from kaoiro.inference.engine import MeasuredPicture
from kaoiro.inference.live import MODES
from kaoiro.inference.results import MeasuredFrame
from kaoiro.inference.steadied import Steadier
from kaoiro.timeline.steady import Mode

_TRACKING = TrackerConfig(max_gap_s=3.0)  # whoever sends pictures one by one may send two a second, and miss some


class PictureSequence:
    """Follows the faces of pictures that were measured one by one.

    Args:
        name: written to the records' `source`.
        smooth: 'causal' adds every measurement smoothed over time, 'none' does not.

    Raises:
        InputError: another smoothing; a curve that looks ahead would come too late.
    """

    def __init__(self, name: str, smooth: Mode = "causal") -> None:
        require(smooth in MODES, "smooth", f"one of {', '.join(MODES)}", smooth)
        self._name, self._tracker, self._count = name, Tracker(_TRACKING), 0
        self._steadier = Steadier(smooth) if smooth != "none" else None

    def add(self, measured: MeasuredPicture, time_s: float) -> list[Record]:
        """Return the records of the next picture's faces, largest first; one without a face if there is none.

        Args:
            measured: what the picture shows.
            time_s: when it was taken, seconds; where it falls back, everything begins anew.
        """
        place = (self._name, self._count, time_s)
        self._count += 1
        tracks = self._tracker.update(time_s, [face.detection for face in measured.faces])
        records = [face.record(*place, track) for face, track in zip(measured.faces, tracks, strict=True)]
        frame = MeasuredFrame(None, records or [Record(*place)], [])
        if self._steadier is None:
            return frame.records
        return [record for done in self._steadier.add(frame) for record in done.records]
