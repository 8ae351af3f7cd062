"""Videos in our own interface: handed in, asked for, fetched as files and curves, deleted."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from kaoiro.server import uploads
from kaoiro.server.bodies import TooLarge
from kaoiro.server.documents import VIDEO, answers
from kaoiro.server.gate import REPORT
from kaoiro.server.own import Faces
from kaoiro.server.parameters import KNOWN, Asked
from kaoiro.server.refusals import Refused, bad_argument, gone, json_response
from kaoiro.server.reporter import Wanted
from kaoiro.server.state import State, of
from kaoiro.server.store import VideoJob
from kaoiro.server.tables import TYPES, file_name, stream, timeline

router = APIRouter(prefix="/v1/videos", tags=["kaoiro"], dependencies=[KNOWN])
_NAME = re.compile(r"[\x00-\x1f\x7f/\\]" if os.sep == "/" else r"[\x00-\x1f\x7f/\\:]")
_TRACK = "^(auto|[0-9]{1,9}(,[0-9]{1,9}){0,63})$"
_LONGEST_NAME = 200


@router.post(
    "",
    summary="Hand in a video",
    status_code=202,
    responses=answers("job", 400, 401, 408, 413, 429, 503, 507, status=202),
    openapi_extra=VIDEO,
)
async def hand_in(
    request: Request,
    words: Asked,
    name: Annotated[str, Query(max_length=1000, description="written to the records")] = "video",
    every: Annotated[
        float | None, Query(gt=0, le=86400, allow_inf_nan=False, description="seconds between frames; default: all")
    ] = None,
    smooth: Annotated[Literal["centred", "causal", "none"], Query(description="over time")] = "centred",
    max_faces: Faces = None,
) -> Response:
    """Take a video into the queue; `Location` says where to ask for it."""
    state = of(request)
    options: dict[str, Any] = {"every": every, "smooth": smooth, "max_faces": max_faces}
    if words:
        asked = [entry.name for entry in words.entries]
        options |= {"classes": asked, "glossary": state.lexicon.file, "remarks": words.remarks}
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


@router.get("/{job}", summary="What became of a video", responses=answers("job", 400, 401, 404, 503))
async def ask_for(request: Request, job: str) -> Response:
    """Return a job."""
    state = of(request)
    return json_response(_said(await _found(state, job), state))


@router.delete("/{job}", summary="Cancel and delete", status_code=204, responses=answers(None, 400, 401, 404, 503))
async def delete(request: Request, job: str) -> Response:
    """Cancel a video and delete all that is stored of it."""
    state = of(request)
    found = await _found(state, job)
    await asyncio.to_thread(state.store.change, found.id, state="cancelled")
    await asyncio.to_thread(state.store.delete, found.id)
    state.foreman.wake()
    return Response(status_code=204)


@router.get(
    "/{job}/records",
    summary="The records of a measured video",
    responses=answers("object", 400, 401, 404, 409, 503),
)
async def records(
    request: Request, job: str, format: Annotated[Literal["json", "jsonl", "csv", "parquet"], Query()] = "json"
) -> Response:
    """Return a row for each face in each frame, as a file."""
    found = await _done(of(request), job)
    headers = _attachment(found.name, format)
    path = of(request).store.result(found.id)
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:
        raise gone() from None
    return StreamingResponse(stream(file, format), media_type=TYPES[format], headers=headers)


def _attachment(name: str, ending: str) -> dict[str, str]:
    """Return the header that makes a browser save an answer."""
    return {"Content-Disposition": f'attachment; filename="{file_name(name, ending)}"'}


@router.get(
    "/{job}/timeline",
    summary="Curves of a measured video",
    responses=answers("object", 400, 401, 404, 409, 503),
)
async def curves(
    request: Request,
    job: str,
    points: Annotated[int, Query(ge=2, le=20_000, description="most of a face")] = 2000,
) -> Response:
    """Return a lane for each face: its scores over time with few points, and where they peak."""
    state = of(request)
    path = state.store.result((await _done(state, job)).id)
    try:
        async with state.readers:
            text = await asyncio.to_thread(lambda: json.dumps(timeline(path, points), separators=(",", ":")))
    except FileNotFoundError:
        raise gone() from None
    return Response(text, media_type="application/json")


@router.get(
    "/{job}/report",
    summary="The report of a measured video, as a page",
    response_class=HTMLResponse,
    responses=answers(None, 400, 401, 404, 409, 429, 503, 507),
)
async def report(
    request: Request,
    job: str,
    language: Annotated[Literal["en", "ja"], Query(description="shown first")] = "en",
    baseline: Annotated[Literal["auto"] | None, Query(description="estimates the face at rest")] = None,
    track: Annotated[str, Query(pattern=_TRACK, description="the speaker: auto, or tracks joined by commas")] = "auto",
    largest: Annotated[bool, Query(description="the largest face counts, whoever it is")] = False,
    blur_faces: Annotated[bool, Query(description="a page that plays no video")] = False,
    download: Annotated[bool, Query(description="as a file to save")] = False,
) -> Response:
    """Return what faces showed, with what that is worth, as one self-contained page without pictures."""
    if largest and track != "auto":
        raise bad_argument("largest takes whoever is largest: leave out track.")
    state = of(request)
    found = await _done(state, job)
    if not found.faces:
        raise Refused(409, "NoFace", f"{found.name}: no face was found in it, so there is nothing to report.")
    page = await state.reports.read(found, Wanted(track, largest, baseline, blur_faces, language))
    headers = {"Content-Security-Policy": f"{REPORT}'none'"} | (_attachment(found.name, "html") if download else {})
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


async def _found(state: State, job: str) -> VideoJob:
    found = await asyncio.to_thread(state.store.get, job)
    if found is None or found.kind != "own" or found.state == "cancelled":
        raise gone()
    return found


async def _done(state: State, job: str) -> VideoJob:
    found = await _found(state, job)
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
        "classes": job.options.get("classes", []),
        "remarks": job.options.get("remarks", []),
    }


def _moment(seconds: float) -> str:
    said = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return said.isoformat(timespec="milliseconds").replace("+00:00", "Z")
