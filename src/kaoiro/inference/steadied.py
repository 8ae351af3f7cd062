"""Adds smoothed measurements to the records of a video, while they come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from kaoiro.core.errors import TruncatedVideo
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import SMOOTHED, SUPPORT, Record, is_word, smoothed
from kaoiro.inference.results import Measured, MeasuredFrame
from kaoiro.timeline.steady import Mode, Smooth, Steady

_EXPRESSIONS = len(EXPRESSIONS)  # of `SMOOTHED`, which every model answers


class Steadier:
    """Takes measured frames and gives them back, their faces with `…_smooth` columns and `smooth_support`.

    What a record lacks has no weight, and what no frame of a window has stays missing.

    Args:
        mode: 'causal' gives each frame back at once, 'centred' a little later.
    """

    def __init__(self, mode: Mode) -> None:
        self._smoother: Steady[MeasuredFrame] = Steady(mode)
        self._names: tuple[str, ...] | None = None

    def add(self, frame: MeasuredFrame) -> Iterator[MeasuredFrame]:
        """Take the next frame and yield those that are finished."""
        faces = [(record.track, self._values(record)) for record in frame.records if record.has_face]
        yield from map(self._joined, self._smoother.add(frame.records[0].time_s, frame, faces))

    def finish(self) -> Iterator[MeasuredFrame]:
        """Yield the frames that were still waiting."""
        yield from map(self._joined, self._smoother.finish())

    def _values(self, record: Record) -> tuple[float, ...]:
        """Return what is smoothed; the first face tells what the model answers beside expressions, and of words."""
        if self._names is None:
            further = any(name in record.scores for name in SMOOTHED[_EXPRESSIONS:])
            names = SMOOTHED if further else SMOOTHED[:_EXPRESSIONS]
            self._names = (*names, *filter(is_word, record.scores))
        return tuple(record.scores.get(name, math.nan) for name in self._names)

    def _joined(self, found: tuple[MeasuredFrame, list[Smooth]]) -> MeasuredFrame:
        """Return a frame whose faces carry what was smoothed."""
        frame, smooth = found
        left: Iterator[Smooth] = iter(smooth)
        names = self._names or ()
        records = [_with(record, names, next(left)) if record.has_face else record for record in frame.records]
        return frame._replace(records=records)


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


def _with(record: Record, names: tuple[str, ...], smooth: Smooth) -> Record:
    known = {smoothed(name): value for name, value in zip(names, smooth.values, strict=True) if not math.isnan(value)}
    return replace(record, scores={**record.scores, **known, SUPPORT: smooth.support})
