"""Search tables of records that `kaoiro analyze` wrote: by words alone, for records hold no embeddings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import InputError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import spread_column
from kaoiro.inference.batches import Batch, batches
from kaoiro.inference.embedding import PLACES, Place
from kaoiro.inference.recording import measured_by
from kaoiro.inference.search.hits import Hit, hits, place_of
from kaoiro.inference.search.query import Query, Term, parse
from kaoiro.inference.words.asked import measured
from kaoiro.inference.words.glossary import Glossary
from kaoiro.inference.words.scoring import parts

_NUMBERS = ("frame", "time_s", "track", "face_score", "box_left", "box_top", "box_width", "box_height")
_NEEDED = ("source", "time_s", "box_left", "box_top", "box_width", "box_height")


class Records:
    """Tables of records to search.

    Args:
        paths: .csv, .parquet or .jsonl, as `kaoiro analyze` writes.
        model: that measured them, for what it can tell.

    Raises:
        InputError: a table cannot be read.
    """

    def __init__(self, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], model: ModelFolder) -> None:
        given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        self.paths, self.model = [Path(path) for path in given], model
        digests = set[str]().union(*map(measured_by, self.paths))
        if len(digests) > 1:
            raise InputError(f"the tables are of {len(digests)} models, whose scores do not compare; search them apart")
        self.digest = next(iter(digests), "")

    def query(self, text: str, glossary: Glossary | None = None) -> Query:
        """Return a phrase as words that the model can tell; see `parse`.

        Raises:
            InputError: nothing of it is in the glossary, or it cannot be told.
        """
        return parse(text, measured(self.model), self.model.name, self.digest, glossary)

    def search(self, query: str | Query, n: int = 20, *, per_track: bool = False) -> list[Hit]:
        """Return the best faces, best first; of each track at most one a second, or one at all.

        Args:
            query: words, whose product ranks.
            n: how many.
            per_track: take one face of each track.

        Raises:
            InputError: words that are not understood, tables that cannot be read or lack what the words need.
        """
        at_least("n", 1, n)
        words = self.query(query) if isinstance(query, str) else query
        blocks = [(batch, words.score(batch)) for path in self.paths for batch in _faces(path, words)]
        starts = np.cumsum([0, *(len(scores) for _, scores in blocks)])
        scores = np.concatenate([np.empty(0), *(scores for _, scores in blocks)])

        def place(row: int) -> Place:
            number = int(np.searchsorted(starts, row, side="right")) - 1
            return _place(blocks[number][0], row - int(starts[number]))

        return hits(np.where(np.isfinite(scores), scores, -np.inf), n, place, per_track)


def _faces(path: Path, words: Query) -> Iterator[Batch]:
    """Yield the rows of a table that have a face: where they are, and what the words need."""
    columns = tuple(dict.fromkeys(column for term in words.terms for column in _columns(term, words.measures)))
    for batch in batches(path, ("source",), (*_NUMBERS, *columns)):
        lacking = [name for name in (*_NEEDED, *columns) if name not in batch]
        if lacking:
            raise InputError(f"{path} lacks the columns {', '.join(lacking)}; give records that kaoiro analyze wrote")
        with_face = np.isfinite(batch["box_left"])
        yield {name: column[with_face] for name, column in batch.items()}


def _columns(term: Term, measures: Sequence[str]) -> Iterator[str]:
    """Yield the columns that a word is scored from."""
    if term.entry.column:
        yield term.entry.column
        return
    yield from (part.column for part in parts(term.entry, measures))
    for name in term.entry.ranges:
        yield from (name, spread_column(name))


def _place(batch: Batch, row: int) -> Place:
    found = {name: batch[name][row] if name in batch else None for name in PLACES}
    return place_of(str(found["source"]), found)
