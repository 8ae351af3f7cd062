"""New last layers on features that stay as they are: convex, so that a few hundred faces take a second.

Whatever is learned is added to what the model said before and held back by its square, so that with few faces little
changes. A label that the model does not know begins with a score of 0.
Legend: N faces, F features, K labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.metrics.probes import shifted_logistic

_SAME = 1e-9  # variance below which a feature is constant


@dataclass(frozen=True, eq=False)
class Layer:
    """What is added to the scores of the model before: features @ weights + bias, and these scores times `kept`.

    Attributes:
        weights: (F, K).
        bias: (K,).
        kept: factor of the scores before.
    """

    weights: np.ndarray
    bias: np.ndarray
    kept: float = 1.0

    def scores(self, features: np.ndarray, raw: np.ndarray) -> np.ndarray:
        """Return scores (N, K) for features (N, F) and scores before (N, K)."""
        return self.kept * raw + features @ self.weights + self.bias


def nothing(features: np.ndarray, raw: np.ndarray, truth: np.ndarray, known: np.ndarray) -> Layer:
    """Return what the model says as it is; where it does not know all labels, how frequent these are."""
    classes = raw.shape[1]
    bias = np.zeros(classes)
    if not known.all():
        counts = np.bincount(truth, minlength=classes) + 0.5
        bias = np.log(counts / counts.sum())
    return Layer(np.zeros((features.shape[1], classes)), bias, float(known.all()))


def adjusted(features: np.ndarray, raw: np.ndarray, truth: np.ndarray, ridge: float) -> Layer:
    """Return a shift of each label's score: how frequent labels are here, and which the model favours.

    Args:
        features: (N, F), not looked at.
        raw: (N, K).
        truth: (N,).
        ridge: weight of the squared shifts.
    """
    shift = shifted_logistic(np.zeros((len(truth), 0)), truth, raw, ridge, ridge)
    return Layer(np.zeros((features.shape[1], raw.shape[1])), shift[-1])


def linear(features: np.ndarray, raw: np.ndarray, truth: np.ndarray, ridge: float) -> Layer:
    """Return a new last layer.

    Args:
        features: (N, F).
        raw: (N, K).
        truth: (N,).
        ridge: weight of the squared weights on standardised features.
    """
    mean, variance = features.mean(axis=0), features.var(axis=0)
    scale = np.sqrt(np.where(variance > _SAME, variance, np.inf))
    found = shifted_logistic((features - mean) / scale, truth, raw, ridge)
    weights = found[:-1] / scale[:, None]
    return Layer(weights, found[-1] - mean @ weights)
