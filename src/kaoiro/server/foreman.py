"""Hands waiting videos to processes, one after another, and sees to what becomes of them."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from contextlib import suppress

from kaoiro.core.files import sweep
from kaoiro.server.store import Store, VideoJob

LOG = logging.getLogger("kaoiro.server")
MOST_DEATHS, MOST_STARTS = 2, 6
"""A video is given up when its processes were killed so often, or (ends of the service included) began so often."""
STALLED_S = 600.0
"""A process that has not told of any progress for so long is killed."""
_LOOK_S, _REST_S, _SWEEP_S, _TROUBLE_S = 0.2, 2.0, 30.0, 2.0


class Foreman:
    """A thread that works through the queue; trouble with disk or system makes it wait, not end.

    Args:
        store: of the jobs.
        model: name or folder.
        keep_s: seconds after which results are deleted.
    """

    def __init__(self, store: Store, model: str | None, keep_s: float) -> None:
        self._store, self._model, self._keep_s = store, model or "", keep_s
        self._end, self._woken, self._swept = threading.Event(), threading.Event(), 0.0
        self._thread = threading.Thread(target=self._run, name="kaoiro-foreman", daemon=True)

    def start(self) -> None:
        """Queue what an earlier service left, and begin."""
        self._store.resume()
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now: something was added or cancelled."""
        self._woken.set()

    def end(self) -> None:
        """Begin nothing more, and judge nothing any more; the next service goes on with what is in work."""
        self._end.set()
        self._woken.set()

    def stop(self) -> None:
        """End, and wait for that."""
        self.end()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._turn()
            except Exception:
                LOG.exception("trouble with the queue of videos")
                self._end.wait(_TROUBLE_S)

    def _turn(self) -> None:
        """Do what is to be done next, or rest."""
        self._woken.clear()
        self._sweep()
        job = self._store.next()
        if job is None:
            self._woken.wait(min(_REST_S, max(_LOOK_S, self._keep_s / 4)))
        elif job.starts > MOST_STARTS:
            self._store.change(job.id, state="failed", message="given up: the service ended with it again and again")
        else:
            self._work(job)

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > min(_SWEEP_S, max(_LOOK_S, self._keep_s / 4)):
            self._swept = time.monotonic()
            self._store.expire(self._keep_s)

    def _work(self, job: VideoJob) -> None:
        try:
            process = subprocess.Popen(
                command(self._store, job.id, self._model), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
            )
        except OSError:
            self._store.change(job.id, state="waiting", starts=job.starts - 1)  # no fault of the video
            raise
        try:
            stalled = self._watch(process, job.id)
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
        if not self._end.is_set():
            self._judge(job, "it made no progress" if stalled else _how(process.returncode))

    def _watch(self, process: subprocess.Popen[bytes], job: str) -> bool:
        """Wait until the process ends, the job is cancelled, or the service ends; tell whether it made no progress."""
        told, since, looked = 0.0, time.monotonic(), 0.0
        while not self._end.is_set():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
                return False
            if time.monotonic() - looked < 1 and not self._woken.is_set():
                continue
            self._woken.clear()
            self._sweep()
            found, looked = self._store.get(job), time.monotonic()
            if found is None or found.state == "cancelled":
                return False
            if found.acted != told:
                told, since = found.acted, time.monotonic()
            if time.monotonic() - since > STALLED_S:
                return True
        return False

    def _judge(self, job: VideoJob, how: str) -> None:
        """Queue a video once more whose process did not end well; give it up the second time."""
        found = self._store.get(job.id)
        sweep(self._store.folder)
        if found is None:
            self._store.delete(job.id)  # what the process wrote after it had been deleted
            return
        deaths = found.deaths + 1
        if found.state == "running" and deaths < MOST_DEATHS:
            self._store.change(job.id, state="waiting", deaths=deaths)
            return
        if found.state == "running":
            message = f"the process that measured it did not end well, {deaths} times ({how})"
            self._store.change(job.id, state="failed", deaths=deaths, message=message)
        self._store.upload(job.id).unlink(missing_ok=True)


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def command(store: Store, job: str, model: str) -> list[str]:
    """Return the command that measures the video of a job."""
    return [sys.executable, "-m", "kaoiro.server.worker", str(store.folder), job, model]
