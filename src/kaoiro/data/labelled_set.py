"""Labelled pictures of any set, under one face: ids, labels, persons, splits, and where the pixels lie.

Readers yield a `Row` for each label and a `LeftOut` for what they pass over; `gathered` makes a `LabelledSet` of them.
Nothing is decoded here: `kaoiro.evaluation.pictures` reads pixels when they are asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.files import printable
from kaoiro.core.labels import AFFECT, EXPRESSIONS, Vocabulary
from kaoiro.core.plain import printable as visible
from kaoiro.core.types import Box


class Span(NamedTuple):
    """What of a video a label is about.

    Attributes:
        video: its file, or the folder of its frames.
        first: number of the first frame: from 0 in files, as the set numbers them in folders.
        last: number of the last frame; None goes on to the end.
    """

    video: Path
    first: int = 0
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One label.

    Attributes:
        id: names the row; the path below the root where there is one.
        label: of `EXPRESSIONS`.
        path: of the picture that shows it; of the video where there is no picture.
        person: who is seen; empty where unknown.
        group: film or video, which must not be divided between splits either; empty where unknown.
        split: official one: 'train', 'val' or 'test'; empty where there is none.
        span: of the video that the label is about; None in sets of single pictures.
        box: of the face, where the set gives one.
        affect: valence and arousal, -1 to 1; None where unknown.
        units: action units by the name of their column: 1 there, 0 not, left out where unknown.
    """

    id: str
    label: str
    path: Path
    person: str = ""
    group: str = ""
    split: str = ""
    span: Span | None = None
    box: Box | None = None
    affect: tuple[float, float] | None = None
    units: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a reader passed over: why, and how many."""

    why: str
    count: int = 1


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Rows of a set, in its own order.

    Attributes:
        kind: name of the layout (`kaoiro.data.kinds`).
        source: file or folder that was read.
        vocabulary: labels that a row may have, all of them in `EXPRESSIONS`.
        ids: (N,) of rows: the number of the row, from 1, in tables, the path below the folder elsewhere.
        truth: (N,) int64, labels as they are given.
        splits: (N,) official ones, empty where there are none.
        persons: (N,), empty where unknown.
        groups: (N,) films or videos, which must not be divided either; empty where unknown.
        votes: (N, 10) of FER+; None where there are none.
        images: (N, 48, 48) uint8 where the set is one file; None otherwise.
        paths: of the pictures otherwise; of the videos where a label is about a whole one.
        spans: of videos; empty in sets of single pictures.
        boxes: of the faces; empty where the set gives none, and None in rows without.
        affect: (N, 2) valence and arousal, NaN where unknown; None where the set has none.
        units: 1 or 0 for each action unit that somebody scored: (N,), NaN where unknown.
        left_out: how many labels were passed over, by the reason.
    """

    kind: str
    source: Path
    vocabulary: Vocabulary
    ids: tuple[str, ...]
    truth: np.ndarray
    splits: np.ndarray
    persons: np.ndarray
    groups: np.ndarray
    votes: np.ndarray | None = None
    images: np.ndarray | None = None
    paths: tuple[Path, ...] = ()
    spans: tuple[Span | None, ...] = ()
    boxes: tuple[Box | None, ...] = ()
    affect: np.ndarray | None = None
    units: Mapping[str, np.ndarray] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the file or folder is called, without what acts on terminals and pages."""
        return visible(self.source.resolve().name) or self.kind

    def __len__(self) -> int:
        return len(self.ids)

    def label(self, row: int) -> str:
        """Return the label of a row."""
        return self.vocabulary.labels[self.truth[row]]

    def told(self) -> str:
        """Return in words what was left out; empty where nothing was."""
        return said(self.left_out)


def said(left_out: Mapping[str, int]) -> str:
    """Return counts in words, the largest first: '33 no face, 2 not labelled'."""
    return ", ".join(f"{count} {why}" for why, count in sorted(left_out.items(), key=lambda one: (-one[1], one[0])))


def gathered(kind: str, source: Path, found: Iterable[Row | LeftOut]) -> LabelledSet:
    """Make a set of what a reader yields; an id that comes again gets '#2', '#3', ….

    Raises:
        DataError: there is no row.
        LabelError: a label outside the eight.
    """
    rows: list[Row] = []
    left: Counter[str] = Counter()
    for one in found:
        if isinstance(one, Row):
            rows.append(one)
        else:
            left[one.why] += one.count
    if not rows:
        known = ", ".join(EXPRESSIONS.labels)
        passed = f"; left out: {said(left)}" if left else ""
        raise DataError(
            f"{source} holds nothing labelled {known}{passed}; --root must name the folder of a set of the kind {kind}"
        )
    texts = {name: np.array([getattr(row, name) for row in rows], str) for name in ("split", "person", "group")}
    return LabelledSet(
        kind,
        source,
        EXPRESSIONS,
        _unique([printable(row.id) for row in rows]),
        np.array([EXPRESSIONS.index(row.label) for row in rows], np.int64),
        *texts.values(),
        paths=tuple(row.path for row in rows),
        spans=_known([row.span for row in rows]),
        boxes=_known([row.box for row in rows]),
        affect=_affect(rows),
        units=_units(rows),
        left_out=dict(left),
    )


def _unique(ids: Sequence[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    found = []
    for one in ids:
        seen[one] += 1
        found.append(one if seen[one] == 1 else f"{one}#{seen[one]}")
    return tuple(found)


def _known(values: Sequence[Any]) -> tuple[Any, ...]:
    return () if all(value is None for value in values) else tuple(values)


def _affect(rows: Sequence[Row]) -> np.ndarray | None:
    if all(row.affect is None for row in rows):
        return None
    unknown = (np.nan,) * len(AFFECT)
    return np.array([row.affect or unknown for row in rows], np.float64)


def _units(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    scored = [(place, row.units) for place, row in enumerate(rows) if row.units]
    columns = {name: np.full(len(rows), np.nan) for name in sorted({name for _, units in scored for name in units})}
    for place, units in scored:
        for name, value in units.items():
            columns[name][place] = value
    return columns
