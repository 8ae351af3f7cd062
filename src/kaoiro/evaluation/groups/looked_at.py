"""What records say of pictures of which somebody knows more: one row for each picture, or frame of a video.

Legend: N pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT, EXPRESSIONS
from kaoiro.core.types import Record, expression_column
from kaoiro.inference.batches import batches

COLUMNS = tuple(map(expression_column, EXPRESSIONS.labels))
PERSONS = ("person", "subject")
_PLACE = ("box_left", "box_top", "box_width", "box_height")
_SEVERAL = 3
"""Names that an error lists."""


class Grouping(NamedTuple):
    """One way to tell people apart.

    Attributes:
        labels: of the groups, in their order.
        places: (N,) of the groups of pictures; -1 where nothing is known.
        banded: whether they are bands of numbers.
    """

    labels: tuple[str, ...]
    places: np.ndarray
    banded: bool = False


@dataclass(frozen=True, eq=False)
class LookedAt:
    """Pictures, what was answered, and what is known of them.

    Attributes:
        sources: (N,) as records name them.
        scores: (N, 8) probabilities in the order of `EXPRESSIONS`; NaN where no face was found.
        affect: (N, 2) valence and arousal; NaN where they were not answered.
        further: faces beyond the largest of a picture, which do not count.
        people: (N,) ids.
        truth: (N,) classes of `EXPRESSIONS`, -1 where unknown.
        groupings: by name.
    """

    sources: np.ndarray
    scores: np.ndarray
    affect: np.ndarray
    further: int
    people: np.ndarray
    truth: np.ndarray
    groupings: Mapping[str, Grouping] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def found(self) -> np.ndarray:
        """Where a face was found: (N,) bool."""
        return np.isfinite(self.scores.sum(axis=1))

    @property
    def persons(self) -> int:
        """How many people are shown."""
        return len(np.unique(self.people))

    def grouped(self, name: str, grouping: Grouping) -> LookedAt:
        """Return the same pictures with one more way to tell people apart."""
        return replace(self, groupings={**self.groupings, name: grouping})


class Read(NamedTuple):
    """Records as they were read.

    Attributes:
        table: a row for each picture: `sources`, and persons where records have such a column.
        scores, affect: (N, 8) and (N, 2).
        further: faces that were left out.
    """

    table: pd.DataFrame
    scores: np.ndarray
    affect: np.ndarray
    further: int


def read(paths: Sequence[Path]) -> Read:
    """Read tables that `kaoiro analyze` wrote: the largest face of each picture, or of each frame.

    Raises:
        InputError: a table cannot be read, lacks columns, has no rows, or holds a face twice.
    """
    table = pd.concat([_one(path) for path in paths], ignore_index=True)
    again = table[table.duplicated(["source", "frame", *_PLACE])]
    if len(again):
        names = listed(list(dict.fromkeys(again["source"])))
        raise InputError(f"{paths[0]}: records hold {names} twice; give each table once, and none that was joined")
    first = table.drop_duplicates(["source", "frame"])  # faces of a frame are in order of size
    scores, affect = (first[list(names)].to_numpy(np.float64) for names in (COLUMNS, AFFECT.labels))
    persons = [name for name in PERSONS if all(isinstance(cell, str) for cell in first[name])]
    shown = pd.DataFrame({name: first[name].to_numpy(object) for name in ("source", *persons)})
    return Read(shown, scores, affect, len(table) - len(first))


def _one(path: Path) -> pd.DataFrame:
    texts, numbers = ("source", *PERSONS), ("frame", *_PLACE, *COLUMNS, *AFFECT.labels)
    parts = [pd.DataFrame(part) for part in batches(path, texts, numbers)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if table.empty and len(table.columns) == 0:
        raise InputError(f"{path}: has no rows, or no columns of records")
    lacking = [name for name in ("source", "frame", *COLUMNS) if name not in table]
    if lacking:
        raise InputError(f"{path}: no records of `kaoiro analyze`: the column(s) {', '.join(lacking)} are missing")
    if table.empty or not all(isinstance(cell, str) for cell in table["source"]):
        raise InputError(f"{path}: has {'no rows' if table.empty else 'rows without a source'}")
    return table.reindex(columns=[*texts, *numbers])


def of_records(records: Sequence[Record], people: np.ndarray, truth: np.ndarray) -> LookedAt:
    """Return what was answered to pictures that were just measured.

    Args:
        records: of the largest face of every picture, or of a picture without one.
        people: (N,) ids.
        truth: (N,) classes of `EXPRESSIONS`.
    """
    rows = [record.row() for record in records]
    scores, affect = (
        np.array([[np.nan if row[name] is None else row[name] for name in names] for row in rows], np.float64)
        for names in (COLUMNS, AFFECT.labels)
    )
    return LookedAt(np.array([record.source for record in records]), scores, affect, 0, people, truth)


def listed(names: Sequence[str]) -> str:
    """Return some names, and how many there are more."""
    more = f" and {len(names) - _SEVERAL} more" if len(names) > _SEVERAL else ""
    return ", ".join(names[:_SEVERAL]) + more
