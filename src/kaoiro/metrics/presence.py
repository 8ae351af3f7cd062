"""Presence of action units: counts of each unit, and what is called accuracy of several units at once.

"Total accuracy" of action units has three readings: the share of right decisions over all units and faces, the mean
of balanced accuracies, the share of faces with all units right. Units are rare, so the first is high for whoever
answers "absent" to everything (`all_absent`).
Legend: N faces, U units; counts end in (U, 4): hits, false alarms, misses, rightly absent.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.errors import InputError


def presence_counts(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return the counts of each unit: (N, U) bool each -> (U, 4) int64.

    Raises:
        InputError: another number of answers than of truths.
    """
    truth, answer = _checked(truth, answer)
    cells = (truth & answer, ~truth & answer, truth & ~answer, ~truth & ~answer)
    return np.stack([cell.sum(axis=0) for cell in cells], axis=-1)


def presence_f1(counts: np.ndarray) -> np.ndarray:
    """Return F1 of each unit: (..., U, 4) -> (..., U); NaN where it is never there and never answered."""
    hits, alarms, misses, _ = np.moveaxis(counts, -1, 0)
    return _ratio(2 * hits, 2 * hits + alarms + misses)


def pooled_accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the share of right decisions over all units and faces (TA_pool): (..., U, 4) -> (...)."""
    right = counts[..., 0] + counts[..., 3]
    return _ratio(right.sum(axis=-1), counts.sum(axis=(-2, -1)))


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the mean of the recalls of presence and absence of each unit: (..., U, 4) -> (..., U).

    Where only one of the two occurs, it is the recall of that one. Their mean over units is TA_bal.
    """
    hits, alarms, misses, absent = np.moveaxis(counts, -1, 0)
    both = np.stack([_ratio(hits, hits + misses), _ratio(absent, absent + alarms)])
    known = ~np.isnan(both)
    return _ratio(np.where(known, both, 0).sum(axis=0), known.sum(axis=0))


def all_right(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return the faces of which every unit is right, whose share is TA_exact: (N, U) bool each -> (N,) bool.

    Raises:
        InputError: another number of answers than of truths.
    """
    truth, answer = _checked(truth, answer)
    return (truth == answer).all(axis=1)


def all_absent(counts: np.ndarray) -> np.ndarray:
    """Return the counts of whoever answers "absent" to everything: (..., U, 4) -> (..., U, 4)."""
    hits, alarms, misses, absent = np.moveaxis(counts, -1, 0)
    nothing = np.zeros_like(hits)
    return np.stack([nothing, nothing, hits + misses, alarms + absent], axis=-1)


def _checked(truth: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, answer = np.asarray(truth, bool), np.asarray(answer, bool)
    if truth.shape != answer.shape or truth.ndim != 2:
        raise InputError(f"cannot compare {answer.shape} answers with {truth.shape} true units")
    return truth, answer


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
