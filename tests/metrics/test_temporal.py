from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.metrics import temporal
from kaoiro.metrics.agreement import concordance
from kaoiro.metrics.temporal import Clip

ANGER, NEUTRAL = 0, 1


def clip(intensity: list[float] | np.ndarray, anger: list[float] | np.ndarray, target: int = ANGER) -> Clip:
    """Return a clip of two classes, all of its frames judged."""
    truth, curve = np.asarray(intensity, float), np.asarray(anger, float)
    return Clip(np.stack([curve, 1 - curve], axis=1), truth, target, NEUTRAL, np.ones(len(truth), bool))


def bump(count: int = 100, centre: float = 50.0) -> np.ndarray:
    return np.exp(-0.5 * ((np.arange(count) - centre) / 8) ** 2)


def test_jitter_counts_only_where_the_truth_stands_still() -> None:
    one = clip([0, 0, 0, 0.5, 1, 1], [0.1, 0.3, 0.2, 0.9, 0.4, 0.5])
    total, number = temporal.jitter(one)
    assert number == 3
    assert total == pytest.approx(0.2**2 + 0.1**2 + 0.1**2)  # both classes move alike: their mean is either's


def test_frames_that_are_not_judged_count_nowhere() -> None:
    one = clip([0, 0, 0, 0], [0.9, 0.1, 0.2, 0.2])
    one = replace(one, judged=np.array([False, True, True, True]))
    assert temporal.jitter(one) == pytest.approx((0.01, 2))
    assert temporal.right(one) == (3, 3)
    assert temporal.flips(one) == (0, 3)


def test_frames_on_both_sides_of_a_gap_are_no_neighbours() -> None:
    values = np.array([0.9, 0.9, np.nan, 0.1, 0.1])
    one = Clip(np.stack([values, 1 - values], axis=1), np.zeros(5), ANGER, NEUTRAL, ~np.isnan(values))
    assert temporal.jitter(one) == (0, 2)
    assert temporal.flips(one) == (0, 4)
    with pytest.raises(InputError, match="cannot be judged"):
        replace(one, judged=np.ones(5, bool))


def test_a_lag_beyond_reach_is_not_found() -> None:
    assert temporal.lag(clip(np.arange(100) / 100, np.arange(100) / 100 > 0.6)) == (0, 0)


def test_lag_is_that_of_the_judged_frames() -> None:
    curve = np.where(np.arange(100) < 30, 1.0, bump(centre=53))
    one = clip(bump(), curve)
    assert temporal.lag(replace(one, judged=np.arange(100) >= 30))[0] == pytest.approx(3, abs=0.1)


def test_changes_of_the_answer_beyond_those_of_the_truth() -> None:
    truth = [0, 0, 0.3, 0.8, 0.8, 0.3, 0, 0]
    assert temporal.flips(clip(truth, [0, 0, 0, 1, 1, 1, 0, 0]))[0] == 0
    assert temporal.flips(clip(truth, [0, 1, 0, 1, 0, 1, 0, 0])) == (400, 8)  # six changes, two of them true
    assert temporal.flips(clip(truth, [0] * 8))[0] == 0  # fewer changes than there were are no flips


def test_a_neutral_clip_is_neutral_throughout() -> None:
    one = clip([0.0] * 4, [0.1, 0.9, 0.1, 0.1], target=NEUTRAL)
    assert temporal.right(one) == (3, 4)
    assert temporal.lag(one) == temporal.attenuation(one) == (0, 0)
    assert not temporal.moments(one).any()


def test_what_lies_between_is_not_held_against_anybody() -> None:
    assert temporal.right(clip([0, 0.3, 0.9], [0.2, 0.2, 0.2])) == (1, 2)


@pytest.mark.parametrize("shift", [0, 3, -2, 4.5])
def test_lag_is_found_to_a_fraction_of_a_frame(shift: float) -> None:
    late, number = temporal.lag(clip(bump(), bump(centre=50 + shift)))
    assert number == 1
    assert late == pytest.approx(shift, abs=0.05)


def test_flat_curves_have_no_lag() -> None:
    assert temporal.lag(clip(bump(), np.full(100, 0.5))) == (0, 0)


def test_a_peak_that_is_cut_is_attenuated() -> None:
    one = replace(clip(bump(), 0.6 * bump()), reference=0.8 * bump())
    assert temporal.attenuation(one)[0] == pytest.approx(0.25)
    assert temporal.attenuation(clip(bump(), 0.6 * bump()))[0] == 0


def test_an_output_that_stays_while_the_truth_moves_has_latched() -> None:
    assert temporal.latched(clip(np.linspace(0, 1, 100), np.repeat(np.linspace(0, 1, 5), 20))) == 19
    assert temporal.latched(clip(np.linspace(0, 1, 100), np.linspace(0, 1, 100))) == 0
    assert temporal.latched(clip(np.zeros(50), np.zeros(50))) == 0


def test_fidelity_is_the_concordance_over_all_clips_at_once() -> None:
    rng = np.random.default_rng(0)
    clips = [clip(bump(centre=c), np.clip(bump(centre=c) + rng.normal(0, 0.1, 100), 0, 1)) for c in (30, 50, 60)]
    quiet = clip(np.zeros(40), np.full(40, 0.2), target=NEUTRAL)  # has no target whose course could be followed
    measured = temporal.course([*clips, quiet])
    truth = np.concatenate([one.intensity for one in clips])
    answer = np.concatenate([one.answer[:, ANGER] for one in clips])
    assert measured.figure("fidelity") == pytest.approx(concordance(truth, answer))


def test_draws_of_clips_weigh_them_by_how_often_they_came() -> None:
    clips = [clip(np.zeros(10), np.full(10, level), target=NEUTRAL) for level in (0.1, 0.9)]
    measured = temporal.course(clips)
    assert measured.figure("accuracy") == 0.5
    rows = np.array([[0, 0], [0, 1], [1, 1]])
    assert measured.figure("accuracy", rows).tolist() == [1, 0.5, 0]


def test_draws_are_the_same_for_every_method() -> None:
    assert np.array_equal(temporal.draws(5, 20), temporal.draws(5, 20))
    assert temporal.draws(5, 20).shape == (20, 5)
    assert temporal.interval(np.arange(1001.0)) == (25, 975)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="no clips"):
        temporal.course([])
    with pytest.raises(InputError, match="must agree"):
        Clip(np.zeros((3, 2)), np.zeros(4), 0, 1, np.ones(4, bool))
