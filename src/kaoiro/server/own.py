"""Our own interface: everything that is measured, of pictures, live views and videos."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from kaoiro.core import modelfile
from kaoiro.core.codec import rounded
from kaoiro.core.errors import InputError
from kaoiro.core.types import SUPPORT, Record
from kaoiro.inference.analyzer import Analyzer
from kaoiro.server import pictures, uploads
from kaoiro.server.bodies import TooLarge
from kaoiro.server.documents import FRAME, PICTURE, VIDEO, answers
from kaoiro.server.gate import incoming
from kaoiro.server.refusals import Refused, json_response
from kaoiro.server.settings import PICTURE as PICTURE_BYTES
from kaoiro.server.state import State, of
from kaoiro.server.store import VideoJob
from kaoiro.server.tables import TYPES, stream, timeline

router = APIRouter(prefix="/v1", tags=["kaoiro"])
_NOT_IN_PHOTOS = ("source", "frame", "time_s", "track", SUPPORT)
_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")
_LONGEST_NAME = 200
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
    max_faces: Faces = None,
    boxes: Annotated[str | None, Query(description="left,top,width,height;… in pixels: detection is not run")] = None,
) -> Response:
    """Measure the faces of a picture, largest first."""
    known = pictures.rectangles(boxes, "boxes")

    def ask(analyzer: Analyzer, pixels: np.ndarray) -> dict[str, Any]:
        if known is not None:
            pictures.check(known, pixels.shape[1], pixels.shape[0], "boxes")
        found = analyzer.image(pixels, boxes=known)
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        return {"model": analyzer.model.name, **size, "faces": [_photo_row(face) for face in found[:max_faces]]}

    return json_response(await _measured(request, ask))


@router.post(
    "/live/{session}",
    summary="One frame of a live view",
    responses=answers("measured", 400, 401, 408, 413, 415, 429),
    openapi_extra=FRAME,
)
async def live(
    request: Request,
    session: Session,
    time_s: Annotated[float, Query(ge=0, le=1e9, allow_inf_nan=False, description="when it was taken, seconds")],
) -> Response:
    """Measure a frame and return its faces with their tracks and the curves smoothed so far."""
    sessions = of(request).sessions

    def ask(analyzer: Analyzer, pixels: np.ndarray) -> dict[str, Any]:
        measured, view = analyzer.engine.picture(pixels), sessions.get(session)
        with view.lock:
            records = view.sequence.add(measured, time_s)
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        return {"time_s": time_s, **size, "faces": [_live_row(record) for record in records if record.has_face]}

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


def _photo_row(record: Record) -> dict[str, Any]:
    row = {name: rounded(name, value) for name, value in record.row().items() if name not in _NOT_IN_PHOTOS}
    return {name: value for name, value in row.items() if not name.endswith("_smooth")}


def _live_row(record: Record) -> dict[str, Any]:
    row = {name: rounded(name, value) for name, value in record.row().items()}
    return {name: value for name, value in row.items() if name not in ("source", "frame", "time_s")}


@router.post(
    "/videos",
    summary="Hand in a video",
    status_code=202,
    responses=answers("job", 400, 401, 408, 413, 415, 429, status=202),
    openapi_extra=VIDEO,
)
async def hand_in(
    request: Request,
    name: Annotated[str, Query(max_length=1000, description="written to the records")] = "video",
    every: Annotated[
        float | None, Query(gt=0, le=86400, allow_inf_nan=False, description="seconds between frames; default: all")
    ] = None,
    smooth: Annotated[Literal["centred", "causal", "none"], Query(description="over time")] = "centred",
    max_faces: Faces = None,
) -> Response:
    """Take a video into the queue; `Location` says where to ask for it."""
    state = of(request)
    options = {"every": every, "smooth": smooth, "max_faces": max_faces}
    try:
        job = await uploads.take(
            request, state, state.settings.max_video, "own", _plain(name), options, lambda said: True
        )
    except TooLarge:
        raise Refused(413, "TooLarge", f"A video may have {state.settings.max_video >> 20} MB.") from None
    return json_response(_said(job, state), 202, {"Location": f"/v1/videos/{job.id}"})


def _plain(name: str) -> str:
    """Return a file's name without folders and what terminals act on; it is never used as a path."""
    return _NAME.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1])[:_LONGEST_NAME] or "video"


