"""The noise floor by length: what recordings of an unchanged face differ by, minute for minute.

A short recording scatters because it holds few seconds, a long one because of its light, pose and camera alone. Both
are in the null sessions: the second in how their means differ, the first in what they show from block to block. A null
recording of a wanted length is put together from blocks of one session, drawn with replacement on the circle.

A session's mean is itself known from its own seconds only, which adds to how sessions differ: the floor of long
recordings is too high by that, and `Floor.excess` says how much of it at most.

Source: SPEC 6.3, experiment (a). Blocks: Politis and Romano (1992).
Legend: T samples, L columns, R sessions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kaoiro.core.checks import at_least, positive, require
from kaoiro.core.errors import InputError
from kaoiro.timeline.changes import FAMILY, LEVEL
from kaoiro.timeline.noise import at_rest, noise_floor
from kaoiro.timeline.sampled import STEP_S
from kaoiro.timeline.student import reach

MINUTES = (1.0, 5.0, 15.0, 60.0)
"""Lengths that a table of floors has."""
BLOCK_S = 5.0
"""Seconds of a block, as the shortest of `intervals`."""
DRAWS = 1000
"""Of people, for the intervals of floors."""
_LEVELS = LEVEL, 1 - (1 - LEVEL) / FAMILY
OTHERS = (4, 6, 10)
"""Numbers of a person's recordings from which tails are measured."""


class Tails(NamedTuple):
    """By what Student's t is multiplied where the scatter of a person's recordings is not normal, 1 or more.

    Attributes:
        floor: for the noise floor.
        rare: for what is rare among `FAMILY` labels.
    """

    floor: float = 1.0
    rare: float = 1.0


TAILS = Tails(1.37, 2.04)
"""Of expression shares, as `kaoiro evaluate recordings` measured them (`tails`, docs/results/recordings.md)."""


@dataclass(frozen=True, eq=False)
class Session:
    """A stretch of an unchanged face under one light, pose and camera.

    Attributes:
        person: who.
        values: (T, L) of equally distant samples; a row with NaN is missing.
    """

    person: str
    values: np.ndarray


@dataclass(frozen=True)
class Floor:
    """What recordings of one length differ by, in one column.

    Attributes:
        minutes: length of a recording.
        floor: what counts: the upper end of the interval of `estimate`; of one person alone, as Student's t has it
            (`of_one`).
        estimate: which 95 % of the differences of two recordings of a person do not exceed; NaN for one person.
        low: lower end of its 95 % interval, drawn over people; NaN likewise.
        sd: by which one recording scatters about its person's mean.
        rare: as the floor, of an eighth as many differences: where eight labels are looked at together.
        rest_low, rest_high: range in which recordings of faces that do nothing lie (`noise.at_rest`); of one person
            alone, in which this person's do.
        excess: share of the square of `sd` that may come from sessions being short, 0-1; the floor is too high by half
            of it at most.
    """

    minutes: float
    floor: float
    estimate: float
    low: float
    sd: float
    rare: float
    rest_low: float = math.nan
    rest_high: float = math.nan
    excess: float = 0.0


