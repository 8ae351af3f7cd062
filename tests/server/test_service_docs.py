"""The pages on the service: their programs run as printed, and their tables name what there is."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

import pandas
import pytest

from kaoiro.cli import serve
from kaoiro.server.app import create_app
from kaoiro.server.settings import Settings
from server.pictures import Page, site, small_film

DOCS = Path(__file__).parents[2] / "docs"
USE = DOCS / "how-to/use-the-service.md"
REPLACE = DOCS / "how-to/replace-the-emotion-api.md"
REFERENCE = DOCS / "reference/service.md"
KEY = "SECRET"
TALK_ROWS = 8  # two people in two seconds, each half second
RUN = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-W", "error", "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}


def blocks(page: Path, *languages: str) -> list[tuple[str, str]]:
    """Return the language and the text of the programs on a page; blocks without a language are not run."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [(language, text) for language, text in found if language in (languages or RUN)]


def ids(programs: list[tuple[str, str]]) -> list[str]:
    return [f"{language}-{number}" for number, (language, _) in enumerate(programs)]


EXAMPLES, QUICKSTARTS = blocks(USE), blocks(REPLACE, "python")
PATIENT = [(language, text) for language, text in EXAMPLES if "429" in text]


def run(language: str, text: str, folder: Path, url: str = "") -> str:
    """Run a program in a folder as a reader would; returns what it printed."""
    if language == "javascript" and not _node():
        pytest.skip("node 20 or later is not installed")
    if shutil.which(RUN[language][0]) is None or (language == "bash" and shutil.which("curl") is None):
        pytest.skip(f"no {language} here")
    environment = os.environ | {"KAOIRO_URL": url, "KAOIRO_KEY": KEY}
    done = subprocess.run([*RUN[language], text], cwd=folder, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def _node() -> bool:
    if shutil.which("node") is None:
        return False
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.strip("v\n").split(".")[0]) >= 20


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_film(tmp_path_factory.mktemp("talk") / "talk.mp4")


