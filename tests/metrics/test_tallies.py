from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from kaoiro.core.errors import InputError
from kaoiro.metrics.tallies import redrawn, tally

TRUTH = np.array([0, 0, 0, 1, 1, 2])
GUESS = np.array([0, 0, 1, 1, 0, 0])


def test_figures_of_a_small_table_by_hand() -> None:
    found = tally(TRUTH, GUESS, 4)
    assert (found.support.tolist(), found.answered.tolist(), found.hits.tolist()) == (
        [3, 2, 1, 0],
        [4, 2, 0, 0],
        [2, 1, 0, 0],
    )
    assert found.accuracy == pytest.approx(3 / 6)
    np.testing.assert_allclose(found.recalls, [2 / 3, 1 / 2, 0, np.nan])
    np.testing.assert_allclose(found.precisions, [2 / 4, 1 / 2, np.nan, np.nan])
    np.testing.assert_allclose(found.f1_scores, [4 / 7, 2 / 4, 0, np.nan])
    assert found.macro_recall == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert found.macro_f1 == pytest.approx((4 / 7 + 1 / 2) / 3)
    assert found.recall([0, 1]) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.precision([0, 1]) == pytest.approx(1 / 2)
    assert np.isnan(found.precision([0, 2]))
    assert np.isnan(found.recall([0, 3]))


def test_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 7, 400)
    guess = np.where(rng.random(400) < 0.6, truth, rng.integers(0, 7, 400))
    found = tally(truth, guess, 7)
    precision, recall, f1, support = sk.precision_recall_fscore_support(truth, guess)
    for ours, theirs in zip((found.precisions, found.recalls, found.f1_scores), (precision, recall, f1), strict=True):
        np.testing.assert_allclose(ours, theirs)
    assert found.support.tolist() == support.tolist()  # pyright: ignore
    assert found.accuracy == pytest.approx(sk.accuracy_score(truth, guess))
    assert found.macro_recall == pytest.approx(sk.balanced_accuracy_score(truth, guess))


def test_every_classifier_is_drawn_with_the_same_images() -> None:
    rng = np.random.default_rng(1)
    truth, other = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    first, again, second = redrawn(truth, [truth, truth, other], 3, np.arange(60), draws=50)
    assert first.hits.shape == (50, 3)
    np.testing.assert_array_equal(first.hits, again.hits)
    np.testing.assert_array_equal(first.support, second.support)
    np.testing.assert_array_equal(first.accuracy, np.ones(50))
    assert (second.support.sum(axis=1) == 60).all()
    assert second.accuracy.std() > 0


def test_identical_images_are_drawn_together() -> None:
    truth = np.array([0, 0, 1, 1])
    (found,) = redrawn(truth, [truth], 2, np.array([7, 7, 9, 9]), draws=40)
    assert set(found.support.ravel().tolist()) <= {0.0, 2.0, 4.0}


def test_the_interval_of_the_mean_is_that_of_theory() -> None:
    # 400 independent images of accuracy 0.7: the standard error is sqrt(0.7 * 0.3 / 400) = 0.0229
    truth = np.zeros(400, int)
    guess = (np.arange(400) % 10 >= 7).astype(int)
    (found,) = redrawn(truth, [guess], 2, np.arange(400), draws=4000)
    assert found.accuracy.mean() == pytest.approx(0.7, abs=0.002)
    assert found.accuracy.std() == pytest.approx(0.0229, abs=0.001)


def test_no_answers_are_refused() -> None:
    with pytest.raises(InputError, match="no answers"):
        redrawn(TRUTH, [], 3, np.arange(6))
