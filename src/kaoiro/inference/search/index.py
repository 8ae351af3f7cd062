"""Measure faces once, keep their embeddings and scores on disk, and search them exactly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import InputError
from kaoiro.core.parallel import in_order, processors
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.embedding import Place
from kaoiro.inference.media import Medium, discover
from kaoiro.inference.search import store
from kaoiro.inference.search.building import HERE, Told, Watching, build
from kaoiro.inference.search.hits import Hit, hits, place_of
from kaoiro.inference.search.holding import held
from kaoiro.inference.search.measuring import unit
from kaoiro.inference.search.query import Query, parse
from kaoiro.inference.words.glossary import Glossary

_MOST_THREADS = 4  # the disk and the memory keep up with no more


class Index:
    """Faces of photos and videos with embeddings and scores; arrays stay on disk, of which searching reads all.

    Args:
        folder: of the index.
        names: files that are searched, as the index names them; None takes all.

    Raises:
        InputError: no index, or one that is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str], names: Iterable[str] | None = None) -> None:
        self.folder = Path(folder)
        self.about, self._parts = store.opened(self.folder)
        files = store.files_of(self._parts)
        files = files if names is None else files[files["name"].isin(list(names))]
        self._live = [self._mask(files, number) for number in range(len(self._parts))]
        self._starts = np.cumsum([0, *map(len, self._parts)])
        self.files = len(files)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Index:
        """Open an index that is there.

        Args:
            folder: such as 'album/.kaoiro-index'.

        Raises:
            InputError: no index, or one that is damaged.
        """
        return cls(folder)

    @classmethod
    def build(
        cls,
        analyzer: Analyzer,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        folder: str | os.PathLike[str] | None = None,
        *,
        every: float | None = None,
        told: Told | None = None,
        watching: Watching | None = None,
        waiting: Callable[[str], None] | None = None,
    ) -> Index:
        """Measure what is not yet in an index, take out what is gone, and open it for the files that are named.

        Files whose size and time of change are as before are not measured again. When it is interrupted, the files
        that were finished stay, and the next call goes on with the others. While another process writes the index, it
        is waited for, and what that one measured is not measured again.

        Args:
            analyzer: measures.
            paths: photos, videos, folders, archives.
            folder: of the index; None is `.kaoiro-index` in the folder that is searched.
            every: seconds between samples of a video; None is what the index has, 1 if it is new.
            told: receives each file that cannot be used, or broke off, with the error; None raises it at the end.
            watching: shows progress.
            waiting: told, in one line, that another process is waited for.

        Raises:
            InputError: a file cannot be used, the index is of another model or of another `every`, or damaged.
            OutputError: the index cannot be written.
        """
        given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        texts = [os.fspath(path) for path in given]
        place = home(texts) if folder is None else Path(folder)
        media = list(discover(texts, skip=place if place.name != HERE else None))
        usable = any(isinstance(medium, Medium) for medium in media)
        with held(place, waiting) if usable or place.exists() else nullcontext():
            return cls(place, build(analyzer, texts, media, place, every, told, watching))

    def __len__(self) -> int:
        return int(sum(map(np.sum, self._live)))

    def query(self, text: str, glossary: Glossary | None = None) -> Query:
        """Return a phrase as words that this index can tell; see `parse`.

        Raises:
            InputError: nothing of it is in the glossary, or it cannot be told.
        """
        return parse(text, self.about.columns, self.about.model, self.about.digest, glossary)

    def search(
        self,
        query: str | Query | np.ndarray | None,
        n: int = 20,
        *,
        like: np.ndarray | None = None,
        per_track: bool = False,
        without: Place | None = None,
        threads: int | None = None,
    ) -> list[Hit]:
        """Return the best faces of all, best first; every face is looked at, so that the answer is exact.

        Of a track at most one face a second is taken. Memory beside the answer: four bytes for each face, and a chunk
        for each thread.

        Args:
            query: words, whose product ranks; or an embedding (E,), by whose cosine faces are ranked.
            n: how many.
            like: an embedding (E,) beside words: scores are multiplied by its cosine, negative ones count as 0.
            per_track: take one face of each track.
            without: a face that is left out: the one that was searched with.
            threads: None takes the processors there are, up to four.

        Raises:
            InputError: words that are not understood, an embedding of another width, or neither of both.
        """
        at_least("n", 1, n)
        if isinstance(query, np.ndarray):
            query, like = None, query
        words = self.query(query) if isinstance(query, str) else query
        if words is None and like is None:
            raise InputError("nothing to search for: give words, or an embedding")
        scores = self.scores(words, None if like is None else self._checked(like), threads)
        return hits(scores, n, self.place, per_track, without)

    def scores(self, words: Query | None, like: np.ndarray | None, threads: int | None = None) -> np.ndarray:
        """Return the scores of all rows (N,) float32; -inf for those that are not searched, or where nothing is known.

        Args:
            words: whose product counts; None counts none.
            like: unit embedding (E,) whose cosine counts; None counts none.
            threads: None takes the processors there are, up to four.
        """
        out = np.empty(int(self._starts[-1]), np.float32)
        work = [(number, rows) for number, part in enumerate(self._parts) for rows in store.chunks(len(part))]

        def score(item: tuple[int, slice]) -> None:
            number, rows = item
            first = int(self._starts[number])
            live = self._live[number][rows]
            found = _scored(self._parts[number], rows, words, like, self.about.columns)
            out[first + rows.start : first + rows.stop] = np.where(live & np.isfinite(found), found, -np.inf)

        for _ in in_order(score, work, threads or min(processors(), _MOST_THREADS)):
            pass
        return out

    def place(self, row: int) -> Place:
        """Return which face a row is; files below the folder that holds the index are named as that folder is."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        found = self._parts[number].row(row - int(self._starts[number]))
        return place_of(str(self.folder.parent / found["source"]), found)

    def _mask(self, files: Any, number: int) -> np.ndarray:
        """Return which rows of a part count: (n,) bool."""
        part = self._parts[number]
        live = np.zeros(len(part.files), bool)
        live[files.index[files["part"] == number]] = True
        return np.repeat(live, part.files["rows"].to_numpy())

    def _checked(self, like: np.ndarray) -> np.ndarray:
        if np.shape(like) != (self.about.width,):
            raise InputError(f"an embedding has shape ({self.about.width},) here, not {np.shape(like)}")
        return unit(like)


def _scored(
    part: store.Part, rows: slice, words: Query | None, like: np.ndarray | None, columns: Sequence[str]
) -> np.ndarray:
    """Return the scores (n,) of a chunk."""
    cosine = None if like is None else part.embeddings[rows].astype(np.float32) @ like
    if words is None:
        return cosine if cosine is not None else np.empty(0)
    block = np.asarray(part.scores[rows], np.float64)
    found = words.score({name: block[:, place] for place, name in enumerate(columns)})
    return found if cosine is None else found * np.maximum(cosine, 0)


def home(paths: Sequence[str]) -> Path:
    """Return where the index of some paths lies if nobody says otherwise: in the folder that holds all of them.

    Raises:
        InputError: they lie in several folders.
    """
    folders = {path if path.is_dir() else path.parent for path in map(Path, paths)}
    if len(folders) != 1:
        raise InputError("files of several folders have no index of their own; name a folder for it: --index DIR")
    return folders.pop() / HERE
