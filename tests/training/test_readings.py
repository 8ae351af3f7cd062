"""What networks say becomes answers by choices on the people of 'val': thresholds, and how far answers are smoothed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake import multitask as made

from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.training.readings import decided, read, smoothed, steadied, thresholds
from kaoiro.training.videos import Videos


@pytest.fixture(scope="module")
def videos() -> Videos:
    return made.videos()


def test_frames_are_weighted_by_a_parabola_within_their_clip() -> None:
    said = {AFFECT_HEAD: np.array([[0.0], [7.0], [0.0], [100.0]]), EXPRESSION: np.array([[1.0], [1.0], [1.0], [0.0]])}
    result = smoothed(said, np.array(["a", "a", "a", "b"]), 3)
    # weights 3, 4, 3; at the ends those of the frames that are there: 4, 3
    assert result[AFFECT_HEAD][:, 0] == pytest.approx([7 * 3 / 7, 7 * 4 / 10, 7 * 3 / 7, 100])
    assert result[EXPRESSION][:, 0] == pytest.approx([1, 1, 1, 0])


def test_clips_may_lie_among_each_other_and_a_window_of_one_changes_nothing() -> None:
    values, clips = np.arange(12.0).reshape(6, 2), np.array(["a", "b"] * 3)
    mixed = smoothed({AFFECT_HEAD: values}, clips, 3)[AFFECT_HEAD]
    assert mixed[::2] == pytest.approx(smoothed({AFFECT_HEAD: values[::2]}, clips[::2], 3)[AFFECT_HEAD])
    assert smoothed({AFFECT_HEAD: values}, clips, 1)[AFFECT_HEAD] == pytest.approx(values)


def test_a_unit_has_the_threshold_of_its_best_f1() -> None:
    said = np.array([[0.9, 0.2], [0.8, 0.2], [0.7, 0.2], [0.6, 0.2]])
    shown = np.array([[True, False], [True, True], [False, False], [False, False]])
    found = thresholds(said, shown)
    assert 0.7 < found[0] < 0.8  # one half would have called all four
    assert found[1] == 0.5  # nothing is told apart
    assert thresholds(said, np.zeros((4, 2), bool)).tolist() == [0.5, 0.5]  # never shown: nothing to choose by


def test_thresholds_come_from_the_people_of_val_alone(videos: Videos) -> None:
    held, asked = said_of(videos.validation), said_of(videos.test)
    first = read(held, videos.validation, asked, videos.test)
    second = read(held, videos.validation, {**asked, UNITS_HEAD: asked[UNITS_HEAD] / 4}, videos.test)
    perfect = 7 / 8  # the eighth unit is never there
    assert first.validation.figure("AU F1") == second.validation.figure("AU F1") == perfect
    assert first.test.figure("AU F1") == perfect and second.test.figure("AU F1") == 0  # its own best would be perfect


def test_answers_are_decided_from_values() -> None:
    said = {AFFECT_HEAD: np.array([[0.0, 0.9]]), EXPRESSION: np.eye(7)[[3]], UNITS_HEAD: np.array([[0.4, 0.6]])}
    answer = decided(said)
    assert answer.affect is said[AFFECT_HEAD]
    assert answer.expression is not None and answer.expression.tolist() == [3]
    assert answer.units is not None and answer.units.tolist() == [[False, True]]
    other = decided(said, np.array([0.3, 0.7]))
    assert other.units is not None and other.units.tolist() == [[True, False]]
    assert decided({EXPRESSION: np.eye(7)}).affect is None


def test_what_flickers_is_smoothed_and_what_is_right_is_left_alone(videos: Videos) -> None:
    held, asked = said_of(videos.validation), said_of(videos.test)
    assert steadied(held, videos.validation, asked, videos.test).window == 1  # faces change from frame to frame here
    rng = np.random.default_rng(0)
    slow = [slowly(faces) for faces in (videos.validation, videos.test)]
    noisy = [
        {name: table + rng.normal(0, 0.4, table.shape) for name, table in said_of(faces).items()} for faces in slow
    ]
    found = steadied(noisy[0], slow[0], noisy[1], slow[1])
    assert found.window > 1
    assert found.test.figure("P") > read(noisy[0], slow[0], noisy[1], slow[1]).test.figure("P")


def said_of(faces: Faces) -> dict[str, np.ndarray]:
    """Return what a network without fault says, units with 0.9 where they are there and 0.7 where not."""
    units = 0.7 + 0.2 * faces.targets[UNITS_HEAD]
    return {AFFECT_HEAD: faces.targets[AFFECT_HEAD], EXPRESSION: faces.targets[EXPRESSION], UNITS_HEAD: units}


def slowly(faces: Faces) -> Faces:
    """Return the same faces with what is true of the first frame of each clip."""
    assert faces.clips is not None
    _, first, clip = np.unique(faces.clips, return_index=True, return_inverse=True)
    targets = {name: table[first[clip]] for name, table in faces.targets.items()}
    return replace(faces, targets=targets, labels={EXPRESSION: faces.labels[EXPRESSION][first[clip]]})
