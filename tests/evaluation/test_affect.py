"""Smiling against resting portraits, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.evaluation.affect import separation

PEOPLE = np.array(["a", "a", "b", "b", "c"])
SMILING = np.array([False, True, False, True, True])


def test_people_are_compared_with_themselves_and_with_each_other():
    score = np.array([0.1, 0.3, 0.5, 0.6, 0.9])  # b at rest scores more than a smiling
    found = separation(score, SMILING, PEOPLE)
    assert found["AUC"] == pytest.approx(5 / 6)
    assert (found["pairs"], found["pairs in order"]) == (2, 2)  # c was never seen at rest
    assert found["paired effect"] == pytest.approx(0.15 / np.std([0.2, 0.1], ddof=1))
    assert found["mean smiling"] == pytest.approx(0.6) and found["mean neutral"] == pytest.approx(0.3)


def test_a_pair_that_does_not_differ_is_not_in_order():
    found = separation(np.array([0.2, 0.2, 0.5, 0.4, 0.9]), SMILING, PEOPLE)
    assert (found["pairs"], found["pairs in order"]) == (2, 0)
