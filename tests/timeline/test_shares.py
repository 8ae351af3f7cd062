from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.timeline.sampled import sampled
from kaoiro.timeline.shares import against, levels, shares, weighed

TABLE = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.4, 0.5, 0.1]])
EXACT = 1e-9


def test_shares_by_hand() -> None:
    found = shares(TABLE)
    assert found.share == pytest.approx([1.4 / 4, 1.5 / 4, 1.1 / 4], abs=EXACT)
    assert found.top == pytest.approx([1 / 4, 2 / 4, 1 / 4], abs=EXACT)
    assert found.above == pytest.approx([1 / 4, 1 / 4, 1 / 4], abs=EXACT)  # 0.5 itself is not above 0.5
    assert found.coverage == 1


def test_the_formula_of_the_source_is_the_mean_where_rows_add_up_to_1() -> None:
    raw = np.random.default_rng(0).random((500, 8)) ** 4
    table = raw / raw.sum(axis=1, keepdims=True)
    assert shares(table).share == pytest.approx(table.sum(axis=0) / table.sum(), abs=EXACT)
    assert shares(table).share == pytest.approx(table.mean(axis=0), abs=EXACT)
    rounded = shares(table.round(3)).share
    assert rounded.sum() == pytest.approx(1, abs=EXACT)
    assert rounded == pytest.approx(table.round(3).sum(axis=0) / table.round(3).sum(), abs=EXACT)


def test_rows_weigh_as_the_time_that_they_stand_for() -> None:
    found = shares(TABLE, np.array([1.0, 2.0, 0.0, 1.0]))
    assert found.share == pytest.approx([1.3 / 4, 1.9 / 4, 0.8 / 4], abs=EXACT)
    assert found.top == pytest.approx([1 / 4, 3 / 4, 0], abs=EXACT)
    assert found.above == pytest.approx([1 / 4, 2 / 4, 0], abs=EXACT)


def test_rows_without_a_face_are_skipped_and_not_counted_as_neutral() -> None:
    table = np.insert(TABLE, 2, np.nan, axis=0)
    found = shares(table, np.array([1.0, 2.0, 5.0, 0.0, 2.0]))
    assert found.share == pytest.approx([1.7 / 5, 2.4 / 5, 0.9 / 5], abs=EXACT)
    assert found.coverage == pytest.approx(5 / 10, abs=EXACT)
    half = TABLE.copy()
    half[1, 0] = np.nan  # a row that is known in part is not known
    assert shares(half).share == pytest.approx(TABLE[[0, 2, 3]].mean(axis=0), abs=EXACT)


def test_rows_that_are_declared_invalid_are_skipped() -> None:
    found = shares(TABLE, valid=np.array([True, False, True, False]))
    assert found.share == pytest.approx([0.45, 0.2, 0.35], abs=EXACT)
    assert found.coverage == 0.5


def test_each_label_may_have_its_own_threshold() -> None:
    assert shares(TABLE, thresholds=(0.3, 0.55, 0.05)).above == pytest.approx([2 / 4, 1 / 4, 1], abs=EXACT)


def test_of_equally_likely_labels_the_first_counts() -> None:
    assert shares(np.array([[0.2, 0.4, 0.4]])).top.tolist() == [0, 1, 0]


@pytest.mark.parametrize("table", [np.empty((0, 2)), np.full((3, 2), np.nan)])
def test_a_face_that_was_never_seen_has_no_shares(table: np.ndarray) -> None:
    found = shares(table)
    for figure in (found.share, found.top, found.above):
        assert np.isnan(figure).all()
    assert found.coverage == 0
    signals = levels(table)
    assert np.isnan(signals.mean).all()
    assert np.isnan(signals.sd).all()
    assert signals.coverage.tolist() == [0, 0]


def test_levels_by_hand() -> None:
    found = levels(np.array([[-0.5, 3.0], [0.5, np.nan], [0.9, 1.0]]), np.array([2.0, 1.0, 1.0]), thresholds=(0.0, 2.0))
    assert found.mean == pytest.approx([0.4 / 4, 7 / 3], abs=EXACT)
    spread = np.sqrt([(2 * 0.6**2 + 0.4**2 + 0.8**2) / 4, (2 * (2 / 3) ** 2 + (4 / 3) ** 2) / 3])
    assert found.sd == pytest.approx(spread, abs=EXACT)
    assert found.above == pytest.approx([2 / 4, 2 / 3], abs=EXACT)
    assert found.coverage == pytest.approx([1, 3 / 4], abs=EXACT)


def test_levels_of_probabilities_are_their_shares() -> None:
    weights = np.array([1.0, 3.0, 2.0, 0.5])
    assert levels(TABLE, weights).mean == pytest.approx(shares(TABLE, weights).share, abs=EXACT)
    assert levels(TABLE, weights).above == pytest.approx(shares(TABLE, weights).above, abs=EXACT)


def test_a_signal_that_was_never_measured_does_not_hide_the_others() -> None:
    found = levels(np.array([[0.1, np.nan], [0.3, np.nan]]), valid=np.array([True, True]))
    assert found.mean == pytest.approx([0.2, np.nan], nan_ok=True)
    assert found.coverage.tolist() == [1, 0]


def test_against_rest_is_the_mean_of_changes() -> None:
    rest = np.array([0.3, 0.5, 0.2])
    changes = against(TABLE, rest)
    assert changes.sum(axis=1) == pytest.approx(np.zeros(4), abs=EXACT)
    assert levels(changes).mean == pytest.approx(shares(TABLE).share - rest, abs=EXACT)
    assert levels(against(np.tile(rest, (5, 1)), rest)).mean == pytest.approx([0, 0, 0], abs=EXACT)


def test_shares_at_a_changing_rate_of_frames() -> None:
    """Ten seconds of each of two faces, of which the second was filmed with a tenth of the frames."""
    times_s = np.concatenate([np.arange(300) / 30, 10 + np.arange(30) / 3])
    table = np.repeat([[0.9, 0.1], [0.3, 0.7]], [300, 30], axis=0)
    every, steps = sampled(times_s, None), sampled(times_s)
    assert shares(every.take(table), every.weights_s).share[0] == pytest.approx(0.6, abs=0.01)
    assert shares(steps.take(table), steps.weights_s).share[0] == pytest.approx(0.6, abs=0.02)
    assert shares(table).share[0] > 0.8


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match=r"add up to 1, not 0.5 as in row 2; try levels"):
        shares(np.array([[0.5, 0.5], [np.nan, 0.5], [0.25, 0.25]]))
    with pytest.raises(InputError, match="add up to 1"):
        shares(against(TABLE, np.array([0.3, 0.5, 0.2])))


def test_shapes_that_do_not_agree_are_refused() -> None:
    with pytest.raises(InputError, match=r"shape \(samples, labels\), not \(4,\)"):
        shares(TABLE[:, 0])
    with pytest.raises(InputError, match="weights must be one for each of 4 samples"):
        shares(TABLE, np.ones(3))
    with pytest.raises(InputError, match="weights must be 0 or positive"):
        levels(TABLE, np.array([1, -1, 1, 1]))
    with pytest.raises(InputError, match="each of 4 samples"):
        levels(TABLE, valid=np.ones(5, bool))
    with pytest.raises(InputError, match="one for each of 3 labels"):
        shares(TABLE, thresholds=(0.1, 0.2))
    with pytest.raises(InputError, match="rest must be known for each of the 3 labels"):
        against(TABLE, np.array([0.3, np.nan, 0.2]))


def test_weights_that_are_not_given_are_equal() -> None:
    assert weighed(None, 3).tolist() == [1, 1, 1]
