"""Did a share change between recordings, and is the change more than noise?

Three things differ between two recordings: what the face did from minute to minute (the bootstrap sd of each), what the
day, the light and the camera did (the scatter between recordings of one kind), and perhaps what is asked for. A change
counts as a signal only if its interval, as the recordings tell it, lies beyond the noise floor, that is, beyond what
light, pose and camera alone make of an unchanged face; and if a test by rearranging the recordings (of two single ones,
a test against null recordings), adjusted for the number of labels, agrees. How few recordings there are is a finding:
`Permutation.least` says what p they can give.

Source: SPEC 6.3, step 7 and experiment (a): Suimon and Isami (2017) saw anger move from 0.3 % to 0.8 %; is that a
signal? Adjusted p: Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.
Legend: R recordings, L labels, P pairs of null recordings, D draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.timeline.permutation import Permutation, Sides, checked, comparable, permutation
from kaoiro.timeline.student import normal_reach, reach

LEVEL = 0.95
"""Of intervals and of the noise floor; 1 - it is the level of tests."""
FAMILY = 8
"""Labels that are looked at together: what is rare among so many is `timeline.noise.NoiseFloor.rare`."""


class Verdict(StrEnum):
    """What can be said of a change."""

    SIGNAL = "signal"
    BELOW = "below the noise floor"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, eq=False)
class Difference:
    """How much shares differ between sides.

    Attributes:
        value: (L,) after - before, in the units of the shares; of several people, their weighted mean (`Sides`).
        low, high: (L,) ends of the interval; NaN where nothing tells how exact it is.
        sd: (L,) standard error; NaN likewise.
        freedom: recordings that tell how much recordings differ by themselves; 0 if only the bootstrap and the noise
            given do.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sd: np.ndarray
    freedom: int


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What becomes of a difference without each group of recordings; NaN where nothing is left to compare.

    Attributes:
        differences: (G, L) without group g: a single recording, unless several are left out together.
        p: (G, L) of the test by rearranging.
    """

    differences: np.ndarray
    p: np.ndarray

    @property
    def smallest(self) -> np.ndarray:
        """The smallest difference: (L,)."""
        return np.fmin.reduce(self.differences)

    @property
    def largest(self) -> np.ndarray:
        """The largest difference: (L,)."""
        return np.fmax.reduce(self.differences)

    @property
    def smallest_p(self) -> np.ndarray:
        """The smallest p: (L,)."""
        return np.fmin.reduce(self.p)

    @property
    def largest_p(self) -> np.ndarray:
        """The largest p: (L,)."""
        return np.fmax.reduce(self.p)


@dataclass(frozen=True, eq=False)
class Change:
    """Everything about the change of shares between sides.

    Attributes:
        difference: with its interval.
        alone: the same, with the interval that the recordings themselves tell; the noise given is not in it.
        p: (L,) two-sided, of the test by rearranging; of two single recordings, see `two_recordings`.
        adjusted: (L,) p after Benjamini and Hochberg over the labels.
        test: the test by rearranging; None if there are two single recordings, which cannot be rearranged.
        left_out: the same without each recording, or group of them.
    """

    difference: Difference
    alone: Difference
    p: np.ndarray
    adjusted: np.ndarray
    test: Permutation | None
    left_out: LeftOut

    def verdicts(self, floor: float | np.ndarray, level: float = 1 - LEVEL) -> list[Verdict]:
        """Return what can be said of each label, see `verdict`; `floor`, one or (L,), as of `timeline.noise`.

        The floor is what noise makes of a difference. An interval that holds the noise, too, counts it twice, and a
        change that was read without fault is hardly ever found (docs/results/recordings.md): so the interval is that of
        the recordings alone.
        """
        one = self.alone
        columns = (one.value, one.low, one.high, _each("noise floor", floor, len(one.value)), self.adjusted)
        return [verdict(d, (low, high), f, p, level) for d, low, high, f, p in np.stack(columns, axis=1).tolist()]


def change(
    shares: np.ndarray,
    sds: np.ndarray | None,
    after: np.ndarray,
    strata: np.ndarray | None = None,
    noise_sd: float | np.ndarray = 0.0,
    level: float = LEVEL,
    seed: int = 0,
    null: tuple[np.ndarray, np.ndarray] | None = None,
    groups: np.ndarray | None = None,
) -> Change:
    """Compare recordings after an event with those before it.

    Args:
        shares: (R, L) of each recording, in any unit, none of them missing.
        sds: (R, L) bootstrap sd of each (`intervals`); NaN where unknown, None if all are.
        after: (R,) bool.
        strata: (R,) ids of people, each compared with nobody but themselves; None if all recordings are of one.
        noise_sd: by which recordings of an unchanged face scatter, one or (L,), as of `noise_floor`; what the
            recordings themselves show counts if it is more.
        level: of the intervals, 0-1.
        seed: of the draws of arrangements.
        null: (L,) floors and (L,) what is rare, as of `noise_floor`: p of two single recordings then comes from
            null recordings (`null_p`) and not from the normal distribution.
        groups: (R,) of recordings that are left out together, see `left_out`.

    Raises:
        InputError: shapes that do not agree, missing shares, negative sds, or nobody who was recorded on both sides.
    """
    sides = Sides.of(after, strata)
    found = difference(shares, sds, sides, noise_sd, level)
    test = permutation(shares, sides, seed=seed) if sides.freedom else None
    p = test.p if test is not None else _p_of_two(found, null)
    alone = difference(shares, sds, sides, level=level)
    return Change(found, alone, p, adjusted(p), test, left_out(shares, sides, groups, seed))


def difference(
    shares: np.ndarray,
    sds: np.ndarray | None,
    sides: Sides,
    noise_sd: float | np.ndarray = 0.0,
    level: float = LEVEL,
) -> Difference:
    """Return the difference after - before with its interval; arguments as of `change`.

    The variance of a recording's share is s_r² + τ². s_r is its bootstrap sd. τ², of what differs from recording to
    recording, is the scatter about the means of person and side (the same for both sides) less the mean of s_r², but
    at least the square of the noise sd. The interval reaches as far as Student's t of the `freedom` that the scatter
    has; without any, as far as the normal distribution, and τ² is what is given as noise.
    """
    shares = checked(shares, len(sides.after))
    noise = _each("sd of the noise", noise_sd, shares.shape[1])
    require(bool((noise >= 0).all()), "sd of the noise", "0 or positive", noise_sd)
    require(0 < level < 1, "level of an interval", "between 0 and 1", level)
    inside, between, freedom = _variances(sds, shares.shape), noise**2, sides.freedom
    if freedom:
        scatter = (sides.residuals(shares) ** 2).sum(axis=0) / freedom
        inside = _filled(inside)
        between = np.maximum(between, scatter - inside.mean(axis=0))
    squares = (sides.weights**2)[:, None] * (inside + between)
    sd = np.sqrt(squares[sides.weights != 0].sum(axis=0))
    value = sides.weights @ shares
    width = (reach(level, freedom) if freedom else normal_reach(level)) * np.where(sd > 0, sd, np.nan)
    return Difference(value, value - width, value + width, np.where(sd > 0, sd, np.nan), freedom)


def _p_of_two(found: Difference, null: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    return two_recordings(found) if null is None else null_p(found.value, *null)


def two_recordings(found: Difference) -> np.ndarray:
    """Return the two-sided p of a difference by the normal distribution: (L,); NaN where its sd is unknown.

    For one recording on each side, which cannot be rearranged. Their bootstrap sds know what changes within minutes,
    not what differs from one day or camera to the next: without a noise sd in the difference, p is too small.
    """
    errors = np.abs(found.value) / found.sd
    return np.array([2 * NormalDist().cdf(-one) for one in errors.tolist()])


def null_p(difference: np.ndarray, floor: np.ndarray, rare: np.ndarray) -> np.ndarray:
    """Return the two-sided p of differences of two single recordings by what null recordings differ by: (L,).

    Their differences have longer tails than the normal distribution, for some faces and cameras scatter much more than
    others; by the normal distribution, one of eight labels is taken for a signal far too often. p is 1 at 0, 0.05 at
    the floor, 0.05 / `FAMILY` at `rare`, exponential between them, and beyond with the slope of the tail.

    Args:
        difference: (L,) after - before.
        floor: (L,) as of `noise_floor`, or one for all; NaN gives NaN.
        rare: likewise.
    """
    size, level = np.abs(difference), 1 - LEVEL
    floor, rare = (_each("noise floor", one, len(size)) for one in (floor, rare))
    require(not (floor < 0).any() and not (rare < floor).any(), "rare differences", "the floor or more", rare)
    tiny = np.finfo(float).tiny
    inner = np.log(level) * size / np.maximum(floor, tiny)
    steepest = -np.log(level) / np.maximum(floor, tiny)  # of the inner part: tails are not shorter than it
    slope = np.minimum(np.log(FAMILY) / np.maximum(rare - floor, tiny), steepest)
    outer = np.log(level) - slope * (size - floor)
    return np.where(np.isfinite(floor + rare), np.exp(np.where(size <= floor, inner, outer)), np.nan)


def adjusted(p: np.ndarray) -> np.ndarray:
    """Return p adjusted by Benjamini and Hochberg: (L,) -> (L,); NaN is no test, stays NaN and does not count.

    Labels with adjusted p up to q are found with a share of false ones of q at most, in the mean.

    Raises:
        InputError: not a row of numbers from 0 to 1.
    """
    p = np.asarray(p, np.float64)
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise InputError(f"p must be a row of numbers from 0 to 1, not {p}")
    places = np.flatnonzero(np.isfinite(p))
    order = places[np.argsort(p[places], kind="stable")]
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    result = np.full(len(p), np.nan)
    result[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return result


def left_out(shares: np.ndarray, sides: Sides, groups: np.ndarray | None = None, seed: int = 0) -> LeftOut:
    """Return differences and p without each group of recordings.

    Args:
        shares: (R, L), as of `change`.
        sides: of the recordings.
        groups: (R,) ids, in whose order the result is; recordings with the same one, such as those of one event or of
            one person, are left out together. None leaves out single recordings.
        seed: of the draws of arrangements.
    """
    shares = checked(shares, len(sides.after))
    ids = np.arange(len(shares)) if groups is None else np.asarray(groups)
    require(ids.shape == sides.after.shape, "groups to leave out", "one for each recording", ids.shape)
    names = np.unique(ids)
    differences, p = (np.full((len(names), shares.shape[1]), np.nan) for _ in range(2))
    for row, name in enumerate(names):
        kept = ids != name
        if comparable(sides.after[kept], sides.strata[kept]):
            rest = Sides.of(sides.after[kept], sides.strata[kept])
            differences[row] = rest.weights @ shares[kept]
            p[row] = permutation(shares[kept], rest, seed=seed).p
    return LeftOut(differences, p)


def verdict(
    difference: float, interval: tuple[float, float], floor: float, p: float, level: float = 1 - LEVEL
) -> Verdict:
    """Say what a change is.

    `Verdict.SIGNAL`: the whole interval lies beyond the noise floor, on one side of it, and p is `level` or less.
    `Verdict.BELOW`: the difference itself is not larger than the floor: light, pose or camera could have made it,
    however exactly it is known.
    `Verdict.UNCERTAIN`: anything else: the difference exceeds the floor, but the interval does not, or the test does
    not agree; or the difference, or the floor, is unknown (NaN). A floor of 0 claims that there is no noise.

    Args:
        difference: after - before.
        interval: its ends.
        floor: what an unchanged face shows, 0 or more, in the same unit.
        p: adjusted for the number of labels.
        level: of the test.

    Raises:
        InputError: a negative floor.
    """
    require(not floor < 0, "noise floor", "0 or more", floor)
    if abs(difference) <= floor:
        return Verdict.BELOW
    low, high = interval
    beyond = low > floor or high < -floor
    return Verdict.SIGNAL if beyond and p <= level else Verdict.UNCERTAIN


def _each(what: str, values: float | np.ndarray, count: int) -> np.ndarray:
    """Return one value for each label, (L,), of one for all or of (L,)."""
    row = np.asarray(values, np.float64)
    require(row.shape in ((), (count,)), what, f"one number or one for each of {count} labels", values)
    return np.broadcast_to(row, (count,))


def _variances(sds: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Return the squares of the bootstrap sds, (R, L); NaN where unknown."""
    table = np.full(shape, np.nan) if sds is None else np.asarray(sds, np.float64)
    if table.shape != shape or (table < 0).any():
        raise InputError(f"sds must be 0 or positive numbers of shape {shape}, as the shares; not {table.shape}")
    return table**2


def _filled(variances: np.ndarray) -> np.ndarray:
    """Return the variances (R, L), the mean of those known in place of unknown ones; 0 if none is known."""
    known = np.isfinite(variances)
    means = np.where(known, variances, 0.0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    return np.where(known, variances, means)
