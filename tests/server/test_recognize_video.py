"""Recognition in videos by the Emotion API: how to hand in a video, and what becomes of its operation."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from media import write_sound

from kaoiro.server.settings import Settings
from server.pictures import (
    IN_VIDEO,
    JSON,
    KEY,
    MB,
    OCTETS,
    OPERATIONS,
    Answer,
    Page,
    ask,
    check_error,
    check_flat,
    encode,
    events,
    film,
    inner,
    place,
    post,
    scene,
    site,
    small_film,
    talk,
    three_faces,
    until_done,
)

WHEN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"
STATUSES = ["Not Started", "Running", "Succeeded"]


# ------------------------------------------------------------------------------------------------------ operations


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a film of 4.8 s that shows two people."""
    return small_film(tmp_path_factory.mktemp("film") / "clip.mp4", 120)


@pytest.fixture(scope="module")
def posted(url: str, clip: Path) -> Answer:
    """Hand in the film."""
    return post(url, IN_VIDEO, clip.read_bytes())


@pytest.fixture(scope="module")
def polls(url: str, posted: Answer) -> list[dict[str, Any]]:
    """Ask for the film's operation until it is done."""
    return until_done(url, place(posted))


def test_a_video_is_accepted_with_the_place_of_its_operation_and_no_body(url: str, posted: Answer):
    assert (posted.status, posted.body) == (202, b"")
    assert re.fullmatch(rf"{url}{OPERATIONS}/[A-Za-z0-9-]{{8,64}}", posted.headers["Operation-Location"])


def test_the_place_of_the_operation_names_the_host_as_the_client_did(url: str, clip: Path):
    answer = ask(url, "POST", IN_VIDEO, b"no video", {"Host": "emotion.example:8443", **OCTETS})
    assert answer.headers["Operation-Location"].startswith(f"http://emotion.example:8443{OPERATIONS}/")


def test_an_operation_goes_through_its_statuses_in_order(polls: list[dict[str, Any]]):
    steps = [STATUSES.index(poll["status"]) for poll in polls]
    assert steps == sorted(steps) and {1, 2} <= set(steps)


def test_each_status_has_its_own_keys(polls: list[dict[str, Any]]):
    more = {"Not Started": [], "Running": ["progress"], "Succeeded": ["processingResult"]}
    for poll in polls:
        assert list(poll) == ["status", "createdDateTime", "lastActionDateTime", *more[poll["status"]]]


def test_times_have_seven_decimals_and_are_universal(polls: list[dict[str, Any]]):
    for poll in polls:
        created, acted = poll["createdDateTime"], poll["lastActionDateTime"]
        assert re.fullmatch(WHEN, created) and re.fullmatch(WHEN, acted)
        assert created <= acted and created == polls[0]["createdDateTime"]
        age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(f"{created[:19]}+00:00")
        assert datetime.timedelta(seconds=-2) < age < datetime.timedelta(minutes=5)


def test_progress_grows_while_a_video_is_measured(polls: list[dict[str, Any]]):
    progress = [poll["progress"] for poll in polls if poll["status"] == "Running"]
    assert progress == sorted(progress) and progress[0] >= 0
    assert any(0 < value < 100 for value in progress)


def test_a_finished_operation_can_be_asked_again(url: str, posted: Answer, polls: list[dict[str, Any]]):
    assert ask(url, "GET", place(posted)).json == polls[-1]


def test_the_route_and_number_of_an_operation_may_be_written_in_any_letter_case(
    url: str, posted: Answer, polls: list[dict[str, Any]]
):
    identity = place(posted).split("/")[-1]
    for path in (f"/Emotion/v1.0/Operations/{identity}", f"{OPERATIONS}/{identity.upper()}"):
        assert ask(url, "GET", path).json == polls[-1]


