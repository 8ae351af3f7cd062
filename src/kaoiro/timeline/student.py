"""Quantiles of Student's t: how many standard errors an interval reaches when few cases tell the standard error.

Source: Student (1908), Biometrika 6; with t = √f tan u the density of f degrees of freedom is proportional to
cos(u)^(f - 1), a smooth curve, which Gauss's rule integrates to the precision of the machine.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from kaoiro.core.checks import at_least, require

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(80)
_HALVINGS = 60


def reach(level: float, freedom: int) -> float:
    """Return the number of standard errors on either side that hold a share `level` of the distribution.

    Args:
        level: 0-1, both left out; 0.95 for an interval of 95 %.
        freedom: degrees of freedom, 1 or more.

    Raises:
        InputError: another level or number.
    """
    require(0 < level < 1, "level of an interval", "between 0 and 1", level)
    at_least("degrees of freedom", 1, freedom)
    low, high = 0.0, normal_reach(level)
    while within(high, freedom) < level:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < level else (low, middle)
    return high


def normal_reach(level: float) -> float:
    """Return `reach` of the normal distribution, the limit of many degrees of freedom."""
    return NormalDist().inv_cdf((1 + level) / 2)


def within(errors: float, freedom: int) -> float:
    """Return the share of the distribution that lies within so many standard errors of 0, 0-1."""
    end = math.atan(errors / math.sqrt(freedom))
    area = end / 2 * float(_WEIGHTS @ np.cos(end / 2 * (_NODES + 1)) ** (freedom - 1))
    return 2 * area * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
