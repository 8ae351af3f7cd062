"""Send hostile requests to the service: none may be answered 5xx or not at all, and it must be well afterwards.

    pytest -m fuzz tests/server/test_fuzz.py

The variables KAOIRO_FUZZ_MINUTES (3), KAOIRO_FUZZ_SEED (0) and KAOIRO_FUZZ_TALLY (a JSON file to write) set the length
of the parts that could go on, the material, and where the counts go. The rest takes three minutes more, mostly waiting
for time limits of the service. The material comes in the same order each time; time decides how much of it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hostile import pictures, texts, videos, wire
from hostile.target import ENDS, PATIENCE, Answer, Target
from PIL import Image

pytestmark = pytest.mark.fuzz
pytest.importorskip("fastapi")

SECONDS = 60 * float(os.environ.get("KAOIRO_FUZZ_MINUTES", "3"))
SEED = int(os.environ.get("KAOIRO_FUZZ_SEED", "0"))
TALLY = os.environ.get("KAOIRO_FUZZ_TALLY")
RECOGNIZE = "/emotion/v1.0/recognize"
DETECT = "/face/v1.0/detect?returnFaceAttributes=emotion,headPose&returnFaceLandmarks=true"
PICTURES = ("/v1/analyze", RECOGNIZE, DETECT)
JSON = {"Content-Type": "application/json"}
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def good(astronaut: Path) -> bytes:
    return pictures.encoded(Image.open(astronaut).convert("RGB").resize((160, 160)), "JPEG")


@pytest.fixture(scope="module")
def canary(good: bytes) -> Iterator[wire.WebServer]:
    """Nobody may visit it."""
    with contextlib.closing(wire.WebServer(good)) as server:
        yield server


@pytest.fixture(scope="module")
def trap(good: bytes, canary: wire.WebServer) -> Iterator[wire.WebServer]:
    """The service may visit it, to its regret."""
    with contextlib.closing(wire.WebServer(good, canary.port)) as server:
        yield server


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, good: bytes, trap: wire.WebServer) -> Iterator[Target]:
    target = Target(tmp_path_factory.mktemp("service") / "data", good, trap.port)
    yield target
    trap.over.set()
    if TALLY:
        target.write_tally(Path(TALLY), seed=SEED, minutes=SECONDS / 60)
    target.end()


@pytest.fixture
def service(target: Target) -> Iterator[Target]:
    """Give the service, and look at it afterwards."""
    target.faults.clear()
    yield target
    target.well()
    assert not target.faults, f"{len(target.faults)} faults:\n" + "\n".join(target.faults[:60])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, astronaut: Path) -> bytes:
    """Return a second of a portrait as MP4."""
    import numpy as np

    from kaoiro.core.encode import VideoWriter

    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    picture = np.asarray(Image.open(astronaut).convert("RGB").resize((160, 160)))
    with VideoWriter(path, 160, 160, 10) as writer:
        for index in range(10):
            writer.write(np.roll(picture, index, axis=1), index / 10)
    return path.read_bytes()


def within(items: Iterable[Any], share: float) -> Iterator[Any]:
    """Yield items until a share of the time is over."""
    end = time.monotonic() + share * SECONDS
    for item in items:
        if time.monotonic() > end:
            return
        yield item


def test_damaged_pictures_are_refused_or_measured(service: Target, astronaut: Path) -> None:
    picture = Image.open(astronaut).convert("RGB").resize((96, 96))
    material = pictures.damaged(picture, random.Random(SEED))
    for (name, data), path in within(zip(material, itertools.cycle(PICTURES)), 0.15):
        service.send("damaged pictures", name, "POST", path, data, BYTES)


def test_a_live_session_survives_damaged_frames(service: Target, astronaut: Path) -> None:
    picture = Image.open(astronaut).convert("RGB").resize((96, 96))
    material = enumerate(pictures.damaged(picture, random.Random(SEED + 1)))
    for number, (name, data) in within(material, 0.05):
        path = f"/v1/live/fuzz-session-{number % 7}?time_s={number / 10}"
        service.send("damaged live frames", name, "POST", path, data, {"Content-Type": "image/jpeg"})


def test_bombs_and_disguises_are_refused_or_measured(service: Target, astronaut: Path, good: bytes) -> None:
    picture = Image.open(astronaut).convert("RGB").resize((96, 96))
    material = itertools.chain(pictures.bombs(good), pictures.disguises(good, picture))
    for name, data in material:
        for path in PICTURES:
            service.send("bombs and disguises", name, "POST", path, data, BYTES)
        service.send("bombs and disguises", name, "POST", "/v1/analyze", data)


def test_many_bombs_at_once_do_not_add_up(service: Target, good: bytes) -> None:
    large = [item for item in pictures.bombs(good) if "20000x20000" in item[0] or "200 MB" in item[0]] * 5
    with ThreadPoolExecutor(len(large)) as pool:
        for name, data in large:
            pool.submit(service.send, "bombs at once", name, "POST", "/v1/analyze", data, BYTES)


def test_broken_http_is_answered_or_hung_up_on(service: Target, good: bytes) -> None:
    for name, data in wire.complete(good):
        service.send_raw("broken HTTP", name, data)
    chance = random.Random(SEED)
    whole = b"POST /v1/analyze HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nhello"
    for place in within(range(5 * len(whole)), 0.05):
        broken = pictures.flipped(whole, place % (len(whole) - 9), chance.randrange(8))
        service.send_raw("broken HTTP", f"bit of byte {place}", broken + b"\r\n\r\n" * 100)


def test_clients_that_never_finish_hold_nobody_up(service: Target, good: bytes) -> None:
    with contextlib.ExitStack() as held:
        for begun in wire.unfinished(good) * 20:
            connection = held.enter_context(service.connected())
            with contextlib.suppress(ConnectionError):
                connection.sendall(begun)
            service.count("unfinished requests", "held")
        service.well()
        assert _fast(service), "others wait while many connections are held"


def _fast(service: Target) -> bool:
    begin = time.monotonic()
    for _ in range(5):
        service.send("unfinished requests", "another client", "POST", "/v1/analyze", service.good, BYTES)
    return time.monotonic() - begin < 10


def test_a_slow_body_is_measured(service: Target, good: bytes) -> None:
    def slowly() -> Iterator[bytes]:
        for start in range(0, len(good), 1000):
            time.sleep(0.1)
            yield good[start : start + 1000]

    for headers in ({**BYTES, "Content-Length": str(len(good))}, BYTES):  # once with its length, once chunked
        answer = service.send("slow bodies", "slow", "POST", "/v1/analyze", slowly(), headers)
        assert answer is not None and answer[0] == 200


def test_a_body_that_never_ends_is_given_up(service: Target, good: bytes) -> None:
    with service.connected() as connection:
        connection.settimeout(2 * PATIENCE)
        connection.sendall(b"POST /v1/analyze HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
    service.count("unfinished requests", "408")


def test_clients_that_hang_up_are_forgotten(service: Target, good: bytes) -> None:
    head = b"POST /v1/analyze HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    for end in within(range(0, 4 * len(good), 97), 0.03):
        with service.connected() as connection:
            connection.sendall((head % len(good) + good)[: end % (len(good) + 200)])
        service.count("hang-ups", "closed")


def test_hostile_json_is_refused(service: Target, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    paths = (*PICTURES, "/emotion/v1.0/recognizeinvideo")
    for name, data in texts.json_bodies(mark):
        for path in paths:
            answer = service.send("hostile JSON", name, "POST", path, data, JSON)
            if answer and answer[0] < 400:
                service.faults.append(f"hostile JSON: {name}: POST {path}: {answer[0]} {answer[2][:200]!r}")
    for path in paths:  # without a type the body is looked at
        service.send("hostile JSON", "no type", "POST", path, b'{"url":' * 50_000)
    assert not mark.exists(), "text of a request was executed"


def test_addresses_that_were_not_allowed_are_never_fetched(
    service: Target, trap: wire.WebServer, canary: wire.WebServer
) -> None:
    fetched = _fetch(service, f"http://127.0.0.1:{trap.port}/good.jpg", "/v1/analyze")
    assert fetched is not None and fetched[0] == 200, f"the allowed address must work: {fetched}"
    for address in texts.addresses(trap.port, canary.port):
        for path in (*PICTURES, "/emotion/v1.0/recognizeinvideo") if len(address) < 100 else PICTURES:
            before = len(canary.visits)
            answer = _fetch(service, address, path)
            if len(canary.visits) > before or (answer and answer[0] < 400 and str(trap.port) not in address):
                service.faults.append(f"addresses: {address[:200]!r} was fetched: {answer}")


def test_a_hostile_web_server_does_no_harm(service: Target, trap: wire.WebServer, canary: wire.WebServer) -> None:
    visits = len(canary.visits)
    with ThreadPoolExecutor(4) as pool:  # one of them takes a minute
        answers = pool.map(
            lambda a: (a, _fetch(service, a, "/v1/analyze", "hostile web server")), texts.traps(trap.port)
        )
    for address, answer in answers:
        if answer and answer[0] < 400:
            service.faults.append(f"hostile web server: {address[:200]!r}: {answer}")
    assert len(canary.visits) == visits, f"a redirect was followed: {canary.visits[-1]!r}"
    assert not any(b"\nX-Injected" in asked for asked in trap.visits), "a header was injected"


def test_a_slow_web_server_holds_nobody_up(service: Target, trap: wire.WebServer, good: bytes) -> None:
    with ThreadPoolExecutor(20) as pool:
        for _ in range(20):
            pool.submit(_fetch, service, f"http://127.0.0.1:{trap.port}/drip", "/v1/analyze", "slow web server")
        time.sleep(2)
        for path in (*PICTURES, "/v1/videos", "/emotion/v1.0/recognizeinvideo"):
            begin = time.monotonic()
            service.send("slow web server", "somebody else", "POST", path, good, BYTES)
            if time.monotonic() - begin > 10:
                service.faults.append(f"POST {path} waited {time.monotonic() - begin:.0f} s for addresses of others")
        trap.over.set()
    trap.over.clear()
    service.idle()


def _fetch(service: Target, address: str, path: str, group: str = "addresses") -> Answer | None:
    """Send an address; a server of the service's choice may take a minute to drip."""
    body = json.dumps({"url": address}).encode()
    return service.send(group, address[:100], "POST", path, body, JSON, 3 * PATIENCE)


