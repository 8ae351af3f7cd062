"""Words of one's own in the service, and parameters that it does not know."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import requests

import kaoiro
from kaoiro.cli.main import main
from kaoiro.core.codec import NAMES
from server.test_own import answered, until_over

VIDEO = Path(__file__).parents[2] / "src" / "kaoiro" / "assets" / "two-people.mp4"
OWN = '[delighted]\nja = ["大喜び"]\npresent = [6, 12]\n'
COLUMNS = ["word_smile", "word_eyes_wide", "word_smile_smooth", "word_eyes_wide_smooth"]


@pytest.fixture(scope="module")
def job(url: str) -> dict[str, Any]:
    """A video that was measured with words."""
    with VIDEO.open("rb") as file:
        params = {"name": "people.mp4", "every": 0.5, "classes": "smile、目を見開く"}
        answer = answered("POST", f"{url}/v1/videos", data=file, params=params)
    assert answer.status_code == 202
    return until_over(url, answer.json()["id"])


@pytest.fixture(scope="module")
def own(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("glossary") / "own.toml"
    file.write_text(OWN, encoding="utf-8")
    with serving(glossary=file, jobs=1) as address:
        yield address


def refused(answer: requests.Response) -> str:
    """Return the message of a refusal, which is one line."""
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")
    message = answer.json()["error"]["message"]
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "classes",
    ["smile, eyes wide", "笑顔、目を見開く", ["smile", "目を見開く"], "smile,eyes wide,Smile"],
    ids=["english", "japanese", "repeated", "twice"],
)
def test_words_stand_beside_the_expressions_of_a_picture(url: str, portrait: bytes, classes: Any) -> None:
    answer = answered("POST", f"{url}/v1/analyze", data=portrait, params={"classes": classes}).json()
    record = kaoiro.Analyzer(classes=["smile", "eyes wide"]).image(portrait)[0]
    (face,) = answer["faces"]
    assert list(face)[-2:] == COLUMNS[:2]
    assert {name: face[name] for name in COLUMNS[:2]} == pytest.approx(
        {name: record.scores[name] for name in COLUMNS[:2]}, abs=1e-4
    )
    assert [remark.split(":")[0] for remark in answer["remarks"][:2]] == COLUMNS[:2]


def test_without_words_nothing_is_added(url: str, portrait: bytes) -> None:
    answer = answered("POST", f"{url}/v1/analyze", data=portrait).json()
    assert set(answer) == {"model", "width", "height", "faces"}
    assert set(answer["faces"][0]) < set(NAMES)


def test_a_live_view_has_words_smoothed_so_far_and_begins_anew_with_others(url: str, portrait: bytes) -> None:
    place = f"{url}/v1/live/session-with-words"

    def shown(time_s: float, **params: str) -> dict[str, Any]:
        return answered("POST", place, data=portrait, params={"time_s": time_s, **params}).json()["faces"][0]

    first, second = (shown(time_s, classes="smile, eyes wide") for time_s in (0.0, 0.1))
    assert list(second)[-4:] == COLUMNS
    assert second["word_smile_smooth"] == pytest.approx(second["au_12_smooth"], abs=1e-5)
    assert second["smooth_support"] > first["smooth_support"]
    other = shown(0.2, classes="jaw drop")
    assert [name for name in other if name.startswith("word_")] == ["word_jaw_drop", "word_jaw_drop_smooth"]
    assert other["smooth_support"] == first["smooth_support"]
    assert not [name for name in shown(0.3) if name.startswith("word_")]


def test_a_video_has_words_in_its_records_of_every_format(url: str, job: dict[str, Any]) -> None:
    assert (job["status"], job["classes"]) == ("done", ["smile", "eyes_wide"])
    assert [remark.split(":")[0] for remark in job["remarks"][:2]] == COLUMNS[:2]
    place = f"{url}/v1/videos/{job['id']}/records"
    found = {kind: requests.get(place, params={"format": kind}, timeout=60) for kind in ("json", "jsonl", "csv")}
    rows = found["json"].json()["records"]
    assert list(rows[0]) == [*NAMES, *COLUMNS]
    assert [json.loads(line) for line in found["jsonl"].text.splitlines()] == rows
    table = pd.read_csv(io.StringIO(found["csv"].text))
    assert list(table) == [*NAMES, *COLUMNS]
    assert table["word_smile"].tolist() == pytest.approx(table["au_12"].tolist(), abs=1e-6)
    parquet = requests.get(place, params={"format": "parquet"}, timeout=60).content
    assert pq.read_schema(io.BytesIO(parquet)).names == [*NAMES, *COLUMNS]


def test_a_timeline_has_curves_of_words_and_no_peaks_of_them(url: str, job: dict[str, Any]) -> None:
    found = answered("GET", f"{url}/v1/videos/{job['id']}/timeline").json()
    assert found["words"] == COLUMNS[:2]
    for track in found["tracks"]:
        assert list(track["words"]) == COLUMNS[:2]
        assert {len(curve) for curve in track["words"].values()} == {len(track["time_s"])}
        assert not [peak for peak in track["peaks"] if peak["label"].startswith("word_")]
    rows = requests.get(f"{url}/v1/videos/{job['id']}/records", timeout=60).json()["records"]
    smooth = [row["word_smile_smooth"] for row in rows if row["track"] == found["tracks"][0]["track"]]
    assert found["tracks"][0]["words"]["word_smile"] == pytest.approx(smooth, abs=1e-4)


def test_a_video_with_words_has_its_report(url: str, job: dict[str, Any]) -> None:
    answer = requests.get(f"{url}/v1/videos/{job['id']}/report", timeout=120)
    assert (answer.status_code, "<title>people.mp4" in answer.text) == (200, True)


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ("smiel", "'smiel' is not in the glossary (the nearest are smile"),
        ("lip bite", "'lip bite' cannot be measured"),
        ("angry", "it is in the records already, as expression_anger"),
        ("", "no words are named; /v1/words lists those of the glossary"),
        (" , 、", "no words are named"),
        (",".join(["smile"] * 101), "names 101 words; at most 100 are taken"),
        ("x" * 2001, "at most 2000 characters"),
        (["smile"] * 101, "at most 100 items"),
        ("smile,one\r\ttwo", "'one two' is not in the glossary"),
    ],
    ids=["unknown", "refused", "column", "empty", "commas", "many", "long", "repeated", "lines"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "analyze"), ("POST", "live/session-of-words"), ("POST", "videos"), ("GET", "words")],
    ids=["analyze", "live", "videos", "words"],
)
def test_words_that_cannot_be_told_are_refused_in_one_line(
    url: str, portrait: bytes, method: str, path: str, classes: Any, reason: str
) -> None:
    params = {"classes": classes} | ({"time_s": 1} if path.startswith("live") else {})
    message = refused(answered(method, f"{url}/v1/{path}", data=portrait, params=params))
    assert message.startswith("Argument ") and reason in message


def test_words_are_listed_with_what_they_stand_for_and_how_far_to_trust_them(url: str) -> None:
    found = answered("GET", f"{url}/v1/words").json()
    assert (found["model"], found["caution"]) == ("affect", "a word says how a face looks, never what somebody feels")
    words = {word["name"]: word for word in found["words"]}
    smile, bite = words["smile"], words["lip_bite"]
    assert (smile["column"], smile["stands_for"], smile["refused"]) == ("word_smile", "AU 12", None)
    assert "笑顔" in smile["ja"]
    assert smile["reliability"]["level"] == smile["reliability_text"].split(":")[0] != "unmeasured"
    assert bite["column"] is bite["reliability"] is None
    assert "AU 32" in bite["refused"]


def test_only_the_words_that_are_named_are_listed(url: str) -> None:
    found = answered("GET", f"{url}/v1/words", params={"classes": "苦笑,smile"}).json()
    assert [word["column"] for word in found["words"]] == ["word_wry_smile", "word_smile"]


def test_a_language_is_that_of_the_names(own: str) -> None:
    for language, there in (("ja", True), ("en", False)):
        words = answered("GET", f"{own}/v1/words", params={"language": language}).json()["words"]
        assert ("delighted" in [word["name"] for word in words]) is there
    refused(answered("GET", f"{own}/v1/words", params={"language": "fr"}))


def test_entries_of_ones_own_are_known_for_pictures_and_videos(own: str, url: str, portrait: bytes) -> None:
    params = {"classes": "大喜び"}
    assert "word_delighted" in answered("POST", f"{own}/v1/analyze", data=portrait, params=params).json()["faces"][0]
    with VIDEO.open("rb") as file:
        job = answered("POST", f"{own}/v1/videos", data=file, params={**params, "every": 2}).json()["id"]
    assert until_over(own, job)["status"] == "done"
    rows = requests.get(f"{own}/v1/videos/{job}/records", timeout=60).json()["records"]
    assert all(row["word_delighted"] is not None for row in rows)
    assert "is not in the glossary" in refused(answered("POST", f"{url}/v1/analyze", data=portrait, params=params))


@pytest.mark.parametrize("text", [None, "[x]\nwrong = 1\n"], ids=["missing", "invalid"])
def test_a_glossary_that_is_not_valid_ends_the_command_in_one_line(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert main(["serve", "--port", "0", "--data", str(tmp_path / "data"), "--glossary", str(file)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"kaoiro: {file}")


# ---- parameters that the service does not know


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("POST", "analyze", "max_faces, boxes, classes"),
        ("POST", "live/session-of-slips", "time_s, classes"),
        ("POST", "videos", "name, every, smooth, max_faces, classes"),
        ("GET", "videos/1", None),
        ("DELETE", "videos/1", None),
        ("GET", "videos/1/records", "format"),
        ("GET", "videos/1/timeline", "points"),
        ("GET", "videos/1/report", "language, baseline, track, largest, blur_faces, download"),
        ("GET", "models", None),
        ("GET", "words", "language, classes"),
    ],
    ids=["analyze", "live", "hand-in", "job", "delete", "records", "timeline", "report", "models", "words"],
)
def test_unknown_parameters_are_refused_with_those_there_are(
    url: str, portrait: bytes, method: str, path: str, names: str | None
) -> None:
    said = refused(answered(method, f"{url}/v1/{path}", data=portrait, params={"Max_faces": 1, "time_s": 0}))
    slip = "time_s" if "Max_faces" not in said else "Max_faces"
    there = "there are none here" if names is None else f"there are {names}"
    assert said == f"Argument {slip} is not known; {there}."


@pytest.mark.parametrize(
    "query", ["%ff=1", "%0a%1b=1", "=1", "x" * 5000 + "=1"], ids=["bytes", "lines", "no-name", "long"]
)
def test_odd_names_of_parameters_are_refused_in_one_printable_line(url: str, query: str) -> None:
    message = refused(answered("GET", f"{url}/v1/models?{query}"))
    assert message.isprintable() and len(message) < 500


@pytest.mark.parametrize("name", ["subscription-key", "Subscription-Key"])
def test_a_key_in_the_address_is_known_everywhere(serving: Any, name: str) -> None:
    with serving(keys=("SECRET",), jobs=1) as url:
        assert answered("GET", f"{url}/v1/models", params={name: "SECRET"}).status_code == 200


@pytest.mark.parametrize("path", ["/emotion/v1.0/recognize", "/face/v1.0/detect"], ids=["emotion", "face"])
def test_the_old_interfaces_ignore_parameters_as_ever(url: str, portrait: bytes, path: str) -> None:
    octets = {"Content-Type": "application/octet-stream"}
    params = {"classes": "smiel", "unknown": "1"}
    plain, other = (answered("POST", url + path, data=portrait, headers=octets, params=p) for p in ({}, params))
    assert plain.status_code == other.status_code == 200
    left_out = {"faceId": None}  # a new one each time
    assert [face | left_out for face in plain.json()] == [face | left_out for face in other.json()]
