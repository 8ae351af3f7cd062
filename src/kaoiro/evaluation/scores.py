"""Tables of valence and arousal, and of action units, of faces whose truth is known: rendered, annotated, or coded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kaoiro.core.labels import AFFECT, AFFECT_HEAD, SPREAD_HEAD, unit_title
from kaoiro.core.spec import EVEN
from kaoiro.inference.classifier import Answers
from kaoiro.metrics.agreement import area_under_curve, concordance
from kaoiro.metrics.calibration import binary_calibration_error, coverage
from kaoiro.metrics.resampling import Interval, area_interval, concordance_interval, f1_interval

MEAN = "mean"
"""The row of means over action units."""


def affect_table(found: Answers, truth: np.ndarray, groups: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return CCC with interval and the coverage of predicted spreads, of valence and of arousal.

    Args:
        found: of N faces.
        truth: (N, 2), NaN where unknown; a column of which nothing is known has no row.
        groups: (N,) ids of what intervals draw.
    """
    table = {}
    for k, name in enumerate(AFFECT.labels):
        known = ~np.isnan(truth[:, k])
        if not known.any():
            continue
        told, answer = truth[known, k], found.heads[AFFECT_HEAD][known, k]
        interval = concordance_interval(told, answer, groups[known])
        row: dict[str, Any] = {"n": int(known.sum()), "CCC": concordance(told, answer)}
        row |= {"interval": shown(interval, groups[known]), "mean absolute error": float(np.abs(answer - told).mean())}
        if SPREAD_HEAD in found.heads:
            inside = coverage(answer - told, found.heads[SPREAD_HEAD][known, k])
            row |= {"within 1 sd (0.68)": inside[1.0], "within 1.96 sd (0.95)": inside[1.96]}
        table[name] = row
    return table


def unit_table(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    present_from: Mapping[str, float],
    groups: np.ndarray,
    clear: Mapping[str, np.ndarray] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return AUC, F1 at the model's thresholds, F1 at one half and calibration error of each unit, and their means.

    Units that are never there, or always, are left out.

    Args:
        scores: of each unit: (N,) probabilities.
        truth: of these units: (N,) 1 or 0, NaN where unknown.
        present_from: probability from which each counts as present.
        groups: (N,) ids of what intervals draw.
        clear: of each unit: (N,) bool, faces that show it clearly or clearly not, for a further column.
    """
    table = {}
    for unit, score in scores.items():
        known = ~np.isnan(truth[unit])
        there = truth[unit][known] == 1
        if there.any() and not there.all():
            told = None if clear is None else clear[unit][known]
            table[unit_title(unit)] = _unit(score[known], there, present_from[unit], groups[known], told)
    return {**table, MEAN: _mean(table, scores, truth, present_from, groups)} if len(table) > 1 else table


def _unit(
    score: np.ndarray, there: np.ndarray, threshold: float, groups: np.ndarray, clear: np.ndarray | None
) -> dict[str, Any]:
    said = score >= threshold
    row: dict[str, Any] = {
        "n": len(there),
        "share present": float(there.mean()),
        "AUC": area_under_curve(there, score),
        "interval of AUC": shown(area_interval(there, score, groups), groups),
        "threshold": threshold,
        "F1": f1(there, said),
        "interval of F1": shown(f1_interval(there, said, groups), groups),
        "F1 at 0.5": f1(there, score >= EVEN),
        "share called present": float(said.mean()),
        "ECE": binary_calibration_error(score, there),
    }
    if clear is not None:
        both = clear.any() and there[clear].any() and not there[clear].all()
        row |= {"AUC of clear frames": area_under_curve(there[clear], score[clear]) if both else None}
    return row


def _mean(
    table: Mapping[str, Mapping[str, Any]],
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    present_from: Mapping[str, float],
    groups: np.ndarray,
) -> dict[str, Any]:
    """Return the row of means over the units of a table."""
    units = [unit for unit in scores if unit_title(unit) in table]
    known = np.stack([~np.isnan(truth[unit]) for unit in units], axis=1)
    there = np.stack([truth[unit] == 1 for unit in units], axis=1)
    said = np.stack([scores[unit] >= present_from[unit] for unit in units], axis=1) & known
    means = {}
    for name in next(iter(table.values())):
        values = [row[name] for row in table.values()]
        numbers = name not in ("n", "threshold") and all(isinstance(value, float) for value in values)
        means[name] = float(np.mean(values)) if numbers else None
    return means | {"interval of F1": shown(f1_interval(there, said, groups), groups)}


def f1(truth: np.ndarray, answer: np.ndarray) -> float:
    """Return the F1 score of binary answers (N,) bool; 0 where nothing was found and nothing was there."""
    found = 2 * float((truth & answer).sum())
    return found / max(1.0, float(truth.sum() + answer.sum()))


def shown(interval: Interval, groups: np.ndarray | Sequence[Any]) -> list[float] | None:
    """Return an interval as it is written; None where it says nothing: not defined, or only one group to draw."""
    return None if np.isnan(interval).any() or len(np.unique(np.asarray(groups))) < 2 else list(interval)
