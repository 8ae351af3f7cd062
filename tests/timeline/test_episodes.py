from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError, LabelError
from kaoiro.timeline.episodes import Episode, Rule, episodes, occupied
from kaoiro.timeline.sampled import Sampled, sampled

PLAIN = Rule(on=0.5, off=0.3, least_s=0.0, join_s=0.0)


def made(curve: list[float], step_s: float = 0.5) -> tuple[np.ndarray, Sampled]:
    """Return a curve as a table of one label, and its times from 0."""
    return np.array(curve)[:, None], sampled(np.arange(len(curve)) * step_s, step_s)


def spans(curve: list[float], rule: Rule) -> list[tuple[float, float]]:
    return [(one.start_s, one.end_s) for one in episodes(*made(curve), ["anger"], rule)]


def test_an_episode_by_hand() -> None:
    (found,) = episodes(*made([0.1, 0.6, 0.9, 0.3, 0.2]), ["anger"], PLAIN)
    assert found == Episode("anger", 0.25, 1.75, 0.9, 1.0, pytest.approx(0.6))
    assert found.duration_s == 1.5


def test_it_begins_at_the_upper_limit_and_ends_below_the_lower_one() -> None:
    assert spans([0.4, 0.5, 0.4, 0.3, 0.29, 0.4], PLAIN) == [(0.25, 1.75)]
    assert spans([0.4, 0.49, 0.4], PLAIN) == []


def test_a_curve_that_trembles_about_a_limit_is_one_episode() -> None:
    trembling = [0.1, *[0.55, 0.45] * 10, 0.1]
    assert len(spans(trembling, PLAIN)) == 1
    assert len(spans(trembling, Rule(0.5, 0.5, 0.0, 0.0))) == 10


def test_short_interruptions_are_joined_and_longer_ones_are_not() -> None:
    curve = [0.9, 0.1, 0.9, 0.1, 0.1, 0.9]
    assert spans(curve, PLAIN) == [(-0.25, 0.25), (0.75, 1.25), (2.25, 2.75)]
    assert spans(curve, Rule(0.5, 0.3, 0.0, 0.5)) == [(-0.25, 1.25), (2.25, 2.75)]
    assert spans(curve, Rule(0.5, 0.3, 0.0, 1.0)) == [(-0.25, 2.75)]


def test_the_mean_of_a_joined_episode_holds_its_interruption() -> None:
    (found,) = episodes(*made([0.9, 0.0, 0.9]), ["anger"], Rule(0.5, 0.3, 0.0, 0.5))
    assert found.mean == pytest.approx(0.6)


def test_short_episodes_are_left_out_after_joining() -> None:
    curve = [0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9]
    assert spans(curve, Rule(0.5, 0.3, 1.0, 0.0)) == []
    assert spans(curve, Rule(0.5, 0.3, 1.0, 0.5)) == [(-0.25, 1.25)]
    assert spans([0.9, 0.9, 0.1], Rule(0.5, 0.3, 1.0, 0.0)) == [(-0.25, 0.75)]


def test_a_short_absence_does_not_end_an_episode() -> None:
    curve = [0.9, np.nan, 0.4, 0.1]
    assert spans(curve, Rule(0.5, 0.3, 0.0, 0.5)) == [(-0.25, 1.25)]
    assert spans([0.9, np.nan, 0.1], Rule(0.5, 0.3, 0.0, 0.5)) == [(-0.25, 0.25)]


def test_a_long_absence_ends_it_and_it_must_begin_anew() -> None:
    rule = Rule(0.5, 0.3, 0.0, 0.5)
    assert spans([0.9, np.nan, np.nan, 0.4, 0.4], rule) == [(-0.25, 0.25)]
    assert spans([0.9, np.nan, np.nan, 0.9, 0.4], rule) == [(-0.25, 0.25), (1.25, 2.25)]


def test_absent_samples_within_an_episode_do_not_count() -> None:
    values, samples = made([0.6, np.nan, 0.8, 0.1, np.nan])
    found = episodes(values, samples, ["anger"], Rule(0.5, 0.3, 0.0, 1.0))
    assert found == [Episode("anger", -0.25, 1.25, 0.8, 1.0, pytest.approx(0.7))]
    assert occupied(found, values, samples, ["anger"]) == pytest.approx([2 / 3])


def test_the_peak_is_the_first_of_equals_and_an_open_end_is_the_end() -> None:
    (found,) = episodes(*made([0.1, 0.7, 0.9, 0.9]), ["anger"], PLAIN)
    assert (found.peak_s, found.end_s) == (1.0, 1.75)


