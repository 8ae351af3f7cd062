"""How the report says in a browser whom a photo showed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect
from tables_of_records import row, write

import kaoiro
from kaoiro.inference.report.recognised import Choice
from server.browsing import NEEDED, WAIT, chromium

pytestmark = NEEDED


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def page_of(folder: Path, choice: Choice) -> Path:
    rows = [row(round(0.5 * n, 6), track) for n in range(60) for track in ((0 if n < 30 else 2), 1)]
    report = kaoiro.report(write(folder / "talk.csv", rows), track="0,2")
    report.recordings[0].choice = choice
    return report.write(folder / "report.html")


@pytest.mark.parametrize(
    ("similarities", "beside", "told", "warned"),
    [
        ({0: 0.62, 1: 0.11, 2: 0.62}, (), "similarity 0.62, next best other face 0.11 (the same", None),
        ({0: 0.62, 2: 0.48}, (), "similarity 0.48 – 0.62; no other face was compared", None),
        ({0: 0.62, 1: 0.5, 2: 0.48}, (1,), "next best other face 0.50", "Face #1 is similar enough"),
    ],
)
def test_the_summary_says_how_the_speaker_was_found(
    browser: Any, tmp_path: Path, similarities: dict[int, float], beside: tuple[int, ...], told: str, warned: str | None
) -> None:
    path = page_of(tmp_path, Choice((0, 2), similarities, beside, 0.363, "net-12345678", "me.png"))
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    page.goto(path.as_uri())
    expect(page.locator(".summary")).to_contain_text(told)
    notes = page.locator("ul.weak")
    expect(notes).to_contain_text("Recognisers err")
    expect(notes).not_to_contain_text("join several by --track")
    if warned:
        expect(notes).to_contain_text(warned)
    page.locator("#language").click()
    expect(page.locator(".summary")).to_contain_text("写真で選んだ顔です。類似度")
    page.locator("select").first.select_option(index=1)
    expect(page.locator(".summary")).not_to_contain_text("写真で選んだ")
    page.close()
