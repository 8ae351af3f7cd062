"""Clients as people still have them, written anew in a few lines each, against the service.

Each does what its original did with a request and with each answer, faults included; only where it connects, its key
and whom it trusts are changed.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from server.pictures import (
    ALPHABETICAL,
    IN_VIDEO,
    IN_VIDEOS,
    MB,
    OPERATIONS,
    RECOGNIZE,
    Page,
    Site,
    big_photo,
    film,
    padded,
    parse_everything,
    photo,
    scene,
    site,
)

KEYS = ("13hc77781f7e4b19b5fcdd72a8df7156",)
GIVEN = {"Ocp-Apim-Subscription-Key": KEYS[0]}


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    """Run a site that shows a picture."""
    with site({"/picture.jpg": Page(photo())}) as own:
        yield own


@pytest.fixture(scope="module")
def opened(serving: Callable, web: Site) -> Iterator[str]:
    """Run a service that a key opens and that may fetch pictures."""
    with serving(keys=KEYS, allow_urls=(web.place,), jobs=1) as url:
        yield url


# ------------------------------------------------------------------------------ the printed quickstart, over HTTPS


@pytest.fixture(scope="module")
def secure(serving: Callable, web: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run a service with a certificate of its own; returns its address and the certificate."""
    data = tmp_path_factory.mktemp("service")
    with serving(keys=KEYS, allow_urls=(web.place,), jobs=1, self_signed=True, data=data) as url:
        yield url, data / "tls" / "certificate.pem"


def quickstart(secure: tuple[str, Path], headers: dict[str, str], body: Any, **params: str) -> str:
    """Do what the printed program did; it sent `params` even when there were none, which leaves a '?' behind."""
    url, certificate = secure
    params_text = urllib.parse.urlencode(params)
    conn = http.client.HTTPSConnection(
        urllib.parse.urlsplit(url).netloc, context=ssl.create_default_context(cafile=str(certificate)), timeout=30
    )
    conn.request("POST", f"{RECOGNIZE}?{params_text}", body, headers)
    response = conn.getresponse()
    data = response.read()
    conn.close()
    return data.decode()


def test_the_service_speaks_tls_with_a_certificate_that_can_be_trusted(secure: tuple[str, Path]):
    assert secure[0].startswith("https://127.0.0.1:")
    assert secure[1].read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_nobody_who_does_not_trust_the_certificate_talks_to_the_service(secure: tuple[str, Path]):
    connection = http.client.HTTPSConnection(urllib.parse.urlsplit(secure[0]).netloc, timeout=30)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/healthz")
    connection.close()


def test_the_printed_quickstart_sends_an_address_in_single_quotes(secure: tuple[str, Path], web: Site):
    headers = {"Content-Type": "application/json", **GIVEN}
    answer = json.loads(quickstart(secure, headers, f"{{ 'url': '{web.at('/picture.jpg')}' }}"))
    assert [list(face["scores"]) for face in answer] == [ALPHABETICAL] * 3


def test_the_printed_quickstart_sends_json_that_was_dumped(secure: tuple[str, Path], web: Site):
    headers = {"Content-Type": "application/json", **GIVEN}
    body = json.dumps({"URL": web.at("/picture.jpg")})
    assert len(json.loads(quickstart(secure, headers, body, faceRectangles=""))) == 3


