"""The service as a process that is started, asked, measured and killed (Linux: it reads /proc)."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from PIL import Image

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "src/kaoiro/assets"
ENDS = ("done", "failed", "cancelled")


class Running:
    """A service on a free port.

    Args:
        data: its folder; what it says goes to `log` beside it.
    """

    def __init__(self, data: Path) -> None:
        self.log = data.parent / "log"
        command = [sys.executable, "-m", "kaoiro", "serve", "--port", "0", "--data", str(data)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._process.pid
        self.port = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _started(self) -> int:
        begin = time.monotonic()
        while time.monotonic() - begin < 60 and self._process.poll() is None:
            said = self.log.read_text(errors="replace")
            if found := re.search(r"serves http://127\.0\.0\.1:(\d+)", said):
                return int(found[1])
            time.sleep(0.05)
        raise SystemExit(f"the service did not start: {self.log.read_text(errors='replace')}")

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Send one request; return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/octet-stream"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def upload(self, clip: Path) -> str:
        """Send a video; return the name of its job."""
        status, body = self.ask("POST", f"/v1/videos?name={clip.name}", clip.read_bytes())
        assert status == 202, body
        return json.loads(body)["id"]

    def job(self, identity: str) -> dict[str, Any]:
        """Return the state of a job."""
        status, body = self.ask("GET", f"/v1/videos/{identity}")
        assert status == 200, body
        return json.loads(body)

    def until(self, identity: str, progress: float = 2.0, patience: float = 900.0) -> dict[str, Any]:
        """Wait until a job has come so far, or has ended; return its state."""
        begin = time.monotonic()
        while True:
            job = self.job(identity)
            if job["status"] in ENDS or (job["status"] == "running" and job["progress"] >= progress):
                return job
            assert time.monotonic() - begin < patience, f"still {job}"
            time.sleep(0.02)

    def records(self, identity: str) -> bytes:
        """Return the records of a job that is done, Parquet."""
        status, body = self.ask("GET", f"/v1/videos/{identity}/records?format=parquet")
        assert status == 200, body
        return body

    def descendants(self) -> list[int]:
        """Return the processes that it started, and those that they started."""
        parents = {pid: parent for pid in _processes() if (parent := _parent(pid)) is not None}
        found = [self.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found[1:]

    def memory_mb(self) -> tuple[float, float]:
        """Return resident megabytes: of the service, and of its children together."""
        return _resident_mb(self.pid), sum(map(_resident_mb, self.descendants()))

    def peak_mb(self) -> float:
        """Return the most that the service itself ever held, megabytes."""
        return int(_field(self.pid, "VmHWM").split()[0]) / 1024

    def busiest(self, seconds: float = 0.3) -> int:
        """Return the descendant that used most processor time just now: the worker of a job that runs."""
        before = {pid: _ticks(pid) for pid in self.descendants()}
        time.sleep(seconds)
        spent = {pid: _ticks(pid) - ticks for pid, ticks in before.items() if _ticks(pid)}
        if not spent or not max(spent.values()):
            raise SystemExit("no process of the service is at work on the video")
        return max(spent, key=lambda pid: spent[pid])

    def kill(self) -> None:
        """Kill -9 the service, and nothing else."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, unless it has."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


def photo() -> bytes:
    """Return a JPEG of 640x480 with one face: the portrait (NASA, public domain), its sides filled."""
    scene = Image.new("RGB", (640, 480), (110, 110, 115))
    scene.paste(Image.open(ASSETS / "astronaut.png").convert("RGB").resize((480, 480), Image.Resampling.BOX), (80, 0))
    target = io.BytesIO()
    scene.save(target, "JPEG", quality=90)
    return target.getvalue()


def clients(port: int, picture: Path, *options: str) -> dict[str, Any]:
    """Run clients in a process of their own and return what they saw."""
    program = ROOT / "benchmarks/service_clients.py"
    command = [sys.executable, str(program), str(port), str(picture), *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    return _ticks(pid) > 0 and _field(pid, "State")[:1] != "Z"


def kill(pid: int) -> None:
    """Kill -9 one process."""
    os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _field(pid: int, name: str) -> str:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return ""
    found = re.search(rf"^{name}:\s*(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _parent(pid: int) -> int | None:
    text = _field(pid, "PPid")
    return int(text) if text else None


def _resident_mb(pid: int) -> float:
    text = _field(pid, "VmRSS")
    return int(text.split()[0]) / 1024 if text else 0.0


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
