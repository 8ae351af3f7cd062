from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from kaoiro.core.errors import InputError
from kaoiro.timeline import smoothing
from kaoiro.timeline.smoothing import METHODS

BOTH = pytest.mark.parametrize("centred", [False, True])
EVERY = pytest.mark.parametrize("method", METHODS)


def track(count: int = 60, seed: int = 0) -> np.ndarray:
    """Return (count, 7) probabilities of a face that changes slowly and is measured noisily."""
    rng = np.random.default_rng(seed)
    raw = np.zeros((count, 7))
    raw[:, 2] = 3 * np.sin(np.arange(count) / 9)
    raw += rng.normal(0, 0.7, raw.shape)
    return np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)


def test_weights_by_hand() -> None:
    assert smoothing.uniform(4) == pytest.approx([0.25] * 4)
    assert smoothing.parabolic(3) == pytest.approx([0.3, 0.4, 0.3])  # 1x3, 2x2, 3x1 of 10
    bell = np.exp([-1.125, 0, -1.125])
    assert smoothing.gaussian(3) == pytest.approx(bell / bell.sum())


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (smoothing.uniform(11), 2 / 121),
        (smoothing.parabolic(11), 12 / (11 * 12 * 13)),  # SPEC, fact A-3
    ],
)
def test_what_white_noise_leaves(weights: np.ndarray, expected: float) -> None:
    left = weights[0] ** 2 + (np.diff(weights) ** 2).sum() + weights[-1] ** 2
    assert left == pytest.approx(expected)
    noise = np.random.default_rng(0).normal(size=(200_000, 1))
    measured = (np.diff(smoothing.weighted(noise, weights)[20:], axis=0) ** 2).mean()
    assert measured == pytest.approx(expected, rel=0.02)


def test_no_other_weights_leave_less_than_the_parabola() -> None:
    # the matrix of the quadratic form; its constrained minimum is proportional to the solution for ones
    size = 11
    matrix = 2 * np.eye(size) - np.eye(size, k=1) - np.eye(size, k=-1)
    best = np.linalg.solve(matrix, np.ones(size))
    assert smoothing.parabolic(size) == pytest.approx(best / best.sum())


@EVERY
@BOTH
def test_what_does_not_change_stays(method: str, centred: bool) -> None:
    row = np.array([0.1, 0.6, 0.3])
    answer = METHODS[method](np.tile(row, (30, 1)), 5, centred)
    if method == "markov":  # its answer is a state, not a mean: the likeliest one, more and more surely
        assert (answer.argmax(axis=1) == 1).all()
    else:
        assert answer == pytest.approx(np.tile(row, (30, 1)))


@EVERY
@BOTH
def test_probabilities_stay_probabilities(method: str, centred: bool) -> None:
    answer = METHODS[method](track(), 11, centred)
    assert answer.shape == (60, 7)
    assert answer.sum(axis=1) == pytest.approx(np.ones(60))
    assert (answer >= 0).all()


@EVERY
def test_every_method_is_calmer_than_single_frames(method: str) -> None:
    single = track(400)
    for centred in (False, True):
        answer = METHODS[method](single, 11, centred)
        assert (np.diff(answer, axis=0) ** 2).mean() < 0.5 * (np.diff(single, axis=0) ** 2).mean()


@EVERY
def test_a_causal_answer_does_not_know_the_future(method: str) -> None:
    values, later = track(), track()
    later[40:] = later[40:][:, ::-1]
    assert np.array_equal(METHODS[method](values, 11)[:40], METHODS[method](later, 11)[:40])


@EVERY
def test_a_reversed_clip_gives_the_reversed_centred_curve(method: str) -> None:
    values = track()
    forwards, backwards = METHODS[method](values, 11, True), METHODS[method](values[::-1], 11, True)[::-1]
    if method in ("exponential", "markov"):  # recursions in either order: equal in the limit of precision
        inner = slice(None) if method == "markov" else slice(25, -25)
        assert forwards[inner] == pytest.approx(backwards[inner], abs=2e-3 if method == "exponential" else 1e-9)
    else:
        assert np.array_equal(forwards, backwards)


@EVERY
@BOTH
def test_frames_without_a_face_have_no_answer_and_no_weight(method: str, centred: bool) -> None:
    values = np.tile([0.2, 0.8], (20, 1))
    values[[3, 4, 19]] = np.nan
    answer = METHODS[method](values, 5, centred)
    assert np.isnan(answer[[3, 4, 19]]).all()
    there = [k for k in range(20) if k not in (3, 4, 19)]
    if method == "markov":
        assert (answer[there, 1] > 0.5).all()
    else:
        assert answer[there] == pytest.approx(values[there])


