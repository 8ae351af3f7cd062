"""The recognise operation of the Emotion API, as its documentation and its clients knew it, through a real socket."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from kaoiro import Analyzer
from server.pictures import (
    ALPHABETICAL,
    INVALID_BODY,
    INVALID_SIZE,
    JSON,
    KEY,
    MB,
    MISSING,
    OCTETS,
    RECOGNIZE,
    WRONG,
    Answer,
    ask,
    at_once,
    big_photo,
    check_error,
    check_flat,
    crowd,
    encode,
    faces,
    lonely,
    padded,
    photo,
    portrait,
    post,
    rectangles,
    scene,
    sides,
    talk,
    three_faces,
)

# ------------------------------------------------------------------------------------------------ what is answered


def test_a_face_is_a_rectangle_and_eight_scores_and_nothing_else(url: str):
    answer = post(url, RECOGNIZE, photo())
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    found = faces(answer)
    assert len(found) == 3
    for face in found:
        assert list(face) == ["faceRectangle", "scores"]
        assert list(face["faceRectangle"]) == ["left", "top", "width", "height"]
        assert list(face["scores"]) == ALPHABETICAL
        assert all(type(value) is float and 0 <= value <= 1 for value in face["scores"].values())
        assert sum(face["scores"].values()) == pytest.approx(1, abs=1e-5)


def test_rectangles_and_scores_are_those_of_the_analyzer(url: str, analyzer: Analyzer):
    found = faces(post(url, RECOGNIZE, photo()))
    for face, record in zip(found, analyzer.image(photo()), strict=True):
        assert record.box is not None
        assert sides(face["faceRectangle"]).overlap(record.box) > 0.9
        expected = [record.row()[f"expression_{label}"] for label in ALPHABETICAL]
        assert list(face["scores"].values()) == pytest.approx(expected, abs=2e-3)


def test_the_largest_rectangle_comes_first(url: str):
    areas = [width * height for _, _, width, height in rectangles(post(url, RECOGNIZE, photo()))]
    assert len(areas) == 3
    assert areas == sorted(areas, reverse=True) and areas[0] > 1.5 * areas[2]


def test_a_picture_without_a_face_is_an_empty_list(url: str):
    answer = post(url, RECOGNIZE, encode(Image.new("RGB", (320, 240), "navy")))
    assert (answer.status, answer.json) == (200, [])


def test_faces_under_36_pixels_are_left_out_silently(url: str, analyzer: Analyzer):
    picture = encode(scene((640, 480), (512, 0, 0), (110, 520, 100)))
    assert len(analyzer.image(picture)) == 2
    assert len(faces(post(url, RECOGNIZE, picture))) == 1


def test_faces_of_little_more_than_36_pixels_are_found_in_a_large_picture(url: str):
    (rectangle,) = rectangles(post(url, RECOGNIZE, encode(lonely(104, (1600, 1200)))))
    assert min(rectangle[2:]) >= 36 and max(rectangle[2:]) < 80


@pytest.mark.parametrize("larger", [False, True])
def test_faces_over_4096_pixels_are_left_out_silently(url: str, larger: bool):
    head, scale = portrait().crop((170, 45, 280, 190)).convert("L"), 36 if larger else 18
    picture = encode(head.resize((110 * scale, 145 * scale), Image.Resampling.BILINEAR), quality=50)
    assert len(picture) < 4 * MB
    assert len(faces(post(url, RECOGNIZE, picture))) == (0 if larger else 1)


def test_at_most_64_faces_are_answered(url: str, analyzer: Analyzer):
    picture = encode(crowd(70))
    assert len(analyzer.image(picture)) > 64
    assert len(faces(post(url, RECOGNIZE, picture))) == 64


def test_scores_may_be_in_scientific_notation_but_are_always_numbers(url: str):
    text = post(url, RECOGNIZE, photo()).body.decode()
    values = [value for label in ALPHABETICAL for value in re.findall(rf'"{label}":\s*([^,}}]+)', text)]
    assert len(values) == 24
    assert all(re.fullmatch(r"\d(\.\d+)?([eE]-?\d+)?", value) for value in values)


# ------------------------------------------------------------------------------------------------------- how to ask


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_the_four_documented_formats_are_read(url: str, kind: str):
    assert len(faces(post(url, RECOGNIZE, encode(three_faces(), kind)))) == 3


def test_the_first_frame_of_a_gif_counts(url: str):
    blank = Image.new("RGB", (640, 480))
    face_first = encode(three_faces(), "GIF", save_all=True, append_images=[blank])
    face_second = encode(blank, "GIF", save_all=True, append_images=[three_faces()])
    assert len(faces(post(url, RECOGNIZE, face_first))) == 3
    assert faces(post(url, RECOGNIZE, face_second)) == []


@pytest.mark.parametrize("path", ["/Emotion/V1.0/Recognize", "/EMOTION/V1.0/RECOGNIZE", "/emotion/v1.0/recognize?"])
def test_the_route_may_be_written_in_any_letter_case(url: str, path: str):
    assert len(faces(post(url, path, photo()))) == 3


def test_bytes_without_a_content_type_are_a_picture(url: str):
    assert len(faces(ask(url, "POST", RECOGNIZE, photo()))) == 3


def test_a_chunked_picture_is_read(url: str):
    pieces = (photo()[start : start + 4000] for start in range(0, len(photo()), 4000))
    assert len(faces(ask(url, "POST", RECOGNIZE, pieces, OCTETS, chunked=True))) == 3


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream; charset=binary", "Application/Octet-Stream", "APPLICATION/OCTET-STREAM"]
)
def test_the_content_type_may_have_parameters_and_any_letter_case(url: str, content_type: str):
    assert len(faces(ask(url, "POST", RECOGNIZE, photo(), {"content-type": content_type}))) == 3


# -------------------------------------------------------------------------------------------------- faceRectangles


def test_each_given_rectangle_is_answered_as_it_was_given(url: str):
    assert rectangles(post(url, f"{RECOGNIZE}?faceRectangles=0,0,128,128", photo())) == [(0, 0, 128, 128)]


@pytest.mark.parametrize("joint", [";", "%3B", "%3b"])
@pytest.mark.parametrize("comma", [",", "%2C"])
def test_rectangles_are_separated_raw_or_percent_encoded(url: str, joint: str, comma: str):
    given = joint.join(("56,19,40,40", "316,54,74,95", "205,322,54,70")).replace(",", comma)
    answer = post(url, f"{RECOGNIZE}?faceRectangles={given}", photo())
    assert rectangles(answer) == [(316, 54, 74, 95), (205, 322, 54, 70), (56, 19, 40, 40)]  # largest first


def test_scores_belong_to_the_given_rectangle(url: str, analyzer: Analyzer):
    given = (316, 54, 74, 95), (500, 380, 60, 60)
    text = ";".join(",".join(map(str, box)) for box in given)
    found = faces(post(url, f"{RECOGNIZE}?faceRectangles={text}", photo()))
    for face, record in zip(found, analyzer.image(photo(), boxes=given), strict=True):
        expected = [record.row()[f"expression_{label}"] for label in ALPHABETICAL]
        assert list(face["scores"].values()) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("query", ["faceRectangles=", "faceRectangles", "facerectangles=&x=1"])
def test_empty_rectangles_are_as_good_as_none(url: str, query: str):
    assert len(faces(post(url, f"{RECOGNIZE}?{query}", photo()))) == 3


def test_64_rectangles_are_allowed_and_65_are_not(url: str):
    boxes = [f"{number},{number},64,64" for number in range(65)]
    answer = post(url, f"{RECOGNIZE}?faceRectangles={';'.join(boxes[:64])}", photo())
    assert sorted(rectangles(answer)) == [(number, number, 64, 64) for number in range(64)]
    assert "faceRectangles" in check_error(
        post(url, f"{RECOGNIZE}?faceRectangles={';'.join(boxes)}", photo()), 400, "BadArgument"
    )


@pytest.mark.parametrize(
    "text",
    ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "0,0,64,64;x", "0,0,0,64", "0,0,64,-64", "0,0,nan,64", "0,0,1e999,9"],
)
def test_rectangles_that_cannot_be_parsed_are_refused(url: str, text: str):
    answer = post(url, f"{RECOGNIZE}?faceRectangles={text}", photo())
    assert "faceRectangles" in check_error(answer, 400, "BadArgument")


@pytest.mark.parametrize("text", ["640,0,64,64", "0,480,64,64", "10000,10000,64,64", "-70,0,64,64"])
def test_rectangles_outside_the_picture_are_refused(url: str, text: str):
    answer = post(url, f"{RECOGNIZE}?faceRectangles={text}", photo())
    assert "faceRectangles" in check_error(answer, 400, "BadArgument")


# ------------------------------------------------------------------------------------------------------------- keys


@pytest.fixture(scope="module")
def guarded(serving: Callable) -> Iterator[str]:
    """Run a service that two keys open."""
    with serving(keys=("right", "other"), jobs=1) as url:
        yield url


@pytest.mark.parametrize("name", [KEY, KEY.lower(), KEY.upper(), "ocp-Apim-subscription-KEY"])
@pytest.mark.parametrize("key", ["right", "other"])
def test_the_key_is_a_header_in_any_letter_case(guarded: str, name: str, key: str):
    assert ask(guarded, "POST", RECOGNIZE, photo(), {name: key, **OCTETS}).status == 200


@pytest.mark.parametrize(
    "query",
    ["subscription-key=right", "faceRectangles=0,0,64,64;9,9,50,50&subscription-key=other", "Subscription-Key=right"],
)
def test_the_key_may_stand_in_the_query(guarded: str, query: str):
    assert post(guarded, f"{RECOGNIZE}?{query}", photo()).status == 200


@pytest.mark.parametrize("key", ["wrong", "righ", "rightt", "RIGHT", "right,other"])
def test_a_wrong_key_is_refused_in_the_gateways_shape(guarded: str, key: str):
    check_flat(ask(guarded, "POST", RECOGNIZE, photo(), {KEY: key, **OCTETS}), 401, WRONG)
    check_flat(post(guarded, f"{RECOGNIZE}?subscription-key={key}", photo()), 401, WRONG)


@pytest.mark.parametrize("headers", [{}, {KEY: ""}])
def test_a_missing_key_is_refused_in_the_gateways_shape(guarded: str, headers: dict[str, str]):
    check_flat(ask(guarded, "POST", RECOGNIZE, photo(), {**headers, **OCTETS}), 401, MISSING)


@pytest.mark.parametrize("headers", [{}, {KEY: "any"}, {KEY: ""}])
def test_a_service_without_keys_takes_any_and_none(url: str, headers: dict[str, str]):
    assert ask(url, "POST", RECOGNIZE, photo(), {**headers, **OCTETS}).status == 200


# ------------------------------------------------------------------------------------------------ what is refused


def test_an_empty_body_is_refused(url: str):
    for headers in (OCTETS, JSON, {}):
        check_error(ask(url, "POST", RECOGNIZE, b"", headers), 400, "BadArgument", INVALID_BODY)


def test_an_empty_chunked_body_is_a_picture_of_no_size(url: str):
    check_error(ask(url, "POST", RECOGNIZE, iter(()), OCTETS, chunked=True), 400, "InvalidImageSize", INVALID_SIZE)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"uri": "http://127.0.0.1/a.jpg"}',
        b'{"url": null}',
        b'{"url": 5}',
        b'{"url": ""}',
        b'["http://127.0.0.1/a.jpg"]',
        b'"http://127.0.0.1/a.jpg"',
        b"null",
        b'{"url": "http://127.0.0.1/a.jpg"',
        b"{'url': 'http://127.0.0.1/a.jpg'",
        b"\xff\xfe{}",
        b"[" * 50_000,
    ],
)
def test_json_without_an_address_is_refused(url: str, body: bytes):
    check_error(ask(url, "POST", RECOGNIZE, body, JSON), 400, "BadArgument", INVALID_BODY)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/html; charset=utf-8", "video/mp4", "multipart/form-data; boundary=x", "nonsense"],
)
def test_an_unknown_content_type_is_refused(url: str, content_type: str):
    answer = ask(url, "POST", RECOGNIZE, photo(), {"Content-Type": content_type})
    check_error(answer, 400, "BadArgument")


@pytest.mark.parametrize(
    "body", [b"hello", bytes(5000), photo()[:20_000], b"%PDF-1.4\n" * 20, b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_cannot_be_decoded_is_an_invalid_face_image(url: str, body: bytes):
    check_error(post(url, RECOGNIZE, body), 400, "InvalidFaceImage", "Invalid face image.")


def test_a_picture_of_too_many_pixels_is_an_invalid_face_image(url: str):
    picture = encode(Image.new("1", (9000, 9000)), "PNG")
    assert len(picture) < MB
    check_error(post(url, RECOGNIZE, picture), 400, "InvalidFaceImage", "Invalid face image.")


def test_a_picture_smaller_than_any_face_is_too_small(url: str):
    check_error(post(url, RECOGNIZE, encode(Image.new("RGB", (20, 20)))), 400, "InvalidImageSize", INVALID_SIZE)
    assert faces(post(url, RECOGNIZE, encode(Image.new("RGB", (40, 40))))) == []


def test_four_megabytes_are_allowed_and_one_byte_more_is_too_big(url: str):
    assert len(faces(post(url, RECOGNIZE, padded(photo(), 4 * MB)))) == 3
    check_error(post(url, RECOGNIZE, padded(photo(), 4 * MB + 1)), 400, "InvalidImageSize", INVALID_SIZE)


def test_a_chunked_picture_of_more_than_four_megabytes_is_too_big(url: str):
    pieces = (bytes(MB) for _ in range(6))
    answer = ask(url, "POST", RECOGNIZE, pieces, OCTETS, chunked=True)
    check_error(answer, 400, "InvalidImageSize", INVALID_SIZE)


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_sent(url: str):
    head = f"POST {RECOGNIZE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\n"
    heard = talk(url, f"{head}Content-Length: {4 * MB + 1}\r\n\r\n".encode())
    assert heard.startswith(b"HTTP/1.1 400 ") and b'"InvalidImageSize"' in heard


@pytest.mark.parametrize(
    "path", ["/emotion/v1.0/recognise", "/emotion/v1.0/recognize/", "/emotion/", "/emotion/v1.0/recognize/1"]
)
def test_an_unknown_route_is_not_found_in_json(url: str, path: str):
    check_flat(post(url, path, photo()), 404, "Resource not found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_not_allowed_in_json(url: str, method: str):
    answer = ask(url, method, RECOGNIZE)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert list(answer.json) == ["statusCode", "message"] and answer.json["statusCode"] == 405


def test_a_connection_lives_on_after_a_refusal(url: str):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.connect()
    line = connection.sock
    for body, status in ((b"hello", 400), (photo(), 200), (b"", 400), (photo(), 200)):
        connection.request("POST", RECOGNIZE, body, OCTETS)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read()) != []) == (status, True)
    assert connection.sock is line
    connection.close()


# ------------------------------------------------------------------------------------------------------ too many


def test_more_than_can_wait_is_told_to_come_back_in_both_shapes(serving: Callable):
    with serving(jobs=1, waiting=1) as url:
        answers = at_once([lambda: post(url, RECOGNIZE, big_photo())] * 10)
        refused = [answer for answer in answers if answer.status != 200]
        assert 2 <= len(answers) - len(refused) < 10
        for answer in refused:
            _check_too_many(answer)
        assert len(faces(post(url, RECOGNIZE, photo()))) == 3


def _check_too_many(answer: Answer) -> None:
    seconds = int(answer.headers["retry-after"])
    message = f"Rate limit is exceeded. Try again in {seconds} seconds."
    assert answer.status == 429 and 1 <= seconds <= 120
    assert list(answer.json) == ["statusCode", "message", "error"]
    error = {"code": "429", "statusCode": 429, "message": message}
    assert answer.json == {"statusCode": 429, "message": message, "error": error}
