"""Smoothing of what was measured of one face, frame by frame: the fixed methods that anything learned must beat.

Legend: T frames, K values a frame (probabilities), N = `length` frames of a window.
Causal windows hold a frame and the N - 1 before it; centred ones reach (N - 1) / 2 to both sides, without lag.
A frame in which the face was not seen has no weight and no answer (NaN); at the ends of a track the weights of
the frames that are there add up to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kaoiro.core.checks import at_least, require
from kaoiro.core.errors import InputError

LENGTH = 11
"""Frames of a window: the ten before and the one in question (SPEC 2.3); 0.44 s at 25 frames a second."""
_LEAST = 1e-6  # probabilities below it count as this much in logarithms


def uniform(length: int = LENGTH) -> np.ndarray:
    """Return the weights (N,) of a moving average, the oldest frame's first."""
    return np.full(_checked(length), 1 / length)


def parabolic(length: int = LENGTH) -> np.ndarray:
    """Return the weights (N,) with which white noise leaves the smallest squared successive difference.

    w_k ∝ (k + 1)(N - k): the minimiser of w_0² + Σ (w_k - w_{k-1})² + w_{N-1}² for weights that add up to 1 (SPEC,
    fact A-3); 12 σ² / (N (N + 1)(N + 2)) remains.
    """
    k = np.arange(_checked(length))
    weights = (k + 1.0) * (length - k)
    return weights / weights.sum()


def gaussian(length: int = LENGTH) -> np.ndarray:
    """Return the weights (N,) of a Gaussian bell whose standard deviation is a sixth of N + 1."""
    k = np.arange(_checked(length)) - (length - 1) / 2
    weights = np.exp(-0.5 * (6 * k / (length + 1)) ** 2)
    return weights / weights.sum()