def test_the_printed_quickstart_sends_a_file(secure: tuple[str, Path], tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(photo())
    headers = {"Content-Type": "application/octet-stream", **GIVEN}
    with (tmp_path / "a.jpg").open("rb") as file:  # sent as it is read
        assert len(json.loads(quickstart(secure, headers, file))) == 3
    assert len(json.loads(quickstart(secure, headers, photo(), faceRectangles="0,0,128,128"))) == 1


def test_operations_of_a_secure_service_have_a_secure_address(secure: tuple[str, Path]):
    url, certificate = secure
    headers = {"Content-Type": "application/octet-stream", **GIVEN}
    answer = requests.post(url + IN_VIDEO, b"no video", headers=headers, verify=str(certificate), timeout=30)
    assert answer.headers["Operation-Location"].startswith(f"{url}{OPERATIONS}/")
    answer = requests.get(answer.headers["Operation-Location"], headers=GIVEN, verify=str(certificate), timeout=30)
    assert answer.json()["status"] in ("Not Started", "Running", "Failed")


# -------------------------------------------------------------------------------------- the notebook that tries again


def process_request(url: str, data: bytes, headers: dict[str, str], said: list[str], retries: int = 40) -> Any:
    """Do what the notebooks' helper did: try again on 429, tell of other errors, and look at headers for the rest."""
    for _ in range(retries):
        response = requests.request("post", url, json=None, data=data, headers=headers, params=None, timeout=60)
        if response.status_code == 429:
            said.append(response.json()["error"]["message"])
            time.sleep(0.2)  # the original: 1
            continue
        if response.status_code in (200, 201):
            if "content-length" in response.headers and int(response.headers["content-length"]) == 0:
                return None
            if "application/json" in response.headers["content-type"].lower():
                return response.json() if response.content else None
            return response.content
        said.append(f"{response.status_code} {response.json()['error']['message']}")
        return None
    raise AssertionError("never answered")


def test_clients_that_try_again_all_get_their_answer(serving: Callable):
    with serving(keys=KEYS, jobs=1, waiting=1) as url:
        headers = {**GIVEN, "Content-Type": "application/octet-stream"}
        said: list[str] = []

        def work(_: int) -> Any:
            return process_request(url + RECOGNIZE, big_photo(), headers, said)

        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(work, range(5)))
        assert [len(answer) for answer in answers] == [2] * 5
        assert said and all(re.fullmatch(r"Rate limit is exceeded\. Try again in \d+ seconds\.", line) for line in said)


def test_the_notebook_tells_what_is_wrong_with_a_picture(opened: str):
    said: list[str] = []
    headers = {**GIVEN, "Content-Type": "application/octet-stream"}
    assert process_request(opened + RECOGNIZE, b"hello", headers, said) is None
    assert process_request(opened + RECOGNIZE, b"", headers, said) is None
    assert said == ["400 Invalid face image.", "400 Request body is invalid."]


# ----------------------------------------------------------------- the client that counts seconds and sends rectangles


class Patient:
    """A client that always sends faceRectangles, waits as long as it is told, and takes 404 for nothing."""

    def __init__(self, url: str, most: int = 5) -> None:
        self.url, self.most, self.waited = url, most, list[int]()

    def recognize(self, data: bytes, rectangles: str = "") -> Any:
        """Recognise the faces of a picture."""
        return self._invoke("POST", RECOGNIZE, {"faceRectangles": rectangles}, data)

    def operation(self, identity: str) -> Any:
        """Ask for an operation."""
        return self._invoke("GET", f"{OPERATIONS}/{identity}", {}, None)

    def _invoke(self, method: str, path: str, params: dict[str, str], data: bytes | None) -> Any:
        headers = {**GIVEN, "Content-Type": "application/octet-stream"}
        for _ in range(self.most + 1):
            answer = requests.request(method, self.url + path, params=params, data=data, headers=headers, timeout=60)
            if answer.status_code == 429:
                self.waited.append(int(answer.headers["retry-after"]))
                time.sleep(min(2, self.waited[-1]))
            elif answer.status_code == 404:
                return None
            else:
                answer.raise_for_status()
                return answer.json() if answer.text else None
        raise AssertionError(f"gave up: {self.waited}")


def test_empty_rectangles_of_a_client_that_always_sends_them(opened: str):
    client = Patient(opened)
    assert len(client.recognize(photo())) == 3
    assert len(client.recognize(photo(), "0,0,64,64;9,9,40,40")) == 2
    assert client.operation("EF217D0C-9085-45D7-AAE0-2B36471B89B5") is None


