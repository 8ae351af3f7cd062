from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from kaoiro.core.errors import InputError
from kaoiro.metrics import accuracy as acc

TRUTH = np.array([0, 0, 0, 1, 1, 2])
GUESS = np.array([0, 0, 1, 1, 0, 2])
COUNTS = np.array([[2, 1, 0], [1, 1, 0], [0, 0, 1]])


def answers(seed: int, classes: int = 8, count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Draw unbalanced classes and guesses that are right half of the time."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, count, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
    return truth, np.where(rng.random(count) < 0.5, truth, rng.integers(0, classes, count))


def test_rows_of_the_confusion_are_true_classes() -> None:
    np.testing.assert_array_equal(acc.confusion(TRUTH, GUESS, 3), COUNTS)
    assert acc.confusion(np.array([0]), np.array([2]), 3)[0, 2] == 1


def test_classes_that_never_occur_keep_their_row_and_column() -> None:
    assert acc.confusion(TRUTH, GUESS, 5).shape == (5, 5)
    assert acc.confusion(np.array([], int), np.array([], int), 4).tolist() == [[0] * 4] * 4


@pytest.mark.parametrize(
    ("truth", "guess", "message"),
    [
        ([0, 3], [0, 1], "true classes must be whole numbers of 0 to 2: 0 to 3"),
        ([0, -1], [0, 1], "true classes"),
        ([0, 1], [0, 3], "answered classes"),
        ([1, 1], [0, -1], "answered classes"),
        ([0.0, np.nan], [0, 1], "true classes"),
        ([0, 1], [0.5, 1.0], "answered classes"),
        ([0, 1, 2], [0, 1], "2 answers for 3 true classes"),
    ],
)
def test_classes_outside_the_vocabulary_are_refused(truth: list, guess: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        acc.confusion(np.array(truth), np.array(guess), 3)


def test_values_by_hand() -> None:
    assert acc.accuracy(COUNTS) == pytest.approx(4 / 6)
    assert acc.recalls(COUNTS) == pytest.approx([2 / 3, 1 / 2, 1])
    assert acc.precisions(COUNTS) == pytest.approx([2 / 3, 1 / 2, 1])
    assert acc.f1_scores(np.array([[2, 1], [0, 1]])) == pytest.approx([4 / 5, 2 / 3])
    assert acc.macro_recall(COUNTS) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


@pytest.mark.parametrize("seed", range(3))
def test_all_figures_agree_with_scikit_learn(seed: int) -> None:
    truth, guess = answers(seed)
    counts = acc.confusion(truth, guess, 8)
    precision, recall, f1, support = sk.precision_recall_fscore_support(truth, guess, labels=range(8))
    np.testing.assert_array_equal(counts, sk.confusion_matrix(truth, guess))
    np.testing.assert_allclose(acc.recalls(counts), recall)
    np.testing.assert_allclose(acc.precisions(counts), precision)
    np.testing.assert_allclose(acc.f1_scores(counts), f1)
    np.testing.assert_array_equal(counts.sum(axis=1), support)
    assert acc.accuracy(counts) == pytest.approx(sk.accuracy_score(truth, guess))
    assert acc.macro_recall(counts) == pytest.approx(sk.balanced_accuracy_score(truth, guess))


def test_a_class_without_images_has_no_recall_and_does_not_lower_the_mean() -> None:
    counts = acc.confusion(TRUTH, GUESS, 4)
    assert np.isnan(acc.recalls(counts)[3])
    assert acc.macro_recall(counts) == pytest.approx(acc.macro_recall(COUNTS))


def test_a_class_that_is_never_answered_has_no_precision_but_an_f1_of_0() -> None:
    counts = acc.confusion(np.array([0, 1]), np.array([0, 0]), 3)
    assert np.isnan(acc.precisions(counts)).tolist() == [False, True, True]
    assert acc.f1_scores(counts)[1] == 0
    assert np.isnan(acc.f1_scores(counts)[2])


def test_without_data_every_figure_is_nan_and_nothing_warns() -> None:
    counts = np.zeros((3, 3), int)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = [acc.accuracy(counts), acc.macro_recall(counts), *acc.recalls(counts), *acc.f1_scores(counts)]
    assert np.isnan(figures).all()


def test_the_interval_agrees_with_the_normal_approximation() -> None:
    right = np.random.default_rng(0).random(2000) < 0.8
    low, high = acc.bootstrap_interval(right, draws=4000)
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 2000)
    assert (low, high) == pytest.approx((right.mean() - half, right.mean() + half), abs=0.002)


def test_identical_images_widen_the_interval() -> None:
    """Ten copies of each image say no more than one: the interval is that of a tenth of the images."""
    once = np.random.default_rng(1).random(200) < 0.7
    low, high = acc.bootstrap_interval(once, draws=4000)
    copies, groups = np.repeat(once, 10), np.repeat(np.arange(200), 10).astype("S4")
    assert acc.bootstrap_interval(copies, groups, draws=4000) == pytest.approx((low, high), abs=0.01)
    plain = acc.bootstrap_interval(copies, draws=4000)
    assert plain[1] - plain[0] < 0.5 * (high - low)


def test_an_interval_is_repeatable_and_without_width_where_all_is_right() -> None:
    right = np.array([True, False, True, True])
    assert acc.bootstrap_interval(right, draws=300, seed=3) == acc.bootstrap_interval(right, draws=300, seed=3)
    assert acc.bootstrap_interval(np.ones(5, bool), draws=50) == (1.0, 1.0)


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="no answers"):
        acc.bootstrap_interval(np.array([], bool))


@pytest.mark.parametrize("seed", [0, 1])
def test_weighted_and_macro_f1_are_those_of_scikit_learn(seed: int) -> None:
    truth, guess = answers(seed)
    counts = acc.confusion(truth, guess, 8)
    assert acc.weighted_f1(counts) == pytest.approx(sk.f1_score(truth, guess, average="weighted"))
    assert acc.macro_f1(counts) == pytest.approx(sk.f1_score(truth, guess, average="macro"))


def test_f1_of_stacks_leaves_out_classes_that_never_occur() -> None:
    # the first table as above; in the second only the first two classes exist
    stack = np.stack([COUNTS, np.array([[2, 1, 0], [1, 1, 0], [0, 0, 0]])])
    scores = np.array([[2 / 3, 0.5, 1], [2 / 3, 0.5, 0]])
    np.testing.assert_allclose(acc.macro_f1(stack), [scores[0].mean(), scores[1, :2].mean()])
    np.testing.assert_allclose(acc.weighted_f1(stack), [(2 + 1 + 1) / 6, (2 + 1) / 5])
    assert np.isnan(acc.macro_f1(np.zeros((3, 3))))
    assert np.isnan(acc.weighted_f1(np.zeros((3, 3))))
