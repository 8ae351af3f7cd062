"""Clients of the service in a process of their own, so that what they cost is seen: answers, latencies, own time.

    python benchmarks/service_clients.py PORT PICTURE [--clients N] [--seconds S | --count N] [--path PATH]

Each client is a thread with one connection, which it keeps, and sends the next request when it has the answer
(raw `http.client`). Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds after which a request counts as lost."""


@dataclass
class Crowd:
    """Clients that share a picture, a deadline and a count."""

    port: int
    path: str
    picture: bytes
    end: float
    left: int
    latencies: list[tuple[int, float]] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    unwaited: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, start: threading.Barrier) -> None:
        """Send requests on one connection until time or count is over."""
        connection = self._connected()
        start.wait()
        while self._more():
            begin = time.perf_counter()
            try:
                status = self._ask(connection)
            except (OSError, http.client.HTTPException) as error:
                with self.lock:
                    self.lost[type(error).__name__] += 1
                connection.close()
                connection = self._connected()
            else:
                self.latencies.append((status, time.perf_counter() - begin))
        connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _more(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0 and time.monotonic() < self.end

    def _ask(self, connection: http.client.HTTPConnection) -> int:
        connection.request("POST", self.path, self.picture, {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 429 and not (answer.getheader("Retry-After") or "").isdigit():
            with self.lock:
                self.unwaited += 1
        return answer.status


def crowd(port: int, path: str, picture: bytes, clients: int, seconds: float, count: int) -> dict[str, Any]:
    """Let clients loose together; return what they saw."""
    threading.stack_size(256 * 1024)
    start = threading.Barrier(clients + 1)
    made = Crowd(port, path, picture, float("inf"), count)
    threads = [threading.Thread(target=made.client, args=(start,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    made.end = time.monotonic() + seconds
    start.wait()
    begin, own = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begin
    return {
        "seconds": took,
        "own_seconds": time.process_time() - own,
        "statuses": dict(Counter(str(status) for status, _ in made.latencies)),
        "lost": dict(made.lost),
        "429_without_retry_after": made.unwaited,
        "latencies_ms": [round(1000 * latency, 3) for status, latency in made.latencies if status == 200],
        "refused_ms": [round(1000 * latency, 3) for status, latency in made.latencies if status == 429],
    }


def main() -> None:
    """Run the clients and print what they saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--path", default="/v1/analyze")
    given = parser.parse_args()
    seen = crowd(given.port, given.path, given.picture.read_bytes(), given.clients, given.seconds, given.count)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
