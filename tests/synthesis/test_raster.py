from __future__ import annotations

import math

import numpy as np
import pytest

from kaoiro.synthesis import raster
from kaoiro.synthesis.light import Lamp, Light, draw_light


def drawn(corners: list[list[float]], triangles: list[list[int]], side: int = 8, double: bool = False):
    screen, faces = np.array(corners, np.float32), np.array(triangles, np.int32)
    depth, nearest = np.zeros((side, side), np.float32), np.full((side, side), raster.NOTHING, np.int32)
    raster.draw(screen, faces, np.full(len(faces), double), depth, nearest)
    return depth, nearest


SQUARE = [[1, 1, 1], [1, 5, 1], [5, 5, 1], [5, 1, 1]]
HALVES = [[0, 1, 2], [0, 2, 3]]


def test_a_square_of_two_triangles_covers_its_pixels_once_and_has_no_seam():
    _, nearest = drawn(SQUARE, HALVES)
    expected = np.zeros((8, 8), bool)
    expected[1:5, 1:5] = True
    assert ((nearest >= 0) == expected).all()
    assert set(np.unique(nearest[expected])) == {0, 1}


def test_backs_are_drawn_only_where_asked():
    reversed_halves = [list(reversed(t)) for t in HALVES]
    assert (drawn(SQUARE, reversed_halves)[1] == raster.NOTHING).all()
    assert (drawn(SQUARE, reversed_halves, double=True)[1] >= 0).sum() == 16


def test_the_nearer_triangle_hides_the_farther_in_any_order():
    near = [[x, y, 2.0] for x, y, _ in SQUARE]
    corners = [*SQUARE, *near]
    for order in ([[0, 1, 2], [4, 5, 6]], [[4, 5, 6], [0, 1, 2]]):
        depth, nearest = drawn(corners, order)
        shown = nearest[depth > 0]
        assert (depth[depth > 0] == 2).all()
        assert set(shown) == {(order[1] == [4, 5, 6] and 1) or 0}


def test_what_lies_outside_the_picture_or_has_no_area_is_left_out():
    assert (drawn([[-9, -9, 1], [-9, -5, 1], [-5, -5, 1]], [[0, 1, 2]])[1] == raster.NOTHING).all()
    assert (drawn([[1, 1, 1], [3, 3, 1], [5, 5, 1]], [[0, 1, 2]])[1] == raster.NOTHING).all()
    assert (drawn([[-20, -20, 1], [-20, 40, 1], [40, 40, 1]], [[0, 1, 2]])[1] >= 0).any()


def test_shares_are_correct_in_perspective():
    # an edge from depth 1 to depth 3: the middle of the picture is a quarter of the way in space (w = 1 and 1/3)
    screen = np.array([[0, 0, 1.0], [8, 0, 1 / 3], [0, 8, 1.0]])
    p, q, r = raster.shares(screen, 0, 1, 2, 4.0, 0.0)
    assert (p, q, r) == pytest.approx((0.75, 0.25, 0.0))


def test_blend_adds_weighted_shapes():
    base, shapes = np.ones((2, 3), np.float32), np.stack([np.full((2, 3), 2), np.full((2, 3), 10)]).astype(np.float32)
    out = np.empty_like(base)
    raster.blend(base, shapes, np.array([0.5, 0.1], np.float32), out)
    assert out == pytest.approx(np.full((2, 3), 3.0))


def test_normals_of_a_plane_point_out_and_welded_vertices_share_theirs():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    alone, joined = np.empty_like(points), np.empty_like(points)
    raster.normals(points, triangles, np.arange(6), alone)
    assert alone[:3] == pytest.approx(np.tile([0, 0, 1], (3, 1)))
    raster.normals(points, triangles, np.array([0, 1, 2, 0, 2, 5]), joined)
    assert joined[0] == pytest.approx(np.array([1, 0, 1]) / math.sqrt(2))
    assert joined[3] == pytest.approx(joined[0])


def test_projection_keeps_cm_at_the_heads_distance_and_leaves_what_is_still_unturned():
    points = np.array([[1, 2, 0], [0, 0, 45], [3, 0, 0]], np.float32)
    half_turn = np.diag([-1.0, 1.0, -1.0])
    plane = raster.project(points, half_turn, np.zeros(3), np.array([0.0, 1.0, 0.0]), 1, 90.0)
    assert plane[0] == pytest.approx([-1, -3, 1 / 90])
    assert points[1] == pytest.approx([0, 1, -45])
    assert plane[2] == pytest.approx([3, -1, 1 / 90])


def test_light_from_everywhere_arrives_alike_on_all_sides():
    light = Light((0.5, 0.25, 1.0), ()).coefficients()
    for normal in np.eye(3):
        arriving = [raster.irradiance(light, channel, *normal) / math.pi for channel in range(3)]
        assert arriving == pytest.approx([0.5, 0.25, 1.0], rel=1e-4)


def test_a_lamp_lights_what_faces_it_by_the_cosine_to_within_what_order_two_can():
    light = Light((0.0, 0.0, 0.0), (Lamp(0, 0),)).coefficients()
    for degrees in (0, 30, 60, 90, 150):
        angle = math.radians(degrees)
        value = raster.irradiance(light, 0, math.sin(angle), 0.0, math.cos(angle)) / math.pi
        assert value == pytest.approx(max(0, math.cos(angle)), abs=0.1)  # Ramamoorthi and Hanrahan: 9 % at most


def test_lamps_point_where_they_say():
    assert Lamp(90, 0).direction == pytest.approx([1, 0, 0])
    assert Lamp(0, 90).direction == pytest.approx([0, 1, 0])
    assert Light((0.1, 0.1, 0.1), ()).highlight @ np.ones(3) > 0


def test_drawn_light_is_dimmer_around_and_stronger_ahead_with_contrast():
    flat = [draw_light(np.random.default_rng(k), 0.0) for k in range(20)]
    hard = [draw_light(np.random.default_rng(k), 1.0) for k in range(20)]
    assert np.mean([light.ambient for light in hard]) < 0.5 * np.mean([light.ambient for light in flat])
    assert np.mean([light.lamps[0].colour for light in hard]) > np.mean([light.lamps[0].colour for light in flat])


def test_a_light_of_nan_is_refused():
    from kaoiro.core.errors import InputError

    with pytest.raises(InputError, match="finite"):
        Light((float("nan"), 0, 0))


def test_noise_is_fixed_smooth_and_within_0_to_1():
    values = [raster.lattice_noise(x * 0.01, 3.7) for x in range(1000)]
    assert min(values) >= 0
    assert max(values) <= 1
    assert np.abs(np.diff(values)).max() < 0.05
    assert raster.lattice_noise(2.0, 5.0) == raster.hashed(2, 5)


def test_texels_are_interpolated_and_the_border_repeats():
    texture = np.arange(4, dtype=np.float32).reshape(2, 2, 1)  # top row 0 1, bottom row 2 3
    out = np.empty(1)
    for u, v, expected in ((0.25, 0.75, 0), (0.75, 0.25, 3), (0.5, 0.5, 1.5), (-1, 2, 0), (2, -1, 3)):
        raster.texel(texture, u, v, out)
        assert out[0] == pytest.approx(expected, abs=0.01)


def test_resolve_averages_subpixels():
    fine = np.arange(4 * 4 * 4, dtype=np.float32).reshape(4, 4, 4)
    out = np.empty((2, 2, 4), np.float32)
    raster.resolve(fine, 2, out)
    assert out == pytest.approx(fine.reshape(2, 2, 2, 2, 4).mean(axis=(1, 3)))
