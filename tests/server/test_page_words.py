"""Words of one's own on the page, in a real browser, against the real service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import av
import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from server.browsing import CLIP, NEEDED, WAIT, Open, bring, chromium, eventually, unnamed, visits

pytestmark = NEEDED


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser whose camera shows the clip of two people, as motion JPEG."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    with av.open(str(CLIP)) as film, path.open("wb") as target:
        for frame in film.decode(video=0):
            frame.to_image().save(target, "JPEG", quality=92)
    with chromium(f"--use-file-for-fake-video-capture={path}") as started:
        yield started


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Open]:
    with visits(browser, url) as opened:
        yield opened


def want(page: Any, words: str) -> None:
    """Type words into the field."""
    page.fill("#words-field", words)
    page.press("#words-field", "Enter")


def bars(page: Any, place: str) -> list[str]:
    """Return the words that have a bar."""
    return [text.split("\n")[0] for text in page.locator(f"{place} li").all_inner_texts()]  # at one moment


def test_a_photo_is_measured_anew_with_words_and_without(visit: Open, portrait: bytes) -> None:
    page = visit().page
    bring(page, portrait, "drop")
    expect(page.locator("#photo-faces .card")).to_have_count(1, timeout=WAIT)
    assert page.locator("#photo-faces h3", has_text="Words").count() == 0
    want(page, "broad smile、目を見開く")
    card = page.locator("#photo-faces .card")
    expect(card).to_contain_text(re.compile(r"Words\s*broad smile\s*\d+ %\s*eyes wide\s*<?\d+ %"), timeout=WAIT)
    told = ["broad smile: AU", "eyes wide: AU 5", "never what somebody feels"]
    expect(page.locator("#words-told li")).to_contain_text(told)
    assert "broad smile" not in page.locator("#photo-faces .values").inner_text()
    want(page, "")
    eventually(page, lambda: page.locator("#photo-faces h3", has_text="Words").count() == 0)
    assert page.locator("#words-told li").count() == 0


def test_a_word_that_cannot_be_told_is_said_and_measuring_goes_on(visit: Open, portrait: bytes) -> None:
    opened = visit()
    want(opened.page, "smiel")
    expect(opened.page.locator("#words-error")).to_contain_text("'smiel' is not in the glossary", timeout=WAIT)
    bring(opened.page, portrait, "drop")
    expect(opened.page.locator("#photo-faces .card")).to_have_count(1, timeout=WAIT)
    want(opened.page, "smile")
    expect(opened.page.locator("#photo-faces .card")).to_contain_text("Words", timeout=WAIT)
    expect(opened.page.locator("#words-error")).to_have_text("")
    opened.forget("400")


def test_words_are_chosen_from_the_glossary_with_their_reliability(visit: Open) -> None:
    page = visit().page
    page.click("#words-switch")
    smile = page.locator("#words-list button", has_text=re.compile(r"^smile (good|fair|weak)$"))
    expect(smile).to_have_attribute("aria-pressed", "false", timeout=WAIT)
    assert page.locator("#words-list button", has_text="lip bite").count() == 0  # it cannot be told
    smile.click()
    expect(smile).to_have_attribute("aria-pressed", "true", timeout=WAIT)
    expect(page.locator("#words-field")).to_have_value("smile")
    assert unnamed(page) == []
    smile.click()
    expect(smile).to_have_attribute("aria-pressed", "false", timeout=WAIT)
    expect(page.locator("#words-field")).to_have_value("")


def test_words_are_called_as_the_page_speaks_and_kept_for_the_next_visit(visit: Open, portrait: bytes) -> None:
    page = visit(locale="ja-JP").page
    want(page, "smile")
    expect(page.locator("#words-told li").first).to_contain_text("笑顔: AU 12", timeout=WAIT)
    page.reload()
    expect(page.locator("#words-field")).to_have_value("smile")
    expect(page.locator("#words-told li").first).to_contain_text("笑顔: AU 12", timeout=WAIT)
    bring(page, portrait, "drop")
    expect(page.locator("#photo-faces .card")).to_contain_text(re.compile(r"言葉\s*笑顔"), timeout=WAIT)


def test_the_camera_shows_words_while_it_runs(visit: Open) -> None:
    page = visit(tab="camera").page
    page.click("#camera-switch")
    page.locator("#camera-curves canvas").wait_for()
    expect(page.locator("#camera-words li")).to_have_count(0)
    want(page, "smile, jaw drop")
    eventually(page, lambda: bars(page, "#camera-words") == ["smile", "jaw drop"])
    want(page, "frown")
    eventually(page, lambda: bars(page, "#camera-words") == ["frown"])


def test_a_video_has_curves_of_its_words(visit: Open) -> None:
    page = visit(tab="video").page
    want(page, "smile, eyes wide")
    expect(page.locator("#words-told li")).to_have_count(3, timeout=WAIT)
    page.select_option("#video-every", "0.5")
    page.set_input_files("#video-file", str(CLIP))
    expect(page.locator("#curves-kinds")).to_be_visible(timeout=4 * WAIT)
    page.select_option("#curves-kind", "words")
    expect(page.locator("#video-curves .legend button")).to_contain_text(["smile", "eyes wide"], timeout=WAIT)
    inks = page.locator("#video-curves .legend line").evaluate_all(
        "lines => lines.map((line) => getComputedStyle(line).stroke)"
    )
    assert len(set(inks)) == 2
    page.locator("#lanes button").first.click()
    page.reload()  # the result comes back with its words
    expect(page.locator("#curves-kinds")).to_be_visible(timeout=WAIT)
    page.select_option("#curves-kind", "words")
    expect(page.locator("#video-curves .legend button")).to_have_count(2)
