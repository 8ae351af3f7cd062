from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake import fer2013 as fake
from fake import shades
from PIL import Image

from kaoiro.core.errors import DataError, OutputError
from kaoiro.core.labels import FER2013
from kaoiro.data.datasets import fer2013
from kaoiro.evaluation.audit import applying, decisions
from kaoiro.evaluation.audit.decisions import Decision, Verb, digest_of
from kaoiro.evaluation.audit.labelled_set import LabelledSet, opened


def decided(data: LabelledSet, row: int, verb: Verb, new: str = "") -> Decision:
    return Decision(data.ids[row], digest_of(data, row), data.label(row), verb, new)


def applied(data: LabelledSet, out: Path, *made: Decision, link: bool = False) -> None:
    applying.write(data, decisions.fitted(data, list(made), "d.csv"), out, link)


def folder_of_four(root: Path) -> LabelledSet:
    for name, number in (("fear/a.png", 0), ("fear/sub/b.png", 1), ("Angry/a.png", 2), ("Angry/c.png", 3)):
        shades.save(root / name, shades.picture("sadness", number))
    return opened("folders", root)


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))


@pytest.mark.parametrize("link", [False, True], ids=["copied", "linked"])
def test_folders_are_written_with_new_labels_and_without_what_was_dropped(tmp_path: Path, link: bool) -> None:
    data = folder_of_four(tmp_path / "set")
    assert data.ids == ("Angry/a.png", "Angry/c.png", "fear/a.png", "fear/sub/b.png")
    made = decided(data, 0, "keep"), decided(data, 1, "drop"), decided(data, 2, "relabel", "anger")
    applied(data, tmp_path / "out", *made, decided(data, 3, "relabel", "surprise"), link=link)
    assert names(tmp_path / "out") == ["Angry/a-from-fear.png", "Angry/a.png", "surprise/sub/b.png"]
    moved = np.asarray(Image.open(tmp_path / "out" / "Angry" / "a-from-fear.png"))
    assert (moved == shades.picture("sadness", 0)).all()
    assert (tmp_path / "out" / "Angry" / "a.png").samefile(tmp_path / "set" / "Angry" / "a.png") == link
    assert len(names(tmp_path / "set")) == 4


def test_fer2013_is_written_with_its_votes_row_by_row(tmp_path: Path) -> None:
    fake.write(tmp_path / "set")
    data, before = opened("fer2013", tmp_path / "set"), fer2013.read(tmp_path / "set")
    new = "fear" if data.label(2) != "fear" else "anger"
    applied(
        data, tmp_path / "out", decided(data, 0, "drop"), decided(data, 2, "relabel", new), decided(data, 40, "drop")
    )
    after, kept = fer2013.read(tmp_path / "out"), np.setdiff1d(np.arange(len(before)), [0, 40])
    wanted = before.labels[kept]
    wanted[1] = FER2013.index(new)
    assert after.labels.tolist() == wanted.tolist()
    assert (after.images == before.images[kept]).all() and (after.usage == before.usage[kept]).all()
    assert after.votes is not None and before.votes is not None and (after.votes == before.votes[kept]).all()


def test_votes_of_parts_without_images_do_not_shift_the_others(tmp_path: Path) -> None:
    fake.write(tmp_path / "set")
    lines = (tmp_path / "set" / "fer2013.csv").read_text().splitlines()
    (tmp_path / "set" / "fer2013.csv").write_text("\n".join(one for one in lines if ",PrivateTest" not in one) + "\n")
    data, before = opened("fer2013", tmp_path / "set"), fer2013.read(tmp_path / "set")
    applied(data, tmp_path / "out", decided(data, 5, "drop"))
    after = fer2013.read(tmp_path / "out")
    assert after.votes is not None and before.votes is not None
    assert (after.votes == np.delete(before.votes, 5, axis=0)).all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_keeps_its_columns_and_finds_its_pictures_from_its_new_place(tmp_path: Path, suffix: str) -> None:
    folder_of_four(tmp_path / "set")
    rows = [("fear/a.png", "Afraid", "ann"), ("Angry/a.png", "Angry", "bob"), ("Angry/c.png", "angry", "bob")]
    pd.DataFrame(rows, columns=["path", "label", "note"]).to_csv(tmp_path / "set" / "labels.csv", index=False)
    data = opened("table", tmp_path / "set")
    out = tmp_path / "other" / f"new{suffix}"
    applied(data, out, decided(data, 0, "relabel", "neutral"), decided(data, 1, "drop"))
    after = opened("table", out)
    assert [after.label(row) for row in range(len(after))] == ["neutral", "anger"]
    assert [digest_of(after, row) for row in (0, 1)] == [digest_of(data, row) for row in (0, 2)]
    table = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out)
    assert table["note"].tolist() == ["ann", "bob"] and table["label"].tolist() == ["neutral", "angry"]


