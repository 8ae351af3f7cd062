"""Ways through the folders of a set that lies as its authors hand it out, with errors that say what to do.

Names that begin with a dot, or that archives of a Mac bring along, are passed over everywhere.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.data.labelled_set import LeftOut

_STRAY = (".", "__MACOSX")
MISSING = LeftOut("listed, but the picture is not there")


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name.

    Raises:
        DataError: it cannot be listed.
    """
    return _listed(folder, lambda entry: entry.is_dir())


def files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files in a folder whose names end so (in lower case), sorted by name.

    Raises:
        DataError: it cannot be listed.
    """
    return _listed(folder, lambda entry: Path(entry.name).suffix.lower() in suffixes and entry.is_file())


def files_below(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """Yield the files in a folder and below it, as `files` does, a folder's own before those of its folders.

    Raises:
        DataError: a folder cannot be listed.
    """
    yield from files(folder, suffixes)
    for inner in subfolders(folder):
        yield from files_below(inner, suffixes)


def _listed(folder: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> list[Path]:
    try:
        with os.scandir(folder) as entries:  # knows folders without asking for each
            return sorted(folder / one.name for one in entries if not one.name.startswith(_STRAY) and wanted(one))
    except OSError as error:
        raise DataError(f"{folder} cannot be listed: {error.strerror or error}") from error


def found(root: Path, *names: str) -> Path | None:
    """Return the folder with the first of these names that is in `root` or in a folder of it; None if there is none.

    Archives unpack into folders of their own, so what belongs together often lies one folder deeper.
    """
    outer = [root, *subfolders(root)] if root.is_dir() else []
    return next((folder / name for name in names for folder in outer if (folder / name).is_dir()), None)


def needed(root: Path, of: str, *names: str) -> Path:
    """Return the folder that `found` finds; `of` says whose, for errors.

    Raises:
        DataError: there is none.
    """
    folder = found(root, *names)
    if folder is None:
        raise DataError(f"{root} has no folder {' or '.join(names)}; --root must name the folder of {of}")
    return folder


def unnested(folder: Path) -> Path:
    """Return the folder, or the one of the same name in it, as archives that were unpacked into a folder have it."""
    return folder / folder.name if (folder / folder.name).is_dir() else folder


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of a text, the empty ones at its end left out, each after where it stands, for errors.

    Raises:
        DataError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(text.rstrip().splitlines(), start=1):
        yield f"{path}, line {number}", line.strip()


def table_rows(
    path: Path, columns: tuple[str, ...], headless: tuple[str, ...] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the fields of every row of a comma-separated table, without reading all of it at once.

    Args:
        path: of the table.
        columns: that must be there; further ones may be.
        headless: all columns in order, where copies without a first line that names them are read, too.

    Raises:
        DataError: it cannot be read, lacks a column, or breaks off.
    """
    with _opened(path) as file:
        unnamed = bool(headless) and not file.readline().startswith(headless[0])
        file.seek(0)
        reader = csv.DictReader(file, headless if unnamed else None)
        try:
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path}, line 1: lacks the columns {', '.join(missing)} of the official layout")
            for row in reader:
                if any(row[name] is None for name in columns):
                    raise DataError(
                        f"{path}, line {reader.line_num}: the row has too few fields; is the file complete?"
                    )
                yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}, after line {reader.line_num}: not a text table: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a table; what the system refuses, then or while reading, becomes a DataError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield file
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def numbers(text: str, count: int, where: str, separator: str | None = None) -> list[float]:
    """Return the numbers in a line.

    Raises:
        DataError: they are not `count` numbers.
    """
    try:
        values = [float(part) for part in text.split(separator)]
    except ValueError:
        values = []
    if len(values) != count:
        raise DataError(f"{where}: expected {count} number(s), found {text!r}; is the file complete?")
    return values


def meaning(code: str, codes: Mapping[str, str], where: str) -> str | LeftOut:
    """Return the expression that a code stands for, or why such rows are left out.

    Args:
        code: as it is written; '3.0' is 3.
        codes: an expression, or a reason, for every code.
        where: it stands, for errors.

    Raises:
        DataError: no such code.
    """
    text = code.strip()
    with suppress(ValueError, OverflowError):
        text = text if text in codes else str(int(float(text)))
    if text not in codes:
        raise DataError(f"{where}: the code of an expression must be one of {', '.join(codes)}; found {code!r}")
    return codes[text] if codes[text] in EXPRESSIONS.labels else LeftOut(codes[text])


def frame_number(path: Path) -> int:
    """Return the number at the end of a frame's name, 0 if there is none: 'S005_001_00000011.png' is 11."""
    digits = path.stem.rpartition("_")[2]
    return int(digits) if digits.isdecimal() else 0


class Presence:
    """Knows which files are there: lists each folder once, which is faster than to ask for every file."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def __contains__(self, path: Path) -> bool:
        folder = path.parent
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(one.name for one in folder.iterdir())
            except OSError:
                self._names[folder] = frozenset()
        return path.name in self._names[folder]