def weighted(values: np.ndarray, weights: np.ndarray, centred: bool = False) -> np.ndarray:
    """Return running sums of weights × frames, divided by the weights of the frames that are there.

    Args:
        values: (T, K); rows with NaN were not seen.
        weights: (N,), the oldest frame's first; none below 0.
        centred: reach to both sides; N must be odd.

    Returns:
        (T, K) float64; NaN where the frame itself was not seen.
    """
    values, seen = _read(values)
    before, after = _reach(len(weights), centred)
    known = np.pad(np.where(seen[:, None], values, 0.0), ((before, after), (0, 0)))
    there = np.pad(seen[:, None].astype(np.float64), ((before, after), (0, 0)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(seen[:, None], _running(known, weights) / _running(there, weights), np.nan)


def _running(padded: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return sums of weights × rows over all windows: (T + N - 1, K) -> (T, K).

    Rows are added in pairs from the middle outwards, so that the reversed order of frames gives exactly the reversed
    sums where the weights are symmetrical.
    """
    count, last = len(padded) - len(weights) + 1, len(weights) - 1
    total = np.zeros((count, padded.shape[1]))
    for first in range(last // 2, -1, -1):
        pair = weights[first] * padded[first : first + count]
        if first != last - first:
            pair = pair + weights[last - first] * padded[last - first : last - first + count]
        total += pair
    return total


def moving_average(values: np.ndarray, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Average the frames of a window, as the source of system A does for comparison: (T, K) -> (T, K)."""
    return weighted(values, uniform(length), centred)


def moving_average_of_logits(values: np.ndarray, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Average logarithms of probabilities and normalise: (T, K) -> (T, K).

    Averaging features before a linear layer with softmax is the same.
    """
    return _softmax(weighted(np.log(np.clip(np.asarray(values, np.float64), _LEAST, None)), uniform(length), centred))


def parabola(values: np.ndarray, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Weigh the frames of a window by a parabola: (T, K) -> (T, K)."""
    return weighted(values, parabolic(length), centred)


def bell(values: np.ndarray, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Weigh the frames of a window by a Gaussian bell: (T, K) -> (T, K)."""
    return weighted(values, gaussian(length), centred)


def exponential(values: np.ndarray, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Average exponentially: (T, K) -> (T, K).

    The newest frame weighs 2 / (N + 1), so that the mean lag, (N - 1) / 2 frames, is that of a moving average of N.
    Centred, forwards and backwards averages of half that lag follow one another.
    """
    values, seen = _read(values)
    if centred:
        once = _exponential(values, seen, 2 / ((_checked(length) + 1) / 2 + 1))
        return _exponential(once[::-1], seen[::-1], 2 / ((length + 1) / 2 + 1))[::-1]
    return _exponential(values, seen, 2 / (_checked(length) + 1))


def _exponential(values: np.ndarray, seen: np.ndarray, newest: float) -> np.ndarray:
    result, state, weight = np.full(values.shape, np.nan), np.zeros(values.shape[1]), 0.0
    for frame, (row, there) in enumerate(zip(values, seen, strict=True)):
        state, weight = (1 - newest) * state, (1 - newest) * weight
        if there:
            state, weight = state + newest * row, weight + newest
            result[frame] = state / weight
    return result


def median(values: np.ndarray, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Take the median of each value over a window and normalise to a sum of 1: (T, K) -> (T, K)."""
    values, seen = _read(values)
    before, after = _reach(length, centred)
    padded = np.pad(np.where(seen[:, None], values, np.nan), ((before, after), (0, 0)), constant_values=np.nan)
    result = np.full(values.shape, np.nan)
    if seen.any():
        result[seen] = np.nanmedian(sliding_window_view(padded, length, axis=0)[seen], axis=2)
    nothing = seen & (np.nan_to_num(result).sum(axis=1) <= 0)  # as where three frames are sure of three classes
    result[nothing] = values[nothing]
    return result / result.sum(axis=1, keepdims=True)


def markov(
    values: np.ndarray, length: int = LENGTH, centred: bool = False, sharpness: float | None = None
) -> np.ndarray:
    """Take the frames for the emissions of a hidden Markov model that seldom changes its state: (T, K) -> (T, K).

    A state is left with probability 1 / N, for each of the others alike. Causal is the forward filter, centred the
    forward-backward smoother (Rabiner, 1989, Proc. IEEE 77, eqs. 19-27).

    Args:
        values: (T, K) probabilities, taken as likelihoods.
        length: expected frames in a state.
        centred: look ahead too.
        sharpness: exponent of the likelihoods, above 0 to 1; None is 1 / √N: neighbouring frames err together and are
            worth less than their number.
    """
    values, seen = _read(values)
    count = values.shape[1]
    if count < 2:
        raise InputError("a Markov model needs at least two states")
    power = 1 / np.sqrt(_checked(length)) if sharpness is None else sharpness
    require(0 < power <= 1, "sharpness", "above 0 and at most 1", power)
    likely = np.where(seen[:, None], np.clip(values, _LEAST, None) ** power, 1.0)
    leave = 1 / max(2, length)
    state = _passes(likely, leave)
    if centred:
        # what lies ahead of a frame, without the frame itself, which the forward pass has counted
        ahead = _passes(likely[::-1], leave)[::-1] / likely
        state = state * ahead
    return np.where(seen[:, None], state / state.sum(axis=1, keepdims=True), np.nan)


def _passes(likely: np.ndarray, leave: float) -> np.ndarray:
    """Return the states (T, K) after each frame, given it and all before it."""
    spread = leave / (likely.shape[1] - 1)
    result = np.empty_like(likely)
    state = np.full(likely.shape[1], 1 / likely.shape[1])
    for frame, row in enumerate(likely):
        state = ((1 - leave - spread) * state + spread) * row  # the state adds up to 1
        state = result[frame] = state / state.sum()
    return result


METHODS: Mapping[str, Callable[..., np.ndarray]] = MappingProxyType(
    {
        "moving average": moving_average,
        "moving average of logits": moving_average_of_logits,
        "exponential": exponential,
        "parabolic": parabola,
        "gaussian": bell,
        "median": median,
        "markov": markov,
    }
)
"""Name to function (values, length, centred) -> values."""


def warm_up(count: int, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Return which of `count` frames have a window that reaches over an end of the track: (count,) bool."""
    before, after = _reach(length, centred)
    frames = np.arange(count)
    return (frames < before) | (frames >= count - after)


def _reach(length: int, centred: bool) -> tuple[int, int]:
    """Return how many frames a window holds before and after the frame in question."""
    if not centred:
        return _checked(length) - 1, 0
    require(_checked(length) % 2 == 1, "length of a centred window", "an odd number of frames", length)
    return length // 2, length // 2


def _checked(length: int) -> int:
    at_least("length of the window", 1, length)
    return length


def _read(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values as (T, K) float64, and which frames were seen: (T,) bool."""
    values = np.asarray(values, np.float64)
    if values.ndim != 2:
        raise InputError(f"values over time must have shape (frames, values), not {values.shape}")
    return values, np.isfinite(values).all(axis=1).reshape(-1)


def _softmax(raw: np.ndarray) -> np.ndarray:
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
