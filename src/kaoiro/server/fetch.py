"""Fetch pictures and videos that clients name by address, from allowed hosts only.

The address that was checked is the one that is connected to, so that a name server cannot answer differently the second
time.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

from kaoiro.core.errors import InputError
from kaoiro.server.bodies import TooLarge
from kaoiro.server.refusals import Refused, too_many

REDIRECTS = 3
SILENT_S, IN_ALL_S = 10.0, 60.0
AT_ONCE = 16
"""A slow source holds a thread for up to `IN_ALL_S`."""
Answer = TypeVar("Answer")
_PORTS = {"http": 80, "https": 443}
_BLOCK = 64 << 10


def _refused(why: str) -> Refused:
    return Refused(400, "InvalidURL", f"Invalid image URL. {why}")


@dataclass(frozen=True)
class Allowed:
    """Hosts from which may be fetched.

    Attributes:
        hosts: by name: their public addresses, at the usual ports.
        places: HOST:PORT, wherever that leads.
    """

    hosts: frozenset[str]
    places: frozenset[tuple[str, int]]

    @classmethod
    def of(cls, named: Sequence[str]) -> Allowed:
        """Return what `--allow-urls` names.

        Raises:
            InputError: one of them is neither HOST nor HOST:PORT.
        """
        hosts, places = set[str](), set[tuple[str, int]]()
        for name in named:
            host, port = _split(name)
            if port is None:
                hosts.add(host)
            else:
                places.add((host, port))
        return cls(frozenset(hosts), frozenset(places))

    def check(self, url: str) -> Place:
        """Return where an address leads.

        Raises:
            Refused: not http(s), not allowed, or nowhere.
        """
        try:
            parts = urlsplit(url)
            host, port = _plain(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise _refused("It cannot be read.") from None
        if parts.scheme not in _PORTS or not host or parts.username is not None or not _printable(url):
            raise _refused("It must be http or https, in printable ASCII, without a user.")
        exactly = (host, port) in self.places
        if not exactly and (host not in self.hosts or port not in _PORTS.values()):
            raise _refused("This server was not told to fetch from there (--allow-urls).")
        return Place(parts, host, port, _address(host, port, exactly))


@dataclass(frozen=True)
class Place:
    """A checked address.

    Attributes:
        parts: of the URL.
        host, port: named by it.
        address: numeric; the one that is connected to.
    """

    parts: SplitResult
    host: str
    port: int
    address: str


def _split(name: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{name}")
        host, port = _plain(parts.hostname or ""), parts.port
    except ValueError:
        host, port = "", None
    if not host or any(sign in name for sign in "/?#@ "):
        raise InputError(f"--allow-urls {name}: give HOST or HOST:PORT")
    return host, port


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _printable(url: str) -> bool:
    return len(url) <= 2048 and url.isascii() and url.isprintable() and " " not in url


def _address(host: str, port: int, anywhere: bool) -> str:
    """Return an address of a host; all of them must be public unless it may lead anywhere."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _refused("Its host is not known.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not (anywhere or all(map(is_public, addresses))):
        raise _refused("Its host has no public address.")
    return addresses[0]


_OPEN = ipaddress.ip_network("2000::/3")
_CARRIERS = [ipaddress.ip_network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]


