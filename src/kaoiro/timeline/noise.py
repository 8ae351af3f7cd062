"""What do recordings of unchanged faces differ by: the noise floor.

Null recordings are of the same face doing the same under different light, pose and camera. By how much their shares
differ is what a change has to exceed (`kaoiro.timeline.changes.verdict`).

Legend: R recordings, L labels, P pairs of null recordings, D draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.checks import at_least, require
from kaoiro.core.errors import InputError
from kaoiro.timeline.changes import FAMILY, LEVEL
from kaoiro.timeline.permutation import checked

_CELLS = 2_000_000  # of draws and pairs that are held at a time
_TINY = 1e-9  # of a pair: rounding must not move a quantile to the next one


@dataclass(frozen=True, eq=False)
class NoiseFloor:
    """What recordings of unchanged faces differ by.

    Attributes:
        floor: (L,) upper end of the 95 % interval of `estimate`, drawn over people, for some faces scatter much more
            than others, and few people do not show the whole tail; of one person, the estimate.
        estimate: (L,) quantile of the differences' absolute values.
        low: (L,) lower end of its interval; NaN for fewer than two people.
        sd: (L,) by which a single recording scatters: differences have √2 times as much.
        rare: (L,) the floor where `FAMILY` labels are looked at together, which 1 / `FAMILY` as many pairs exceed.
        differences: (P, L) absolute, of all pairs of recordings of one person.
        people: with at least two recordings.
    """

    floor: np.ndarray
    estimate: np.ndarray
    low: np.ndarray
    sd: np.ndarray
    rare: np.ndarray
    differences: np.ndarray
    people: int


def noise_floor(
    null_shares: np.ndarray, groups: np.ndarray, quantile: float = LEVEL, draws: int = 2000, seed: int = 0
) -> NoiseFloor:
    """Return the noise floor of null recordings: the same face doing the same under different light, pose and camera.

    The estimate is the smallest difference that at least a share `quantile` of the pairs does not exceed; of fewer than
    20 pairs, that is the largest. The floor holds for two single recordings. Means over several differ by less if each
    has its own light and camera, but not if all of one side share theirs: it is not divided by anything.

    Args:
        null_shares: (R, L) in any unit, none of them missing.
        groups: (R,) ids of people (or of scenes); only recordings of the same one are compared.
        quantile: 0-1.
        draws: of people, for the intervals.
        seed: of the draws.

    Raises:
        InputError: shapes that do not agree, missing shares, or nobody with two recordings.
    """
    groups = np.asarray(groups)
    require(groups.ndim == 1, "groups of null recordings", "one for each of them", groups.shape)
    shares = checked(null_shares, len(groups))
    require(0 < quantile < 1, "quantile of the noise floor", "between 0 and 1", quantile)
    at_least("number of draws", 1, draws)
    first, second = np.triu_indices(len(shares), 1)
    same = groups[first] == groups[second]
    if not same.any():
        raise InputError("nobody has two null recordings: there are no differences to take a floor from")
    first, second = first[same], second[same]
    found = np.abs(shares[first] - shares[second])
    names, person = np.unique(groups[first], return_inverse=True)
    quantiles = quantile, 1 - (1 - quantile) / FAMILY
    estimate, rare = (_quantile(found, np.ones((1, len(found))), one)[0] for one in quantiles)
    floor, low = estimate, np.full(len(estimate), np.nan)
    if len(names) > 1:
        (low, floor), (_, rare) = _intervals(found, person.reshape(-1), len(names), quantiles, draws, seed)
    return NoiseFloor(floor, estimate, low, np.sqrt((found**2).mean(axis=0) / 2), rare, found, len(names))


def _intervals(
    found: np.ndarray, person: np.ndarray, people: int, quantiles: tuple[float, ...], draws: int, seed: int
) -> list[np.ndarray]:
    """Return the ends (2, L) of the interval of each quantile of differences (P, L) of people (P,), who are drawn."""
    rng, portion = np.random.default_rng(seed), max(1, _CELLS // len(found))
    values: list[list[np.ndarray]] = [[] for _ in quantiles]
    for start in range(0, draws, portion):
        size = min(portion, draws - start)
        drawn = rng.integers(0, people, (size, people)) + people * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * people).reshape(size, people)
        weights = counts[:, person].astype(np.float64)
        for kept, quantile in zip(values, quantiles, strict=True):
            kept.append(_quantile(found, weights, quantile))
    ends = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    return [np.quantile(np.concatenate(kept), ends, axis=0) for kept in values]


def _quantile(values: np.ndarray, weights: np.ndarray, quantile: float) -> np.ndarray:
    """Return the smallest of the values (P, L) that hold a share `quantile` of the weights (D, P): (D, L)."""
    result = np.empty((len(weights), values.shape[1]))
    for label, column in enumerate(values.T):
        order = np.argsort(column, kind="stable")
        below = np.cumsum(weights[:, order], axis=1) < quantile * weights.sum(axis=1, keepdims=True) - _TINY
        result[:, label] = column[order][below.sum(axis=1)]
    return result


def at_rest(null_shares: np.ndarray, groups: np.ndarray, draws: int = 2000, seed: int = 0) -> np.ndarray:
    """Return the range in which recordings of faces that do nothing lie: (2, L), its lower and upper ends.

    So few recordings lie outside that one of `FAMILY` labels seldom does: (1 - `LEVEL`) / `FAMILY`, half at either end.
    What counts are the outer ends of both quantiles' intervals over people, as for the noise floor. It holds for
    somebody else, of whom nothing is known: resting faces differ, and that is in it.

    Args:
        null_shares: (R, L) in any unit, none of them missing.
        groups: (R,) ids of people.
        draws: of people, for the intervals.
        seed: of the draws.

    Raises:
        InputError: shapes that do not agree, missing shares, or fewer than two people.
    """
    groups = np.asarray(groups)
    shares = checked(null_shares, len(groups))
    names, person = np.unique(groups, return_inverse=True)
    require(len(names) > 1, "people at rest", "two or more", len(names))
    beyond = (1 - LEVEL) / FAMILY / 2
    lows, highs = _intervals(shares, person.reshape(-1), len(names), (beyond, 1 - beyond), draws, seed)
    return np.stack([lows[0], highs[1]])
