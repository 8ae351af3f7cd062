from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.action_units import vector
from kaoiro.synthesis.light import Lamp, Light
from kaoiro.synthesis.person import Person, draw_person
from kaoiro.synthesis.world import FaceWorld, Pose, State, Window

REST = State(np.zeros((2, 20), np.float32))
SIDE = 64


def showing(**units: float) -> State:
    row = vector({int(name[2:]): value for name, value in units.items()})
    return State(np.stack([row, row]))


def test_the_same_person_state_and_light_give_the_same_picture_and_others_another(world):
    first = world.render(world.person("a"), REST, size=SIDE)
    again = world.render(world.person("a"), REST, size=SIDE)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.landmarks, again.landmarks)
    assert not np.array_equal(first.pixels, world.render(world.person("b"), REST, size=SIDE).pixels)
    assert not np.array_equal(first.pixels, world.render(world.person("a", seed=1), REST, size=SIDE).pixels)


def test_a_fresh_world_draws_the_same_bytes(world, fake_assets):
    ours = world.render(world.person("c"), showing(au12=1.0), size=SIDE)
    other = FaceWorld(fake_assets).render(world.person("c"), showing(au12=1.0), size=SIDE)
    assert np.array_equal(ours.pixels, other.pixels)


def test_people_who_were_dropped_from_memory_are_drawn_alike_again(world):
    first = world.render(world.person("first"), REST, size=SIDE)
    for number in range(8):
        world.render(world.person(f"other {number}"), REST, size=16)
    assert np.array_equal(first.pixels, world.render(world.person("first"), REST, size=SIDE).pixels)


def test_the_face_lies_in_its_crop_as_faces_of_fer2013_do(world):
    shares = np.mean([world.render(world.person(f"p{k}"), REST, size=SIDE).points for k in range(12)], axis=0) / SIDE
    expected = [(0.3125, 0.407), (0.6875, 0.407), (0.5, 0.606), (0.3505, 0.7535), (0.6495, 0.7535)]
    assert np.abs(shares - expected).max() < 0.07


def test_coverage_is_whole_in_the_face_and_nothing_in_the_corners(world):
    picture = world.render(world.person("a"), REST, size=SIDE, window=Window(-40, -40, 80))
    x, y = picture.points[2].round().astype(int)
    assert picture.pixels[y, x, 3] == 1
    assert (picture.pixels[:4, :4] == 0).all()
    assert np.isfinite(picture.pixels).all()


@pytest.mark.parametrize(("unit", "mark", "axis", "sign"), [(12, 54, 1, -1), (1, 22, 1, -1), (26, 8, 1, 1)])
def test_action_units_move_landmarks_in_the_picture(world, unit, mark, axis, sign):
    window = Window(-12, -12, 24)
    person = world.person("a")
    still = world.render(person, REST, size=SIDE, window=window).landmarks
    moved = world.render(person, showing(**{f"au{unit}": 1.0}), size=SIDE, window=window).landmarks
    assert sign * (moved - still)[mark, axis] > 0.5


def test_one_side_moves_alone(world):
    units = np.zeros((2, 20), np.float32)
    units[0, ACTION_UNITS.index("au_12")] = 1  # the subject's left is the picture's right
    window = Window(-12, -12, 24)
    still = world.render(world.person("a"), REST, size=SIDE, window=window).landmarks
    moved = np.abs(world.render(world.person("a"), State(units), size=SIDE, window=window).landmarks - still)
    assert moved[54].max() > 1
    assert moved[48].max() < 0.2


