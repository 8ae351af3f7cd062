"""What is said of a single recording of a face that does nothing: how often is a line of its report a signal?

A share is held against the range in which recordings of other people at rest lie (`timeline.noise.at_rest`). A change
from rest is held against the noise floor, whatever the rest is: the medians of another recording of the same person at
rest, of a single frame of one, or the calmest quarter of the recording itself (`inference.report.floors`). Of a share,
and of a change from a frame, a report never says that they are signals; the rates here are why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kaoiro.evaluation.banked import EXPRESSION_COLUMNS, Bank, Sitting
from kaoiro.evaluation.replicates import Setting, binomial, bootstrap_sd, series
from kaoiro.inference.floor import USUAL
from kaoiro.timeline.baseline import resting, typical
from kaoiro.timeline.floors import DRAWS, recordings
from kaoiro.timeline.noise import at_rest, noise_floor
from kaoiro.timeline.sampled import STEP_S
from kaoiro.timeline.student import normal_reach

_LABELS = len(EXPRESSION_COLUMNS)
_ANGER, _NEUTRAL = (EXPRESSION_COLUMNS.index(f"expression_{name}") for name in ("anger", "neutral"))
VERDICTS = "change from a recording at rest", "change from the estimated rest"
"""What `kaoiro report` may call a signal."""
KINDS = ("share", VERDICTS[0], "change from a frame at rest", VERDICTS[1])
Rest = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray | None]


def rates(bank: Bank, minutes: float, replicates: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return how often lines of reports on null recordings are signals: rows by level, assumed level and kind.

    Floors and ranges come from one half of the people, recordings from the other, and the other way round.

    Args:
        bank: of sessions.
        minutes: length of the recordings.
        replicates: for each row.
        seed: of everything that is drawn.
    """
    rows = []
    for level in bank.levels:
        for assumed in dict.fromkeys((level, USUAL)):
            if assumed not in bank.levels:
                continue
            said = list(_said(bank, level, assumed, minutes, replicates, seed))
            for kind in KINDS:
                table = np.array([one[kind] for one in said])
                rows.append({"level": level, "assumed": assumed, "minutes": minutes, "kind": kind} | _rates(table))
    return rows


def _rates(table: np.ndarray) -> dict[str, Any]:
    """Return the rates of a table (replicates, 8) of whether a line is a signal."""
    trials = len(table)
    found = {"anger": table[:, _ANGER], "any label": table.any(axis=1)}
    rated = {name: [hits.mean(), *binomial(int(hits.sum()), trials)] for name, hits in found.items()}
    return {"replicates": trials, **rated, "mean of labels": float(table.mean())}


def _said(
    bank: Bank, level: str, assumed: str, minutes: float, replicates: int, seed: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yield what is said of null recordings: by kind, (8,) bool."""
    columns, people = bank.places(EXPRESSION_COLUMNS), bank.people
    for number, (tested, others) in enumerate(((people[::2], people[1::2]), (people[1::2], people[::2]))):
        sessions = [one.of(columns) for one in bank.some(assumed, others)]
        means, who = recordings(sessions, minutes, seed), np.array([one.person for one in sessions])
        floor, (low, high) = noise_floor(means, who, draws=DRAWS, seed=seed).rare, at_rest(means, who, DRAWS, seed)
        rng = np.random.default_rng([seed, number, bank.levels.index(level)])
        sittings = bank.some(level, tested)
        for _ in range(replicates // 2 + (number < replicates % 2)):
            own, other = _pair(sittings, rng)
            values = series(own, columns, Setting(minutes), rng)[0]
            mean, width = values.mean(axis=0), normal_reach(0.95) * bootstrap_sd(values)
            said = {KINDS[0]: (mean - width > high) | (mean + width < low)}
            for kind, rest in zip(KINDS[1:], _rests(values, other.null[:, columns], rng), strict=True):
                calm = np.minimum(mean, rest) <= high
                calm[_NEUTRAL] = np.maximum(mean, rest)[_NEUTRAL] >= low[_NEUTRAL]
                said[kind] = calm & (np.abs(mean - rest) - width > floor)
            yield said


def _pair(sittings: list[Sitting], rng: np.random.Generator) -> tuple[Sitting, Sitting]:
    """Return two sittings of one person."""
    first = sittings[rng.integers(len(sittings))]
    others = [one for one in sittings if one.person == first.person and one is not first]
    return first, others[rng.integers(len(others))]


def _rests(values: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the resting face as medians of another recording, as a frame of it, and as estimated from this one."""
    yield typical(other, _LABELS)
    yield typical(other[rng.integers(len(other))][None], _LABELS)
    found = resting(STEP_S * np.arange(len(values)), values, _NEUTRAL, _LABELS)
    yield values.mean(axis=0) if found is None else found
