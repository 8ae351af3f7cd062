"""The videos behind records: analysed where only they were given, found again where records were."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kaoiro.core.errors import InputError
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.job import Job, Options
from kaoiro.inference.media import Unusable, discover
from kaoiro.inference.recording import Recorded

_FORMAT = "parquet"
_OUTPUT_SUFFIXES = (".csv", ".parquet", ".jsonl")


def analyzed(
    path: Path,
    folder: Path,
    model: str | os.PathLike[str] | None,
    advance: Callable[[str, float, float | None], None],
) -> Path:
    """Return the records of a video, measured as `kaoiro analyze` does, or found where an earlier run left them.

    Args:
        path: of the video.
        folder: receives the records.
        model: which measures; None is the default.
        advance: called with name, seconds done and length.

    Raises:
        InputError: it is no video, or cannot be measured.
    """
    media = list(discover([str(path)]))
    if len(media) != 1 or path.is_dir():
        raise InputError(f"{path}: give videos or tables of records, one by one, not folders or archives of them")
    medium = media[0]
    if isinstance(medium, Unusable):
        raise InputError(f"{medium.name}: {medium.reason}")
    if medium.kind != "video":
        raise InputError(f"{path}: a photo has no times; give a video or its records")
    job = Job(Analyzer(model), folder, Options(format=_FORMAT))
    outcome = job.run(medium, lambda done_s, length_s: advance(medium.name, done_s, length_s))
    if outcome.status == "failed":
        raise InputError(outcome.message if str(path) in outcome.message else f"{path}: {outcome.message}")
    return folder / outcome.outputs[0]


def video_of(recorded: Recorded) -> Path | None:
    """Return the video that a recording was measured from, where it is found; None if it is not at hand.

    Looked for as its records call it, from here and from their folder, and beside them and one folder above.
    """
    own = Path(recorded.source)
    folder = recorded.file.resolve().parent
    for place in (own, folder / own, folder / recorded.name, folder.parent / recorded.name):
        if place.is_file() and place.suffix.lower() not in _OUTPUT_SUFFIXES:
            return place
    return None