def of(change: Callable[[Decision], Decision]) -> Callable[[LabelledSet], list[Decision]]:
    return lambda data: [change(decided(data, 0, "relabel", "fear"))]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            of(lambda one: Decision("x.png", one.hash, one.label, one.verb, one.new_label)),
            "no picture with the id 'x.png'",
        ),
        (of(lambda one: Decision(one.id, "00", one.label, one.verb, one.new_label)), "another picture"),
        (
            of(lambda one: Decision(one.id, one.hash, "fear", "keep")),
            "decided about the label 'fear', but it is 'anger'",
        ),
        (
            of(lambda one: Decision(one.id, one.hash, one.label, "relabel", "bored")),
            "no label is called 'bored'; valid",
        ),
        (lambda data: [decided(data, row, "drop") for row in range(4)], "every picture of .* would be dropped"),
    ],
    ids=["unknown id", "other pixels", "other label", "unknown label", "all dropped"],
)
def test_decisions_that_do_not_fit_are_refused(
    tmp_path: Path, made: Callable[[LabelledSet], list[Decision]], said: str
) -> None:
    data = folder_of_four(tmp_path / "set")
    with pytest.raises(DataError, match=said):
        applied(data, tmp_path / "out", *made(data))
    assert not (tmp_path / "out").exists()


