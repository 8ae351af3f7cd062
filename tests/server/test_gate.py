import http.client
from urllib.parse import urlsplit

import pytest
import requests

from kaoiro.server.gate import Keys, normal

KEYS = ("first key", "second-key")


@pytest.fixture(scope="module")
def locked(serving):
    with serving(keys=KEYS, cors=("https://friend.example",)) as address:
        yield address


def test_a_key_opens_by_any_name_and_place(locked):
    for header in ("Ocp-Apim-Subscription-Key", "ocp-apim-subscription-key", "OCP-APIM-SUBSCRIPTION-KEY"):
        assert requests.get(f"{locked}/v1/models", headers={header: "second-key"}).status_code == 200
    assert requests.get(f"{locked}/v1/models?Subscription-Key=first%20key").status_code == 200
    assert requests.get(f"{locked}/v1/models", headers={"Authorization": "Bearer second-key"}).status_code == 200


@pytest.mark.parametrize("given", [{}, {"Ocp-Apim-Subscription-Key": ""}, {"Authorization": "Basic second-key"}])
def test_without_a_key_everything_but_the_page_and_health_is_closed(locked, given):
    for path in ("/v1/models", "/v1/videos/x", "/emotion/v1.0/operations/x", "/EMOTION/v1.0/operations/x"):
        answer = requests.get(locked + path, headers=given)
        assert answer.status_code == 401
        assert "missing subscription key" in answer.text
    for path in ("/", "/healthz", "/openapi.json", "/page/app.js"):
        assert requests.get(locked + path, headers=given).status_code == 200


@pytest.mark.parametrize("wrong", ["first", "first key ", "FIRST KEY", "second-keyy", "ü"])
def test_a_wrong_key_is_refused(locked, wrong):
    answer = requests.get(f"{locked}/v1/models", headers={"Ocp-Apim-Subscription-Key": wrong.encode()})
    if wrong.strip() in KEYS:  # blanks around a header's value do not belong to it
        assert answer.status_code == 200
        return
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "401"
    assert "invalid subscription key" in answer.json()["error"]["message"]


def test_keys_are_compared_whole():
    keys = Keys(KEYS)
    assert keys.open("first key")
    assert not keys.open("first")
    assert not keys.open("")
    assert not Keys(())


def test_a_refused_upload_is_answered_not_cut_off(locked):
    answer = requests.post(f"{locked}/v1/analyze", data=b"x" * 3_000_000)
    assert answer.status_code == 401


def test_pages_of_others_may_not_use_the_service_from_a_browser(url, locked):
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert requests.get(f"{url}/v1/models", headers=headers).status_code == 403
    named = {"Origin": "https://evil.example", "Ocp-Apim-Subscription-Key": KEYS[1]}
    assert requests.get(f"{locked}/v1/models", headers=named).status_code == 403


def test_our_own_page_may(url):
    assert requests.get(f"{url}/v1/models", headers={"Origin": url}).status_code == 200
    assert requests.get(f"{url}/v1/models", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert requests.get(url, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200  # a link to the page


def test_an_origin_that_was_allowed_may_and_is_told_so(locked):
    given = {"Origin": "https://friend.example", "Ocp-Apim-Subscription-Key": KEYS[1]}
    answer = requests.get(f"{locked}/v1/models", headers=given)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://friend.example"
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "POST"}
    before = requests.options(f"{locked}/v1/analyze", headers=asked)
    assert before.status_code == 204
    assert "Ocp-Apim-Subscription-Key" in before.headers["Access-Control-Allow-Headers"]


def test_nobody_else_is_told_so(url):
    answer = requests.get(f"{url}/v1/models")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1:80", 200), ("[::1]:80", 200), ("rebound.example", 403)],
)
def test_without_keys_a_browser_must_call_it_by_an_address(url, host, status):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port)
    connection.putrequest("GET", "/v1/models", skip_host=True)
    connection.putheader("Host", host)
    connection.putheader("Sec-Fetch-Site", "same-origin")
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()


def test_programs_may_call_the_old_interface_by_its_old_name(url, portrait):
    old = {"Host": "westus.api.cognitive.microsoft.com", "Content-Type": "application/octet-stream"}
    assert requests.post(f"{url}/emotion/v1.0/recognize", data=portrait, headers=old).status_code == 200
    assert requests.post(f"{url}/v1/analyze", data=portrait, headers=old).status_code == 403
    page = {**old, "Origin": "http://westus.api.cognitive.microsoft.com"}
    assert requests.post(f"{url}/emotion/v1.0/recognize", data=portrait, headers=page).status_code == 403


def test_with_keys_it_may_be_called_by_any_name(locked):
    given = {"Host": "kaoiro.example", "Ocp-Apim-Subscription-Key": KEYS[1]}
    assert requests.get(f"{locked}/v1/models", headers=given).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models", "/nowhere", "/page/style.css"])
def test_every_answer_carries_the_security_headers(url, path):
    headers = requests.get(url + path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "server" not in headers


def test_letter_case_counts_only_in_our_own_paths():
    assert normal("/Emotion/V1.0/RecognizeInVideo") == "/emotion/v1.0/recognizeinvideo"
    assert normal("/v1/live/AbCdEfGh") == "/v1/live/AbCdEfGh"


def test_what_the_log_tells_holds_no_query(serving, caplog):
    with caplog.at_level("INFO", "kaoiro.server"), serving(log=True, keys=KEYS) as address:
        requests.get(f"{address}/v1/models?subscription-key=second-key")
    assert "GET /v1/models 200" in caplog.text
    assert "second-key" not in caplog.text


def test_a_path_cannot_write_lines_of_its_own_into_the_log(serving, caplog):
    with caplog.at_level("INFO", "kaoiro.server"), serving(log=True) as address:
        requests.get(f"{address}/x%0a2026%20GET%20/forged%1b%5b31m")
    assert "GET /x%0A2026%20GET%20/forged%1B%5B31m 404" in caplog.text


def test_a_failure_inside_is_told_without_details(serving, monkeypatch, caplog):
    with serving() as address:
        monkeypatch.setattr("kaoiro.server.own.modelfile.shipped", lambda: 1 / 0)
        answer = requests.get(f"{address}/v1/models")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "Unspecified"
    assert "division" not in answer.text
    assert "division" in caplog.text
