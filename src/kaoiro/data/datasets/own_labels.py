"""A user's own pictures, with labels of their own choosing.

Source:  yours.
Layout:  ROOT/LABEL/picture; or any folder beside a table of its pictures; or a table alone, with pictures where `path`
         says, from the table's folder on.
Columns: path, label; person may be left out. Further columns are ignored.
Labels:  expressions in whatever spelling ('Happy' is happiness), and any other word, such as 'pain'.
Licence: as your pictures'.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, canonical
from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.data.datasets import user_tables

COLUMNS = ("path", "label")
PERSON = "person"
LEAST = 2
"""Labels without which there is nothing to tell apart."""


@dataclass(frozen=True, eq=False)
class OwnLabels:
    """N pictures with a label each.

    Attributes:
        source: folder or table.
        paths: of the pictures.
        ids: what they are called in messages: below the folder, or as the table says.
        labels: that occur: expressions in the order of `EXPRESSIONS`, then others by name.
        truth: (N,) int64, which of them.
        persons: (N,), empty where unknown.
    """

    source: Path
    paths: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    truth: np.ndarray
    persons: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


def read(root: str | Path, table: str | Path | None = None) -> OwnLabels:
    """Read names and labels; pictures are read when they are asked for.

    Args:
        root: folder or table.
        table: of the pictures in the folder; None takes the names of its sub-folders as labels.

    Raises:
        DataError: nothing in the documented layout, a picture that is not there, or fewer labels than two.
    """
    root = Path(root)
    if table is not None:
        if not root.is_dir():
            raise DataError(f"{root} is not a folder; with --labels, name the folder of the pictures")
        return _tabled(Path(table), root)
    return _folders(root) if root.is_dir() else _tabled(root, root.parent)


def _folders(root: Path) -> OwnLabels:
    folders = sorted(item for item in root.iterdir() if item.is_dir() and not item.name.startswith("."))
    found = [(path, _label(item.name)) for item in folders for path in sorted(item.rglob("*")) if _picture(path)]
    if not found:
        raise DataError(f"{root} has no pictures in sub-folders named after labels; or name a table with --labels")
    paths = tuple(path for path, _ in found)
    ids = tuple(path.relative_to(root).as_posix() for path in paths)
    return _made(root, paths, ids, [label for _, label in found], np.full(len(found), ""))


def _picture(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()


def _tabled(source: Path, folder: Path) -> OwnLabels:
    if not source.is_file():
        raise DataError(f"no table {source}: name a .csv or .parquet file with the columns {', '.join(COLUMNS)}")
    table = user_tables.load(source)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        wanted = f"it needs {', '.join(COLUMNS)}[, {PERSON}]"
        raise DataError(f"{source} lacks the column(s) {', '.join(lacking)}; {wanted}")
    if table.empty:
        raise DataError(f"{source} has no rows")
    names, given = (user_tables.texts(source, table, name) for name in COLUMNS)
    found = user_tables.pictures(source, names, folder)
    persons = user_tables.free(table, PERSON)
    return _made(source, found, tuple(names.tolist()), [_label(name) for name in given.tolist()], persons)


def _label(name: str) -> str:
    """Return a label as it is written: the toolkit's spelling of an expression, others in small letters."""
    return canonical(name)


def _made(
    source: Path, paths: tuple[Path, ...], ids: tuple[str, ...], given: list[str], persons: np.ndarray
) -> OwnLabels:
    there = set(given)
    labels = (*(one for one in EXPRESSIONS.labels if one in there), *sorted(there - set(EXPRESSIONS.labels)))
    if len(labels) < LEAST:
        raise DataError(f"{source} has one label only, {labels[0]}; there must be {LEAST} or more to tell apart")
    truth = np.array([labels.index(name) for name in given], np.int64)
    return OwnLabels(source, paths, ids, labels, truth, persons)
