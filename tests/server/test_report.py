"""Reports of measured videos: what is answered, what is refused, and what is kept of them."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests
from tables_of_records import manifest, row

import kaoiro
from kaoiro.server import reporter, reports
from kaoiro.server.reporter import Wanted
from kaoiro.server.store import Store
from server.jobs import MODEL, data_in, finished

CLIP = Path(kaoiro.__file__).parent / "assets" / "two-people.mp4"
HOSTILE = "</script><script>window.hit=1</script>\u2028『顔』.mp4"
Serving = Callable[..., AbstractContextManager[str]]


def asked(url: str, job: str, headers: dict[str, str] | None = None, **params: Any) -> requests.Response:
    return requests.get(f"{url}/v1/videos/{job}/report", params=params, headers=headers, timeout=120)


def refused(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["error"]["message"]
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports") / "data"


@pytest.fixture(scope="module")
def job(folder: Path) -> str:
    return finished(folder)


@pytest.fixture(scope="module")
def url(serving: Serving, folder: Path, job: str) -> Iterator[str]:
    with serving(data=folder, jobs=1) as address:
        yield address


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key of each report that a process was started for."""
    started, command = [], reports.command

    def counted(store: Store, job: str, wanted: Wanted) -> list[str]:
        started.append(wanted.key)
        return command(store, job, wanted)

    monkeypatch.setattr(reports, "command", counted)
    return started


