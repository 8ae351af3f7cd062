"""Skin, wrinkles and the camera."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kaoiro.synthesis import paint, sensor, wrinkles
from kaoiro.synthesis.action_units import vector
from kaoiro.synthesis.person import HAIR_STYLES, draw_looks
from kaoiro.synthesis.sitter import Sitter
from kaoiro.synthesis.world import Person


def both(units: dict[int, float]) -> np.ndarray:
    return np.stack([vector(units)] * 2)


def test_cielab_white_black_and_mid_grey():
    assert paint.lab(100, 0, 0) == pytest.approx([1, 1, 1], abs=0.01)
    assert paint.lab(0, 0, 0) == pytest.approx([0, 0, 0], abs=1e-6)
    assert paint.lab(50, 0, 0) == pytest.approx([0.184] * 3, abs=0.002)  # ((50 + 16) / 116) ** 3


def test_distance_to_a_line_and_place_along_it():
    line = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]])
    distance, place = paint.along(np.array([[1.0, 0.5], [2.5, 1.0], [-1.0, 0.0], [50.0, 0.0]]), line)
    assert distance == pytest.approx([0.5, 0.5, 1.0, np.inf])
    assert place[:3] == pytest.approx([0.25, 0.75, 0.0])


def test_skin_is_coloured_glossy_and_the_same_for_a_seed(world):
    looks = draw_looks(np.random.default_rng(1))
    skin = paint.skin(world.head, looks)
    assert skin.shape[2] == 4
    assert np.isfinite(skin).all()
    assert (skin[:, :, :3] > 0).all()
    assert np.array_equal(skin, paint.skin(world.head, looks))
    assert not np.array_equal(skin, paint.skin(world.head, replace(looks, seed=looks.seed + 1)))


def test_lips_are_redder_than_the_skin_around(world):
    looks = replace(draw_looks(np.random.default_rng(1)), lips=1.0, stubble=0.0, lightness=60.0)
    skin, at = paint.skin(world.head, looks)[:, :, :3], world.head.places
    lips = np.hypot(at[:, :, 0], at[:, :, 1] + 3.8) < 0.4
    cheek = np.hypot(at[:, :, 0] - 3.5, at[:, :, 1] + 3.8) < 0.4
    redness = [np.mean(skin[part][:, 0] / skin[part][:, 1]) for part in (lips, cheek)]
    assert redness[0] > 1.2 * redness[1]


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_every_hair_style_can_be_worn(world, style):
    person = world.person("a")
    looks = replace(person.looks, hair_style=style)
    sitter = Sitter(world.head, Person("a", person.shape, looks))
    assert (len(sitter.hair) == 0) == (style == "bald")
    assert sitter.surface.triangles.max() < len(sitter.rest)
    assert np.isfinite(sitter.vertices(np.zeros(57, np.float32))).all()


def test_amplitudes_are_the_documented_functions_of_units():
    names = list(wrinkles.GROUPS)
    found = dict(zip(names, wrinkles.amplitudes(both({12: 1.0, 6: 0.5}))[0], strict=True))
    assert found["nasolabial"] == pytest.approx(1 - (1 - 0.8) * (1 - 0.5 * 0.5))
    assert found["crows_feet"] == pytest.approx(0.5)
    assert found["forehead_middle"] == 0


def test_every_unit_that_the_specification_names_makes_its_wrinkle():
    for unit, group in ((1, "forehead_middle"), (2, "forehead_side"), (4, "glabella"), (9, "nose_bridge")):
        assert wrinkles.amplitudes(both({unit: 1.0}))[0][list(wrinkles.GROUPS).index(group)] == 1
    for unit in (6, 10, 12):
        assert wrinkles.amplitudes(both({unit: 1.0}))[0][list(wrinkles.GROUPS).index("nasolabial")] > 0.4
    assert wrinkles.amplitudes(both({6: 1.0}))[0][list(wrinkles.GROUPS).index("crows_feet")] == 1


def test_wrinkles_lie_where_their_muscle_works_and_grow_with_it(world):
    creases = wrinkles.Creases(world.head)
    assert (creases.field(both({})) == 0).all()
    full, half = (creases.field(both({4: amount}))[:, :, 3] for amount in (1.0, 0.5))
    assert half == pytest.approx(full / 2)
    rows, columns = np.nonzero(full < -0.01)
    where = world.head.places[rows, columns]
    assert len(rows)
    assert (np.abs(where[:, 0]) < 2).all()
    assert ((where[:, 1] > 3.5) & (where[:, 1] < 8)).all()


def test_sides_wrinkle_apart(world):
    units = both({})
    units[0] = vector({2: 1.0})
    depth = wrinkles.Creases(world.head).field(units)[:, :, 3]
    x = world.head.places[:, :, 0]
    assert np.abs(depth[x > 1]).max() > 5 * np.abs(depth[x < -1]).max()


def test_the_gradient_of_a_height_is_that_of_the_surface(world):
    """A height that is a linear function of place has its own direction, within the surface, as gradient."""
    places = world.head.places.astype(np.float64)
    direction = np.array([0.3, 1.0, 0.0])
    gradient = wrinkles._gradient(places @ direction, places)
    normal = world.head.facing
    inner = np.hypot(places[:, :, 0] - 1, places[:, :, 1] - 7) < 1.0
    wanted = direction - (normal[inner] @ direction)[:, None] * normal[inner]
    assert np.median(np.abs(gradient[inner] - wanted).max(axis=1)) < 0.1


def test_srgb_of_known_light():
    assert sensor.encode_srgb(np.array([0.0, 1.0, 2.0, -1.0, 0.2140])) == pytest.approx(
        [0, 255, 255, 0, 127.5], abs=0.1
    )


def test_a_covered_pixel_hides_the_background():
    pixels = np.zeros((1, 2, 4), np.float32)
    pixels[0, 1] = (0.5, 0.4, 0.3, 1)
    seen = sensor.over(pixels, np.full((1, 2, 3), 0.9, np.float32))
    assert seen[0, 0] == pytest.approx([0.9] * 3)
    assert seen[0, 1] == pytest.approx([0.5, 0.4, 0.3])


def test_noise_has_the_stated_strength_and_is_the_seeds():
    flat = np.full((64, 64, 3), 0.2140, np.float32)
    camera = sensor.Sensor(noise=8.0)
    seen = sensor.capture(flat, camera, np.random.default_rng(0)).astype(float)
    assert seen.std() == pytest.approx(8.0, rel=0.05)
    assert seen.mean() == pytest.approx(127.5, abs=0.5)
    assert np.array_equal(seen, sensor.capture(flat, camera, np.random.default_rng(0)))


def test_blur_keeps_the_light_and_spreads_it_by_sigma():
    point = np.zeros((96, 96, 3), np.float32)
    point[48, 48] = 1
    spread = sensor._blurred(point, 2.0)[:, :, 0]
    x = np.arange(96) - 48
    assert spread.sum() == pytest.approx(1, rel=1e-4)
    assert np.sqrt((spread.sum(axis=0) * x**2).sum()) == pytest.approx(2.0, rel=0.02)
    assert sensor._blurred(point, 0.0) is point


def test_exposure_scales_light_and_jpeg_is_a_jpeg():
    grey = np.full((32, 32, 3), 0.1, np.float32)
    dark, light = (sensor.capture(grey, sensor.Sensor(e), np.random.default_rng(0)).mean() for e in (0.5, 2.0))
    assert light > dark
    data = sensor.jpeg(np.full((32, 48, 3), 100, np.uint8), 80)
    assert Image.open(io.BytesIO(data)).size == (48, 32)


def test_backgrounds_are_light_of_0_to_1_and_differ_by_seed():
    first, second = (sensor.backdrop(np.random.default_rng(k), (40, 30)) for k in (0, 1))
    assert first.shape == (30, 40, 3)
    assert first.min() >= 0
    assert first.max() <= 1
    assert not np.array_equal(first, second)
