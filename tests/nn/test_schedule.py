from __future__ import annotations

import pytest

from kaoiro.nn.schedule import one_cycle


def test_the_rate_rises_to_its_peak_and_falls_to_zero() -> None:
    assert one_cycle(0.0, 0.05) < 0.2
    assert one_cycle(0.05, 0.05) == pytest.approx(1)
    assert one_cycle(0.525, 0.05) == pytest.approx(0.5)
    assert one_cycle(1.0, 0.05) == pytest.approx(0, abs=1e-12)
