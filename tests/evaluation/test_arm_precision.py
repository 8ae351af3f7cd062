"""Arms at equal precision, against offsets that are tried one by one."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.labels import FER2013
from kaoiro.evaluation.arm_precision import ALIKE, NEG2_PRECISION, NEG2_RECALL, OFFSETS, Course, EqualPrecision, courses
from kaoiro.evaluation.arm_readings import Drawn, Reading
from kaoiro.metrics.resampling import drawn_sums

PLACES = FER2013.indices(("disgust", "fear"))
DRAWS = 20


def answers(seed: int, right: float, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and probabilities that tend to them."""
    truth = np.random.default_rng(0).integers(0, 7, count)
    logits = np.random.default_rng(seed).normal(size=(count, 7)) + right * np.eye(7)[truth]
    return truth, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def tried(said: np.ndarray, truth: np.ndarray, offset: float, weights: np.ndarray) -> tuple[float, float]:
    """Return mean recall and precision of disgust and fear with images that count several times."""
    moved = np.log(said)
    moved[:, PLACES] += offset
    guess = moved.argmax(axis=1)
    right = [weights[(guess == place) & (truth == place)].sum() for place in PLACES]
    recall = [hits / weights[truth == place].sum() for hits, place in zip(right, PLACES, strict=True)]
    precision = [hits / weights[guess == place].sum() for hits, place in zip(right, PLACES, strict=True)]
    return float(np.mean(recall)), float(np.mean(precision))


def test_courses_are_what_moving_the_answers_gives() -> None:
    truth, said = answers(1, 1.2)
    groups = np.arange(300) // 2
    whole, drawn = courses(said, truth, PLACES, groups, DRAWS)
    weights = drawn_sums(np.eye(300), groups, DRAWS)
    assert OFFSETS[0] == 0
    for place in (0, 10, 25, 60):
        recall, precision = tried(said, truth, OFFSETS[place], np.ones(300))
        assert (whole.recall[place], whole.precision[place]) == pytest.approx((recall, precision))
        for draw in (0, DRAWS - 1):
            recall, precision = tried(said, truth, OFFSETS[place], weights[draw])
            assert (drawn.recall[draw, place], drawn.precision[draw, place]) == pytest.approx((recall, precision))


def test_the_smallest_offset_that_is_alike_is_taken_else_the_nearest() -> None:
    course = Course(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, 0.605, 0.6, np.nan]))
    assert course.at(np.array(0.6)).recall == 0.2
    assert course.at(np.array(0.9)).precision == 0.605
    assert np.isnan(course.at(np.array(np.nan)).recall)
    assert np.isnan(Course(np.array([1.0]), np.array([np.nan])).at(np.array(0.6)).recall)


def test_every_draw_has_its_own_offset() -> None:
    truth, ours = answers(1, 1.2)
    _, theirs = answers(2, 2.0)
    drawn = Drawn(Reading(FER2013, truth, np.arange(300), {("ours", 0): ours, ("theirs", 0): theirs}, DRAWS))
    equal = EqualPrecision(drawn, ["ours"], ["theirs"])
    left, gained = (equal.gap("ours", "theirs", name) for name in (NEG2_PRECISION, NEG2_RECALL))
    assert left is not None
    assert gained is not None
    assert abs(left["found"]) <= ALIKE
    assert max(map(abs, left["interval"])) <= 0.05
    once = np.ones(300)
    recall, precision = tried(theirs, truth, 0, once)
    best = min(np.arange(-40, 41) / 40, key=lambda one: abs(tried(ours, truth, one, once)[1] - precision))
    recall = tried(ours, truth, best, once)[0] - recall
    assert gained["found"] == pytest.approx(recall, abs=0.03)


def test_an_arm_that_is_as_precise_is_left_alone() -> None:
    truth, said = answers(1, 1.2)
    runs = {("ours", seed): said for seed in (0, 1)} | {("theirs", seed): said for seed in (0, 1)}
    equal = EqualPrecision(Drawn(Reading(FER2013, truth, np.arange(300), runs, DRAWS)), ["ours"], ["theirs"])
    gap = equal.gap("ours", "theirs", NEG2_RECALL)
    assert gap is not None
    assert gap["by seed"] == [0.0, 0.0]
    assert gap["interval"] == [0.0, 0.0]


def test_nothing_is_equal_to_an_arm_that_was_not_run_or_never_answers_fear() -> None:
    truth, said = answers(1, 1.2)
    blind = said.copy()
    blind[:, PLACES[1]] = 0
    runs = {("ours", 0): said, ("blind", 0): blind}
    equal = EqualPrecision(Drawn(Reading(FER2013, truth, np.arange(300), runs, DRAWS)), ["ours"], ["blind", "nobody"])
    assert equal.gap("ours", "blind", NEG2_RECALL) is None
    assert equal.gap("ours", "nobody", NEG2_RECALL) is None
