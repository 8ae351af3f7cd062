from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from kaoiro.core.errors import InputError
from kaoiro.metrics.verification import rates, verification

BY_HAND = np.array([[0.9, 0.1, 0.2], [0.3, 0.5, 0.6], [0.4, 0.7, 0.8]])
"""Same: 0.9, 0.5, 0.8; different: 0.1, 0.2, 0.3, 0.6, 0.4, 0.7."""


def test_figures_by_hand() -> None:
    found = verification(BY_HAND, draws=100)
    assert found.auc == pytest.approx((6 + 4 + 6) / 18)
    # from 0.6 on one of three is missed (0.5) and two of six are taken for one person (0.6, 0.7)
    assert found.error == pytest.approx(1 / 3)
    assert 0.5 <= found.threshold <= 0.6
    assert (found.same, found.different) == pytest.approx((2.2 / 3, 2.3 / 6))
    assert rates(BY_HAND, 0.6) == pytest.approx((1 / 3, 2 / 6))


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = np.round(rng.normal(0, 1, (25, 25)) + 1.5 * np.eye(25), seed)  # with ties
    same = np.eye(25, dtype=bool).ravel()
    found = verification(table, draws=0)
    assert found.auc == pytest.approx(roc_auc_score(same, table.ravel()))
    mistaken, hit, _ = roc_curve(same, table.ravel(), drop_intermediate=False)
    apart = (1 - hit) - mistaken
    after = int(np.argmax(apart <= 0))
    share = apart[after - 1] / (apart[after - 1] - apart[after])
    assert found.error == pytest.approx(mistaken[after - 1] + share * (mistaken[after] - mistaken[after - 1]))
    assert math.isnan(found.auc_interval[0])


def test_a_perfect_code_makes_no_error_and_a_constant_one_knows_nothing() -> None:
    perfect, constant = verification(np.eye(6), draws=200), verification(np.ones((6, 6)), draws=200)
    assert (perfect.auc, perfect.error, perfect.auc_interval) == (1, 0, (1, 1))
    assert (constant.auc, constant.error) == (0.5, 0.5)


def test_intervals_draw_people_whose_copies_are_nobody_else() -> None:
    """Of three people, of whom one is easily mistaken; draws are counted out over all 27."""
    found = verification(BY_HAND, draws=20_000)
    values = []
    for rows in np.ndindex(3, 3, 3):
        same = [BY_HAND[i, i] for i in rows]
        other = [BY_HAND[i, j] for i in rows for j in rows if i != j]
        if other:
            truth = np.array([True] * len(same) + [False] * len(other))
            values.append(roc_auc_score(truth, np.array(same + other)))
    low, high = np.percentile(values, [2.5, 97.5])
    assert found.auc_interval == pytest.approx((low, high), abs=0.02)
    assert found.error_interval[0] <= found.error <= found.error_interval[1]
    assert verification(BY_HAND, draws=500, seed=3) == verification(BY_HAND, draws=500, seed=3)


@pytest.mark.parametrize("table", [np.ones((1, 1)), np.ones((2, 3)), np.array([[1, math.nan], [0, 1]])])
def test_other_tables_are_refused(table: np.ndarray) -> None:
    with pytest.raises(InputError, match="two people or more"):
        verification(table)
