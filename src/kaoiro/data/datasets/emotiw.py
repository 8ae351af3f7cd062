"""What SFEW and AFEW have in common: parts, in them a folder for each expression, and films in the names of files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, canonical
from kaoiro.data.datasets.listing import files_below, subfolders
from kaoiro.data.labelled_set import LeftOut

SPLITS = ("train", "val", "test")
_FILM = re.compile(r"(.+?)_\d{6,}_\d+|(.*?[^\W\d_].*?)_\d{6,}")  # film, time in it[, frame]; '21' is a film, too


class Labelled(NamedTuple):
    """A file with a label.

    Attributes:
        id: path below the root.
        label: expression.
        path: of the file.
        film: as its name begins; empty where it has none.
        split: 'train', 'val' or 'test'.
    """

    id: str
    label: str
    path: Path
    film: str
    split: str


def labelled(root: Path, suffixes: Collection[str], of: str) -> Iterator[Labelled | LeftOut]:
    """Yield the files with these endings; those in no folder of an expression are left out.

    Where a part holds aligned faces (a folder with 'aligned' in its name), only these are taken: they are the same
    frames.

    Args:
        root: that holds folders which begin with Train, Val and Test.
        suffixes: of files, in lower case.
        of: what the set is called, for errors.

    Raises:
        DataError: there is no such folder.
    """
    folders = [(split, folder) for split in SPLITS for folder in _parts(root, split)]
    if not folders:
        raise DataError(f"{root} has no folder Train, Val or Test; --root must name the folder of {of}")
    for split, folder in folders:
        paths = list(files_below(folder, suffixes))
        aligned = [path for path in paths if "aligned" in path.relative_to(root).parent.as_posix().lower()]
        if 0 < len(aligned) < len(paths):
            yield LeftOut("whole frames of faces that are there aligned", len(paths) - len(aligned))
        for path in aligned or paths:
            label = _label(path.relative_to(root))
            if label is not None:
                yield Labelled(path.relative_to(root).as_posix(), label, path, _film(path.stem), split)
            else:
                yield LeftOut("without a label, in the test part" if split == "test" else "in no expression's folder")


def _parts(root: Path, split: str) -> list[Path]:
    return [] if not root.is_dir() else [one for one in subfolders(root) if one.name.lower().startswith(split)]


def _film(name: str) -> str:
    parts = _FILM.fullmatch(name)
    return "" if parts is None else parts[1] or parts[2]


def _label(path: Path) -> str | None:
    names = (canonical(part) for part in reversed(path.parts[:-1]))
    return next((name for name in names if name in EXPRESSIONS.labels), None)