def runs(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let processes do what a line of Python says instead of making a report."""
    monkeypatch.setattr(reports, "command", lambda store, job, wanted: [sys.executable, "-c", code])


# ---- what is answered


def test_a_measured_video_has_the_report_that_is_made_of_its_records(url: str, folder: Path, job: str, tmp_path: Path):
    answer = asked(url, job)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith('<!doctype html>\n<html lang="en">')
    found = data_in(answer.text)
    table = shutil.copy(Store(folder).result(job), tmp_path / "talk.mp4.parquet")
    manifest(tmp_path, {"talk.mp4": MODEL})
    wished = data_in(kaoiro.report(table).html())
    (one,), (other,) = found["recordings"], wished["recordings"]
    assert one["lanes"] == other["lanes"]
    assert (one["name"], one["records"]) == ("talk.mp4", "talk.mp4.parquet")
    assert one["model"] == {"digest": MODEL, "name": "affect", "version": "0.1.0"}
    happy = next(line for line in one["lanes"][0]["tables"]["raw"] if line["label"] == "happiness")
    assert happy["mean"] == pytest.approx(0.75 / 4)
    assert happy["low"] < happy["mean"] < happy["high"]


def test_it_holds_no_pictures_and_allows_nothing_but_itself(url: str, job: str):
    answer = asked(url, job)
    (one,) = data_in(answer.text)["recordings"]
    assert (one["video"], one["pictures"]) == (None, [])
    assert not any(episode["face"] for lane in one["lanes"] for episode in lane["episodes"])
    assert "data:image/jpeg" not in answer.text
    rules = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "allow-same-origin" not in rules["sandbox"]
    assert (rules["img-src"], rules["media-src"]) == ("data:", "blob:")
    assert "connect-src" not in rules
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"


def test_both_languages_and_the_options_of_the_command_are_known(url: str, job: str):
    assert '<html lang="ja">' in asked(url, job, language="ja").text
    found = data_in(asked(url, job, baseline="auto", track="1,0", blur_faces="true").text)
    assert found["blurred"]
    assert found["recordings"][0]["lanes"][0]["name"] == "1+0"
    changes = found["recordings"][0]["lanes"][0]["tables"]["change"]
    assert {line["verdict"] for line in changes} <= {"signal", "uncertain", "below the noise floor"}
    assert all(line["floor"] for line in changes)
    assert data_in(asked(url, job, largest="true").text)["largest"]


def test_it_can_be_saved_as_a_file(url: str, job: str):
    answer = asked(url, job, download=1)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="talk.mp4.html"'
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "Content-Disposition" not in asked(url, job).headers


def test_hostile_names_stay_names(url: str, folder: Path):
    answer = asked(url, finished(folder, HOSTILE, message="<b>broke off</b>"), download=1)
    assert "<script>window.hit" not in answer.text
    found = data_in(answer.text)["recordings"][0]
    assert found["name"] == HOSTILE.rsplit("/", 1)[1].replace("\u2028", "")  # which breaks lines
    assert found["note"] == "<b>broke off</b>"
    assert answer.headers["Content-Disposition"].isascii()


def test_a_model_that_is_not_known_is_not_guessed(url: str, folder: Path):
    assert data_in(asked(url, finished(folder, options={})).text)["recordings"][0]["model"] is None


def test_no_video_of_the_same_name_is_looked_at(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (tmp_path, tmp_path / "data", tmp_path / "data" / "results", tmp_path / "data" / "reports"):
        place.mkdir(exist_ok=True)
        shutil.copy(CLIP, place / "private.mp4")
    job = finished(tmp_path / "data", "private.mp4")
    monkeypatch.chdir(tmp_path)
    with serving(data=tmp_path / "data", jobs=1) as url:
        (one,) = data_in(asked(url, job).text)["recordings"]
    assert (one["video"], one["pictures"], one["confounds"]["resolution"]) == (None, [], None)


# ---- what is refused


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"track": "9"}, "talk.mp4: no track 9; the longest first, there are 0, 1"),
        ({"track": "0,9"}, "talk.mp4: no track 9; the longest first, there are 0, 1"),
        ({"track": "anna"}, "Argument track"),
        ({"track": "1," * 70 + "1"}, "Argument track"),
        ({"track": "-1"}, "Argument track"),
        ({"track": "1", "largest": "1"}, "leave out track"),
        ({"language": "fr"}, "Argument language"),
        ({"baseline": "/etc/passwd"}, "Argument baseline"),
        ({"largest": "perhaps"}, "Argument largest"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(url: str, job: str, params: dict[str, str], reason: str):
    answer = asked(url, job, **params)
    assert refused(answer) == (400, "BadArgument")
    assert answer.json()["error"]["message"].startswith(reason) or reason in answer.json()["error"]["message"]
    assert "/data/" not in answer.text and "\n" not in answer.json()["error"]["message"]


def test_without_a_face_there_is_nothing_to_report(url: str, folder: Path):
    answer = asked(url, finished(folder, rows=[row(n / 2, None) for n in range(20)]))
    assert refused(answer) == (409, "NoFace")
    assert "no face" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["nobody", "00000000-0000-0000-0000-000000000000", "..%2f..%2fetc", "%00"])
def test_unknown_videos_have_none(url: str, name: str):
    assert refused(asked(url, name))[0] == 404


def test_a_video_that_is_not_done_has_none(url: str):
    job = requests.post(f"{url}/v1/videos", data=CLIP.read_bytes(), timeout=60).json()["id"]
    assert refused(asked(url, job)) == (409, "NotReady")
    requests.delete(f"{url}/v1/videos/{job}", timeout=60)
    job = requests.post(f"{url}/v1/videos", data=b"no video", timeout=60).json()["id"]
    while requests.get(f"{url}/v1/videos/{job}", timeout=60).json()["status"] != "failed":
        time.sleep(0.1)
    assert refused(asked(url, job)) == (409, "Failed")


def test_records_that_are_gone_have_none(url: str, folder: Path):
    job = finished(folder)
    Store(folder).result(job).unlink()
    assert refused(asked(url, job)) == (404, "NotFound")


def test_a_service_with_keys_gives_it_to_nobody_else(serving: Serving, tmp_path: Path):
    job = finished(tmp_path)
    with serving(data=tmp_path, keys=("right",), jobs=1, cors=("https://friend.example",)) as url:
        assert refused(asked(url, job)) == (401, "401")
        assert refused(asked(url, job, {"Ocp-Apim-Subscription-Key": "wrong"})) == (401, "401")
        right = {"Ocp-Apim-Subscription-Key": "right"}
        assert refused(asked(url, job, right | {"Origin": "https://evil.example"})) == (403, "Forbidden")
        friend = asked(url, job, right | {"Origin": "https://friend.example"})
        assert friend.status_code == 200
        assert friend.headers["Access-Control-Allow-Origin"] == "https://friend.example"
        assert "sandbox" in friend.headers["Content-Security-Policy"]


# ---- how it is made


def test_many_who_ask_at_once_wait_for_one_making(url: str, folder: Path, making: list[str]):
    job = finished(folder)
    with ThreadPoolExecutor(16) as clients:
        languages = ["en", "ja"] * 8
        answers = list(clients.map(lambda language: asked(url, job, language=language), languages))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 2
    assert sorted(making) == sorted({Wanted(language=language).key for language in languages})
    asked(url, job)
    assert len(making) == 2


def test_more_than_can_wait_are_told_to_come_back(serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reports, "AT_ONCE", 1)
    monkeypatch.setattr(reports, "MOST_WAITING", 1)
    runs(monkeypatch, "import time; time.sleep(3); raise SystemExit(7)")
    job = finished(tmp_path)
    with serving(data=tmp_path, jobs=1) as url, ThreadPoolExecutor(2) as clients:
        begun = [clients.submit(asked, url, job, language=language) for language in ("en", "ja")]
        time.sleep(1)
        answer = asked(url, job, largest="true")
        assert refused(answer) == (429, "429")
        assert int(answer.headers["Retry-After"]) > 0
        assert requests.get(f"{url}/healthz", timeout=1).status_code == 200
        assert {one.result().status_code for one in begun} == {500}


@pytest.mark.parametrize(
    ("code", "limit_s", "status"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 60, 500),
        ("raise SystemExit(7)", 60, 500),
        ("raise SystemExit(3)", 60, 507),
        ("import time; time.sleep(60)", 0.3, 500),
    ],
)
def test_a_process_that_does_not_end_well_is_told(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, limit_s: float, status: int
):
    monkeypatch.setattr(reports, "LONGEST_S", limit_s)
    runs(monkeypatch, code)
    answer = asked(url, finished(folder))
    assert answer.status_code == status
    assert "SystemExit" not in answer.text


def test_a_full_disk_is_told(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, making: list[str]):
    monkeypatch.setattr(reports, "SPARE", 1 << 60)
    assert refused(asked(url, finished(folder))) == (507, "InsufficientStorage")
    assert not making


def test_the_end_of_the_service_ends_a_making(serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kaoiro.server.run._FINISH_S", 1)
    runs(monkeypatch, "import time; time.sleep(60)")
    job, begun = finished(tmp_path), time.monotonic()
    with ThreadPoolExecutor(1) as clients, serving(data=tmp_path, jobs=1) as url:
        clients.submit(asked, url, job)
        time.sleep(1)
    assert time.monotonic() - begun < 30


# ---- what is kept


def kept(folder: Path, job: str) -> list[str]:
    return [path.name for path in (folder / "reports" / job).glob("*.html")]


def test_the_latest_few_are_kept(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reports, "KEPT", 1)
    job = finished(folder)
    for language in ("en", "ja"):
        assert asked(url, job, language=language).status_code == 200
    assert kept(folder, job) == [f"{Wanted(language='ja').key}.html"]


def test_it_goes_with_its_video(url: str, folder: Path):
    deleted, expired = finished(folder), finished(folder)
    for job in (deleted, expired):
        asked(url, job)
        assert kept(folder, job)
    assert requests.delete(f"{url}/v1/videos/{deleted}", timeout=60).status_code == 204
    store = Store(folder)
    store.change(expired, unless=(), state="done")
    assert not (folder / "reports" / deleted).exists()
    with store._open() as database:
        database.execute("UPDATE jobs SET acted = 0 WHERE id = ?", (expired,))
    store.expire(3600)
    assert not (folder / "reports" / expired).exists()
    assert refused(asked(url, expired)) == (404, "NotFound")


def test_a_video_that_is_deleted_meanwhile_leaves_nothing(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch):
    job, store = finished(folder), Store(folder)
    late = f"import pathlib, time; time.sleep(1); p = pathlib.Path({str(store.reports(job))!r}); p.mkdir(); "
    runs(monkeypatch, late + "(p / 'left.html').touch()")
    with ThreadPoolExecutor(1) as clients:
        answer = clients.submit(asked, url, job)
        time.sleep(0.5)
        requests.delete(f"{url}/v1/videos/{job}", timeout=60)
        assert refused(answer.result()) == (404, "NotFound")
    assert not store.reports(job).exists()


def test_reports_that_belong_to_no_video_are_removed(tmp_path: Path):
    job, store = finished(tmp_path), Store(tmp_path)
    for name in (job, "left"):
        (tmp_path / "reports" / name / "records").mkdir(parents=True)
    store.resume()
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [job]


# ---- the process, within this one


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], int]:
    monkeypatch.setattr(reporter.child, "end_with_parent", lambda: None)
    monkeypatch.setattr(reporter.child, "be_modest", lambda memory: None)
    monkeypatch.chdir(tmp_path)  # and back again in the end
    return lambda job, wanted: reporter.main(str(tmp_path / "data"), job, wanted)


def test_a_process_writes_the_report_to_its_place(process: Any, tmp_path: Path):
    job, store = finished(tmp_path / "data"), Store(tmp_path / "data")
    assert process(job, '{"language": "ja"}') == 0
    path = store.report(job, Wanted(language="ja").key)
    assert path.read_text(encoding="utf-8").startswith('<!doctype html>\n<html lang="ja">')
    assert [one.name for one in (path.parent / "records").iterdir() if one.suffix == ".parquet"] == ["talk.mp4.parquet"]


def test_a_file_system_without_links_gets_copies(process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reporter.os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    assert process(finished(tmp_path / "data"), "{}") == 0


def test_a_process_says_why_it_refuses(process: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    job = finished(tmp_path / "data")
    assert process(job, '{"track": "5"}') == reporter.REFUSED
    assert capsys.readouterr().out == "talk.mp4: no track 5; the longest first, there are 0, 1\n"
    assert process("nobody", "{}") == reporter.REFUSED
    Store(tmp_path / "data").report(job, Wanted().key).mkdir()
    assert process(job, "{}") == reporter.NO_ROOM


def test_each_option_and_each_version_has_a_report_of_its_own(monkeypatch: pytest.MonkeyPatch):
    others = {"track": "1", "largest": True, "baseline": "auto", "blur_faces": True, "language": "ja"}
    assert set(others) == {field.name for field in dataclasses.fields(Wanted)}
    keys = [Wanted().key, *(Wanted(**{name: value}).key for name, value in others.items())]
    monkeypatch.setattr(reporter, "__version__", "9.9")
    assert len({*keys, Wanted().key}) == len(others) + 2
    assert all(re.fullmatch("[0-9a-f]{16}", key) for key in keys)
