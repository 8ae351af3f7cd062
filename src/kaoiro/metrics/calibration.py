"""Are probabilities what they say? Expected calibration error, likelihood, temperature."""

from __future__ import annotations

import numpy as np

from kaoiro.core.errors import InputError


def expected_calibration_error(probabilities: np.ndarray, truth: np.ndarray, bins: int = 15) -> float:
    """Return the ECE of the top label (Guo et al., 2017, eq. 3), 0–1.

    Args:
        probabilities: (N, K).
        truth: (N,) classes.
        bins: of equal width over 0–1.

    Raises:
        InputError: no rows, NaN, or shapes that do not fit.
    """
    _check(probabilities, truth)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(right[place == b].sum() - confidence[place == b].sum()) for b in range(bins)]
    return float(np.sum(gaps) / len(truth))


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean of -log p(truth), nats; probabilities are floored at 1e-12.

    Raises:
        InputError: no rows, NaN, or shapes that do not fit.
    """
    _check(probabilities, truth)
    chosen = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def fit_temperature(raw: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature that minimises the negative log-likelihood (Guo et al., 2017, section 4.2).

    Golden-section search over log T in [log 0.05, log 20]; the objective has one minimum there.

    Args:
        raw: (N, K) network outputs.
        truth: (N,) classes.

    Raises:
        InputError: no rows, NaN, or shapes that do not fit.
    """
    _check(raw, truth)

    def loss(log_t: float) -> float:
        scaled = raw / np.exp(log_t)
        peak = scaled.max(axis=1, keepdims=True)
        log_sum = peak[:, 0] + np.log(np.exp(scaled - peak).sum(axis=1))
        return float((log_sum - scaled[np.arange(len(truth)), truth]).mean())

    raw = raw.astype(np.float64)
    ratio = (5**0.5 - 1) / 2
    low, high = float(np.log(0.05)), float(np.log(20))
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))


def _check(scores: np.ndarray, truth: np.ndarray) -> None:
    if scores.ndim != 2 or truth.shape != scores.shape[:1] or not scores.size:
        raise InputError(f"scores must be (N, K) with one true class a row: {scores.shape} and {truth.shape}")
    if not np.isfinite(scores).all():
        raise InputError("scores contain NaN or infinite values; is the model damaged?")
