from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake import fer2013 as fake
from fake import shades
from graphs import write_model

from kaoiro.cli.main import main
from kaoiro.evaluation.audit import making

WRONG = "happiness/90.png"
"""A dark picture among the bright ones."""


@pytest.fixture
def labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that audits and returns the JSON."""
    model = write_model(tmp_path / "model", [0.0] * 8)

    def audited(dataset: str, root: Path, *more: object, skip: str = "faces") -> dict[str, Any]:
        file = tmp_path / "out.json"
        argv = [
            "audit",
            "labels",
            dataset,
            "--root",
            root,
            "--json",
            file,
            "--model",
            model.path,
            "--skip",
            skip,
            *more,
        ]
        assert main([str(part) for part in argv]) == 0
        capsys.readouterr()
        return json.loads(file.read_text(encoding="utf-8"))

    return audited


def refused(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    try:
        assert main([str(part) for part in argv]) == 2
    except SystemExit as left:  # the parser itself refused
        assert left.code == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    return said.err


def listed(found: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Return the ids of the findings of each kind."""
    result: dict[str, list[list[str]]] = {}
    for one in found["listed"]:
        result.setdefault(one["kind"], []).append([picture["id"] for picture in one["pictures"]])
    return result


@pytest.fixture
def flawed(tmp_path: Path) -> Path:
    """A folder with one of each flaw."""
    root = shades.write_folders(tmp_path / "set")
    shades.save(root / WRONG, shades.picture("sadness", 90))
    shades.save(root / "happiness" / "91.png", shades.picture("happiness", 4))
    shades.save(root / "happiness" / "92.png", shades.picture("sadness", 5))
    shades.save(root / "Sad" / "93.png", shades.picture("sadness", 6)[:, ::-1] + 9)
    shades.save(root / "Sad" / "94.png", np.zeros((24, 24), np.uint8))
    (root / "Sad" / "95.png").write_bytes(b"broken")
    return root


def test_every_flaw_of_a_folder_is_found_and_nothing_else(flawed: Path, labels: Callable[..., Any]) -> None:
    pytest.importorskip("cleanlab")
    found = labels("folders", flawed)
    assert listed(found) == {
        "unreadable": [["Sad/95.png"]],
        "constant": [["Sad/94.png"]],
        "conflict": [["Sad/05.png", "happiness/92.png"]],
        "duplicate": [["happiness/04.png", "happiness/91.png"]],
        "near": [["Sad/06.png", "Sad/93.png"]],
        "error": listed(found)["error"],
    }
    assert sorted(listed(found)["error"]) in ([[WRONG]], [[WRONG], ["happiness/92.png"]])
    assert (found["pictures"], found["groups of identical pictures"], found["pictures in them"]) == (46, 2, 4)
    assert (found["of these mirrored"], found["groups with conflicting labels"]) == (1, 1)
    assert found["skew"]["all"]["n"] == 46


