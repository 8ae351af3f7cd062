"""The sets that can be audited, under one face: rows with an id, a label, perhaps a split, and pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.files import printable
from kaoiro.core.labels import EXPRESSIONS, FER2013, Vocabulary, canonical
from kaoiro.core.plain import printable as visible
from kaoiro.data.datasets import fer2013, label_table
from kaoiro.evaluation.folder import class_files
from kaoiro.faces import photo

Kind = Literal["fer2013", "folders", "table"]
KINDS: tuple[Kind, ...] = ("fer2013", "folders", "table")


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Rows of a set, in its own order.

    Attributes:
        kind: one of `KINDS`.
        source: file or folder that was read.
        vocabulary: labels that a row may have.
        ids: (N,) of rows: the number of the row, from 1, in tables, the path below the folder in folders.
        truth: (N,) int64, labels as they are given.
        splits: (N,) names without what acts on terminals, empty where unknown.
        persons: (N,), empty where unknown.
        votes: (N, 10) of FER+; None where there are none.
        images: (N, 48, 48) uint8 where the set is one file; None otherwise.
        paths: of the pictures otherwise.
        passed: sub-folders that are no label, and were not read.
    """

    kind: Kind
    source: Path
    vocabulary: Vocabulary
    ids: tuple[str, ...]
    truth: np.ndarray
    splits: np.ndarray
    persons: np.ndarray
    votes: np.ndarray | None = None
    images: np.ndarray | None = None
    paths: tuple[Path, ...] = ()
    passed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the file or folder is called, without what acts on terminals and pages."""
        return visible(self.source.resolve().name) or self.kind

    def __len__(self) -> int:
        return len(self.ids)

    def label(self, row: int) -> str:
        """Return the label of a row."""
        return self.vocabulary.labels[self.truth[row]]

    def pixels(self, row: int) -> np.ndarray:
        """Return a picture: (H, W) grey or (H, W, 3) RGB, uint8.

        Raises:
            InputError: it cannot be read.
        """
        return photo.read(self.paths[row]) if self.images is None else self.images[row]

    def broken_digest(self, row: int) -> str:
        """Return the digest of a picture that cannot be read: of the file's bytes."""
        try:
            data = self.paths[row].read_bytes()
        except OSError:
            data = b""
        return _named(data)


def digest(pixels: np.ndarray) -> str:
    """Return a text of 31 signs, equal exactly for pixel-identical pictures; grey is the same as RGB or alone.

    It begins with 'p', for spreadsheets take 12345e678 for a number.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    shape = "x".join(map(str, pixels.shape)).encode()
    return _named(shape + b":" + np.ascontiguousarray(pixels).tobytes())


def _named(data: bytes) -> str:
    return "p" + hashlib.blake2b(data, digest_size=15).hexdigest()


def opened(kind: Kind, root: str | Path) -> LabelledSet:
    """Read a set.

    Args:
        kind: 'fer2013' (the official files), 'folders' (ROOT/LABEL/picture) or 'table' (path, label, person, split).
        root: folder, or the table itself.

    Raises:
        DataError: it is not in the documented layout.
    """
    readers: dict[Kind, Callable[[Path], LabelledSet]] = {"fer2013": _fer2013, "folders": _folders, "table": _table}
    return readers[kind](Path(root))


def _fer2013(root: Path) -> LabelledSet:
    data = fer2013.read(root)
    ids, unknown = tuple(str(row + 1) for row in range(len(data))), np.full(len(data), "")
    return LabelledSet("fer2013", root, FER2013, ids, data.labels, data.usage, unknown, data.votes, data.images)


def _folders(root: Path) -> LabelledSet:
    files = class_files(root)
    found = [(path, EXPRESSIONS.index(label)) for label in files for path in files[label] if not path.is_dir()]
    if not found:
        raise DataError(f"{root} has no pictures")
    found.sort(key=lambda one: one[0].relative_to(root).as_posix())
    ids = tuple(printable(path.relative_to(root).as_posix()) for path, _ in found)
    truth, unknown = np.array([index for _, index in found], np.int64), np.full(len(found), "")
    paths = tuple(path for path, _ in found)
    return LabelledSet("folders", root, EXPRESSIONS, ids, truth, unknown, unknown, paths=paths, passed=_passed(root))


def _passed(root: Path) -> tuple[str, ...]:
    names = (item.name for item in root.iterdir() if item.is_dir())
    return tuple(sorted(visible(name) for name in names if canonical(name) not in EXPRESSIONS.labels))


def _table(root: Path) -> LabelledSet:
    data = label_table.read(root)
    truth = np.array(EXPRESSIONS.indices(data.labels.tolist()), np.int64)
    ids = tuple(str(row + 1) for row in range(len(data)))
    splits = np.array([visible(name) for name in data.splits.tolist()], str)
    return LabelledSet("table", data.source, EXPRESSIONS, ids, truth, splits, data.persons, paths=data.paths)
