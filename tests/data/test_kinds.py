"""What holds of every kind of set that is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake import aff_wild2, affectnet, ck_plus, emotiw, fer2013, mug, numbered, raf_db, ravdess

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.data import kinds
from kaoiro.data.division import PARTS, divide
from kaoiro.data.labelled_set import LabelledSet
from kaoiro.data.splits import alike, joined
from kaoiro.evaluation import pictures


def folders(root: Path) -> None:
    for number, label in enumerate(EXPRESSIONS.labels):
        numbered.picture(root / label / f"{number}.png", number)


def table(root: Path) -> None:
    names = [numbered.picture(root / f"{number}.png", number).name for number in range(8)]
    rows = {"path": names, "label": EXPRESSIONS.labels, "person": ["ann", "ben", "cem", "dan", "eve", "fay", "", ""]}
    pd.DataFrame(rows).to_csv(root / "labels.csv", index=False)


WRITERS: dict[str, Callable[[Path], object]] = {
    "fer2013": fer2013.write,
    "folders": folders,
    "table": table,
    "affectnet": affectnet.write_tables,
    "raf-db": raf_db.write,
    "sfew": emotiw.write_sfew,
    "ck-plus": ck_plus.write,
    "mug": mug.write,
    "afew": emotiw.write_afew,
    "ravdess": ravdess.write,
    "aff-wild2": aff_wild2.write,
}
LACKING = {"fer2013": {"contempt"}, "folders": set(), "table": set(), "affectnet": set(), "ck-plus": set()}
"""Expressions that a kind has no label for; of those that are not named here, contempt."""


@pytest.fixture(scope="module", params=kinds.KINDS)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    root = tmp_path_factory.mktemp(request.param)
    WRITERS[request.param](root)
    return kinds.opened(request.param, root)


def test_every_kind_is_of_stills_or_of_videos_and_has_a_writer() -> None:
    assert set(WRITERS) == set(kinds.KINDS)
    assert {*kinds.STILLS, *kinds.VIDEOS} == set(kinds.KINDS)
    assert not set(kinds.STILLS) & set(kinds.VIDEOS)


def test_labels_are_of_the_eight_and_all_that_the_set_has_are_read(data: LabelledSet) -> None:
    labels = {data.label(row) for row in range(len(data))}
    assert labels == set(EXPRESSIONS.labels) - LACKING.get(data.kind, {"contempt"})


def test_columns_are_as_long_as_the_set_and_ids_are_its_own(data: LabelledSet) -> None:
    lengths = {len(one) for one in (data.ids, data.truth, data.splits, data.persons, data.groups)}
    lengths |= {len(one) for one in (data.paths, data.spans, data.boxes) if one}
    lengths |= {len(one) for one in (*data.units.values(), data.affect, data.images) if one is not None}
    assert lengths == {len(data)}
    assert len(set(data.ids)) == len(data)
    assert set(data.splits.tolist()) <= {"", *PARTS, *fer2013.COUNTS}


def test_the_order_is_the_same_again(data: LabelledSet) -> None:
    assert kinds.opened(data.kind, data.source).ids == data.ids


def test_every_row_shows_something(data: LabelledSet) -> None:
    for row in range(len(data)):
        shown = pictures.pixels(data, row)
        assert shown.dtype == np.uint8 and shown.ndim in (2, 3) and shown.size


def test_nobody_and_no_film_is_on_two_sides(data: LabelledSet) -> None:
    made = divide(data)
    assert set(made.parts.tolist()) == set(PARTS)
    together = joined(len(data), alike(data.persons), alike(data.groups))
    for one in np.unique(together):
        assert len(np.unique(made.parts[together == one])) == 1
    np.testing.assert_array_equal(made.parts, divide(data).parts)


@pytest.mark.parametrize("kind", [kind for kind in kinds.KINDS if kind not in ("folders", "table")])
def test_a_folder_of_something_else_is_refused_with_what_to_do(tmp_path: Path, kind: str) -> None:
    numbered.picture(tmp_path / "holiday" / "beach.jpg", 0)
    for root in (tmp_path, tmp_path / "gone"):
        with pytest.raises(DataError, match="--root must"):
            kinds.opened(kind, root)


def test_an_unknown_kind_names_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no kind of set is called 'jaffe'; valid kinds: fer2013, folders, table, aff"):
        kinds.opened("jaffe", tmp_path)


def test_pictures_in_folders_that_are_no_expression_are_counted(tmp_path: Path) -> None:
    folders(tmp_path)
    for number in range(2):
        numbered.picture(tmp_path / "bored" / f"{number}.png", number)
    (tmp_path / "empty").mkdir()
    data = kinds.opened("folders", tmp_path)
    assert data.left_out == {"in the folder bored, which is no expression": 2}
    assert data.ids == tuple(f"{label}/{number}.png" for number, label in enumerate(EXPRESSIONS.labels))