def test_a_gap_longer_than_the_window_leaves_the_next_frame_as_it_is() -> None:
    values = track(30)
    values[5:20] = np.nan
    assert smoothing.parabola(values, 11)[20] == pytest.approx(values[20])


def test_a_face_that_was_never_seen_has_no_answers() -> None:
    for method in METHODS.values():
        assert np.isnan(method(np.full((9, 3), np.nan), 5, True)).all()


def test_the_moving_average_is_that_of_scipy() -> None:
    values = track()
    expected = uniform_filter1d(values, 11, axis=0)
    assert smoothing.moving_average(values, 11, True)[5:-5] == pytest.approx(expected[5:-5])


def test_the_exponential_average_is_that_of_scipy_after_its_start() -> None:
    values = track(400)
    expected = lfilter([1 / 6], [1, -5 / 6], values, axis=0)
    assert smoothing.exponential(values, 11)[150:] == pytest.approx(expected[150:], abs=1e-9)


def test_averages_of_logits_by_hand() -> None:
    values = np.array([[0.5, 0.5], [0.9, 0.1]])
    odds = np.exp(0.5 * np.log(0.9 / 0.1))
    assert smoothing.moving_average_of_logits(values, 2)[1, 0] == pytest.approx(odds / (1 + odds))


def test_the_median_forgets_a_single_outlier() -> None:
    values = np.tile([0.2, 0.8], (20, 1))
    values[10] = [1, 0]
    assert smoothing.median(values, 5) == pytest.approx(np.tile([0.2, 0.8], (20, 1)))


def test_frames_that_agree_on_nothing_keep_their_own_answer() -> None:
    values = np.tile(np.eye(3), (4, 1))
    answer = smoothing.median(values, 3)
    assert answer.sum(axis=1) == pytest.approx(np.ones(12))
    assert np.array_equal(answer[3], values[3])


def test_the_markov_filter_by_hand() -> None:
    values = np.array([[0.7, 0.3], [0.4, 0.6]])
    answer = smoothing.markov(values, 4, sharpness=1.0)  # leaves with 1/4
    assert answer[0] == pytest.approx([0.7, 0.3])
    predicted = np.array([0.75 * 0.7 + 0.25 * 0.3, 0.25 * 0.7 + 0.75 * 0.3])
    after = predicted * values[1]
    assert answer[1] == pytest.approx(after / after.sum())


def test_the_markov_smoother_by_counting_all_paths() -> None:
    values, leave = track(5)[:, :3], 1 / 4
    values = values / values.sum(axis=1, keepdims=True)
    moves = np.full((3, 3), leave / 2) + (1 - leave - leave / 2) * np.eye(3)
    expected = np.zeros((5, 3))
    for path in np.ndindex(3, 3, 3, 3, 3):
        chance = np.prod([values[t, s] for t, s in enumerate(path)])
        chance *= np.prod([moves[a, b] for a, b in pairwise(path)])
        for t, s in enumerate(path):
            expected[t, s] += chance
    expected /= expected.sum(axis=1, keepdims=True)
    assert smoothing.markov(values, 4, True, sharpness=1.0) == pytest.approx(expected)


@pytest.mark.parametrize(("centred", "expected"), [(False, [0, 1]), (True, [0, 5])])
def test_frames_near_the_ends_are_marked(centred: bool, expected: list[int]) -> None:
    length = 3
    marked = np.flatnonzero(smoothing.warm_up(6, length, centred))
    assert marked.tolist() == expected


@EVERY
def test_impossible_windows_are_refused(method: str) -> None:
    with pytest.raises(InputError, match="length of the window must be 1 or more, not 0"):
        METHODS[method](track(), 0)
    with pytest.raises(InputError, match="shape"):
        METHODS[method](track()[:, 0], 5)
    if method not in ("exponential", "markov"):
        with pytest.raises(InputError, match="an odd number of frames, not 4"):
            METHODS[method](track(), 4, True)


@pytest.mark.parametrize("sharpness", [0.0, 1.5])
def test_impossible_sharpness_is_refused(sharpness: float) -> None:
    with pytest.raises(InputError, match="sharpness"):
        smoothing.markov(track(), 5, sharpness=sharpness)


def test_one_state_makes_no_markov_model() -> None:
    with pytest.raises(InputError, match="two states"):
        smoothing.markov(np.ones((4, 1)), 3)
