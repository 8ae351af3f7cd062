"""Pictures as the old interfaces take them: bytes or an address, known rectangles, faces of a certain size."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np
from starlette.requests import Request

from kaoiro.core.errors import InputError
from kaoiro.core.types import Box, Record
from kaoiro.faces.detect import given
from kaoiro.inference.analyzer import Analyzer
from kaoiro.server import bodies
from kaoiro.server.gate import incoming
from kaoiro.server.refusals import Refused, bad_argument
from kaoiro.server.state import of

MOST_FACES = 64
LEAST_FACE, LARGEST_FACE = 36, 4096
"""Sides of a face that the old interfaces report, pixels."""
_RECTANGLES = 16 << 10  # characters
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
Answer = TypeVar("Answer")


class TooSmall(InputError):
    """A picture in which no face of the least size has room."""


class Rectangle(NamedTuple):
    """Whole pixels."""

    left: int
    top: int
    width: int
    height: int


class Found(NamedTuple):
    """A face and its rectangle."""

    rectangle: Rectangle
    record: Record


@asynccontextmanager
async def picture(request: Request, limit: int, types: Callable[[str], bool]) -> AsyncIterator[bytes]:
    """Hold the picture in a request, or at the address that it names, for the block.

    Args:
        request: whose body is read.
        limit: bytes.
        types: tells which media types, beside JSON and none, are pictures.

    Raises:
        TooLarge: beyond the limit.
        Refused: no picture, not fetched, or too much waits already.
    """
    state, said = of(request), bodies.kind(request)
    state.desk.check()
    if said not in ("", "application/json") and not types(said):
        raise Refused(415, "UnsupportedMediaType", f"Invalid media type: {said[:100]}.")
    async with bodies.held(request, limit, state.room) as body:
        if not body and "transfer-encoding" in request.headers:
            raise TooSmall("picture: empty")  # the old service said so of chunked bodies
        if not body:
            raise bad_argument()
        if not bodies.is_json(request, body):
            yield body
            return
        url = bodies.url_in(body)
    with state.room.taken(limit):
        yield await state.fetcher.fetch(url, limit, b"".join)


def rectangles(text: str | None, name: str = "faceRectangles") -> list[tuple[float, float, float, float]] | None:
    """Return `left,top,width,height;…`, None if there are none; messages call it `name`.

    Raises:
        Refused: cannot be read, or more than `MOST_FACES`.
    """
    if text is None or not text.strip():
        return None
    wrong = bad_argument(f"Argument {name} cannot be parsed: left,top,width,height;…")
    parts = [part for part in text.split(";") if part.strip()] if len(text) <= _RECTANGLES else []
    if not parts:
        raise wrong
    if len(parts) > MOST_FACES:
        raise bad_argument(f"Argument {name} holds more than {MOST_FACES} rectangles.")
    found = []
    for part in parts:
        numbers = [number.strip() for number in part.split(",")]
        if len(numbers) != 4 or not all(map(_NUMBER.fullmatch, numbers)):
            raise wrong
        left, top, width, height = map(float, numbers)
        found.append((left, top, width, height))
    return found


class Faults(NamedTuple):
    """How an interface says what is wrong with a picture.

    Attributes:
        size: its code for pictures that are too small or too large.
        broken: code and message for what cannot be decoded.
    """

    size: str
    broken: tuple[str, str]


@contextmanager
def told(faults: Faults) -> Iterator[None]:
    """Turn what is wrong with a picture within the block into a refusal in an interface's words."""
    try:
        yield
    except (bodies.TooLarge, TooSmall):
        raise Refused(400, faults.size, "Image size is too small or too big.") from None
    except InputError:
        raise Refused(400, *faults.broken) from None


async def faces(request: Request, data: bytes, boxes: list[tuple[float, float, float, float]] | None) -> list[Found]:
    """Return the faces that the old interfaces report, largest first.

    Raises:
        Refused: too many requests wait, or rectangles lie outside the picture.
        InputError: the picture cannot be used.
    """

    def ask(analyzer: Analyzer, pixels: np.ndarray) -> list[Found]:
        height, width = pixels.shape[:2]
        if min(height, width) < LEAST_FACE:
            raise TooSmall("picture: too small")
        if boxes is not None:
            check(boxes, width, height)
            found = [Found(_whole(face.box), face) for face in analyzer.image(pixels, boxes=boxes) if face.box]
        else:
            found = [Found(_clipped(face.box, width, height), face) for face in analyzer.image(pixels) if face.box]
            found = [face for face in found if _reported(face.rectangle)]
        return sorted(found, key=lambda face: -face.rectangle.width * face.rectangle.height)[:MOST_FACES]

    return await of(request).desk.measure(data, ask, incoming(request.scope).left())


def check(boxes: Any, width: int, height: int, name: str = "faceRectangles") -> None:
    """Refuse rectangles that do not lie in a picture of this size.

    Raises:
        Refused: names the first of them.
    """
    try:
        given(boxes, width, height)
    except InputError as error:
        raise bad_argument(f"Argument {name} does not fit the picture: {error}") from None


def _whole(box: Box) -> Rectangle:
    return Rectangle(round(box.left), round(box.top), round(box.width), round(box.height))


def is_bytes(kind: str) -> bool:
    """Whether a media type says no more than that bytes follow."""
    return kind == "application/octet-stream"


def query(request: Request) -> dict[str, str]:
    """Return the parameters of a request, whose names may be written in any letter case."""
    return {name.lower(): value for name, value in reversed(request.query_params.multi_items())}


def _clipped(box: Box, width: int, height: int) -> Rectangle:
    """Return a box within the picture: clients cut faces out."""
    left, top = max(0, round(box.left)), max(0, round(box.top))
    right, bottom = min(width, round(box.left + box.width)), min(height, round(box.top + box.height))
    return Rectangle(left, top, max(0, right - left), max(0, bottom - top))


def _reported(rectangle: Rectangle) -> bool:
    return (
        min(rectangle.width, rectangle.height) >= LEAST_FACE and max(rectangle.width, rectangle.height) <= LARGEST_FACE
    )
