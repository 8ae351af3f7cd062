from __future__ import annotations

import numpy as np
import pytest

from kaoiro.evaluation.groups.smiles import ADJUSTED, by_lips

LABELS = ("female", "male")


def smiles(*cells: tuple[int, bool, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return right, apart and group of cells (group, lips apart, hits, misses)."""
    rows = [(hit, apart, group) for group, apart, hits, misses in cells for hit in [True] * hits + [False] * misses]
    right, apart, groups = (np.array(column) for column in zip(*rows, strict=True))
    return right, apart, groups


def test_a_gap_that_is_all_how_people_smile_vanishes() -> None:
    found = smiles((0, True, 27, 3), (0, False, 2, 8), (1, True, 9, 1), (1, False, 6, 24))
    told = by_lips(*found, LABELS, np.arange(80), 1000)
    assert told is not None
    assert told["groups"]["female"]["share with lips apart"] == 0.75
    assert told["groups"]["male"]["recall, lips apart"] == told["groups"]["female"]["recall, lips apart"] == 0.9
    gaps = told["male less female"]
    assert gaps["recall"]["gap"] == pytest.approx(15 / 40 - 29 / 40)
    assert gaps[ADJUSTED]["gap"] == pytest.approx(0)
    low, high = gaps[ADJUSTED]["interval"]
    assert low < 0 < high
    assert gaps["recall"]["interval"][1] < 0


def test_a_gap_within_smiles_stays_weighted_by_how_many_there_are() -> None:
    found = smiles((0, True, 30, 0), (0, False, 9, 1), (1, True, 9, 1), (1, False, 15, 15))
    told = by_lips(*found, LABELS, np.arange(80), 300)
    assert told is not None
    assert told["male less female"][ADJUSTED]["gap"] == pytest.approx((40 * (0.9 - 1) + 40 * (0.5 - 0.9)) / 80)


def test_smiles_of_one_kind_or_three_groups_tell_nothing() -> None:
    right, apart, groups = smiles((0, True, 5, 1), (1, True, 3, 1), (1, False, 1, 1))
    assert by_lips(right, apart, groups, LABELS, np.arange(12)) is None
    assert by_lips(right, apart, groups, ("a", "b", "c"), np.arange(12)) is None
