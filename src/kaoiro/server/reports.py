"""Reports of measured videos: each made once, a few at a time, and kept beside the records."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from kaoiro.core.files import sweep
from kaoiro.server.refusals import Refused, bad_argument, gone, too_many
from kaoiro.server.reporter import NO_ROOM, REFUSED, Wanted
from kaoiro.server.settings import SPARE
from kaoiro.server.store import Store, VideoJob

LOG = logging.getLogger("kaoiro.server")
AT_ONCE, MOST_WAITING = 2, 16
"""So many reports are made at a time, each by a process of its own; so many others may wait."""
KEPT = 8
"""Reports of one video that are kept: the latest."""
LONGEST_S = 300.0
"""A process that takes longer is killed."""
_RETRY_S = 5


class Reports:
    """Makes reports, and finds those that were made.

    Args:
        store: of the jobs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="kaoiro-reports")
        self._making: dict[Path, asyncio.Future[None]] = {}
        self._running: set[subprocess.Popen[str]] = set()
        self._closed, self._lock = False, threading.Lock()

    async def read(self, job: VideoJob, wanted: Wanted) -> bytes:
        """Return the report of a measured video, a megabyte or two; who asks for one that is being made waits for it.

        Raises:
            Refused: too many wait, it cannot be made as it was asked for, or the video was deleted meanwhile.
        """
        path = self._store.report(job.id, wanted.key)
        with suppress(FileNotFoundError):
            return await asyncio.to_thread(path.read_bytes)
        await asyncio.shield(self._maker(path, job, wanted))
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise gone() from None

    def _maker(self, path: Path, job: VideoJob, wanted: Wanted) -> asyncio.Future[None]:
        """Return what ends when a report is made; begin with it unless somebody else has."""
        if path in self._making:
            return self._making[path]
        if len(self._making) >= AT_ONCE + MOST_WAITING:
            raise too_many(_RETRY_S)
        self._making[path] = asyncio.wrap_future(self._pool.submit(self._make, job.id, wanted))
        self._making[path].add_done_callback(lambda done: self._over(path, done))
        return self._making[path]

    def _over(self, path: Path, done: asyncio.Future[None]) -> None:
        del self._making[path]
        if not done.cancelled():
            done.exception()  # nobody may be waiting for it any more

    def _make(self, job: str, wanted: Wanted) -> None:
        if shutil.disk_usage(self._store.folder).free < SPARE:
            raise _no_room()
        try:
            code, said = self._run(job, wanted)
        finally:
            there = self._tidy(job)
        if not there:
            raise gone()
        if code == REFUSED:
            raise bad_argument(said.strip())
        if code == NO_ROOM:
            raise _no_room()
        if code:
            LOG.error("a report was not made: %s", f"killed by signal {-code}" if code < 0 else f"exit code {code}")
            raise Refused(500, "Unspecified", "The report could not be made; the service's log says why.")

    def _run(self, job: str, wanted: Wanted) -> tuple[int, str]:
        """Return the exit code of a process that makes a report, and what it said."""
        with self._lock:
            if self._closed:
                raise Refused(503, "Unavailable", "The service is about to end.")
            process = subprocess.Popen(
                command(self._store, job, wanted), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
            self._running.add(process)
        limit = threading.Timer(LONGEST_S, process.kill)
        limit.start()
        try:
            return _ended(process)
        finally:
            limit.cancel()
            with self._lock:
                self._running.discard(process)

    def _tidy(self, job: str) -> bool:
        """Remove what is left of a making and the oldest reports of a job; tell whether its records are still there."""
        folder = self._store.reports(job)
        sweep(folder)
        if self._store.get(job) is None or not self._store.result(job).is_file():
            shutil.rmtree(folder, ignore_errors=True)  # what was written after the job had been deleted
            return False
        with suppress(OSError):  # deleted at this moment
            for path in sorted(folder.glob("*.html"), key=lambda one: one.stat().st_mtime)[:-KEPT]:
                path.unlink()
        return True

    def close(self) -> None:
        """Give up what is being made."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    with process:  # whose standard input stays open until then: without it the process would end
        said = process.stdout.read() if process.stdout is not None else ""
        return process.wait(), said


def command(store: Store, job: str, wanted: Wanted) -> list[str]:
    """Return the command that makes a report."""
    options = json.dumps(asdict(wanted))
    return [sys.executable, "-X", "utf8", "-m", "kaoiro.server.reporter", str(store.folder), job, options]


def _no_room() -> Refused:
    return Refused(507, "InsufficientStorage", "The service has no room for this report.")
