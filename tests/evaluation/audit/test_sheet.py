"""The sheet of an audit in a real browser, opened from disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import shades
from graphs import write_model

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from inference.opened import Opened, altered
from kaoiro.evaluation.audit import decisions, making, sheet
from kaoiro.evaluation.audit.decisions import Decision
from kaoiro.evaluation.audit.findings import Finding
from kaoiro.evaluation.audit.labelled_set import opened
from kaoiro.evaluation.audit.making import Audit
from server.browsing import NEEDED, chromium, unnamed

pytestmark = NEEDED
HOSTILE = "<img src=x onerror=window.hit=1>\", fear'.png"
COPIES = 30


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A set with thirty pairs of copies, one of which has two labels and a hostile name, and a constant picture."""
    home = tmp_path_factory.mktemp("audit")
    root = home / "set"
    for number in range(COPIES):
        for name in (f"{number:02}.png", f"{number:02}-again.png"):
            shades.save(root / "Sad" / name, shades.picture("sadness", number))
    shades.save(root / "fear" / HOSTILE, shades.picture("sadness", 3))
    shades.save(root / "fear" / "black.png", np.zeros((9, 9), np.uint8))
    model = write_model(home / "model", [0.0] * 8)
    return making.audit(opened("folders", root), model, skip=("errors", "faces"))


@pytest.fixture
def visit(browser: Any, found: Audit, tmp_path: Path) -> Iterator[Opened]:
    sheet.write(tmp_path / "sheet.html", found, 200)
    visit = Opened(browser, tmp_path / "sheet.html")
    yield visit
    visit.close()


def test_decisions_are_exported_as_apply_reads_them(visit: Opened, found: Audit, tmp_path: Path) -> None:
    page = visit.page
    page.get_by_role("button", name="Identical, labels differ (1)").click()
    expect(page.locator(".finding")).to_have_count(1)
    expect(page.locator(".finding > p")).to_have_text("Score 1.00 · fear / sadness")
    page.get_by_label(f"Decision about fear/{HOSTILE}").select_option(label="relabel: Sadness")
    page.get_by_label("Decision about Sad/03.png", exact=True).select_option("drop")
    page.get_by_label("Decision about Sad/03-again.png").select_option("keep")
    page.get_by_label("Decision about Sad/03-again.png").select_option("")
    expect(page.locator("#taken")).to_have_text("2 decisions")
    with page.expect_download() as download:
        page.locator("#export").click()
    download.value.save_as(tmp_path / "decisions.csv")
    made = decisions.read(tmp_path / "decisions.csv")
    same = str(found.seen.digests[found.data.ids.index("Sad/03.png")])
    hostile = Decision(f"fear/{HOSTILE}", same, "fear", "relabel", "sadness")
    assert made == [Decision("Sad/03.png", same, "sadness", "drop"), hostile]
    assert len(decisions.fitted(found.data, made, "decisions.csv")) == 2


def test_findings_come_a_page_at_a_time_and_a_decision_stays(visit: Opened) -> None:
    page = visit.page
    page.get_by_role("button", name=f"Identical ({COPIES - 1})").click()
    expect(page.locator(".finding")).to_have_count(24)
    page.get_by_label("Decision about Sad/00.png", exact=True).select_option("drop")
    page.get_by_role("button", name="Later").click()
    expect(page.locator(".finding")).to_have_count(COPIES - 1 - 24)
    expect(page.get_by_role("button", name="Later")).to_be_disabled()
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_label("Decision about Sad/00.png", exact=True)).to_have_value("drop")
    assert not unnamed(page)
    page.reload()
    expect(page.locator("#taken")).to_have_text("1 decision")


