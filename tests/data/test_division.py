from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import aff_wild2, affectnet, ck_plus, emotiw, fer2013, numbered, raf_db

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.data import kinds
from kaoiro.data.division import divide
from kaoiro.data.labelled_set import LabelledSet, Row, gathered


def rows_of(root: Path, *rows: tuple[str, str, str]) -> LabelledSet:
    """Return a set of rows: person, group, official split; labels go through the eight."""
    made = [
        Row(str(number), EXPRESSIONS.labels[number % 8], numbered.picture(root / f"{number}.png", number), *row)
        for number, row in enumerate(rows)
    ]
    return gathered("folders", root, made)


def test_people_are_kept_on_one_side_and_classes_near_their_shares(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    people = [f"p{number}" for number in range(60) for _ in range(rng.integers(2, 12))]
    rows = [Row(str(number), EXPRESSIONS.labels[rng.integers(8)], tmp_path, who) for number, who in enumerate(people)]
    data = gathered("folders", tmp_path, rows)
    made = divide(data)
    assert made.origin == "made" and made.notes == ()
    for person in np.unique(data.persons):
        assert len(np.unique(made.parts[data.persons == person])) == 1
    for label in range(8):
        shares = [(made.parts[data.truth == label] == part).mean() for part in ("train", "val", "test")]
        assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.05)
    assert (divide(data, seed=1).parts != made.parts).any()
    assert sorted(np.concatenate([made.rows(part) for part in ("train", "val", "test")])) == list(range(len(data)))


def test_a_person_in_two_films_ties_them_together(tmp_path: Path) -> None:
    rows = [("ann", "Juno", ""), ("ann", "21", ""), ("ben", "21", ""), *(("", f"film {n}", "") for n in range(9))]
    made = divide(rows_of(tmp_path, *rows))
    assert len(set(made.parts[:3].tolist())) == 1


def test_identical_pictures_of_nobody_stay_together_unless_that_is_not_wanted(tmp_path: Path) -> None:
    data = rows_of(tmp_path, *[("", "", "")] * 40)
    for row in range(1, 40, 2):
        data.paths[row].write_bytes(data.paths[row - 1].read_bytes())
    made = divide(data)
    assert (made.parts[::2] == made.parts[1::2]).all()
    assert made.notes == ("of 40 rows neither person nor film is known: only identical files are kept together",)
    apart = divide(data, copies=False)
    assert (apart.parts[::2] != apart.parts[1::2]).any()
    assert "they may be divided" in apart.notes[0]


def test_a_picture_that_cannot_be_read_stands_alone(tmp_path: Path) -> None:
    data = rows_of(tmp_path, *[("", "", "")] * 8)
    data.paths[0].unlink()
    assert len(divide(data).parts) == 8


def test_complete_official_parts_are_kept(tmp_path: Path) -> None:
    fer2013.write(tmp_path, duplicates=3)
    made = divide(kinds.opened("fer2013", tmp_path))
    assert made.origin == "official"
    assert [len(made.rows(part)) for part in ("train", "val", "test")] == [32, 16, 16]
    assert made.notes[1] == "6 rows have an identical picture in another official part"


def test_a_missing_validation_part_is_taken_from_train(tmp_path: Path) -> None:
    data = kinds.opened("raf-db", raf_db.write(tmp_path))
    made = divide(data)
    assert made.origin == "official"
    assert (made.parts[data.splits == "test"] == "test").all()
    assert 0 < len(made.rows("val")) < 6 and set(data.splits[made.rows("val")].tolist()) == {"train"}
    assert made.notes[-1] == f"val is {len(made.rows('val'))} rows of the official train part"


@pytest.mark.parametrize("kind", ["affectnet", "sfew", "aff-wild2"])
def test_where_no_test_part_was_handed_out_the_validation_part_is_reported_on(tmp_path: Path, kind: str) -> None:
    write = {"affectnet": affectnet.write_arrays, "sfew": emotiw.write_sfew, "aff-wild2": aff_wild2.write}[kind]
    data = kinds.opened(kind, write(tmp_path))
    made = divide(data)
    assert made.origin == "official"
    assert ((made.parts == "test") == (data.splits == "val")).all()
    assert len(made.rows("val"))
    assert any(note.startswith("test is the official validation part") for note in made.notes)
    films = [set(data.groups[made.rows(part)].tolist()) - {""} for part in ("train", "val", "test")]
    assert not (films[0] & films[1] or films[0] & films[2] or films[1] & films[2])


def test_official_parts_that_share_somebody_are_told_and_made_anew(tmp_path: Path) -> None:
    rows = [(f"p{number}", "", ("train", "val", "test")[number % 3]) for number in range(9)]
    made = divide(rows_of(tmp_path, *rows, ("p0", "", "test")))
    assert made.origin == "made"
    assert made.notes == ("official parts are not kept: 1 people or films are in more than one, such as p0",)
    assert made.parts[0] == made.parts[9]


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (("train", "train", "test", "old"), "1 rows are in no part"),
        (("train",) * 4, "all rows are in train"),
        (("val", "test", "val", "test"), "all rows are in val and test"),
    ],
)
def test_incomplete_official_parts_are_made_anew(tmp_path: Path, splits: tuple[str, ...], said: str) -> None:
    made = divide(rows_of(tmp_path, *[(f"p{number}", "", split) for number, split in enumerate(splits)]))
    assert (made.origin, made.notes) == ("made", (f"official parts are not kept: {said}",))


def test_too_few_people_wrong_shares_and_unknown_parts_are_refused(tmp_path: Path) -> None:
    data = rows_of(tmp_path, ("ann", "", ""), ("ben", "", ""), ("ann", "", ""))
    with pytest.raises(DataError, match=r"3 parts of 2 person\(s\), film\(s\) or picture\(s\) cannot be"):
        divide(data)
    with pytest.raises(InputError, match="shares must be three above 0 that sum to 1"):
        divide(data, (0.5, 0.5, 0.0))
    made = divide(kinds.opened("ck-plus", ck_plus.write(tmp_path / "ck")))
    with pytest.raises(DataError, match="no part is called 'dev'; valid parts: train, val, test"):
        made.rows("dev")
