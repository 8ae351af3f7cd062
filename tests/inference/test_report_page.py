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
from inference.opened import Opened, altered, misfits
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


LEVELS = "below the noise floor", "uncertain"


def judged(data: dict[str, Any]) -> None:
    """Hold everything against a noise floor that ships: one change is a signal, a larger one below the floor."""
    data["floor"] = "medium"
    tables = data["recordings"][0]["lanes"][0]["tables"]
    for kind in ("raw", "signal"):
        for place, line in enumerate(tables[kind]):
            line.update(rest_low=0.001, rest_high=0.0123, verdict=LEVELS[place % 2])
    for line in tables["change"]:
        line.update(mean=0.0, low=0.0, high=0.0, floor=0.01, verdict="below the noise floor")
    values = {"mean": 0.0192, "low": 0.0069, "high": 0.036, "floor": 0.0046, "verdict": "signal"}
    named(data, "change", "anger").update(values)
    values = {"mean": -0.05, "low": -0.06, "high": -0.04, "floor": 0.2, "verdict": "below the noise floor"}
    named(data, "change", "neutral").update(values)


def named(data: dict[str, Any], kind: str, label: str) -> dict[str, Any]:
    return next(line for line in data["recordings"][0]["lanes"][0]["tables"][kind] if line["label"] == label)


def row_of(page: Any, kind: int, label: str) -> Any:
    return page.locator("table.shares").nth(kind).locator("tbody tr", has_text=label)


def test_the_summary_names_signals_before_what_moved_most(browser: Any, report: Path) -> None:
    visit = Opened(browser, altered(report, judged))
    summary = visit.page.locator(".summary")
    expect(summary).to_contain_text("Signals, against rest: Anger +1.9 points (+0.69 to +3.6 points), beyond the")
    expect(summary).not_to_contain_text("moved most")
    expect(summary).to_contain_text("Noise floor used: rendered people, ordinary rooms and handheld cameras.")
    expect(summary.locator(".weak")).to_contain_text("kaoiro calibrate-floor --own")
    expect(row_of(visit.page, 1, "Anger").locator(".mark")).to_have_text("signal")
    expect(row_of(visit.page, 1, "Fear")).to_contain_text("0 points–")  # neither sign nor interval
    expect(row_of(visit.page, 0, "Anger")).to_contain_text("0.10 % to 1.2 %")
    expect(row_of(visit.page, 0, "Anger").locator(".mark")).to_have_text("within the range at rest")
    visit.close()


def test_where_nothing_is_a_signal_the_summary_says_so(browser: Any, report: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        judged(data)
        named(data, "change", "anger").update(verdict="not said")

    visit = Opened(browser, altered(report, change))
    summary = visit.page.locator(".summary")
    expect(summary).to_contain_text("Nothing here is a signal")
    expect(summary).to_contain_text("Neutral moved most: −5.0 points; below the noise floor.")
    expect(row_of(visit.page, 1, "Anger").locator(".mark")).to_contain_text("the rest was estimated")
    visit.close()


def test_an_own_floor_is_no_limit(browser: Any, report: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        judged(data)
        data["floor"] = "own"

    visit = Opened(browser, altered(report, change))
    expect(visit.page.locator(".summary")).to_contain_text("this person's own neutral recordings")
    expect(visit.page.locator(".summary")).not_to_contain_text("rendered people")
    expect(visit.page.locator("main")).to_contain_text("as far as the few recordings of one person tell")
    visit.close()


def test_all_episodes_are_counted_and_what_never_happened_has_no_interval(browser: Any, report: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        lane = data["recordings"][0]["lanes"][0]
        lane.update(episode_count=1200, episode_counts={"anger": 500, "happiness": 700})
        for line in lane["tables"]["raw"]:
            line.update(mean=0.0, low=0.0, high=0.0, top=0.0, top_low=0.0, top_high=0.0)

    visit = Opened(browser, report)
    expect(visit.page.locator(".summary")).to_contain_text("One episode: Happiness.")
    visit.close()
    visit = Opened(browser, altered(report, change))
    expect(visit.page.locator(".summary")).to_contain_text("1200 episodes: Happiness 700, Anger 500.")
    expect(visit.page.locator(".summary")).to_contain_text("Share of what the face showed: Anger 0 %, Contempt 0 %,")
    expect(row_of(visit.page, 0, "Contempt").locator("td").nth(2)).to_have_text("–")
    expect(row_of(visit.page, 0, "Contempt").locator("td").nth(3)).to_have_text("0 %")
    visit.close()


@pytest.mark.parametrize(("wished", "words"), [(12.3, "somewhat too narrow"), (34.0, "much too narrow")])
def test_how_much_too_short_blocks_were_is_said(browser: Any, report: Path, wished: float, words: str) -> None:
    def change(data: dict[str, Any]) -> None:
        for drawn in data["recordings"][0]["lanes"][0]["drawn"].values():
            drawn.update(enough=True, cut=True, wished_s=wished)

    visit = Opened(browser, altered(report, change))
    expect(visit.page.locator(".summary")).to_contain_text(f"{wished:.0f} s would have been right): the intervals are")
    expect(visit.page.locator(".summary")).to_contain_text(words)
    assert visit.page.locator("main").inner_text().count(words) >= 3
    visit.close()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_table_fits_and_every_verdict_is_seen(browser: Any, report: Path, language: str) -> None:
    visit = Opened(browser, altered(report, judged))
    if language == "ja":
        visit.page.locator("#language").click()
    for width in (1200, 1100, 1000, 420):
        assert misfits(visit.page, width) == [], width
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 420
    visit.page.emulate_media(media="print")
    assert misfits(visit.page, 673) == []  # of A4, within its margins
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 673
    visit.close()