def test_hostile_rectangles_are_refused_or_measured(service: Target, good: bytes) -> None:
    for value in texts.RECTANGLES:
        for raw in (quote(value, safe=""), quote(value, safe=";,")):
            service.send("rectangles", value[:60], "POST", f"{RECOGNIZE}?faceRectangles={raw}", good, BYTES)
            service.send("rectangles", value[:60], "POST", f"/v1/analyze?boxes={raw}", good, BYTES)
    for path in (f"{RECOGNIZE}?faceRectangles=", "/v1/analyze?boxes="):
        for text in ("1,1,9,9;" * 1_000_000, "(" * 1_000_000):
            head = f"POST {path}{text} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
            service.send_raw("rectangles", "a million", head.encode())


def test_hostile_values_of_parameters_are_refused(service: Target, good: bytes) -> None:
    live, face = "/v1/live/fuzz-session-9?time_s=", "/face/v1.0/detect?"
    names = [*(f"/v1/analyze?{name}=" for name in ("max_faces", "subscription-key", "unknown", "classes")), live]
    names += [f"{face}{name}=" for name in ("returnFaceAttributes", "returnFaceId", "returnFaceLandmarks")]
    names += [f"{face}{name}=" for name in ("recognitionModel", "returnRecognitionModel", "detectionModel")]
    for path in (*names, "/emotion/v1.0/recognizeinvideo?outputStyle=", *_video_values()):
        body = b"no video" if "video" in path else good
        for value in texts.VALUES:
            service.drop(service.send("parameters", value[:60], "POST", path + quote(value, safe=""), body, BYTES))
    reports = [f"/v1/videos/x/report?{name}=" for name in ("language", "baseline", "track", "largest", "blur_faces")]
    words = ("/v1/words?classes=", "/v1/words?language=")
    for path in ("/v1/videos/x/records?format=", "/v1/videos/x/timeline?points=", *words, *reports):
        for value in texts.VALUES:
            service.send("parameters", value[:60], "GET", path + quote(value, safe=""))


