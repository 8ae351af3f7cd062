"""One process at a time writes an index; others wait until it is done, or was killed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kaoiro.core.files import writing
from kaoiro.core.locks import Lock
from kaoiro.inference.search.store import ABOUT

LOCK = "lock.sqlite"
"""File in the folder of an index; it holds nothing."""
_LOOK_S = 0.1  # between two looks whether the lock is free


@contextmanager
def held(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold an index for writing while the block runs; a folder without an index is removed again at the end.

    A folder that cannot be written is not held: nobody changes it from here.

    Args:
        folder: of the index; it is made if it is not there.
        waiting: told once, in one line, that another process writes the index, which is then waited for.

    Raises:
        OutputError: the folder cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        yield
        return
    lock = _taken(folder, waiting)
    try:
        yield
    finally:
        if not (folder / ABOUT).exists():
            with suppress(OSError):  # Windows: somebody waits for it
                (folder / LOCK).unlink()
                folder.rmdir()
        lock.release()


def _taken(folder: Path, waiting: Callable[[str], None] | None) -> Lock:
    """Wait for the lock of an index, and take it."""
    file = folder / LOCK
    while True:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file.touch()
        lock, before = Lock(file), _identity(file)
        if lock.take():
            if before is not None and before == _identity(file):
                return lock
            lock.release()  # it was removed meanwhile, with the folder that had no index
        elif waiting is not None:
            waiting(f"{folder}: another process writes this index; waiting until it is done")
            waiting = None
        time.sleep(_LOOK_S)


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of the same name; None if there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
