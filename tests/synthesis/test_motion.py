from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.synthesis.action_units import SHAPES
from kaoiro.synthesis.difficulty import load
from kaoiro.synthesis.motion import blinks, flicker, ornstein_uhlenbeck, ramp, reached, speech


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_ramp_is_a_raised_cosine_with_a_plateau() -> None:
    # rises over 1–3 s, stays until 5 s, falls until 9 s
    time_s = np.array([0, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 9, 10.0])
    expected = [0, 0, 0.146447, 0.5, 0.853553, 1, 1, 1, 0.853553, 0.5, 0, 0]
    assert np.allclose(ramp(time_s, 4, 2, 2, 4), expected, atol=1e-6)


def test_a_ramp_without_flanks_is_a_box() -> None:
    assert ramp(np.array([0.0, 0.9, 1.0, 1.9, 2.1]), 1.5, 0, 1, 0).tolist() == [0, 0, 1, 1, 0]


def test_a_flank_has_reached_a_level_after_its_share_of_time() -> None:
    assert reached(0.5) == pytest.approx(0.5) and reached(1) == 1 and reached(0) == 0
    assert ramp(np.array([reached(0.3)]), 2, 1, 2, 1) == pytest.approx(0.3)


@pytest.mark.parametrize("lengths", [(-1, 1, 1), (1, float("nan"), 1), (1, 1, float("inf"))])
def test_a_ramp_of_impossible_lengths_is_refused(lengths: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="of a ramp"):
        ramp(np.zeros(3), 1, *lengths)


def test_wandering_has_its_stationary_spread_from_the_first_value_on() -> None:
    values = ornstein_uhlenbeck(30, 0.1, 2.0, 0.5, rng(), (20000,))
    assert np.allclose(values.std(axis=1), 2.0, rtol=0.025)  # five standard errors
    assert np.allclose(values.mean(axis=1), 0, atol=0.07)


def test_wandering_forgets_exponentially_whatever_the_steps() -> None:
    regular = ornstein_uhlenbeck(21, 0.1, 1.0, 0.5, rng(1), (40000,))
    for lag in (1, 5, 10):
        assert (regular[3] * regular[3 + lag]).mean() == pytest.approx(np.exp(-lag * 0.1 / 0.5), abs=0.025)
    uneven = ornstein_uhlenbeck(4, np.array([0.1, 0.7, 0.2]), 1.0, 0.5, rng(2), (40000,))
    assert (uneven[0] * uneven[3]).mean() == pytest.approx(np.exp(-1 / 0.5), abs=0.025)
    assert (uneven[1] * uneven[2]).mean() == pytest.approx(np.exp(-0.7 / 0.5), abs=0.025)


def test_wandering_without_spread_stays_and_each_process_may_have_its_own() -> None:
    assert not ornstein_uhlenbeck(10, 0.1, 0.0, 1.0, rng()).any()
    values = ornstein_uhlenbeck(2000, 1.0, np.array([0.0, 1.0, 5.0]), 0.1, rng(), (3,))
    assert np.allclose(values.std(axis=0), [0, 1, 5], rtol=0.08)


def test_wandering_that_cannot_be_is_refused() -> None:
    for count, dt, sd, tau in ((0, 0.1, 1, 1), (3, -0.1, 1, 1), (3, 0.1, -1, 1), (3, 0.1, 1, 0), (3, 0.1, np.nan, 1)):
        with pytest.raises(InputError):
            ornstein_uhlenbeck(count, dt, sd, tau, rng())


def test_blinks_come_at_their_rate_and_close_the_eyes() -> None:
    time_s = np.arange(0, 3600, 0.01)
    closure = blinks(time_s, 17, (0.15, 0.3), rng())
    assert closure.min() == 0 and 0.99 < closure.max() <= 1
    count = np.count_nonzero(np.diff((closure > 0).astype(int)) == 1)
    assert abs(count - 17 * 60) < 4 * np.sqrt(17 * 60)
    assert (closure > 0.5).mean() == pytest.approx(17 / 60 * 0.225 / 2, rel=0.15)  # half closed half of the time


def test_a_blink_closes_faster_than_it_opens() -> None:
    time_s = np.arange(0, 600, 0.001)
    moving = np.diff(blinks(time_s, 10, (0.3, 0.3), rng(3)))
    assert np.count_nonzero(moving > 0) / np.count_nonzero(moving < 0) == pytest.approx(0.5, rel=0.02)


def test_blinks_do_not_depend_on_where_frames_lie() -> None:
    coarse, fine = np.arange(0, 60, 0.1), np.arange(0, 59.91, 0.01)
    assert np.allclose(blinks(coarse, 20, (0.2, 0.3), rng(4)), blinks(fine, 20, (0.2, 0.3), rng(4))[::10])


def test_a_rate_of_none_never_blinks_and_an_impossible_one_is_refused() -> None:
    assert not blinks(np.arange(100.0), 0, (0.2, 0.3), rng()).any()
    with pytest.raises(InputError, match="mean pause"):
        blinks(np.arange(10.0), 400, (0.2, 0.3), rng())


def test_flicker_swings_around_one() -> None:
    light = flicker(np.arange(0, 10, 0.001), 0.2, 2.0, rng())
    assert light.mean() == pytest.approx(1, abs=1e-6)
    assert light.max() == pytest.approx(1.2, abs=1e-4) and light.min() == pytest.approx(0.8, abs=1e-4)
    assert np.allclose(light[:1000], light[500:1500])  # period of half a second
    with pytest.raises(InputError, match="amplitude"):
        flicker(np.zeros(3), 1.0, 2.0, rng())


def test_speech_moves_known_shapes_within_their_ranges() -> None:
    settings = load().speech
    time_s = np.arange(0, 600, 0.04)
    shapes = speech(time_s, settings, rng())
    assert set(shapes) <= SHAPES
    for name, most in {"jawOpen": settings.jaw[1], "mouthPucker": settings.pucker[1], "mouthClose": 0.12}.items():
        assert shapes[name].min() >= 0 and 0.8 * most < shapes[name].max() <= most
    assert np.all(shapes["mouthClose"] <= shapes["jawOpen"])
    assert np.array_equal(shapes["mouthStretch_L"], shapes["mouthStretch_R"])


def test_speech_has_syllables_and_pauses_as_asked() -> None:
    settings, time_s = load().speech, np.arange(0, 1200, 0.01)
    jaw = speech(time_s, settings, rng(5))["jawOpen"]
    silent = (jaw == 0).mean()
    talk, pause = np.mean(settings.talk), np.mean(settings.pause)
    assert silent == pytest.approx(pause / (talk + pause), rel=0.15)
    peaks = np.count_nonzero((jaw[1:-1] > jaw[:-2]) & (jaw[1:-1] >= jaw[2:]))
    assert settings.syllables[0] < peaks / (1200 * (1 - silent)) < settings.syllables[1]


def test_speech_does_not_depend_on_where_frames_lie() -> None:
    coarse, fine = np.arange(0, 20, 0.1), np.arange(0, 19.91, 0.01)
    one, other = speech(coarse, load().speech, rng(6)), speech(fine, load().speech, rng(6))
    assert all(np.allclose(one[name], other[name][::10]) for name in one)
