"""The report in a real browser, opened from disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from media import regular, write_video
from playwright.sync_api import expect
from tables_of_records import row, write

import kaoiro
from inference.opened import Opened
from server.browsing import NEEDED, chromium, unnamed

pytestmark = NEEDED
SRT = "1\n00:00:02,000 --> 00:00:04,000\n<b>Good</b> morning <script>window.hit=1</script>\n"
HOSTILE = "<img src=x onerror=window.hit=1>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a minute with two people, a transcript, events, and the video beside it."""
    folder = tmp_path_factory.mktemp("report")
    write_video(folder / "talk.mp4", regular(300, 5), size=(320, 192))
    rows = []
    for n in range(300):
        measured = {"happiness": float(100 <= n < 150), "valence": n / 300, "arousal": -n / 600, "au_25": float(n % 2)}
        rows.append(row(round(0.2 * n, 6), 0, 60, **measured))
        if n > 200:
            rows.append(row(round(0.2 * n, 6), 1, 40, sadness=0.75))
    (folder / "t.srt").write_text(SRT)
    (folder / "e.csv").write_text(f"start_s,end_s,label\n20,30,{HOSTILE}\n")
    path = write(folder / "talk.csv", rows)
    given = {"transcripts": folder / "t.srt", "events": folder / "e.csv", "baseline": "auto"}
    kaoiro.report([path], folder / "report.html", **given)
    return folder / "report.html"


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    visit = Opened(browser, report)
    yield visit
    visit.close()


def test_a_report_tells_what_was_shown(opened: Opened) -> None:
    page = opened.page
    expect(page.locator("h2.count")).to_have_text("One recording")
    expect(page.locator(".summary")).to_contain_text("The speaker is Face #0, seen 100")
    expect(page.locator(".summary")).to_contain_text("uncertain: no noise floor measured")
    expect(page.locator(".timeline polyline.line").first).to_be_attached()
    expect(page.locator(".timeline rect.event")).to_have_count(1)
    expect(page.locator(".timeline rect.cue")).to_have_count(1)
    expect(page.locator(".episode-card")).to_have_count(1)
    expect(page.locator(".episode-card img")).to_have_count(1)
    expect(page.locator(".circumplex .trace").first).to_be_attached()
    expect(page.locator("table.confounds tbody tr")).to_have_count(12)
    assert not unnamed(page)


def test_a_click_on_a_moment_shows_it_and_the_keyboard_moves_on(opened: Opened) -> None:
    page, timeline = opened.page, opened.page.locator(".timeline")
    box = timeline.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 150)
    expect(page.locator(".moment h4")).to_have_text(re.compile(r"At 0:2\d\.\d"))
    expect(page.locator(".moment")).to_contain_text(HOSTILE)
    expect(page.locator(".moment .frame:visible")).to_have_count(1)
    timeline.press("Home")
    expect(page.locator(".moment h4")).to_have_text("At 0:00.0")
    for _ in range(5):
        timeline.press("ArrowRight")
    expect(page.locator(".moment blockquote")).to_have_text("Good morning window.hit=1")
    timeline.press("+")
    assert float(timeline.get_attribute("aria-valuenow")) == pytest.approx(3, abs=0.1)


def test_the_video_beside_the_report_is_played_where_it_was_clicked(opened: Opened) -> None:
    page = opened.page
    page.wait_for_timeout(1500)
    if page.locator(".moment video").is_hidden():
        pytest.skip("this browser lacks the format")
    page.locator(".episode-card").click()
    time = page.evaluate("document.querySelector('video').currentTime")
    assert 20 <= time <= 30


def test_another_lane_redraws_the_shares(opened: Opened) -> None:
    page = opened.page
    page.locator(".recording select").select_option("1")
    expect(page.locator(".summary")).to_contain_text("Face #1 is seen 33")
    expect(page.locator(".summary")).to_contain_text("Sadness 75")
    expect(page.locator(".summary")).to_contain_text("Too little was seen for intervals")
    page.locator(".recording select").select_option("2")
    expect(page.locator(".summary")).to_contain_text("several people may be mixed")


def test_the_language_can_be_changed(opened: Opened) -> None:
    page = opened.page
    page.locator("#language").click()
    assert page.evaluate("document.documentElement.lang") == "ja"
    expect(page.locator("h2.count")).to_have_text("録画 1 本")
    assert not re.search(r"\b(undefined|NaN|null)\b", page.locator("body").inner_text())
    page.locator("#language").click()
    expect(page.locator("h2.count")).to_have_text("One recording")


def test_everything_is_printed_and_nothing_overflows_a_phone(browser: Any, report: Path) -> None:
    visit = Opened(browser, report, viewport={"width": 390, "height": 800})
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    assert visit.page.pdf(format="A4").startswith(b"%PDF")
    visit.close()
