"""The Emotion API v1.0 as it was documented until 2019: pictures at once, videos as operations."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column
from kaoiro.server import pictures, uploads
from kaoiro.server.bodies import TooLarge
from kaoiro.server.documents import OLD_PICTURE, OLD_VIDEO, answers, parameter
from kaoiro.server.refusals import Refused, bad_argument, json_response
from kaoiro.server.settings import EMOTION_PICTURE, EMOTION_VIDEO
from kaoiro.server.state import of
from kaoiro.server.store import VideoJob

STYLES = ("aggregate", "perFrame")
_STATUS = {
    "waiting": "Not Started",
    "running": "Running",
    "done": "Succeeded",
    "failed": "Failed",
    "cancelled": "Failed",
}
_HOST = re.compile(r"[A-Za-z0-9.\-_:\[\]]{1,255}", re.ASCII)
router = APIRouter(prefix="/emotion/v1.0", tags=["Emotion API"])
FAULTS = pictures.Faults("InvalidImageSize", ("InvalidFaceImage", "Invalid face image."))


@router.post(
    "/recognize",
    summary="Expressions of the faces of a picture",
    responses=answers("faces", 400, 401, 408, 429),
    openapi_extra=OLD_PICTURE | parameter("faceRectangles", "left,top,width,height;…: faces that the caller knows"),
)
async def recognize(request: Request) -> Response:
    """Measure the faces of a picture, largest first."""
    boxes = pictures.rectangles(pictures.query(request).get("facerectangles"))
    with pictures.told(FAULTS), _one_code():
        async with pictures.picture(request, EMOTION_PICTURE, pictures.is_bytes) as data:
            found = await pictures.faces(request, data, boxes)
    return json_response([_face(face) for face in found])


@contextmanager
def _one_code() -> Iterator[None]:
    """Answer 400 where others answer 415: the Emotion API knew no other code."""
    try:
        yield
    except Refused as refused:
        raise bad_argument("Content-Type is not recognized.") if refused.status == 415 else refused from None


def _face(face: pictures.Found) -> dict[str, Any]:
    scores = {label: face.record.scores[expression_column(label)] for label in EXPRESSIONS.labels}
    return {"faceRectangle": face.rectangle._asdict(), "scores": scores}


@router.post(
    "/recognizeinvideo",
    summary="Expressions in a video: an operation to ask for",
    status_code=202,
    response_class=Response,
    responses=answers(None, 400, 401, 408, 429, 503, 507),
    openapi_extra=OLD_VIDEO | parameter("outputStyle", "aggregate (default) or perFrame"),
)
async def recognize_in_video(request: Request) -> Response:
    """Take a video; `Operation-Location` says where its result will be."""
    style, state = _style(pictures.query(request).get("outputstyle")), of(request)
    try:
        with _one_code():
            job = await uploads.take(
                request, state, EMOTION_VIDEO, "emotion", "video", {"style": style}, pictures.is_bytes
            )
    except TooLarge:
        raise Refused(400, "InvalidVideoSize", "Video size is too big.") from None
    place = f"{_origin(request)}/emotion/v1.0/operations/{job.id}"
    return Response(status_code=202, headers={"Operation-Location": place})


def _origin(request: Request) -> str:
    """Return where the client reached us; what it says of that goes into a header, so it is checked."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        server = request.scope.get("server") or ("localhost", 80)
        host = f"{server[0]}:{server[1]}"
    return f"{request.url.scheme}://{host}"


def _style(said: str | None) -> str:
    if not said:
        return STYLES[0]
    found = next((style for style in STYLES if style.lower() == said.lower()), None)
    if found is None:
        raise bad_argument(f"Argument outputStyle must be one of {', '.join(STYLES)}.")
    return found


@router.get(
    "/operations/{operation}",
    summary="What became of a video",
    responses=answers("operation", 401, 404, 503),
)
async def operation(request: Request, operation: str) -> Response:
    """Tell how far an operation is, and its result inside a string."""
    state = of(request)
    job = await asyncio.to_thread(state.store.get, operation)
    if job is None or job.kind != "emotion":
        raise Refused(404, "NotFound", "Operation not found.")
    async with state.readers:
        return await asyncio.to_thread(_answer, job, state.store.document(job.id))


def _answer(job: VideoJob, document: Path) -> Response:
    body: dict[str, Any] = {
        "status": _STATUS[job.state],
        "createdDateTime": _moment(job.created),
        "lastActionDateTime": _moment(job.acted),
    }
    if job.state == "running":
        body["progress"] = round(100 * job.progress, 1)
    if job.state in ("failed", "cancelled"):
        body["message"] = job.message or "cancelled"
    if job.state == "done":
        try:
            body["processingResult"] = document.read_text(encoding="utf-8").rstrip()
        except FileNotFoundError:  # it expired a moment ago
            raise Refused(404, "NotFound", "Operation not found.") from None
    return json_response(body)


def _moment(seconds: float) -> str:
    """Return a time as the old service wrote it, with seven decimals."""
    said = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return said.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
