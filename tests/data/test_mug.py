from __future__ import annotations

from pathlib import Path

import pytest
from fake import mug as fake
from fake import numbered

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.mug import read
from kaoiro.data.labelled_set import Span
from kaoiro.evaluation.pictures import pixels


@pytest.mark.parametrize("inner", [".", "subjects3"])
def test_the_middle_of_every_take_is_read_with_its_person(tmp_path: Path, inner: str) -> None:
    fake.write(tmp_path)
    data = read(tmp_path / inner)
    take = tmp_path / "subjects3" / "001" / "anger" / "take000"
    assert data.ids[0].endswith("001/anger/take000/img_0002.jpg")
    assert data.paths[0] == take / "img_0002.jpg"
    assert data.spans[0] == Span(take, 0, 4)
    assert abs(pixels(data, 0).mean() - numbered.level(2)) < 3
    assert data.persons.tolist() == ["001"] * 7 + ["002"] * 7 + ["006"] * 14
    assert [data.label(row) for row in range(7)] == list(fake.EXPRESSIONS)


def test_takes_of_no_expression_and_without_frames_are_counted(tmp_path: Path) -> None:
    (fake.write(tmp_path) / "subjects3" / "001" / "anger" / "take001").mkdir()
    assert read(tmp_path).left_out == {"takes of 'mixed', which is no expression": 1, "takes without frames": 1}


def test_takes_of_nobody_are_refused(tmp_path: Path) -> None:
    fake.write(tmp_path)
    with pytest.raises(DataError, match="lies below no folder with a person's number; --root must hold 001, 002"):
        read(tmp_path / "subjects3" / "001")
