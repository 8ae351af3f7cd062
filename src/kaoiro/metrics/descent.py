"""The smallest value of a smooth function, by a quasi-Newton method that remembers few steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Value and gradient (n,) at a point (n,)."""


def minimised(loss: Loss, start: np.ndarray, rounds: int = 300, memory: int = 10) -> np.ndarray:
    """Return where a smooth function is smallest, by L-BFGS (Nocedal and Wright, Numerical Optimization, alg. 7.5).

    Args:
        loss: value and gradient at a point (n,).
        start: (n,).
        rounds: most iterations.
        memory: steps that are remembered.
    """
    point, (value, slope) = start, loss(start)
    steps: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(rounds):
        if np.abs(slope).max() < 1e-6:
            break
        way = -_curved(slope, steps)
        found = _searched(loss, point, value, slope, way, 1.0 if steps else 1 / max(1.0, float(np.linalg.norm(slope))))
        if found is None:
            if not steps:
                break
            steps = []
            continue
        moved, lower, new = found
        if value - lower < 1e-10 * max(1.0, abs(value)):
            return moved
        if (moved - point) @ (new - slope) > 1e-12:
            steps = [*steps[-(memory - 1) :], (moved - point, new - slope)]
        point, value, slope = moved, lower, new
    return point


def _curved(slope: np.ndarray, steps: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the slope times the inverse curvature that the last steps tell of (two loops)."""
    way, kept = slope.copy(), []
    for step, change in reversed(steps):
        share = (step @ way) / (step @ change)
        way -= share * change
        kept.append(share)
    if steps:
        step, change = steps[-1]
        way *= (step @ change) / (change @ change)
    for (step, change), share in zip(steps, reversed(kept), strict=True):
        way += (share - (change @ way) / (step @ change)) * step
    return way


def _searched(
    loss: Loss,
    point: np.ndarray,
    value: float,
    slope: np.ndarray,
    way: np.ndarray,
    length: float,
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Halve a step until it goes down far enough (Armijo's rule); None where no step does."""
    down = float(slope @ way)
    for _ in range(30):
        moved = point + length * way
        lower, new = loss(moved)
        if lower <= value + 1e-4 * length * down:
            return moved, lower, new
        length /= 2
    return None
