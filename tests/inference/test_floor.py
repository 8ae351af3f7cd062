from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError
from kaoiro.core.types import SMOOTHED
from kaoiro.inference import floor
from kaoiro.inference.floor import FloorTable, Level
from kaoiro.inference.recording import Model, Recorded
from kaoiro.timeline.floors import TAILS, Floor

DIGEST = "d" * 64
ROWS = [
    Floor(1, 0.08, 0.07, 0.06, 0.03, 0.16, 0.1, 0.5, 0.1),
    Floor(4, 0.04, 0.035, 0.03, 0.015, 0.08, 0.2, 0.4, 0.2),
    Floor(64, 0.02, 0.015, 0.01, 0.007, 0.04),
]


@pytest.fixture
def table() -> FloorTable:
    return FloorTable("mine", DIGEST, {"medium": Level(3, 12, {"expression_anger": ROWS})}, {"seed": 1})


def test_between_lengths_floors_follow_the_logarithm(table: FloorTable) -> None:
    found = table.floor("expression_anger", 2)
    assert found.floor == pytest.approx(0.06)
    assert found.low == pytest.approx(0.045)
    assert found.sd == pytest.approx(0.0225)
    assert table.floor("expression_anger", 4).floor == pytest.approx(0.04)


def test_floors_of_long_recordings_are_those_of_the_longest(table: FloorTable) -> None:
    assert table.floor("expression_anger", 1000).floor == pytest.approx(0.02)


def test_floors_of_short_recordings_grow(table: FloorTable) -> None:
    assert table.floor("expression_anger", 0.25).floor == pytest.approx(0.16)
    low, high = table.rest(["expression_anger", "expression_joy"], 0.25)
    assert (low[0], high[0]) == pytest.approx((-0.1, 0.7))  # twice as wide as that of a minute
    assert np.isnan([low[1], high[1]]).all()
    assert [end[0] for end in table.rest(["expression_anger"], 2)] == pytest.approx([0.15, 0.45])


def test_many_columns_at_once_and_unknown_ones_are_nan(table: FloorTable) -> None:
    found = table.floors(["expression_anger", "word_bored"], 64)
    assert [one[0] for one in found] == pytest.approx([0.02, 0.007, 0.04])
    assert np.isnan([one[1] for one in found]).all()
    assert table.floors([], 64).floor.shape == (0,)


def test_a_table_is_read_as_it_was_written(table: FloorTable, tmp_path: Path) -> None:
    own = Level(1, 2, {"valence": [Floor(5, 0.123456, math.nan, math.nan, 0.05, 0.2)]})
    floor.joined(table, FloorTable("mine", DIGEST, {"own": own})).save(tmp_path / "floor.json")
    again = floor.load(tmp_path / "floor.json", DIGEST)
    assert list(again.levels) == ["medium", "own"]
    assert again.levels["medium"] == table.levels["medium"]
    row = again.levels["own"].columns["valence"][0]
    assert row.floor == 0.123
    assert math.isnan(row.low)
    assert (again.name, again.digest, again.source["seed"]) == ("mine", DIGEST, 1)
    assert json.loads((tmp_path / "floor.json").read_text())["format"] == 2


def test_floors_of_another_model_are_refused(table: FloorTable, tmp_path: Path) -> None:
    table.save(tmp_path / "floor.json")
    with pytest.raises(
        InputError, match=r"another model \(mine, dddddddddddd\) than these recordings \(eeeeeeeeeeee\)"
    ):
        floor.load(tmp_path / "floor.json", "e" * 64)
    with pytest.raises(InputError, match="floors of two models"):
        floor.joined(table, FloorTable("other", "e" * 64, {}))


def test_bad_questions_are_refused(table: FloorTable) -> None:
    with pytest.raises(InputError, match="level of the noise floor must be one of medium, not high"):
        table.floor("expression_anger", 5, "high")
    with pytest.raises(InputError, match="column of the noise floor must be one of expression_anger, not anger"):
        table.floor("anger", 5)
    with pytest.raises(InputError, match="length of a recording"):
        table.floor("expression_anger", 0)
    with pytest.raises(InputError, match="level"):
        table.floors(["expression_anger"], 5, "high")
    with pytest.raises(InputError, match="level"):
        floor.part(table, ["high"])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2}', '{"format": 1, "model": {"name": "a", "digest": "b"}, "levels": {}}']
)
def test_files_that_are_no_tables_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match="no table of noise floors"):
        floor.load(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read: No such file"):
        floor.load(tmp_path / "none.json")


def test_the_floor_that_ships_is_of_the_model_that_ships() -> None:
    default = modelfile.load()
    table = floor.load(model=default)
    assert table.name == default.name
    assert set(table.levels) == {"low", "medium", "high"}
    for level in table.levels.values():
        assert level.people >= 20
        assert set(level.columns) == set(SMOOTHED)
        for rows in level.columns.values():
            assert [row.minutes for row in rows] == [1, 5, 15, 60]
            assert all(0 < row.low <= row.estimate <= row.floor <= row.rare and row.sd > 0 for row in rows)


def _recorded(name: str, anger: float, seconds: float = 60, digest: str | None = DIGEST, track: int = 0) -> Recorded:
    count = round(2 * seconds)
    columns = {column: np.full(count, (1 - anger) / 7) for column in SMOOTHED[:8]}
    columns |= {"expression_anger": np.full(count, anger), "time_s": 0.5 * np.arange(count)}
    columns |= {"track": np.full(count, float(track))}
    model = None if digest is None else Model(digest)
    return Recorded(name, Path("records.csv"), 0, seconds, 0.5, columns, model)


def test_own_recordings_that_stand_still_differ_by_their_means() -> None:
    table = floor.of_recordings([_recorded("a", 0.01), _recorded("b", 0.03), _recorded("c", 0.02)], [5, 60])
    assert table.digest == DIGEST
    assert set(table.levels) == {"own"}
    level = table.levels["own"]
    assert (level.people, level.sessions) == (1, 3)
    assert set(level.columns) == set(SMOOTHED[:8])
    for row in level.columns["expression_anger"]:
        assert row.floor == pytest.approx(TAILS.floor * 4.303 * np.sqrt(2) * 0.01, rel=1e-3)  # Student's t of 3
        assert math.isnan(row.low)


def test_the_face_seen_longest_counts() -> None:
    two = _recorded("b", 0.01)
    other = _recorded("b", 0.5, seconds=20, track=7).columns
    two.columns = {name: np.concatenate([values, other[name]]) for name, values in two.columns.items()}
    table = floor.of_recordings([_recorded("a", 0.01), two], [60])
    assert table.levels["own"].columns["expression_anger"][0].floor == pytest.approx(0, abs=1e-12)


def test_own_recordings_that_will_not_do_are_refused() -> None:
    with pytest.raises(InputError, match="two or more neutral recordings"):
        floor.of_recordings([_recorded("a", 0.1)])
    with pytest.raises(InputError, match="one model that is known, not 2"):
        floor.of_recordings([_recorded("a", 0.1), _recorded("b", 0.1, digest="e" * 64)])
    with pytest.raises(InputError, match="one model that is known, not 0"):
        floor.of_recordings([_recorded("a", 0.1, digest=None), _recorded("b", 0.1, digest=None)])
    with pytest.raises(InputError, match="b: 4 s of a face; a neutral stretch needs 10 s"):
        floor.of_recordings([_recorded("a", 0.1), _recorded("b", 0.1, seconds=4)])
