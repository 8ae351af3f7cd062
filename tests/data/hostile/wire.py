"""Bytes on a socket that are not quite HTTP, and a web server that answers so."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Iterator

HOST = b"Host: 127.0.0.1\r\n"
_POST = b"POST /v1/analyze HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\n"


def complete(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield requests that are complete or plainly wrong: each should be answered, or its connection closed, at once."""
    length = b"Content-Length: %d\r\n" % len(good)
    yield "body after Content-Length", _POST + length + b"\r\n" + good + b"more of it" * 100 + b"\r\n\r\n"
    yield "Content-Length of half", _POST + b"Content-Length: %d\r\n\r\n" % (len(good) // 2) + good
    for value in (b"-1", b"1e3", b"+5", b"0x10", b"abc", b"", b"9" * 30, b"5, 6", b"5;", "５".encode()):
        yield f"Content-Length: {value!r}", _POST + b"Content-Length: " + value + b"\r\n\r\nhello"
    yield "two Content-Lengths", _POST + length + b"Content-Length: 3\r\n\r\n" + good
    yield "Content-Length and chunked", _POST + length + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    for coding in (
        b"gzip",
        b"chunked, gzip",
        b"chunked, chunked",
        b"identity",
        b" chunked",
        b"\x0bchunked",
        b"xchunked",
    ):
        yield (
            f"Transfer-Encoding: {coding!r}",
            _POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
    for sizes in (
        b"zz\r\nhello",
        b"-5\r\nhello",
        b"F" * 40 + b"\r\nhello",
        b"3\r\nhello",
        b"0x5\r\nhello",
        b"\r\n\r\n",
    ):
        yield f"chunk {sizes!r}", _POST + b"Transfer-Encoding: chunked\r\n\r\n" + sizes + b"\r\n0\r\n\r\n"
    yield "chunk with a long extension", _POST + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 1_000_000
    yield "chunks of one byte", _POST + b"Transfer-Encoding: chunked\r\n\r\n" + _bytewise(good) + b"0\r\n\r\n"
    yield "trailers without end", _POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 100_000
    yield "two requests at once", (_POST + length + b"\r\n" + good) * 2
    yield (
        "a hundred requests at once",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 99,
    )
    for line in _LINES:
        yield f"line {line[:60]!r}", line + b"\r\n" + HOST + b"\r\n"
    for header in _HEADERS:
        yield f"header {header[:60]!r}", b"GET /healthz HTTP/1.1\r\n" + HOST + header + b"\r\n\r\n"
    yield "no Host", b"GET /healthz HTTP/1.1\r\n\r\n"
    yield "two Hosts", b"GET /healthz HTTP/1.1\r\n" + HOST + b"Host: other\r\n\r\n"
    for host in (
        b"",
        b"a b",
        b"\xff",
        b"[::1",
        b"a:b:c",
        b"127.0.0.1:99999",
        b"x" * 5000,
        b"../..",
        b"a@b",
        b"a/b",
        b"a?b",
    ):
        yield (
            f"Host: {host[:40]!r}",
            b"POST /emotion/v1.0/recognizeinvideo HTTP/1.1\r\nHost: " + host + b"\r\n" + length + b"\r\n" + good,
        )
    yield "TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512)
    yield "HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64)
    yield "every byte", bytes(range(256)) * 300
    yield "line ends only", b"\r\n" * 50_000
    yield "bare line feeds", b"GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n"
    yield "upgrade to websocket", b"GET /v1/live/aaaaaaaa HTTP/1.1\r\n" + HOST + _UPGRADE + b"\r\n"


_UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
_LINES = (
    *(b"GET", b"GET /healthz", b"GET /healthz HTTP/9.9", b"GET /healthz HTTP/1.1 more", b"get /healthz HTTP/1.1", b""),
    *(
        b"GET  /healthz  HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\xff\xfe HTTP/1.1",
        b"GET healthz HTTP/1.1",
        b"G\x00T / HTTP/1.1",
    ),
    *(b"OPTIONS * HTTP/1.1", b"CONNECT 127.0.0.1:80 HTTP/1.1", b"TRACE / HTTP/1.1", b"BREW /v1/analyze HTTP/1.1"),
    *(
        b"GET http://other.invalid/healthz HTTP/1.1",
        b"GET //healthz HTTP/1.1",
        b"GET /%zz HTTP/1.1",
        b"GET /% HTTP/1.1",
    ),
    *(b"GET /page/../../../../etc/passwd HTTP/1.1", b"GET /page/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1"),
    *(b"GET /page/%2e%2e/%2e%2e/settings.py HTTP/1.1", b"GET /page//etc/passwd HTTP/1.1", b"GET /page/%00 HTTP/1.1"),
    *(b"GET /page/..\\..\\app.py HTTP/1.1", b"GET /page/" + b"a" * 5000 + b" HTTP/1.1", b"GET /page/vendor HTTP/1.1"),
    *(b"GET /" + b"a" * 100_000 + b" HTTP/1.1", b"GET /?" + b"a=b&" * 20_000 + b" HTTP/1.1", b"A" * 100_000),
    *(b"HEAD /v1/models HTTP/1.1", b"HEAD / HTTP/1.0", b"GET /healthz?%ff=%ff&=&&;;== HTTP/1.1"),
)
_HEADERS = (
    *(
        b"A" * 1_000_000,
        b"A: " + b"b" * 1_000_000,
        b"\r\n".join([b"A: b"] * 10_000),
        b"no colon",
        b": no name",
        b"a b: c",
        b"A:\x00",
    ),
    *(
        b" folded: x",
        b"A: b\r\n c",
        b"A: \xff\xfe",
        b"\xff: a",
        b"Expect: 100-continue",
        b"Expect: nonsense",
        b"Range: bytes=0-,0-,0-",
    ),
    *(
        *(b"Origin: http://[", b"Origin: http://]:80", b"Origin: http://[::1%", b"Origin: http://a:b:c", b"Origin:"),
        b"Origin: http://evil.invalid",
        b"Origin: null",
        b"Origin: \xff",
        b"Sec-Fetch-Site: cross-site",
        b"Authorization: Bearer \xff",
    ),
    *(
        b"Authorization: Bearer",
        b"Ocp-Apim-Subscription-Key: " + b"k" * 5000,
        b"Content-Type: \xff",
        b"Accept: " + b"*/*," * 2000,
    ),
    *(
        b"Accept-Encoding: gzip;q=nan",
        b"Cookie: " + b"a=b;" * 2000,
        b"X-Forwarded-Proto: \xff",
        b"X-Forwarded-For: a, b, c",
    ),
)


def _bytewise(data: bytes) -> bytes:
    return b"".join(b"1\r\n" + data[place : place + 1] + b"\r\n" for place in range(len(data)))


def unfinished(good: bytes) -> list[bytes]:
    """Return beginnings of requests whose rest never comes."""
    length = b"Content-Length: %d\r\n\r\n" % len(good)
    return [
        *(b"", b"G", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\n" + HOST, _POST + length),
        *(_POST + length + good[:-1], _POST + b"Content-Length: 19000000\r\n\r\n" + good),
        _POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\nhello",
        *(_POST + b"Transfer-Encoding: chunked\r\n\r\n", _POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"),
        _POST + b"Expect: 100-continue\r\n" + length,
        b"POST /v1/videos?name=a.mp4 HTTP/1.1\r\n" + HOST + b"Content-Length: 4000000000\r\n\r\n" + bytes(100_000),
    ]


class WebServer:
    """A server on a free port of 127.0.0.1 that counts its visitors and serves traps.

    Args:
        good: the picture that /good.jpg gives.
        elsewhere: port to which /canary redirects.
    """

    def __init__(self, good: bytes, elsewhere: int = 0) -> None:
        self.visits: list[bytes] = []
        self.over = threading.Event()  # ends answers that drip
        self._good, self._elsewhere = good, elsewhere
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            asked = connection.recv(65_536)
            self.visits.append(asked)
            path = asked.split(b" ")[1:2]
            name = path[0].decode("latin-1").strip("/").split(".")[0] if path else ""
            for part in self._answer(name):
                connection.sendall(part)

    def _answer(self, name: str) -> Iterator[bytes]:
        picture = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
        whole = picture + b"Content-Length: %d\r\n\r\n" % len(self._good)
        target = {"canary": f"http://127.0.0.1:{self._elsewhere}/", "file": "file:///etc/passwd", "loop": "/loop"}
        target |= {"bracket": "http://[", "port": "http://127.0.0.1:x/", "control": "/\x01\x7f", "nowhere": ""}
        if name in target:
            yield f"HTTP/1.1 302 Found\r\nLocation: {target[name]}\r\nContent-Length: 0\r\n\r\n".encode()
        elif name == "endless":
            yield picture + b"\r\n"
            yield from iter(lambda: bytes(65_536), None)
        elif name in ("drip", "late"):
            yield picture + b"Content-Length: 1000\r\n\r\n" if name == "drip" else b""
            for _ in range(90):
                if self.over.wait(1):
                    return
                yield b"a" if name == "drip" else b""
        else:
            yield self._short(name, picture, whole)

    def _short(self, name: str, picture: bytes, whole: bytes) -> bytes:
        bomb = gzip.compress(bytes(50_000_000)) if name == "bomb" else b""
        return {
            "good": whole + self._good,
            "length": picture + b"Content-Length: 1000000000000\r\n\r\n" + self._good,
            "bomb": picture + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb,
            "garbage": bytes(range(256)) * 50,
            "headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200_000,
            "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "empty": picture + b"Content-Length: 0\r\n\r\n",
            "teapot": b"HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n",
            "chunks": picture + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        }.get(name, b"")
