"""Pictures that are named by an address: what is fetched, and what never is."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from server.pictures import (
    INVALID_SIZE,
    JSON,
    MB,
    RECOGNIZE,
    Page,
    Site,
    ask,
    check_error,
    faces,
    padded,
    photo,
    post,
    rectangles,
    site,
)


@pytest.fixture(scope="module")
def forbidden() -> Iterator[Site]:
    """Run a site that nobody allowed."""
    with site({"/face.jpg": Page(photo())}) as other:
        yield other


@pytest.fixture(scope="module")
def web(forbidden: Site) -> Iterator[Site]:
    """Run the site of somebody who shows pictures."""
    pages = {
        "/face.jpg": Page(photo()),
        "/stream.jpg": Page(photo(), tell_length=False),
        "/moved.jpg": Page(status=302, location="/face.jpg"),
        "/away.jpg": Page(status=302, location=forbidden.at("/face.jpg")),
        "/circle.jpg": Page(status=302, location="/circle.jpg"),
        "/big.jpg": Page(padded(photo(), 4 * MB + 1)),
        "/big-stream.jpg": Page(padded(photo(), 9 * MB), tell_length=False),
        "/page.html": Page(b"<html>Hello</html>"),
        "/broken.jpg": Page(photo(), 500),
    }
    with site(pages) as own:
        yield own


@pytest.fixture(scope="module")
def fetching(serving: Callable, web: Site) -> Iterator[str]:
    """Run a service that may fetch from that site."""
    with serving(allow_urls=(web.place,), jobs=1) as url:
        yield url


@pytest.mark.parametrize("name", ["url", "URL", "Url", "uRL"])
def test_an_address_is_given_under_a_name_of_any_letter_case(fetching: str, web: Site, name: str):
    assert len(faces(post(fetching, RECOGNIZE, {name: web.at("/face.jpg")}))) == 3


@pytest.mark.parametrize("body", ["{'url':'%s'}", "{ 'url': '%s' }", "{'URL': '%s'}\r\n", '  {"url":"%s"}'])
@pytest.mark.parametrize("headers", [JSON, {"Content-Type": "Application/JSON; charset=utf-8"}, {}])
def test_the_body_that_was_printed_in_single_quotes_is_read(
    fetching: str, web: Site, body: str, headers: dict[str, str]
):
    answer = ask(fetching, "POST", RECOGNIZE, (body % web.at("/face.jpg")).encode(), headers)
    assert len(faces(answer)) == 3


def test_a_byte_order_mark_before_the_json_is_skipped(fetching: str, web: Site):
    body = b"\xef\xbb\xbf" + json.dumps({"url": web.at("/face.jpg")}).encode()
    assert len(faces(ask(fetching, "POST", RECOGNIZE, body, JSON))) == 3


def test_rectangles_go_with_an_address(fetching: str, web: Site):
    answer = post(fetching, f"{RECOGNIZE}?faceRectangles=0,0,99,99;1,1,50,50", {"url": web.at("/face.jpg")})
    assert rectangles(answer) == [(0, 0, 99, 99), (1, 1, 50, 50)]


@pytest.mark.parametrize("path", ["/stream.jpg", "/moved.jpg"])
def test_a_picture_without_a_length_or_moved_within_the_host_is_fetched(fetching: str, web: Site, path: str):
    assert len(faces(post(fetching, RECOGNIZE, {"url": web.at(path)}))) == 3


@pytest.mark.parametrize("path", ["/missing.jpg", "/broken.jpg", "/circle.jpg"])
def test_an_address_that_cannot_be_fetched_is_invalid(fetching: str, web: Site, path: str):
    answer = post(fetching, RECOGNIZE, {"url": web.at(path)})
    assert check_error(answer, 400, "InvalidURL").startswith("Invalid image URL.")
    assert web.asked[-1] == path


def test_a_redirect_to_another_host_is_not_followed(fetching: str, web: Site, forbidden: Site):
    answer = post(fetching, RECOGNIZE, {"url": web.at("/away.jpg")})
    assert check_error(answer, 400, "InvalidURL").startswith("Invalid image URL.")
    assert (web.asked[-1], forbidden.asked) == ("/away.jpg", [])


def test_a_redirect_to_another_allowed_host_is_not_followed_either(serving: Callable, web: Site, forbidden: Site):
    elsewhere = f"localhost:{forbidden.place.split(':')[1]}"
    page = Page(status=301, location=f"http://{elsewhere}/face.jpg")
    with site({"/a.jpg": page}) as start, serving(allow_urls=(start.place, elsewhere), jobs=1) as url:
        check_error(post(url, RECOGNIZE, {"url": start.at("/a.jpg")}), 400, "InvalidURL")
        assert (start.asked, forbidden.asked) == (["/a.jpg"], [])


@pytest.mark.parametrize("path", ["/big.jpg", "/big-stream.jpg"])
def test_a_picture_that_is_too_big_is_refused_from_an_address_too(fetching: str, web: Site, path: str):
    check_error(post(fetching, RECOGNIZE, {"url": web.at(path)}), 400, "InvalidImageSize", INVALID_SIZE)


def test_an_address_of_something_else_is_an_invalid_face_image(fetching: str, web: Site):
    answer = post(fetching, RECOGNIZE, {"url": web.at("/page.html")})
    check_error(answer, 400, "InvalidFaceImage", "Invalid face image.")


@pytest.mark.parametrize(
    "address",
    [
        "http://{other}/face.jpg",
        "http://{own}@{other}/face.jpg",
        "http://{other}#@{own}/face.jpg",
        "http://{other}\\@{own}/face.jpg",
        "http://{other}?{own}/face.jpg",
        "file:///etc/hostname",
        "ftp://{own}/face.jpg",
        "gopher://{own}/face.jpg",
        "//{own}/face.jpg",
        "face.jpg",
        "http://",
        "http://[::1/face.jpg",
        "http://127.0.0.1:99999/face.jpg",
        "http://example.invalid/face.jpg",
    ],
)
def test_other_hosts_and_schemes_are_never_asked(fetching: str, web: Site, forbidden: Site, address: str):
    before = len(web.asked)
    answer = post(fetching, RECOGNIZE, {"url": address.format(own=web.place, other=forbidden.place)})
    assert check_error(answer, 400, "InvalidURL").startswith("Invalid image URL.")
    assert (len(web.asked), forbidden.asked) == (before, [])


@pytest.mark.parametrize("allowed", [(), ("127.0.0.1", "localhost")])
def test_this_machine_is_not_asked_unless_its_port_was_named(serving: Callable, web: Site, allowed: tuple[str, ...]):
    before = len(web.asked)
    with serving(allow_urls=allowed, jobs=1) as url:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"):
            answer = post(url, RECOGNIZE, {"url": f"http://{host}:{web.place.split(':')[1]}/face.jpg"})
            assert check_error(answer, 400, "InvalidURL").startswith("Invalid image URL.")
    assert len(web.asked) == before


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "10.0.0.1", "192.168.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"]
)
def test_allowed_names_that_lead_to_private_addresses_are_not_connected_to(
    serving: Callable, host: str, monkeypatch: pytest.MonkeyPatch
):
    tried: list[str] = []

    def connect(address: tuple[str, int], *more: object) -> socket.socket:
        tried.append(address[0])
        raise OSError("nobody is called from this test")

    with serving(allow_urls=(host,), jobs=1) as url, monkeypatch.context() as patched:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.connect()
        patched.setattr(socket, "create_connection", connect)
        connection.request("POST", RECOGNIZE, json.dumps({"url": f"http://{host}/face.jpg"}), JSON)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (400, "InvalidURL")
        connection.close()
    assert tried == []
