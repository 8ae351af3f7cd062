"""The page in a real browser, against the real service: the report of a video."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from server.browsing import CLIP, NEEDED, WAIT, Open, Visit, chromium, unnamed, visits
from server.jobs import data_in, finished

pytestmark = NEEDED
Serving = Callable[..., contextlib.AbstractContextManager[str]]
HOSTILE = '<img src=x onerror="window.hit=1">.mp4'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def job(folder: Path) -> str:
    return finished(folder, HOSTILE)


@pytest.fixture(scope="module")
def url(serving: Serving, folder: Path, job: str) -> Iterator[str]:
    with serving(data=folder, jobs=1) as address:
        yield address


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Open]:
    with visits(browser, url) as opened:
        yield opened


def remembered(visit: Visit, job: str) -> Any:
    """Return the page with a video that was measured at an earlier visit."""
    visit.page.evaluate("id => localStorage.setItem('kaoiro.video', id)", job)
    visit.page.reload()
    visit.page.locator("#report-switch").wait_for()
    return visit.page


def frame(page: Any) -> Any:
    return page.frame_locator("#report-body iframe")


def shown(page: Any) -> Any:
    """Return the frame of the report when it is there."""
    expect(frame(page).locator("table.shares tbody tr").first).to_be_visible(timeout=WAIT)
    return frame(page)


def test_a_video_just_measured_has_a_report_that_plays_the_local_file(visit: Open) -> None:
    page = visit(tab="video", viewport={"width": 1180, "height": 900}).page
    page.select_option("#video-every", "0.5")
    page.set_input_files("#video-file", CLIP)
    page.locator("#player").wait_for(timeout=2 * WAIT)
    switch = page.locator("#report-switch")
    expect(switch).to_have_attribute("aria-expanded", "false")
    switch.click()
    expect(page.locator("#report-status")).to_have_text("Making the report …")
    report = shown(page)
    expect(switch).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#report-status")).to_have_text("The report is below.")
    expect(report.locator(".summary")).to_contain_text("The speaker is Face #")
    expect(report.locator("table.shares").first.locator("tbody tr")).to_have_count(8)
    expect(report.locator(".moment video")).to_be_visible()
    report.locator(".episode-card").first.click()
    expect(report.locator(".moment h4")).to_have_text(re.compile(r"At 0:0\d\.\d"))
    assert unnamed(page) == []
    page.locator("#report-hide").check()
    expect(shown(page).locator(".moment video")).to_be_hidden()


def test_both_languages_are_spoken(visit: Open, job: str) -> None:
    opened = visit(tab="video", locale="ja-JP")
    page = remembered(opened, job)
    expect(page.locator("#report-switch")).to_have_text("レポートを表示")
    page.click("#report-switch")
    expect(shown(page).locator("h2.count")).to_have_text("録画 1 本")
    page.click("#language")
    expect(frame(page).locator("h2.count")).to_have_text("One recording", timeout=WAIT)
    expect(page.locator("#report-switch")).to_have_text("Close the report")
    expect(shown(page).locator(".moment")).to_contain_text("The video is not at hand")
    assert page.evaluate("window.hit") is None
    page.click("#report-switch")
    expect(page.locator("#report-body iframe")).to_have_count(0)


def test_a_report_reaches_neither_the_page_nor_the_service(visit: Open, job: str) -> None:
    opened = visit(tab="video")
    page = remembered(opened, job)
    page.click("#report-switch")
    shown(page)
    inside = page.frames[1]
    assert inside.evaluate("self.origin") == "null"
    assert "blocked" in inside.evaluate("try { sessionStorage.length } catch (error) { 'blocked' }")
    assert inside.evaluate("try { parent.document.title } catch (error) { 'blocked' }") == "blocked"
    assert inside.evaluate("fetch('/v1/models').then(() => 'reached', () => 'blocked')") == "blocked"
    opened.complaints.clear()  # the browser's own about what this test tried


def test_the_frame_shows_nothing_that_others_hand_over(visit: Open, url: str) -> None:
    page = visit(tab="video").page
    with page.expect_popup() as popup:
        page.evaluate("window.shell = window.open('page/report.html')")
    tab = popup.value
    tab.evaluate("postMessage({ html: '<b>forged</b>' }, '*')")  # from its own nameless origin
    expect(tab.locator("#lost")).to_be_visible()
    page.evaluate("shell.postMessage({ html: '<b>ours</b>' }, '*')")
    expect(tab.locator("b")).to_have_text("ours")


def test_it_opens_in_a_tab_of_its_own_and_is_saved(visit: Open, job: str) -> None:
    page = remembered(visit(tab="video", accept_downloads=True), job)
    page.click("#report-switch")
    shown(page)
    with page.expect_popup() as popup:
        page.click("#report-tab")
    tab = popup.value
    expect(tab.locator("table.shares tbody tr").first).to_be_visible()
    expect(tab).to_have_title(f"{HOSTILE} – kaoiro")
    assert tab.evaluate("self.origin") == "null"
    tab.reload()
    expect(tab.locator("#lost")).to_contain_text("once more")
    with page.expect_download() as download:
        page.click("#report-save")
    assert download.value.suggested_filename.endswith(".mp4.html")
    saved = Path(download.value.path()).read_text(encoding="utf-8")
    assert data_in(saved)["recordings"][0]["name"] == HOSTILE


def test_options_make_it_anew(visit: Open, job: str) -> None:
    opened = visit(tab="video")
    page = remembered(opened, job)
    page.focus("#report-switch")
    page.keyboard.press("Enter")
    expect(shown(page).locator(".summary")).to_contain_text("Against rest")
    page.uncheck("#report-rest")
    expect(shown(page).locator("main")).to_contain_text("No resting face was given")
    page.select_option("#report-speaker", "1")
    expect(shown(page).locator(".summary")).to_contain_text("The speaker is Face #1")
    page.select_option("#report-speaker", "largest")
    expect(shown(page).locator(".summary")).to_contain_text("several people may be mixed")
    page.select_option("#report-speaker", "several")
    expect(page.locator("#report-numbers")).to_be_focused()
    page.keyboard.type("1, 0")
    page.keyboard.press("Enter")
    expect(frame(page).locator(".summary")).to_contain_text(re.compile("#1.*#0"), timeout=WAIT)
    page.fill("#report-numbers", "77")
    page.keyboard.press("Enter")
    expect(page.locator("#report-error")).to_contain_text("no track 77; the longest first, there are 0, 1")
    expect(page.locator("#report-switch")).to_have_text("Show the report")
    opened.forget("400")


def test_a_making_can_be_cancelled_and_what_goes_wrong_is_told(visit: Open, job: str) -> None:
    opened = visit(tab="video")
    page = remembered(opened, job)
    page.route("**/report?**", lambda route: None)
    page.click("#report-switch")
    expect(page.locator("#report-switch")).to_have_text("Cancel")
    page.click("#report-switch")
    expect(page.locator("#report-status")).to_have_text("")
    page.unroute("**/report?**")
    busy = {"error": {"code": "429", "message": "Rate limit is exceeded."}}
    page.route("**/report?**", lambda route: route.fulfill(status=429, json=busy))
    page.click("#report-switch")
    expect(page.locator("#report-error")).to_contain_text("too much to do")
    opened.forget("429")


def test_a_video_without_a_face_has_none(visit: Open, folder: Path) -> None:
    from tables_of_records import row

    opened = visit(tab="video")
    job = finished(folder, rows=[row(n / 2, None) for n in range(20)])
    opened.page.evaluate("id => localStorage.setItem('kaoiro.video', id)", job)
    opened.page.reload()
    expect(opened.page.locator("#video-status")).to_have_text("No face was found in this video.")
    expect(opened.page.locator("#report-part")).to_be_hidden()


def test_nothing_sticks_out_of_a_phone(visit: Open, job: str) -> None:
    page = remembered(visit(tab="video", viewport={"width": 390, "height": 800}), job)
    page.select_option("#report-speaker", "several")
    page.click("#report-switch")
    shown(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.frames[1].evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_service_with_keys_shows_it_without_telling_the_key(browser: Any, serving: Serving, tmp_path: Path) -> None:
    job = finished(tmp_path)
    with serving(data=tmp_path, keys=("right",), jobs=1) as address:
        opened, seen = Visit(browser, address), []
        page = opened.page
        opened.context.on("request", lambda request: seen.append(request.url))
        page.goto(f"{address}/#video")
        page.evaluate("id => localStorage.setItem('kaoiro.video', id)", job)
        page.reload()
        page.fill("#key-field", "right")
        page.keyboard.press("Enter")
        page.click("#report-switch")
        shown(page)
        with page.expect_popup() as popup:
            page.click("#report-tab")
        expect(popup.value.locator("table.shares tbody tr").first).to_be_visible()
        assert not any("right" in each for each in seen)
        opened.forget("401")
        opened.close()
