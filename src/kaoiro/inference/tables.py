"""Read tables that a user names: CSV, JSON lines, Parquet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kaoiro.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet", ".jsonl")


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name means a table."""
    return Path(path).suffix.lower() in SUFFIXES and not Path(path).is_dir()


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return a table, whatever its columns.

    Args:
        path: its suffix is one of `SUFFIXES`.

    Raises:
        InputError: it cannot be read.
    """
    import pandas as pd

    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".jsonl": _lines}
    try:
        with Path(path).open("rb"):  # Arrow's own message on a missing file is its name
            pass
        return readers[Path(path).suffix.lower()](Path(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # pandas and Arrow raise a dozen unrelated classes
        raise InputError(f"{path}: not a table that can be read ({' '.join(str(error).split())})") from error


def _lines(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_json(path, lines=True, encoding="utf-8")


def text_of(path: Path) -> str:
    """Return the text of a file that people write by hand, with plain ends of lines.

    Args:
        path: in UTF-8, or in UTF-16 with its mark.

    Raises:
        InputError: it cannot be read, or is written otherwise.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not in UTF-8; save it as such") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