def _video_values() -> list[str]:
    return [f"/v1/videos?name=a.mp4&{name}=" for name in ("every", "smooth", "max_faces", "classes")]


def test_hostile_names_stay_names(service: Target, good: bytes) -> None:
    for name in texts.NAMES:
        raw = quote(name, safe="")
        parts = ("", "/records", "/timeline", "/report")
        for path in (*(f"/v1/videos/{raw}{part}" for part in parts), f"/{raw}"):
            service.send("names", name[:60], "GET", path)
        for path in (f"/emotion/v1.0/operations/{raw}", f"/page/{raw}", f"/v1/videos/..%2f{raw}"):
            service.send("names", name[:60], "GET", path)
        for method, path in (("DELETE", f"/v1/videos/{raw}"), ("POST", f"/v1/live/{raw}?time_s=1")):
            service.send("names", name[:60], method, path, good if method == "POST" else None, BYTES)
        service.drop(service.send("names", name[:60], "POST", f"/v1/videos?name={raw}", b"no video", BYTES))


def test_hostile_names_do_not_leave_the_headers_of_a_download(service: Target, clip: bytes) -> None:
    jobs = []
    for name in within([name for name in texts.NAMES if any(mark in name for mark in '\r"\\😀顔/;\u202e')], 0.1):
        answer = service.send("names of downloads", name[:60], "POST", f"/v1/videos?name={quote(name)}", clip, BYTES)
        jobs += [(name, json.loads(answer[2])["id"])] if answer and answer[0] == 202 else []
    for name, identity in jobs:
        assert service.ended(identity)["status"] == "done"
        for form in ("json", "jsonl", "csv", "parquet"):
            path = f"/v1/videos/{identity}/records?format={form}"
            answer = service.send("names of downloads", name[:60], "GET", path)
            said = answer[1].get("content-disposition", "") if answer else ""
            if not said.startswith("attachment") or not said.isascii() or not said.isprintable() or ".." in said:
                service.faults.append(f"names of downloads: {name[:60]!r}: {answer and answer[:2]}")
        service.send("names of downloads", name[:60], "DELETE", f"/v1/videos/{identity}")


