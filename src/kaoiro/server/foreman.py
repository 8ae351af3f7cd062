"""Hands waiting videos to processes, one after another, and sees to what becomes of them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress

from kaoiro.core.files import sweep
from kaoiro.server.store import Store, VideoJob

_LOOK_S = 0.1
_SWEEP_S = 30.0
MOST_DEATHS, MOST_STARTS = 2, 6
"""A video is given up when its processes were killed so often, or (ends of the service included) began so often."""


class Foreman:
    """A thread that works through the queue.

    Args:
        store: of the jobs.
        model: name or folder.
        keep_s: seconds after which results are deleted.
    """

    def __init__(self, store: Store, model: str | None, keep_s: float) -> None:
        self._store, self._model, self._keep_s = store, model or "", keep_s
        self._end, self._swept = threading.Event(), 0.0
        self._thread = threading.Thread(target=self._run, name="kaoiro-foreman", daemon=True)

    def start(self) -> None:
        """Queue what an earlier service left, and begin."""
        self._store.resume()
        self._thread.start()

    def stop(self) -> None:
        """Stop at once; the video in work is begun anew by the next service on the same folder."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            self._sweep()
            job = self._store.next()
            if job is None:
                self._end.wait(_LOOK_S)
            elif job.starts > MOST_STARTS:
                self._store.change(
                    job.id, state="failed", message="given up: the service ended with it again and again"
                )
            else:
                self._work(job)

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > min(_SWEEP_S, max(_LOOK_S, self._keep_s / 4)):
            self._swept = time.monotonic()
            self._store.expire(self._keep_s)

    def _work(self, job: VideoJob) -> None:
        process = subprocess.Popen(
            command(self._store, job.id, self._model), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        try:
            self._watch(process, job.id)
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
        if self._end.is_set():
            return
        self._judge(job, process.returncode)

    def _watch(self, process: subprocess.Popen[bytes], job: str) -> None:
        """Wait until the process ends, the job is cancelled, or the service stops."""
        while not self._end.is_set():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
                return
            self._sweep()
            found = self._store.get(job)
            if found is None or found.state == "cancelled":
                return

    def _judge(self, job: VideoJob, code: int) -> None:
        """Queue a video once more whose process was killed; give it up the second time."""
        found = self._store.get(job.id)
        sweep(self._store.folder)
        if found is None:
            self._store.delete(job.id)  # what the process wrote after it had been deleted
        if found is None or found.state != "running":
            self._store.upload(job.id).unlink(missing_ok=True)
            return
        deaths = found.deaths + 1
        if deaths < MOST_DEATHS:
            self._store.change(job.id, state="waiting", deaths=deaths)
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        message = f"the process that measured it was killed {deaths} times ({how})"
        self._store.change(job.id, state="failed", deaths=deaths, message=message)
        self._store.upload(job.id).unlink(missing_ok=True)


def command(store: Store, job: str, model: str) -> list[str]:
    """Return the command that measures the video of a job."""
    return [sys.executable, "-m", "kaoiro.server.worker", str(store.folder), job, model]
