"""Recordings of any length, put together from a bank's sessions, and what the change test says of sets of them.

A recording takes blocks of one session, drawn with replacement, so that it has that session's light, pose and camera;
planted seconds are put in their place, as many as its share of time asks for. Its bootstrap sd is that of
`timeline.intervals` with blocks of 5 s and infinitely many draws. A replicate is a person with some recordings before
and some after, each of a session of its own.

Beside the model's own columns stand readers of anger that are better than it by assumption: `reader_0.2` adds to the
model's probability 0.2 of what is missing to 1 while the planted anger is visible, and nothing elsewhere.
Legend: S sessions, K takes of each, C columns, R recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.evaluation.banked import Sitting
from kaoiro.timeline.changes import Difference, adjusted, difference, null_p, two_recordings
from kaoiro.timeline.floors import BLOCK_S, blocks
from kaoiro.timeline.permutation import Sides, permutation
from kaoiro.timeline.sampled import STEP_S

ALPHA = 0.05
"""Nominal rate of false alarms."""


@dataclass(frozen=True)
class Setting:
    """What a recording holds.

    Attributes:
        minutes: its length.
        share: of the time in which the planted expression is visible, 0-1.
        strength: of what is planted.
    """

    minutes: float
    share: float = 0.0
    strength: str = "weak"


@dataclass(frozen=True, eq=False)
class Pool:
    """Recordings of many sessions: means and bootstrap sds.

    Attributes:
        people: (S,) who sits.
        means: (S, K, C).
        sds: (S, K, C).
    """

    people: np.ndarray
    means: np.ndarray
    sds: np.ndarray


@dataclass(frozen=True, eq=False)
class Answer:
    """What is said of one replicate, (C,) each.

    Attributes:
        found: the difference, whose interval holds the noise.
        alone: the difference, whose interval holds what the recordings themselves show, and no noise beside.
        bare: p that knows of no noise between recordings.
        normal: p that knows it as a sd, by the normal distribution.
        p: that knows what null recordings differ by (`null_p`). Of rearranged recordings all three are the same.
    """

    found: Difference
    alone: Difference
    bare: np.ndarray
    normal: np.ndarray
    p: np.ndarray


def series(
    sitting: Sitting, columns: Sequence[int], setting: Setting, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return a recording (T, C) and where planted seconds are visible in it, (T,) bool."""
    count = max(1, round(setting.minutes * 60 / STEP_S))
    null = sitting.null[:, list(columns)]
    values = null[blocks(null, count, round(BLOCK_S / STEP_S), rng)]
    visible, left = np.zeros(count, bool), round(setting.share * count)
    if not left:
        return values, visible
    planted = sitting.planted.get(setting.strength, np.empty((0, 0)))
    if not len(planted):
        return values, visible
    run = len(planted)
    slots = rng.permutation(count // run)
    for slot in slots[: -(-left // run)].tolist():
        rows = (np.arange(min(run, left)) + rng.integers(run)) % run
        place = slice(slot * run, slot * run + len(rows))
        values[place], visible[place] = planted[rows][:, list(columns)], True
        left -= len(rows)
    return values, visible


def with_readers(values: np.ndarray, visible: np.ndarray, anger: int, gains: Sequence[float]) -> np.ndarray:
    """Return the columns with those of readers beside them: (T, C) -> (T, C + gains)."""
    own = values[:, anger]
    read = [np.where(visible, own + gain * (1 - own), own) for gain in gains]
    return np.column_stack([values, *read]) if read else values


def bootstrap_sd(values: np.ndarray, block: int = round(BLOCK_S / STEP_S)) -> np.ndarray:
    """Return the sd of means of recordings (T, C) whose blocks are drawn again, on the circle: (C,).

    A drawn mean is that of T / block blocks, each any of the T there are with equal chance.
    """
    count = len(values)
    block = min(block, count)
    circle = np.concatenate([np.zeros((1, values.shape[1])), values, values[: block - 1]])
    running = np.cumsum(circle, axis=0)
    return ((running[block:] - running[:-block]) / block).std(axis=0) * np.sqrt(block / count)


def pool(
    sittings: Sequence[Sitting],
    columns: Sequence[int],
    setting: Setting,
    takes: int,
    anger: int = 0,
    gains: Sequence[float] = (),
    seed: int = 0,
) -> Pool:
    """Return recordings of every sitting.

    Args:
        sittings: S of them.
        columns: which of the bank.
        setting: of all recordings.
        takes: recordings of each.
        anger: place among `columns` of what the readers improve.
        gains: of readers.
        seed: of blocks and bootstrap.
    """
    rng = np.random.default_rng(seed)
    means, sds = [], []
    for sitting in sittings:
        for _ in range(takes):
            values = with_readers(*series(sitting, columns, setting, rng), anger, gains)
            means.append(values.mean(axis=0))
            sds.append(bootstrap_sd(values))
    shape = len(sittings), takes, -1
    people = np.array([one.person for one in sittings])
    return Pool(people, np.reshape(means, shape), np.reshape(sds, shape))


@dataclass(frozen=True, eq=False)
class Replicate:
    """Recordings of one person, `count` before and as many after.

    Attributes:
        shares: (2 count, C) means.
        sds: (2 count, C) bootstrap sds.
        others: (O, C) means of null recordings from the person's other sessions.
    """

    shares: np.ndarray
    sds: np.ndarray
    others: np.ndarray


def draw(pools: tuple[Pool, Pool, Pool], count: int, rng: np.random.Generator, shared: bool = False) -> Replicate:
    """Return a replicate.

    Args:
        pools: null recordings, those before and those after, of the same sessions.
        count: recordings on each side.
        rng: chooses person, sessions and takes.
        shared: all recordings of one side have one session: one light and camera.

    Raises:
        InputError: nobody has so many sessions.
    """
    null, before, after = pools
    names, sessions = np.unique(before.people, return_counts=True)
    needed = 2 if shared else 2 * count
    able = names[sessions >= needed]
    if not len(able):
        raise InputError(f"nobody has {needed} sessions: {count} recordings on each side find none of their own")
    own = rng.permutation(np.flatnonzero(before.people == rng.choice(able)))
    chosen = np.repeat(own[:needed], count) if shared else own[:needed]
    takes = rng.integers(0, before.means.shape[1], len(chosen))
    first, second = (chosen[:count], takes[:count]), (chosen[count:], takes[count:])
    shares = np.concatenate([before.means[first], after.means[second]])
    sds = np.concatenate([before.sds[first], after.sds[second]])
    return Replicate(shares, sds, null.means[own[needed:], 0])


def answer(drawn: Replicate, noise_sd: np.ndarray, floor: np.ndarray, rare: np.ndarray) -> Answer:
    """Test a replicate as `kaoiro.timeline.changes.change` does, without leaving recordings out."""
    sides = Sides.of(np.arange(len(drawn.shares)) >= len(drawn.shares) // 2)
    found = difference(drawn.shares, drawn.sds, sides, noise_sd)
    alone = difference(drawn.shares, drawn.sds, sides)
    if sides.freedom:
        p = permutation(drawn.shares, sides).p
        return Answer(found, alone, p, p, p)
    p = null_p(found.value, floor, rare)
    return Answer(found, alone, two_recordings(alone), two_recordings(found), p)


def family(p: np.ndarray, labels: Sequence[int], place: int, column: int) -> np.ndarray:
    """Return p adjusted over a family of labels in which one label's place is taken by another column."""
    members = list(labels)
    members[place] = column
    return adjusted(p[members])


def binomial(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate: Wilson (1927), Journal of the American Statistical Association 22."""
    if not trials:
        return float("nan"), float("nan")
    z, rate = 1.959964, hits / trials
    middle = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    width = z * np.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return max(0.0, float(middle - width)), min(1.0, float(middle + width))
