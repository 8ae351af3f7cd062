import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
import requests

from kaoiro.server import run

VIDEO = Path(__file__).parents[2] / "src" / "kaoiro" / "assets" / "two-people.mp4"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


class Started:
    """The service as a process group of its own, as a terminal starts it."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "kaoiro", "serve", "--port", "0", "--data", str(data)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.url = self.process.stdout.readline().split()[2]

    def end(self, number: int, group: bool = False) -> int:
        (os.killpg if group else os.kill)(self.process.pid, number)
        code = self.process.wait(60)
        self.process.stdout.close()
        return code


def handed_in(url: str) -> str:
    """A video that is being measured."""
    job = requests.post(f"{url}/v1/videos", data=VIDEO.read_bytes(), params={"name": "x.mp4"}, timeout=60).json()["id"]
    until(url, job, "running")
    return job


def until(url: str, job: str, *states: str) -> dict:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = requests.get(f"{url}/v1/videos/{job}", timeout=60).json()
        if found["status"] in states:
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def records(url: str, job: str):
    assert until(url, job, "done", "failed")["status"] == "done"
    answer = requests.get(f"{url}/v1/videos/{job}/records", params={"format": "parquet"}, timeout=60)
    return pq.read_table(io.BytesIO(answer.content))


@pytest.mark.parametrize(("number", "group"), [(signal.SIGKILL, False), (signal.SIGINT, True), (signal.SIGTERM, True)])
def test_a_video_is_finished_after_the_service_was_ended_and_equals_an_undisturbed_one(tmp_path, number, group):
    first = Started(tmp_path)
    job = handed_in(first.url)
    code = first.end(number, group)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    second = Started(tmp_path)
    try:
        disturbed = records(second.url, job)
        undisturbed = records(second.url, handed_in(second.url))
        assert disturbed.equals(undisturbed)
    finally:
        second.end(signal.SIGTERM)


def test_what_was_accepted_is_finished_before_the_end(tmp_path, portrait):
    started = Started(tmp_path)
    place = urlsplit(started.url)
    with socket.create_connection((place.hostname, place.port)) as slow:
        head = f"POST /v1/analyze HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {len(portrait)}\r\n\r\n"
        slow.sendall(head.encode() + portrait[:1000])
        time.sleep(0.5)
        os.killpg(started.process.pid, signal.SIGINT)
        time.sleep(0.5)
        slow.sendall(portrait[1000:])
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
    assert started.process.wait(60) == 0
    started.process.stdout.close()


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /"]
)
def test_a_connection_without_a_whole_request_is_closed(serving, monkeypatch, sent):
    monkeypatch.setattr(run, "SILENT_S", 0.3)
    with serving() as url:
        place = urlsplit(url)
        with socket.create_connection((place.hostname, place.port)) as idle:
            idle.settimeout(20)
            idle.sendall(sent)
            while idle.recv(10_000):
                pass


def test_a_request_that_takes_longer_than_that_is_not_cut_off(serving, monkeypatch, portrait):
    monkeypatch.setattr(run, "SILENT_S", 0.2)
    with serving() as url:
        parts = (part for part in (portrait[:1000], portrait[1000:]) if not time.sleep(0.5))
        assert requests.post(f"{url}/v1/analyze", data=parts, timeout=60).status_code == 200
