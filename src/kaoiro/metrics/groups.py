"""Figures of groups of people: intervals by drawing people, p by rearranging who belongs to which group.

Every figure follows from sums over rows. What one person has in one group is a cell. A draw takes people with all
their cells, so differences between groups are paired where people are in both. The test rearranges groups among the
cells of a person who is in several of them, and among people who are in one each: pictures of one person stay
together, groups keep their sizes. So few errors, and figures that are larger in small groups, are no difference by
themselves.
Legend: N rows, C cells, P people, V groups, K sums, M measures, D draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.metrics.resampling import DRAWS
from kaoiro.metrics.temporal import counted, interval

ENOUGH = 10
"""People of a group from which on something is said of it."""
POWER, LEVEL = 0.8, 0.05
BINS = 15
"""Of the expected calibration error."""
_CELLS = 1_000_000  # of draws and cells that are held at a time
_SAME = 1e-12  # by which figures differ that are the same but for the order of sums
Figure = Callable[[np.ndarray], np.ndarray]
"""From sums (..., K) to the figure (...); NaN where it is not defined."""
Ends = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Measure:
    """What is compared.

    Attributes:
        name: of the figure.
        columns: (N, K), what is summed up.
        figure: from the sums.
        share: it lies between 0 and 1, and at both ends nothing varies though much is unknown.
        biased: it is larger in small groups, and larger still in draws of them: intervals are reflected.
    """

    name: str
    columns: np.ndarray
    figure: Figure
    share: bool = False
    biased: bool = False


def share_of(name: str, there: np.ndarray, among: np.ndarray) -> Measure:
    """Return the share of rows (N,) bool among others (N,) bool."""
    return Measure(name, np.stack([there & among, among], axis=1).astype(np.float64), _mean, share=True)


def mean_of(name: str, values: np.ndarray, among: np.ndarray) -> Measure:
    """Return the mean of values (N,) among rows (N,) bool."""
    return Measure(name, np.stack([np.where(among, values, 0.0), among.astype(np.float64)], axis=1), _mean)


def recall_of(name: str, right: np.ndarray, truth: np.ndarray, classes: Sequence[int]) -> Measure:
    """Return the mean recall of some classes; NaN where one of them does not occur.

    Args:
        name: of the figure.
        right: (N,) bool.
        truth: (N,) classes; those that are not asked for do not count.
        classes: which.
    """
    there = truth[:, None] == np.array(classes)
    columns = np.concatenate([there & right[:, None], there], axis=1).astype(np.float64)
    return Measure(name, columns, lambda sums: _ratio(*np.split(sums, 2, axis=-1)).mean(axis=-1), share=True)


def calibration_error_of(name: str, confidence: np.ndarray, right: np.ndarray, among: np.ndarray) -> Measure:
    """Return the expected calibration error of the top label (N,) among rows (N,) bool."""
    place = np.minimum((np.where(among, confidence, 0.0) * BINS).astype(int), BINS - 1)
    gaps = np.where(among, right - confidence, 0.0)[:, None] * (place[:, None] == np.arange(BINS))
    columns = np.concatenate([gaps, among[:, None].astype(np.float64)], axis=1)
    return Measure(name, columns, lambda sums: _ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1]), biased=True)


@dataclass(frozen=True)
class Gap:
    """The largest difference between two groups of enough people.

    Attributes:
        most, least: places of the groups with the largest and the smallest figure.
        value: their difference.
        low, high: its interval; as the groups were picked for it, it flatters the gap.
        chance: mean of the largest gap where groups are rearranged, and what 95 % of these do not exceed.
        p: of the rearrangements that give a gap as large.
    """

    most: int
    least: int
    value: float
    low: float
    high: float
    chance: Ends
    p: float


@dataclass(frozen=True, eq=False)
class Compared:
    """Figures of groups, each against all others.

    Attributes:
        value: (V, M).
        ends: (V, M, 2) of their intervals.
        people: (V, M) who have rows that count.
        rest: (V, M) figure of everybody else.
        rest_people: (V, M) of these.
        difference: (V, M) value less rest.
        difference_ends: (V, M, 2).
        p: (V, M) of the test by rearranging, two-sided.
        detectable: (V, M) difference that would be found with probability `POWER` at `LEVEL`, if it were the only one
            tested; NaN where nothing varies.
        gaps: of each measure; None with fewer than two groups of enough people.
    """

    value: np.ndarray
    ends: np.ndarray
    people: np.ndarray
    rest: np.ndarray
    rest_people: np.ndarray
    difference: np.ndarray
    difference_ends: np.ndarray
    p: np.ndarray
    detectable: np.ndarray
    gaps: tuple[Gap | None, ...]

    @property
    def enough(self) -> np.ndarray:
        """Whether group and rest have enough people for something to be said of their difference: (V, M)."""
        return (self.people >= ENOUGH) & (self.rest_people >= ENOUGH)


def compare(
    measures: Sequence[Measure], groups: np.ndarray, people: np.ndarray, draws: int | None = None, seed: int = 0
) -> Compared:
    """Compare every group with all others.

    Args:
        measures: what is compared.
        groups: (N,) places 0 to V - 1, each of which occurs.
        people: (N,) ids.
        draws: of people, and as many rearrangements; None is `resampling.DRAWS`.
        seed: of both.

    Raises:
        InputError: no rows or measures, fewer than two groups, or numbers of rows that differ.
    """
    cells = _Cells(measures, groups, people)
    total, rng = DRAWS if draws is None else draws, np.random.default_rng(seed)
    value, rest = (found[0] for found in cells.figures(cells.parts(cells.group[None])))
    drawn, drawn_rest = cells.collected(cells.drawn(total, rng))
    null, null_rest = cells.collected(cells.rearranged(total, rng))
    counts = cells.people(), cells.people(rest=True)
    ends = _all_ends(measures, drawn, value, counts[0])
    rest_ends = _all_ends(measures, drawn_rest, rest, counts[1])
    between = _between(measures, (value, drawn, ends), (rest, drawn_rest, rest_ends))
    p, detectable = _tested(value - rest, null - null_rest)
    gaps = tuple(_gap(measures, k, (value, drawn, ends), null, counts[0]) for k in range(len(measures)))
    return Compared(value, ends, counts[0], rest, counts[1], value - rest, between, p, detectable, gaps)


class _Cells:
    """What every person has in every group, as sums.

    Attributes:
        person: (C,) places of people.
        group: (C,) places of groups, in order of the strata within which they are rearranged.
    """

    def __init__(self, measures: Sequence[Measure], groups: np.ndarray, people: np.ndarray) -> None:
        if not measures or not len(groups) or not len(groups) == len(people) == len(measures[0].columns):
            counts = f"{len(measures)} measures, {len(groups)} rows, {len(people)} people"
            raise InputError(f"nothing to compare in {counts}")
        self._measures, self._groups = measures, int(groups.max()) + 1
        if self._groups < 2:
            raise InputError("two groups or more are needed to compare them")
        names, person = np.unique(people, return_inverse=True)
        found, cell = np.unique(person.ravel() * self._groups + groups, return_inverse=True)
        sums = np.zeros((len(found), sum(one.columns.shape[1] for one in measures)))
        np.add.at(sums, cell.ravel(), np.concatenate([one.columns for one in measures], axis=1))
        owner = found // self._groups
        several = np.bincount(owner, minlength=len(names))[owner] > 1
        strata = np.where(several, owner + 1, 0)  # people of one group each change groups among themselves
        order = np.argsort(strata, kind="stable")
        self._people, self._strata = len(names), strata[order]
        self.person, self.group, self._sums = owner[order], (found % self._groups)[order], sums[order]
        self._slices = _slices(measures)

    def figures(self, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the figures of groups and of everybody else: sums (d, V, K) -> (d, V, M) each."""
        both = parts, parts.sum(axis=1, keepdims=True) - parts
        first, second = (
            np.stack([m.figure(s[..., k]) for m, k in zip(self._measures, self._slices, strict=True)], axis=-1)
            for s in both
        )
        return first, second

    def parts(self, groups: np.ndarray) -> np.ndarray:
        """Return the sums of groups where cells belong to these: (d, C) -> (d, V, K)."""
        each = [(groups == group).astype(np.float64) @ self._sums for group in range(self._groups)]
        return np.stack(each, axis=1)

    def drawn(self, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield the sums of groups in draws of people (d, V, K)."""
        for size in _portions(draws, self._people):
            counts = counted(rng.integers(0, self._people, (size, self._people)), self._people).astype(np.float64)
            weights = counts[:, self.person]
            yield np.stack([(weights * (self.group == v)) @ self._sums for v in range(self._groups)], axis=1)

    def rearranged(self, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield the sums of groups where cells have changed groups (d, V, K)."""
        for size in _portions(draws, len(self.group)):
            order = np.argsort(self._strata + rng.random((size, len(self.group))), axis=1)
            yield self.parts(self.group[order])

    def collected(self, portions: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the figures of all portions: (D, V, M) of groups, and of everybody else."""
        first, second = zip(*(self.figures(parts) for parts in portions), strict=True)
        return np.concatenate(first), np.concatenate(second)

    def people(self, rest: bool = False) -> np.ndarray:
        """Return how many people have rows that count in each group, or outside of it: (V, M)."""
        counts = np.zeros((self._groups, len(self._measures)), int)
        for k, columns in enumerate(self._slices):
            counting = (self._sums[:, columns] != 0).any(axis=1)
            for v in range(self._groups):
                counts[v, k] = len(np.unique(self.person[counting & ((self.group != v) if rest else self.group == v)]))
        return counts


def _slices(measures: Sequence[Measure]) -> list[slice]:
    stops = np.cumsum([one.columns.shape[1] for one in measures]).tolist()
    return [slice(stop - one.columns.shape[1], stop) for one, stop in zip(measures, stops, strict=True)]


def _portions(draws: int, width: int) -> Iterator[int]:
    portion = max(1, _CELLS // width)
    for start in range(0, draws, portion):
        yield min(portion, draws - start)


def _all_ends(measures: Sequence[Measure], drawn: np.ndarray, value: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the ends of the intervals of figures: (V, M, 2)."""
    result = np.full((*value.shape, 2), np.nan)
    for v, k in np.ndindex(value.shape):
        result[v, k] = _ends(measures[k], drawn[:, v, k], float(value[v, k]), int(people[v, k]))
    return result


def _ends(measure: Measure, drawn: np.ndarray, value: float, people: int) -> Ends:
    if np.isnan(value) or (people < 2 and not measure.share):
        return np.nan, np.nan
    if measure.share and _constant(drawn):  # all or none: as Clopper and Pearson (1934), by people
        missed = 1 - (LEVEL / 2) ** (1 / max(people, 1))
        return max(0.0, value - missed), min(1.0, value + missed)
    low, high = interval(drawn)
    return (max(0.0, 2 * value - high), 2 * value - low) if measure.biased else (low, high)


def _constant(drawn: np.ndarray) -> bool:
    known = drawn[~np.isnan(drawn)]
    return not len(known) or bool(np.ptp(known) < _SAME)


_Side = tuple[np.ndarray, np.ndarray, np.ndarray]  # figures (V, M), draws of them (D, V, M), ends (V, M, 2)


def _between(measures: Sequence[Measure], ours: _Side, theirs: _Side) -> np.ndarray:
    """Return the ends of the intervals of differences: (V, M, 2)."""
    result = np.full(ours[2].shape, np.nan)
    for v, k in np.ndindex(ours[0].shape):
        result[v, k] = _difference(measures[k], *((one[v, k], d[:, v, k], e[v, k]) for one, d, e in (ours, theirs)))
    return result


def _difference(measure: Measure, ours: tuple, theirs: tuple) -> Ends:
    """Return the ends of the interval of a difference of two figures (value, draws, ends)."""
    (a, drawn, (low, high)), (b, others, (floor, ceiling)) = ours, theirs
    if np.isnan([a, b, low, floor]).any():
        return np.nan, np.nan
    if measure.share and (_constant(drawn) or _constant(others)):  # Zou and Donner (2008): from the ends of both
        return a - b - np.hypot(a - low, ceiling - b), a - b + np.hypot(high - a, b - floor)
    least, most = interval(drawn - others)
    return (2 * (a - b) - most, 2 * (a - b) - least) if measure.biased else (least, most)


def _tested(difference: np.ndarray, null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return p and the detectable difference, (V, M) each, by differences of rearrangements (D, V, M)."""
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(null)
        larger = (np.abs(null) >= np.abs(difference) - _SAME).sum(axis=0)
    p = np.where(np.isnan(difference), np.nan, (1 + larger) / (1 + known.sum(axis=0)))
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, null, 0).sum(axis=0) / count
    sd = np.sqrt((np.where(known, null - mean, 0) ** 2).sum(axis=0) / count)
    return p, np.where(sd > _SAME, reach() * sd, np.nan)


def reach(tests: int = 1) -> float:
    """Return how many standard errors large a difference is that is found with probability `POWER`.

    Args:
        tests: of which it is the only difference; adjusted for them, it must be larger.
    """
    normal = NormalDist()
    return normal.inv_cdf(1 - LEVEL / 2 / tests) + normal.inv_cdf(POWER)


def _gap(measures: Sequence[Measure], k: int, side: _Side, null: np.ndarray, people: np.ndarray) -> Gap | None:
    value, drawn, ends = side
    places = np.flatnonzero((people[:, k] >= ENOUGH) & ~np.isnan(value[:, k]))
    if len(places) < 2:
        return None
    most, least = (int(places[pick(value[places, k])]) for pick in (np.argmax, np.argmin))
    found = float(value[most, k] - value[least, k])
    low, high = _difference(measures[k], *((value[v, k], drawn[:, v, k], ends[v, k]) for v in (most, least)))
    ranges = np.ptp(null[:, places, k], axis=1)
    ranges = ranges[~np.isnan(ranges)]
    p = (1 + int((ranges >= found - _SAME).sum())) / (1 + len(ranges))
    chance = (float(ranges.mean()), float(np.quantile(ranges, 1 - LEVEL))) if len(ranges) else (np.nan, np.nan)
    return Gap(most, least, found, float(low), float(high), chance, p)


def _mean(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[..., 0], sums[..., 1])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
