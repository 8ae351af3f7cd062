"""Figures of groups against scikit-learn, copied rows, and all rearrangements there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from kaoiro.core.errors import InputError
from kaoiro.metrics.calibration import error_of_calibrated, expected_calibration_error
from kaoiro.metrics.groups import calibration_error_of, compare, mean_of, reach, recall_of, share_of

RNG = np.random.default_rng(5)
PEOPLE = np.repeat(np.arange(24), 3)
GROUPS = np.repeat(np.arange(24) % 3, 3)
SCORES = RNG.dirichlet(np.ones(3), 72)
TRUTH = RNG.integers(0, 3, 72)
RIGHT = SCORES.argmax(axis=1) == TRUTH
CONFIDENCE = SCORES.max(axis=1)
EVERY = np.ones(72, bool)
MEASURES = (
    share_of("error", ~RIGHT, EVERY),
    mean_of("confidence", CONFIDENCE, EVERY),
    recall_of("mean recall", RIGHT, TRUTH, (0, 1, 2)),
    calibration_error_of("ECE", CONFIDENCE, RIGHT, EVERY),
    share_of("recall of 1", RIGHT, TRUTH == 1),
)


def figures(rows):
    answer = SCORES.argmax(axis=1)
    return [
        1 - (answer[rows] == TRUTH[rows]).mean(),
        CONFIDENCE[rows].mean(),
        balanced_accuracy_score(TRUTH[rows], answer[rows]),
        expected_calibration_error(SCORES[rows], TRUTH[rows]),
        recall_score(TRUTH[rows], answer[rows], labels=[1], average="macro"),
    ]


def test_figures_of_groups_and_of_the_rest_are_those_of_scikit_learn():
    found = compare(MEASURES, GROUPS, PEOPLE, 200)
    assert found.value == pytest.approx(np.array([figures(v == GROUPS) for v in range(3)]))
    assert found.rest == pytest.approx(np.array([figures(v != GROUPS) for v in range(3)]))
    assert found.difference == pytest.approx(found.value - found.rest)
    assert (found.people[:, 0].tolist(), found.rest_people[:, 0].tolist()) == ([8, 8, 8], [16, 16, 16])


def test_intervals_are_those_of_copied_people():
    found = compare(MEASURES, GROUPS, PEOPLE, 300, seed=3)
    drawn = np.random.default_rng(3).integers(0, 24, (300, 24))
    errors, gaps = [], []
    for people in drawn:
        rows = np.concatenate([np.flatnonzero(person == PEOPLE) for person in people])
        ours, others = rows[GROUPS[rows] == 0], rows[GROUPS[rows] != 0]
        errors.append(1 - RIGHT[ours].mean())
        gaps.append(CONFIDENCE[ours].mean() - CONFIDENCE[others].mean())
    assert found.ends[0, 0] == pytest.approx(np.percentile(errors, [2.5, 97.5]))
    assert found.difference_ends[0, 1] == pytest.approx(np.percentile(gaps, [2.5, 97.5]))


def test_p_of_people_in_one_group_each_is_that_of_all_ways_to_tell_them_apart():
    values, groups = np.array([1.0, 3.0, 4.0, 8.0, 9.0, 11.0]), np.array([0, 0, 1, 0, 1, 1])
    found = compare([mean_of("value", values, np.ones(6, bool))], groups, np.arange(6), 20_000)
    ways = [np.isin(np.arange(6), chosen) for chosen in itertools.combinations(range(6), 3)]
    size = abs(values[groups == 0].mean() - values[groups == 1].mean())
    exact = np.mean([abs(values[way].mean() - values[~way].mean()) >= size - 1e-9 for way in ways])
    assert found.p[0, 0] == pytest.approx(exact, abs=0.015)
    assert found.p[0, 0] == found.p[1, 0]


def test_p_of_people_in_both_groups_is_that_of_all_swaps_within_them():
    first, second = np.array([1.0, 5.0, 2.0, 9.0, 4.0, 7.0]), np.array([2.0, 7.0, 2.5, 9.5, 3.0, 9.0])
    values, groups = np.concatenate([first, second]), np.repeat([0, 1], 6)
    people = np.tile(np.arange(6), 2)
    found = compare([mean_of("value", values, np.ones(12, bool))], groups, people, 20_000)
    signs = np.array(list(itertools.product([-1, 1], repeat=6)))
    changes = second - first
    exact = np.mean(np.abs(signs @ changes) >= abs(changes.sum()) - 1e-9)
    assert found.p[0, 0] == pytest.approx(exact, abs=0.015)
    # the same numbers of twelve people are far less telling, and the interval is wider
    apart = compare([mean_of("value", values, np.ones(12, bool))], groups, np.arange(12), 2000)
    assert apart.p[0, 0] > 0.4
    assert np.ptp(apart.difference_ends[0, 0]) > 2 * np.ptp(found.difference_ends[0, 0])


def test_no_errors_leave_what_so_few_people_can_hide():
    wrong, groups = np.zeros(40, bool), np.repeat([0, 1], 20)
    wrong[25:30] = True
    found = compare([share_of("error", wrong, np.ones(40, bool))], groups, np.arange(40), 2000)
    assert (found.value[0, 0], found.ends[0, 0, 0]) == (0, 0)
    assert found.ends[0, 0, 1] == pytest.approx(1 - 0.025 ** (1 / 20))  # Clopper and Pearson
    low, high = found.difference_ends[0, 0]
    assert low < -0.25 < high
    assert high == pytest.approx(-0.25 + np.hypot(found.ends[0, 0, 1], 0.25 - found.ends[1, 0, 0]))
    assert found.p[0, 0] > 0.02  # Fisher's exact test says 0.047
    everywhere = compare([share_of("error", ~wrong | wrong, np.ones(40, bool))], groups, np.arange(40), 300)
    assert everywhere.ends[0, 0].tolist() == pytest.approx([0.025 ** (1 / 20), 1])
    assert (everywhere.p[0, 0], everywhere.gaps[0].chance) == (1, (0, 0))
    assert np.isnan(everywhere.detectable).all()


def test_one_picture_of_nobody_else_has_no_interval():
    found = compare([mean_of("value", np.arange(4.0), np.ones(4, bool))], np.array([0, 1, 1, 1]), np.arange(4), 300)
    assert np.isnan(found.ends[0, 0]).all() and np.isnan(found.difference_ends[0, 0]).all()
    assert np.isfinite(found.ends[1, 0]).all()


def test_the_largest_gap_is_held_against_the_largest_by_chance():
    values = np.random.default_rng(0).normal(size=120)
    groups = np.repeat(np.arange(6), 20)
    found = compare([mean_of("value", values, np.ones(120, bool))], groups, np.arange(120), 1000)
    gap = found.gaps[0]
    means = [values[groups == v].mean() for v in range(6)]
    assert (gap.most, gap.least) == (int(np.argmax(means)), int(np.argmin(means)))
    assert gap.value == pytest.approx(max(means) - min(means))
    assert 0.3 < gap.chance[0] < gap.chance[1] and gap.low < gap.value < gap.high
    assert found.p.min() < gap.p  # the pair was picked, which the test of one group does not know
    few = compare([mean_of("value", values, np.ones(120, bool))], np.where(groups > 0, 1, 0), groups, 300)
    assert few.gaps == (None,) and not few.enough.any()  # six people


@pytest.mark.parametrize(("effect", "low", "high"), [(0.0, 0.01, 0.1), (1.0, 0.68, 0.9)])
def test_of_nothing_a_twentieth_is_found_and_of_what_is_detectable_four_fifths(effect, low, high):
    rng, hits, trials = np.random.default_rng(1), 0, 150
    groups, people = np.repeat([0, 1], [30, 60]), np.arange(90)
    shift = effect * reach() * np.sqrt(1 / 30 + 1 / 60)
    for trial in range(trials):
        values = rng.normal(size=90) + shift * (groups == 0)
        hits += compare([mean_of("v", values, np.ones(90, bool))], groups, people, 200, trial).p[0, 0] <= 0.05
    assert low <= hits / trials <= high


def test_a_calibration_error_is_reflected_for_draws_double_its_bias():
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.3, 1, 60)
    right = rng.random(60) < confidence
    measure = calibration_error_of("ECE", confidence, right, np.ones(60, bool))
    found = compare([measure], np.repeat([0, 1], 30), np.arange(60), 500)
    assert (found.ends[:, 0, 0] >= 0).all()
    assert (found.ends[:, 0, 0] <= found.value[:, 0]).all()
    assert found.p[0, 0] > 0.05


def test_what_a_calibrated_model_has_by_chance():
    assert error_of_calibrated(np.ones(9)) == (0, 0)
    mean, most = error_of_calibrated(np.array([0.7]), draws=4000)
    assert (mean, most) == (pytest.approx(2 * 0.7 * 0.3, abs=0.02), pytest.approx(0.7))
    many, _ = error_of_calibrated(np.random.default_rng(0).uniform(0.2, 1, 20_000), draws=50)
    assert many < 0.02


def test_the_more_tests_the_larger_must_a_difference_be():
    assert reach() == pytest.approx(1.95996 + 0.84162, abs=1e-4)
    assert reach(20) == pytest.approx(3.02334 + 0.84162, abs=1e-4)


def test_nothing_to_compare_is_refused():
    with pytest.raises(InputError, match="two groups"):
        compare(MEASURES, np.zeros(72, int), PEOPLE)
    for groups, people in ((GROUPS[:0], PEOPLE[:0]), (GROUPS, PEOPLE[:5]), (GROUPS[:5], PEOPLE[:5])):
        with pytest.raises(InputError, match="nothing to compare"):
            compare(MEASURES, groups, people)
