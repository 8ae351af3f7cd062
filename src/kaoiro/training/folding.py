"""Calibration of action units and of the spread of valence and arousal, folded into the last layer of a network.

What is fitted is linear in the raw outputs, so it can be laid into weights and biases: model folders need no further
settings, and every reader of the graph gets calibrated answers.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, MEASURED_UNITS, SPREAD_HEAD, UNITS_HEAD
from kaoiro.families.multitask_affect.coupling import unit_table
from kaoiro.inference.classifier import Answers
from kaoiro.metrics.calibration import fit_platt, spread_factor

LEAST = 50
"""Labelled faces below which nothing is fitted."""


def fold(network: nn.Module, answers: Answers, faces: Faces, expressions: tuple[str, ...] = ()) -> dict[str, float]:
    """Calibrate the heads of action units and of spread on held-out faces, in place.

    Units: Platt scaling of each on the faces with labels of units. Where there are photographs with expressions and
    without such labels, the offset is theirs: one with which they show on average as much of a unit as their
    expressions say, because the model is for photographs and rendered faces are plainer than they. Spread: a factor for
    each of valence and arousal with which as many errors lie within one standard deviation as a normal distribution
    has there, on the faces of the lowest domain that has labels.

    Args:
        network: with linear heads in `upper`.
        answers: of this network, on `faces`.
        faces: held out from training.
        expressions: labels of the head of expressions.

    Returns:
        What was fitted, by name.
    """
    fitted: dict[str, float] = {}
    upper = network.get_submodule("upper")
    if UNITS_HEAD in answers.raw:
        raw, truth = _labelled(answers.raw[UNITS_HEAD], faces.targets[UNITS_HEAD])
        if len(truth) >= LEAST:
            pairs = np.array([fit_platt(raw[:, k], truth[:, k]) for k in range(raw.shape[1])])
            pairs[:, 1] = _as_said(answers.raw[UNITS_HEAD] * pairs[:, 0], faces, expressions, pairs[:, 1])
            _scale(upper.get_submodule(UNITS_HEAD), pairs[:, 0], pairs[:, 1])
            fitted |= {"units_slope_least": float(pairs[:, 0].min()), "units_slope_most": float(pairs[:, 0].max())}
    if SPREAD_HEAD in answers.raw:
        rows = _first_domain(faces)
        error = np.abs(answers.heads[AFFECT_HEAD] - faces.targets[AFFECT_HEAD])[rows]
        if len(error) >= LEAST:
            factors = spread_factor(error, answers.heads[SPREAD_HEAD][rows])
            _scale(upper.get_submodule(SPREAD_HEAD), np.ones(len(factors)), np.log(factors))
            fitted |= {"valence_sd_factor": float(factors[0]), "arousal_sd_factor": float(factors[1])}
    return fitted


def _labelled(raw: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = ~np.isnan(truth).any(axis=1)
    return raw[known], truth[known]


def _as_said(raw: np.ndarray, faces: Faces, expressions: tuple[str, ...], otherwise: np.ndarray) -> np.ndarray:
    """Return the offsets with which photographs show on average what their expressions say of each unit: (U,).

    Args:
        raw: (N, U) before the sigmoid.
        faces: N.
        expressions: labels of the head of expressions.
        otherwise: (U,) offsets where too few photographs say anything.
    """
    if EXPRESSION not in faces.targets or not expressions:
        return otherwise
    table = unit_table(expressions, MEASURED_UNITS.labels).numpy()
    shares = faces.targets[EXPRESSION]
    rows = ~np.isnan(shares).any(axis=1) & np.isnan(faces.targets[UNITS_HEAD]).any(axis=1)
    rows &= True if faces.domains is None else faces.domains == 0
    if rows.sum() < LEAST:
        return otherwise
    said = shares[rows] @ ~np.isnan(table)
    wanted = (shares[rows] @ np.nan_to_num(table)).sum(axis=0) / said.sum(axis=0)
    return np.array([_offset(raw[rows, k], said[:, k], wanted[k]) for k in range(raw.shape[1])])


def _offset(raw: np.ndarray, weight: np.ndarray, mean: float) -> float:
    """Return what must be added to raw scores (N,) for probabilities with a weighted mean of `mean`."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        shown = np.average(1 / (1 + np.exp(-np.clip(raw + middle, -40, 40))), weights=weight)
        low, high = (middle, high) if shown < mean else (low, middle)
    return (low + high) / 2


def _first_domain(faces: Faces) -> np.ndarray:
    """Return which faces have valence and arousal and are of the lowest domain among these: their rows."""
    known = np.flatnonzero(~np.isnan(faces.targets[AFFECT_HEAD]).any(axis=1))
    if faces.domains is None or not len(known):
        return known
    domains = faces.domains[known]
    return known[domains == domains.min()]


@torch.no_grad()
def _scale(layer: nn.Module, slope: np.ndarray, offset: np.ndarray) -> None:
    """Make a linear layer answer slope · what it answered + offset."""
    assert isinstance(layer, nn.Linear)
    slope_, offset_ = (torch.from_numpy(values).to(layer.weight) for values in (slope, offset))
    layer.weight.mul_(slope_[:, None])
    layer.bias.mul_(slope_).add_(offset_)
