"""The page in a real browser, against the real service: videos."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from graphs import write_affect_model
from playwright.sync_api import expect

from server.browsing import (
    CLIP,
    LABELS,
    NEEDED,
    WAIT,
    Open,
    Visit,
    chromium,
    coloured,
    eventually,
    stored,
    unnamed,
    visits,
)

pytestmark = NEEDED
Serving = Callable[..., contextlib.AbstractContextManager[str]]
HOSTILE = '<img src=x onerror="window.hit=1">.mp4'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Open]:
    with visits(browser, url) as opened:
        yield opened


class Measured(Visit):
    """A visit in which a video has been measured."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        super().__init__(browser, address, **options)
        self.page.goto(f"{address}/#video")
        self.page.select_option("#video-every", "0.2")
        named = {"name": HOSTILE, "mimeType": "video/mp4", "buffer": CLIP.read_bytes()}
        self.page.set_input_files("#video-file", files=[named])
        self.page.locator("#lanes .lane").first.wait_for(timeout=2 * WAIT)
        self.job = stored(self.page)

    def playing(self) -> None:
        """Wait for the player, which needs a browser that has the format."""
        self.page.locator("#player").wait_for()

    def time(self) -> float:
        return self.page.evaluate("document.getElementById('player').currentTime")


@pytest.fixture(scope="module")
def measured(browser: Any, url: str) -> Iterator[Measured]:
    visit = Measured(browser, url, viewport={"width": 1180, "height": 900}, accept_downloads=True)
    yield visit
    visit.close()


def test_a_video_becomes_lanes_curves_and_peaks(measured: Measured) -> None:
    page = measured.page
    expect(page.locator("#video-status")).to_have_text(f"Done: {HOSTILE}, 2 faces.")
    assert page.evaluate("window.hit") is None
    expect(page.locator("#lanes .lane")).to_have_count(2)
    expect(page.locator("#video-curves .legend button")).to_have_text([re.compile(label) for label in LABELS])
    expect(page.locator("#summary tbody tr")).to_have_count(8)
    expect(page.locator("#peaks button").first).to_contain_text(re.compile(r"\w+ \d+ % at 0:0\d\.\d"))
    assert coloured(page, "#video-curves canvas") > 500
    assert unnamed(page) == []


def test_a_lane_chooses_the_face(measured: Measured) -> None:
    page = measured.page
    first = page.locator("#curves-title").inner_text()
    page.locator("#lanes .lane").nth(1).click()
    expect(page.locator("#lanes .lane[aria-pressed=true]")).to_have_count(1)
    assert page.locator("#curves-title").inner_text() != first
    page.locator("#lanes .lane").first.click()
    expect(page.locator("#curves-title")).to_have_text(first)


def test_a_click_in_the_curves_seeks_the_player_and_the_player_moves_the_cursor(measured: Measured) -> None:
    page = measured.page
    measured.playing()
    over = page.locator("#video-curves .u-over")
    over.click(position={"x": over.bounding_box()["width"] / 2, "y": 50})
    assert measured.time() == pytest.approx(4.1, abs=0.3)
    slider = page.locator("[role=slider]")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0:04\.\d, \w+ \d+ %"))
    page.evaluate("document.getElementById('player').currentTime = 2")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0:02\.0"))
    slider.focus()
    page.keyboard.press("Home")
    eventually(page, lambda: measured.time() == 0)


def test_peaks_have_pictures_and_seek(measured: Measured) -> None:
    page = measured.page
    measured.playing()
    page.locator("#peaks canvas").first.wait_for()
    assert coloured(page, "#peaks canvas") > 100
    peak = page.locator("#peaks button").first
    seconds = float(peak.inner_text().rsplit(":", 1)[1])
    peak.click()
    assert measured.time() == pytest.approx(seconds, abs=0.06)


@pytest.mark.parametrize(("name", "start"), [("CSV", b"source,"), ("Parquet", b"PAR1"), ("JSON", b"{")])
def test_records_are_downloaded(measured: Measured, name: str, start: bytes) -> None:
    with measured.page.expect_download() as download:
        measured.page.locator("#video-downloads a", has_text=re.compile(f"^{name}$")).click()
    assert Path(download.value.path()).read_bytes().startswith(start)


