"""The recordings of both sides: read, told apart, and refused where they cannot be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kaoiro.core.errors import InputError
from kaoiro.inference.comparison.people import Given, of_folders, of_table
from kaoiro.inference.recording import Model, read_recordings
from kaoiro.inference.report.inputs import Advance, Paths, check_names, table_of

_MOST_NAMED = 4


def check_files(before: Sequence[Path], after: Sequence[Path]) -> None:
    """Refuse what can be seen to be wrong before minutes are spent on a video.

    Raises:
        InputError: nothing on a side, a file that is not there, or one that was given twice.
    """
    for side, given in (("before", before), ("after", after)):
        if not given:
            raise InputError(f"nothing to compare: give a video or its records --{side} the event")
    check_names([*before, *after])
    seen: dict[Path, str] = {}
    for side, path in [("before", path) for path in before] + [("after", path) for path in after]:
        if path.resolve() in seen:
            where = "both --before and --after" if seen[path.resolve()] != side else f"twice --{side}"
            raise InputError(f"{path}: given {where}; a recording counts once")
        seen[path.resolve()] = side


def read_sides(
    before: Sequence[Path],
    after: Sequence[Path],
    every: float | None,
    folder: Path,
    model: Paths | None,
    advance: Advance,
) -> list[Given]:
    """Return the recordings of both sides, those before the event first.

    Args:
        before: tables of records, which may hold several recordings, or videos.
        after: likewise.
        every: seconds between samples; None takes every frame.
        folder: receives the records of videos.
        model: which measures videos; None is the default.
        advance: called while a video is measured.

    Raises:
        InputError: a file that cannot be used, a recording without a face, or one that occurs twice.
    """
    places = _places([*before, *after], folder)
    given = [
        Given(path, one, side)
        for side, paths in ((False, before), (True, after))
        for path in paths
        for one in read_recordings(table_of(path, places[path], model, advance), every, whole=True)
    ]
    _refuse_copies(given)
    return given


def _places(paths: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Return the folder for the records of each path: of those with one name, each has a folder of its own."""
    names = [path.name for path in paths]
    return {path: folder if names.count(path.name) == 1 else folder / _home(path) for path in paths}


def _home(path: Path) -> str:
    """Return a name for the folder in which a file lies, which no other has."""
    home = path.resolve().parent
    return f"{home.name}-{hashlib.sha256(home.as_posix().encode()).hexdigest()[:8]}"


def _refuse_copies(given: Sequence[Given]) -> None:
    """Refuse recordings with the same measurements, whatever their files are called: the same case twice."""
    seen: dict[str, Given] = {}
    for one in given:
        other = seen.setdefault(one.recorded.checksum(), one)
        if other is not one:
            sides = "on both sides" if other.after != one.after else "twice on one side"
            names = " and ".join(f"{same.recorded.name} ({same.path})" for same in (other, one))
            raise InputError(f"{names} are the same recording, {sides}; a recording counts once")


def assign_people(given: Sequence[Given], by_person: bool, table: Path | None) -> None:
    """Say of each recording whose it is, if they are compared by person, and of which event.

    Raises:
        InputError: a table of neither, or one that does not fit the recordings.
    """
    if table is not None:
        of_table(table, given, by_person)
    elif by_person:
        of_folders(given)


def one_model(given: Sequence[Given]) -> Model | None:
    """Return the model that measured all recordings; None if it is not known of each.

    Raises:
        InputError: they were measured by different ones.
    """
    found: dict[str, tuple[Model, list[str]]] = {}
    for one in given:
        if one.recorded.model is not None:
            model = one.recorded.model
            found.setdefault(model.digest, (model, []))[1].append(one.recorded.name)
    if len(found) > 1:
        parts = [f"{model.name or model.digest[:12]} ({_some(names)})" for model, names in found.values()]
        raise InputError(
            f"recordings of different models do not compare: {', '.join(parts)}; analyze all of them with one"
        )
    known = next(iter(found.values()))[0] if found else None
    return known if all(one.recorded.model is not None for one in given) else None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")


def distinct_names(given: Sequence[Given]) -> list[str]:
    """Return a name for each recording, all different: its source's, with its folder or a number where it must be."""
    names = [one.recorded.name for one in given]
    longer = [f"{one.path.resolve().parent.name}/{name}" for one, name in zip(given, names, strict=True)]
    names = [name if names.count(name) == 1 else long for name, long in zip(names, longer, strict=True)]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]
