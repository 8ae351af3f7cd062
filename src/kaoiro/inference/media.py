"""Find media: files, folders and archives become a stable list of photos and videos."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal

from kaoiro.core.errors import InputError
from kaoiro.faces.video import SUFFIXES as VIDEO_SUFFIXES

PHOTO_SUFFIXES = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".avif",
        ".heic",
    )
)
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
Kind = Literal["photo", "video"]
_DAMAGES = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    UnicodeDecodeError,
)
"""What unpacking raises of damaged, encrypted and unsupported archives."""


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


def is_archive(path: Path) -> bool:
    """Whether a file name means an archive."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


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
    for given in paths:
        path = Path(given)
        try:
            if path.is_dir():
                yield from _in_folder(path, skip)
            elif not path.exists():
                yield Unusable(printable(path), "no such file or folder")
            elif is_archive(path):
                yield from _in_archive(path, path.name)
            else:
                yield _file(path, path.name, kind_of(path.name) or _probed(path))
        except OSError as error:
            yield Unusable(printable(path), f"cannot be read: {error.strerror or error}")


def _in_folder(folder: Path, skip: Path | None) -> Iterator[Medium | Unusable]:
    count = 0
    skipped = None if skip is None else skip.resolve()
    for path in sorted(folder.rglob("*"), key=lambda item: item.relative_to(folder).parts):
        relative = path.relative_to(folder)
        if any(part.startswith((".", "__MACOSX")) for part in relative.parts) or not path.is_file():
            continue
        if skipped is not None and path.resolve().is_relative_to(skipped):
            continue
        kind = kind_of(path.name)
        if kind is not None:
            count += 1
            yield _file(path, relative.as_posix(), kind)
        elif is_archive(path):
            count += 1
            yield from _in_archive(path, relative.as_posix())
    if not count:
        yield Unusable(printable(folder), "a folder without photos, videos or archives")


def _file(path: Path, relative: str, kind: Kind) -> Medium:
    status = path.stat()

    @contextmanager
    def opened() -> Iterator[Path]:
        yield path

    return Medium(printable(path), printable(relative), kind, (status.st_size, status.st_mtime_ns), opened)


def printable(name: str | Path) -> str:
    """Return a file name that can be written as UTF-8: bytes that are none become escapes."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def _probed(path: Path) -> Kind:
    """Decide by content whether a file with an unknown suffix is a photo or a video."""
    from PIL import Image

    try:
        with Image.open(path):
            return "photo"
    except Exception:  # whatever it is, it is not a picture; the video reader will say what is wrong
        return "video"


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    stamp: int
    read: Callable[[], IO[bytes]]


def _in_archive(path: Path, relative: str) -> Iterator[Medium | Unusable]:
    count = 0
    try:
        with _members(path) as members:
            for member in members:
                kind = kind_of(member.name)
                if kind is None or any(part.startswith((".", "__MACOSX")) for part in _inner(member.name)):
                    continue
                count += 1
                yield _member_medium(path, relative, member, kind)
    except PermissionError as error:
        yield Unusable(printable(path), f"cannot be read: {error.strerror}")
        return
    except _DAMAGES as error:
        yield Unusable(printable(path), f"damaged or unsupported archive ({error})")
        return
    if not count:
        yield Unusable(printable(path), "an archive without photos or videos")


def _member_medium(path: Path, relative: str, member: _Member, kind: Kind) -> Medium:
    inner = "/".join(_inner(member.name))

    @contextmanager
    def opened() -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="kaoiro-") as folder:
            target = Path(folder) / f"member{PurePosixPath(inner).suffix}"
            _extract(path, member.name, target)
            yield target

    name, place = printable(f"{path}/{inner}"), printable(f"{relative}/{inner}")
    return Medium(name, place, kind, (member.size, member.stamp), opened)


def _inner(name: str) -> list[str]:
    """Return the parts of a member's name without those that would lead out of the archive."""
    return [part for part in PurePosixPath(name).parts if part not in {"..", "/", "//", "."}]


def _extract(path: Path, name: str, target: Path) -> None:
    """Copy one member of an archive to a file, refusing one that would not fit on the disk."""
    try:
        with _members(path) as members:
            member = next((item for item in members if item.name == name), None)
            if member is None:
                raise InputError(f"{path}/{name}: no longer in the archive")
            if member.size > shutil.disk_usage(target.parent).free:
                raise InputError(f"{path}/{name}: unpacks to {member.size / 1e9:.1f} GB, more than is free on the disk")
            with member.read() as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
    except _DAMAGES as error:
        raise InputError(f"{printable(path)}/{printable(name)}: cannot be unpacked ({error})") from error


@contextmanager
def _members(path: Path) -> Iterator[Iterator[_Member]]:
    """Open an archive and give its files in order of names; they can be read while it is open."""
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as zipped:
            entries = sorted((info for info in zipped.infolist() if not info.is_dir()), key=lambda info: info.filename)
            yield (_Member(info.filename, info.file_size, info.CRC, partial(zipped.open, info)) for info in entries)
    else:
        with tarfile.open(path) as tarred:
            files = sorted((info for info in tarred if info.isfile()), key=lambda info: info.name)
            yield (_Member(info.name, info.size, int(info.mtime), partial(_tar_file, tarred, info)) for info in files)


def _tar_file(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    if file is None:
        raise tarfile.TarError(f"{info.name} is not a plain file")
    return file
