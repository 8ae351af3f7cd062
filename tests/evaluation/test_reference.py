from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path

import pytest

from kaoiro.core.types import COLUMNS
from kaoiro.evaluation.reference import markdown


def table() -> list[list[str]]:
    lines = [line for line in markdown().splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_column_stands_in_the_table_in_the_order_of_writing() -> None:
    assert [row[0] for row in table()] == [f"`{column.name}`" for column in COLUMNS]


def test_a_row_says_kind_unit_decimals_and_meaning() -> None:
    for row, column in zip(table(), COLUMNS, strict=True):
        digits = "" if column.digits is None else str(column.digits)
        assert row[1:] == [column.kind, column.unit, digits, column.meaning]


def test_every_number_has_a_unit() -> None:
    assert [column.name for column in COLUMNS if column.kind == "number" and not column.unit] == []


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["reference", str(tmp_path / "page.md")])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*found in sys.modules.*")
        runpy.run_module("kaoiro.evaluation.reference", run_name="__main__")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == markdown()