def test_a_client_that_waits_as_told_is_served_after_few_tries(serving: Callable):
    with serving(jobs=1, waiting=1) as url:
        clients = [Patient(url) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda client: client.recognize(big_photo()), clients))
        assert [len(answer) for answer in answers] == [2] * 4
        assert any(client.waited for client in clients)


# ------------------------------------------------------------------------------------ the client that parses anything


@pytest.mark.parametrize(
    ("method", "path", "data", "headers", "status"),
    [
        ("POST", RECOGNIZE, photo(), GIVEN, 200),
        ("POST", RECOGNIZE, b"", GIVEN, 400),
        ("POST", RECOGNIZE, b"hello", GIVEN, 400),
        ("POST", RECOGNIZE, padded(photo(), 5 * MB), GIVEN, 400),
        ("POST", f"{RECOGNIZE}?faceRectangles=x", photo(), GIVEN, 400),
        ("POST", RECOGNIZE, photo(), {}, 401),
        ("POST", RECOGNIZE, padded(photo(), 5 * MB), {}, 401),
        ("POST", RECOGNIZE, photo(), {"Ocp-Apim-Subscription-Key": "wrong"}, 401),
        ("POST", "/emotion/v1.0/nothing", photo(), GIVEN, 404),
        ("GET", f"{OPERATIONS}/nothing", b"", GIVEN, 404),
        ("POST", "/nothing", photo(), GIVEN, 404),
        ("PUT", RECOGNIZE, photo(), GIVEN, 405),
        ("DELETE", f"{OPERATIONS}/nothing", b"", GIVEN, 405),
        ("POST", "/face/v1.0/detect", b"", {}, 401),
        ("POST", "/face/v1.0/detect", bytes(2000), GIVEN, 400),
    ],
)
def test_every_answer_can_be_parsed(
    opened: str, method: str, path: str, data: bytes, headers: dict[str, str], status: int
):
    assert parse_everything(opened, method, path, data, headers)[0] == status


# ------------------------------------------------------------------------------------------------ the client for .NET


