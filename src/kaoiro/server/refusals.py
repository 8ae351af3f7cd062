"""Answers that say no, in the shapes that clients of each interface read."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

MISSING_KEY = (
    "Access denied due to missing subscription key. Make sure to include subscription key when making requests to "
    "this API."
)
WRONG_KEY = (
    "Access denied due to invalid subscription key. Make sure you are subscribed to an API you are trying to call and "
    "provide the right key."
)
EMOTION, FACE, OWN = "/emotion/", "/face/", "/v1/"
"""Beginnings of the paths of the two old interfaces and of our own."""


class Refused(Exception):
    """A request that is not served.

    Args:
        status: of the answer, 4xx.
        code: for programs.
        message: for people.
        retry_s: seconds after which it is worth trying again.
        gateway: refused before anybody looked at what is asked for (keys, rates, routes); the Emotion API answered
            such requests in a shape of its own.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_s: int | None = None, gateway: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_s, self.gateway = status, code, message, retry_s, gateway

    def response(self, path: str) -> Response:
        """Return the answer for a path of the old or of our own interface."""
        headers = {} if self.retry_s is None else {"Retry-After": str(self.retry_s)}
        return json_response(self._body(path), self.status, headers)

    def _body(self, path: str) -> dict[str, Any]:
        wrapped = {"error": {"code": self.code, "message": self.message}}
        if not self.gateway or path.startswith((FACE, OWN)):
            return wrapped
        flat = {"statusCode": self.status, "message": self.message}
        if self.status != 429:
            return flat
        return {**flat, "error": {"code": self.code, **flat}}  # clients read either


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer with the content type that the old service sent."""
    content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return Response(content, status, headers, media_type="application/json; charset=utf-8")


def too_many(seconds: int) -> Refused:
    """Return the refusal of a request beyond what can wait."""
    message = f"Rate limit is exceeded. Try again in {seconds} seconds."
    return Refused(429, "429", message, retry_s=seconds, gateway=True)


def gone() -> Refused:
    """Return the refusal of what is about a video that is not there."""
    return Refused(404, "NotFound", "No such video, or no longer.")


def bad_argument(message: str = "Request body is invalid.") -> Refused:
    """Return the refusal of a request that says something it cannot."""
    return Refused(400, "BadArgument", message)