# ------------------------------------------------------------------------------------------------------ how to ask


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a short film that shows one face."""
    return film(tmp_path_factory.mktemp("film") / "still.mp4", [scene((320, 240), (300, 0, 0))] * 5)


@pytest.mark.parametrize(
    ("path", "per_frame"),
    [
        ("/emotion/v1.0/recognizeInVideo?outputStyle=", False),
        ("/Emotion/V1.0/RecognizeInVideo?outputStyle=AGGREGATE", False),
        (f"{IN_VIDEO}?outputstyle=perframe", True),
    ],
)
def test_routes_and_styles_may_be_written_in_any_letter_case(url: str, still: Path, path: str, per_frame: bool):
    found = inner(until_done(url, place(post(url, path, still.read_bytes())))[-1])
    assert [len(event) for event in events(found)] == ([1] * 5 if per_frame else [1])
    assert ("scores" in events(found)[0][0]) == per_frame


def test_an_unknown_style_is_refused(url: str, still: Path):
    check_error(post(url, f"{IN_VIDEO}?outputStyle=summary", still.read_bytes()), 400, "BadArgument")


@pytest.mark.parametrize(
    ("name", "codec", "chunked"), [("a.mov", "libx264", True), ("a.wmv", "wmv2", True), ("a.mp4", "mpeg4", False)]
)
def test_documented_containers_are_read_chunked_or_of_no_type(
    url: str, tmp_path: Path, name: str, codec: str, chunked: bool
):
    data = film(tmp_path / name, [scene((320, 240), (300, 0, 0))] * 5, codec=codec).read_bytes()
    pieces = (data[start : start + 1000] for start in range(0, len(data), 1000))
    answer = ask(url, "POST", IN_VIDEO, pieces, OCTETS, chunked=True) if chunked else ask(url, "POST", IN_VIDEO, data)
    assert len(inner(until_done(url, place(answer))[-1])["facesDetected"]) == 1


def test_a_video_is_fetched_from_an_allowed_address_only(serving: Callable, url: str, still: Path):
    with site({"/a.mp4": Page(still.read_bytes())}) as web:
        check_error(post(url, IN_VIDEO, {"url": web.at("/a.mp4")}), 400, "InvalidURL")
        assert web.asked == []
        with serving(allow_urls=(web.place,), jobs=1) as fetching:
            answer = ask(fetching, "POST", IN_VIDEO, f"{{'URL': '{web.at('/a.mp4')}'}}".encode(), JSON)
            assert len(inner(until_done(fetching, place(answer))[-1])["facesDetected"]) == 1
            check_error(post(fetching, IN_VIDEO, {"url": web.at("/b.mp4")}), 400, "InvalidURL")


@pytest.fixture(scope="module")
def guarded(serving: Callable) -> Iterator[str]:
    """Run a service that a key opens."""
    with serving(keys=("right",), jobs=1) as url:
        yield url


def test_videos_and_operations_need_the_key(guarded: str, still: Path):
    posted = ask(guarded, "POST", IN_VIDEO, still.read_bytes(), {KEY: "right", **OCTETS})
    for method, path in (("POST", IN_VIDEO), ("GET", place(posted)), ("GET", f"{OPERATIONS}/unknown")):
        answer = ask(guarded, method, path, b"x" if method == "POST" else None)
        check_flat(answer, 401, answer.json["message"])
    assert ask(guarded, "GET", place(posted), headers={KEY.upper(): "right"}).status == 200
    assert ask(guarded, "GET", f"{place(posted)}?subscription-key=right").status == 200


# ------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("kind", ["text", "picture", "sound"])
def test_what_is_no_video_fails_with_a_message(url: str, tmp_path: Path, kind: str):
    data = {
        "text": lambda: b"no video at all",
        "picture": lambda: encode(three_faces(), "PNG"),
        "sound": lambda: write_sound(tmp_path / "a.mp4").read_bytes(),
    }[kind]()
    last = until_done(url, place(post(url, IN_VIDEO, data)))[-1]
    assert list(last) == ["status", "createdDateTime", "lastActionDateTime", "message"]
    assert last["status"] == "Failed" and len(last["message"]) > 5
    assert str(tmp_path) not in last["message"] and "Traceback" not in last["message"]


def test_requests_without_a_video_are_refused(url: str):
    for answer in (
        post(url, IN_VIDEO, b""),
        post(url, IN_VIDEO, {}),
        ask(url, "POST", IN_VIDEO, b"x", {"Content-Type": "text/plain"}),
    ):
        check_error(answer, 400, "BadArgument")


def test_a_video_over_100_megabytes_is_refused_before_it_is_sent(url: str):
    head = f"POST {IN_VIDEO} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\n"
    heard = talk(url, f"{head}Content-Length: {100 * MB + 1}\r\n\r\n".encode())
    assert heard.startswith(b"HTTP/1.1 400 ") and b'{"error":{"code":"InvalidVideoSize","message":' in heard
    assert b"100 Continue" in talk(url, f"{head}Content-Length: {100 * MB}\r\n\r\n".encode(), 1.0)


@pytest.mark.parametrize("identity", ["EF217D0C-9085-45D7-AAE0-2B36471B89B5", "0", "a" * 300, "..", "%00"])
def test_an_unknown_operation_is_not_found(url: str, identity: str):
    check_error(ask(url, "GET", f"{OPERATIONS}/{identity}"), 404, "NotFound")


def test_other_methods_are_not_allowed_in_json(url: str):
    for method, path, allowed in (("GET", IN_VIDEO, "POST"), ("POST", f"{OPERATIONS}/1", "GET")):
        answer = ask(url, method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)
        assert list(answer.json) == ["statusCode", "message"]


def test_results_are_deleted_when_their_time_is_over(serving: Callable, still: Path):
    with serving(keep_s=2.0, jobs=1) as url:
        path = place(post(url, IN_VIDEO, still.read_bytes()))
        assert until_done(url, path)[-1]["status"] == "Succeeded"
        end = time.monotonic() + 10
        while ask(url, "GET", path).status == 200:
            assert time.monotonic() < end
            time.sleep(0.2)
        check_error(ask(url, "GET", path), 404, "NotFound")


def test_results_are_kept_for_a_day():
    assert Settings().keep_s == 24 * 60 * 60


def test_videos_beyond_those_that_can_wait_are_told_to_come_back(serving: Callable, still: Path):
    with serving(videos_waiting=1, jobs=1) as url:
        answers = [post(url, IN_VIDEO, still.read_bytes()) for _ in range(6)]
        refused = [answer for answer in answers if answer.status == 429]
        accepted = [place(answer) for answer in answers if answer not in refused]
        assert accepted and len(refused) >= 2
        for answer in refused:
            seconds = int(answer.headers["Retry-After"])
            assert list(answer.json) == ["statusCode", "message", "error"]
            assert answer.json["message"] == f"Rate limit is exceeded. Try again in {seconds} seconds."
            assert answer.json["error"]["message"] == answer.json["message"]
        assert {until_done(url, path)[-1]["status"] for path in accepted} == {"Succeeded"}
