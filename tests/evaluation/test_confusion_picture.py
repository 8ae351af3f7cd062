from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.errors import InputError
from kaoiro.evaluation.confusion_picture import save, side_by_side

SMALL = {"labels": ["anger", "fear"], "counts": [[3, 1], [0, 0]]}


def test_matrices_lie_side_by_side_and_below_each_other(tmp_path) -> None:
    one = side_by_side([("a", SMALL)])
    four = side_by_side([(name, SMALL) for name in "abcd"])
    assert four.size == (2 * one.width, 2 * one.height)
    save(four, tmp_path / "matrices.png")
    with Image.open(tmp_path / "matrices.png") as stored:
        assert stored.size == four.size


def test_a_cell_is_as_dark_as_its_share_of_the_row() -> None:
    pixels = np.asarray(side_by_side([("", SMALL)])).astype(int)
    corners = {
        (row, column): pixels[62 + 62 * row + 3, 88 + 62 * column + 3].sum() for row in (0, 1) for column in (0, 1)
    }
    assert corners[0, 0] < corners[0, 1] < corners[1, 0] == corners[1, 1] == 3 * 255


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(InputError, match="no confusion matrix"):
        side_by_side([])
