"""The kinds of sets of labelled pictures and videos that are read, each by its name: `docs/reference/datasets.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, FER2013
from kaoiro.core.plain import printable as visible
from kaoiro.data.datasets import (
    afew,
    aff_wild2,
    affectnet,
    ck_plus,
    fer2013,
    folders,
    label_table,
    mug,
    raf_db,
    ravdess,
    sfew,
)
from kaoiro.data.labelled_set import LabelledSet


def opened(kind: str, root: str | Path) -> LabelledSet:
    """Read a set; no picture is decoded.

    Args:
        kind: one of `KINDS`.
        root: folder of the set; of 'table' also the table itself.

    Raises:
        DataError: no such kind, or the files are not in its documented layout.
    """
    if kind not in _READERS:
        raise DataError(f"no kind of set is called {kind!r}; valid kinds: {', '.join(KINDS)}")
    return _READERS[kind](Path(root))


def _fer2013(root: Path) -> LabelledSet:
    data = fer2013.read(root)
    ids, unknown = tuple(str(row + 1) for row in range(len(data))), np.full(len(data), "")
    return LabelledSet(
        "fer2013", root, FER2013, ids, data.labels, data.usage, unknown, unknown, data.votes, data.images
    )


def _table(root: Path) -> LabelledSet:
    data = label_table.read(root)
    truth = np.array(EXPRESSIONS.indices(data.labels.tolist()), np.int64)
    ids, unknown = tuple(str(row + 1) for row in range(len(data))), np.full(len(data), "")
    splits = np.array([visible(name) for name in data.splits.tolist()], str)
    return LabelledSet("table", data.source, EXPRESSIONS, ids, truth, splits, data.persons, unknown, paths=data.paths)


_READERS: Mapping[str, Callable[[Path], LabelledSet]] = MappingProxyType(
    {
        "fer2013": _fer2013,
        "folders": folders.read,
        "table": _table,
        "affectnet": affectnet.read,
        "raf-db": raf_db.read,
        "sfew": sfew.read,
        "ck-plus": ck_plus.read,
        "mug": mug.read,
        "afew": afew.read,
        "ravdess": ravdess.read,
        "aff-wild2": aff_wild2.read,
    }
)
KINDS = tuple(_READERS)
VIDEOS = ("afew", "ravdess", "aff-wild2")
"""Kinds of videos, or of so many frames of them that single ones mean little."""
STILLS = tuple(kind for kind in KINDS if kind not in VIDEOS)
"""Kinds of which each row is one picture."""