def test_nothing_sticks_out_of_a_narrow_window(measured: Measured) -> None:
    page = measured.page
    page.set_viewport_size({"width": 400, "height": 800})
    for tab in ("photo", "camera", "video"):
        page.click(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.set_viewport_size({"width": 1180, "height": 900})


def test_a_reloaded_page_finds_the_video_and_asks_for_the_file(measured: Measured, tmp_path: Path) -> None:
    page = measured.page
    page.reload()
    expect(page.locator("#lanes .lane")).to_have_count(2, timeout=WAIT)
    expect(page.locator("#player")).to_be_hidden()
    (tmp_path / "odd.avi").write_bytes(b"RIFF" + bytes(2000))
    page.set_input_files("#player-file", tmp_path / "odd.avi")
    expect(page.locator("#player-note")).to_contain_text("cannot play this format")
    page.set_input_files("#player-file", CLIP)
    measured.playing()


def test_a_recording_that_starts_late_is_sought_from_its_own_start(measured: Measured, visit: Open) -> None:
    def later(route: Any) -> None:
        answer = route.fetch()
        found = answer.json()
        if "video" in found:
            found["video"]["start_s"] += 100
        else:
            shift(found)
        route.fulfill(response=answer, json=found)

    opened = visit()
    opened.page.route("**/v1/videos/**", later)
    opened.page.evaluate("id => localStorage.setItem('kaoiro.video', id)", measured.job)
    opened.page.reload()
    opened.page.click("#tab-video")
    opened.page.set_input_files("#player-file", CLIP)
    opened.page.locator("#player").wait_for()
    peak = opened.page.locator("#peaks button").first
    expect(peak).to_contain_text("at 1:4")
    peak.click()
    at = 100 + opened.page.evaluate("document.getElementById('player').currentTime")
    assert f"1:{at - 60:04.1f}" in peak.inner_text()


def shift(timeline: dict[str, Any]) -> None:
    """Move a timeline by 100 seconds."""
    timeline["start_s"], timeline["end_s"] = timeline["start_s"] + 100, timeline["end_s"] + 100
    for track in timeline["tracks"]:
        track["time_s"] = [time + 100 for time in track["time_s"]]
        for peak in track["peaks"]:
            peak["time_s"] += 100


def test_a_video_at_work_is_cancelled(visit: Open) -> None:
    opened = visit(tab="video")
    page = opened.page
    page.set_input_files("#video-file", CLIP)
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        eventually(page, lambda: stored(page) is not None)
        page.click("#video-cancel")
    assert answer.value.status == 204
    expect(page.locator("#video-status")).to_have_text("Cancelled.")
    assert stored(page) is None
    opened.forget("404")  # it may have asked once more how far the video is


def test_with_a_key_records_are_fetched_with_it(measured: Measured, visit: Open) -> None:
    page = visit(tab="video", accept_downloads=True).page
    page.evaluate("id => localStorage.setItem('kaoiro.video', id)", measured.job)
    page.click("#key-button")
    page.fill("#key-field", "any")
    page.keyboard.press("Enter")  # a service without keys takes any
    page.reload()
    link = page.locator("#video-downloads a", has_text="JSON")
    with page.expect_download() as download, page.expect_request("**/records?format=json") as request:
        link.click()
    assert request.value.headers["ocp-apim-subscription-key"] == "any"
    assert download.value.suggested_filename.endswith(".mp4.json")
    assert json.loads(Path(download.value.path()).read_text())["records"]


def test_valence_and_arousal_can_be_chosen_where_they_are_measured(
    browser: Any, serving: Serving, measured: Measured, tmp_path: Path
) -> None:
    expect(measured.page.locator("#curves-kinds")).to_be_visible()
    with serving(model="stills") as address, contextlib.closing(Measured(browser, address)) as visit:
        expect(visit.page.locator("#curves-kinds")).to_be_hidden()
    model = write_affect_model(tmp_path / "affect", 0.5, brighter=0.5)
    with serving(model=str(model.path)) as address, contextlib.closing(Measured(browser, address)) as visit:
        page = visit.page
        page.select_option("#curves-kind", "affect")
        buttons = page.locator("#video-curves .legend button")
        expect(buttons).to_have_text([re.compile("Valence"), re.compile("Arousal")])
        page.locator("#video-curves [role=slider]").press("Home")
        expect(buttons.nth(1)).to_have_text(re.compile(r"Arousal0\.25"))
        assert "Arousal 0.25" in page.locator("#video-curves [role=slider]").get_attribute("aria-valuetext")
        assert coloured(page, "#video-curves canvas") > 500
        page.locator("#lanes .lane").nth(1).click()
        expect(buttons.nth(1)).to_have_text(re.compile(r"Arousal0\.25"))
        page.select_option("#curves-kind", "expressions")
        expect(buttons).to_have_count(8)