@pytest.fixture
def folder(tmp_path: Path, portrait: bytes, talk: Path) -> Path:
    """Hold the files that the pages speak of."""
    (tmp_path / "photo.jpg").write_bytes(portrait)
    shutil.copy(talk, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def locked(serving: Any) -> Iterator[str]:
    with serving(keys=(KEY,), jobs=1) as url:
        yield url


# ---------------------------------------------------------------------------------------------------- use-the-service


@pytest.mark.parametrize(("language", "text"), EXAMPLES, ids=ids(EXAMPLES))
def test_an_example_runs(language: str, text: str, folder: Path, locked: str):
    printed = run(language, text, folder, locked)
    if "photo.jpg" in text:
        assert "happiness" in printed
    if "talk.csv" in text:
        assert len(pandas.read_csv(folder / "talk.csv")) == TALK_ROWS
        assert "<title>talk.mp4" in (folder / "talk.html").read_text(encoding="utf-8")
    if "talk.parquet" in text:
        assert len(pandas.read_parquet(folder / "talk.parquet")) == TALK_ROWS


@pytest.mark.parametrize(("language", "text"), EXAMPLES, ids=ids(EXAMPLES))
def test_an_example_without_the_key_says_so_and_fails(language: str, text: str, folder: Path, locked: str):
    wrong = text.replace("KAOIRO_KEY", "KAOIRO_URL")
    with pytest.raises(AssertionError, match="401"):
        run(language, wrong, folder, locked)


class Busy(BaseHTTPRequestHandler):
    """Answers 429 at first, then as if everything were done."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        busy = len(self.asked) == 1
        body = {"error": {"code": "429", "message": "busy"}} if busy else {"faces": [], "id": "1", "status": "done"}
        self.say(429 if busy else 200, body)

    def do_GET(self) -> None:
        self.say(200, {"records": []})

    def say(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("language", "text"), PATIENT, ids=ids(PATIENT))
def test_an_example_waits_when_the_service_is_busy(language: str, text: str, folder: Path):
    Busy.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            run(language, text, folder, f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
    assert Busy.asked[:2] == ["/v1/analyze"] * 2


def test_examples_in_three_languages_wait():
    assert sorted(language for language, _ in PATIENT) == ["javascript", "python", "python"]


# -------------------------------------------------------------------------------------------- replace-the-emotion-api


class Encrypted(NamedTuple):
    """A service as the page starts it."""

    url: str
    picture: str
    certificate: Path


@pytest.fixture(scope="module")
def encrypted(serving: Any, portrait: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    data = tmp_path_factory.mktemp("encrypted")
    with site({"/picture.jpg": Page(portrait)}) as web:
        settings = {"keys": (KEY,), "jobs": 1, "self_signed": True, "allow_urls": (web.place,), "data": data}
        with serving(**settings) as url:
            yield Encrypted(url, web.at("/picture.jpg"), data / "tls" / "certificate.pem")


@pytest.mark.parametrize(("language", "text"), QUICKSTARTS, ids=ids(QUICKSTARTS))
def test_a_quickstart_of_the_emotion_api_runs_with_the_changes_listed(
    language: str, text: str, folder: Path, encrypted: Encrypted
):
    shutil.copy(encrypted.certificate, folder / "kaoiro.pem")
    assert "happiness" in run(language, here(text, encrypted), folder)


def here(text: str, service: Encrypted) -> str:
    """Return a program of the page with the addresses of this test."""
    port = urlsplit(service.url).port
    for printed, meant in (
        ("localhost:8000", f"localhost:{port}"),
        ('"localhost", 8000', f'"localhost", {port}'),
        ("http://example.com/picture.jpg", service.picture),
    ):
        text = text.replace(printed, meant)
    return text


def test_there_are_three_quickstarts():
    assert len(QUICKSTARTS) == 3


def test_a_quickstart_without_trust_does_not_connect(folder: Path, encrypted: Encrypted):
    language, text = QUICKSTARTS[0]
    with pytest.raises(AssertionError, match="CERTIFICATE_VERIFY_FAILED"):
        run(language, here(text.replace(', verify="kaoiro.pem"', ""), encrypted), folder)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_variable_is_enough_to_trust(
    variable: str, folder: Path, encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, str(encrypted.certificate))
    language, text = QUICKSTARTS[0 if variable == "REQUESTS_CA_BUNDLE" else 2]
    changed = text.replace(', verify="kaoiro.pem"', "").replace('cafile="kaoiro.pem"', "")
    assert "happiness" in run(language, here(changed, encrypted), folder)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_certificate_for_the_old_names_is_good_for_them(folder: Path, serving: Any):
    command = re.search(r"^openssl req .*?\n(?=kaoiro)", REPLACE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert command is not None
    run("bash", command[0], folder)
    trust = ssl.create_default_context(cafile=str(folder / "kaoiro.pem"))
    with serving(keys=(KEY,), jobs=1, tls_cert=folder / "kaoiro.pem", tls_key=folder / "kaoiro.key") as url:
        for name in ("westus.api.cognitive.microsoft.com", "api.projectoxford.ai"):
            line = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), 10)
            with trust.wrap_socket(line, server_hostname=name) as secured:
                assert secured.version() in ("TLSv1.2", "TLSv1.3")


# ---------------------------------------------------------------------------------------------------------- reference


def test_the_reference_names_every_option_and_no_other():
    done = subprocess.run([sys.executable, "-m", "kaoiro", "serve", "--help"], capture_output=True, check=True)
    known = set(re.findall(r"--[a-z][a-z-]+", done.stdout.decode()))
    table = REFERENCE.read_text(encoding="utf-8").partition("## Command line")[2].partition("## Keys")[0]
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == known - {"--help"}


def test_the_reference_names_every_route_and_its_parameters(tmp_path: Path):
    page = REFERENCE.read_text(encoding="utf-8")
    for path, operations in create_app(Settings(data=tmp_path)).openapi()["paths"].items():
        for method, operation in operations.items():
            shown = re.sub(r"\{(job|operation)\}", "ID", path).replace("{session}", "SESSION")
            assert f"{method.upper()} {shown}" in page
            named = [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
            assert [name for name in named if name not in page] == []


def test_the_reference_names_every_code_of_a_refusal():
    page = REFERENCE.read_text(encoding="utf-8")
    sources = (Path(serve.__file__).parents[1] / "server").glob("*.py")
    codes = {
        code
        for source in sources
        for code in re.findall(r'(?:Refused|refused)\(\s*4\d\d,\s*"(\w+)"', source.read_text(encoding="utf-8"))
    }
    assert {"InvalidURL", "NotReady"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
