"""Episodes: stretches of time in which a label is shown, with a start, an end and a peak.

An episode begins where the curve reaches `on` and ends where it falls below `off`; between the two limits it goes on if
it had begun, so that a curve that trembles about one limit does not make a hundred episodes. Then interruptions up to
`join_s` are joined, and what lasts less than `least_s` is left out, in this order. Where the face was not seen for
longer than `join_s` an episode ends, and a new one must reach `on` again; shorter absences do not interrupt it.

Source: SPEC 6.3, step 4. Limits above and below which a state holds are those of a Schmitt trigger (1938).
Legend: T samples of one face, L labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kaoiro.core.checks import not_negative, require
from kaoiro.core.errors import InputError, LabelError
from kaoiro.timeline.sampled import Sampled

_TINY = 1e-6  # seconds: as exactly as presentation times are written


@dataclass(frozen=True)
class Rule:
    """What counts as an episode.

    Attributes:
        on: value at which it begins.
        off: value below which it ends; at most `on`.
        least_s: seconds that it must last.
        join_s: interruptions up to so many seconds do not end it.

    Raises:
        InputError: limits or times that are impossible.
    """

    on: float = 0.5
    off: float = 0.3
    least_s: float = 1.0
    join_s: float = 1.0

    def __post_init__(self) -> None:
        require(self.off <= self.on, "'off' of episodes", f"at most 'on', {self.on}", self.off)
        not_negative("least duration of an episode", self.least_s)
        not_negative("longest interruption of an episode", self.join_s)


USUAL = Rule()


@dataclass(frozen=True)
class Episode:
    """A stretch of time in which a label is shown.

    Attributes:
        label: which.
        start_s: seconds, where its first sample begins to stand for the recording.
        end_s: seconds, where its last one ends to.
        peak: greatest value.
        peak_s: seconds, time of the first sample that has it.
        mean: of the samples within it that were seen, weighed by the time that they stand for.
    """

    label: str
    start_s: float
    end_s: float
    peak: float
    peak_s: float
    mean: float

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return self.end_s - self.start_s


def episodes(
    values: np.ndarray, samples: Sampled, labels: Sequence[str], rules: Rule | Mapping[str, Rule] = USUAL
) -> list[Episode]:
    """Return the episodes of all labels in the order of their starts.

    Args:
        values: (T, L) probabilities or other signals; NaN where they were not measured.
        samples: when, T of them.
        labels: L names.
        rules: one for all labels, or one for each by name.

    Raises:
        InputError: shapes that do not agree.
        LabelError: a label without a rule.
    """
    table = _read(values, samples, labels)
    found = (
        one
        for place, label in enumerate(labels)
        for one in _episodes(table[:, place], samples, label, _rule(rules, label))
    )
    return sorted(found, key=lambda one: (one.start_s, one.label))


def occupied(found: Iterable[Episode], values: np.ndarray, samples: Sampled, labels: Sequence[str]) -> np.ndarray:
    """Return the share of the time seen that lies in episodes: (L,) 0-1; NaN where nothing was seen.

    Args:
        found: what `episodes` returned for the same values.
        values: (T, L), see `episodes`.
        samples: T of them.
        labels: L names; episodes of others do not count.

    Raises:
        InputError: shapes that do not agree.
    """
    within = inside(found, values, samples, labels)
    seen = np.isfinite(within) * samples.weights_s[:, None]
    total = seen.sum(axis=0)
    return np.where(total > 0, (seen * np.nan_to_num(within)).sum(axis=0) / np.where(total > 0, total, 1), np.nan)


def inside(found: Iterable[Episode], values: np.ndarray, samples: Sampled, labels: Sequence[str]) -> np.ndarray:
    """Return of each sample whether it lies in an episode of a label: (T, L) 0 or 1, NaN where nothing was seen.

    Arguments and errors as of `occupied`.
    """
    table = _read(values, samples, labels)
    result, places = np.where(np.isfinite(table), 0.0, np.nan), {label: place for place, label in enumerate(labels)}
    for one in found:
        if one.label in places:
            rows = (samples.times_s > one.start_s) & (samples.times_s < one.end_s)
            column = result[:, places[one.label]]
            column[rows & np.isfinite(column)] = 1.0
    return result


def _read(values: np.ndarray, samples: Sampled, labels: Sequence[str]) -> np.ndarray:
    table = np.asarray(values, np.float64)
    if table.shape != (len(samples.times_s), len(labels)):
        raise InputError(f"values must have shape {(len(samples.times_s), len(labels))}, not {table.shape}")
    return table


def _rule(rules: Rule | Mapping[str, Rule], label: str) -> Rule:
    if isinstance(rules, Rule):
        return rules
    if label not in rules:
        raise LabelError(f"no rule for episodes of '{label}'; there are rules for: {', '.join(rules)}")
    return rules[label]


def _episodes(curve: np.ndarray, samples: Sampled, label: str, rule: Rule) -> Iterator[Episode]:
    """Yield the episodes of a curve (T,)."""
    seen = np.flatnonzero(np.isfinite(curve))
    known, edges, weights = curve[seen], samples.edges_s[seen], samples.weights_s[seen]
    for first, last in _joined(_runs(_shown(known, edges, rule)), edges, rule.join_s):
        start, end = float(edges[first, 0]), float(edges[last - 1, 1])
        if end - start < rule.least_s - _TINY:
            continue
        inside, mass = known[first:last], weights[first:last]
        top = int(inside.argmax())
        mean = float((inside * mass).sum() / mass.sum())
        yield Episode(label, start, end, float(inside[top]), float(samples.times_s[seen[first + top]]), mean)


def _shown(known: np.ndarray, edges: np.ndarray, rule: Rule) -> np.ndarray:
    """Return in which of the samples seen the label is shown: (S,) bool."""
    decided = (known >= rule.on) | (known < rule.off)
    decided[:1] = True
    decided[1:] |= edges[1:, 0] - edges[:-1, 1] > rule.join_s + _TINY  # unseen for long: not shown unless it begins
    last = np.maximum.accumulate(np.where(decided, np.arange(len(known)), 0))
    return (known >= rule.on)[last]


def _runs(shown: np.ndarray) -> list[tuple[int, int]]:
    """Return the first sample of every run and the one after its last."""
    steps = np.diff(shown.astype(np.int8), prepend=0, append=0)
    return list(zip(np.flatnonzero(steps > 0).tolist(), np.flatnonzero(steps < 0).tolist(), strict=True))


def _joined(runs: list[tuple[int, int]], edges: np.ndarray, join_s: float) -> list[tuple[int, int]]:
    """Return the runs, those that are at most `join_s` apart as one; one that goes on after a longer absence as two."""
    result: list[tuple[int, int]] = []
    for first, last in (part for run in runs for part in _cut(run, edges, join_s)):
        if result and edges[first, 0] - edges[result[-1][1] - 1, 1] <= join_s + _TINY:
            result[-1] = (result[-1][0], last)
        else:
            result.append((first, last))
    return result


def _cut(run: tuple[int, int], edges: np.ndarray, join_s: float) -> Iterator[tuple[int, int]]:
    """Yield the parts of a run between absences longer than `join_s`."""
    first, last = run
    away = edges[first + 1 : last, 0] - edges[first : last - 1, 1] > join_s + _TINY
    places = [first, *(first + 1 + np.flatnonzero(away)).tolist(), last]
    yield from pairwise(places)
