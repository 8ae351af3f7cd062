"""Would the difference between two kinds of recordings be as large if it did not matter which is which?

If it does not, every way to say which recordings came after could as well have been the true one: the p is the share
of those arrangements whose difference is at least as large, in either direction. Recordings of several people are
rearranged within each person only, who are compared with nobody but themselves.

Source: Fisher (1935), The Design of Experiments, chapter 3; the p of drawn arrangements: Phipson and Smyth (2010),
Statistical Applications in Genetics and Molecular Biology 9.
Legend: R recordings, L labels, A arrangements, S people (strata).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import InputError

MOST = 10_000
"""Arrangements up to which all of them are counted."""
DRAWS = 9_999
"""Arrangements that are drawn where there are more."""
_EQUAL = 1e-9  # of the largest difference: rounding must not make equal ones unequal
_CELLS = 2_000_000  # of arrangements and recordings that are held at a time


@dataclass(frozen=True, eq=False)
class Sides:
    """Which recordings are compared with which.

    Attributes:
        after: (R,) bool.
        strata: (R,) number of each recording's person, 0 to S - 1.
        weights: (R,) with which the shares add up to the difference after - before, in the mean over people: each
            counts by how exactly the number of recordings tells it, n_after n_before / (n_after + n_before). Of one
            person it is the difference of means. 0 for people who were recorded on one side only.
    """

    after: np.ndarray
    strata: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, after: np.ndarray, strata: np.ndarray | None = None) -> Sides:
        """Return the sides of recordings; `strata` (R,) are ids of people, None if all are of one.

        Raises:
            InputError: shapes that do not agree, or nobody who was recorded both before and after.
        """
        after = np.asarray(after, bool)
        people = np.zeros(len(after), int) if strata is None else np.asarray(strata)
        if after.ndim != 1 or people.shape != after.shape:
            shapes = f"{after.shape} and {people.shape}"
            raise InputError(f"'after' and the people must be one for each recording, not {shapes}")
        index = np.unique(people, return_inverse=True)[1].reshape(-1)
        if not comparable(after, index):
            raise InputError("nobody was recorded both before and after: there is nothing to compare")
        inner = after - _means(after, index)
        return cls(after, index, inner / (inner**2).sum())

    @property
    def freedom(self) -> int:
        """How many recordings tell how much recordings of a person differ by themselves; 0 if there are none."""
        return len(self.after) - int(self.strata.max()) - 2

    @property
    def arrangements(self) -> int:
        """In how many ways the sides could be arranged: A."""
        return math.prod(math.comb(len(rows), int(self.after[rows].sum())) for rows in self.members())

    @property
    def mirrored(self) -> bool:
        """Whether before and after can be exchanged altogether, by which every difference occurs with both signs."""
        both = [rows for rows in self.members() if self.after[rows].any() and not self.after[rows].all()]
        return all(2 * int(self.after[rows].sum()) == len(rows) for rows in both)

    def members(self) -> list[np.ndarray]:
        """Return the recordings of each person."""
        return [np.flatnonzero(self.strata == place) for place in range(int(self.strata.max()) + 1)]

    def residuals(self, shares: np.ndarray) -> np.ndarray:
        """Return what neither the person nor the side explains: (R, L) -> (R, L)."""
        inner = np.stack([column - _means(column, self.strata) for column in shares.T], axis=1)
        side = self.after - _means(self.after, self.strata)
        return inner - side[:, None] * (self.weights @ shares)


@dataclass(frozen=True, eq=False)
class Permutation:
    """A test by rearranging.

    Attributes:
        p: (L,) two-sided, 0-1, not adjusted for the number of labels.
        least: smallest p that so many recordings, and draws, can give.
        arrangements: in how many ways the sides could be arranged.
        exact: whether all of them were counted, instead of drawn ones.
    """

    p: np.ndarray
    least: float
    arrangements: int
    exact: bool


def permutation(shares: np.ndarray, sides: Sides, draws: int = DRAWS, seed: int = 0) -> Permutation:
    """Test whether shares differ between sides.

    Args:
        shares: (R, L) of any unit.
        sides: of the R recordings.
        draws: of arrangements, if there are more than `MOST`; p is then (k + 1) / (draws + 1).
        seed: of the draws.

    Raises:
        InputError: shapes that do not agree, missing shares, or no draws.
    """
    shares = checked(shares, len(sides.after))
    at_least("number of draws", 1, draws)
    count = sides.arrangements
    exact = count <= MOST
    scale = _scale(sides)
    inner = np.stack([column - _means(column, sides.strata) for column in shares.T], axis=1)
    limit = np.abs(sides.weights @ inner) - _EQUAL * np.abs(inner).max(axis=0, initial=0.0)
    large = np.zeros(shares.shape[1])
    for after in _all(sides, count) if exact else _some(sides, draws, seed):
        large += (np.abs(after @ inner / scale) >= limit).sum(axis=0)
    least = (1 + sides.mirrored) / count
    if exact:
        return Permutation(large / count, least, count, True)
    return Permutation((large + 1) / (draws + 1), max(least, 1 / (draws + 1)), count, False)


def checked(shares: np.ndarray, recordings: int) -> np.ndarray:
    """Return shares as (R, L) float64.

    Raises:
        InputError: not a table of so many recordings, or one that lacks a share.
    """
    table = np.asarray(shares, np.float64)
    if table.ndim != 2 or len(table) != recordings:
        raise InputError(f"shares must have shape ({recordings} recordings, labels), not {table.shape}")
    missing = np.flatnonzero(~np.isfinite(table).all(axis=1)).tolist()
    if missing:
        raise InputError(f"recordings {', '.join(map(str, missing))} (from 0) lack a share: leave them out")
    return table


def _scale(sides: Sides) -> float:
    """Return Σ (after - its mean within the person)², the same for every arrangement."""
    return float(((sides.after - _means(sides.after, sides.strata)) ** 2).sum())


def _all(sides: Sides, count: int) -> Iterator[np.ndarray]:
    """Yield every arrangement once, (a, R) of 0 and 1."""
    members = sides.members()
    choices = [_choices(len(rows), int(sides.after[rows].sum())) for rows in members]
    numbers = np.arange(count)
    result = np.zeros((count, len(sides.after)))
    for rows, ways in zip(members, choices, strict=True):
        numbers, chosen = np.divmod(numbers, len(ways))
        result[:, rows] = ways[chosen]
    yield result


def _choices(count: int, after: int) -> np.ndarray:
    """Return all ways to choose `after` of `count`: (ways, count) of 0 and 1."""
    chosen = np.array(list(combinations(range(count), after)), int)
    result = np.zeros((len(chosen), count))
    np.put_along_axis(result, chosen, 1.0, axis=1)
    return result


def _some(sides: Sides, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yield drawn arrangements, (a, R) of 0 and 1, in portions."""
    rng, portion = np.random.default_rng(seed), max(1, _CELLS // len(sides.after))
    for first in range(0, draws, portion):
        result = np.tile(sides.after.astype(np.float64), (min(portion, draws - first), 1))
        for rows in sides.members():
            result[:, rows] = rng.permuted(result[:, rows], axis=1)
        yield result


def comparable(after: np.ndarray, strata: np.ndarray) -> bool:
    """Return whether anybody was recorded on both sides; `after` (R,) bool, `strata` (R,) ids."""
    return bool(np.intersect1d(strata[after], strata[~after]).size)


def _means(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return for each value (R,) the mean of those with its index (R,)."""
    return (np.bincount(index, weights=values) / np.bincount(index))[index]
