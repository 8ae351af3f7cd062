"""Bodies of requests: read with a limit on size and time, never more than that in memory."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request

from kaoiro.server.refusals import Refused, bad_argument, too_many

SILENT_S = 30.0
"""A client that sends nothing for so long is given up."""
PICTURE_S = 120.0
"""A picture must have come after so long: it takes room from others."""
_JSON_LIMIT = 64 << 10
_SINGLE_QUOTED = re.compile(r"\{\s*'(?P<key>\w{1,32})'\s*:\s*'(?P<value>[^'\\]*)'\s*\}")


class TooLarge(Exception):
    """A body beyond its limit."""


def declared(request: Request) -> int | None:
    """Return the length that a request declares, None if it does not."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None


async def chunks(request: Request, limit: int, within_s: float = math.inf) -> AsyncIterator[bytes]:
    """Yield a body as it comes.

    Args:
        request: whose body.
        limit: bytes.
        within_s: seconds after which what is still missing is not waited for.

    Raises:
        TooLarge: more than `limit` bytes, declared or sent.
        Refused: nothing came for `SILENT_S`, it took too long, or the client left.
    """
    until = time.monotonic() + within_s
    if (declared(request) or 0) > limit:
        raise TooLarge
    total, stream = 0, request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream, None), min(SILENT_S, until - time.monotonic()))
        except TimeoutError:
            raise Refused(408, "RequestTimeout", "The request body did not arrive in time.") from None
        except ClientDisconnect:
            raise Refused(400, "BadArgument", "The client left before the body was complete.") from None
        if chunk is None:
            return
        total += len(chunk)
        if total > limit:
            raise TooLarge
        yield chunk


class Room:
    """What all bodies together may hold in memory.

    Args:
        total: bytes.
    """

    def __init__(self, total: int) -> None:
        self._left = total

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        """Hold so many bytes for the block.

        Raises:
            Refused: there is no room now.
        """
        if count > self._left:
            raise too_many(1)
        self._left -= count
        try:
            yield
        finally:
            self._left += count


@asynccontextmanager
async def held(request: Request, limit: int, room: Room) -> AsyncIterator[bytes]:
    """Hold a whole body in memory for the block; raises as `chunks` does, and where there is no room."""
    said = declared(request)
    if (said or 0) > limit:
        raise TooLarge
    with room.taken(limit if said is None else said):
        yield b"".join([chunk async for chunk in chunks(request, limit, PICTURE_S)])


def kind(request: Request) -> str:
    """Return the media type of a request, in lower case without parameters; '' if it names none."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def is_json(request: Request, body: bytes) -> bool:
    """Whether a body is JSON: as its type says or, without a type, as it looks."""
    said = kind(request)
    return said == "application/json" or (not said and body.lstrip()[:1] == b"{")


def url_in(body: bytes) -> str:
    """Return the address in `{"url": …}`, with the key in any letter case.

    Single quotes around key and value, which the retired documentation printed, are accepted.

    Raises:
        Refused: no such object.
    """
    if len(body) > _JSON_LIMIT:
        raise bad_argument()
    try:
        said = _object(body.decode("utf-8-sig"))
        url = next((value for key, value in said.items() if key.lower() == "url"), None)
    except (ValueError, RecursionError):
        raise bad_argument() from None
    if not isinstance(url, str) or not url.strip():
        raise bad_argument()
    return url.strip()


def _object(text: str) -> dict[str, Any]:
    quoted = _SINGLE_QUOTED.fullmatch(text.strip())
    said = {quoted["key"]: quoted["value"]} if quoted else json.loads(text)
    if not isinstance(said, dict):
        raise ValueError("not an object")
    return said
