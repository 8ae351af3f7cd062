"""Read zip and tar archives: list their files, and copy out one after the other in a single pass."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from kaoiro.core.errors import InputError
from kaoiro.core.files import printable

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_CHUNK = 1 << 20
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
class Member:
    """One file of an archive.

    Attributes:
        archive: the archive's path.
        name: as the archive spells it.
        size: unpacked, in bytes.
        stamp: checksum (zip) or time of change (tar), to tell whether it is still the same file.
        entry: what the archive's reader needs to find it again.
    """

    archive: Path
    name: str
    size: int
    stamp: int
    entry: zipfile.ZipInfo | tarfile.TarInfo

    @property
    def inner(self) -> str:
        """The name without parts that would lead out of the archive."""
        return "/".join(part for part in PurePosixPath(self.name).parts if part not in {"..", "/", "//", "."})


def is_archive(path: Path) -> bool:
    """Whether a file name means an archive."""
    return path.name.lower().endswith(SUFFIXES)


class Reader:
    """Lists and copies out members; the archive last read stays open.

    A compressed tar can only be read forwards. Its members come in the archive's own order, so that copying them
    out one after the other unpacks the archive once, and not once for each.
    """

    def __init__(self) -> None:
        self._open: tuple[Path, Callable[[Member], IO[bytes]]] | None = None
        self._stack = ExitStack()
        weakref.finalize(self, self._stack.close)

    def members(self, path: Path) -> Iterator[Member]:
        """Yield the files of an archive, in the order in which they are quickest to read.

        Raises:
            InputError: damaged (after the members before the damage), encrypted, unsupported, or not readable.
        """
        try:
            if path.name.lower().endswith(".zip"):
                with zipfile.ZipFile(path) as zipped:
                    for info in sorted(zipped.infolist(), key=lambda info: info.filename):
                        if not info.is_dir():
                            yield Member(path, info.filename, info.file_size, info.CRC, info)
            else:
                with tarfile.open(path) as tarred:
                    for entry in tarred:
                        if entry.isfile():
                            yield Member(path, entry.name, entry.size, int(entry.mtime), entry)
        except PermissionError as error:
            raise InputError(f"cannot be read: {error.strerror}") from error
        except _DAMAGES as error:
            raise InputError(f"damaged or unsupported archive ({_reason(error)})") from error

    def copy(self, member: Member, target: Path) -> None:
        """Write one member to a file.

        Raises:
            InputError: it cannot be unpacked, or is larger than what is free on the disk.
        """
        place = printable(f"{member.archive}/{member.inner}")
        if member.size > shutil.disk_usage(target.parent).free:
            raise InputError(f"{place}: unpacks to {member.size / 1e9:.1f} GB, more than is free on the disk")
        try:
            with self._opener(member.archive)(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, _CHUNK)
        except _DAMAGES as error:
            raise InputError(f"{place}: cannot be unpacked ({_reason(error)})") from error

    def _opener(self, path: Path) -> Callable[[Member], IO[bytes]]:
        """Return what opens a member of this archive, closing the archive that was open before."""
        if self._open is None or self._open[0] != path:
            self._open = None
            self._stack.close()
            self._open = (path, self._entered(path))
        return self._open[1]

    def _entered(self, path: Path) -> Callable[[Member], IO[bytes]]:
        if path.name.lower().endswith(".zip"):
            zipped = self._stack.enter_context(zipfile.ZipFile(path))
            return partial(_zip_file, zipped)
        return partial(_tar_file, self._stack.enter_context(tarfile.open(path)))


def _reason(error: BaseException) -> str:
    """Return the first line of a message; tarfile appends one for each compression that it tried."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")


def _zip_file(archive: zipfile.ZipFile, member: Member) -> IO[bytes]:
    assert isinstance(member.entry, zipfile.ZipInfo)
    return archive.open(member.entry)


def _tar_file(archive: tarfile.TarFile, member: Member) -> IO[bytes]:
    assert isinstance(member.entry, tarfile.TarInfo)
    file = archive.extractfile(member.entry)
    if file is None:
        raise tarfile.TarError(f"{member.name} is not a plain file")
    return file
