"""Clients with old or careless manners on the wire are answered all the same."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from server.pictures import IN_VIDEO, KEY, MB, OCTETS, RECOGNIZE, parse_everything, photo

GIVEN = {KEY: "right", **OCTETS}


@pytest.fixture(scope="module")
def guarded(serving: Callable) -> Iterator[str]:
    """Run a service that a key opens."""
    with serving(keys=("right",), jobs=1) as url:
        yield url


@pytest.mark.parametrize("megabytes", [5, 24])
@pytest.mark.parametrize(("headers", "status"), [(GIVEN, 400), (OCTETS, 401)])
def test_who_sends_everything_before_reading_still_reads_a_refusal(
    guarded: str, megabytes: int, headers: dict[str, str], status: int
):
    assert parse_everything(guarded, "POST", RECOGNIZE, bytes(megabytes * MB), headers)[0] == status


def test_who_sends_all_of_a_video_that_is_too_large_reads_the_refusal(guarded: str):
    status, body = parse_everything(guarded, "POST", IN_VIDEO, bytes(100 * MB + 1), GIVEN)
    assert (status, body["error"]["code"]) == (400, "InvalidVideoSize")


def test_a_client_of_http_1_0_is_answered_and_the_connection_closed(guarded: str):
    head = f"POST {RECOGNIZE}?subscription-key=right HTTP/1.0\r\nContent-Length: {len(photo())}\r\n\r\n"
    with contextlib.closing(_line(guarded)) as line:
        line.sendall(head.encode() + photo())
        heard = b"".join(iter(lambda: line.recv(65536), b""))
    status, _, body = heard.partition(b"\r\n\r\n")
    assert b" 200 " in status.split(b"\r\n")[0] and len(json.loads(body)) == 3


def test_two_requests_sent_at_once_are_answered_in_order(guarded: str):
    head = f"POST {RECOGNIZE} HTTP/1.1\r\nHost: x\r\n{KEY}: right\r\n"
    good = f"{head}Content-Length: {len(photo())}\r\n\r\n".encode() + photo()
    bad = f"{head}Content-Length: 5\r\nConnection: close\r\n\r\nhello".encode()
    with contextlib.closing(_line(guarded)) as line:
        line.sendall(good + bad)
        heard = b"".join(iter(lambda: line.recv(65536), b""))
    assert heard.startswith(b"HTTP/1.1 200 ") and heard.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 400 " in heard and heard.endswith(b'"message":"Invalid face image."}}')


def test_who_hangs_up_in_the_middle_disturbs_nobody(serving: Callable):
    with serving(jobs=1, waiting=1) as url:
        head = f"POST {RECOGNIZE} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(photo())}\r\n\r\n"
        for _ in range(5):
            with contextlib.closing(_line(url)) as line:
                line.sendall(head.encode() + photo()[:5000])
        assert parse_everything(url, "POST", RECOGNIZE, photo(), OCTETS)[0] == 200


def _line(url: str) -> socket.socket:
    place = urlsplit(url)
    return socket.create_connection((place.hostname, place.port), timeout=30)