def test_contempt_is_no_label_of_fer2013(tmp_path: Path) -> None:
    fake.write(tmp_path)
    data = opened("fer2013", tmp_path)
    with pytest.raises(DataError, match="no label is called 'contempt'"):
        decisions.fitted(data, [decided(data, 0, "relabel", "contempt")], "d.csv")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a,00,fear,forget,", "row 1: the decision must be empty or one of keep, relabel, drop; found 'forget'"),
        ("a,00,fear,relabel,", "row 1: 'relabel' needs a new_label"),
        ("a,00,fear,drop,anger", "row 1: 'relabel' needs a new_label, and nothing else has one"),
        ("a,00,fear,keep,\na,00,fear,drop,", "row 2: a was decided otherwise further up"),
    ],
    ids=["unknown verb", "no new label", "label beside drop", "contradiction"],
)
def test_tables_of_decisions_that_make_no_sense_are_refused(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "d.csv"
    file.write_text(f"id,hash,label,decision,new_label\n{line}\n")
    with pytest.raises(DataError, match=said):
        decisions.read(file)


def test_rows_without_a_decision_and_repeated_ones_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    lines = [
        "id,hash,label,decision,new_label,more",
        '"a, b",00,fear,drop,,1',
        '"a, b",00,fear,drop,,2',
        "c,01,Sad,,,3",
    ]
    file.write_text("\n".join(lines) + "\n")
    assert decisions.read(file) == [Decision("a, b", "00", "fear", "drop")]
    file.write_text("id,hash,label\n")
    with pytest.raises(DataError, match=r"lacks the column\(s\) decision, new_label"):
        decisions.read(file)


def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        shades.save(tmp_path / "set" / " fear" / name, shades.picture("sadness", len(name)))
    shades.save(tmp_path / "set" / "\tFear" / "猫, ü.png", shades.picture("sadness", 2))
    data, file = opened("folders", tmp_path / "set"), tmp_path / "d.csv"
    assert data.ids == ("\tFear/猫, ü.png", " fear/a.png", " fear/b.png")
    rows = ["id,hash,label,decision,new_label,,"]
    rows += [f'"\'{data.ids[0]}",{digest_of(data, 0)},fear,Drop,,,']  # the apostrophe of `findings.write`
    rows += [f"{data.ids[1]},{digest_of(data, 1)},fear,RELABEL,Angry,,", ",,,,,,"]
    file.write_bytes("\r\n".join([*rows, ""]).encode("utf-8-sig"))
    made = decisions.fitted(data, decisions.read(file), file)
    assert {row: (one.verb, one.new_label) for row, one in made.items()} == {0: ("drop", ""), 1: ("relabel", "anger")}


def test_rows_of_a_table_are_numbers_also_in_parquet(tmp_path: Path) -> None:
    folder_of_four(tmp_path)
    (tmp_path / "labels.csv").write_text("path,label\nfear/a.png,fear\nAngry/a.png,anger\n")
    data = opened("table", tmp_path)
    columns = {"id": [1, 2], "hash": [digest_of(data, 0), ""], "label": ["fear", "anger"], "new_label": [None, None]}
    pd.DataFrame(columns | {"decision": ["drop", None]}).to_parquet(tmp_path / "d.parquet")
    made = decisions.fitted(data, decisions.read(tmp_path / "d.parquet"), "d.parquet")
    assert {row: one.verb for row, one in made.items()} == {0: "drop"}
    (tmp_path / "d.csv").write_text(f"id,hash,label,decision,new_label\n 2 ,{digest_of(data, 1)},anger,keep,\n")
    assert list(decisions.fitted(data, decisions.read(tmp_path / "d.csv"), "d.csv")) == [1]


def test_a_picture_that_cannot_be_copied_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    folder_of_four(tmp_path / "set")
    (tmp_path / "set" / "fear" / "z.png").symlink_to("nowhere")
    data = opened("folders", tmp_path / "set")
    with pytest.raises(OutputError, match=r"fear/z\.png cannot be copied or linked: No such file"):
        applied(data, tmp_path / "out", decided(data, 0, "drop"))
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    applied(data, tmp_path / "out", decided(data, len(data) - 1, "drop"))
    assert len(names(tmp_path / "out")) == 4


def test_links_are_refused_where_there_is_nothing_to_link(tmp_path: Path) -> None:
    fake.write(tmp_path / "set")
    with pytest.raises(OutputError, match="--link is for folders"):
        applied(opened("fer2013", tmp_path / "set"), tmp_path / "out", link=True)


def test_what_was_decided_is_known_by_picture_and_label() -> None:
    made = [Decision("1", "aa", "fear", "keep"), Decision("2", "bb", "fear", "relabel", "anger")]
    assert decisions.settled([*made, Decision("3", "cc", "fear", "drop")]) == {("aa", "fear"), ("bb", "anger")}


def test_nothing_is_written_over_or_into_the_set(tmp_path: Path) -> None:
    data = folder_of_four(tmp_path / "set")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for out, said in (("set/new", "within each other"), ("", "within each other"), ("full", "is there already")):
        with pytest.raises(OutputError, match=said):
            applied(data, tmp_path / out, decided(data, 0, "drop"))
    (tmp_path / "empty").mkdir()
    applied(data, tmp_path / "empty", decided(data, 0, "drop"))
    assert len(names(tmp_path / "empty")) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full", "set"]


def test_a_table_needs_a_new_file_with_a_known_ending(tmp_path: Path) -> None:
    folder_of_four(tmp_path)
    (tmp_path / "labels.csv").write_text("path,label\nfear/a.png,fear\nAngry/a.png,anger\n")
    data = opened("table", tmp_path)
    wrong = {"labels.csv": "is there already", "new.txt": "must end in .csv or", "new.PARQUET": "must end in .csv or"}
    for out, said in wrong.items():
        with pytest.raises(OutputError, match=said):
            applied(data, tmp_path / out, decided(data, 0, "drop"))
