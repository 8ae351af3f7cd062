from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake import groups as fake

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.evaluation.groups.banding import asked
from kaoiro.evaluation.groups.joining import Joined, joined
from kaoiro.evaluation.groups.looked_at import COLUMNS, read

SOURCES = ("in/a.jpg", "in/b.jpg", "in/c.jpg")
ROWS = (("in/a.jpg", "ann", "sad", "f", 30), ("in/b.jpg", "bob", "", "m", 40), ("in/c.jpg", "bob", "anger", "m", 40))


@pytest.fixture
def records(tmp_path: Path) -> Path:
    rows = [fake.photo(SOURCES[0], sadness=0.6), fake.photo(SOURCES[0], size=50), fake.photo(SOURCES[1], face=False)]
    return fake.write(tmp_path / "r.parquet", [*rows, fake.photo(SOURCES[2], anger=0.9, valence=-0.5)])


def join(records: Path, rows: Sequence[Sequence[object]] = ROWS, by: Sequence[str] = (), **options: Any) -> Joined:
    header = options.pop("header", fake.HEADER)
    table = fake.write_groups(records.parent / "g.csv", rows, header)
    return joined(read([records]), table, [asked(name) for name in by], **options)


def test_the_largest_face_of_a_picture_is_joined_with_its_row(records: Path) -> None:
    found = join(records)
    faces = found.faces
    assert (len(faces), faces.further, faces.persons) == (3, 1, 2)
    assert faces.found.tolist() == [True, False, True]
    assert faces.people.tolist() == ["ann", "bob", "bob"]
    assert faces.scores[0, EXPRESSIONS.index("sadness")] == pytest.approx(0.6)
    assert faces.affect[2, 0] == -0.5 and np.isnan(faces.affect[0]).all()
    assert [EXPRESSIONS.labels[place] if place >= 0 else "" for place in faces.truth] == ["sadness", "", "anger"]
    assert (list(faces.groupings), found.truth, found.person) == (["gender", "age"], "expression", "person")
    assert faces.groupings["gender"].places.tolist() == [0, 1, 1]


@pytest.mark.parametrize("names", [("a.jpg", "b.jpg", "c.jpg"), ("in\\a.jpg", "./in/b.jpg", "in/c.jpg")])
def test_pictures_may_be_called_by_the_end_of_their_path(records: Path, names: tuple[str, ...]) -> None:
    rows = [(name, *row[1:]) for name, row in zip(names, ROWS, strict=True)]
    assert join(records, rows).faces.people.tolist() == ["ann", "bob", "bob"]


def test_an_end_that_fits_two_pictures_is_refused(tmp_path: Path) -> None:
    records = fake.write(tmp_path / "r.csv", [fake.photo("x/a.jpg"), fake.photo("y/a.jpg")])
    with pytest.raises(InputError, match=r"source a.jpg may be x/a.jpg or y/a.jpg"):
        join(records, [("a.jpg", "ann", "", "f", 1)])


def test_without_people_every_picture_is_somebody_and_without_truth_none_is_known(records: Path) -> None:
    found = join(records, [(row[0], row[3]) for row in ROWS], header=("path", "gender"))
    assert (found.person, found.truth, found.faces.people.tolist()) == ("", "", list(SOURCES))
    assert found.faces.truth.tolist() == [-1, -1, -1]


def test_records_that_name_people_are_joined_by_them(records: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(records).assign(person=["1", "1", "2", "2"])
    table.to_csv(tmp_path / "own.csv", index=False)
    found = join(tmp_path / "own.csv", [("1", "f"), ("2", "m")], header=("person", "gender"))
    assert found.faces.groupings["gender"].places.tolist() == [0, 1, 1]
    assert found.faces.people.tolist() == ["1", "2", "2"]


def test_columns_that_make_no_groups_are_noted_unless_they_were_asked_for(records: Path) -> None:
    rows = [(*row, "same") for row in ROWS]
    header = (*fake.HEADER, "studio")
    found = join(records, rows, header=header)
    assert list(found.faces.groupings) == ["gender", "age"]
    assert [note for note in found.notes if "studio" in note and "one group only" in note]
    with pytest.raises(InputError, match="studio has one group only"):
        join(records, rows, ["studio"], header=header)


def test_rows_that_no_record_shows_are_noted_and_groups_refused(records: Path) -> None:
    more = ("in/d.jpg", "dan", "", "m", 40)
    assert "1 rows of g.csv are of no picture" in join(records, [*ROWS, more]).notes[0]
    with pytest.raises(InputError, match="no record shows anybody of d"):
        join(records, [*ROWS, (*more[:3], "d", 40)])


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        (ROWS[:1], {}, "has no row for 2 of 3 pictures of the records: in/b.jpg, in/c.jpg"),
        ([*ROWS, ROWS[1]], {}, "row 4: source in/b.jpg is in row 2 already"),
        ([], {}, "has no rows"),
        ([(*row[:2], "grim", *row[3:]) for row in ROWS], {}, "found 'grim'"),
        ([("", *ROWS[0][1:])], {}, "row 1: nothing in the column source"),
        (ROWS, {"by": ["sex"]}, "--by sex: no such column in .*; it has source, person"),
        (ROWS, {"by": ["person"]}, "names pictures or people"),
        (ROWS, {"truth": "label"}, "--truth label: no such column"),
        (ROWS, {"header": ("photo", "person", "expression", "gender", "age")}, "needs a column source or path or file"),
        ([(row[0], "x") for row in ROWS], {"header": ("source", "studio")}, "no column that makes groups"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    records: Path, rows: Sequence[Sequence[object]], options: dict[str, Any], told: str
) -> None:
    with pytest.raises((DataError, InputError), match=told):
        join(records, rows, **options)


def test_records_that_are_none_or_hold_a_face_twice_are_refused(records: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"records hold in/a.jpg, in/b.jpg, in/c.jpg twice"):
        read([records, records])
    other = tmp_path / "o.csv"
    other.write_text("source,x\na.jpg,1\n")
    with pytest.raises(InputError, match="the column"):
        read([other])
    empty = pd.read_parquet(records).iloc[:0]
    empty.to_csv(other, index=False)
    with pytest.raises(InputError, match="no rows"):
        read([other])
    pd.read_parquet(records).assign(source=None).to_parquet(tmp_path / "n.parquet")
    with pytest.raises(InputError, match="rows without a source"):
        read([tmp_path / "n.parquet"])
    with pytest.raises(InputError, match="cannot be read"):
        read([tmp_path / "absent.csv"])


def test_records_of_every_format_read_alike(records: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(records)
    frame.to_csv(tmp_path / "r.csv", index=False)
    frame.to_json(tmp_path / "r.jsonl", orient="records", lines=True)
    expected = read([records])
    for name in ("r.csv", "r.jsonl"):
        found = read([tmp_path / name])
        assert found.table.equals(expected.table)
        np.testing.assert_allclose(found.scores, expected.scores)
    assert expected.scores.shape == (3, len(COLUMNS))