def test_yaw_turns_to_the_right_pitch_up_and_roll_clockwise(world):
    window, person = Window(-15, -15, 30), world.person("a")

    def points(pose: Pose) -> np.ndarray:
        return world.render(person, REST, pose, size=SIDE, window=window).points

    front = points(Pose())
    assert points(Pose(yaw=20))[2, 0] > front[2, 0] + 1
    assert points(Pose(pitch=20))[2, 1] < front[2, 1] - 1
    level, tilted = (np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])) for eyes in (front, points(Pose(roll=20))))
    assert tilted - level == pytest.approx(20, abs=2)
    assert points(Pose(x=3))[0, 0] - front[0, 0] == pytest.approx(3 * SIDE / 30, rel=0.2)
    assert points(Pose(y=3))[0, 1] < front[0, 1]
    nearer = points(Pose(z=20))
    assert np.hypot(*(nearer[1] - nearer[0])) > np.hypot(*(front[1] - front[0]))


def test_landmarks_of_the_far_side_are_hidden_when_the_head_turns_away(world):
    front = world.render(world.person("a"), REST, size=SIDE)
    turned = world.render(world.person("a"), REST, Pose(yaw=60), size=SIDE)
    assert front.visible[36:48].all()
    assert not turned.visible[[16, 15, 14]].all()
    outside = world.render(world.person("a"), REST, size=SIDE, window=Window(40, 40, 5))
    assert not outside.visible.any()


def test_gaze_moves_the_iris_and_blinks_hide_the_eye(world):
    person, window = world.person("a"), Window(-7, -6.5, 14)
    front = world.render(person, REST, size=96, window=window).pixels
    aside = world.render(person, State(REST.units, (25.0, 0.0)), size=96, window=window).pixels
    shut = world.render(person, showing(au43=1.0), size=96, window=window).pixels
    assert np.abs(front - aside).max() > 0.2
    assert (front[:, :, :3].max(axis=2) > 0.5).sum() > (shut[:, :, :3].max(axis=2) > 0.5).sum()


def test_wrinkles_change_the_picture_by_the_persons_depth(world):
    person = world.person("a")
    smooth = replace(person.looks, creasing=0.0)
    deep = replace(person.looks, creasing=1.4)
    pictures = [
        world.render(Person("a", person.shape, looks), showing(au1=1.0, au2=1.0, au4=1.0), size=SIDE).pixels
        for looks in (smooth, deep)
    ]
    assert np.abs(pictures[0] - pictures[1]).max() > 0.02


