"""Our own interface: everything that is measured, of pictures, live views and videos."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from kaoiro.core import modelfile
from kaoiro.core.codec import rounded, row_of
from kaoiro.core.errors import InputError
from kaoiro.core.types import CHANGED, SUPPORT, Record, changed
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.words.entry import Language
from kaoiro.server import pictures
from kaoiro.server.bodies import TooLarge
from kaoiro.server.documents import PICTURE, answers
from kaoiro.server.gate import incoming
from kaoiro.server.parameters import KNOWN, Asked
from kaoiro.server.refusals import Refused, json_response
from kaoiro.server.settings import PICTURE as PICTURE_BYTES
from kaoiro.server.state import of

router = APIRouter(prefix="/v1", tags=["kaoiro"], dependencies=[KNOWN])
_NOT_IN_PHOTOS = ("source", "frame", "time_s", "track", SUPPORT)
Session = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{8,64}$", description="chosen by the client, at random")]
Faces = Annotated[int | None, Query(ge=1, le=1000, description="measure only this many largest faces")]


@router.post(
    "/analyze",
    summary="Everything about the faces of a picture",
    responses=answers("measured", 400, 401, 408, 413, 415, 429),
    openapi_extra=PICTURE,
)
async def analyze(
    request: Request,
    words: Asked,
    max_faces: Faces = None,
    boxes: Annotated[str | None, Query(description="left,top,width,height;… in pixels: detection is not run")] = None,
) -> Response:
    """Measure the faces of a picture, largest first; words of `classes` are scored beside the expressions."""
    known = pictures.rectangles(boxes, "boxes")

    def ask(analyzer: Analyzer, pixels: np.ndarray) -> dict[str, Any]:
        if known is not None:
            pictures.check(known, pixels.shape[1], pixels.shape[0], "boxes")
        found = (analyzer.with_words(words) if words else analyzer).image(pixels, boxes=known)
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        faces = [_photo_row(face, words.names) for face in found[:max_faces]]
        told = {"remarks": words.remarks} if words else {}
        return {"model": analyzer.model.name, **size, "faces": faces, **told}

    return json_response(await _measured(request, ask))


@router.post(
    "/live/{session}",
    summary="One frame of a live view",
    responses=answers("measured", 400, 401, 408, 413, 415, 429),
    openapi_extra=PICTURE,
)
async def live(
    request: Request,
    session: Session,
    words: Asked,
    time_s: Annotated[float, Query(ge=0, le=1e9, allow_inf_nan=False, description="when it was taken, seconds")],
) -> Response:
    """Measure a frame and return its faces with their tracks and the curves smoothed so far."""
    sessions = of(request).sessions

    def ask(analyzer: Analyzer, pixels: np.ndarray) -> dict[str, Any]:
        engine = analyzer.engine.with_words(words) if words else analyzer.engine
        measured, view = engine.picture(pixels), sessions.get(session, words.names)
        with view.lock:
            records = view.sequence.add(measured, time_s)
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        faces = [_live_row(record, words.columns) for record in records if record.has_face]
        return {"time_s": time_s, **size, "faces": faces}

    return json_response(await _measured(request, ask))


async def _measured(request: Request, ask: Callable[[Analyzer, np.ndarray], dict[str, Any]]) -> dict[str, Any]:
    """Return what `ask` makes of the picture in a request."""
    try:
        async with pictures.picture(request, PICTURE_BYTES, _is_picture) as data:
            return await of(request).desk.measure(data, ask, incoming(request.scope).left())
    except TooLarge:
        raise Refused(413, "TooLarge", f"A picture may have {PICTURE_BYTES >> 20} MB.") from None
    except InputError as error:
        raise Refused(400, "InvalidImage", str(error)) from None


def _is_picture(kind: str) -> bool:
    return kind == "application/octet-stream" or kind.startswith("image/")


def _photo_row(record: Record, words: Sequence[str]) -> dict[str, Any]:
    row = {name: rounded(name, value) for name, value in _row(record, words).items() if name not in _NOT_IN_PHOTOS}
    return {name: value for name, value in row.items() if not name.endswith(("_smooth", "_change"))}


def _live_row(record: Record, words: Sequence[str]) -> dict[str, Any]:
    row = {name: rounded(name, value) for name, value in _row(record, words).items()}
    hidden = ("source", "frame", "time_s", *map(changed, CHANGED))
    return {name: value for name, value in row.items() if name not in hidden}


def _row(record: Record, words: Sequence[str]) -> dict[str, Any]:
    """Return a record's row with its words last, those without a score as None."""
    row = row_of(record, words)
    return {name: value for name, value in row.items() if name not in words} | {name: row[name] for name in words}


@router.get("/words", summary="Words that can be asked for", responses=answers("words", 400, 401))
async def glossary(
    request: Request,
    words: Asked,
    language: Annotated[Language | None, Query(description="only entries with a name in it")] = None,
) -> Response:
    """Return the entries of the glossary, or those of `classes`: what each stands for, and how far to trust it."""
    return json_response(await asyncio.to_thread(of(request).lexicon.listed, words, language))


@router.get("/models", summary="The models that ship", responses=answers("object", 400, 401))
async def models(request: Request) -> Response:
    """Return name, labels, measured numbers and licence of each."""
    current = of(request).desk.model.name
    return json_response({"models": [_model(name, current) for name in modelfile.shipped()]})


def _model(name: str, current: str) -> dict[str, Any]:
    description = modelfile.load(name).description
    card, heads = description.card, description.specification.heads
    return {
        "name": name,
        "default": name == current,
        "task": card.summary,
        "labels": {head.name: list(head.labels) for head in heads},
        "numbers": card.numbers,
        "licence": card.licence,
    }
