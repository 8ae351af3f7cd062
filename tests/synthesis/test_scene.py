from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.synthesis.difficulty import load
from kaoiro.synthesis.film import Film, scene_window
from kaoiro.synthesis.scene import Scene
from kaoiro.synthesis.script import Script, expression_clip, still

SIZE, FACE = (96, 54), 0.6


@pytest.fixture(scope="module")
def scene(world):
    """Return a function that makes a scene of names, cm to the right and scripts."""

    def make(*actors: tuple[str, float, Script]) -> Scene:
        return Scene(world, [(world.person(name), script, x) for name, x, script in actors], load(), SIZE, FACE)

    return make


@pytest.fixture(scope="module")
def covered(world):
    """Return a function that tells which pixels somebody covers entirely: (H, W) bool."""

    def find(name: str, x: float, script: Script) -> np.ndarray:
        film = Film(world, script, world.person(name), load(), SIZE, scene_window(SIZE, FACE), (x, 0.0))
        return film.picture(0).pixels[..., 3] >= 0.999

    return find


def standing(zoom: float = 1.0) -> Script:
    script = still("all", "neutral")
    return replace(script, zoom=np.full_like(script.zoom, zoom), blur=0.0, noise=0.0)


def test_two_people_stand_side_by_side(scene, covered):
    ann, bob = ("ann", -10.0, standing()), ("bob", 10.0, standing())
    left, right = covered(*ann), covered(*bob)
    assert np.flatnonzero(left.any(axis=0)).max() < np.flatnonzero(right.any(axis=0)).min()
    both = scene(ann, bob).frame(0)
    assert both.shape == (54, 96, 3)
    assert both.dtype == np.uint8
    assert np.array_equal(both[left], scene(ann).frame(0)[left])
    assert np.array_equal(both[right], scene(bob).frame(0)[right])


def test_whoever_is_nearer_hides_the_other(scene, covered):
    near, far = ("ann", -2.0, standing(1.2)), ("bob", 2.0, standing(0.9))
    overlap = covered(*near) & covered(*far)
    assert overlap.sum() > 100
    assert not np.array_equal(scene(near).frame(0)[overlap], scene(far).frame(0)[overlap])
    for actors in ((near, far), (far, near)):
        assert np.array_equal(scene(*actors).frame(0)[overlap], scene(near).frame(0)[overlap])


def test_the_light_of_the_first_falls_on_all(scene, covered):
    ann, bob = ("ann", -10.0, standing()), ("bob", 10.0, replace(standing(), light_seed=99))
    right = covered(*bob)
    assert np.array_equal(scene(ann, bob).frame(0)[right], scene(ann, ("bob", 10.0, standing())).frame(0)[right])


def test_a_frame_is_the_same_whenever_it_is_drawn(scene):
    clip = expression_clip("ann", "c1", "fear", "high", (0.8, 0.8), 3, load())
    actors = ("ann", -8.0, clip), ("bob", 8.0, clip)
    one = scene(*actors)
    assert one.frame(3).tobytes() == one.frame(3).tobytes() == scene(*actors).frame(3).tobytes()
    assert one.frame(3).tobytes() != one.frame(len(one) - 1).tobytes()


def test_a_scene_is_as_long_as_its_shortest_script(scene):
    clip = expression_clip("ann", "c1", "fear", "low", (0.8, 0.8), 3, load())
    for actors in ((clip, standing()), (standing(), clip)):
        one = scene(*((name, 0.0, script) for name, script in zip(("ann", "bob"), actors, strict=True)))
        assert len(one) == len(one.times) == 1
    assert np.array_equal(scene(("ann", 0.0, clip)).times, clip.time_s)


def test_a_scene_without_anybody_is_refused(scene):
    with pytest.raises(InputError, match="a scene must be of one person or more, not 0"):
        scene()
