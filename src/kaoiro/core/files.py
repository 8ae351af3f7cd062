"""Writing files so that an interruption never leaves half of one."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from kaoiro.core.errors import OutputError

Resource = TypeVar("Resource")
_PARTIAL = re.compile(r"\..*\.part(\d+)(\.[^.]*)?")
_LONGEST = 200  # bytes of a name to which an ending can still be added; file systems allow 255
_in_work: set[Path] = set()


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn the operating system's refusal within the block into an error that names `path`.

    Raises:
        OutputError: the block raised OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def named(path: str | Path, resource: AbstractContextManager[Resource]) -> Iterator[Resource]:
    """Enter and leave a resource as `writing(path)` does; errors of the block pass as they are.

    Raises:
        OutputError: the resource cannot be opened, or its end not be written.
    """
    with writing(path):
        entered = resource.__enter__()
    try:
        yield entered
    except BaseException:
        with suppress(OSError):  # the first error says more
            resource.__exit__(*sys.exc_info())
        raise
    with writing(path):
        resource.__exit__(None, None, None)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it into place when the block ends well.

    The temporary file is removed if the block raises, so a reader sees the old file or the new one. Errors of the
    block pass as they are: what writes to the temporary path names its own file (see `writing`).

    Raises:
        OutputError: the place cannot be written.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_folder(path)
    partial = _partial(path)
    _in_work.add(partial)
    try:
        yield partial
        with writing(path):
            partial.replace(path)
    finally:
        _in_work.discard(partial)
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _refuse_folder(path: Path) -> None:
    """Raise OSError where no file can ever come to lie: at a folder, under a name that is too long."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def check_file(path: str | Path) -> None:
    """Refuse now, before long work, a file that could not be written later; nothing is left behind.

    Raises:
        OutputError: a folder has this name, a file is in the place of its folder, or nothing can be written there.
    """
    with writing(path):
        _refuse_folder(Path(path))
        _try_place(Path(path).absolute().parent)


def check_folder(path: str | Path) -> None:
    """Refuse now, before long work, a folder that could not be written later; nothing is left behind.

    Raises:
        OutputError: a file has this name or is in the place of a folder above, or nothing can be written there.
    """
    with writing(path):
        _try_place(Path(path).absolute())


def _try_place(folder: Path) -> None:
    """Write a file without a name into the folder, or into the one in which it would be made."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    with tempfile.TemporaryFile(dir=there):
        pass


def _partial(path: Path) -> Path:
    stem = path.stem
    if len(os.fsencode(path.name)) > _LONGEST:
        stem = hashlib.sha256(os.fsencode(stem)).hexdigest()[:32]
    return path.with_name(f".{stem}.part{os.getpid()}{path.suffix}")


def sweep(folder: str | Path) -> list[Path]:
    """Remove the temporary files that processes which were killed left below a folder; returns what was removed.

    Files of processes of this machine that still run are left alone.
    """
    removed = []
    for place, _, names in os.walk(folder):
        for name in names:
            match, path = _PARTIAL.fullmatch(name), Path(place) / name
            if match and path not in _in_work and not _runs(int(match[1])):
                with suppress(OSError):  # another machine's, or in use on Windows
                    path.unlink()
                    removed.append(path)
    return removed


def _runs(process: int) -> bool:
    """Whether another process of this machine has this number."""
    if process == os.getpid() or sys.platform == "win32":
        return False  # Windows itself refuses to remove a file that is open
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it runs, and belongs to somebody else
        return True
    return True


def write_text(path: str | Path, text: str) -> None:
    """Write text (UTF-8) atomically.

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path):
        partial.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def printable(name: str | Path) -> str:
    """Return a file name that can be written as UTF-8: bytes that are none become escapes."""
    return str(name).encode("utf-8", "backslashreplace").decode()
