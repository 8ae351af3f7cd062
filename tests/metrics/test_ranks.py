from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, rankdata, spearmanr

from kaoiro.core.errors import InputError
from kaoiro.metrics.paired import effect_size, mcnemar
from kaoiro.metrics.ranks import mean_order, mean_order_interval, most, rank_correlation, ranks


def test_ranks_and_their_correlation_agree_with_scipy_ties_included():
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.integers(0, 5, 7), rng.normal(size=7).round(1)
        assert ranks(one).tolist() == rankdata(one).tolist()
        assert rank_correlation(one.astype(float), other) == pytest.approx(spearmanr(one, other).statistic)


def test_the_most_that_can_be_is_less_than_one_where_the_order_has_ties():
    assert most(np.array([0.1, 0.5, 0.3])) == pytest.approx(1)
    order = np.array([0, 0, 1.0])
    assert most(order) == pytest.approx(float(spearmanr([1, 2, 3], order).statistic))


def test_means_of_classes_in_the_expected_order_have_a_correlation_of_one():
    values, classes = np.array([0.1, 0.3, -0.5, -0.7, 0.9]), np.array([0, 0, 1, 1, 2])
    assert mean_order(values, classes, np.array([0, -1, 1.0])) == pytest.approx(1)
    assert mean_order(values, classes, np.array([0, 1.0, -1])) == pytest.approx(-1)
    assert np.isnan(mean_order(values, classes, np.array([0, 1, 2, 3.0]))), "the last class has no values"


def test_the_interval_of_an_order_tells_how_sure_it_is():
    rng = np.random.default_rng(0)
    classes, order = np.repeat([0, 1, 2, 3], 100), np.arange(4.0)
    clear = mean_order_interval(classes + rng.normal(0, 0.1, 400), classes, order, np.arange(400))
    vague = mean_order_interval(classes + rng.normal(0, 20, 400), classes, order, np.arange(400))
    assert clear == pytest.approx((1, 1))
    assert vague[0] < 0.5


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 3), (10, 2), (92, 144), (1, 30)])
def test_mcnemar_is_the_exact_binomial_test(first, second):
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(InputError, match="negative"):
        mcnemar(-1, second)


def test_an_effect_size_needs_spread():
    assert effect_size(np.array([0.2, 0.1])) == pytest.approx(0.15 / np.std([0.2, 0.1], ddof=1))
    assert effect_size(np.array([0.2, 0.2])) is None
    assert effect_size(np.array([0.2])) is None