def test_dotnet_sends_raw_semicolons_and_waits_to_be_told_to_go_on(opened: str):
    rectangles = ";".join("{},{},{},{}".format(*box) for box in ((0, 0, 64, 64), (9, 9, 40, 40)))
    place = urllib.parse.urlsplit(opened)
    head = (
        f"POST {RECOGNIZE}?faceRectangles={rectangles} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"ocp-apim-subscription-key: {KEYS[0]}\r\nContent-Type: application/octet-stream\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(photo())}\r\nConnection: Close\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=30) as line:
        line.sendall(head.encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 100 ")
        line.sendall(photo())
        heard = b"".join(iter(lambda: line.recv(65536), b""))
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert len(json.loads(heard.partition(b"\r\n\r\n")[2])) == 2


def test_dotnet_reads_errors_of_either_shape(opened: str):
    for headers, data, expected in ((GIVEN, b"hello", "InvalidFaceImage"), ({}, photo(), "401")):
        headers = {"Content-Type": "application/octet-stream", **headers}
        error = requests.post(opened + RECOGNIZE, data, headers=headers, timeout=30).json()
        found = error["error"] if "error" in error else {"code": str(error["statusCode"]), "message": error["message"]}
        assert found["code"] == expected and found["message"]


def test_a_video_is_waited_for_and_its_inner_document_read(opened: str, tmp_path: Path):
    path = film(tmp_path / "a.mp4", [scene((320, 240), (300, 0, 0))] * 12)
    headers = {"Content-Type": "application/octet-stream", **GIVEN}
    address = f"{opened}/emotion/v1.0/recognizeInVideo?outputStyle=perFrame"
    posted = requests.post(address, path.read_bytes(), headers=headers, timeout=30)
    place, found = f"{opened}{OPERATIONS}/{posted.headers['Operation-Location'].split('/')[-1]}", {"status": ""}
    until = time.monotonic() + 30
    while found["status"] != "Succeeded":
        assert found["status"] in ("", "Not Started", "Running") and time.monotonic() < until
        time.sleep(0.1)
        found = requests.get(place, headers=GIVEN, timeout=30).json()
    rows = list(_rows(json.loads(found["processingResult"])))
    assert [row[0] for row in rows] == pytest.approx([number / 10 for number in range(12)], abs=1e-3)
    assert all(len(row) == 2 + len(IN_VIDEOS) for row in rows)


def _rows(document: dict[str, Any]) -> Iterator[tuple[float, ...]]:
    """Yield seconds, number and scores of each face, as analyses in R took them apart."""
    for fragment in document["fragments"]:
        for number, event in enumerate(fragment.get("events", [])):
            seconds = (fragment["start"] + number * fragment["interval"]) / document["timescale"]
            for face in event:
                yield seconds, face["id"], *(face["scores"][label] for label in IN_VIDEOS)


# ---------------------------------------------------------------------------------------------------- cognitive_face


class WrappedError(Exception):
    """What such clients raise: status, code, message."""


def detect(url: str, data: bytes, key: str = KEYS[0], **params: str) -> Any:
    """Do what clients of the Face API did: raise what the wrapped error says."""
    headers = {"Content-Type": "application/octet-stream", "Ocp-Apim-Subscription-Key": key}
    answer = requests.post(f"{url}/face/v1.0/detect", data, params=params, headers=headers, timeout=30)
    if answer.status_code not in (200, 202):
        error = answer.json()["error"]
        raise WrappedError(answer.status_code, error["code"], error["message"])
    return answer.json() if answer.text else {}


def test_clients_of_the_face_api_find_wrapped_errors(opened: str):
    assert len(detect(opened, photo(), returnFaceId="true", returnFaceLandmarks="false", returnFaceAttributes="")) == 3
    with pytest.raises(WrappedError, match="401, '401', 'Access denied"):
        detect(opened, photo(), key="wrong")
    with pytest.raises(WrappedError, match="400, 'InvalidImage', 'Decoding error"):
        detect(opened, b"hello" * 1000)
    with pytest.raises(WrappedError, match="400, 'BadArgument', 'Invalid argument returnFaceAttributes"):
        detect(opened, photo(), returnFaceAttributes="emotion, headPose")


@pytest.fixture
def published(opened: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the published client, told where the service is."""
    monkeypatch.setenv("FACE_ENDPOINT", opened)
    client = pytest.importorskip("cognitive_face", reason="pip install --no-deps cognitive_face")
    client.Key.set(KEYS[0])
    client.BaseUrl.set(f"{opened}/face/v1.0")
    return client


def test_the_published_client_finds_faces_and_their_emotion(published: Any, web: Site, tmp_path: Path):
    assert [sorted(face) for face in published.face.detect(io.BytesIO(photo()))] == [["faceId", "faceRectangle"]] * 3
    found = published.face.detect(web.at("/picture.jpg"), face_id=False, landmarks=True, attributes="emotion,headPose")
    for face in found:
        assert sorted(face) == ["faceAttributes", "faceLandmarks", "faceRectangle"]
        assert list(face["faceAttributes"]["emotion"]) == ALPHABETICAL
    assert len(found) == 3


def test_the_published_client_raises_what_the_service_says(published: Any):
    for key, image, attributes, expected in (
        ("wrong", photo(), "", (401, "401")),
        (KEYS[0], bytes(2000), "", (400, "InvalidImage")),
        (KEYS[0], photo()[:900], "", (400, "InvalidImageSize")),
        (KEYS[0], photo(), "emotion, age", (400, "BadArgument")),
    ):
        published.Key.set(key)
        with pytest.raises(published.CognitiveFaceException) as caught:
            published.face.detect(io.BytesIO(image), attributes=attributes)
        assert (caught.value.status_code, caught.value.code) == expected
        assert caught.value.msg and not caught.value.msg.startswith("{")