def blocks(values: np.ndarray, count: int, block: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of a recording of `count` samples, put together from blocks on the circle: (count,) places.

    Args:
        values: (T, L) to draw from.
        count: samples wanted.
        block: samples of a block, cut to T.
        rng: gives the blocks.

    Raises:
        InputError: nothing to draw from.
    """
    length = len(values)
    if not length:
        raise InputError("a session without a single sample: there are no blocks to draw")
    block = min(block, length)
    starts = rng.integers(0, length, -(-count // block))
    return ((starts[:, None] + np.arange(block)) % length).reshape(-1)[:count]


def recordings(
    sessions: Sequence[Session],
    minutes: float,
    seed: int = 0,
    step_s: float = STEP_S,
    block_s: float = BLOCK_S,
) -> np.ndarray:
    """Return the means of one recording of each session: (R, L).

    Raises:
        InputError: an impossible length, or a session without samples.
    """
    positive("length of a recording", minutes, "minutes")
    rng, count = np.random.default_rng(seed), max(1, round(minutes * 60 / step_s))
    block = max(1, round(block_s / step_s))
    known = [one.values[np.isfinite(one.values).all(axis=1)] for one in sessions]
    return np.stack([values[blocks(values, count, block, rng)].mean(axis=0) for values in known])


def floors(
    sessions: Sequence[Session],
    columns: Sequence[str],
    minutes: Sequence[float] = MINUTES,
    seed: int = 0,
    draws: int = DRAWS,
) -> dict[str, list[Floor]]:
    """Return the noise floors of each column by length.

    Args:
        sessions: at least two of somebody.
        columns: names of the L columns.
        minutes: lengths.
        seed: of blocks and people.
        draws: of people, for the intervals.

    Raises:
        InputError: another number of columns, nobody with two sessions, or impossible lengths.
    """
    require(bool(sessions), "null sessions", "two or more of a person", "none")
    require(len(minutes) > 0, "lengths of recordings", "one or more", "none")
    wrong = {one.values.shape[1] for one in sessions} - {len(columns)}
    require(not wrong, "columns of the sessions", f"{len(columns)} each", sorted(wrong))
    people = np.array([one.person for one in sessions])
    made = [recordings(sessions, length, seed) for length in minutes]
    uncertain = _own_variance(sessions)
    result: dict[str, list[Floor]] = {name: [] for name in columns}
    for length, means in zip(minutes, made, strict=True):
        found = noise_floor(means, people, draws=draws, seed=seed)
        floor, sd, rare = (found.floor, found.sd, found.rare) if len(set(people)) > 1 else of_one(means)
        estimate = found.estimate if len(set(people)) > 1 else np.full(len(columns), np.nan)
        excess = np.minimum(1, uncertain / np.maximum(sd**2, 1e-300))
        rest = at_rest(means, people, draws, seed) if len(set(people)) > 1 else rest_of_one(means)
        rows = zip(floor, estimate, found.low, sd, rare, *rest, excess, strict=True)
        for name, row in zip(columns, rows, strict=True):
            result[name].append(Floor(length, *(float(value) for value in row)))
    return result


def of_one(means: np.ndarray, tails: Tails = TAILS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return floor, sd and what is rare, (L,) each, as the few null recordings (R, L) of one person tell them.

    Quantiles of the few differences there are would be far too small. The difference of two more recordings, by √2
    times the sd of the R, follows Student's t with R - 1 degrees of freedom, as far as the scatter is normal. It is
    not: one camera in many moves a score far more than the others. By how much that lengthens the tail is `tails`.

    Raises:
        InputError: fewer than two recordings.
    """
    at_least("null recordings of a person", 2, len(means))
    sd = means.std(axis=0, ddof=1)
    floor, rare = (
        factor * np.sqrt(2) * sd * reach(level, len(means) - 1) for factor, level in zip(tails, _LEVELS, strict=True)
    )
    return floor, sd, np.maximum(floor, rare)


def rest_of_one(means: np.ndarray, tails: Tails = TAILS) -> np.ndarray:
    """Return the range in which one more null recording of a person lies, as those (R, L) tell: (2, L).

    Their mean ± Student's t with R - 1 degrees of freedom, of what is rare among `FAMILY` labels, times
    √(1 + 1/R) times their sd, times the tail; see `of_one`.

    Raises:
        InputError: fewer than two recordings.
    """
    at_least("null recordings of a person", 2, len(means))
    far = tails.rare * reach(_LEVELS[1], len(means) - 1) * np.sqrt(1 + 1 / len(means)) * means.std(axis=0, ddof=1)
    return np.stack([means.mean(axis=0) - far, means.mean(axis=0) + far])


def tails(sessions: Sequence[Session], minutes: float = 60.0, seed: int = 0, draws: int = 2000) -> Tails:
    """Return by how much two more recordings of a person differ beyond what Student's t makes of the others.

    Two recordings and n others (`OTHERS`) are drawn from one person again and again; the quantiles of the difference by
    the others' sd, over all columns, are divided by those of Student's t, and the mean over n is taken.

    Args:
        sessions: of several people, with enough of each for two recordings and the least number of others.
        minutes: length of recordings.
        seed: of blocks and draws.
        draws: for each number of others.

    Raises:
        InputError: nobody has sessions enough.
    """
    means, who = recordings(sessions, minutes, seed), np.array([one.person for one in sessions])
    rng, found = np.random.default_rng(seed), []
    for others in OTHERS:
        able = [rows for name in np.unique(who) if len(rows := np.flatnonzero(who == name)) >= others + 2]
        if able:
            drawn = [rng.permutation(able[rng.integers(len(able))])[: others + 2] for _ in range(draws)]
            found.append(_tails(means[np.array(drawn)]))
    if not found:
        raise InputError(f"nobody has {OTHERS[0] + 2} null recordings: tails cannot be told from fewer")
    return Tails(*np.maximum(1.0, np.mean(found, axis=0)).tolist())


def _tails(means: np.ndarray) -> list[float]:
    """Return the tails of draws (D, 2 + n, L), of which the first two are compared."""
    sd = means[:, 2:].std(axis=1, ddof=1)
    ratios = (np.abs(means[:, 0] - means[:, 1]) / np.maximum(np.sqrt(2) * sd, 1e-300)).ravel()
    freedom = means.shape[1] - 3
    return [float(np.quantile(ratios, level)) / reach(level, freedom) for level in _LEVELS]


def _own_variance(sessions: Sequence[Session], block_s: float = BLOCK_S, step_s: float = STEP_S) -> np.ndarray:
    """Return the mean variance of the sessions' means that their own blocks tell: (L,)."""
    block, squares = max(1, round(block_s / step_s)), []
    for one in sessions:
        values = one.values[np.isfinite(one.values).all(axis=1)]
        size = min(block, max(1, len(values) // 2))
        circle = np.concatenate([values, values[: size - 1]])
        running = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), circle]), axis=0)
        means = (running[size:] - running[:-size]) / size
        squares.append(means.var(axis=0) * size / len(values))
    return np.mean(squares, axis=0)