def test_a_corrected_set_has_none_of_its_flaws(
    flawed: Path, labels: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cleanlab")
    labels("folders", flawed, "--csv", tmp_path / "found.csv")
    table = pd.read_csv(tmp_path / "found.csv", dtype=str, keep_default_na=False)
    first = table["group"].duplicated()
    table.loc[table["finding"].isin(["unreadable", "constant"]) | first, "decision"] = "drop"
    wrong = table["id"] == WRONG
    table.loc[wrong, ["decision", "new_label"]] = "relabel", "sadness"
    table.loc[table["id"] == "happiness/92.png", "decision"] = "drop"
    table.to_csv(tmp_path / "decisions.csv", index=False)
    argv = ["audit", "apply", "folders", "--root", flawed, "--decisions", tmp_path / "decisions.csv"]
    assert main([*map(str, argv), "--out", str(tmp_path / "new")]) == 0
    assert "1 relabel, 5 drop; 41 of 46 pictures are in" in capsys.readouterr().out
    assert listed(labels("folders", tmp_path / "new")) == {}
    assert (tmp_path / "new" / "Sad" / "90.png").is_file()


def test_what_somebody_let_stand_is_not_listed_again(flawed: Path, labels: Callable[..., Any], tmp_path: Path) -> None:
    labels("folders", flawed, "--csv", tmp_path / "found.csv", skip="faces,errors,near")
    table = pd.read_csv(tmp_path / "found.csv", dtype=str, keep_default_na=False)
    assert table["finding"].tolist() == ["unreadable", "constant", "conflict", "conflict", "duplicate", "duplicate"]
    table.loc[table["finding"] != "duplicate", "decision"] = "keep"
    table.to_csv(tmp_path / "kept.csv", index=False)
    again = labels("folders", flawed, "--decided", tmp_path / "kept.csv", skip="faces,errors,near")
    assert list(listed(again)) == ["duplicate"]
    assert (again["decided before"], again["constant"]) == (4, 1)


def test_findings_are_written_for_spreadsheets(tmp_path: Path, labels: Callable[..., Any]) -> None:
    root = shades.write_folders(tmp_path)
    rows = [("Sad/00.png", "sad", "=cmd|'/C x'!A0"), ("Sad/00.png", "sad", "Ü\x1b[31m"), ("Sad/01.png", "sad", "")]
    pd.DataFrame(rows, columns=["path", "label", "split"]).to_csv(root / "labels.csv", index=False)
    found = labels("table", root, "--csv", tmp_path / "found.csv", skip="errors,faces")
    lines = (tmp_path / "found.csv").read_bytes().decode().splitlines()
    assert lines[0].startswith("\ufefffinding,group") and ",1,'=cmd|'/C x'!A0," in lines[1] and ",2,Ü[31m," in lines[2]
    assert list(found["labels by split"]["sadness"]) == ["(none)", "=cmd|'/C x'!A0", "Ü[31m"]


def test_empty_files_are_no_copies_of_each_other(tmp_path: Path, labels: Callable[..., Any]) -> None:
    root = shades.write_folders(tmp_path / "set")
    for name in ("Sad/x.png", "Sad/y.png", "happiness/z.png"):
        (root / name).touch()
    found = labels("folders", root, skip="errors,faces,near")
    assert (found["unreadable"], found["groups of identical pictures"]) == (3, 0)
    assert (found["pictures in them"], found["groups with conflicting labels"]) == (0, 0)


def test_folders_that_are_no_expression_are_told(
    flawed: Path, labels: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shades.save(flawed / "bored\x1b" / "a.png", shades.picture("sadness", 1))
    assert labels("folders", flawed, skip="errors,faces,near")["left out"] == (
        "1 in the folder bored, which is no expression"
    )
    (flawed.parent / "d.csv").write_text("id,hash,label,decision,new_label\n")
    argv = [
        "apply",
        "folders",
        "--root",
        flawed,
        "--decisions",
        flawed.parent / "d.csv",
        "--out",
        flawed.parent / "new",
    ]
    assert main(["audit", *map(str, argv)]) == 0
    assert "left out: 1 in the folder bored, which is no expression\n" in capsys.readouterr().err


def test_people_and_splits_of_a_table_count(tmp_path: Path, labels: Callable[..., Any]) -> None:
    root = shades.write_folders(tmp_path)
    rows = [(f"Sad/{n:02}.png", "sad", "train" if n < 15 else "test") for n in range(20)]
    rows += [("Sad/00.png", "sad", "test"), ("Sad/01.png", "happy", "train")]
    pd.DataFrame(rows, columns=["path", "label", "split"]).to_csv(root / "labels.csv", index=False)
    found = labels("table", root, skip="errors,faces")
    assert listed(found) == {"conflict": [["2", "22"]], "duplicate": [["1", "21"]]}
    assert found["listed"][1]["note"] == "in test and train"
    assert found["groups across splits"] == 1
    assert found["pictures of test with a twin in another split"] == 1
    assert found["labels by split"]["happiness"] == {"test": "0 (0.0%)", "train": "1 (6.2%)"}


FACTS = (
    "constant",
    "groups of identical pictures",
    "pictures in them",
    "pictures of PublicTest with a twin in another split",
    "groups with conflicting labels",
)


def test_copies_are_counted_as_the_known_facts_of_fer2013_are(tmp_path: Path, labels: Callable[..., Any]) -> None:
    """A row counts once, a group over both parts, constant images too, and a conflict wherever labels differ."""
    made = fake.make({"Training": 12, "PublicTest": 8}, 0, 0)
    for row, source, label in ((1, 0, 3), (12, 0, 3), (13, 0, 3), (14, 2, 5), (4, 3, 6)):
        made.images[row], made.labels[source], made.labels[row] = made.images[source], 3, label
    for row, label in ((10, 0), (11, 4), (19, 4)):
        made.images[row], made.labels[row] = 0, label
    made.images[18] = 255
    (tmp_path / "fer").mkdir()
    fake.write_images(tmp_path / "fer" / "fer2013.csv", made)
    found = labels("fer2013", tmp_path / "fer", skip="errors,near,faces")
    # groups: 0 1 12 13 (alike), 2 14 (conflict, crosses), 3 4 (conflict), 10 11 19 (constant, conflict, crosses)
    assert [found[name] for name in FACTS] == [4, 4, 11, 4, 3]
    assert [len(ids) for ids in listed(found)["conflict"]] == [2, 2]  # constant ones are told apart
    assert listed(found)["constant"] == [["11"], ["12"], ["19"], ["20"]]


@pytest.mark.data
def test_the_known_facts_of_fer2013_are_found(labels: Callable[..., Any]) -> None:
    folder = os.environ.get("KAOIRO_FER2013")
    if folder is None:
        pytest.skip("KAOIRO_FER2013 names no folder")
    found = labels("fer2013", Path(folder), skip="errors,near,faces")
    if found["pictures"] != 28709 + 3589:
        pytest.skip("the figures are known for Training and PublicTest, without PrivateTest")
    assert [found[name] for name in FACTS] == [12, 1273, 2805, 280, 47]


def test_results_of_fer2013_hold_votes_and_no_picture(tmp_path: Path, labels: Callable[..., Any]) -> None:
    pytest.importorskip("cleanlab")
    fake.write(tmp_path / "fer", {"Training": 120, "PublicTest": 60}, duplicates=3)
    found = labels("fer2013", tmp_path / "fer", "--results", tmp_path / "docs")
    assert found["pictures of PublicTest with a twin in another split"] == 3
    assert found["label is the most frequent vote"] > 0.8  # a drawn contempt counts as neutral
    assert list(found["most doubtful labels against the votes, not learned from"])[-1] == "all labels"
    stored = json.loads((tmp_path / "docs" / "audit-fer2013.json").read_text())
    assert stored["findings"] == found["findings"] and "listed" not in stored and stored["commit"]
    page = (tmp_path / "docs" / "audit-fer2013.md").read_text()
    assert "| anger |" in page and "data:image" not in page


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("labels", "folders", "--root", "none"), "none is not a folder"),
        (("labels", "table", "--root", "none"), "no table in none"),
        (("labels", "fer2013", "--root", "none"), "fer2013.csv not found"),
        (("labels", "album", "--root", "none"), "invalid choice: 'album'"),
        (("labels", "folders", "--root", "x", "--skip", "people"), "must be some of errors, near, faces"),
        (("labels", "folders", "--root", "x", "--seed", "-1"), "must be a whole number of 0 or more"),
        (("labels", "folders", "--root", "x", "--html", "a.csv"), "--html a.csv: the name must end in .html"),
        (("labels", "folders", "--root", "x", "--decided", "no.csv"), "no.csv cannot be read"),
        (("labels", "folders", "--root", "x", "--model", "nobody"), "nobody"),
        (("apply", "folders", "--root", "x", "--out", "y"), "required: --decisions"),
    ],
    ids=["no folder", "no table", "no files", "kind", "part", "seed", "ending", "decisions", "model", "flag"],
)
def test_bad_input_gets_one_line(argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(capsys, "audit", *argv)


def test_too_few_pictures_to_find_errors_are_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cleanlab")
    monkeypatch.setattr(making, "see", None)
    root = shades.write_folders(tmp_path / "set")
    rows = [(f"{label}/{n:02}.png", label, f"person {n % 4}") for label in ("Sad", "happiness") for n in range(20)]
    pd.DataFrame(rows, columns=["path", "label", "person"]).to_csv(root / "labels.csv", index=False)
    assert "needs two labels with 5 pictures each" in refused(capsys, "audit", "labels", "table", "--root", root)
    (root / "Sad").rename(tmp_path / "sorrow")
    assert "needs two labels with 5 pictures each" in refused(capsys, "audit", "labels", "folders", "--root", root)


def test_without_the_library_errors_need_the_extra_and_the_rest_does_not(
    flawed: Path,
    labels: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cleanlab" else there(name))
    said = refused(capsys, "audit", "labels", "folders", "--root", flawed)
    assert said.endswith('--skip errors needs the extra [audit]: pip install "kaoiro[audit]"\n')
    assert "error" not in listed(labels("folders", flawed, skip="faces,errors"))


def test_places_that_cannot_be_written_are_refused_before_the_work(
    flawed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "see", None)
    (flawed.parent / "file").touch()
    (flawed.parent / "folder.csv").mkdir()
    wrong = {"--json": flawed, "--csv": flawed.parent / "folder.csv", "--html": flawed.parent / "file" / "a.html"}
    for flag, place in wrong.items():
        argv = "audit", "labels", "folders", "--root", flawed, "--skip", "errors", flag, place
        assert f"{flag} {place}: there is a folder of this name" in refused(capsys, *argv)
    argv = "audit", "labels", "folders", "--root", flawed, "--skip", "errors", "--results", flawed.parent / "file"
    assert "there is a file in the place of the folder" in refused(capsys, *argv)


def test_decisions_about_another_picture_are_refused(flawed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = flawed.parent / "d.csv"
    file.write_text(f"id,hash,label,decision,new_label\n{WRONG},00,happiness,drop,\n")
    argv = "audit", "apply", "folders", "--root", flawed, "--decisions", file, "--out", flawed.parent / "new"
    assert "decided about another picture (its hash differs); audit again" in refused(capsys, *argv)
    assert not (flawed.parent / "new").exists()
