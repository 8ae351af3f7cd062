"""Shares of emotion over a recording, and levels of what is no probability.

The source divides the sum of a label's scores by the sum of all scores: share_e = Σ_t p_te / Σ_t Σ_e p_te. As the
scores of a frame add up to 1, that is the mean of p_e over the frames. Beside it stand the share of frames in which the
label is the likeliest, and the share in which it exceeds a threshold: a mean of 1 % may be a trace in every frame or a
hundredth of the frames with full force. Frames without the face are left out, never counted as neutral; `coverage`
says how much of the time that leaves.

Source: Suimon & Isami (2017), as specified in SPEC 6.3, steps 2 to 4 and 6.
Legend: T samples of one face, L labels, K signals (valence, arousal, action units).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError

THRESHOLD = 0.5
"""A label or signal is counted as shown above it."""
_SUM = 0.01  # by which the probabilities of a row may miss 1: rounded columns


@dataclass(frozen=True, eq=False)
class Shares:
    """Shares of labels over a recording; NaN where no sample counts.

    Attributes:
        share: (L,) of the sum of all probabilities, 0-1; adds up to 1.
        top: (L,) of the time in which the label is the likeliest, 0-1; of equally likely ones the first counts.
        above: (L,) of the time in which its probability exceeds the threshold, 0-1.
        coverage: time of the samples that count, by all time, 0-1.
    """

    share: np.ndarray
    top: np.ndarray
    above: np.ndarray
    coverage: float


@dataclass(frozen=True, eq=False)
class Levels:
    """Signals over a recording; NaN where no sample counts.

    Attributes:
        mean: (K,) in the units of the signal.
        sd: (K,) standard deviation over time (1/n).
        above: (K,) share of the time in which the signal exceeds the threshold, 0-1.
        coverage: (K,) time of the samples that count, by all time, 0-1; each signal is left out by itself.
    """

    mean: np.ndarray
    sd: np.ndarray
    above: np.ndarray
    coverage: np.ndarray


def shares(
    probabilities: np.ndarray,
    weights: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    thresholds: float | Sequence[float] | np.ndarray = THRESHOLD,
) -> Shares:
    """Return the shares of labels over a recording.

    Args:
        probabilities: (T, L) 0-1, each row adds up to 1; rows with NaN are left out.
        weights: (T,) seconds that each sample stands for, see `sampled`; None counts all the same.
        valid: (T,) bool, which rows count; None is all.
        thresholds: one, or (L,) one for each label.

    Raises:
        InputError: shapes that do not agree, weights below 0, or rows that are no probabilities.
    """
    table, time, valid = _read(probabilities, weights, valid)
    there = valid & np.isfinite(table).all(axis=1)
    known, mass = table[there], time[there]
    _refuse_others(known, np.flatnonzero(there))
    sums, total = mass @ known, mass.sum()
    top = np.bincount(known.argmax(axis=1), weights=mass, minlength=table.shape[1])
    above = mass @ (known > _limits(thresholds, table.shape[1]))
    return Shares(
        _ratio(sums, sums.sum()), _ratio(top, total), _ratio(above, total), float(total / time.sum()) if total else 0.0
    )


def levels(
    values: np.ndarray,
    weights: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    thresholds: float | Sequence[float] | np.ndarray = THRESHOLD,
) -> Levels:
    """Return the levels of signals over a recording.

    Args:
        values: (T, K) in any unit; each NaN is left out.
        weights: (T,), see `shares`.
        valid: (T,), see `shares`.
        thresholds: one, or (K,) one for each signal.

    Raises:
        InputError: shapes that do not agree, or weights below 0.
    """
    table, time, valid = _read(values, weights, valid)
    seen = np.isfinite(table) & valid[:, None]
    known, mass = np.where(seen, table, 0.0), time[:, None] * seen
    total = mass.sum(axis=0)
    mean = _ratio((mass * known).sum(axis=0), total)
    squares = (mass * (known - np.nan_to_num(mean)) ** 2).sum(axis=0)
    above = (mass * (known > _limits(thresholds, table.shape[1]))).sum(axis=0)
    coverage = np.nan_to_num(_ratio(total, time.sum()))
    return Levels(mean, np.sqrt(_ratio(squares, total)), _ratio(above, total), coverage)


def against(probabilities: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return the changes from a person's rest: (T, L) -> (T, L), -1 to 1; `levels` of them are the shares against rest.

    A face at rest does not measure as nothing (see `baseline`, which also finds the rest).

    Args:
        probabilities: (T, L) 0-1.
        rest: (L,) of the same labels, 0-1. Where it adds up to 1, the changes of a row add up to 0.

    Raises:
        InputError: another number of labels, or a rest that is not known for each of them.
    """
    table, _, _ = _read(probabilities, None, None)
    rest = np.asarray(rest, np.float64)
    if rest.shape != table.shape[1:] or not np.isfinite(rest).all():
        raise InputError(f"the rest must be known for each of the {table.shape[1]} labels, not {rest}")
    return table - rest


def weighed(weights: np.ndarray | None, count: int) -> np.ndarray:
    """Return the weights of samples as (T,) float64; 1 each if they are None.

    Raises:
        InputError: another number of them than of samples, or one below 0 or not finite.
    """
    if weights is None:
        return np.ones(count)
    weights = np.asarray(weights, np.float64)
    if weights.shape != (count,):
        raise InputError(f"weights must be one for each of {count} samples, not of shape {weights.shape}")
    if not ((weights >= 0) & np.isfinite(weights)).all():
        raise InputError("weights must be 0 or positive, finite numbers")
    return weights


def _read(
    values: np.ndarray, weights: np.ndarray | None, valid: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the table (T, L) as float64, the weights (T,) and which rows count, (T,) bool."""
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise InputError(f"values over time must have shape (samples, labels), not {table.shape}")
    there = np.ones(len(table), bool) if valid is None else np.asarray(valid, bool)
    if there.shape != (len(table),):
        raise InputError(f"valid must say it of each of {len(table)} samples, not of shape {there.shape}")
    return table, weighed(weights, len(table)), there


def _refuse_others(known: np.ndarray, rows: np.ndarray) -> None:
    sums = known.sum(axis=1)
    wrong = np.flatnonzero((known < 0).any(axis=1) | (np.abs(sums - 1) > _SUM))
    if len(wrong):
        row = rows[wrong[0]]
        raise InputError(f"probabilities must add up to 1, not {sums[wrong[0]]:.3g} as in row {row}; try levels()")


def _limits(thresholds: float | Sequence[float] | np.ndarray, count: int) -> np.ndarray:
    limits = np.asarray(thresholds, np.float64)
    if limits.shape not in ((), (count,)) or np.isnan(limits).any():
        raise InputError(f"thresholds must be one number or one for each of {count} labels, not {thresholds}")
    return limits


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
