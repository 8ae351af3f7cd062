"""Find media: files, folders and archives become a stable list of photos and videos."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from kaoiro.core.errors import InputError
from kaoiro.core.files import printable
from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.faces.video import SUFFIXES as VIDEO_SUFFIXES
from kaoiro.inference.archives import Member, Reader, is_archive

Kind = Literal["photo", "video"]


@dataclass(frozen=True)
class Medium:
    """One photo or video.

    Attributes:
        name: as written to the records: the path as given, or 'archive.zip/member'.
        relative: where its results go below the output folder, with forward slashes.
        kind: photo or video.
        stamp: size and time of change, to tell whether it is still the same file.
        open: a context manager that gives a path on disk.
    """

    name: str
    relative: str
    kind: Kind
    stamp: tuple[int, int]
    open: Callable[[], Any]


@dataclass(frozen=True)
class Unusable:
    """A path from which no medium came, and why."""

    name: str
    reason: str


def kind_of(name: str) -> Kind | None:
    """Return what a file name's suffix means, None if neither photo nor video."""
    suffix = PurePosixPath(name.lower()).suffix
    return "photo" if suffix in PHOTO_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else None


def discover(paths: list[str], skip: Path | None = None) -> Iterator[Medium | Unusable]:
    """Yield the media of files, folders and archives in a stable order.

    Folders are walked in order of names; hidden files, and files that are neither media nor archives, are
    passed over. A file that is named itself is always taken: an unknown suffix is probed.

    Args:
        paths: as the user gave them.
        skip: a folder that walking leaves out, such as the one that receives the results.
    """
    reader = Reader()
    for given in paths:
        path = Path(given)
        try:
            if given and path.is_dir():
                yield from _in_folder(reader, path, skip)
            elif not given or not path.exists():
                yield Unusable(printable(given) or "''", "no such file or folder")
            elif not path.is_file():  # a pipe would wait for its other end
                yield Unusable(printable(path), "neither a file nor a folder")
            elif is_archive(path):
                yield from _in_archive(reader, path, path.name)
            else:
                yield _file(path, path.name, kind_of(path.name) or _probed(path))
        except OSError as error:
            yield Unusable(printable(path), f"cannot be read: {error.strerror or error}")


def _in_folder(reader: Reader, folder: Path, skip: Path | None) -> Iterator[Medium | Unusable]:
    count = 0
    skipped = None if skip is None else skip.resolve()
    if skipped is not None and folder.resolve().is_relative_to(skipped):
        yield Unusable(printable(folder), "lies in the folder that receives the results; choose another one for them")
        return
    for item in _walk(folder, skipped):
        for found in [item] if isinstance(item, Unusable) else _in_file(reader, item, folder):
            count += 1
            yield found
    if not count:
        yield Unusable(printable(folder), "a folder without photos, videos or archives")


def _walk(folder: Path, skipped: Path | None) -> Iterator[Path | Unusable]:
    """Yield the files below a folder, names in order, and the folders that cannot be read."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            path = folder / entry.name
            if _hidden(entry.name):
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif skipped is None or path.resolve() != skipped:
                yield from _walk(path, skipped)
    except OSError as error:
        yield Unusable(printable(folder), f"cannot be read: {error.strerror or error}")


def _in_file(reader: Reader, path: Path, folder: Path) -> Iterator[Medium | Unusable]:
    """Yield what a file of a walked folder holds: a medium, the media of an archive, or nothing."""
    kind = kind_of(path.name)
    relative = path.relative_to(folder).as_posix()
    try:
        if (kind is None and not is_archive(path)) or not path.is_file():
            return
        if kind is not None:
            yield _file(path, relative, kind)
        else:
            yield from _in_archive(reader, path, relative)
    except OSError as error:
        yield Unusable(printable(path), f"cannot be read: {error.strerror or error}")


def _file(path: Path, relative: str, kind: Kind) -> Medium:
    status = path.stat()

    @contextmanager
    def opened() -> Iterator[Path]:
        yield path

    return Medium(printable(path), printable(relative), kind, (status.st_size, status.st_mtime_ns), opened)


def _probed(path: Path) -> Kind:
    """Decide by content whether a file with an unknown suffix is a photo or a video."""
    from PIL import Image

    try:
        with Image.open(path):
            return "photo"
    except Exception:  # whatever it is, it is not a picture; the video reader will say what is wrong
        return "video"


def _in_archive(reader: Reader, path: Path, relative: str) -> Iterator[Medium | Unusable]:
    count = 0
    try:
        for member in reader.members(path):
            kind = kind_of(member.name)
            if kind is not None and not _hidden(member.inner):
                count += 1
                yield _member_medium(reader, member, relative, kind)
    except InputError as error:
        yield Unusable(printable(path), str(error))
        return
    if not count:
        yield Unusable(printable(path), "an archive without photos or videos")


def _member_medium(reader: Reader, member: Member, relative: str, kind: Kind) -> Medium:
    @contextmanager
    def opened() -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="kaoiro-", ignore_cleanup_errors=True) as folder:
            target = Path(folder) / f"member{PurePosixPath(member.name).suffix}"
            reader.copy(member, target)
            yield target

    name, place = printable(f"{member.archive}/{member.inner}"), printable(f"{relative}/{member.inner}")
    return Medium(name, place, kind, (member.size, member.stamp), opened)


def _hidden(relative: str) -> bool:
    """Whether a path has a part that file managers hide: dot files, and what macOS adds to archives."""
    return any(part.startswith((".", "__MACOSX")) for part in relative.split("/"))
