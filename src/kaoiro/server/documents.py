"""What the OpenAPI document says of requests and answers that FastAPI cannot see in the code."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_URL = {
    "application/json": {
        "schema": {"type": "object", "properties": {"url": {"type": "string", "maxLength": 2048}}, "required": ["url"]}
    }
}
OLD_PICTURE: dict[str, Any] = {"requestBody": {"required": True, "content": _URL | _BYTES}}
OLD_VIDEO = OLD_PICTURE
PICTURE: dict[str, Any] = {
    "requestBody": {"required": True, "content": _URL | _BYTES | {"image/*": _BYTES["application/octet-stream"]}}
}
VIDEO: dict[str, Any] = {
    "requestBody": {"required": True, "content": _URL | _BYTES | {"video/*": _BYTES["application/octet-stream"]}}
}
_REASONS = {
    400: "Something in the request cannot be used",
    401: "The key is missing or wrong",
    403: "A page of another origin",
    404: "Not there, or no longer",
    408: "The body did not arrive in time",
    409: "Not finished yet",
    413: "Larger than is taken",
    415: "Neither a picture, a video nor JSON",
    429: "Too many requests wait: try again after `Retry-After` seconds",
    503: "The table of jobs cannot be read now",
    507: "No room on the disk",
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {"type": "object", "properties": {"code": _TEXT, "message": _TEXT}},
        "statusCode": {"type": "integer"},
        "message": _TEXT,
    },
}
_OBJECT = {"type": "object"}
_RECTANGLE = {
    "type": "object",
    "properties": {side: {"type": "integer"} for side in ("left", "top", "width", "height")},
    "required": ["left", "top", "width", "height"],
}
_NUMBERS = {"type": "object", "additionalProperties": _NUMBER}
_FACES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"faceRectangle": _RECTANGLE, "scores": _NUMBERS},
        "required": ["faceRectangle", "scores"],
    },
}
_DETECTED = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"faceId": _TEXT, "faceRectangle": _RECTANGLE, "faceAttributes": _OBJECT},
        "required": ["faceRectangle"],
    },
}
_OPERATION = {
    "type": "object",
    "properties": {
        "status": {"enum": ["Not Started", "Running", "Failed", "Succeeded"]},
        "createdDateTime": _TEXT,
        "lastActionDateTime": _TEXT,
        "progress": _NUMBER,
        "message": _TEXT,
        "processingResult": {"type": "string", "description": "a JSON document inside a string"},
    },
    "required": ["status", "createdDateTime", "lastActionDateTime"],
}
_ROWS = {"type": "array", "items": _OBJECT}
_TEXTS = {"type": "array", "items": _TEXT}
_MAYBE = {"type": ["string", "null"]}
_WORD = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "column": _MAYBE,
        "stands_for": _TEXT,
        "refused": _MAYBE,
        "instead": _TEXTS,
        "source": _TEXT,
        "reliability": {"type": ["object", "null"]},
        "reliability_text": _MAYBE,
        "en": _TEXTS,
        "ja": _TEXTS,
    },
    "required": ["name", "column", "stands_for", "refused", "reliability", "en", "ja"],
}
_WORDS = {
    "type": "object",
    "properties": {"model": _TEXT, "caution": _TEXT, "words": {"type": "array", "items": _WORD}},
    "required": ["model", "caution", "words"],
}
_MEASURED = {
    "type": "object",
    "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}, "faces": _ROWS, "remarks": _TEXTS},
    "required": ["width", "height", "faces"],
}
_JOB = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "name": _TEXT,
        "status": {"enum": ["waiting", "running", "done", "failed"]},
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "message": {"type": ["string", "null"]},
        "created": _TEXT,
        "updated": _TEXT,
        "expires": {"type": ["string", "null"]},
        "video": {"type": ["object", "null"]},
        "rows": {"type": "integer"},
        "faces": {"type": "integer"},
        "classes": _TEXTS,
        "remarks": _TEXTS,
    },
    "required": ["id", "name", "status", "progress"],
}
_SHAPES: dict[str, Any] = {
    "faces": _FACES,
    "detected": _DETECTED,
    "operation": _OPERATION,
    "measured": _MEASURED,
    "job": _JOB,
    "words": _WORDS,
    "object": _OBJECT,
}


def answers(shape: str | None, *refusals: int, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route: its answer of a named shape, and the ways in which it says no."""
    refused: dict[int | str, dict[str, Any]] = {}
    refused |= {code: _described(_REASONS[code], _ERROR) for code in sorted({*refusals, 403})}
    if shape is None:
        return refused
    return {status: _described("Done", _SHAPES[shape]), **refused}


def _described(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def parameter(*pairs: str) -> dict[str, Any]:
    """Return query parameters for `openapi_extra`, given as name and meaning in turn."""
    named = zip(pairs[::2], pairs[1::2], strict=True)
    return {"parameters": [{"name": name, "in": "query", "description": text, "schema": _TEXT} for name, text in named]}
