"""What all requests of one service share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from kaoiro.core.errors import InputError
from kaoiro.server.bodies import Room
from kaoiro.server.desk import Desk
from kaoiro.server.fetch import Allowed, Fetcher
from kaoiro.server.foreman import Foreman
from kaoiro.server.sessions import Sessions
from kaoiro.server.settings import MEMORY, Settings
from kaoiro.server.store import Store


@dataclass(frozen=True)
class State:
    """Open while the service runs.

    Attributes:
        settings: of the service.
        desk: measures pictures.
        store: of video jobs.
        fetcher: of what lies at addresses.
        sessions: live views.
        room: for pictures in memory.
    """

    settings: Settings
    desk: Desk
    store: Store
    fetcher: Fetcher
    sessions: Sessions
    room: Room


def of(request: Request) -> State:
    """Return what the service of a request shares."""
    return request.app.state.kaoiro


@contextmanager
def opened(settings: Settings) -> Iterator[State]:
    """Open models, folders and the queue, and close them at the end of the block, when what was accepted is done.

    Raises:
        InputError: another service uses the data folder.
        OutputError: it cannot be written.
        ModelError: the model cannot be opened.
    """
    store = Store(settings.data)
    with Claim(settings.data):
        desk = Desk(settings)
        foreman = Foreman(store, settings.model, settings.keep_s)
        fetcher = Fetcher(Allowed.of(settings.allow_urls))
        foreman.start()
        try:
            yield State(settings, desk, store, fetcher, Sessions(), Room(MEMORY))
        finally:
            foreman.stop()
            fetcher.close()
            desk.close()


class Claim:
    """Holds a data folder for one service; the system lets go of it however the process ends.

    Raises:
        InputError: another service uses it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None, check_same_thread=False)

    def __enter__(self) -> None:
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._lock.close()
            raise InputError(f"--data {self._folder}: another service uses this folder") from error

    def __exit__(self, *_: object) -> None:
        self._lock.close()
