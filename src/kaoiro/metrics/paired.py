"""Two answers to the same cases: do they differ, and by how much?"""

from __future__ import annotations

import math

import numpy as np

from kaoiro.core.errors import InputError


def mcnemar(first: int, second: int) -> float:
    """Return the two-sided exact p of McNemar's test (McNemar, 1947, Psychometrika 12).

    Args:
        first: cases that the first classifier alone has right.
        second: cases that the second one alone has right.

    Raises:
        InputError: a negative number.
    """
    if min(first, second) < 0:
        raise InputError(f"numbers of cases cannot be negative: {first}, {second}")
    count = first + second
    tail = sum(math.comb(count, k) for k in range(min(first, second) + 1))
    return min(1.0, 2 * tail / 2**count)


def effect_size(differences: np.ndarray) -> float | None:
    """Return the paired effect size of differences (N,): mean by standard deviation (1/(n-1)); None if undefined."""
    if len(differences) < 2 or not np.std(differences) > 0:
        return None
    return float(np.mean(differences) / np.std(differences, ddof=1))
