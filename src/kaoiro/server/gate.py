"""What every request passes: letter case, browsers' origins, keys; and what every answer carries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kaoiro.server.refusals import EMOTION, FACE, MISSING_KEY, OWN, WRONG_KEY, Refused

LOG = logging.getLogger("kaoiro.server")
KEY_HEADER, KEY_QUERY = "ocp-apim-subscription-key", "subscription-key"
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "connect-src 'self'; font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
REPORT = (
    "sandbox allow-scripts allow-downloads allow-modals; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors "
)
"""Policy of reports, to be ended by who may frame them: they hold all that they need, and the sandbox gives them an
origin of their own, from which nothing of the service can be reached."""
_EXPOSED = "Content-Disposition, Location, Operation-Location, Retry-After"
_GUARDED = (EMOTION, FACE, OWN)
_DRAIN_BYTES, _DRAIN_S = 16 << 20, 10.0


class Keys:
    """The keys that open the service; without any, everybody may pass."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def open(self, given: str) -> bool:
        """Whether a key is one of them; takes the same time whichever it is."""
        digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0  # all are compared


class Gate:
    """ASGI middleware around the whole service.

    Args:
        app: what is served.
        keys: that open it.
        origins: of other pages whose browsers may use it.
        log: tell of each request.
    """

    def __init__(self, app: ASGIApp, keys: Keys, origins: Sequence[str] = (), log: bool = False) -> None:
        self._app, self._keys, self._log = app, keys, log
        self._origins = {origin.rstrip("/").lower() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = path = normal(scope["path"])
        headers = Headers(scope=scope)
        answer, begun = _Answer(send, self._allowed(headers)), time.monotonic()
        scope["kaoiro.incoming"] = body = Incoming(receive, headers)
        try:
            await self._serve(scope, headers, path, body, answer)
        except Exception:
            LOG.exception("%s %s failed", scope["method"], quote(path))
            if not answer.status:
                response = Refused(500, "Unspecified", "The service failed; its log says why.").response(path)
                await response(scope, receive, answer)
        if self._log:
            LOG.info("%s %s %d %.0f ms", scope["method"], quote(path), answer.status, 1000 * (time.monotonic() - begun))

    async def _serve(self, scope: Scope, headers: Headers, path: str, body: Incoming, answer: _Answer) -> None:
        try:
            self._check_name(headers, path)
            self._check_origin(scope, headers)
            if _is_preflight(scope, headers) and self._allowed(headers):
                await _preflight()(scope, body, answer)
                return
            self._check_key(scope, headers, path)
        except Refused as refused:
            await body.drain()
            await refused.response(path)(scope, body, answer)
            return
        await self._app(scope, body, answer)

    def _check_key(self, scope: Scope, headers: Headers, path: str) -> None:
        if not self._keys or not path.startswith(_GUARDED):
            return
        given = headers.get(KEY_HEADER) or _bearer(headers) or _in_query(scope)
        if not given:
            raise Refused(401, "401", MISSING_KEY, gateway=True)
        if not self._keys.open(given):
            raise Refused(401, "401", WRONG_KEY, gateway=True)

    def _check_name(self, headers: Headers, path: str) -> None:
        """Refuse foreign names, which somebody may have bent to this machine, where no key is needed.

        The old interfaces are called by their old names, with bodies that a page of others cannot send.
        """
        named = self._keys or path.startswith((EMOTION, FACE, "/healthz"))
        if not named and not _is_plain(headers.get("host", "")):
            raise Refused(403, "Forbidden", "Without keys this service must be called by its address, or as localhost.")

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Refuse pages of others; a browser says where a page comes from, other programs say nothing and pass."""
        origin, host = headers.get("origin"), headers.get("host", "")
        if origin is None:
            crossed = headers.get("sec-fetch-site") == "cross-site" and scope["path"] != "/"
        else:
            crossed = origin.lower().partition("://")[2] != host.lower()
        if crossed and not self._allowed(headers):
            raise Refused(403, "Forbidden", "Pages of other origins may not use this service (--cors).")
        if origin is not None and not self._keys and not _is_plain(host):
            raise Refused(403, "Forbidden", "Without keys pages must call this service by its address.")

    def _allowed(self, headers: Headers) -> str | None:
        """Return the origin of the request if it was allowed."""
        origin = headers.get("origin", "").rstrip("/")
        return origin if origin.lower() in self._origins else None


class _Answer:
    """Adds to every answer what every answer carries, unless it has a policy of its own."""

    def __init__(self, send: Send, origin: str | None) -> None:
        self._send, self._origin, self.status = send, origin, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            if self._origin is not None:
                headers["Access-Control-Allow-Origin"] = self._origin
                headers["Access-Control-Expose-Headers"] = _EXPOSED
                headers.add_vary_header("Origin")
        await self._send(message)


def normal(path: str) -> str:
    """Return the path of a route: those of the old interfaces may be written in any letter case.

    Several slashes at the beginning, which come from an address that ends in one, count as one.
    """
    path = "/" + path.lstrip("/")
    lower = path.lower()
    return lower if lower.startswith((EMOTION, FACE)) else path


class Incoming:
    """A request's body on its way in, and whether all of it has come.

    Attributes:
        complete: nothing more will come.
    """

    def __init__(self, receive: Receive, headers: Headers) -> None:
        self._receive, self._begun = receive, False
        self._patient = headers.get("expect", "").lower() == "100-continue"
        self.complete = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

    async def __call__(self) -> Message:
        """Receive the next part."""
        self._begun = True
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            self.complete = True
        return message

    async def drain(self) -> None:
        """Take what a refused client is still sending: many read no answer before they have sent everything."""
        if self._patient and not self._begun:
            return  # it waits for a word before it sends
        taken, until = 0, time.monotonic() + _DRAIN_S
        with suppress(TimeoutError):
            while not self.complete and taken < _DRAIN_BYTES and (left := until - time.monotonic()) > 0:
                message = await asyncio.wait_for(self(), left)
                taken += len(message.get("body", b""))

    async def left(self) -> None:
        """Wait until the client has left; for requests whose body has come."""
        while (await self())["type"] != "http.disconnect":
            pass


def incoming(scope: Scope) -> Incoming:
    """Return the body of a request that passed the gate."""
    return scope["kaoiro.incoming"]


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _preflight() -> Response:
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST, DELETE",
        "Access-Control-Allow-Headers": "Content-Type, Authorization, Ocp-Apim-Subscription-Key",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=allowed)


def _bearer(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _in_query(scope: Scope) -> str:
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), errors="surrogateescape")
    return next((value for name, value in pairs if name.lower() == KEY_QUERY), "")


def _is_plain(host: str) -> bool:
    """Whether a Host header names this machine in a way that no foreign name server can bend."""
    name = urlsplit(f"//{host}").hostname or "" if _splits(host) else ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return True


def _splits(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname is not None
    except ValueError:
        return False
