"""The page of a comparison in a real browser, opened from disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect
from tables_of_records import manifest, row, write

import kaoiro
from inference.opened import Opened, altered, misfits
from kaoiro.core import modelfile
from server.browsing import NEEDED, chromium, unnamed

pytestmark = NEEDED
HOSTILE = "<img src=x onerror=window.hit=1>"
MISSING = """() => {
  const [missing, told] = [[], window.t];
  window.t = (name, values) => {
    if (!(name in TEXTS[STATE.language])) missing.push(name);
    return told(name, values);
  };
  redraw();
  return missing;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def recorded(folder: Path, name: str, anger: float, size: float = 100.0) -> Path:
    """A minute of a face that shows about so much anger."""
    rng = np.random.default_rng(len(name))
    rows = []
    for n in range(120):
        scores = {"anger": anger + 0.01 * rng.random(), "happiness": 0.1 * rng.random()}
        rows.append(row(0.5 * n, 0, size, name, valence=rng.normal(0, 0.1), au_25=float(n % 2), **scores))
    folder.mkdir(parents=True, exist_ok=True)
    return write(folder / f"{name.split('<')[0]}.csv", rows)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of four recordings of each of two people on either side; the later faces are larger and angrier."""
    home = tmp_path_factory.mktemp("comparison")
    sides: dict[str, list[Path]] = {"before": [], "after": []}
    for person, own in (("anna", 0.05), (f"ben {HOSTILE}", 0.1)):
        names = [f"{person[:3]}-{side}-{n}.mp4" for side in sides for n in range(4)]
        for place, name in enumerate(names):
            side = "after" if place > 3 else "before"
            level = own + 0.003 * (place % 4) + (0.3 if side == "after" else 0)
            sides[side].append(recorded(home / person, name, level, 100 if side == "before" else 200))
        manifest(home / person, dict.fromkeys(names, modelfile.load().digest))
    kaoiro.compare(sides["before"], sides["after"], home / "compare.html", by="person", baseline="auto")
    return home / "compare.html"


@pytest.fixture
def opened(browser: Any, page: Path) -> Iterator[Opened]:
    visit = Opened(browser, page)
    yield visit
    visit.close()


def test_the_number_of_recordings_comes_first_then_what_was_found(opened: Opened) -> None:
    page = opened.page
    expect(page.locator("h2.count")).to_have_text("8 recordings before, 8 after, of 2 people")
    expect(page.locator(".least")).to_contain_text("The smallest p that this many recordings can give is 0.00041.")
    expect(page.locator(".summary")).to_contain_text("Signal: Anger +30")
    expect(page.locator(".summary")).to_contain_text("The sides also differ in how they were made: Face size")
    first = page.locator("table.changes").first.locator("tbody tr", has_text="Anger")
    expect(first.locator(".mark")).to_have_text("signal")
    expect(page.locator("table.changes")).to_have_count(3)
    expect(page.locator(".forest")).to_have_count(3)
    assert not unnamed(page)


def test_every_recording_is_a_dot_and_every_person_a_line(opened: Opened) -> None:
    panel = opened.page.locator(".panel").first
    expect(panel.locator(".case")).to_have_count(16)
    expect(panel.locator(".tie")).to_have_count(2)
    expect(opened.page.locator("table.recordings tbody tr")).to_have_count(16)
    expect(opened.page.locator("table.left").first.locator("tbody tr")).to_have_count(8)
    expect(opened.page.locator("table.recordings")).to_contain_text(HOSTILE)


def test_the_axis_can_be_made_even(opened: Opened) -> None:
    point = opened.page.locator(".forest .point").first
    before = point.get_attribute("cx")
    opened.page.locator(".linear").first.check()
    assert opened.page.locator(".forest .point").first.get_attribute("cx") != before
    expect(opened.page.locator(".linear").first).to_be_focused()
    assert not opened.page.locator("body").inner_text().count("NaN")


def test_the_language_can_be_changed(opened: Opened) -> None:
    page = opened.page
    page.locator("#language").click()
    assert page.evaluate("document.documentElement.lang") == "ja"
    expect(page.locator("h2.count")).to_have_text("前の録画 8 本、後の録画 8 本、2 人分")
    text = page.locator("body").inner_text()
    assert not re.search(r"\b(undefined|NaN|null)\b", text)
    assert page.evaluate(MISSING) == []
    page.locator("#language").click()
    expect(page.locator("h2.count")).to_contain_text("8 recordings before")


def test_everything_is_printed_and_nothing_overflows_a_phone(browser: Any, page: Path) -> None:
    visit = Opened(browser, page, viewport={"width": 390, "height": 800})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.page.set_viewport_size({"width": 688, "height": 1000})  # of A4, within its margins
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 688
    assert visit.page.pdf(format="A4").startswith(b"%PDF")
    assert visit.page.locator("details:not([open])").count() == 0
    visit.close()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_one_against_one_without_a_floor_is_drawn(browser: Any, tmp_path: Path, language: str) -> None:
    pair = (recorded(tmp_path, f"{name}.mp4", level) for name, level in (("a", 0.1), ("bb", 0.2)))
    kaoiro.compare(*pair, tmp_path / "c.html", language=language)
    visit = Opened(browser, tmp_path / "c.html")
    wished = {"en": "With one against one nothing can be told but", "ja": "1 本ずつでは"}[language]
    expect(visit.page.locator(".least")).to_contain_text(wished)
    none = {"en": "No noise floor holds for these recordings", "ja": "当てはまる雑音の範囲がありません"}[language]
    expect(visit.page.locator(".summary")).to_contain_text(none)
    assert visit.page.locator(".noise").count() == 0
    visit.close()


def floored(data: dict[str, Any]) -> None:
    """Hold everything against a noise floor that ships, beneath which nothing is."""
    data["floor"] = {"level": "medium", "minutes": 2.0, "name": "affect"}
    for line in [line for family in data["families"] for line in family["rows"]]:
        line.update(value=0.0, low=-0.00001, high=0.00001, floor=0.1, adjusted=0.5, verdict="below the noise floor")
    raw = {line["label"]: line for line in data["families"][0]["rows"]}
    raw["happiness"].update(value=0.0885, low=0.0315, high=0.1455, floor=0.0748, adjusted=0.063, verdict="uncertain")
    raw["disgust"].update(value=-0.0006, low=-0.0012, high=-0.0001, floor=0.0003, verdict="uncertain")


def units(data: dict[str, Any]) -> None:
    """Add all action units, whose names are long, to the signals."""
    floored(data)
    family = data["families"][-1]
    names = [f"au_{n:02d}" for n in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 26)]
    for name in names:
        values = {"before": 0.503, "after": 0.492, "value": -0.012, "low": -0.046, "high": 0.034, "floor": 0.364}
        family["rows"].append(family["rows"][0] | values | {"label": name})
        for one in data["recordings"]:
            one["means"]["signal"][name] = 0.5


def test_largest_by_size_and_beside_its_floor_are_both_named(browser: Any, page: Path) -> None:
    visit = Opened(browser, altered(page, floored))
    summary, text = visit.page.locator(".summary"), visit.page.locator("main")
    expect(summary).to_contain_text("No change is a signal.")
    expect(summary).to_contain_text("Largest change: Happiness +8.85 points (+3.15 to +14.55), noise floor 7.48 points")
    expect(summary).to_contain_text("Largest beside its own noise floor: Disgust −0.06 points (−0.12 to −0.01)")
    expect(summary).to_contain_text("Noise floor used: rendered people, ordinary rooms and handheld cameras.")
    expect(text).to_contain_text("of 2 minutes, as the shortest here, at the upper end of its interval over people")
    expect(text).to_contain_text("the difference which 95 % of pairs of recordings of an unchanged face do not exceed")
    assert "+0.00" not in re.findall(r"[+−]?0\.0+\b", text.inner_text())
    visit.close()


def test_the_verdict_has_its_name_and_its_limit(browser: Any, tmp_path: Path) -> None:
    levels = {"a": (0.0, 0.1), "b": (0.2, 0.3)}
    sides = {
        side: [recorded(tmp_path / side, f"{side}-{n}.mp4", level) for n, level in enumerate(found)]
        for side, found in levels.items()
    }
    for side in sides:
        manifest(tmp_path / side, dict.fromkeys([f"{side}-{n}.mp4" for n in range(2)], modelfile.load().digest))
    kaoiro.compare(sides["a"], sides["b"], tmp_path / "c.html")
    visit = Opened(browser, tmp_path / "c.html")
    expect(visit.page.locator("table.changes").first.locator("thead")).to_contain_text("Verdict")
    expect(visit.page.locator("ul.weak").first).to_contain_text("kaoiro calibrate-floor --own")
    visit.close()


def test_lines_end_at_the_dots_of_their_person_who_is_named(opened: Opened) -> None:
    panel = opened.page.locator(".panel").first
    places = panel.evaluate(
        """(panel) => {
          const at = (name, place) => [...panel.querySelectorAll(name)].map((one) => one.getAttribute(place));
          return { ties: [...at(".tie", "x1"), ...at(".tie", "x2")], cases: at(".case", "cx") };
        }"""
    )
    assert len(set(places["ties"])) == 4 and set(places["ties"]) == set(places["cases"])
    expect(panel.locator(".tie title").first).to_have_text(re.compile("^anna: .* before, .* after$"))
    assert {"A", "B"} <= {text.strip() for text in panel.locator("text").all_text_contents()}
    expect(opened.page.locator("main")).to_contain_text("Letters at the right: A = anna, B = ben")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_table_fits_or_says_that_it_scrolls(browser: Any, page: Path, language: str) -> None:
    visit = Opened(browser, altered(page, units))
    if language == "ja":
        visit.page.locator("#language").click()
    for width in (1200, 1100, 1000, 420):
        assert misfits(visit.page, width) == [], width
    assert visit.page.locator(".cut table.values-table").count() >= 2
    assert visit.page.locator(".cut table.changes").count() == 0
    visit.page.emulate_media(media="print")
    assert misfits(visit.page, 673) == []  # of A4, within its margins
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 673
    visit.close()
