"""Choices among candidates: what is taken, and figures that the choice does not flatter."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.metrics.selection import Candidates, choose

ROWS = 200


def candidates(hits: np.ndarray, groups: np.ndarray | None = None) -> Candidates:
    """Return candidates whose loss is 0.1 where they are right and 2 where they are wrong."""
    return Candidates(np.where(hits, 0.1, 2.0), hits, np.arange(hits.shape[1]) if groups is None else groups)


def right(share: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(ROWS) < share * ROWS)


def test_a_candidate_that_is_surely_better_is_taken() -> None:
    found = choose(candidates(np.stack([right(0.5, 0), right(0.52, 1), right(0.8, 2)])), draws=500)
    assert found.place == 2
    assert found.before == pytest.approx(0.5)
    assert found.before_interval[0] < 0.5 < found.before_interval[1]
    assert found.after == pytest.approx(0.8, abs=0.02)
    assert found.gain == pytest.approx(0.3, abs=0.02)
    assert found.gain_interval[0] > 0.1
    assert found.taken[2] == pytest.approx(1.0, abs=0.02)


def test_the_best_of_many_guesses_is_not_believed() -> None:
    """Forty candidates that guess: the best of them looks good on the rows that it was chosen on."""
    hits = np.random.default_rng(0).random((41, ROWS)) < 0.5
    found = choose(candidates(hits), draws=500)
    best = hits.mean(axis=1).max()
    assert best > 0.57
    assert found.after < best - 0.03
    assert found.gain_interval[0] < 0.05


def test_without_a_sure_gain_all_stays_as_it_was() -> None:
    start = right(0.6, 0)
    nearly = start.copy()
    nearly[np.flatnonzero(~start)[:1]] = True
    nearly[np.flatnonzero(start)[:1]] = False
    found = choose(candidates(np.stack([start, nearly])), draws=200)
    assert found.place == 0
    worse = choose(candidates(np.stack([start, right(0.3, 1)])), draws=200)
    assert worse.place == 0
    assert worse.after == pytest.approx(worse.before, abs=0.03)


def test_a_lower_loss_does_not_excuse_fewer_right_answers() -> None:
    start, other = right(0.8, 0), right(0.7, 1)
    losses = np.stack([np.where(start, 0.6, 5.0), np.where(other, 0.01, 0.8)])
    assert choose(Candidates(losses, np.stack([start, other]), np.arange(ROWS)), draws=100).place == 0


def test_people_and_not_pictures_are_drawn() -> None:
    people = np.repeat(np.arange(10), ROWS // 10)
    hits = np.stack([right(0.5, 0), people < 8])
    wide = choose(candidates(hits, people), draws=500).after_interval
    narrow = choose(candidates(hits), draws=500).after_interval
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_what_cannot_be_chosen_among_is_refused() -> None:
    with pytest.raises(InputError, match="two groups"):
        choose(candidates(np.ones((2, 5), bool), np.zeros(5)))
    with pytest.raises(InputError, match="finite"):
        Candidates(np.array([[np.inf]]), np.array([[True]]), np.zeros(1))
    with pytest.raises(InputError, match=r"\(S, N\)"):
        Candidates(np.zeros((2, 3)), np.zeros((2, 2), bool), np.zeros(3))
