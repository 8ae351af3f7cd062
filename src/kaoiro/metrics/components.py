"""Principal components (Pearson, 1901): the few directions in which features vary most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError

_LEAST = 1e-12  # variance below which nothing varies


@dataclass(frozen=True, eq=False)
class Components:
    """Directions, found in some rows, into which other rows are turned.

    Attributes:
        mean: (F,).
        axes: (F, K), of length 1, the one that varies most first; their largest entries are positive.
        spread: (K,) standard deviations along them.
    """

    mean: np.ndarray
    axes: np.ndarray
    spread: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return rows (N, F) along the directions, each with mean 0 and deviation 1: (N, K) float32."""
        turn = (self.axes / self.spread).astype(np.float32)
        return (rows - self.mean.astype(np.float32)).astype(np.float32) @ turn


def principal(rows: np.ndarray, count: int) -> Components:
    """Return the directions in which rows vary most.

    Args:
        rows: (N, F).
        count: K; fewer are returned where rows do not vary in so many.

    Raises:
        InputError: rows that do not vary at all.
    """
    rows = np.asarray(rows, np.float64)
    mean = rows.mean(axis=0)
    centred = rows - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    kept = values > max(_LEAST, 1e-9 * float(values[0]))
    if not kept.any():
        raise InputError(f"{len(rows)} rows of {rows.shape[1]} features do not vary: there is nothing to turn them by")
    axes = vectors[:, kept]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return Components(mean, axes * signs, np.sqrt(values[kept]))
