"""The service as a process that hostile requests are sent to, and the count of its answers."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

PATIENCE = 30.0
"""Seconds after which a request without an answer counts as hung."""
PEAK_MB = 3000
"""What the service, or one of its processes, may hold at the worst moment, megabytes."""
ENDS = ("done", "failed", "cancelled")
Answer = tuple[int, dict[str, str], bytes]


class Target:
    """A service of its own on a free port, what was sent to it, and what it did wrong.

    Args:
        data: folder for its videos.
        good: a picture with one face, which it must always be able to measure.
        allowed: port of this machine from which it may fetch pictures.
    """

    def __init__(self, data: Path, good: bytes, allowed: int) -> None:
        self.good, self.log = good, data.parent / "log"
        self.tally: dict[str, Counter[str]] = defaultdict(Counter)
        self.faults: list[str] = []
        self._lock = threading.Lock()
        command = [sys.executable, "-m", "kaoiro", "serve", "--port", "0", "--data", str(data)]
        command += ["--allow-urls", f"127.0.0.1:{allowed}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.port = self._started()

    def _started(self) -> int:
        begin = time.monotonic()
        while time.monotonic() - begin < 60:
            if found := re.search(r"serves http://127\.0\.0\.1:(\d+)", self.said()):
                return int(found[1])
            assert self.process.poll() is None, self.said()
            time.sleep(0.1)
        raise AssertionError("the service did not start within a minute")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        """Return what the service wrote to its terminal."""
        return self.log.read_text(errors="replace")

    def end(self) -> None:
        """Ask it to stop, and wait until it has."""
        self.process.terminate()
        self.process.wait(2 * PATIENCE)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Answer:
        """Send one request on a connection of its own and return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()

    def send(
        self,
        group: str,
        name: str,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Answer | None:
        """Send one request, count its answer, and note what is wrong with that; None if there was no answer."""
        begin, what = time.monotonic(), f"{group}: {name}: {method} {path[:200]!r}"
        try:
            answer = self.ask(method, path, body, headers, patience)
        except (OSError, http.client.HTTPException) as error:
            # it may refuse a long body, and close, before everything was sent
            large = isinstance(body, bytes) and len(body) > 1_000_000
            if large and isinstance(error, (BrokenPipeError, ConnectionResetError)):
                self.count(group, "closed")
            else:
                self.note(group, "lost", f"{what}: {error!r} after {time.monotonic() - begin:.1f} s")
            return None
        self.judge(group, what, *answer)
        return answer

    def judge(self, group: str, what: str, status: int, headers: dict[str, str], body: bytes) -> None:
        """Count an answer; none may be 5xx, and JSON must be JSON."""
        self.count(group, str(status))
        if status >= 500:
            self.faults.append(f"{what}: {status} {body[:300]!r}")
        elif headers.get("content-type", "").startswith("application/json") and body and not _is_json(body):
            self.faults.append(f"{what}: {status}, and not JSON: {body[:300]!r}")
        elif "x-injected" in headers or b"root:x:" in body:
            self.faults.append(f"{what}: {status}, and more than it should tell: {headers} {body[:300]!r}")

    def note(self, group: str, kind: str, fault: str) -> None:
        """Count and note a fault."""
        self.count(group, kind)
        self.faults.append(fault)

    def count(self, group: str, kind: str) -> None:
        """Count one more of a kind."""
        with self._lock:
            self.tally[group][kind] += 1

    def send_raw(self, group: str, name: str, data: bytes) -> None:
        """Send bytes as they are; the service must answer or close the connection soon."""
        what = f"{group}: {name}: {data[:100]!r}… of {len(data)} bytes"
        with self.connected() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            try:
                first = _first_part(connection)
            except TimeoutError:
                self.note(group, "hung", f"{what}: neither answered nor closed within {PATIENCE:.0f} s")
                return
        found = re.match(rb"HTTP/1\.[01] (\d\d\d)", first)
        self.count(group, found[1].decode() if found else "closed")
        if (first and not found) or (found and found[1].startswith(b"5")):
            self.faults.append(f"{what}: {first[:300]!r}")

    def ended(self, job: str) -> dict[str, Any]:
        """Wait until a video is done, failed or cancelled, but not for ever; return it as it was seen last."""
        begin, seen = time.monotonic(), {}
        while seen.get("status") not in ENDS and time.monotonic() - begin < 4 * PATIENCE:
            time.sleep(0.05)
            seen = json.loads(self.ask("GET", f"/v1/videos/{job}")[2])
        return seen

    def drop(self, answer: Answer | None) -> None:
        """Delete the video that a request may have handed in, so that the queue does not fill."""
        if answer and answer[0] == 202 and answer[2]:
            self.ask("DELETE", f"/v1/videos/{json.loads(answer[2])['id']}")

    def idle(self) -> None:
        """Wait until all videos have ended."""
        begin, left = time.monotonic(), {"waiting": 1}
        while any(left.values()) and time.monotonic() - begin < 10 * PATIENCE:
            time.sleep(0.2)
            left = json.loads(self.ask("GET", "/healthz")[2])["videos"]
        assert not any(left.values()), f"still at work: {left}"

    def connected(self) -> socket.socket:
        """Return a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def well(self) -> None:
        """Assert that it lives, answers, measures as before, and never held too much memory."""
        assert self.process.poll() is None, f"the service ended: {self.said()[-3000:]}"
        status, _, body = self.ask("GET", "/healthz")
        assert status == 200 and json.loads(body)["status"] == "ok", body
        status, _, body = self.ask("POST", "/v1/analyze", self.good, {"Content-Type": "image/jpeg"})
        assert status == 200 and len(json.loads(body)["faces"]) == 1, body[:500]
        assert self.peak_mb() < PEAK_MB, f"it held {self.peak_mb():.0f} MB"

    def peak_mb(self) -> float:
        """Return the most memory that it, or a process that it started and that runs, ever held, MB (Linux; else 0)."""
        found = [text for file in Path("/proc").glob("[0-9]*/status") if (text := _text(file))]
        own = str(self.process.pid)
        peaks = [int(t.split("VmHWM:")[1].split()[0]) for t in found if "VmHWM" in t and own in _family(t)]
        return max(peaks, default=0) / 1024

    def write_tally(self, path: Path, **more: Any) -> None:
        """Write what was sent, and the count of the answers by status, as JSON."""
        kinds = {group: dict(sorted(count.items())) for group, count in self.tally.items()}
        groups = {group: {"sent": _sent(count), **count} for group, count in kinds.items()}
        path.write_text(json.dumps({**more, "peak_mb": self.peak_mb(), "groups": groups}, indent=2))


def _sent(kinds: dict[str, int]) -> int:
    """Return how many requests these counts stand for; some count the same request from another side."""
    return sum(count for kind, count in kinds.items() if kind.isdigit() or kind in ("lost", "hung", "closed", "held"))


def _first_part(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except ConnectionResetError:
        return b""


def _is_json(body: bytes) -> bool:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(body, parse_constant=refuse)
    except ValueError:
        return False
    return True


def _text(file: Path) -> str:
    with contextlib.suppress(OSError):  # a process that has just ended
        return file.read_text()
    return ""


def _family(status: str) -> tuple[str, str]:
    """Return the numbers of a process and of its parent."""
    return status.split("\nPid:")[1].split()[0], status.split("\nPPid:")[1].split()[0]
