"""Intervals by counting draws, against copying rows."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.metrics import resampling
from kaoiro.metrics.agreement import area_under_curve, concordance, resampled_interval
from kaoiro.metrics.resampling import (
    area_interval,
    concordance_interval,
    effect_interval,
    f1_interval,
    interval_of_sums,
    mean_interval,
)

RNG = np.random.default_rng(0)
PEOPLE = np.repeat([f"p{number:02d}" for number in range(30)], 4)
TRUTH = RNG.normal(size=120)
ANSWER = TRUTH + RNG.normal(0, 0.8, 120)
SHOWN = TRUTH > 0.3
SCORE = np.round(ANSWER, 1)  # has ties


def copied(figure, groups=PEOPLE):
    """Expect the interval of the same draws, made the slow way."""
    return pytest.approx(resampled_interval(figure, groups, 500), abs=1e-9)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(resampling, "DRAWS", 500)


def test_intervals_are_those_of_copied_rows():
    assert mean_interval(ANSWER, PEOPLE) == copied(lambda rows: float(ANSWER[rows].mean()))
    assert concordance_interval(TRUTH, ANSWER, PEOPLE) == copied(lambda rows: concordance(TRUTH[rows], ANSWER[rows]))

    def f1(rows):
        said = SCORE[rows] > 0.3
        return 2 * (SHOWN[rows] & said).sum() / (SHOWN[rows].sum() + said.sum())

    assert f1_interval(SHOWN, SCORE > 0.3, PEOPLE) == copied(f1)


def test_the_area_s_interval_is_the_same_by_pairs_of_groups_and_by_rows(monkeypatch):
    expected = copied(lambda rows: area_under_curve(SHOWN[rows], SCORE[rows]))
    assert area_interval(SHOWN, SCORE, PEOPLE) == expected
    monkeypatch.setattr(resampling, "_FEW", 0)
    assert area_interval(SHOWN, SCORE, PEOPLE) == expected
    monkeypatch.setattr(resampling, "_CELLS", 120 * 100)  # in five portions
    assert area_interval(SHOWN, SCORE, PEOPLE) == expected


def test_the_mean_f1_of_several_labels_is_drawn_for_all_at_once():
    truth, answer = np.stack([SHOWN, ~SHOWN], axis=1), np.stack([SCORE > 0.3, SCORE > 0.3], axis=1)
    low, high = f1_interval(truth, answer, PEOPLE)
    each = [2 * (t & a).sum() / (t.sum() + a.sum()) for t, a in zip(truth.T, answer.T, strict=True)]
    assert low < np.mean(each) < high
    assert high - low < np.ptp(f1_interval(truth[:, 0], answer[:, 0], PEOPLE)), "errors of the two cancel"


def test_an_effect_size_s_interval_holds_it_and_a_shift_moves_it():
    differences = ANSWER[:40] - 0.2
    low, high = effect_interval(differences)
    assert low < differences.mean() / differences.std(ddof=1) < high
    rows = np.arange(40)
    assert (low, high) == copied(lambda one: differences[one].mean() / differences[one].std(ddof=1), rows)


def test_people_who_agree_with_themselves_widen_intervals():
    values = RNG.normal(size=30).repeat(4)
    together, apart = mean_interval(values, PEOPLE), mean_interval(values, np.arange(120))
    assert np.ptp(together) > 1.6 * np.ptp(apart)


def test_draws_in_which_a_figure_is_not_defined_are_left_out():
    low, high = area_interval(np.array([True, False, False]), np.array([0.5, 0.2, 0.9]), np.arange(3))
    assert (low, high) == (0, 1)
    assert np.isnan(area_interval(np.ones(3, bool), np.arange(3.0), np.arange(3))).all()


def test_rows_without_groups_are_refused():
    with pytest.raises(InputError, match="cannot draw 2 groups of 3 rows"):
        mean_interval(np.zeros(3), np.arange(2))
    with pytest.raises(InputError, match="cannot draw 0 groups of 0 rows"):
        interval_of_sums(np.zeros((0, 1)), lambda sums: sums[:, 0], np.arange(0))


def test_rows_below_limits_are_counted_in_every_draw() -> None:
    values = np.array([[0.5, np.inf], [-np.inf, 2.0], [1.0, 1.0]])
    limits, groups = np.array([0.0, 0.5, 1.5]), np.array([0, 0, 1])
    found = resampling.drawn_below(values, limits, groups, 6)
    weights = resampling.drawn_sums(np.eye(3), groups, 6)
    below = values[..., None] <= limits
    np.testing.assert_array_equal(found, np.einsum("dn,nkl->dkl", weights, below))
