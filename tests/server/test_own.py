import io
import json
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pyarrow.parquet as pq
import pytest
import requests
from PIL import Image

import kaoiro
from kaoiro.core.codec import NAMES
from kaoiro.core.labels import EXPRESSIONS

VIDEO = Path(__file__).parents[2] / "src" / "kaoiro" / "assets" / "two-people.mp4"


def answered(method: str, url: str, **options: object) -> requests.Response:
    answer = requests.request(method, url, timeout=60, **options)
    assert answer.headers["Content-Type"].startswith("application/json") or not answer.content
    return answer


def until_over(url: str, job: str, seconds: float = 120) -> dict:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = answered("GET", f"{url}/v1/videos/{job}").json()
        if found["status"] not in ("waiting", "running"):
            return found
        time.sleep(0.1)
    raise AssertionError(found)


@pytest.fixture(scope="module")
def job(url) -> str:
    """A measured video, every quarter of a second."""
    with VIDEO.open("rb") as file:
        answer = answered("POST", f"{url}/v1/videos", data=file, params={"name": "two/../people.mp4", "every": 0.25})
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/videos/{answer.json()['id']}"
    assert until_over(url, answer.json()["id"])["status"] == "done"
    return answer.json()["id"]


def test_a_picture_is_measured_as_in_python(url, portrait):
    answer = answered("POST", f"{url}/v1/analyze", data=portrait, headers={"Content-Type": "image/jpeg"}).json()
    assert (answer["model"], answer["width"], answer["height"]) == ("affect", 512, 512)
    record = kaoiro.Analyzer().image(portrait)[0]
    (face,) = answer["faces"]
    assert face["expression"] == record.expression == "happiness"
    assert face["expression_happiness"] == pytest.approx(record.scores["expression_happiness"], abs=1e-4)
    assert face["box_left"] == pytest.approx(record.box.left, abs=0.1)
    assert set(face) < set(NAMES)
    assert not {name for name in face if "smooth" in name or name in ("track", "frame", "time_s", "source")}


def test_known_faces_are_measured_where_they_are(url, portrait):
    boxes = "180,60,120,150;0,0,100,100"
    faces = answered("POST", f"{url}/v1/analyze", data=portrait, params={"boxes": boxes}).json()["faces"]
    assert [(face["box_left"], face["box_width"]) for face in faces] == [(180, 120), (0, 100)]
    assert faces[0]["face_score"] is None