def test_light_from_one_side_makes_that_side_brighter(world):
    light = Light((0.1, 0.1, 0.1), (Lamp(80, 0),))
    pixels = world.render(world.person("a"), REST, light=light, size=SIDE).pixels[SIDE // 2 :, :, 1]
    assert pixels[:, SIDE // 2 :].mean() > 1.3 * pixels[:, : SIDE // 2].mean()


def test_jitter_moves_and_scales_the_cut(world):
    person, pose = world.person("a"), Pose()

    def cut(*jitter: float):
        return world.render(person, REST, pose, size=SIDE, window=world.crop(person, pose, jitter))

    exact, moved, larger = cut(0.0, 0.0, 0.0), cut(0.1, -0.05, 0.0), cut(0.0, 0.0, float(np.log(2.0)))
    assert np.array_equal(exact.pixels, world.render(person, REST, pose, size=SIDE).pixels)
    assert (moved.points - exact.points).mean(axis=0) == pytest.approx([-0.1 * SIDE, 0.05 * SIDE], abs=0.05)
    assert larger.box.width == pytest.approx(exact.box.width / 2, rel=1e-4)


def test_an_expression_does_not_move_the_rest_of_the_face_in_the_crop(world):
    still = world.render(world.person("a"), REST, size=SIDE).landmarks
    dropped = world.render(world.person("a"), showing(au26=1.0), size=SIDE).landmarks
    assert dropped[8, 1] > still[8, 1] + 1
    assert dropped[36:48] == pytest.approx(still[36:48], abs=0.05)


@pytest.mark.parametrize("units", [{}, {"au5": 1.0}, {"au7": 1.0}, {"au6": 1.0}])
def test_closed_eyes_are_closed_whatever_else_the_face_does(world, units):
    """Lids meet to within a tenth of how far they are open at rest."""
    person, window = world.person("a"), Window(-7, -6.5, 14)

    def gap(**moved: float) -> float:
        marks = world.render(person, showing(**moved), size=256, window=window).landmarks
        return float((marks[[41, 40, 47, 46], 1] - marks[[37, 38, 43, 44], 1]).mean())

    assert gap(au43=1.0, **units) < 0.1 * gap()


def test_between_closed_lips_the_mouth_is_dark_and_an_open_one_is_lit(world):
    def brightest(units: dict[str, float]) -> float:
        window = Window(-4, 1.5, 8)
        pixels = world.render(world.person("a"), showing(**units), size=SIDE, window=window).pixels
        return float(pixels[:, :, :3].min(axis=2).max())  # teeth are the whitest thing there

    assert brightest({"au25": 1.0, "au26": 0.6}) > brightest({"au26": 0.0})


def test_the_box_holds_the_jaw_and_the_chin(world):
    picture = world.render(world.person("a"), REST, Pose(roll=15), size=SIDE)
    box, jaw = picture.box, picture.landmarks[:17]
    assert box.left - 0.01 <= jaw[:, 0].min()
    assert jaw[:, 0].max() <= box.left + box.width + 0.01
    assert jaw[:, 1].max() <= box.top + box.height + 0.01


def test_a_picture_before_a_plain_background_is_ready_to_be_seen(world):
    rgb = world.render(world.person("a"), REST, size=SIDE, window=Window(-40, -40, 80)).rgb(1.0)
    assert (rgb.dtype, rgb.shape) == (np.uint8, (SIDE, SIDE, 3))
    assert rgb[0, 0].tolist() == [255, 255, 255]


def test_scenes_may_be_wider_than_high(world):
    picture = world.render(world.person("a"), REST, size=(80, 48), window=Window(-30, -18, 60))
    assert picture.pixels.shape == (48, 80, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 8}, "size must be 16 to 4096"),
        ({"size": (64, 5000)}, "size must be 16 to 4096"),
    ],
)
def test_impossible_sizes_are_refused(world, arguments, message):
    with pytest.raises(InputError, match=message):
        world.render(world.person("a"), REST, **arguments)


@pytest.mark.parametrize("units", [np.zeros(20), np.full((2, 20), 1.5), np.full((2, 20), np.nan), np.zeros((2, 19))])
def test_impossible_action_units_are_refused(units):
    with pytest.raises(InputError, match="intensities of 0-1"):
        State(units)


@pytest.mark.parametrize("pose", [{"yaw": float("inf")}, {"z": 80.0}])
def test_impossible_poses_are_refused(pose):
    with pytest.raises(InputError, match="pose"):
        Pose(**pose)


def test_unknown_blendshapes_are_refused_and_named(world):
    with pytest.raises(InputError, match=r"no blendshape 'earWiggle'.*jawOpen"):
        world.render(world.person("a"), State(REST.units, shapes={"earWiggle": 1.0}))


@pytest.mark.parametrize("shape", [np.zeros(99), np.full(100, 3.0), np.full(100, np.nan)])
def test_impossible_shapes_of_a_person_are_refused(shape):
    looks = draw_person("x", np.random.default_rng(0)).looks
    with pytest.raises(InputError, match=r"from -2\.5 to 2\.5"):
        Person("x", shape, looks)


def test_skin_covers_the_whole_range_evenly():
    tones = [draw_person(str(k), np.random.default_rng(k)).looks.lightness for k in range(600)]
    counts, _ = np.histogram(tones, bins=6, range=(30, 76))
    assert counts.min() > 70  # of 100 expected


def test_a_world_without_assets_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.delenv("KAOIRO_ICT_FACE", raising=False)
    with pytest.raises(DataError, match="kaoiro synth prepare"):
        FaceWorld()
    with pytest.raises(DataError):
        FaceWorld(tmp_path)
