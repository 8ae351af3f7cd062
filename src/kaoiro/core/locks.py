"""A lock that one process at a time holds; the system lets go of it however the process ends."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kaoiro.core.errors import OutputError


class Lock:
    """A lock on a file, which SQLite takes as each system wants it.

    Args:
        file: made when the lock is taken, and left there, empty; its folder must exist.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: sqlite3.Connection | None = None

    def take(self) -> bool:
        """Take the lock unless somebody else holds it; tell whether it is held now.

        Raises:
            OutputError: the file cannot be made, or not be locked.
        """
        held: sqlite3.Connection | None = None
        try:
            held = sqlite3.connect(self._file, timeout=0, isolation_level=None, check_same_thread=False)
            held.execute("PRAGMA journal_mode=MEMORY")  # or a second file would lie beside it
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if held is not None:
                held.close()
            if "locked" in str(error):
                return False
            raise OutputError(f"{self._file}: cannot be locked: {error}") from error
        self._held = held
        return True

    def release(self) -> None:
        """Let go of the lock."""
        if self._held is not None:
            self._held.close()
            self._held = None