def test_hostile_keys_open_nothing(
    service: Target, good: bytes, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAOIRO_KEYS", "the-key")
    locked = Target(tmp_path_factory.mktemp("locked") / "data", good, 1)
    try:
        for value in (*texts.VALUES, *texts.NAMES, "the-key the-key", "THE-KEY", "the-ke", "the-key,"):
            raw = quote(value, safe="")
            for path in (
                f"/v1/models?subscription-key={raw}",
                f"{RECOGNIZE}?subscription-key={raw}&a=%ff;&&=",
                "/v1/x",
            ):
                _locked(locked, service, value, f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n".encode())
            for name in (b"Ocp-Apim-Subscription-Key: ", b"Authorization: Bearer "):
                plain = value.encode("utf-8", "surrogatepass").translate(None, b"\0\r\n")
                head = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + name + plain + b"\r\n"
                _locked(locked, service, value, head)
    finally:
        locked.end()


def _locked(locked: Target, service: Target, value: str, head: bytes) -> None:
    locked.send_raw("keys", value[:60], head + b"Connection: close\r\n\r\n")
    service.tally["keys"] = locked.tally["keys"]
    service.faults += locked.faults
    locked.faults.clear()
    opened = set(locked.tally["keys"]) - {"401", "400", "closed"}
    assert not opened, f"{value[:60]!r}: {head[:200]!r}: {opened}"


def test_hostile_videos_fail_or_are_done(
    service: Target, clip: bytes, good: bytes, canary: wire.WebServer, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the-secret-of-the-house\n" * 100)
    visits = len(canary.visits)
    lists = [(name, data, True) for name, data in videos.playlists(str(secret), canary.port)]
    material = itertools.chain(videos.others(good), videos.lying(clip), videos.damaged(clip, random.Random(SEED)))
    material = itertools.chain(lists, ((name, data, False) for name, data in material))
    for batch in within(iter(lambda: list(itertools.islice(material, 9)), []), 0.25):
        _watch(service, batch)
    assert len(canary.visits) == visits, f"a list made the service visit {canary.visits[-1]!r}"


def _watch(service: Target, batch: list[tuple[str, bytes, bool]]) -> None:
    """Upload some videos to both interfaces in turn, and see each of them end; lists of other files must fail."""
    jobs = []
    for name, data, must_fail in batch:
        answer = service.send("videos", name, "POST", f"/v1/videos?name={quote(name)}.mp4", data, BYTES)
        if answer and answer[0] == 202:
            jobs.append((name, json.loads(answer[2])["id"], must_fail))
    for name, identity, must_fail in jobs:
        job = service.ended(identity)
        service.count("videos", f"job {job.get('status')}")
        if job.get("status") not in ENDS or (must_fail and job["status"] != "failed"):
            service.faults.append(f"videos: {name}: ended as {job}")
        if "secret" in json.dumps(job).replace("secret.txt", ""):
            service.faults.append(f"videos: {name}: tells a secret: {job}")
        for path in ("records?format=json", "records?format=parquet", "timeline", "report"):
            service.send("videos", name, "GET", f"/v1/videos/{identity}/{path}")
        service.send("videos", name, "DELETE", f"/v1/videos/{identity}")


def test_videos_of_the_old_interface_fail_politely(service: Target, good: bytes) -> None:
    for name, data in within(videos.others(good), 0.05):
        answer = service.send("old videos", name, "POST", "/emotion/v1.0/recognizeinvideo", data, BYTES)
        if not answer or answer[0] != 202:
            continue
        path, status, begin = "/" + answer[1]["operation-location"].split("/", 3)[3], "", time.monotonic()
        while status not in ("Failed", "Succeeded") and time.monotonic() - begin < 4 * PATIENCE:
            time.sleep(0.05)
            status = json.loads(service.ask("GET", path)[2])["status"]
        if status not in ("Failed", "Succeeded"):
            service.faults.append(f"old videos: {name}: still {status}")


def test_what_the_description_allows_is_answered_as_described(service: Target, good: bytes, clip: bytes) -> None:
    contract = pytest.importorskip("hostile.contract")
    job = json.loads(service.ask("POST", "/v1/videos?name=clip.mp4", clip, BYTES)[2])["id"]
    service.ended(job)
    contract.explore(service, SEED, 0.35 * SECONDS, {"id": job, "session": "fuzz-session-0"}, good)
    service.idle()