def test_faces_outside_the_picture_are_no_fault_of_the_picture(url, portrait):
    answer = answered("POST", f"{url}/v1/analyze", data=portrait, params={"boxes": "9000,9000,10,10"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")
    assert "boxes" in answer.json()["error"]["message"]


def test_only_so_many_faces_are_measured(url, portrait):
    wide = Image.new("RGB", (1024, 512))
    for left in (0, 512):
        wide.paste(Image.open(io.BytesIO(portrait)), (left, 0))
    file = io.BytesIO()
    wide.save(file, "PNG")
    for most, count in ((None, 2), (1, 1)):
        answer = answered("POST", f"{url}/v1/analyze", data=file.getvalue(), params={"max_faces": most})
        assert len(answer.json()["faces"]) == count


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"data": b"nothing"}, 400, "InvalidImage"),
        ({"data": b""}, 400, "BadArgument"),
        ({"data": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "UnsupportedMediaType"),
        ({"data": b"x" * (20 * 2**20 + 1)}, 413, "TooLarge"),
        ({"data": b"x", "params": {"max_faces": "0"}}, 400, "BadArgument"),
        ({"data": b"x", "params": {"boxes": "1,2,3"}}, 400, "BadArgument"),
        ({"json": {"url": "http://example.org/x.jpg"}}, 400, "InvalidURL"),
        ({"json": ["url"]}, 400, "BadArgument"),
        ({"data": b"{" + b"[" * 60_000, "headers": {"Content-Type": "application/json"}}, 400, "BadArgument"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(url, options, status, code):
    answer = answered("POST", f"{url}/v1/analyze", **options)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]


def test_a_live_view_has_tracks_and_curves(url, portrait):
    place = f"{url}/v1/live/session-of-a-test"
    frames = [answered("POST", place, data=portrait, params={"time_s": n / 10}).json() for n in range(4)]
    assert [frame["faces"][0]["track"] for frame in frames] == [0, 0, 0, 0]
    assert frames[-1]["time_s"] == 0.3
    supports = [frame["faces"][0]["smooth_support"] for frame in frames]
    assert supports == sorted(supports)
    last = frames[-1]["faces"][0]
    assert sum(last[f"expression_{label}_smooth"] for label in EXPRESSIONS.labels) == pytest.approx(1, abs=1e-4)


def test_live_views_know_nothing_of_each_other(url, portrait):
    for name in ("first-of-two", "second-of-two"):
        answer = answered("POST", f"{url}/v1/live/{name}", data=portrait, params={"time_s": 5})
        assert answer.json()["faces"][0]["track"] == 0


@pytest.mark.parametrize(
    ("place", "params"),
    [("short", {"time_s": 1}), ("a" * 65, {"time_s": 1}), ("not%20allowed", {"time_s": 1})]
    + [("session-name", params) for params in ({}, {"time_s": "nan"}, {"time_s": "-1"}, {"time_s": "inf"})],
)
def test_live_views_with_odd_names_or_times_are_refused(url, portrait, place, params):
    answer = answered("POST", f"{url}/v1/live/{place}", data=portrait, params=params)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")


def test_a_video_becomes_records(url, job):
    said = answered("GET", f"{url}/v1/videos/{job}").json()
    assert said["name"] == "people.mp4"
    assert said["progress"] == 1
    assert (said["video"]["width"], said["video"]["height"]) == (640, 360)
    assert said["expires"] > said["updated"]
    rows = answered("GET", f"{url}/v1/videos/{job}/records").json()["records"]
    assert len(rows) == said["rows"]
    assert list(rows[0]) == list(NAMES)
    recording = kaoiro.Analyzer().video(VIDEO, every=0.25, name="people.mp4")
    expected = [record.row() for record in recording]
    assert [row["time_s"] for row in rows] == [row["time_s"] for row in expected]
    assert [row["track"] for row in rows] == [row["track"] for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row["expression_surprise_smooth"] == pytest.approx(wanted["expression_surprise_smooth"], abs=1e-6)


def test_all_formats_hold_the_same_records(url, job):
    place = f"{url}/v1/videos/{job}/records"
    files = {name: requests.get(place, params={"format": name}, timeout=60) for name in ("json", "jsonl", "csv")}
    table = pq.read_table(io.BytesIO(requests.get(place, params={"format": "parquet"}, timeout=60).content))
    for name, answer in files.items():
        assert answer.headers["Content-Disposition"] == f'attachment; filename="people.mp4.{name}"'
    rows = files["json"].json()["records"]
    assert [json.loads(line) for line in files["jsonl"].text.splitlines()] == rows
    sheet = pd.read_csv(io.StringIO(files["csv"].text))
    assert len(sheet) == len(rows) == len(table)
    assert sheet["expression_fear"].tolist() == [row["expression_fear"] for row in rows]
    assert table["time_s"].to_pylist() == pytest.approx([row["time_s"] for row in rows])


def test_a_timeline_has_a_lane_for_each_face(url, job):
    body = answered("GET", f"{url}/v1/videos/{job}/timeline", params={"points": 10}).json()
    assert body["labels"] == list(EXPRESSIONS.labels)
    assert [lane["track"] for lane in body["tracks"]] == [0, 1]
    for lane in body["tracks"]:
        assert len(lane["time_s"]) == 10
        assert set(lane["scores"]) == set(lane["smooth"]) == set(EXPRESSIONS.labels)
        assert lane["first_s"] == lane["time_s"][0] < lane["time_s"][-1] == lane["last_s"]
        assert all(peak["value"] >= 0.5 and peak["label"] != "neutral" for peak in lane["peaks"])


@pytest.mark.parametrize("path", ["", "/records", "/timeline"])
@pytest.mark.parametrize("name", ["nobody", "00000000-0000-0000-0000-000000000000", "..%2f..%2fetc", "%00"])
def test_unknown_videos_are_not_there(url, name, path):
    assert answered("GET", f"{url}/v1/videos/{name}{path}").status_code == 404


def test_what_is_no_video_fails_with_the_reason(url):
    job = answered("POST", f"{url}/v1/videos", data=b"no video at all", params={"name": "notes.txt"}).json()["id"]
    found = until_over(url, job)
    assert found["status"] == "failed"
    assert "notes.txt: not a video" in found["message"]
    for part in ("records", "timeline"):
        answer = answered("GET", f"{url}/v1/videos/{job}/{part}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "Failed")


def test_a_video_that_breaks_off_keeps_what_was_readable(url):
    data = VIDEO.read_bytes()
    half = data[: int(len(data) * 0.6)]
    job = answered("POST", f"{url}/v1/videos", data=half, params={"every": 1}).json()["id"]
    found = until_over(url, job)
    if found["status"] == "failed":  # its index lies at the end
        assert found["message"]
        return
    assert "breaks off" in found["message"]
    assert found["rows"] > 0


def test_a_video_can_be_cancelled_and_is_gone(serving, tmp_path):
    with serving(data=tmp_path) as url:
        with VIDEO.open("rb") as file:
            job = answered("POST", f"{url}/v1/videos", data=file).json()["id"]
        waiting = answered("POST", f"{url}/v1/videos", data=VIDEO.read_bytes()).json()["id"]
        early = answered("GET", f"{url}/v1/videos/{waiting}/records")
        assert (early.status_code, early.json()["error"]["code"]) == (409, "NotReady")
        for name in (job, waiting):
            assert requests.delete(f"{url}/v1/videos/{name}", timeout=60).status_code == 204
            assert answered("GET", f"{url}/v1/videos/{name}").status_code == 404
            assert requests.delete(f"{url}/v1/videos/{name}", timeout=60).status_code == 404
        end = time.monotonic() + 30
        while list((tmp_path / "uploads").iterdir()) and time.monotonic() < end:
            time.sleep(0.1)
        assert not list((tmp_path / "uploads").iterdir())
        assert not list((tmp_path / "results").glob("*.parquet"))


def test_more_videos_than_can_wait_are_told_to_come_back(serving):
    with serving(videos_waiting=0) as url:
        answer = answered("POST", f"{url}/v1/videos", data=b"video")
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0


def test_a_video_that_is_too_large_is_refused_declared_or_not(serving, tmp_path):
    with serving(max_video=1000, data=tmp_path) as url:
        for data in (b"x" * 1001, iter([b"x" * 600, b"x" * 600])):
            answer = answered("POST", f"{url}/v1/videos", data=data)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TooLarge")
        assert not list((tmp_path / "uploads").iterdir())


def test_an_upload_that_stops_half_way_leaves_nothing(serving, tmp_path):
    with serving(data=tmp_path) as url:
        place = urlsplit(url)
        with socket.create_connection((place.hostname, place.port)) as half:
            half.sendall(b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegun")
            time.sleep(0.3)
        end = time.monotonic() + 10
        while list((tmp_path / "uploads").iterdir()) and time.monotonic() < end:
            time.sleep(0.05)
        assert not list((tmp_path / "uploads").iterdir())
        assert answered("GET", f"{url}/healthz").json()["videos"] == {"waiting": 0, "running": 0}


def test_the_models_that_ship_are_listed(url):
    models = {model["name"]: model for model in answered("GET", f"{url}/v1/models").json()["models"]}
    assert models["affect"]["default"]
    assert set(models["affect"]["labels"]["expression"]) == set(EXPRESSIONS.labels)
    assert models["affect"]["licence"]


def test_pictures_are_never_written_to_disk(serving, tmp_path, portrait):
    def files() -> set[Path]:  # but for those that SQLite makes and removes beside its own whenever it likes
        return {path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("jobs.sqlite-")}

    with serving(data=tmp_path) as url:
        before = files()
        for path in ("/v1/analyze", "/v1/live/some-session?time_s=1", "/emotion/v1.0/recognize"):
            answered("POST", url + path, data=portrait, headers={"Content-Type": "application/octet-stream"})
        assert files() == before
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and portrait[5000:5100] in path.read_bytes()]
