"""Finds the picture that a video shows at a time without reading all before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

BACK_S = 10.0
"""Where edit lists shift times, jumping may go too far; then it begins so much earlier, at last at the start."""
_TINY = 1e-4  # seconds by which rounded times may miss a frame


def shown_at(container: Any, stream: Any, time_s: float, exact: bool) -> Any:
    """Return the last picture that begins no later than a time, or (not `exact`) the key picture before it.

    Before the first picture that is the first; None where there is none to be had.
    """
    shown = None
    for back_s in (0.0, BACK_S, time_s):
        for picture in _from(container, stream, time_s - back_s):
            late = _late(picture, stream, time_s)
            shown = picture if shown is None or not late else shown
            if late or not exact:
                break
        if shown is not None and not _late(shown, stream, time_s):
            break
    return shown


def _late(picture: Any, stream: Any, time_s: float) -> bool:
    return picture.pts is not None and float(picture.pts * stream.time_base) > time_s + _TINY


def _from(container: Any, stream: Any, time_s: float) -> Iterator[Any]:
    """Yield the pictures from the key picture before a time on, as far as they can be read."""
    from av.error import FFmpegError

    try:
        container.seek(max(0, round(time_s / stream.time_base)), stream=stream)
        yield from container.decode(stream)
    except FFmpegError:
        return