def is_public(address: str) -> bool:
    """Whether an address lies in the open Internet: not private, loopback, link-local, multicast or reserved.

    Of IPv6 only global unicast counts, without the nets that carry addresses of version 4.
    """
    found = ipaddress.ip_address(address.split("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not found.is_multicast
    return found in _OPEN and found.is_global and not any(found in net for net in _CARRIERS)


def fetch(url: str, allowed: Allowed, limit: int, streams: set[socket.socket] | None = None) -> Iterator[bytes]:
    """Yield what lies at an address.

    Args:
        url: the address.
        allowed: hosts.
        limit: bytes.
        streams: holds the connection while it is open, for whoever wants to end it.

    Raises:
        Refused: not allowed, or it cannot be fetched.
        TooLarge: more than `limit` bytes.
    """
    until, place = time.monotonic() + IN_ALL_S, allowed.check(url)
    for _ in range(REDIRECTS + 1):
        try:
            with _answer(place, until, set() if streams is None else streams) as answer:
                if answer.status not in (301, 302, 303, 307, 308):
                    yield from _blocks(answer, limit)
                    if time.monotonic() >= until:
                        raise _refused("Downloading it took too long.")
                    return
                place = _next(place, answer, allowed)
        except (OSError, http.client.HTTPException):
            raise _refused("Downloading it failed.") from None
    raise _refused("It leads on and on.")


@contextmanager
def _answer(place: Place, until: float, streams: set[socket.socket]) -> Iterator[http.client.HTTPResponse]:
    """Ask a checked address and hold its answer for the block, at most until a moment of the monotonic clock."""
    with ExitStack() as stack:
        stream = stack.enter_context(socket.create_connection((place.address, place.port), SILENT_S))
        if place.parts.scheme == "https":  # certificates are checked for the host's name
            context = ssl.create_default_context()
            stream = stack.enter_context(context.wrap_socket(stream, server_hostname=place.host))
        watch = threading.Timer(until - time.monotonic(), _cut, [stream])
        stack.callback(watch.cancel)
        streams.add(stream)
        stack.callback(streams.discard, stream)
        watch.start()
        connection = stack.enter_context(closing(http.client.HTTPConnection(place.host, place.port)))
        connection.sock = stream
        target = (place.parts.path or "/") + (f"?{place.parts.query}" if place.parts.query else "")
        connection.request("GET", target, headers={"Accept": "*/*", "User-Agent": "kaoiro", "Connection": "close"})
        yield stack.enter_context(closing(connection.getresponse()))


class Fetcher:
    """Fetches a few things at a time, in threads of its own.

    Args:
        allowed: hosts to fetch from.
    """

    def __init__(self, allowed: Allowed) -> None:
        self._allowed, self._taken = allowed, 0
        self._streams: set[socket.socket] = set()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="kaoiro-fetch")

    async def fetch(self, url: str, limit: int, take: Callable[[Iterator[bytes]], Answer]) -> Answer:
        """Return what `take` makes of the blocks that lie at an address; raises as `fetch` does.

        Raises:
            Refused: also where as many are being fetched as may be.
        """
        if self._taken >= AT_ONCE:
            raise too_many(math.ceil(SILENT_S))
        self._taken += 1
        work = self._pool.submit(lambda: take(fetch(url, self._allowed, limit, self._streams)))
        loop = asyncio.get_running_loop()
        work.add_done_callback(lambda _: self._done(loop))
        return await asyncio.wrap_future(work)

    def _done(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the service has ended
            loop.call_soon_threadsafe(self._give_back)

    def _give_back(self) -> None:
        self._taken -= 1

    def close(self) -> None:
        """End what is being fetched."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for stream in list(self._streams):
            _cut(stream)


def _cut(stream: socket.socket) -> None:
    """End a connection that takes too long, whatever it is waiting for."""
    with suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)


def _next(place: Place, answer: http.client.HTTPResponse, allowed: Allowed) -> Place:
    """Return where a redirect leads, which must be the same host."""
    try:
        target = urljoin(place.parts.geturl(), answer.headers.get("Location", ""))
    except ValueError:
        raise _refused("It leads nowhere.") from None
    following = allowed.check(target)
    if following.host != place.host:
        raise _refused("It leads to another host.")
    return following


def _blocks(answer: http.client.HTTPResponse, limit: int) -> Iterator[bytes]:
    if answer.status != 200:
        raise _refused(f"Its host answers {answer.status}.")
    if (answer.length or 0) > limit:
        raise TooLarge
    total = 0
    while block := answer.read1(_BLOCK):
        total += len(block)
        if total > limit:
            raise TooLarge
        yield block
    if answer.length:
        raise _refused("Downloading it failed.")  # cut short
