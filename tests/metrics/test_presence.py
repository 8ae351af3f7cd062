from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from kaoiro.core.errors import InputError
from kaoiro.metrics import presence

TRUTH = np.array([[1, 0], [1, 0], [0, 0], [0, 1]], bool)
ANSWER = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], bool)
COUNTS = np.array([[1, 1, 1, 1], [1, 1, 0, 2]])


def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    truth = rng.random((200, 8)) < np.linspace(0.05, 0.6, 8)
    return truth, truth ^ (rng.random((200, 8)) < 0.2)


def test_units_are_counted_each_for_itself() -> None:
    np.testing.assert_array_equal(presence.presence_counts(TRUTH, ANSWER), COUNTS)


def test_f1_is_that_of_scikit_learn() -> None:
    truth, answer = drawn()
    wanted = sk.f1_score(truth, answer, average=None)
    np.testing.assert_allclose(presence.presence_f1(presence.presence_counts(truth, answer)), wanted)


def test_f1_of_what_never_occurs_is_not_a_number() -> None:
    nothing = np.zeros((3, 1), bool)
    assert np.isnan(presence.presence_f1(presence.presence_counts(nothing, nothing)))
    assert presence.presence_f1(presence.presence_counts(nothing, ~nothing)) == [0]


def test_balanced_accuracy_is_that_of_scikit_learn() -> None:
    truth, answer = drawn()
    wanted = [sk.balanced_accuracy_score(truth[:, k], answer[:, k]) for k in range(8)]
    np.testing.assert_allclose(presence.balanced_accuracy(presence.presence_counts(truth, answer)), wanted)


def test_pooled_and_exact_accuracy_are_those_of_scikit_learn() -> None:
    truth, answer = drawn()
    pooled = presence.pooled_accuracy(presence.presence_counts(truth, answer))
    assert pooled == pytest.approx(sk.accuracy_score(truth.ravel(), answer.ravel()))
    assert presence.all_right(truth, answer).mean() == pytest.approx(sk.accuracy_score(truth, answer))


def test_whoever_answers_absent_to_everything_pools_well_and_balances_at_a_half() -> None:
    truth, answer = drawn()
    counts = presence.presence_counts(truth, answer)
    absent = presence.all_absent(counts)
    np.testing.assert_array_equal(absent, presence.presence_counts(truth, np.zeros_like(truth)))
    assert presence.pooled_accuracy(absent) == pytest.approx(1 - truth.mean())
    np.testing.assert_allclose(presence.balanced_accuracy(absent), 0.5)


def test_stacks_of_counts_are_measured_at_once() -> None:
    stack = np.stack([COUNTS, 2 * COUNTS])
    np.testing.assert_allclose(presence.presence_f1(stack), [[0.5, 2 / 3], [0.5, 2 / 3]])
    np.testing.assert_allclose(presence.pooled_accuracy(stack), [5 / 8, 5 / 8])
    np.testing.assert_allclose(presence.balanced_accuracy(stack), [[0.5, 5 / 6], [0.5, 5 / 6]])


def test_other_numbers_of_answers_are_refused() -> None:
    with pytest.raises(InputError, match="cannot compare"):
        presence.presence_counts(TRUTH, ANSWER[:2])
    with pytest.raises(InputError, match="cannot compare"):
        presence.all_right(TRUTH, ANSWER[:, :1])
