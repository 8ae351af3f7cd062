from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from kaoiro.core.errors import OutputError
from kaoiro.evaluation import report

FIGURES: dict[str, Any] = {
    "n": 3,
    "accuracy": 2 / 3,
    "accuracy_interval_95": [0.25, 1.0],
    "accuracy_dedup": None,
    "labels": "ferplus",
    "split": "val",
    "model": "stills",
    "per_class": {
        "anger": {"recall": 0.5, "precision": 1.0, "support": 2},
        "fear": {"recall": 1.0, "precision": None, "support": 1},
    },
    "confusion": {"labels": ["anger", "fear"], "counts": [[1, 1], [0, 1]]},
}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_plain_figures_are_rows_of_one_table() -> None:
    rows = dict(cells(line) for line in report.text(FIGURES).split("\n\n")[0].splitlines())
    assert rows["accuracy"] == "0.6667"
    assert rows["n"] == "3"
    assert rows["accuracy_interval_95"] == "0.2500, 1.0000"
    assert rows["accuracy_dedup"] == "–"
    assert "per_class" not in rows
    assert "confusion" not in rows


def test_small_differences_are_not_rounded_to_nothing() -> None:
    text = report.text({"large": 0.00125, "small": -2.34e-07, "none": 0.0})
    assert dict(cells(line) for line in text.splitlines()[2:]) == {
        "large": "0.0013",
        "small": "-2.3e-07",
        "none": "0.0000",
    }


def test_classes_and_confusion_are_tables_of_their_own() -> None:
    text = report.text(FIGURES)
    lines = text.splitlines()
    start = lines.index("**per_class**")
    assert cells(lines[start + 2]) == ["", "recall", "precision", "support"]
    assert cells(lines[start + 5]) == ["fear", "1.0000", "–", "1"]
    start = lines.index("**confusion** (counts)")
    assert cells(lines[start + 2]) == ["true \\ answered", "anger", "fear"]
    assert cells(lines[start + 4]) == ["anger", "1", "1"]
    assert cells(lines[start + 5]) == ["fear", "0", "1"]


def test_every_row_of_a_table_has_as_many_cells_as_its_header() -> None:
    for block in report.text(FIGURES).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


def test_the_name_says_what_was_measured_on_which_labels_split_and_model() -> None:
    assert report.name_of("fer2013", FIGURES) == "fer2013-ferplus-val-stills"
    assert report.name_of("crop", {"n": 1}) == "crop"


def test_what_was_measured_without_a_model_has_one_page_whatever_the_split() -> None:
    assert report.name_of("face-sizes", {"split": "val", "found": {}}) == "face-sizes"


def test_writing_leaves_a_page_and_its_figures_beside_date_and_machine(tmp_path: Path) -> None:
    report.write(tmp_path / "results", "name", FIGURES)
    content = json.loads((tmp_path / "results" / "name.json").read_text(encoding="utf-8"))
    assert {key: content[key] for key in FIGURES} == FIGURES
    assert datetime.date.fromisoformat(content["measured"]) <= datetime.date.today()
    assert content["machine"]["processors"] >= 1
    page = (tmp_path / "results" / "name.md").read_text(encoding="utf-8")
    assert page.startswith("# name\n\n| figure | value |")
    assert "| accuracy | 0.6667 |" in page
    assert "onnxruntime" in page


def test_the_machine_is_described_without_naming_it() -> None:
    import platform

    description = report.machine()
    assert set(description) == {"processors", "platform", "python", "onnxruntime"}
    assert platform.node() not in description.values()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        report.write(tmp_path / "file", "name", FIGURES)
