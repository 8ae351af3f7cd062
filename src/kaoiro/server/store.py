"""Video jobs in SQLite: they outlive the service, whatever ends it.

Under the data folder lie `jobs.sqlite`, `uploads/ID` (until measured), `results/ID.*` and `reports/ID/` (until they
expire).
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kaoiro.core.errors import OutputError

State = Literal["waiting", "running", "done", "failed", "cancelled"]
LOCK = "lock.sqlite"
_PATIENCE_S = 5.0
_PARTS = ("uploads", "results", "reports")
OVER: tuple[State, ...] = ("done", "failed", "cancelled")
_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, options TEXT NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, acted REAL NOT NULL, progress REAL NOT NULL DEFAULT 0, message TEXT,
    starts INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, video TEXT,
    rows INTEGER NOT NULL DEFAULT 0, faces INTEGER NOT NULL DEFAULT 0
)"""


@dataclass(frozen=True)
class VideoJob:
    """A video to be measured.

    Attributes:
        id: unguessable.
        kind: 'emotion' (the old interface) or 'own'.
        name: as the client calls it.
        options: how it is measured and answered.
        state: what became of it.
        created, acted: seconds since 1970; of the last change.
        progress: 0–1.
        message: why it failed, or what of the video is missing.
        starts: times a process began with it.
        deaths: times such a process was killed.
        video: what the file says of itself.
        rows, faces: in the result.
    """

    id: str
    kind: str
    name: str
    options: dict[str, Any]
    state: State
    created: float
    acted: float
    progress: float = 0.0
    message: str | None = None
    starts: int = 0
    deaths: int = 0
    video: dict[str, Any] | None = field(default=None)
    rows: int = 0
    faces: int = 0


class Store:
    """The jobs under a data folder; several processes may use it at once.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for part in _PARTS:
                (folder / part).mkdir(exist_ok=True, mode=0o700)
            for name in ("jobs.sqlite", LOCK):
                (folder / name).touch(mode=0o600)
            with self._open() as database:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"--data {folder}: cannot be used: {error}") from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.folder / "jobs.sqlite", timeout=_PATIENCE_S)
        database.row_factory = sqlite3.Row
        try:
            with database:
                yield database
        finally:
            database.close()

    def upload(self, job: str) -> Path:
        """Return where the video of a job lies."""
        return self.folder / "uploads" / job

    def result(self, job: str) -> Path:
        """Return where the records of a job lie."""
        return self.folder / "results" / f"{job}.parquet"

    def document(self, job: str) -> Path:
        """Return where the answer of the old interface lies, which is made once."""
        return self.folder / "results" / f"{job}.json"

    def reports(self, job: str) -> Path:
        """Return the folder of a job's reports."""
        return self.folder / "reports" / job

    def report(self, job: str, key: str) -> Path:
        """Return where one report of a job lies."""
        return self.reports(job) / f"{key}.html"

    @staticmethod
    def new_id() -> str:
        """Return an unguessable name for a job."""
        return str(uuid.uuid4())

    def add(self, job: str, kind: str, name: str, options: dict[str, Any]) -> VideoJob:
        """Put a job whose video lies in its place into the queue."""
        now = time.time()
        with self._open() as database:
            database.execute(
                "INSERT INTO jobs (id, kind, name, options, state, created, acted) "
                "VALUES (?, ?, ?, ?, 'waiting', ?, ?)",
                (job, kind, name, json.dumps(options), now, now),
            )
        return VideoJob(job, kind, name, options, "waiting", now, now)

    def get(self, job: str) -> VideoJob | None:
        """Return a job, None if there is none of that name."""
        with self._open() as database:
            row = database.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
        return None if row is None else _job(row)

    def change(self, job: str, *, unless: tuple[State, ...] = OVER, **values: Any) -> bool:
        """Set columns of a job and note the time, unless it is in one of the given states; tell whether it was done."""
        values = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in values.items()}
        columns = ", ".join(f"{name} = ?" for name in (*values, "acted"))
        kept = ", ".join("?" * len(unless))
        with self._open() as database:
            found = database.execute(
                f"UPDATE jobs SET {columns} WHERE id = ? AND state NOT IN ({kept})",
                (*values.values(), time.time(), job, *unless),
            )
        return found.rowcount > 0

    def next(self) -> VideoJob | None:
        """Take the job that waits longest and mark it as running."""
        with self._open() as database:
            row = database.execute(
                "UPDATE jobs SET state = 'running', progress = 0, starts = starts + 1, acted = ? WHERE id = "
                "(SELECT id FROM jobs WHERE state = 'waiting' ORDER BY created LIMIT 1) RETURNING *",
                (time.time(),),
            ).fetchone()
        return None if row is None else _job(row)

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state."""
        with self._open() as database:
            found = database.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall()
        return {row[0]: row[1] for row in found}

    def resume(self) -> None:
        """Queue the jobs again that ran when the service ended, and remove files that belong to no job."""
        with self._open() as database:
            database.execute("UPDATE jobs SET state = 'waiting' WHERE state = 'running'")
            known = {row[0] for row in database.execute("SELECT id FROM jobs")}
        for part in _PARTS:
            for path in (self.folder / part).iterdir():
                if path.name.split(".")[0] not in known:
                    _remove(path)

    def expire(self, keep_s: float) -> None:
        """Delete jobs that have been over for so long, and uploads that nobody needs."""
        with self._open() as database:
            over = "SELECT id FROM jobs WHERE state IN ('done', 'failed', 'cancelled')"
            ended = [row[0] for row in database.execute(over)]
            old = [row[0] for row in database.execute(f"{over} AND acted < ?", (time.time() - keep_s,))]
            database.executemany("DELETE FROM jobs WHERE id = ?", [(job,) for job in old])
        for job in old:
            self._remove_results(job)
        for job in ended:
            _remove(self.upload(job))

    def delete(self, job: str) -> None:
        """Delete all that is stored of a job; first the job, so that nobody who still writes takes it for alive."""
        with self._open() as database:
            database.execute("DELETE FROM jobs WHERE id = ?", (job,))
        _remove(self.upload(job))
        self._remove_results(job)

    def _remove_results(self, job: str) -> None:
        for path in (self.result(job), self.document(job), self.reports(job)):
            _remove(path)


def _job(row: sqlite3.Row) -> VideoJob:
    values = dict(row)
    video = values["video"]
    return VideoJob(
        **values | {"options": json.loads(values["options"]), "video": None if video is None else json.loads(video)}
    )


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
