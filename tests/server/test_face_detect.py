"""The Face API's `detect` with the emotion attribute, where the Emotion API moved, through a real socket."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from kaoiro import Analyzer
from server.pictures import (
    ALPHABETICAL,
    JSON,
    KEY,
    MB,
    MISSING,
    OCTETS,
    WRONG,
    Answer,
    Page,
    ask,
    at_once,
    big_photo,
    check_error,
    encode,
    faces,
    padded,
    photo,
    post,
    scene,
    sides,
    site,
    talk,
    three_faces,
)

PATH = "/face/v1.0/detect"
EMOTION = f"{PATH}?returnFaceAttributes=emotion"


def emotions(answer: Answer) -> list[dict[str, str]]:
    """Return the emotion of each face, with numbers as they are written."""
    assert answer.status == 200, answer.body
    found = json.loads(answer.body, parse_float=str, parse_int=str)
    return [face["faceAttributes"]["emotion"] for face in found]


# ------------------------------------------------------------------------------------------------ what is answered


def test_a_face_is_a_number_and_a_rectangle_unless_more_is_asked_for(url: str):
    found = faces(post(url, PATH, photo()))
    assert [list(face) for face in found] == [["faceId", "faceRectangle"]] * 3
    assert all(list(face["faceRectangle"]) == ["width", "height", "left", "top"] for face in found)
    assert all(str(uuid.UUID(face["faceId"])) == face["faceId"] for face in found)
    assert len({face["faceId"] for face in found + faces(post(url, PATH, photo()))}) == 6


def test_the_largest_face_comes_first(url: str, analyzer: Analyzer):
    found = faces(post(url, PATH, photo()))
    boxes = [sides(face["faceRectangle"]) for face in found]
    areas = [box.width * box.height for box in boxes]
    assert areas == sorted(areas, reverse=True) and areas[0] > 1.5 * areas[2]
    for box, record in zip(boxes, analyzer.image(photo()), strict=True):
        assert record.box is not None and box.overlap(record.box) > 0.9


def test_emotion_has_eight_scores_of_three_decimals(url: str, analyzer: Analyzer):
    found = emotions(post(url, EMOTION, photo()))
    for emotion, record in zip(found, analyzer.image(photo()), strict=True):
        assert list(emotion) == ALPHABETICAL
        assert all(re.fullmatch(r"[01](\.\d{1,3})?", value) for value in emotion.values())
        expected = [record.row()[f"expression_{label}"] for label in ALPHABETICAL]
        assert [float(value) for value in emotion.values()] == pytest.approx(expected, abs=2.5e-3)
        assert sum(map(float, emotion.values())) == pytest.approx(1, abs=0.004)


def test_attributes_are_those_that_were_asked_for(url: str):
    for asked, names in (
        ("emotion", ["emotion"]),
        ("headPose", ["headPose"]),
        ("emotion,headPose", ["emotion", "headPose"]),
        ("headPose%2Cemotion", ["emotion", "headPose"]),
    ):
        for face in faces(post(url, f"{PATH}?returnFaceAttributes={asked}", photo())):
            assert list(face) == ["faceId", "faceRectangle", "faceAttributes"]
            assert sorted(face["faceAttributes"]) == names


def test_the_roll_of_the_head_is_measured(url: str, analyzer: Analyzer):
    turned = encode(scene((512, 512), (512, 0, 0)).rotate(-15, expand=True, fillcolor=(90, 100, 110)))
    for picture in (photo(), turned):
        (face, *_) = faces(post(url, f"{PATH}?returnFaceAttributes=headPose", picture))
        pose = face["faceAttributes"]["headPose"]
        assert list(pose) == ["roll", "yaw", "pitch"]
        assert pose["roll"] == pytest.approx(analyzer.image(picture)[0].roll, abs=0.2)
    assert pose["roll"] > 10


def test_all_parts_of_a_face_come_in_the_documented_order(url: str):
    query = "returnFaceId=true&returnFaceLandmarks=true&returnFaceAttributes=emotion&returnRecognitionModel=true"
    (face, *_) = faces(post(url, f"{PATH}?{query}", photo()))
    assert list(face) == ["faceId", "recognitionModel", "faceRectangle", "faceLandmarks", "faceAttributes"]
    assert face["recognitionModel"] == "recognition_01"


def test_landmarks_are_named_points_within_the_face(url: str):
    for face in faces(post(url, f"{PATH}?returnFaceLandmarks=true", photo())):
        box, points = face["faceRectangle"], face["faceLandmarks"]
        assert list(points) == ["pupilLeft", "pupilRight", "noseTip", "mouthLeft", "mouthRight"]
        for point in points.values():
            assert list(point) == ["x", "y"]
            assert 0 < point["x"] - box["left"] < box["width"] and 0 < point["y"] - box["top"] < box["height"]
        assert points["pupilLeft"]["x"] < points["noseTip"]["x"] < points["pupilRight"]["x"]
        assert points["noseTip"]["y"] < points["mouthLeft"]["y"]


@pytest.mark.parametrize("said", ["false", "False"])
def test_the_number_of_a_face_may_be_left_out(url: str, said: str):
    found = faces(post(url, f"{EMOTION}&returnFaceId={said}", photo()))
    assert [list(face) for face in found] == [["faceRectangle", "faceAttributes"]] * 3


def test_a_picture_without_a_face_is_an_empty_list(url: str):
    blank = encode(Image.effect_noise((320, 240), 9).convert("RGB"))
    answer = post(url, EMOTION, blank)
    assert (answer.status, answer.json) == (200, [])


# ------------------------------------------------------------------------------------------------------- how to ask


@pytest.mark.parametrize(
    "query",
    [
        "returnFaceAttributes=",
        "returnFaceId=true&returnFaceLandmarks=false&returnFaceAttributes=",
        "recognitionModel=recognition_02&detectionModel=detection_01&returnRecognitionModel=false",
        "returnfaceid=TRUE",
    ],
)
def test_parameters_may_be_empty_or_say_the_usual(url: str, query: str):
    found = faces(post(url, f"{PATH}?{query}", photo()))
    assert [list(face) for face in found] == [["faceId", "faceRectangle"]] * 3


@pytest.mark.parametrize("path", ["/Face/V1.0/Detect", "/FACE/v1.0/DETECT", "/face/v1.0/detect?"])
def test_the_route_may_be_written_in_any_letter_case(url: str, path: str):
    assert len(faces(post(url, path, photo()))) == 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_the_documented_formats_are_read(url: str, kind: str):
    assert len(faces(post(url, PATH, encode(three_faces(), kind)))) == 3


def test_a_picture_may_be_chunked_or_of_no_type(url: str):
    pieces = (photo()[start : start + 4000] for start in range(0, len(photo()), 4000))
    assert len(faces(ask(url, "POST", PATH, pieces, OCTETS, chunked=True))) == 3
    assert len(faces(ask(url, "POST", PATH, photo()))) == 3


def test_a_picture_is_fetched_from_an_allowed_address_only(serving: Callable, url: str):
    with site({"/face.jpg": Page(photo())}) as web:
        check_error(post(url, PATH, {"url": web.at("/face.jpg")}), 400, "InvalidURL")
        assert web.asked == []
        with serving(allow_urls=(web.place,), jobs=1) as fetching:
            for body in ('{"URL": "%s"}', "{'url': '%s'}"):
                answer = ask(fetching, "POST", EMOTION, (body % web.at("/face.jpg")).encode(), JSON)
                assert len(emotions(answer)) == 3
            check_error(post(fetching, PATH, {"url": web.at("/missing.jpg")}), 400, "InvalidURL")


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    "asked",
    ["emotion,%20headPose", "emotion,+headPose", "%20emotion", "mood", "emotion,mood", "age", "emotion,gender,smile"],
)
def test_attributes_that_are_unknown_misspelt_or_not_measured_are_refused(url: str, asked: str):
    answer = post(url, f"{PATH}?returnFaceAttributes={asked}", photo())
    check_error(answer, 400, "BadArgument", "Invalid argument returnFaceAttributes.")


@pytest.mark.parametrize("body", [{}, {"uri": "http://127.0.0.1/a.jpg"}, {"url": 5}, [], "text"])
def test_json_without_an_address_is_refused(url: str, body: Any):
    check_error(post(url, PATH, body), 400, "BadArgument")


def test_files_under_one_kilobyte_are_too_small(url: str):
    tiny = encode(Image.new("RGB", (64, 64)), "PNG")
    assert len(tiny) < 1000
    check_error(post(url, PATH, tiny + bytes(1023 - len(tiny))), 400, "InvalidImageSize")
    assert faces(post(url, PATH, tiny + bytes(1024 - len(tiny)))) == []


def test_six_megabytes_are_allowed_and_one_byte_more_is_too_big(url: str):
    assert len(faces(post(url, PATH, padded(photo(), 6 * MB)))) == 3
    check_error(post(url, PATH, padded(photo(), 6 * MB + 1)), 400, "InvalidImageSize")


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_sent(url: str):
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\n"
    heard = talk(url, f"{head}Content-Length: {6 * MB + 1}\r\n\r\n".encode())
    assert heard.startswith(b"HTTP/1.1 400 ") and b'"InvalidImageSize"' in heard


def test_what_cannot_be_decoded_is_an_invalid_image(url: str):
    for body in (b"hello" * 1000, photo()[:20_000]):
        answer = post(url, PATH, body)
        check_error(answer, 400, "InvalidImage", "Decoding error, image format unsupported.")


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "video/mp4"])
def test_an_unknown_media_type_is_415(url: str, content_type: str):
    answer = ask(url, "POST", PATH, photo(), {"Content-Type": content_type})
    assert "media type" in check_error(answer, 415, "UnsupportedMediaType")


def test_unknown_routes_and_methods_are_answered_in_json(url: str):
    for method, path, status in (("POST", "/face/v1.0/verify", 404), ("GET", PATH, 405), ("DELETE", PATH, 405)):
        answer = ask(url, method, path)
        assert answer.status == status and answer.json
    assert answer.headers["Allow"] == "POST"


@pytest.fixture(scope="module")
def guarded(serving: Callable) -> Iterator[str]:
    """Run a service that a key opens and where one picture may wait."""
    with serving(keys=("right",), jobs=1, waiting=1) as url:
        yield url


def test_keys_are_refused_in_the_wrapped_shape(guarded: str):
    check_error(post(guarded, PATH, photo()), 401, "401", MISSING)
    check_error(ask(guarded, "POST", PATH, photo(), {KEY: "wrong", **OCTETS}), 401, "401", WRONG)
    assert len(faces(ask(guarded, "POST", PATH, photo(), {KEY: "right", **OCTETS}))) == 3
    assert len(faces(post(guarded, f"{PATH}?subscription-key=right", photo()))) == 3


def test_more_than_can_wait_is_told_to_come_back(guarded: str):
    answers = at_once([lambda: ask(guarded, "POST", PATH, big_photo(), {KEY: "right", **OCTETS})] * 8)
    refused = [answer for answer in answers if answer.status != 200]
    assert 2 <= len(answers) - len(refused) < 8
    for answer in refused:
        message = f"Rate limit is exceeded. Try again in {int(answer.headers['Retry-After'])} seconds."
        check_error(answer, 429, "429", message)
