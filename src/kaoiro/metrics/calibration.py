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


def error_of_calibrated(
    confidence: np.ndarray, bins: int = 15, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the ECE that answers have by chance if every probability is what it says: its mean, and its 95 % quantile.

    Few answers never agree with their probabilities bin by bin: an ECE is to be held against this.

    Args:
        confidence: (N,) of the answers.
        bins: of equal width over 0-1.
        draws: of which answers are right.
        seed: of the draws.

    Raises:
        InputError: no rows, or NaN.
    """
    _check(confidence[:, None], np.zeros(len(confidence)))
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    inside = np.eye(bins)[place]
    rng, found = np.random.default_rng(seed), np.empty(draws)
    for draw in range(draws):
        right = rng.random(len(confidence)) < confidence
        found[draw] = np.abs((right - confidence) @ inside).sum() / len(confidence)
    return float(found.mean()), float(np.quantile(found, 0.95))


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


LEAST_SLOPE = 1e-3
"""Of a calibrated score, so that its order stays."""


def fit_platt(raw: np.ndarray, truth: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Return slope and offset that turn raw scores into logits of probabilities (Platt, 1999).

    Newton's method on the cross-entropy, with targets kept off 0 and 1 as Platt does, so that separable scores have a
    finite answer. Scores that say nothing, or the opposite, get the slope `LEAST_SLOPE`.

    Args:
        raw: (N,) scores.
        truth: (N,) 0-1, also soft.
        steps: at most.

    Raises:
        InputError: no rows, NaN, or other numbers of scores than of true values.
    """
    _check(raw[:, None], truth)
    raw = raw.astype(np.float64)
    present = float(truth.sum())
    target = truth * (present + 1) / (present + 2) + (1 - truth) / (len(truth) - present + 2)
    design = np.stack([raw, np.ones_like(raw)], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -40, 40)))
        slope = design.T @ (chance - target)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-6 * len(raw) * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        found = found - step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    if found[0] > LEAST_SLOPE:
        return float(found[0]), float(found[1])
    mean = float(target.mean())  # the scores say nothing, or the opposite: answer the share, and keep their order
    return LEAST_SLOPE, float(np.log(mean / (1 - mean)) - LEAST_SLOPE * raw.mean())


def binary_calibration_error(probability: np.ndarray, truth: np.ndarray, bins: int = 15) -> float:
    """Return the expected calibration error of binary labels: |share present - mean probability| by bin, weighted, 0-1.

    Args:
        probability: (N,) of presence.
        truth: (N,) bool or 0-1.
        bins: of equal width.

    Raises:
        InputError: no rows, NaN, or other numbers of probabilities than of labels.
    """
    _check(probability[:, None], truth)
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = [abs(truth[place == b].sum() - probability[place == b].sum()) for b in range(bins)]
    return float(np.sum(gaps) / len(truth))


WITHIN_ONE = 0.6826894921370859
"""Of a normal distribution, within one standard deviation of its mean."""


def spread_factor(error: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the factors on predicted standard deviations at which 68 % of the errors lie within one of them.

    Args:
        error: (N, K), absolute.
        spread: (N, K), positive.

    Raises:
        InputError: no rows, NaN, or shapes that do not fit.
    """
    if error.shape != spread.shape or error.ndim != 2 or not error.size:
        raise InputError(f"errors and spreads must both be (N, K): {error.shape} and {spread.shape}")
    if not (np.isfinite(error).all() and np.isfinite(spread).all() and (spread > 0).all()):
        raise InputError("errors or spreads contain NaN or infinite values, or a spread is not positive")
    return np.maximum(np.quantile(error / spread, WITHIN_ONE, axis=0), 1e-3)


def coverage(error: np.ndarray, spread: np.ndarray, widths: tuple[float, ...] = (1.0, 1.96)) -> dict[float, float]:
    """Return the share of errors (N,) within each width in predicted standard deviations (N,); 0.68 and 0.95 is right.

    Raises:
        InputError: no rows.
    """
    if not len(error):
        raise InputError("coverage needs errors")
    return {width: float((np.abs(error) <= width * spread).mean()) for width in widths}
