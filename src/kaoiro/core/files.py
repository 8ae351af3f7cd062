"""Writing files so that an interruption never leaves half of one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaoiro.core.errors import OutputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it into place when the block ends well.

    The temporary file is removed if the block raises, so a reader sees the old file or the new one.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True) if partial.exists() else None


def write_text(path: str | Path, text: str) -> None:
    """Write text (UTF-8) atomically."""
    with replacing(path) as partial:
        partial.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def printable(name: str | Path) -> str:
    """Return a file name that can be written as UTF-8: bytes that are none become escapes."""
    return str(name).encode("utf-8", "backslashreplace").decode()
