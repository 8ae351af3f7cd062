"""What makes and keeps up an index: only new and changed files are measured, a part at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kaoiro.core.checks import positive
from kaoiro.core.errors import InputError, KaoiroError, TruncatedVideo
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.media import Medium, Unusable
from kaoiro.inference.search import store
from kaoiro.inference.search.measuring import Advance, Faces, faces_of
from kaoiro.inference.words.asked import measured

HERE = ".kaoiro-index"
"""Folder of an index in the folder whose faces it has."""
EVERY = 1.0
"""Seconds between samples of a video."""
_FACES, _SECONDS = 8192, 30.0  # after so many a part is written
_MOST_PARTS = 16  # from which on they become one
_DEAD = 0.25  # share of faces that do not count from which on they are taken out
Told = Callable[[str, KaoiroError], None]


class Watching(Protocol):
    """Shows how far a build is."""

    def begin(self, name: str) -> None:
        """A file is taken up."""
        ...

    def advance(self, done_s: float, length_s: float | None) -> None:
        """So many seconds of a video are done."""
        ...

    def done(self) -> None:
        """The file is finished."""
        ...


def build(
    analyzer: Analyzer,
    paths: Sequence[str],
    media: Iterable[Medium | Unusable],
    folder: Path,
    every: float | None,
    told: Told | None,
    watching: Watching | None,
) -> list[str]:
    """Bring an index up to date with the media of `paths`; returns their names in it. See `Index.build`."""
    builder = Builder(analyzer, folder, every)
    failures: list[KaoiroError] = []
    names: list[str] = []
    try:
        for medium in media:
            if watching is not None:
                watching.begin(medium.name)
            error = builder.take(medium, watching)
            if watching is not None:
                watching.done()
            names.append(builder.name(medium.name))
            if error is not None:
                failures.append(error)
                if told is not None:
                    told(medium.name, error)
        builder.drop_gone(names)
    finally:
        builder.commit()
    if not (folder / store.ABOUT).exists():
        raise failures[0] if told is None and failures else _nothing(paths)
    builder.tidy()
    if failures and told is None:
        raise failures[0]
    return names


def _nothing(paths: Sequence[str]) -> InputError:
    return InputError(f"{', '.join(paths)}: no photo or video that can be searched")


class Builder:
    """Adds files to an index, which one process writes at a time.

    Args:
        analyzer: measures.
        folder: of the index; it is made when there is something to write.
        every: seconds between samples of a video; None is what the index has.

    Raises:
        InputError: the index is of another model or of another `every`, or damaged.
    """

    def __init__(self, analyzer: Analyzer, folder: Path, every: float | None) -> None:
        if every is not None:
            positive("every", every, "seconds")
        self._analyzer, self.folder, self._parent = analyzer, folder, folder.absolute().parent
        self.about = _about(analyzer, folder, every)
        self._known = self._read()
        self._waiting: list[tuple[dict[str, Any], Faces]] = []
        self._since = time.monotonic()

    def _read(self) -> dict[str, tuple[int, int, str]]:
        """Return size, stamp and note of the files that the index has."""
        store.sweep(self.folder, self.about)
        parts = [store.Part(self.folder / name, self.about) for name in self.about.parts]
        files = store.files_of(parts)
        values = zip(files["size"].tolist(), files["stamp"].tolist(), files["note"].tolist(), strict=True)
        return dict(zip(files["name"].tolist(), values, strict=True))

    def name(self, source: str) -> str:
        """Return what the index calls a file: its place below the folder that holds the index, else the whole path."""
        path = Path(os.path.normpath(Path(source).absolute()))
        below = path.is_relative_to(self._parent)
        return path.relative_to(self._parent).as_posix() if below else path.as_posix()

    def take(self, medium: Medium | Unusable, watching: Watching | None = None) -> KaoiroError | None:
        """Measure a file unless the index has it; returns why it cannot be used, or broke off.

        Raises:
            OutputError: the index cannot be written.
        """
        if isinstance(medium, Unusable):
            return InputError(f"{medium.name}: {medium.reason}")
        size, stamp = medium.stamp
        name, note = self.name(medium.name), ""
        if self._known.get(name, ())[:2] == (size, stamp):
            note = self._known[name][2]
        else:
            try:
                faces = self._measured(medium, watching)
            except KaoiroError as error:
                self._drop([name])  # what it was before does not count any more
                return error
            note = faces.note
            self._add({"name": name, "size": size, "stamp": stamp, "rows": len(faces.rows), "note": note}, faces)
        return TruncatedVideo(note) if note else None

    def _measured(self, medium: Medium, watching: Watching | None) -> Faces:
        advance: Advance = (lambda done_s, length_s: None) if watching is None else watching.advance
        return faces_of(self._analyzer, medium, self.about.columns, self.about.every, advance)

    def _add(self, file: dict[str, Any], faces: Faces) -> None:
        self._waiting.append((file, faces))
        self._known[file["name"]] = file["size"], file["stamp"], file["note"]
        late = time.monotonic() - self._since > _SECONDS
        if late or sum(len(one.rows) for _, one in self._waiting) >= _FACES:
            self.commit()

    def drop_gone(self, found: Sequence[str]) -> None:
        """Take files out of the index that are no more.

        Args:
            found: names of the files that are there; others stay if they lie elsewhere and still exist.
        """
        there = set(found)
        self._drop([name for name in self._known if name not in there and self._gone(name, there)])

    def _drop(self, names: Sequence[str]) -> None:
        for name in names:
            if name in self._known:
                self._add({"name": name, "size": store.REMOVED, "stamp": 0, "rows": 0, "note": ""}, Faces())
                del self._known[name]

    def _gone(self, name: str, found: set[str]) -> bool:
        """Whether a file, or a member of an archive, is no more."""
        path = self._parent / name
        archive = next((parent for parent in path.parents if parent.is_file()), None)
        if archive is None:
            return not path.exists()
        start = f"{self.name(str(archive))}/"
        return any(other.startswith(start) for other in found)

    def commit(self) -> None:
        """Write what waits as a part; it counts from then on.

        Raises:
            OutputError: the index cannot be written.
        """
        self._since = time.monotonic()
        if not self._waiting:
            return
        files = [file for file, _ in self._waiting]
        rows = [{"source": file["name"], **row} for file, faces in self._waiting for row in faces.rows]
        embeddings = [one for _, faces in self._waiting for one in faces.embeddings]
        scores = [one for _, faces in self._waiting for one in faces.scores]
        content = store.Content(_stacked(embeddings), _stacked(scores), rows, files)
        self.about = store.append(self.folder, self.about, content)
        self._waiting = []

    def tidy(self) -> None:
        """Make one part of many, or of parts of which much does not count any more."""
        parts = [store.Part(self.folder / name, self.about) for name in self.about.parts]
        files = store.files_of(parts)
        keep = [np.zeros(len(part.files), bool) for part in parts]
        for number, which in enumerate(keep):
            which[files.index[files["part"] == number]] = True
        rows, live = sum(map(len, parts)), int(files["rows"].to_numpy().sum())
        if len(parts) > _MOST_PARTS or (rows and live < (1 - _DEAD) * rows):
            self.about = store.merged(self.folder, self.about, parts, keep)


def _stacked(rows: Sequence[Any]) -> np.ndarray:
    return np.asarray(rows, np.float32) if rows else np.empty((0, 0), np.float32)


def _about(analyzer: Analyzer, folder: Path, every: float | None) -> store.About:
    """Return what an index is about: what is there, if it fits, or what a new one will be."""
    model = analyzer.model
    if not (folder / store.ABOUT).exists():
        width = analyzer.engine.classifier.width
        columns = measured(model)
        return store.About(model=model.name, digest=model.digest, width=width, columns=columns, every=every or EVERY)
    about = store.read_about(folder)
    if about.digest != model.digest:
        raise InputError(
            f"{folder} is of model '{about.model}' ({about.digest[:8]}), not of '{model.name}' ({model.digest[:8]}); "
            "their faces do not compare: take --model of that one, or another --index DIR"
        )
    if every is not None and every != about.every:
        raise InputError(
            f"{folder} has a sample every {about.every:g} s of videos, not every {every:g} s; leave --every out, or "
            "take another --index DIR"
        )
    return about
