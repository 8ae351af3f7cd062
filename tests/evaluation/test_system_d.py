from __future__ import annotations

import json

import pytest

from kaoiro.core.errors import DataError, InputError
from kaoiro.evaluation import claims, system_d

ROW = {"found": 0.03, "interval": [0.01, 0.05], "wished": "at least 0.02, interval above 0", "verdict": "holds"}


def section(name: str) -> dict:
    """Return figures of a section with every row that a claim names."""
    rows = {one.row: ROW for one in claims.load()[0] if one.table == f"{name}/claims"}
    configurations = {"all three, 100 %": {"seeds": 2, "F1w": {"mean": 0.5, "sd": 0.0123}, "P": {"mean": 1.0}}}
    return {"claims": rows, "steps": 7, "configurations": configurations, "scaled down": ["7 steps"]}


def test_the_page_has_claims_tables_and_what_was_scaled_down(tmp_path) -> None:
    system_d.write(tmp_path, "rendered", section("rendered"))
    page = (tmp_path / "system-d.md").read_text(encoding="utf-8")
    assert "0.500 ± 0.012" in page and "| 1.000 |" in page
    assert "* 7 steps" in page
    assert "| holds | system-d |" in page
    assert page.count("Not measured yet.") == 3
    assert page.index("## On rendered people") < page.index("## With a generator") < page.index("## On real faces")


def test_sections_are_rewritten_alone_and_keep_their_order(tmp_path) -> None:
    system_d.write(tmp_path, "real", section("real"))
    system_d.write(tmp_path, "rendered", section("rendered"))
    before = json.loads((tmp_path / "system-d.json").read_text(encoding="utf-8"))
    assert list(before) == ["rendered", "real"]
    assert {"measured", "commit", "machine", "steps"} <= before["real"].keys()
    system_d.write(tmp_path, "rendered", section("rendered") | {"steps": 8})
    after = json.loads((tmp_path / "system-d.json").read_text(encoding="utf-8"))
    assert after["real"] == before["real"]
    assert after["rendered"]["steps"] == 8


def test_claims_of_sections_that_lack_are_not_measured_yet(tmp_path) -> None:
    system_d.write(tmp_path, "rendered", section("rendered"))
    table = claims.table(tmp_path)["claims"].values()
    rows = [row for row in table if row["from"] == "system-d"]
    wanted = sum(one.table == "rendered/claims" for one in claims.load()[0])
    assert sum(row["verdict"] == "holds" for row in rows) == wanted
    assert {row["verdict"] for row in rows} == {"holds", "not measured yet"}


def test_a_section_without_a_row_that_a_claim_names_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="no row"):
        system_d.write(tmp_path, "rendered", {"claims": {}})


def test_unknown_sections_and_damaged_files_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no section 'else'; there are: rendered, generator, faces, real"):
        system_d.write(tmp_path, "else", {})
    (tmp_path / "system-d.json").write_text("[1]")
    with pytest.raises(InputError, match=r"system-d\.json is damaged"):
        system_d.write(tmp_path, "rendered", section("rendered"))
