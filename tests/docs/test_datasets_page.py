from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake import ck_plus

from kaoiro.cli import audit
from kaoiro.data import kinds

PAGE = (Path(__file__).parents[2] / "docs/reference/datasets.md").read_text(encoding="utf-8")


def test_the_page_has_a_row_for_every_kind_and_no_other() -> None:
    assert sorted(re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)) == sorted(kinds.KINDS)


def test_kinds_that_can_be_audited_come_first_beside_ones_own() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert {*listed[: listed.index("mug") + 1], "folders", "table"} == set(audit.DATASETS)


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ck_plus.write(tmp_path / "CK+")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "datasets.md", "exec"), {"__name__": "page"})
    said = capsys.readouterr().out
    assert "16 rows; 4 sequences without a label of emotion left out" in said
    assert said.endswith("made\n")
