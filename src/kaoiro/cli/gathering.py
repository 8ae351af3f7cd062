"""Faces of many files on the command line: with a progress bar, and a line for each file that cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from kaoiro.cli.progress import Progress
from kaoiro.core.errors import KaoiroError, OutputError, TruncatedVideo

DONE, BAD_INPUT, BROKE_OFF = 0, 2, 3
_MOST = 8  # names that are listed


def gather(
    exchanger: Any, media: Sequence[Any], take: Callable[[Any], None], every: float | None, max_faces: int | None
) -> int:
    """Hand the embeddings of all media to `take`, tell what failed or shows no face, and return the exit code.

    Args:
        exchanger: encodes.
        media: from `media.discover`.
        take: receives `Embeddings`, some faces at a time.
        every: seconds between frames of videos.
        max_faces: only so many of a picture.

    Raises:
        OutputError: what `take` raises.
    """
    from kaoiro.inference.embedding import embedded

    codes, faceless = [DONE], []
    progress = Progress(len(media))
    for medium in media:
        progress.begin(medium.name)
        faces = 0
        try:
            for part in embedded(exchanger, medium, every=every, max_faces=max_faces, advance=progress.advance):
                faces += len(part)
                take(part)
            faceless += [] if faces else [medium.name]
        except OutputError:
            progress.close()
            raise
        except KaoiroError as error:
            codes.append(BROKE_OFF if isinstance(error, TruncatedVideo) else BAD_INPUT)
            progress.say(_line(medium.name, str(error)))
        progress.done()
    progress.close()
    _tell_faceless(faceless)
    return BAD_INPUT if BAD_INPUT in codes else max(codes)


def _line(name: str, message: str) -> str:
    words = " ".join(message.split())
    return f"kaoiro: {words if words.startswith(name) else f'{name}: {words}'}"


def _tell_faceless(names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        print(f"kaoiro: no face found in {', '.join(names[:_MOST])}{more}", file=sys.stderr)
