import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from kaoiro.cli.main import main

pytest.importorskip("fastapi")
SNAPSHOT = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"


def started(*options: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "kaoiro", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    line = process.stdout.readline()
    return process, line.split()[2] if line.startswith("kaoiro serves") else line


def ended(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    process.stdout.close()
    return code


def test_it_says_where_it_serves_takes_keys_from_the_environment_and_ends_in_good_order(tmp_path):
    process, address = started("--data", str(tmp_path), KAOIRO_KEYS="secret other")
    try:
        with urllib.request.urlopen(f"{address}/healthz") as answer:
            assert json.load(answer)["status"] == "ok"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{address}/v1/models")
        with urllib.request.urlopen(f"{address}/v1/models?subscription-key=other") as answer:
            assert answer.status == 200
    finally:
        assert ended(process) in (0, -signal.SIGTERM)


def test_it_speaks_tls_with_a_certificate_of_its_own_that_stays(tmp_path):
    kept = []
    for _ in range(2):
        process, address = started("--data", str(tmp_path), "--self-signed")
        try:
            assert address.startswith("https://")
            trust = ssl.create_default_context(cafile=str(tmp_path / "tls" / "certificate.pem"))
            with urllib.request.urlopen(f"{address}/healthz", context=trust) as answer:
                assert answer.status == 200
            with pytest.raises(urllib.error.URLError, match="certificate"):
                urllib.request.urlopen(f"{address}/healthz")
        finally:
            ended(process)
        kept.append((tmp_path / "tls" / "certificate.pem").read_bytes())
    assert kept[0] == kept[1]
    assert (tmp_path / "tls" / "key.pem").stat().st_mode & 0o077 == 0 or sys.platform == "win32"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--host", "0.0.0.0"], "--key"),
        (["--port", "99999"], "--port"),
        (["--model", "nobody"], "nobody"),
        (["--allow-urls", "http://x"], "--allow-urls"),
        (["--tls-cert", "missing.pem", "--tls-key", "missing.pem"], "no such file"),
        (["--host", "192.0.2.1", "--key", "k"], "--host 192.0.2.1"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(options, complaint, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("KAOIRO_KEYS", raising=False)
    assert main(["serve", "--port", "0", "--data", str(tmp_path / "data"), *options]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_broken_certificate_is_said_in_one_line(tmp_path, capsys):
    (tmp_path / "x.pem").write_text("no certificate")
    files = ["--tls-cert", str(tmp_path / "x.pem"), "--tls-key", str(tmp_path / "x.pem")]
    assert main(["serve", "--port", "0", "--data", str(tmp_path / "data"), *files]) == 2
    assert "--tls-cert" in capsys.readouterr().err


def test_without_the_extra_it_says_which_one(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve"]) == 2
    assert "kaoiro[serve]" in capsys.readouterr().err


def test_the_openapi_document_is_the_one_that_was_agreed(capsys):
    """After a change that is meant: kaoiro serve --openapi > docs/reference/openapi.json."""
    assert main(["serve", "--openapi"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert "/emotion/v1.0/recognize" in document["paths"]
