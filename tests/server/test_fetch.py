import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from kaoiro.core.errors import InputError
from kaoiro.server import fetch as fetching
from kaoiro.server.bodies import TooLarge
from kaoiro.server.fetch import Allowed, fetch, is_public
from kaoiro.server.refusals import Refused


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        place = self.path.split("?")[0]
        if place == "/picture":
            self._answer(200, b"pixels")
        elif place == "/there":
            self._answer(302, b"", Location="/picture")
        elif place == "/away":
            self._answer(302, b"", Location="http://other.example/picture")
        elif place == "/inside":
            self._answer(302, b"", Location=f"http://127.0.0.1:{self.server.server_port + 1}/")
        elif place == "/bracket":
            self._answer(302, b"", Location="http://[")
        elif place == "/round":
            self._answer(302, b"", Location="/round")
        elif place == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"pixels")
        elif place == "/drip":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
        elif place == "/endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x" * 1000)
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def allowed(port) -> Allowed:
    return Allowed.of([f"127.0.0.1:{port}"])


def get(url: str, allowed: Allowed, limit: int = 10_000) -> bytes:
    return b"".join(fetch(url, allowed, limit))


def test_a_named_place_is_fetched_even_inside(port, allowed):
    assert get(f"http://127.0.0.1:{port}/picture?size=1", allowed) == b"pixels"
    assert get(f"HTTP://127.0.0.1:{port}/there", allowed) == b"pixels"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:{port}/picture",  # another name for the same place
        "http://127.0.0.1/picture",
        "https://127.0.0.1:{port}/picture",  # speaks no TLS
        "http://127.0.0.1:{other}/picture",
        "ftp://127.0.0.1:{port}/picture",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/picture",
        "//127.0.0.1:{port}/picture",
        "http://user@127.0.0.1:{port}/picture",
        "http://127.0.0.1:{port}@other.example/picture",
        "http://2130706433:{port}/picture",
        "http://0x7f000001:{port}/picture",
        "http://127.1:{port}/picture",
        "http://[::ffff:127.0.0.1]:{port}/picture",
        "http://127.0.0.1:{port}/pic ture",
        "http://127.0.0.1:{port}/pic\r\nX: y",
        "http://127.0.0.1:{port}/ü",
        "http://127.0.0.1:99999/picture",
        "http://[::1/picture",
        "http://",
        "",
        "http://127.0.0.1:{port}/" + "a" * 3000,
    ],
)
def test_everything_else_is_refused(port, allowed, url):
    with pytest.raises(Refused) as refused:
        get(url.format(port=port, other=port + 1), allowed)
    assert refused.value.code == "InvalidURL"
    assert refused.value.message.startswith("Invalid image URL.")


@pytest.mark.parametrize("path", ["away", "inside", "bracket", "round", "missing"])
def test_redirects_stay_on_their_host_and_end(port, allowed, path):
    with pytest.raises(Refused):
        get(f"http://127.0.0.1:{port}/{path}", allowed)


@pytest.mark.parametrize("path", ["picture", "endless"])
def test_too_much_is_refused_declared_or_not(port, allowed, path):
    with pytest.raises(TooLarge):
        get(f"http://127.0.0.1:{port}/{path}", allowed, limit=5)


def test_a_slow_source_is_given_up(port, allowed, monkeypatch):
    monkeypatch.setattr(fetching, "IN_ALL_S", 0.3)
    begun = time.monotonic()
    with pytest.raises(Refused, match="too long"):
        get(f"http://127.0.0.1:{port}/drip", allowed)
    assert time.monotonic() - begun < 3


def test_what_was_cut_short_is_not_taken_for_the_whole(port, allowed):
    with pytest.raises(Refused, match="failed"):
        get(f"http://127.0.0.1:{port}/short", allowed)


def resolving(monkeypatch, *addresses: str) -> list[str]:
    """Names lead to these addresses; returns what was connected to."""
    connected: list[str] = []
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]
    monkeypatch.setattr(fetching.socket, "getaddrinfo", lambda *_, **__: found)

    def connect(place: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(place[0])
        raise OSError

    monkeypatch.setattr(fetching.socket, "create_connection", connect)
    return connected


INSIDE = (
    "127.0.0.1 10.0.0.1 192.168.1.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 "
    "::1 fe80::1%2 fc00::1 ::ffff:10.0.0.1 2002:7f00:1:: 64:ff9b::a00:1 64:ff9b:1::1 ::7f00:1 ::ffff:0:127.0.0.1 "
    "fec0::1 3fff::1 5f00::1 2001:db8::1 ff02::1"
)


@pytest.mark.parametrize("address", INSIDE.split())
def test_a_named_host_must_lead_into_the_open(monkeypatch, address):
    assert not is_public(address)
    connected = resolving(monkeypatch, "93.184.216.34", address)
    with pytest.raises(Refused, match="public"):
        get("http://host.example/picture", Allowed.of(["host.example"]))
    assert not connected


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch):
    connected = resolving(monkeypatch, "93.184.216.34")
    with pytest.raises(Refused, match="Downloading"):
        get("http://HOST.example./picture", Allowed.of(["Host.Example"]))
    assert connected == ["93.184.216.34"]


def test_a_host_without_port_is_allowed_at_the_usual_ones_only(monkeypatch):
    connected = resolving(monkeypatch, "93.184.216.34")
    with pytest.raises(Refused, match="--allow-urls"):
        get("http://host.example:8080/picture", Allowed.of(["host.example"]))
    assert not connected


@pytest.mark.parametrize("name", ["", "http://host", "host/path", "host:port", "user@host", "host:99999", "ho st"])
def test_what_is_no_host_is_refused_at_once(name):
    with pytest.raises(InputError, match="HOST or HOST:PORT"):
        Allowed.of([name])
