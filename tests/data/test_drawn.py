from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.data.datasets import drawn


def test_every_expression_has_a_look_and_looks_differ() -> None:
    assert set(drawn.LOOKS) == set(EXPRESSIONS.labels)
    assert len(set(drawn.LOOKS.values())) == len(EXPRESSIONS)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(EXPRESSIONS.labels, 2)))
def test_two_expressions_of_one_person_look_different(one: str, other: str) -> None:
    first, second = (drawn.draw_face(drawn.LOOKS[name]).astype(int) for name in (one, other))
    assert (np.abs(first - second) > 20).sum() >= 20


def test_expressions_can_be_told_apart_across_persons_and_light() -> None:
    faces = drawn.faces(320, seed=5)
    pixels, labels = faces.pixels.reshape(320, -1).astype(np.float32), faces.labels["expression"]
    pixels = (pixels - pixels.mean(axis=1, keepdims=True)) / pixels.std(axis=1, keepdims=True)
    rule = RidgeClassifier(alpha=100).fit(pixels[:240], labels[:240])
    assert rule.score(pixels[240:], labels[240:]) > 0.6


def test_the_same_seed_draws_the_same_faces_and_another_seed_others() -> None:
    first = drawn.faces(16, seed=3)
    np.testing.assert_array_equal(first.pixels, drawn.faces(16, seed=3).pixels)
    assert (first.pixels != drawn.faces(16, seed=4).pixels).any(axis=(1, 2)).all()


def test_one_person_is_always_drawn_alike() -> None:
    look = drawn.LOOKS["happiness"]
    np.testing.assert_array_equal(drawn.draw_portrait(look), drawn.draw_portrait(look))


def test_all_expressions_are_equally_frequent_and_labelled() -> None:
    faces = drawn.faces(24, seed=0)
    assert faces.pixels.shape == (24, 48, 48)
    assert faces.pixels.dtype == np.uint8
    assert np.bincount(faces.labels["expression"]).tolist() == [3] * 8
    np.testing.assert_array_equal(faces.targets["expression"], np.eye(8)[faces.labels["expression"]])


def test_intensity_0_is_neutral_and_1_the_whole_look() -> None:
    look = drawn.LOOKS["surprise"]
    assert look.scaled(0) == drawn.LOOKS["neutral"]
    assert look.scaled(1) == look
    assert look.scaled(0.5).open == 0.5 * look.open
