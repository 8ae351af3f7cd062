from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kaoiro.core.errors import InputError
from kaoiro.metrics.agreement import area_under_curve, concordance, moments, multitask_score, resampled_interval
from kaoiro.metrics.temporal import concordance_of


def test_concordance_of_equal_values_is_one_and_of_mirrored_ones_minus_one():
    values = np.array([1.0, 2.0, 4.0])
    assert concordance(values, values) == pytest.approx(1)
    assert concordance(values, -values + 2 * values.mean()) == pytest.approx(-1)


def test_concordance_by_hand():
    # means 2 and 3, variances 2/3 both, covariance 2/3: 2·(2/3) / (2/3 + 2/3 + 1) = 4/7
    assert concordance(np.array([1, 2, 3]), np.array([2, 3, 4])) == pytest.approx(4 / 7)


def test_concordance_of_a_constant_answer_is_zero_and_without_any_spread_nan():
    assert concordance(np.array([0, 1]), np.array([0.5, 0.5])) == 0
    assert np.isnan(concordance(np.ones(3), np.ones(3)))


@pytest.mark.parametrize(("truth", "answer"), [(np.zeros(0), np.zeros(0)), (np.zeros(2), np.zeros(3))])
def test_concordance_refuses_what_cannot_be_compared(truth, answer):
    with pytest.raises(InputError, match="cannot compare"):
        concordance(truth, answer)


def test_area_under_curve_agrees_with_scikit_learn_ties_included():
    rng = np.random.default_rng(3)
    for _ in range(20):
        truth, score = rng.integers(0, 2, 40), rng.integers(0, 6, 40)
        assert area_under_curve(truth == 1, score) == pytest.approx(roc_auc_score(truth, score))


def test_area_under_curve_needs_both_kinds():
    with pytest.raises(InputError, match="both kinds"):
        area_under_curve(np.ones(4, bool), np.arange(4))


def test_intervals_are_wider_where_rows_of_a_person_agree():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(20), 30)
    values = rng.normal(size=20)[people]
    low, high = resampled_interval(lambda rows: float(values[rows].mean()), people)
    alone = resampled_interval(lambda rows: float(values[rows].mean()), np.arange(600), draws=300)
    assert high - low > 3 * (alone[1] - alone[0])
    assert low < values.mean() < high


def test_resamples_without_one_of_the_kinds_are_left_out():
    positive = np.array([True, False, False])
    low, high = resampled_interval(lambda rows: area_under_curve(positive[rows], rows), np.arange(3), draws=200)
    assert 0 <= low <= high <= 1


def test_moments_of_groups_add_up_to_the_concordance_of_all() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(60, 2))
    answer = 0.7 * truth + rng.normal(size=(60, 2)) * 0.3 + 0.1
    sums = sum(moments(truth[part], answer[part]) for part in np.split(np.arange(60), [7, 40]))
    wanted = [concordance(truth[:, k], answer[:, k]) for k in range(2)]
    np.testing.assert_allclose(concordance_of(np.asarray(sums)), wanted)


def test_the_multitask_score_adds_what_is_measured_of_each_task() -> None:
    affect = np.array([[0.6, 0.4], [0.2, 0.0]])
    score = multitask_score(affect, np.array([0.3, 0.5]), np.array([0.2, 0.4]))
    np.testing.assert_allclose(score, [1.0, 1.0])
