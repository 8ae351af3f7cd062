"""The Face API v1.0's `detect` with the emotion attribute, where the Emotion API moved in 2019."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column
from kaoiro.server import pictures
from kaoiro.server.documents import OLD_PICTURE, answers, parameter
from kaoiro.server.refusals import bad_argument, json_response
from kaoiro.server.settings import FACE_PICTURE

ATTRIBUTES = ("emotion", "headpose")
LANDMARKS = ("pupilLeft", "pupilRight", "noseTip", "mouthLeft", "mouthRight")
"""Those of the 27 points of the Face API that are measured, in the order of `core.types.LANDMARKS`."""
LEAST_BYTES = 1024
FAULTS = pictures.Faults("InvalidImageSize", ("InvalidImage", "Decoding error, image format unsupported."))
router = APIRouter(prefix="/face/v1.0", tags=["Face API"])
_PARAMETERS = parameter(
    "returnFaceId",
    "true (default) or false",
    "returnFaceLandmarks",
    "true: five of the points",
    "returnFaceAttributes",
    "emotion, headPose: joined by a comma without spaces",
    "recognitionModel",
    "returned if returnRecognitionModel is true",
    "returnRecognitionModel",
    "true or false (default)",
)


@router.post(
    "/detect",
    summary="Faces of a picture, with the emotion attribute",
    responses=answers("detected", 400, 401, 408, 415, 429),
    openapi_extra=OLD_PICTURE | _PARAMETERS,
)
async def detect(request: Request) -> Response:
    """Find the faces of a picture, largest first."""
    query = _Query(request)
    with pictures.told(FAULTS):
        async with pictures.picture(request, FACE_PICTURE, pictures.is_bytes) as data:
            if len(data) < LEAST_BYTES:
                raise pictures.TooSmall("picture: too small")
            found = await pictures.faces(request, data, None)
    return json_response([query.face(face) for face in found])


class _Query:
    """What a request wants to know of each face.

    Raises:
        Refused: something that is not measured.
    """

    def __init__(self, request: Request) -> None:
        said = pictures.query(request)
        self._id = _flag(said, "returnfaceid", True)
        self._landmarks = _flag(said, "returnfacelandmarks", False)
        named = _flag(said, "returnrecognitionmodel", False)
        self._model = said.get("recognitionmodel") or "recognition_01" if named else None
        self._attributes = [name for name in said.get("returnfaceattributes", "").lower().split(",") if name]
        if any(name not in ATTRIBUTES for name in self._attributes):
            raise bad_argument("Invalid argument returnFaceAttributes.")

    def face(self, face: pictures.Found) -> dict[str, Any]:
        """Return what was asked of a face."""
        body: dict[str, Any] = {"faceId": str(uuid.uuid4())} if self._id else {}
        if self._model is not None:
            body["recognitionModel"] = self._model
        place = face.rectangle
        body["faceRectangle"] = {"width": place.width, "height": place.height, "left": place.left, "top": place.top}
        if self._landmarks:
            points = zip(LANDMARKS, face.record.landmarks or (), strict=False)
            body["faceLandmarks"] = {name: {"x": round(x, 1), "y": round(y, 1)} for name, (x, y) in points}
        if self._attributes:
            body["faceAttributes"] = _attributes(face, self._attributes)
        return body


def _attributes(face: pictures.Found, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "emotion" in names:
        scores = face.record.scores
        found["emotion"] = {label: round(scores[expression_column(label)], 3) for label in EXPRESSIONS.labels}
    if "headpose" in names:  # yaw and pitch are not measured; programs read all three
        found["headPose"] = {"roll": round(face.record.roll or 0.0, 1), "yaw": 0, "pitch": 0}
    return found


def _flag(said: dict[str, str], name: str, default: bool) -> bool:
    value = said.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise bad_argument(f"Invalid argument {name}.")
    return default if not value else value == "true"
