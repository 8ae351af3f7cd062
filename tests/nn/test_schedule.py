from __future__ import annotations

import pytest

from kaoiro.nn.schedule import in_parts, one_cycle


def test_the_rate_rises_to_its_peak_and_falls_to_zero() -> None:
    assert one_cycle(0.0, 0.05) < 0.2
    assert one_cycle(0.05, 0.05) == pytest.approx(1)
    assert one_cycle(0.525, 0.05) == pytest.approx(0.5)
    assert one_cycle(1.0, 0.05) == pytest.approx(0, abs=1e-12)


def test_the_rate_is_a_tenth_in_every_further_part() -> None:
    """Thirty epochs in three parts: a tenth every ten epochs; the last step of all stays in the last part."""
    assert [in_parts(epoch / 30, 3) for epoch in (0, 9, 10, 19, 20, 29, 30)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01, 0.01]
    )
    assert [in_parts(epoch / 20, 1) for epoch in (0, 10, 20)] == [1, 1, 1]
