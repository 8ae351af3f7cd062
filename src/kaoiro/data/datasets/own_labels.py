"""A user's own pictures, with labels of their own choosing.

Source:  yours.
Layout:  ROOT/LABEL/picture; or any folder beside a table of its pictures; or a table alone, with pictures where `path`
         says, from the table's folder on.
Columns: path, label, in any capitals; person and split may be left out. Further columns are ignored. A picture that
         stands there twice with one label counts once.
Labels:  expressions in whatever spelling ('Happy' is happiness), and any other word, such as 'pain'.
Licence: as your pictures'.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, SYNONYMS, canonical
from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.data.datasets import user_tables

COLUMNS = ("path", "label")
PERSON, SPLIT = "person", "split"
LEAST = 2
"""Labels without which there is nothing to tell apart."""
NEAR = 0.84
"""Likeness of spellings from which an expression is thought to be meant."""


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
        repeated: ids of pictures that stood there again with the same label, and count once.
        splits: (N,) as the table has them, empty where it says nothing; None where it has no such column.
    """

    source: Path
    paths: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    truth: np.ndarray
    persons: np.ndarray
    repeated: tuple[str, ...] = ()
    splits: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.paths)


def read(root: str | Path, table: str | Path | None = None) -> OwnLabels:
    """Read names and labels; pictures are read when they are asked for.

    Args:
        root: folder or table.
        table: of the pictures in the folder; None takes the names of its sub-folders as labels.

    Raises:
        DataError: nothing in the documented layout, a picture that is not there or that two people are said to be, or
            fewer labels than two.
    """
    root = Path(root)
    if table is not None:
        if not root.is_dir():
            raise DataError(f"{root} is not a folder; with --labels, name the folder of the pictures")
        return _tabled(Path(table), root)
    return _folders(root) if root.is_dir() else _tabled(root, root.parent)


def _folders(root: Path) -> OwnLabels:
    folders = sorted(item for item in root.iterdir() if item.is_dir())
    found = [(path, _label(item.name)) for item in folders for path in sorted(item.rglob("*")) if _picture(path, root)]
    if not found:
        raise DataError(f"{root} has no pictures in sub-folders named after labels; or name a table with --labels")
    paths = tuple(path for path, _ in found)
    ids = tuple(path.relative_to(root).as_posix() for path in paths)
    return _made(root, paths, ids, [label for _, label in found], np.full(len(found), ""))


def _picture(path: Path, root: Path) -> bool:
    """Whether a file is a picture; names that begin with a dot are not, such as the '._a.jpg' that macOS writes."""
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()


def _tabled(source: Path, folder: Path) -> OwnLabels:
    if not source.is_file():
        raise DataError(f"no table {source}: name a .csv or .parquet file with the columns {', '.join(COLUMNS)}")
    table = user_tables.spelled(user_tables.load(source), (*COLUMNS, PERSON, SPLIT))
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        wanted = f"it needs {', '.join(COLUMNS)}[, {PERSON}]"
        raise DataError(f"{source} lacks the column(s) {', '.join(lacking)}; {wanted}")
    if table.empty:
        raise DataError(f"{source} has no rows")
    names, given = (user_tables.texts(source, table, name) for name in COLUMNS)
    found = user_tables.pictures(source, names, folder)
    labels, persons = [_label(name) for name in given.tolist()], user_tables.free(table, PERSON)
    once, persons = _once(source, found, labels, persons)
    ids, rest = tuple(names[once].tolist()), np.setdiff1d(np.arange(len(found)), once)
    paths, kept = tuple(found[row] for row in once), [labels[row] for row in once]
    made = _made(source, paths, ids, kept, persons[once])
    splits = user_tables.free(table, SPLIT)[once] if SPLIT in table else None
    return replace(made, repeated=tuple(names[rest].tolist()), splits=splits)


def _once(
    source: Path, paths: Sequence[Path], labels: Sequence[str], persons: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """Return the first row of each picture and label, and persons (N,) as any row of a picture names them.

    Raises:
        DataError: a picture is of two people.
    """
    known = persons.copy().astype(object)
    files = [str(path.resolve()) for path in paths]
    first: dict[tuple[str, str], int] = {}
    named: dict[str, int] = {}
    for row, file in enumerate(files):
        first.setdefault((file, labels[row]), row)
        if not persons[row]:
            continue
        other = named.setdefault(file, row)
        if persons[other] != persons[row]:
            where = user_tables.where(source, row)
            raise DataError(f"{where}: {paths[row]} is of {persons[row]} here, of {persons[other]} in row {other + 1}")
    for row, file in enumerate(files):
        known[row] = persons[named[file]] if file in named else ""
    return list(first.values()), known.astype(str)


def _label(name: str) -> str:
    """Return a label as it is written: the toolkit's spelling of an expression, others in small letters, composed."""
    return canonical(unicodedata.normalize("NFC", name))


def notes(own: OwnLabels) -> list[str]:
    """Return what should be known of names and labels before a model is adapted to them, a line each."""
    words = [_word(label) for label in own.labels if label not in EXPRESSIONS.labels]
    lines = [f"no expressions, hence labels of your own: {', '.join(words)}"] if words else []
    if own.repeated:
        rows = "1 row repeats" if len(own.repeated) == 1 else f"{len(own.repeated)} rows repeat"
        lines.append(f"{rows} a picture with its label: counted once")
    if own.splits is not None and (own.splits != "").any():
        lines.append("the column split is not heeded: all pictures take part in the cross-validation")
    return lines


def _word(label: str) -> str:
    """Return a label of one's own, with the expression that may be meant."""
    near = difflib.get_close_matches(label, (*EXPRESSIONS.labels, *SYNONYMS), 1, NEAR)
    return f"{label} (is {canonical(near[0])} meant?)" if near else label


def _made(
    source: Path, paths: tuple[Path, ...], ids: tuple[str, ...], given: list[str], persons: np.ndarray
) -> OwnLabels:
    there = set(given)
    labels = (*(one for one in EXPRESSIONS.labels if one in there), *sorted(there - set(EXPRESSIONS.labels)))
    if len(labels) < LEAST:
        raise DataError(f"{source} has one label only, {labels[0]}; there must be {LEAST} or more to tell apart")
    truth = np.array([labels.index(name) for name in given], np.int64)
    return OwnLabels(source, paths, ids, labels, truth, persons)