def test_labels_of_a_table_in_the_order_of_their_starts() -> None:
    values = np.array([[0.1, 0.9], [0.9, 0.1], [0.9, 0.1], [0.1, 0.6]])
    samples = sampled(np.arange(4) * 0.5)
    found = episodes(values, samples, ["anger", "fear"], PLAIN)
    assert [(one.label, one.start_s) for one in found] == [("fear", -0.25), ("anger", 0.25), ("fear", 1.25)]
    assert occupied(found, values, samples, ["anger", "fear"]) == pytest.approx([2 / 4, 2 / 4])


def test_each_label_may_have_its_own_rule() -> None:
    values, samples = np.tile([[0.2, 0.2]], (4, 1)), sampled(np.arange(4) * 0.5)
    rules = {"anger": Rule(0.1, 0.05), "fear": PLAIN}
    assert [one.label for one in episodes(values, samples, ["anger", "fear"], rules)] == ["anger"]
    with pytest.raises(LabelError, match="no rule for episodes of 'joy'; there are rules for: anger, fear"):
        episodes(values, samples, ["anger", "joy"], rules)


def test_time_in_episodes_is_time_and_not_frames() -> None:
    """A second at 60 frames, in which the label is shown, and three seconds at 10, in which it is not."""
    times_s = np.concatenate([np.arange(60) / 60, 1 + np.arange(30) / 10])
    values = (times_s < 1).astype(float)[:, None]
    samples = sampled(times_s, None)
    found = episodes(values, samples, ["anger"], PLAIN)
    assert len(found) == 1
    assert found[0].duration_s == pytest.approx(1, abs=0.01)
    assert occupied(found, values, samples, ["anger"]) == pytest.approx([1 / 4], abs=0.005)


def test_a_gap_between_frames_ends_an_episode() -> None:
    times_s = np.concatenate([np.arange(20) / 10, 30 + np.arange(20) / 10])
    samples = sampled(times_s, None)
    values = samples.take(np.ones((40, 1)))
    found = episodes(values, samples, ["anger"])
    assert [(one.start_s, one.end_s) for one in found] == [
        (pytest.approx(-0.05), pytest.approx(2.4)),
        (pytest.approx(29.5), pytest.approx(31.95)),
    ]
    assert occupied(found, values, samples, ["anger"]) == pytest.approx([1])


@pytest.mark.parametrize("curve", [[], [np.nan] * 3, [0.1, 0.1]])
def test_nothing_shown_is_no_episode(curve: list[float]) -> None:
    values, samples = made(curve)
    assert episodes(values, samples, ["anger"]) == []
    share = occupied([], values, samples, ["anger"])
    assert np.isnan(share).all() == (not np.isfinite(values).any())


def test_episodes_are_those_of_a_walk_sample_by_sample() -> None:
    rng = np.random.default_rng(0)
    curve = np.clip(0.4 + np.cumsum(rng.normal(0, 0.15, 2000)) % 0.5 - 0.2, 0, 1)
    curve[rng.random(2000) < 0.1] = np.nan
    expected, inside, unseen = np.zeros(2000, bool), False, 0
    for place, value in enumerate(curve.tolist()):
        if np.isnan(value):
            unseen += 1
            continue
        inside = value >= 0.5 or (inside and unseen <= 1 and value >= 0.3)
        expected[place], unseen = inside, 0
    values, samples = made(curve.tolist())
    shown = np.zeros(2000, bool)
    for one in episodes(values, samples, ["anger"], Rule(0.5, 0.3, 0.0, 0.5)):
        shown |= (samples.times_s > one.start_s) & (samples.times_s < one.end_s)
    assert (shown | ~expected).all()  # nothing is lost, and what is joined was short
    joined = shown & ~expected & np.isfinite(curve)
    assert (np.diff(np.flatnonzero(joined)) > 1).all()
    assert joined.sum() < 0.1 * expected.sum()


def test_impossible_rules_and_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"'off' of episodes must be at most 'on', 0.5, not 0.6"):
        Rule(0.5, 0.6)
    with pytest.raises(InputError, match="least duration"):
        Rule(least_s=-1)
    with pytest.raises(InputError, match="longest interruption"):
        Rule(join_s=float("inf"))
    values, samples = made([0.1, 0.2])
    with pytest.raises(InputError, match=r"values must have shape \(2, 2\), not \(2, 1\)"):
        episodes(values, samples, ["anger", "fear"])


def test_episodes_of_other_labels_take_none_of_the_time() -> None:
    values, samples = made([0.9, 0.9])
    found = episodes(values, samples, ["fear"], PLAIN)
    assert occupied(found, values, samples, ["anger"]).tolist() == [0]
