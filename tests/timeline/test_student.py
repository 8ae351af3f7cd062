from __future__ import annotations

import pytest
from scipy.stats import norm, t

from kaoiro.core.errors import InputError
from kaoiro.timeline.student import normal_reach, reach, within


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30, 199, 5000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_are_those_of_scipy(freedom: int, level: float) -> None:
    assert reach(level, freedom) == pytest.approx(t.ppf((1 + level) / 2, freedom), rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 2, 7, 100])
@pytest.mark.parametrize("errors", [0.0, 0.3, 1.0, 2.5, 6.0])
def test_shares_are_those_of_scipy(freedom: int, errors: float) -> None:
    assert within(errors, freedom) == pytest.approx(1 - 2 * t.sf(errors, freedom), abs=1e-12)


def test_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    assert normal_reach(0.95) == pytest.approx(norm.ppf(0.975))
    assert reach(0.95, 100_000) == pytest.approx(normal_reach(0.95), abs=1e-4)


def test_impossible_levels_and_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="level of an interval must be between 0 and 1, not 1"):
        reach(1.0, 3)
    with pytest.raises(InputError, match="degrees of freedom must be 1 or more, not 0"):
        reach(0.95, 0)
