from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from kaoiro.core.errors import InputError
from kaoiro.metrics.calibration import (
    binary_calibration_error,
    coverage,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    negative_log_likelihood,
    spread_factor,
)


def logits(seed: int = 0, count: int = 4000, classes: int = 8, scale: float = 2.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).normal(size=(count, classes))


def draw_classes(probabilities: np.ndarray, seed: int = 1) -> np.ndarray:
    """Draw a true class for each row with the probabilities of the row."""
    levels = np.random.default_rng(seed).random((len(probabilities), 1))
    return np.minimum((probabilities.cumsum(axis=1) < levels).sum(axis=1), probabilities.shape[1] - 1)


def sure(confidence: float, right: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return answers for class 0 with one confidence, of which the first `right` are right."""
    rest = (1 - confidence) / 2
    truth = np.where(np.arange(count) < right, 0, 1)
    return np.tile([confidence, rest, rest], (count, 1)), truth


def test_confidence_equal_to_the_share_of_right_answers_has_no_error() -> None:
    assert expected_calibration_error(*sure(0.75, 75, 100)) == pytest.approx(0)


def test_complete_confidence_in_wrong_answers_has_an_error_of_1() -> None:
    assert expected_calibration_error(*sure(1.0, 0, 10)) == 1


def test_the_error_is_the_gap_between_confidence_and_accuracy_in_both_directions() -> None:
    assert expected_calibration_error(*sure(0.9, 60, 100)) == pytest.approx(0.3)
    assert expected_calibration_error(*sure(0.6, 90, 100)) == pytest.approx(0.3)


def test_gaps_of_opposite_sign_do_not_cancel_across_bins() -> None:
    parts = [sure(0.9, 60, 100), sure(0.5, 80, 100)]
    probabilities, truth = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert expected_calibration_error(probabilities, truth) == pytest.approx(0.3)
    assert expected_calibration_error(probabilities, truth, bins=1) == pytest.approx(0)


def test_bins_are_weighted_by_their_faces() -> None:
    parts = [sure(0.9, 30, 30), sure(0.5, 0, 10)]
    probabilities, truth = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert expected_calibration_error(probabilities, truth) == pytest.approx((30 * 0.1 + 10 * 0.5) / 40)


def test_classes_drawn_from_the_probabilities_are_calibrated_and_sharpened_ones_are_not() -> None:
    raw = logits(count=20_000)
    truth = draw_classes(softmax(raw, axis=1))
    assert expected_calibration_error(softmax(raw, axis=1), truth) < 0.015
    assert expected_calibration_error(softmax(3 * raw, axis=1), truth) > 0.2


def test_likelihood_by_hand_and_against_scikit_learn() -> None:
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    assert negative_log_likelihood(probabilities, np.array([1, 2])) == pytest.approx(-math.log(0.25 * 0.8) / 2)
    many = softmax(logits(), axis=1)
    truth = draw_classes(many)
    assert negative_log_likelihood(many, truth) == pytest.approx(log_loss(truth, many, labels=range(8)))


def test_an_impossible_truth_costs_a_finite_amount() -> None:
    assert negative_log_likelihood(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(-math.log(1e-12))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_made_the_outputs_is_recovered(temperature: float) -> None:
    raw = logits(count=20_000)
    truth = draw_classes(softmax(raw, axis=1))
    assert fit_temperature(temperature * raw, truth) == pytest.approx(temperature, rel=0.05)


def test_the_temperature_agrees_with_scipy_on_single_precision_outputs() -> None:
    raw = logits(seed=4, count=500).astype(np.float32)
    truth = np.where(np.arange(500) % 3 > 0, raw.argmax(axis=1), 0)

    def loss(log_t: float) -> float:
        return -log_softmax(raw.astype(np.float64) / math.exp(log_t), axis=1)[np.arange(500), truth].mean()

    best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8})
    assert fit_temperature(raw, truth) == pytest.approx(math.exp(best.x), rel=1e-4)


def test_the_temperature_lowers_the_likelihood_cost_and_changes_no_answer() -> None:
    raw = 3 * logits()
    truth = draw_classes(softmax(raw / 3, axis=1))
    scaled = softmax(raw / fit_temperature(raw, truth), axis=1)
    plain = softmax(raw, axis=1)
    assert negative_log_likelihood(scaled, truth) < negative_log_likelihood(plain, truth)
    assert expected_calibration_error(scaled, truth) < expected_calibration_error(plain, truth)
    np.testing.assert_array_equal(scaled.argmax(axis=1), plain.argmax(axis=1))


def test_the_temperature_stays_within_its_limits() -> None:
    raw = logits(count=200)
    assert fit_temperature(raw, raw.argmax(axis=1)) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(raw, raw.argmin(axis=1)) == pytest.approx(20, rel=1e-3)


@pytest.mark.parametrize("measure", [expected_calibration_error, negative_log_likelihood, fit_temperature])
@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        (np.empty((0, 3)), np.empty(0, int), r"\(0, 3\)"),
        (np.array([[0.5, np.nan]]), np.array([0]), "NaN"),
        (np.array([[np.inf, 0.0]]), np.array([0]), "infinite"),
        (np.array([[0.5, 0.5]]), np.array([0, 1]), r"\(1, 2\) and \(2,\)"),
        (np.array([0.5, 0.5]), np.array([0, 1]), r"must be \(N, K\)"),
    ],
)
def test_scores_that_cannot_be_measured_are_refused(
    measure: Callable[[np.ndarray, np.ndarray], float], scores: np.ndarray, truth: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        measure(scores, truth)


def test_platt_finds_the_line_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 2, 20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-(1.5 * raw - 0.7)))
    slope, offset = fit_platt(raw, truth.astype(float))
    assert slope == pytest.approx(1.5, abs=0.05)
    assert offset == pytest.approx(-0.7, abs=0.05)


def test_platt_agrees_with_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 1, 500)
    truth = (raw + rng.normal(0, 1, 500) > 0).astype(int)
    line = LogisticRegression(C=1e6).fit(raw[:, None], truth)
    assert fit_platt(raw, truth) == pytest.approx((line.coef_[0, 0], line.intercept_[0]), rel=0.05)


def test_platt_stays_finite_where_scores_separate_and_keeps_the_order() -> None:
    slope, offset = fit_platt(np.array([-1.0, -2.0, 1.0, 2.0]), np.array([0, 0, 1, 1]))
    assert 0 < slope < 100
    assert np.isfinite(offset)
    assert fit_platt(np.array([-1.0, 1.0, 2.0]), np.array([1, 0, 0]))[0] > 0


def test_binary_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    probability, truth = np.array([0.1, 0.1, 0.9, 0.9]), np.array([0, 1, 1, 1])
    assert binary_calibration_error(probability, truth) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)


def test_the_factor_of_spread_puts_sixty_eight_percent_within_one() -> None:
    rng = np.random.default_rng(0)
    error = np.abs(rng.normal(0, 0.3, (20_000, 2)))
    factors = spread_factor(error, np.full((20_000, 2), 0.1))
    assert factors == pytest.approx([3, 3], rel=0.03)
    covered = coverage(error[:, 0], np.full(20_000, 0.3))
    assert covered[1.0] == pytest.approx(0.683, abs=0.01)
    assert covered[1.96] == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: spread_factor(np.empty((0, 2)), np.empty((0, 2))),
        lambda: spread_factor(np.ones((3, 2)), np.zeros((3, 2))),
        lambda: coverage(np.empty(0), np.empty(0)),
        lambda: fit_platt(np.array([np.nan]), np.array([1.0])),
        lambda: binary_calibration_error(np.array([0.5]), np.array([1, 0])),
    ],
)
def test_what_cannot_be_calibrated_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        call()
