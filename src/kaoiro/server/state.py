"""What all requests of one service share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from kaoiro.core.errors import InputError
from kaoiro.core.locks import Lock
from kaoiro.server.bodies import Room
from kaoiro.server.desk import Desk
from kaoiro.server.fetch import Allowed, Fetcher
from kaoiro.server.foreman import Foreman
from kaoiro.server.lexicon import Lexicon
from kaoiro.server.reports import Reports
from kaoiro.server.sessions import Sessions
from kaoiro.server.settings import MEMORY, Settings
from kaoiro.server.store import LOCK, Store


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
        seats: for videos on their way to disk.
        foreman: of the videos.
        reports: of measured videos.
        lexicon: of words that clients ask for.
        readers: of results, a few at a time.
    """

    settings: Settings
    desk: Desk
    store: Store
    fetcher: Fetcher
    sessions: Sessions
    room: Room
    seats: Room
    foreman: Foreman
    reports: Reports
    lexicon: Lexicon
    readers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))


def of(request: Request) -> State:
    """Return what the service of a request shares."""
    return request.app.state.kaoiro


@contextmanager
def opened(settings: Settings) -> Iterator[State]:
    """Open models, folders and the queue, and close them at the end of the block, when what was accepted is done.

    Raises:
        InputError: another service uses the data folder, or the glossary is not valid.
        OutputError: it cannot be written.
        ModelError: the model cannot be opened.
    """
    store = Store(settings.data)
    with ExitStack() as stack:
        stack.enter_context(Claim(settings.data))
        desk = Desk(settings)
        stack.callback(desk.close)
        lexicon = Lexicon(desk.model, settings.glossary)
        fetcher = Fetcher(Allowed.of(settings.allow_urls))
        stack.callback(fetcher.close)
        foreman = Foreman(store, settings.model, settings.keep_s)
        stack.callback(foreman.stop)
        foreman.start()
        rooms = Room(MEMORY), Room(settings.videos_waiting)
        reports = Reports(store)
        stack.callback(reports.close)
        yield State(settings, desk, store, fetcher, Sessions(), *rooms, foreman, reports, lexicon)


class Claim:
    """Holds a data folder for one service; the system lets go of it however the process ends.

    Raises:
        InputError: another service uses it.
        OutputError: it cannot be locked.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock(folder / LOCK)

    def __enter__(self) -> None:
        if not self._lock.take():
            raise InputError(f"--data {self._folder}: another service uses this folder")

    def __exit__(self, *_: object) -> None:
        self._lock.release()