def test_of_copies_the_first_is_kept_and_the_rest_dropped_at_once(visit: Opened) -> None:
    page = visit.page
    page.get_by_role("button", name="Identical, labels differ (1)").click()
    expect(page.get_by_role("button", name="Keep the first")).to_have_count(0)
    page.get_by_role("button", name=f"Identical ({COPIES - 1})").click()
    page.locator(".finding").filter(has_text="Sad/05.png").get_by_role("button", name="Keep the first").click()
    expect(page.locator("#taken")).to_have_text("2 decisions")
    values = [page.get_by_label(f"Decision about Sad/{name}", exact=True) for name in ("05-again.png", "05.png")]
    assert [one.input_value() for one in values] == ["keep", "drop"]  # in the order of the set
    assert not unnamed(page)


def test_decisions_are_remembered_for_pictures_and_not_for_rows(visit: Opened, found: Audit, tmp_path: Path) -> None:
    """A second sheet of the set, in the same browser, whose rows have moved by one."""
    page = visit.page
    page.get_by_role("button", name=f"Identical ({COPIES - 1})").click()
    page.get_by_label("Decision about Sad/00.png", exact=True).select_option("drop")
    page.get_by_label("Decision about Sad/01.png", exact=True).select_option("keep")

    def moved(data: dict[str, Any]) -> None:
        data["pictures"] = {str(int(row) + 1): one for row, one in data["pictures"].items()}
        data["findings"] = [one | {"rows": [row + 1 for row in one["rows"]]} for one in data["findings"]]
        for one in data["pictures"].values():
            one["hash"] = "other" if one["id"] == "Sad/01.png" else one["hash"]

    page.goto(altered(tmp_path / "sheet.html", moved).as_uri())
    page.get_by_role("button", name=f"Identical ({COPIES - 1})").click()
    expect(page.locator("#taken")).to_have_text("1 decision")
    expect(page.get_by_label("Decision about Sad/00.png", exact=True)).to_have_value("drop")
    expect(page.get_by_label("Decision about Sad/01.png", exact=True)).to_have_value("")
    expect(page.locator(".decided")).to_have_count(1)


def test_exports_are_made_for_spreadsheets(visit: Opened, found: Audit, tmp_path: Path) -> None:
    def acting(data: dict[str, Any]) -> None:
        data["pictures"][str(data["findings"][0]["rows"][0])]["id"] = '=HYPERLINK("x")'

    page = visit.page
    page.goto(altered(tmp_path / "sheet.html", acting).as_uri())
    page.get_by_label("Decision about =HYPERLINK").select_option("drop")
    with page.expect_download() as download:
        page.locator("#export").click()
    download.value.save_as(tmp_path / "decisions.csv")
    head, line = (tmp_path / "decisions.csv").read_bytes().decode().splitlines()
    assert head == "\ufeffid,hash,label,decision,new_label"
    assert line.startswith('"\'=HYPERLINK(""x"")",p')


def test_hostile_names_are_text_in_both_languages(visit: Opened) -> None:
    page = visit.page
    page.get_by_role("button", name="Identical, labels differ (1)").click()
    expect(page.locator(".id", has_text="onerror")).to_have_text(f"fear/{HOSTILE}")
    page.locator("#language").click()
    assert page.evaluate("document.documentElement.lang") == "ja"
    expect(page.locator("h2").first).to_contain_text("画像 62 枚")
    assert not re.search(r"\b(undefined|NaN|null)\b", page.locator("body").inner_text())
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_limit_takes_some_of_every_kind_and_bytes_are_bounded(
    found: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [one["kind"] for one in sheet.document(found, 2)["findings"]]
    assert kinds == ["constant", "conflict", "duplicate", "duplicate"]
    monkeypatch.setattr(sheet, "MOST_BYTES", 8_000)
    shown = sheet.write(tmp_path / "small.html", found, 200)
    assert 2 < shown < 30
    assert sheet.document(found, 200)["listed"]["duplicate"] == COPIES - 1


def test_a_group_of_thousands_leaves_room_for_others(found: Audit) -> None:
    many = Finding("duplicate", tuple([0] * 40_000), 1.0)
    kinds = [one["kind"] for one in sheet.document(replace(found, found=[many, *found.found]), 2)["findings"]]
    assert kinds == ["constant", "conflict", "duplicate"]
