"""Pictures that a table names: in one tar archive beside it, or as files below its folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

from kaoiro.core.errors import DataError


def archive(folder: Path) -> dict[str, bytes]:
    """Return the pictures of the tar archives in a folder, by name; empty if there is none.

    Raises:
        DataError: an archive cannot be read.
    """
    found: dict[str, bytes] = {}
    for path in sorted(folder.glob("*.tar")):
        try:
            with tarfile.open(path, "r:") as content:
                for member in content:
                    file = content.extractfile(member) if member.isfile() else None
                    if file is not None:
                        found[member.name] = file.read()
        except (OSError, tarfile.TarError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
    return found


def picture(folder: Path, stored: dict[str, bytes], name: str, table: str) -> bytes:
    """Return a picture's bytes.

    Raises:
        DataError: it is neither in an archive nor beside the table.
    """
    if name in stored:
        return stored[name]
    try:
        return (folder / name).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise DataError(f"{folder}: the picture {name} is neither in a tar archive nor beside {table}") from error
