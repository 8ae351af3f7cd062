from __future__ import annotations

import noted
import numpy as np
import pytest
from fake import separator
from PIL import Image

from kaoiro.core.errors import InputError
from kaoiro.evaluation import exchange_figures as figures

METHODS = {"iterated": separator.Perfect(), "copies whatever it is given": separator.Copying()}


def test_accuracy_by_iteration_has_a_line_and_bars_for_each_curve():
    curves = {
        "training people": {k: (0.4 + 0.02 * k, 0.38 + 0.02 * k, 0.42 + 0.02 * k) for k in range(1, 11)},
        "unseen people": {10: (0.55, 0.5, 0.6)},
    }
    picture = np.asarray(figures.accuracy_by_iteration(curves, {"unseen people": 0.6283}))
    blue, red = (
        (np.abs(picture.astype(int) - ink).sum(axis=2) < 60) for ink in ((0x1F, 0x77, 0xB4), (0xD6, 0x27, 0x28))
    )
    assert picture.shape == (400, 640, 3) and blue.sum() > 500 and red.sum() > 200
    places = np.argwhere(blue[60:350])
    low, high = (places[places[:, 1] < 120][:, 0].mean(), places[places[:, 1] > 580][:, 0].mean())
    assert low > high  # it rises
    with pytest.raises(InputError, match="nothing to draw"):
        figures.accuracy_by_iteration({"a": {}})


def test_one_iteration_can_be_drawn():
    assert figures.accuracy_by_iteration({"a": {1: (0.5, 0.5, 0.5)}}).size == (640, 400)


def test_a_grid_shows_what_was_given_the_truth_and_every_method():
    faces = separator.swap_faces()
    person, other, truth = faces.pixels[[6, 13]], faces.pixels[[17, 24]], faces.pixels[[3, 10]]
    picture = np.asarray(figures.swap_grid(METHODS, person, other, truth))
    assert picture.shape == (5 * 98, 150 + 2 * 98, 3)

    def shown(row: int, column: int = 0) -> np.ndarray:
        return picture[row * 98 : row * 98 + 96, 150 + column * 98 : 150 + column * 98 + 96]

    assert (shown(3) == shown(2)).all() and (shown(3, 1) == shown(2, 1)).all()  # the perfect one, the truth
    assert (shown(4) == shown(0)).all() and (shown(0) != shown(2)).any()
    with pytest.raises(InputError, match="as many faces"):
        figures.swap_grid(METHODS, person, other[:1])


def test_faces_of_another_size_are_brought_to_that_of_the_method():
    large = np.stack([np.asarray(Image.fromarray(one).resize((64, 64), 0)) for one in separator.swap_faces().pixels])
    assert figures.swap_grid({"a": separator.Perfect()}, large[:2], large[7:9]).size == (150 + 2 * 98, 3 * 98)


def test_strips_lead_from_one_expression_to_the_other():
    pixels = separator.swap_faces().pixels
    picture = np.asarray(figures.strips({"a": separator.Perfect()}, pixels[[6]], pixels[[3]], 5))
    assert picture.shape == (18 + 98, 150 + 5 * 98, 3)
    first, last = picture[18:114, 150:246], picture[18:114, 150 + 4 * 98 : 150 + 4 * 98 + 96]
    assert (first == np.asarray(Image.fromarray(pixels[6]).resize((96, 96), Image.Resampling.BICUBIC))).all()
    assert (last == np.asarray(Image.fromarray(pixels[3]).resize((96, 96), Image.Resampling.BICUBIC))).all()
    with pytest.raises(InputError, match="as many first"):
        figures.strips(METHODS, pixels[:2], pixels[:1])


def test_pictures_say_that_they_are_generated(tmp_path):
    picture = figures.sheet([("a", separator.swap_faces().pixels[:2])])
    files = {f"system-b-swaps{figures.FACES}": "JPEG", f"system-b-course{figures.LINES}": "PNG"}
    figures.write(tmp_path, dict.fromkeys(files, picture), "syn-swap")
    assert {file.name for file in tmp_path.iterdir()} == set(files)
    for name, kind in files.items():
        notes = noted.of(tmp_path / name)
        assert "generated" in notes["Comment"] and "syn-swap" in notes["Description"]
        with Image.open(tmp_path / name) as found:
            assert found.format == kind
    with pytest.raises(InputError, match="the same number"):
        figures.sheet([("a", separator.swap_faces().pixels[:2]), ("b", separator.swap_faces().pixels[:3])])
    with pytest.raises(InputError, match="rows of a sheet"):
        figures.sheet([])
