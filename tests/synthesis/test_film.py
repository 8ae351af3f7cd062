from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.errors import OutputError
from kaoiro.core.labels import ACTION_UNITS, FER2013
from kaoiro.synthesis import head, paint, sheets, wrinkles
from kaoiro.synthesis.difficulty import load
from kaoiro.synthesis.film import Film, scene_window
from kaoiro.synthesis.script import expression_clip, still
from kaoiro.synthesis.world import DISTANCE, FaceWorld

SIDE = 32


@pytest.fixture(scope="module")
def script():
    return expression_clip("ann", "c1", "happiness", "medium", (0.8, 0.8), 3, load())


@pytest.fixture(scope="module")
def film(world, script):
    return Film(world, script, world.person("ann"), load(), SIDE)


@pytest.fixture
def coarse(fake_assets, monkeypatch) -> FaceWorld:
    """Return a world whose skin has a sixteenth of the texels: painting over a hundred people took minutes."""
    for module in (head, paint, wrinkles):
        monkeypatch.setattr(module, "TEXELS", 128)
    monkeypatch.setattr(paint, "smooth_noise", partial(paint.smooth_noise, side=128))
    return FaceWorld(fake_assets)


def test_a_shot_is_the_same_whenever_it_is_drawn(world, script, film):
    again = Film(world, script, world.person("ann"), load(), SIDE)
    last = again.shot(len(again) - 1)
    assert np.array_equal(film.shot(5).pixels, again.shot(5).pixels)
    assert np.array_equal(film.shot(len(film) - 1).pixels, last.pixels)


def test_a_row_tells_what_the_script_says(film, script):
    middle = len(film) // 2
    row = film.row(middle, film.picture(middle))
    assert (row["subject"], row["clip"], row["frame"], row["level"]) == ("ann", "c1", middle, "medium")
    assert (row["expression"], row["clip_expression"]) == ("happiness", "happiness")
    assert row["time_s"] == pytest.approx(middle / 25)
    assert row["intensity"] == pytest.approx(0.8)
    assert row["au_12"] == pytest.approx(script.units[middle, :, ACTION_UNITS.index("au_12")].mean())
    assert film.row(0, film.picture(0))["expression"] == "neutral"
    assert len(row["landmarks"]) == 136
    assert len(row["visible"]) == 68


def test_the_truth_of_lips_apart_is_what_is_seen(world, script):
    open_mouth = script.units.copy()
    open_mouth[:, 0, ACTION_UNITS.index("au_26")] = 0.2
    open_mouth[:, 1, ACTION_UNITS.index("au_26")] = 0.0
    open_mouth[:, :, ACTION_UNITS.index("au_25")] = 0.0
    one = Film(world, replace(script, units=open_mouth), world.person("ann"), load(), SIDE)
    row = one.row(0, one.picture(0))
    left, right = (row[f"units_{side}"][ACTION_UNITS.index("au_25")] for side in ("left", "right"))
    assert left == pytest.approx(right + 0.43, abs=0.05)  # but for twitches of other units of the mouth
    assert row["au_25"] == pytest.approx((left + right) / 2)
    assert row["au_26"] == pytest.approx(0.1)


def test_landmarks_of_the_row_are_those_of_the_picture(film):
    picture = film.shot(3).picture
    row = film.row(3, picture)
    assert row["nose_x"] == pytest.approx(picture.landmarks[30, 0])
    assert row["landmarks"][60] == pytest.approx(picture.landmarks[30, 0])
    assert row["box_width"] == picture.box.width


def test_frames_differ_by_their_noise_even_where_nothing_moves(world):
    quiet = still("ann", "neutral")
    noisy = replace(quiet, noise=6.0)
    people = world.person("ann")
    first, second = (Film(world, one, people, load(), SIDE).shot(0).pixels.astype(int) for one in (quiet, noisy))
    assert 1 < np.abs(first - second).mean() < 12


def test_a_nearer_head_is_larger_by_the_zoom(film, script):
    pose = film.pose(0)
    assert DISTANCE / (DISTANCE - pose.z) == pytest.approx(float(script.zoom[0]), rel=1e-6)


def test_scenes_show_the_face_in_the_middle_at_the_size_asked(world, script):
    size = (160, 90)
    picture = Film(world, still("ann", "neutral"), world.person("ann"), load(), size, scene_window(size, 0.5)).picture(
        0
    )
    assert picture.pixels.shape[:2] == (90, 160)
    assert picture.box.height == pytest.approx(45, rel=0.25)
    assert picture.box.left + picture.box.width / 2 == pytest.approx(80, abs=8)


def test_stills_of_different_people_share_light_and_pose(world):
    films = [Film(world, still(name, "fear"), world.person(name), load(), SIDE) for name in ("ann", "bob")]
    rows = [film.row(0, film.picture(0)) for film in films]
    shared = (
        "yaw",
        "pitch",
        "roll",
        "light_azimuth",
        "light_elevation",
        "light_contrast",
        "exposure",
        "au_01",
        "au_26",
    )
    assert [rows[0][name] for name in shared] == [rows[1][name] for name in shared]


def test_sheets_show_every_expression_unit_light_tone_and_level(coarse, tmp_path):
    told = []
    paths = sheets.write_all(coarse, tmp_path / "sheets", SIDE, told.append)
    assert [path.stem for path in paths] == told
    assert len(paths) == 7
    with Image.open(tmp_path / "sheets" / "expressions-facs.jpg") as sheet:
        assert sheet.size == (7 * SIDE, 12 * (SIDE + 13))


def test_cells_lie_in_their_rows_and_columns():
    white, black = np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)
    sheet = np.asarray(sheets.compose([[("", white), ("", black)], [("", black)]], caption=4))
    assert sheet.shape == (24, 16, 3)
    assert sheet[8, 12].tolist() == [0, 0, 0]
    assert sheet[8, 4].tolist() == [255, 255, 255]
    assert sheet[20, 4].tolist() == [0, 0, 0]


def test_a_sheet_that_cannot_be_written_is_one_clear_error(world, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        sheets.write(tmp_path / "file" / "x.jpg", [[("", np.zeros((8, 8, 3), np.uint8))]])


def test_the_sheet_of_levels_has_the_seven_expressions_of_each(coarse):
    rows = sheets.levels(coarse, SIDE)
    assert [[text.split(": ")[1] for text, _ in row][:7] for row in rows] == [list(FER2013.labels)] * 4
