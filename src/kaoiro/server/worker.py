"""Measures one video in a process of its own, which may be killed: its result appears whole or not at all."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from kaoiro.core import codec
from kaoiro.core.errors import KaoiroError, TruncatedVideo
from kaoiro.core.types import Record
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.results import Recording
from kaoiro.server.store import Store, VideoJob

_TELL_S = 0.5


def main(folder: str, job: str, model: str) -> None:
    """Measure the video of a job, or note why it cannot be."""
    _end_with_parent()
    with suppress(AttributeError, OSError):
        os.nice(5)  # requests go first
    store = Store(Path(folder))
    found = store.get(job)
    if found is None:
        return
    try:
        _measure(store, found, model)
    except KaoiroError as error:
        store.change(job, state="failed", message=str(error))
    except Exception as error:
        store.change(job, state="failed", message=f"{found.name}: failed inside ({type(error).__name__}: {error})")
        raise


def _measure(store: Store, job: VideoJob, model: str) -> None:
    analyzer = Analyzer(model or None, max_faces=job.options.get("max_faces"))
    path = store.upload(job.id)
    recording = analyzer.video(
        path, every=job.options.get("every"), name=job.name, smooth=job.options.get("smooth", "centred")
    )
    info = recording.info
    store.change(job.id, video=asdict(info))
    measured = _Measured(recording, lambda done: store.change(job.id, progress=done))
    with codec.opened(store.result(job.id)) as writer:
        for record in measured:
            writer.write(record.row())
    rows, faces = measured.rows, measured.faces
    store.change(job.id, state="done", progress=1.0, rows=rows, faces=faces, message=measured.failure)


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
                if info.duration_s and time.monotonic() - self._told > _TELL_S:
                    self._told = time.monotonic()
                    self._tell(min(1.0, max(0.0, (record.time_s - info.start_s) / info.duration_s)))
                yield record
        except TruncatedVideo as error:
            self.failure = str(error)


def _end_with_parent() -> None:
    """End when the service does, however it ends: it holds the other end of standard input."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
