"""The page in a real browser, against the real service: photos, the camera, languages and keys."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from server.browsing import (
    CLIP,
    LABELS,
    NEEDED,
    PAGE,
    WAIT,
    Open,
    Visit,
    bring,
    chromium,
    coloured,
    eventually,
    unnamed,
    visits,
)

pytestmark = NEEDED
HAPPY = [201, 134, 0]  # the colour of happiness


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


def bars(page: Any) -> dict[str, str]:
    rows = page.locator("#photo-faces .card").first.locator(".bars li")
    return dict(row.inner_text().split("\n") for row in rows.all())


# ---- photos


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_photo_brought_gets_a_box_and_eight_bars(visit: Open, portrait: bytes, way: str) -> None:
    page = visit().page
    bring(page, portrait, way)
    expect(page.locator("#photo-status")).to_have_text("One face found.", timeout=WAIT)
    shown = bars(page)
    assert list(shown)[: len(LABELS)] == LABELS
    assert [name for name in shown if name.startswith("AU ")] == list(shown)[len(LABELS) :]
    assert shown["Happiness"] == ">99 %"
    assert "1 Happiness >99 %" in page.locator("#photo-canvas").get_attribute("aria-label")
    values = page.locator("#photo-faces .values").inner_text()
    assert all(name in values for name in ("Face size", "Sharpness", "Tilt", "Confidence"))
    assert pixel(page, 181, 118) == pytest.approx(HAPPY, abs=25)  # the middle of the box's left edge


def pixel(page: Any, x: int, y: int) -> list[int]:
    """The colour of the photo's canvas at a place."""
    return page.evaluate(
        """([x, y]) => {
          const copy = new OffscreenCanvas(1, 1).getContext("2d");
          copy.drawImage(document.getElementById("photo-canvas"), -x, -y);
          return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }""",
        [x, y],
    )


def test_a_photo_that_lies_on_its_side_is_shown_upright(visit: Open, portrait: bytes, tmp_path: Path) -> None:
    upright = Image.open(io.BytesIO(portrait)).crop((0, 0, 512, 400))
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter, clockwise
    upright.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=turned, quality=95)
    page = visit().page
    page.set_input_files("#photo-file", tmp_path / "turned.jpg")
    expect(page.locator("#photo-status")).to_have_text("One face found.", timeout=WAIT)
    expect(page.locator("#photo-canvas[width='512'][height='400']")).to_be_visible()
    assert pixel(page, 300, 350) == pytest.approx(upright.getpixel((300, 350)), abs=25)
    assert pixel(page, 181, 118) == pytest.approx(HAPPY, abs=25)


