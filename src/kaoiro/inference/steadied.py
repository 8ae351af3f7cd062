"""Adds smoothed measurements to the records of a video, while they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kaoiro.core.errors import TruncatedVideo
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import SUPPORT, Record, expression_column, smooth_column
from kaoiro.inference.results import Measured, MeasuredFrame
from kaoiro.timeline.steady import Mode, Smooth, Steady

_RAW = tuple(map(expression_column, EXPRESSIONS.labels))
_SMOOTH = tuple(map(smooth_column, EXPRESSIONS.labels))


class Steadier:
    """Takes measured frames and gives them back, their faces with `expression_<label>_smooth` and `smooth_support`.

    Args:
        mode: 'causal' gives each frame back at once, 'centred' a little later.
    """

    def __init__(self, mode: Mode) -> None:
        self._smoother: Steady[MeasuredFrame] = Steady(mode)

    def add(self, frame: MeasuredFrame) -> Iterator[MeasuredFrame]:
        """Take the next frame and yield those that are finished."""
        faces = [(record.track, _values(record)) for record in frame.records if record.has_face]
        yield from map(_joined, self._smoother.add(frame.records[0].time_s, frame, faces))

    def finish(self) -> Iterator[MeasuredFrame]:
        """Yield the frames that were still waiting."""
        yield from map(_joined, self._smoother.finish())


def steadied(measured: Measured, mode: Mode) -> Measured:
    """Yield measured frames as `Steadier` does; a recording that breaks off keeps all of its frames.

    Args:
        measured: frames in order of time.
        mode: 'none' changes nothing.

    Raises:
        TruncatedVideo: after the last frame, if the video broke off.
    """
    if mode == "none":
        yield from measured
        return
    steadier = Steadier(mode)
    failure: TruncatedVideo | None = None
    try:
        for frame in measured:
            yield from steadier.add(frame)
    except TruncatedVideo as error:
        failure = error
    finally:
        if hasattr(measured, "close"):
            measured.close()  # pyright: ignore[reportAttributeAccessIssue]
    yield from steadier.finish()
    if failure is not None:
        raise failure


def _values(record: Record) -> tuple[float, ...]:
    return tuple(record.scores[name] for name in _RAW)


def _joined(found: tuple[MeasuredFrame, list[Smooth]]) -> MeasuredFrame:
    """Return a frame whose faces carry what was smoothed."""
    frame, smooth = found
    left: Iterator[Smooth] = iter(smooth)
    records = [_with(record, next(left)) if record.has_face else record for record in frame.records]
    return frame._replace(records=records)


def _with(record: Record, smooth: Smooth) -> Record:
    more = dict(zip(_SMOOTH, smooth.values, strict=True)) | {SUPPORT: smooth.support}
    return replace(record, scores={**record.scores, **more})
