"""Acts: what one side does alone, a mouth beyond a dropped jaw, and that eyes and mouth do not go together."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.synthesis.action_units import STRETCH, UNITS, column, stretched
from kaoiro.synthesis.acts import BROWS, EYES, MOUTH, Act, act_clip
from kaoiro.synthesis.assets import EXPRESSIONS
from kaoiro.synthesis.difficulty import load
from kaoiro.synthesis.script import Script
from kaoiro.synthesis.sets import ACT_CLIPS, ACT_FRAMES, plans

DIFFICULTY = load()
TABLES = {"eyes": EYES, "brows": BROWS, "mouth": MOUTH}


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return [act_clip(f"p{number}", "clip-00", "none", 0, DIFFICULTY) for number in range(300)]


def apex(script: Script) -> np.ndarray:
    return script.units[len(script) // 2]


@pytest.mark.parametrize("name", TABLES)
def test_acts_move_units_and_shapes_that_there_are(name: str) -> None:
    for act in TABLES[name].values():
        assert {*act.both, *act.one} <= set(UNITS)
        assert set(act.shapes) <= set(EXPRESSIONS)
        assert act.share > 0 and act.one_of <= len(act.shapes)
        for low, high in [*act.both.values(), *act.one.values(), *act.shapes.values(), act.stretch]:
            assert 0 <= low <= high <= 1


def test_a_face_rests_begins_and_ends_and_says_nothing_of_expression(scripts: list[Script]) -> None:
    for script in scripts[:20]:
        assert not script.units[[0, -1]].any()
        assert set(script.labels) == {"neutral"} and not script.valence.any() and not script.intensity.any()


def test_what_one_side_does_the_other_hardly_does(scripts: list[Script]) -> None:
    eyes = np.array([apex(script)[:, column(43)] for script in scripts])
    winks = (eyes.max(axis=1) > 0.65) & (eyes.min(axis=1) < 0.3)
    closed = eyes.min(axis=1) > 0.65
    assert 0.1 < winks.mean() < 0.3 and 0.1 < closed.mean() < 0.35
    left = eyes[winks, 0] > eyes[winks, 1]
    assert 0.25 < left.mean() < 0.75, "either side"
    corners = np.array([apex(script)[:, column(12)] for script in scripts])
    alone = corners.max(axis=1) - 2 * corners.min(axis=1) > 0.2
    assert 0.1 < alone.mean() < 0.4
    assert abs(alone[closed].mean() - alone[~closed].mean()) < 0.15, "eyes tell nothing of the mouth"


def test_a_yawn_opens_the_jaw_beyond_a_full_drop(scripts: list[Script]) -> None:
    wide = [script for script in scripts if "jawOpen" in script.shapes]
    assert 0.03 < len(wide) / len(scripts) < 0.2
    for script in wide:
        middle = {name: float(values[len(script) // 2]) for name, values in script.shapes.items()}
        assert 0.3 <= stretched(middle) <= 1
        assert apex(script)[:, column(26)].min() > 0.99
    assert stretched({}) == 0 and stretched({"jawOpen": 2 * STRETCH["jawOpen"]}) == 1


def test_eyes_that_look_down_move_their_gaze(scripts: list[Script]) -> None:
    down = [script.gaze[len(script) // 2, 1] for script in scripts]
    assert any(value < -12 for value in down) and sum(value == 0 for value in down) > 200


def test_the_same_seed_gives_the_same_clip() -> None:
    one, other, third = (act_clip("ann", "clip-03", "high", seed, DIFFICULTY) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.units, other.units)
    assert one.units.shape != third.units.shape or (one.units != third.units).any()


def test_levels_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="nuisance level"):
        act_clip("ann", "clip-00", "extreme", 0, DIFFICULTY)


def test_people_of_the_set_show_all_levels_and_a_few_frames_of_each_clip() -> None:
    found = plans("syn-acts", DIFFICULTY, 0.05)
    for subject in {plan.subject for plan in found}:
        own = [plan for plan in found if plan.subject == subject]
        assert len(own) == ACT_CLIPS and {plan.level for plan in own} == {"low", "medium", "high"}
        assert len({plan.split for plan in own}) == 1
    for plan in found[:: len(found) // 7]:
        training, evaluation = plan.frames(100, 3)
        kept, other = (training, evaluation) if plan.split == "train" else (evaluation, training)
        assert np.flatnonzero(kept).tolist() == [10, 30, 50, 70, 90] and len(np.flatnonzero(kept)) == ACT_FRAMES
        assert not other.any()


def test_an_act_may_do_nothing() -> None:
    assert Act().share == 1 and not Act().both and not Act().one
