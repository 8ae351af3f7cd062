"""A user's own pictures, in one folder for each expression.

Source:   yours.
Classes:  the eight expressions, in whatever spelling folders have ('Happy', 'happiness', 'ANGRY').
Layout:   ROOT/LABEL/picture, at any depth below LABEL; pictures in folders that are no expression are left out.
Splits:   none of its own.
Licence:  as your pictures'.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, canonical
from kaoiro.core.plain import printable
from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, gathered


def read(root: Path) -> LabelledSet:
    """Read the set, in the order of paths.

    Raises:
        DataError: no sub-folder is called like an expression, or there are no pictures.
    """
    return gathered("folders", root, _rows(root))


def _rows(root: Path) -> Iterator[Row | LeftOut]:
    found = [
        (path.relative_to(root).as_posix(), label, path) for label, paths in class_files(root).items() for path in paths
    ]
    yield from (Row(*one) for one in sorted(found))
    for name, paths in _pictures(root).items():
        if paths and canonical(name) not in EXPRESSIONS.labels:
            yield LeftOut(f"in the folder {printable(name)}, which is no expression", len(paths))


def class_files(root: Path) -> dict[str, list[Path]]:
    """Return the pictures of each expression, sorted by path.

    Raises:
        DataError: no sub-folder is called like an expression, or there are no pictures.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    found: dict[str, list[Path]] = {}
    for name, paths in _pictures(root).items():
        if paths and canonical(name) in EXPRESSIONS.labels:
            found.setdefault(canonical(name), []).extend(paths)
    if not found:
        raise DataError(f"{root} has no sub-folder with pictures named after {', '.join(EXPRESSIONS.labels)}")
    return found


def _pictures(root: Path) -> dict[str, list[Path]]:
    """Return the pictures below each sub-folder, both sorted."""
    folders = sorted(item for item in root.iterdir() if item.is_dir())
    return {folder.name: sorted(filter(_is_picture, folder.rglob("*"))) for folder in folders}


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.is_dir()
