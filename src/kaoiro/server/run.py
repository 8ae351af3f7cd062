"""Listen, say where, and end in good order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from kaoiro.core.errors import InputError
from kaoiro.server.app import create_app
from kaoiro.server.bodies import SILENT_S
from kaoiro.server.certificate import self_signed
from kaoiro.server.settings import Settings
from kaoiro.server.state import opened

_FINISH_S = 30
"""Requests that were accepted may take so long after Ctrl-C."""
_KEEP_ALIVE_S = 30
_BACKLOG = 256


class Service:
    """The service on a port.

    Args:
        settings: how it runs.
        ready: called with the address when requests are taken.

    Attributes:
        address: where it listens, such as 'http://127.0.0.1:8000'; the port is known once it listens.

    Raises:
        InputError: settings that cannot work, or the port is taken.
    """

    def __init__(self, settings: Settings, ready: Callable[[str], None] = lambda address: None) -> None:
        self._settings, self._app = settings, create_app(settings)
        certificate, key = self._tls(settings)
        config = uvicorn.Config(
            self._app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            http=Connection,
            ws="none",
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_FINISH_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"--tls-cert {certificate}: cannot be used: {error}") from error
        self._socket = _listening(settings)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.address = f"{'https' if certificate else 'http'}://{host}:{self._socket.getsockname()[1]}"
        self._server = _Server(config, lambda: ready(self.address))

    @staticmethod
    def _tls(settings: Settings) -> tuple[Path | None, Path | None]:
        if settings.self_signed:
            return self_signed(settings.data / "tls", settings.host)
        return settings.tls_cert, settings.tls_key

    def run(self) -> None:
        """Serve until a signal, or `stop`.

        Raises:
            KaoiroError: what kept it from starting.
        """
        _allow_connections()
        _end_in_order()
        if self._settings.log:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        with closing(self._socket), opened(self._settings) as state:
            self._app.state.kaoiro = state
            self._server.ending = state.foreman.end
            with suppress(KeyboardInterrupt):  # raised once more when all is done
                self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Finish what was accepted, and end."""
        self._server.should_exit = True


def _allow_connections() -> None:
    """Allow as many open files as the system lets us: each connection is one."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _end_in_order() -> None:
    """Let SIGTERM, which uvicorn raises once more when all is done, end the process with 0."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


class Connection(H11Protocol):
    """An HTTP connection that is closed when no request comes, or none to its end, for `SILENT_S`."""

    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        stream = transport.get_extra_info("socket")
        if stream is not None:  # asyncio does this itself for sockets that it opened: answers wait 40 ms otherwise
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._stop()
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()

    def on_response_complete(self) -> None:
        """See `H11Protocol`; half of the next request may be here already."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop()
        self._watch = self.loop.call_later(SILENT_S, self.transport.close)

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self.ending: Callable[[], None] = lambda: None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell of the end at once: signals reach the processes that measure videos, too."""
        self.ending()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._ready()


def _listening(settings: Settings) -> socket.socket:
    """Return a socket on the wanted port, which is taken before anything is opened."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        found = socket.create_server((settings.host.strip("[]"), settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InputError(f"--host {settings.host} --port {settings.port}: {error.strerror or error}") from error
    found.set_inheritable(False)
    return found