@router.get("/videos/{job}", summary="What became of a video", responses=answers("job", 401, 404))
async def ask_for(request: Request, job: str) -> Response:
    """Return a job."""
    state = of(request)
    return json_response(_said(_found(state, job), state))


@router.delete("/videos/{job}", summary="Cancel and delete", status_code=204, responses=answers(None, 401, 404))
async def delete(request: Request, job: str) -> Response:
    """Cancel a video and delete all that is stored of it."""
    state = of(request)
    found = _found(state, job)
    await asyncio.to_thread(state.store.change, found.id, state="cancelled")
    await asyncio.to_thread(state.store.delete, found.id)
    return Response(status_code=204)


@router.get(
    "/videos/{job}/records",
    summary="The records of a measured video",
    responses=answers("object", 400, 401, 404, 409),
)
async def records(
    request: Request, job: str, format: Annotated[Literal["json", "jsonl", "csv", "parquet"], Query()] = "json"
) -> Response:
    """Return a row for each face in each frame, as a file."""
    found = _done(of(request), job)
    headers = {"Content-Disposition": _attachment(found.name, format)}
    path = of(request).store.result(found.id)
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:
        raise Refused(404, "NotFound", "No such video, or no longer.") from None
    return StreamingResponse(stream(file, format), media_type=TYPES[format], headers=headers)


def _attachment(name: str, ending: str) -> str:
    """Return a header whose file name is plain ASCII, whatever the video is called."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name, flags=re.ASCII)[:100]
    return f'attachment; filename="{plain}.{ending}"'


@router.get(
    "/videos/{job}/timeline",
    summary="Curves of a measured video",
    responses=answers("object", 400, 401, 404, 409),
)
async def curves(
    request: Request,
    job: str,
    points: Annotated[int, Query(ge=2, le=100_000, description="most of a face")] = 2000,
) -> Response:
    """Return a lane for each face: its scores over time with few points, and where they peak."""
    state = of(request)
    found = _done(state, job)
    try:
        body = await asyncio.to_thread(timeline, state.store.result(found.id), points)
    except FileNotFoundError:
        raise Refused(404, "NotFound", "No such video, or no longer.") from None
    return Response(json.dumps(body, allow_nan=False, separators=(",", ":")), media_type="application/json")


@router.get("/models", summary="The models that ship", responses=answers("object", 401))
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


def _found(state: State, job: str) -> VideoJob:
    found = state.store.get(job)
    if found is None or found.kind != "own" or found.state == "cancelled":
        raise Refused(404, "NotFound", "No such video, or no longer.")
    return found


def _done(state: State, job: str) -> VideoJob:
    found = _found(state, job)
    if found.state == "failed":
        raise Refused(409, "Failed", found.message or "The video could not be measured.")
    if found.state != "done":
        raise Refused(409, "NotReady", "The video is not measured yet.")
    return found


def _said(job: VideoJob, state: State) -> dict[str, Any]:
    over = job.state in ("done", "failed")
    return {
        "id": job.id,
        "name": job.name,
        "status": job.state,
        "progress": round(job.progress, 4),
        "message": job.message,
        "created": _moment(job.created),
        "updated": _moment(job.acted),
        "expires": _moment(job.acted + state.settings.keep_s) if over else None,
        "video": job.video,
        "rows": job.rows,
        "faces": job.faces,
    }


def _moment(seconds: float) -> str:
    said = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return said.isoformat(timespec="milliseconds").replace("+00:00", "Z")
