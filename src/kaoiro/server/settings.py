"""Settings of the service, and what it refuses to start with."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from kaoiro.core.checks import at_least, require
from kaoiro.core.errors import InputError

MB = 1 << 20
EMOTION_PICTURE, FACE_PICTURE, PICTURE = 4 * MB, 6 * MB, 20 * MB
"""Largest pictures in bytes: Emotion API, Face API, our own interface."""
EMOTION_VIDEO = 100 * MB
MEMORY = 512 * MB
"""What the pictures of all requests together may hold, in bytes as they came."""
SPARE = 256 * MB
"""Bytes that stay free on the disk."""
MOST_PIXELS = 50_000_000
"""Larger pictures are refused before they are decoded."""

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/?")


def default_data() -> Path:
    """Return the folder for jobs and certificates where the user's programs keep such things."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "kaoiro" / "service"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "kaoiro" / "service"


@dataclass(frozen=True)
class Settings:
    """How the service runs.

    Attributes:
        host: address to listen at.
        port: 0 takes a free one.
        keys: any of them opens the service; without keys any key passes, and none is needed.
        jobs: threads that measure pictures; None takes the processors there are.
        data: folder of waiting videos, their results, and a certificate of our own; one service at a time.
        allow_urls: HOST or HOST:PORT from which pictures and videos may be fetched.
        cors: origins whose pages may use the service from a browser, such as 'https://example.org'.
        tls_cert, tls_key: PEM files; both or none.
        self_signed: make a certificate, kept in `data`.
        model: as for `Analyzer`.
        glossary: file of entries that clients may ask for beside those that ship.
        waiting: pictures that may wait while others are measured; more are answered with 429.
        videos_waiting: videos that may wait.
        keep_s: seconds after which results of videos are deleted.
        max_video: largest video for our own interface, bytes.
        log: write a line for each request to standard error, without query and headers.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: tuple[str, ...] = ()
    jobs: int | None = None
    data: Path = field(default_factory=default_data)
    allow_urls: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    self_signed: bool = False
    model: str | None = None
    glossary: Path | None = None
    waiting: int = 64
    videos_waiting: int = 100
    keep_s: float = 24 * 3600
    max_video: int = 4 << 30
    log: bool = False

    def check(self) -> None:
        """Refuse what cannot work or would be dangerous.

        Raises:
            InputError: names the first fault.
        """
        require(0 <= self.port <= 65535, "--port", "from 0 to 65535", self.port)
        at_least("--jobs", 1, 1 if self.jobs is None else self.jobs)
        if any(not key.strip() or not key.isascii() or not key.isprintable() for key in self.keys):
            raise InputError("--key: a key must be printable ASCII and not empty")
        if not self.keys and not is_loopback(self.host):
            raise InputError(f"--host {self.host} can be reached by others: give a --key, or stay with 127.0.0.1")
        for origin in self.cors:
            if not _ORIGIN.fullmatch(origin):
                raise InputError(f"--cors {origin}: give an origin such as https://example.org")
        self._check_tls()

    def _check_tls(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InputError("--tls-cert and --tls-key belong together")
        if self.self_signed and self.tls_cert is not None:
            raise InputError("--self-signed makes a certificate of its own: leave out --tls-cert and --tls-key")
        for name, path in (("--tls-cert", self.tls_cert), ("--tls-key", self.tls_key)):
            if path is not None and not path.is_file():
                raise InputError(f"{name} {path}: no such file")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; names other than 'localhost' may lead anywhere."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
