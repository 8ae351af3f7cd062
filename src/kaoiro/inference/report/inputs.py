"""What is given to a report or a comparison: files, the recordings in them, the person's resting face."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from kaoiro.core.errors import InputError
from kaoiro.inference.change import AUTO as ESTIMATED
from kaoiro.inference.change import Rest
from kaoiro.inference.recording import Recorded, read_recordings
from kaoiro.inference.report.videos import analyzed
from kaoiro.inference.rest import read_rest
from kaoiro.inference.tables import is_table

Paths = str | os.PathLike[str]
Advance = Callable[[str, float, float | None], None]
"""Called with name, seconds done and length while a video is measured."""
LANGUAGES = ("en", "ja")


def paths(given: Paths | Sequence[Paths]) -> list[Path]:
    """Return one path or several as a list."""
    return [Path(given)] if isinstance(given, (str, os.PathLike)) else [Path(one) for one in given]


def check_names(given: Sequence[Path]) -> None:
    """Refuse files that are not there before minutes are spent on a video.

    Raises:
        InputError: there is no such file.
    """
    for path in given:
        if not path.exists():
            raise InputError(f"{path}: no such file")


def records_folder(out: Paths | None, usual: str) -> Path:
    """Return the folder that receives the records of videos: beside the page, under its name; `usual` without one."""
    target = Path(usual if out is None else out)
    return target.with_name(f"{target.stem}-records")


def table_of(path: Path, folder: Path, model: Paths | None, advance: Advance) -> Path:
    """Return the table of records of a path: itself, or that of the video, which is analysed into `folder`.

    Raises:
        InputError: it is neither, or cannot be measured.
    """
    return path if is_table(path) else analyzed(path, folder, model, advance)


def rest_of(baseline: Paths | Rest | None, model: Paths | None, recorded: Sequence[Recorded]) -> Rest | str | None:
    """Return the resting face; 'auto' is left to each recording.

    Raises:
        InputError: the file cannot be used, or was measured by another model than the recordings.
    """
    if baseline is None or isinstance(baseline, Rest):
        return baseline
    if baseline == ESTIMATED:
        return ESTIMATED
    from kaoiro.inference.analyzer import Analyzer

    analyzer = Analyzer(model)
    digest = _digest(Path(baseline)) if is_table(baseline) else analyzer.model.digest
    for one in recorded:
        if digest and one.model is not None and one.model.digest != digest:
            raise InputError(
                f"{baseline}: the resting face is measured by another model than {one.source}; name its model "
                "by --model, or give records of the same one"
            )
    return read_rest(analyzer, baseline)


def _digest(table: Path) -> str:
    """Return the checksum of the model that measured a table; empty if nothing says which."""
    with suppress(InputError):  # records of photos, which are no recording
        return next((one.model.digest for one in read_recordings(table) if one.model is not None), "")
    return ""
