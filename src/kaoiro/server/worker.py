"""Measures one video in a process of its own, which may be killed: its result appears whole or not at all."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from kaoiro import __version__
from kaoiro.core import codec
from kaoiro.core.errors import InputError, TruncatedVideo
from kaoiro.core.files import write_text
from kaoiro.core.types import Record
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.results import Recording
from kaoiro.server import child, fragments
from kaoiro.server.store import Store, VideoJob

_TELL_S = 0.5
_MEMORY = 16 << 30  # bytes of addresses


def main(folder: str, job: str, model: str) -> None:
    """Measure the video of a job, or note why it cannot be."""
    child.end_with_parent()
    child.be_modest(_MEMORY)
    store = Store(Path(folder))
    found = store.get(job)
    if found is None:
        return
    try:
        _measure(store, found, model)
    except InputError as error:  # names the video as its client does
        store.change(job, state="failed", message=str(error))
    except Exception as error:  # may name places of this machine: these go to the log only
        store.change(job, state="failed", message=f"{found.name}: failed inside ({type(error).__name__})")
        raise


def _measure(store: Store, job: VideoJob, model: str) -> None:
    classes = job.options.get("classes")
    glossary = None if classes is None else job.options.get("glossary")
    analyzer = Analyzer(model or None, max_faces=job.options.get("max_faces"), classes=classes, glossary=glossary)
    recording = analyzer.video(
        store.upload(job.id),
        every=job.options.get("every"),
        name=job.name,
        smooth=job.options.get("smooth", "centred"),
    )
    video = asdict(recording.info)
    by = {"model": analyzer.model.digest, "version": __version__}
    store.change(job.id, video=video, options=job.options | by)
    measured = _Measured(recording, lambda done: _tell(store, job.id, done))
    words = analyzer.words.columns
    with codec.opened_with(store.result(job.id), words) as writer:
        for record in measured:
            writer.write(codec.row_of(record, words))
    if job.kind == "emotion":
        text = fragments.result(store.result(job.id), video, job.options["style"])
        write_text(store.document(job.id), text)
    rows, faces = measured.rows, measured.faces
    store.change(job.id, state="done", progress=1.0, rows=rows, faces=faces, message=measured.failure)


def _tell(store: Store, job: str, progress: float) -> None:
    with suppress(sqlite3.Error):  # the next time will do
        store.change(job, progress=progress)


class _Measured:
    """Counts records, tells now and then how far they are, and keeps what is missing of the video."""

    def __init__(self, recording: Recording, tell: Callable[[float], object]) -> None:
        self._recording, self._tell, self._told = recording, tell, time.monotonic()
        self.rows = self.faces = 0
        self.failure: str | None = None

    def __iter__(self) -> Iterator[Record]:
        info = self._recording.info
        try:
            for record in self._recording:
                self.rows, self.faces = self.rows + 1, self.faces + record.has_face
                if time.monotonic() - self._told > _TELL_S:
                    self._told = time.monotonic()
                    done = (record.time_s - info.start_s) / info.duration_s if info.duration_s else 0.0
                    self._tell(min(1.0, max(0.0, done)))
                yield record
        except TruncatedVideo as error:
            self.failure = str(error)


if __name__ == "__main__":
    child.leave_signals()
    main(*sys.argv[1:])
