"""Videos on their way to disk and into the queue."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import Request

from kaoiro.server import bodies
from kaoiro.server.bodies import TooLarge
from kaoiro.server.refusals import Refused, bad_argument, too_many
from kaoiro.server.settings import SPARE
from kaoiro.server.state import State
from kaoiro.server.store import VideoJob

_RETRY_S = 60
_JSON = 64 << 10


async def take(
    request: Request,
    state: State,
    limit: int,
    kind: str,
    name: str,
    options: dict[str, Any],
    types: Callable[[str], bool],
) -> VideoJob:
    """Write the video of a request, or at the address that it names, to disk and put it into the queue.

    Args:
        request: whose body is read.
        state: of the service.
        limit: bytes.
        kind: of the job.
        name: of the video.
        options: of the job.
        types: tells which media types, beside JSON and none, are videos.

    Raises:
        TooLarge: beyond the limit.
        Refused: no video, no room, or not fetched.
    """
    said = bodies.kind(request)
    if said not in ("", "application/json") and not types(said):
        raise Refused(415, "UnsupportedMediaType", f"Invalid media type: {said[:100]}.")
    waiting = (await asyncio.to_thread(state.store.counts)).get("waiting", 0)
    if waiting >= state.settings.videos_waiting:
        raise too_many(_RETRY_S)
    if (bodies.declared(request) or 0) > limit:
        raise TooLarge
    job = state.store.new_id()
    path = state.store.upload(job)
    with state.seats.taken(1):
        try:
            await _write(request, state, path, limit)
            added = await asyncio.to_thread(state.store.add, job, kind, name, options)
        except BaseException as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise no_room() from error
            raise
    state.foreman.wake()
    return added


async def _write(request: Request, state: State, path: Path, limit: int) -> None:
    """Write a body to disk; one that is JSON is no video but says where it lies."""
    start, is_address = b"", bodies.kind(request) == "application/json"
    with path.open("wb") as file:
        async for chunk in bodies.chunks(request, limit):
            start = start or chunk
            if is_address or bodies.is_json(request, start):
                is_address = True
                if file.tell() + len(chunk) > _JSON:
                    raise bad_argument()
            _require_room(path, len(chunk))
            await asyncio.to_thread(file.write, chunk)
    if is_address:
        url = bodies.url_in(await asyncio.to_thread(path.read_bytes))
        await state.fetcher.fetch(url, limit, lambda blocks: _write_all(blocks, path))
    if not path.stat().st_size:
        raise bad_argument()


def _write_all(blocks: Iterator[bytes], path: Path) -> None:
    with path.open("wb") as file:
        for block in blocks:
            _require_room(path, len(block))
            file.write(block)


def _require_room(path: Path, count: int) -> None:
    if shutil.disk_usage(path.parent).free < SPARE + count:
        raise no_room()


def no_room() -> Refused:
    """Return the refusal of a video that the disk has no room for."""
    return Refused(507, "InsufficientStorage", "The service has no room for this video.")
