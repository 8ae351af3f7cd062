from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.data.splits import apart, stratified_folds, stratified_holdout

COUNTS = (400, 50, 1000)
LABELS = np.random.default_rng(1).permutation(np.repeat(np.arange(3), COUNTS))
KEYS = np.arange(len(LABELS))


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_every_class_gives_its_share(share: float) -> None:
    held = stratified_holdout(KEYS, LABELS, share)
    assert np.bincount(LABELS[held]).tolist() == pytest.approx([share * count for count in COUNTS], abs=1)


def test_the_share_is_kept_when_images_have_copies() -> None:
    keys = KEYS // 3
    held = stratified_holdout(keys, LABELS[3 * keys], 0.1)
    assert held.mean() == pytest.approx(0.1, abs=0.01)


def test_identical_images_stay_on_one_side() -> None:
    keys = np.random.default_rng(2).integers(0, 300, len(LABELS)).astype("S16")
    held = stratified_holdout(keys, LABELS)
    sides = {key: set(held[keys == key].tolist()) for key in keys}
    assert all(len(side) == 1 for side in sides.values())
    assert {True} in sides.values()
    assert {False} in sides.values()


def test_copies_with_conflicting_labels_stay_together() -> None:
    keys = KEYS // 2
    held = stratified_holdout(keys, KEYS % 2)
    np.testing.assert_array_equal(held[::2], held[1::2])
    assert held.mean() == pytest.approx(0.1, abs=0.01)


def test_the_same_seed_gives_the_same_side_and_another_seed_another() -> None:
    held = stratified_holdout(KEYS, LABELS)
    np.testing.assert_array_equal(held, stratified_holdout(KEYS, LABELS))
    assert (held != stratified_holdout(KEYS, LABELS, seed=1)).any()


def test_a_class_with_few_images_is_not_left_out() -> None:
    held = stratified_holdout(np.arange(103), np.array([0] * 100 + [1] * 3))
    assert held[100:].sum() == 1


def test_folds_divide_every_class_evenly_and_keep_identical_images_together() -> None:
    keys, labels = np.arange(103) // 2, np.repeat([0, 1, 2], [60, 30, 13])
    place = stratified_folds(keys, labels, 5)
    assert all(len(set(place[keys == key])) == 1 for key in np.unique(keys))
    for label, size in enumerate((60, 30, 13)):
        counts = np.bincount(place[labels == label], minlength=5)
        assert abs(counts - size / 5).max() <= 2
    np.testing.assert_array_equal(place, stratified_folds(keys, labels, 5))
    assert (place != stratified_folds(keys, labels, 5, seed=1)).any()


def test_parts_of_few_groups_all_get_one() -> None:
    groups = np.repeat(["a", "b", "c"], [50, 30, 20])
    place = apart(groups, np.zeros(100, np.int64), (0.8, 0.1, 0.1))
    assert sorted({int(place[groups == name][0]) for name in "abc"}) == [0, 1, 2]
    with pytest.raises(DataError, match="3 parts of 2 person"):
        apart(groups[:80], np.zeros(80, np.int64), (0.8, 0.1, 0.1))


def test_parts_have_every_class_by_its_share_also_in_mixed_groups() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(200), rng.integers(1, 9, 200))
    labels = rng.choice(4, len(groups), p=[0.6, 0.2, 0.15, 0.05])
    place = apart(groups, labels, (0.7, 0.3), seed=5)
    assert all(len(set(place[groups == one])) == 1 for one in range(200))
    assert [(place[labels == one] == 1).mean() for one in range(4)] == pytest.approx([0.3] * 4, abs=0.03)
    np.testing.assert_array_equal(place, apart(groups, labels, (0.7, 0.3), seed=5))
    assert (place != apart(groups, labels, (0.7, 0.3), seed=6)).any()
