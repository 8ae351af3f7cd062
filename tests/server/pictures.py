"""Pictures, clips and requests that the tests of the service send."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import itertools
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
from media import regular, write_video
from PIL import Image

from kaoiro.core.types import Box

MB = 1 << 20
ALPHABETICAL = ["anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
IN_VIDEOS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
OCTETS = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}
KEY = "Ocp-Apim-Subscription-Key"
PATIENCE_S = 60.0
RECOGNIZE = "/emotion/v1.0/recognize"
IN_VIDEO = "/emotion/v1.0/recognizeinvideo"
OPERATIONS = "/emotion/v1.0/operations"
INVALID_BODY = "Request body is invalid."
INVALID_SIZE = "Image size is too small or too big."
WRONG = (
    "Access denied due to invalid subscription key. Make sure you are subscribed to an API you are trying to call and "
    "provide the right key."
)
MISSING = (
    "Access denied due to missing subscription key. Make sure to include subscription key when making requests to "
    "this API."
)

_ASSETS = Path(str(resources.files("kaoiro"))) / "assets"
_GREY = (90, 100, 110)


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers (in any letter case) and body."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body; it must say that it is JSON."""
        assert (self.headers["content-type"] or "").lower() == "application/json; charset=utf-8"
        return json.loads(self.body)