def test_several_faces_have_a_card_each(visit: Open, two_faces: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(two_faces).save(tmp_path / "two.png")
    page = visit().page
    page.set_input_files("#photo-file", tmp_path / "two.png")
    expect(page.locator("#photo-faces h2")).to_have_text(["Face 1", "Face 2"], timeout=WAIT)


def test_a_file_that_is_no_picture_is_refused_in_plain_words(visit: Open) -> None:
    opened = visit()
    bring(opened.page, b"no picture at all", "drop", "notes.jpg")
    expect(opened.page.locator("#photo-error")).to_have_text("This file is not a picture that can be read.")
    opened.forget("400")


def test_a_service_that_is_gone_is_told_in_plain_words(visit: Open, portrait: bytes) -> None:
    opened = visit()
    opened.page.route("**/v1/analyze", lambda route: route.abort())
    bring(opened.page, portrait, "drop")
    expect(opened.page.locator("#photo-error")).to_contain_text("The service does not answer")
    opened.forget("ERR_FAILED")


def test_numbers_of_later_models_appear_by_themselves(visit: Open, portrait: bytes) -> None:
    def richer(route: Any) -> None:
        answer = route.fetch()
        found = answer.json()
        found["faces"][0] |= {"valence": 0.25, "valence_sd": 0.1, "boredom": -0.5, "new_measure": None}
        found["faces"][0] |= {"arousal": None, "arousal_sd": None}
        route.fulfill(response=answer, json=found)

    page = visit().page
    page.route("**/v1/analyze", richer)
    bring(page, portrait, "drop")
    values = page.locator("#photo-faces .values")
    expect(values).to_contain_text(re.compile(r"Valence\s*0.25 ± 0.10\s*boredom\s*−0.50"), timeout=WAIT)
    assert "measure" not in values.inner_text()
    expect(page.locator("#photo-faces .circumplex")).to_have_count(0)  # without arousal it has no place


def test_valence_arousal_and_action_units_are_drawn(visit: Open, portrait: bytes) -> None:
    def affected(route: Any) -> None:
        answer = route.fetch()
        found = answer.json()
        found["faces"][0] |= {"valence": 0.5, "arousal": -0.25, "valence_sd": 0.1, "arousal_sd": 0.2}
        found["faces"][0] |= {"au_12": 0.8, "au_04": 0.1, "au_43": 0.3, "au_06": None}
        route.fulfill(response=answer, json=found)

    page = visit().page
    page.route("**/v1/analyze", affected)
    bring(page, portrait, "drop")
    circle = page.locator("#photo-faces .circumplex")
    expect(circle).to_have_attribute("aria-label", "Valence 0.50, arousal −0.25, each from −1 to 1", timeout=WAIT)
    dot = circle.locator(".dot")
    assert (dot.get_attribute("cx"), dot.get_attribute("cy")) == ("150", "125")
    spread = circle.locator(".spread")
    assert (spread.get_attribute("rx"), spread.get_attribute("ry")) == ("10", "20")
    units = dict(row.inner_text().split("\n") for row in page.locator("#photo-faces .units li").all())
    assert units["AU 12 Lip corner puller"] == "80 %"
    assert units["AU 4 Brow lowerer"] == "10 %"
    assert units["Action unit 43"] == "30 %"
    assert not any("AU 6" in name for name in units)


# ---- for everybody


def test_japanese_is_spoken_and_the_choice_is_kept(visit: Open, portrait: bytes) -> None:
    page = visit(locale="ja-JP").page
    assert page.evaluate("document.documentElement.lang") == "ja"
    bring(page, portrait, "drop")
    expect(page.locator("#photo-status")).to_have_text("1 人の顔が見つかりました。", timeout=WAIT)
    assert bars(page)["喜び"] == ">99 %"
    page.click("#language")
    assert bars(page)["Happiness"] == ">99 %"
    page.reload()
    expect(page.locator("#tab-photo")).to_have_text("Photo")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_both_languages_have_every_text_that_is_used() -> None:
    english, japanese = (PAGE / "texts.js").read_text().split("  ja: {")
    names = re.compile(r"^    (\w+):", re.MULTILINE)
    assert set(names.findall(english)) == set(names.findall(japanese))
    code = "".join(path.read_text() for path in PAGE.iterdir() if path.suffix in (".js", ".html"))
    used = re.findall(r'\bt\("(\w+)"|data-t(?:-label)?="(\w+)"', code)
    assert {one or other for one, other in used} <= set(names.findall(english))


def test_tabs_are_moved_through_by_keyboard(visit: Open) -> None:
    page = visit().page
    page.focus("#tab-photo")
    for key, name in (("ArrowRight", "camera"), ("ArrowRight", "video"), ("ArrowRight", "photo"), ("End", "video")):
        page.keyboard.press(key)
        expect(page.locator(f"#tab-{name}")).to_be_focused()
        expect(page.locator("[role=tab][aria-selected=true]")).to_have_id(f"tab-{name}")
        expect(page.get_by_role("tabpanel")).to_have_id(name)
    page.keyboard.press("Tab")
    expect(page.locator("#video-drop")).to_be_focused()


def test_every_control_has_a_name(visit: Open, portrait: bytes) -> None:
    page = visit().page
    bring(page, portrait, "drop")
    expect(page.locator("#photo-faces .card")).to_have_count(1, timeout=WAIT)
    for tab in ("photo", "camera", "video"):
        page.click(f"#tab-{tab}")
        assert unnamed(page) == []
    page.click("#key-button")
    assert unnamed(page) == []


# ---- the camera


def test_the_camera_draws_curves_that_grow_until_it_is_turned_off(visit: Open) -> None:
    page = visit(tab="camera").page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/live/" in request.url else None)
    page.click("#camera-switch")
    page.locator("#camera-curves canvas").wait_for()
    before = coloured(page, "#camera-curves canvas")
    eventually(page, lambda: coloured(page, "#camera-curves canvas") > before + 100)
    expect(page.locator("#camera-bars li")).to_have_count(8)
    assert coloured(page, "#camera-boxes") > 100
    expect(page.locator("#camera-meters")).to_contain_text(
        re.compile(r"\d\.\d frames per second.*\d+ of \d+", re.DOTALL)
    )
    assert unnamed(page) == []
    page.click("#tab-photo")  # leaving the tab turns it off
    until = len(asked)
    page.wait_for_timeout(800)
    assert len(asked) == until > 1
    assert len({urlsplit(each).path for each in asked}) == 1


# ---- keys


def test_a_service_with_keys_asks_for_one_and_keeps_it_out_of_addresses(
    browser: Any, serving: Open, portrait: bytes
) -> None:
    with serving(keys=("right",)) as address:
        opened = Visit(browser, address)
        page, asked = opened.page, []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        bring(page, portrait, "drop")
        expect(page.locator("#key-reason")).to_contain_text("wants a key")
        page.keyboard.press("Escape")
        expect(page.locator("#photo-error")).to_contain_text("valid key")
        bring(page, portrait, "drop")
        give_key(page, "wrong")
        expect(page.locator("#key-reason")).to_contain_text("does not know this key")
        give_key(page, "right")
        expect(page.locator("#photo-status")).to_have_text("One face found.", timeout=WAIT)
        assert not any("right" in each for each in asked)
        opened.forget("401")
        opened.close()


def give_key(page: Any, key: str) -> None:
    page.fill("#key-field", key)
    page.keyboard.press("Enter")
