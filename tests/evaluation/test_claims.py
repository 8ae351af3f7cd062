from __future__ import annotations

import json

import pytest

from kaoiro.core.errors import DataError
from kaoiro.evaluation import claims


def results(folder, verdict: str = "holds") -> None:
    tables: dict = {}
    for claim in claims.load()[0]:
        row = {"found": 0.412, "interval": [0.3, 0.5], "wished": "at most 0.6", "verdict": verdict}
        tables.setdefault(claim.result, {}).setdefault(claim.table, {})[claim.row] = row
    for name, content in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_every_claim_is_complete_and_said_once() -> None:
    stated, errors = claims.load()
    assert len({(claim.system, claim.row, claim.table) for claim in stated}) == len(stated)
    assert errors
    assert all(text.strip() for entry in (*stated, *errors) for text in vars(entry).values())


def test_what_was_measured_stands_beside_what_was_said(tmp_path) -> None:
    results(tmp_path)
    figures = claims.table(tmp_path)
    first = figures["claims"]["1"]
    assert (first["ours"], first["interval"], first["verdict"]) == ("0.412", "0.3 to 0.5", "holds")
    assert figures["measured"] == len(figures["claims"])
    text = claims.write(tmp_path, figures).read_text(encoding="utf-8")
    assert first["source"] in text
    assert "| does not hold |" not in text
    assert "## What is wrong or unsaid in the sources" in text


def test_a_claim_that_does_not_hold_says_so(tmp_path) -> None:
    results(tmp_path, "does not hold")
    assert {row["verdict"] for row in claims.table(tmp_path)["claims"].values()} == {"does not hold"}


def test_what_was_not_measured_says_so(tmp_path) -> None:
    figures = claims.table(tmp_path)
    assert figures["measured"] == 0
    assert {row["verdict"] for row in figures["claims"].values()} == {"not measured yet"}


def test_results_that_lack_a_row_are_refused(tmp_path) -> None:
    (tmp_path / "temporal.json").write_text("{}")
    with pytest.raises(DataError, match=r"temporal\.json: no row .* measure anew"):
        claims.table(tmp_path)


def test_entries_with_other_fields_are_refused() -> None:
    with pytest.raises(DataError, match="wanted: instead, matter, system"):
        claims._entry(claims.Error, {"system": "A"})


def test_a_folder_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        claims.table(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_damaged_file_is_refused(tmp_path) -> None:
    (tmp_path / "temporal.json").write_text("{")
    with pytest.raises(DataError, match=r"temporal\.json is damaged"):
        claims.table(tmp_path)