def connect(url: str, trust: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
    """Return a connection to a service."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.netloc, timeout=PATIENCE_S, context=trust)
    return http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)


def ask(
    url: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, chunked: bool = False
) -> Answer:
    """Send one request, with the path as it is and no header that is not named here, over a connection of its own."""
    with contextlib.closing(connect(url)) as connection:
        if chunked:
            headers = {**(headers or {}), "Transfer-Encoding": "chunked"}
        connection.request(method, path, body, dict(headers or {}), encode_chunked=chunked)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def post(url: str, path: str, body: Any, **more: Any) -> Answer:
    """Send bytes as octet-stream, and anything else as JSON."""
    if isinstance(body, bytes):
        return ask(url, "POST", path, body, OCTETS, **more)
    return ask(url, "POST", path, json.dumps(body), JSON, **more)


def parse_everything(url: str, method: str, path: str, data: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    """Do what the client for Node did with pictures: parse whatever comes, whatever its status."""
    with contextlib.closing(connect(url)) as connection:
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def talk(url: str, said: bytes, seconds: float = 5.0) -> bytes:
    """Write bytes to a socket; returns what is answered until the service closes, pauses or is done."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as line:
        line.sendall(said)
        heard = b""
        with contextlib.suppress(TimeoutError):
            while piece := line.recv(65536):
                heard += piece
                if _complete(heard):
                    break
        return heard


def _complete(heard: bytes) -> bool:
    head, _, body = heard.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(lengths) and len(body) >= int(lengths[0])


def at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Make all calls at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def until_done(url: str, path: str, seconds: float = PATIENCE_S) -> list[dict[str, Any]]:
    """Poll an operation until it succeeded or failed; returns all answers, the last one last."""
    seen, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask(url, "GET", path)
        assert answer.status == 200, answer.body
        seen.append(answer.json)
        if seen[-1]["status"] in ("Succeeded", "Failed"):
            return seen
        time.sleep(0.02)
    raise AssertionError(f"{path} is not done after {seconds} s: {seen[-1:]}")


def place(posted: Answer) -> str:
    """Return the path of the operation that an answer names, as clients do: from the last segment."""
    assert posted.status == 202, posted.body
    return f"{OPERATIONS}/{posted.headers['operation-location'].split('/')[-1]}"


def document(url: str, path: Path, style: str = "") -> dict[str, Any]:
    """Return what a film's finished operation carries inside its string."""
    return inner(until_done(url, place(post(url, IN_VIDEO + style, path.read_bytes())))[-1])


def inner(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the document inside the string of a finished operation."""
    assert answer["status"] == "Succeeded", answer
    assert type(answer["processingResult"]) is str
    return json.loads(answer["processingResult"])


def events(found: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the events of all fragments, one list for each interval; fragments without any count as none."""
    return [event for fragment in found["fragments"] for event in fragment.get("events", [])]


def check_error(answer: Answer, status: int, code: str, message: str | None = None) -> str:
    """Check the shape of an error that comes from the service itself; returns its message."""
    assert (answer.status, list(answer.json)) == (status, ["error"]), answer.body
    error = answer.json["error"]
    assert (list(error), error["code"]) == (["code", "message"], code), answer.body
    assert error["message"] == message if message is not None else len(error["message"]) > 5
    return error["message"]


def check_flat(answer: Answer, status: int, message: str) -> None:
    """Check the shape of an error that comes from the gateway."""
    assert answer.status == status, answer.body
    assert list(answer.json) == ["statusCode", "message"]
    assert answer.json == {"statusCode": status, "message": message}


def faces(answer: Answer) -> list[dict[str, Any]]:
    """Return what was found, after a check that the answer is a success."""
    assert answer.status == 200, answer.body
    return answer.json


def rectangles(answer: Answer) -> list[tuple[int, int, int, int]]:
    """Return the rectangles of the answer as (left, top, width, height)."""
    boxes = [face["faceRectangle"] for face in faces(answer)]
    return [(box["left"], box["top"], box["width"], box["height"]) for box in boxes]


def sides(rectangle: Mapping[str, int]) -> Box:
    """Return a rectangle of an answer."""
    assert all(type(value) is int for value in rectangle.values()), rectangle
    return Box(*(float(rectangle[side]) for side in ("left", "top", "width", "height")))


@functools.cache
def portrait() -> Image.Image:
    """Return a photo of 512x512 pixels with one face of about 90x120."""
    return Image.open(_ASSETS / "astronaut.png").convert("RGB")


def scene(size: tuple[int, int], *places: tuple[int, int, int]) -> Image.Image:
    """Paste the portrait at several places (side, left, top) of a grey canvas."""
    canvas = Image.new("RGB", size, _GREY)
    for side, left, top in places:
        canvas.paste(portrait().resize((side, side), Image.Resampling.BOX), (left, top))
    return canvas


def three_faces() -> Image.Image:
    """Show faces about 76, 64 and 53 pixels high, the smallest first from the left."""
    return scene((640, 480), (230, 0, 0), (360, 230, 0), (280, 0, 200))


@functools.cache
def photo() -> bytes:
    """Return a JPEG file with three faces."""
    return encode(three_faces())


@functools.cache
def big_photo() -> bytes:
    """Return a file that takes a while: four million pixels."""
    return encode(scene((2400, 1600), (800, 0, 0), (800, 1200, 600)), quality=60)


def crowd(count: int) -> Image.Image:
    """Show so many faces of about 41x46 pixels."""
    tile = portrait().crop((150, 10, 310, 230)).resize((70, 96), Image.Resampling.BOX)
    canvas = Image.new("RGB", (780, -(-count // 10) * 104), _GREY)
    for number in range(count):
        canvas.paste(tile, (number % 10 * 78 + 4, number // 10 * 104 + 4))
    return canvas


def lonely(height: int, size: tuple[int, int]) -> Image.Image:
    """Show one head of so many pixels in the middle of a canvas; its face is about half as high."""
    head = portrait().crop((150, 10, 310, 230)).resize((height * 8 // 11, height), Image.Resampling.BOX)
    canvas = Image.new("RGB", size, _GREY)
    canvas.paste(head, (size[0] // 2, size[1] // 2))
    return canvas


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """Return the file of a picture."""
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 92} if kind == "JPEG" else {}) | options)
    return file.getvalue()


def padded(data: bytes, length: int) -> bytes:
    """Return a JPEG file that was made longer behind its end."""
    assert len(data) <= length
    return data + bytes(length - len(data))


def small_film(path: Path, count: int = 50) -> Path:
    """Write the first frames of the film with two people that ships, 25 frames/s, 640x360."""
    with av.open(str(_ASSETS / "two-people.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in itertools.islice(container.decode(video=0), count)]
    return write_video(path, regular(count), (640, 360), picture=lambda number: frames[number])


def film(path: Path, shown: Sequence[Image.Image], rate: float = 10.0, **how: Any) -> Path:
    """Write a film that shows one picture after the other, so many a second."""
    frames = [np.asarray(image) for image in shown]
    size = (frames[0].shape[1], frames[0].shape[0])
    times_s = [number / rate for number in range(len(frames))]
    return write_video(path, times_s, size, picture=lambda number: frames[number], last_s=1 / rate, **how)


@dataclass(frozen=True)
class Page:
    """What a site answers at a path; without a length it is sent until the connection closes."""

    body: bytes = b""
    status: int = 200
    location: str | None = None
    tell_length: bool = True


@dataclass(frozen=True)
class Site:
    """A web server of somebody else.

    Attributes:
        place: HOST:PORT.
        asked: paths that were asked for, in order.
    """

    place: str
    asked: list[str]

    def at(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://{self.place}{path}"


@contextlib.contextmanager
def site(pages: Mapping[str, Page]) -> Iterator[Site]:
    """Serve pages on a free port of this machine."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            page = pages.get(self.path, Page(b"not here", 404))
            self.send_response(page.status)
            if page.location is not None:
                self.send_header("Location", page.location)
            if page.tell_length:
                self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the service may have heard enough
                self.wfile.write(page.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield Site(f"127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
            thread.join()
