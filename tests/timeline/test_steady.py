from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.timeline.smoothing import parabola
from kaoiro.timeline.steady import HALF_S, LAG_S, Mode, Steady, steady, weight

BOTH = pytest.mark.parametrize("mode", ["causal", "centred"])


def curve(values: Sequence[float], times: Sequence[float], mode: Mode) -> list[float]:
    items = [(shown, place, [("a", (value,))]) for place, (shown, value) in enumerate(zip(times, values, strict=True))]
    return [found[0].values[0] for _, found in steady(items, mode)]


def noise(count: int = 50) -> np.ndarray:
    return np.random.default_rng(0).random(count)


@BOTH
def test_at_25_frames_a_second_it_is_the_parabola_of_eleven_frames(mode: Mode) -> None:
    values = noise()
    expected = parabola(values[:, None], 11, mode == "centred")[:, 0]
    assert curve(values, np.arange(50) / 25, mode) == pytest.approx(expected)


@BOTH
def test_a_higher_rate_smooths_over_the_same_time(mode: Mode) -> None:
    times = np.arange(200) / 100
    step = (times >= 1).astype(float)
    fine, coarse = curve(step, times, mode), curve(step[::4], times[::4], mode)
    assert fine[::4] == pytest.approx(coarse, abs=0.15)
    assert max(shown for shown, value in zip(times, fine, strict=True) if value < 1) < 1 + HALF_S + LAG_S


def test_a_reversed_recording_gives_exactly_the_reversed_curve() -> None:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.integers(20_000, 60_000, 80)) / 1e6  # of variable rate, in microseconds
    values = rng.random(80)
    forwards = curve(values, times, "centred")
    backwards = curve(values[::-1], np.round(times[-1] - times[::-1], 6), "centred")
    assert forwards == backwards[::-1]


def test_frames_far_apart_stay_as_they_are() -> None:
    values = noise(5)
    assert curve(values, np.arange(5) * 0.5, "centred") == values.tolist()
    assert curve(values, np.arange(5) * 0.5, "causal") == values.tolist()


def test_items_come_back_in_order_each_with_its_own_faces() -> None:
    items = [(0.0, "one", [("a", (1.0,))]), (0.04, "two", []), (0.08, "three", [("b", (3.0,)), ("a", (5.0,))])]
    found = list(steady(items, "centred"))
    assert [item for item, _ in found] == ["one", "two", "three"]
    assert [len(faces) for _, faces in found] == [1, 0, 2]
    assert found[2][1][0].values == (3.0,)  # b is not mixed with a
    assert 3 < found[2][1][1].values[0] < 5


def test_causal_items_come_back_at_once_and_centred_ones_after_half_a_window() -> None:
    causal: Steady[int] = Steady("causal")
    centred: Steady[int] = Steady("centred")
    assert [len(list(causal.add(k / 25, k, [("a", (0.0,))]))) for k in range(9)] == [1] * 9
    counts = [len(list(centred.add(k / 25, k, [("a", (0.0,))]))) for k in range(9)]
    assert counts == [0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert len(list(centred.finish())) == 6


@BOTH
def test_support_is_less_where_the_window_is_not_full(mode: Mode) -> None:
    items = [(k / 25, k, [("a", (1.0,))]) for k in range(30) if k != 15]
    support = [found[0].support for _, found in steady(items, mode)]
    assert support[12 if mode == "causal" else 7] == 1
    assert support[0] < 0.6
    assert min(support[15:18]) < 1
    assert (support[-1] < 0.6) == (mode == "centred")


@BOTH
def test_memory_does_not_grow_with_the_recording(mode: Mode) -> None:
    one: Steady[int] = Steady(mode)
    for frame in range(2000):
        list(one.add(frame / 25, frame, [(frame // 50, (0.0,))]))
        assert len(one._waiting) <= 7
        assert sum(map(len, one._tracks.values())) <= 14


@pytest.mark.parametrize(
    ("ahead", "mode", "expected"),
    [
        (0.0, "centred", 1.0),
        (0.12, "centred", 0.75),
        (0.24, "centred", 0.0),
        (-0.2, "causal", 1.0),
        (0.01, "causal", 0),
    ],
)
def test_weights_by_hand(ahead: float, mode: Mode, expected: float) -> None:
    assert weight(ahead, mode) == pytest.approx(expected)


def test_another_mode_is_refused() -> None:
    with pytest.raises(InputError, match="causal or centred"):
        Steady("none")


@BOTH
def test_a_joined_recording_whose_time_goes_back_begins_anew(mode: Mode) -> None:
    first = [(1 + k / 25, k, [("a", (1.0,))]) for k in range(8)]
    second = [(k / 25, 8 + k, [("a", (5.0,))]) for k in range(8)]
    found = list(steady([*first, *second], mode))
    assert [item for item, _ in found] == list(range(16))
    assert [faces[0].values[0] for _, faces in found] == pytest.approx([1.0] * 8 + [5.0] * 8)


@BOTH
def test_a_clock_that_stands_still_fills_no_memory(mode: Mode) -> None:
    one: Steady[int] = Steady(mode)
    came = 0
    for frame in range(3000):
        came += len(list(one.add(1.0, frame, [("a", (0.5,))])))
        assert len(one._waiting) <= 65
        assert sum(map(len, one._tracks.values())) <= 129
    assert came + len(list(one.finish())) == 3000


def test_a_small_fall_of_the_clock_forgets_nothing() -> None:
    times = [k / 25 for k in range(20)]
    times[12] -= 0.05
    items = [(time, k, [("a", (1.0,))]) for k, time in enumerate(times)]
    assert min(found[0].support for _, found in list(steady(items, "causal"))[11:]) > 0.8


@BOTH
def test_a_clock_that_creeps_costs_no_time(mode: Mode) -> None:
    times = np.arange(100) * 1e-9
    begun = time.monotonic()
    assert curve(np.ones(100), times, mode) == pytest.approx(np.ones(100))
    assert time.monotonic() - begun < 5


@BOTH
def test_a_value_that_is_missing_has_no_weight(mode: Mode) -> None:
    times = np.arange(9) / 25
    whole = noise(9)
    holed = whole.copy()
    holed[4] = np.nan
    smooth = curve(holed, times, mode)
    shares = np.array([[weight(round(other - time_s, 6), mode) for other in times] for time_s in times])
    known = np.arange(9) != 4
    expected = shares[:, known] @ whole[known] / shares[:, known].sum(axis=1)
    assert smooth == pytest.approx(expected)


def test_missing_values_leave_the_others_of_a_face_as_they_are() -> None:
    items = [(k / 25, k, [("a", (float(k), np.nan))]) for k in range(9)]
    found = [faces[0].values for _, faces in steady(items, "centred")]
    assert [first for first, _ in found] == curve(np.arange(9.0), np.arange(9) / 25, "centred")
    assert np.isnan([second for _, second in found]).all()
