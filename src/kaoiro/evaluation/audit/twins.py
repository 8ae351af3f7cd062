"""Copies within a set: identical pixels, and the same photograph smaller, brighter, compressed or mirrored.

Small grey copies are compared as they are, each with mean 0 and length 1, so that brightness and contrast cancel; the
cosine of two of them is the correlation of their pixels. All pairs are compared, 16 by 16 cells first and 24 by 24
where that is high: no index, hence none missed. Hashes of 64 bits (dHash, pHash) are faster, and on aligned faces,
which all look alike at 8 by 8, far less sharp. Turned, moved or cut pictures are not found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.data.splits import alike as alike
from kaoiro.data.splits import joined as joined
from kaoiro.evaluation.progress import followed

NEAR = 0.95
"""Correlation of 24 by 24 cells from which two pictures count as one photograph (docs/results/audit-fer2013.md)."""
_COARSE, _FINE = 16, 24
_LOWEST = 0.02  # how much lower the coarse correlation of a pair may be than its fine one
MOST = 10
"""Later pictures with which one is paired, the likest: frames of a video are all alike, and pairs of all too many."""
_AT_ONCE = 256  # rows compared with all others at a time
_PAIRS_AT_ONCE = 65_536
_FLAT = 1.0  # deviation of cells, in grey levels, below which a picture shows nothing to compare


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pictures that are nearly the same: P pairs.

    Attributes:
        first, second: (P,) rows, first < second.
        likeness: (P,) correlation, `NEAR` to 1.
        mirrored: (P,) bool, one has to be mirrored.
    """

    first: np.ndarray
    second: np.ndarray
    likeness: np.ndarray
    mirrored: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def identical(digests: np.ndarray, rows: np.ndarray | None = None) -> list[np.ndarray]:
    """Return groups of two rows or more with equal digests, in order of their first row.

    Args:
        digests: (N,).
        rows: that count; None counts all.
    """
    rows = np.arange(len(digests)) if rows is None else rows
    _, index, counts = np.unique(digests[rows], return_inverse=True, return_counts=True)
    order = np.argsort(index, kind="stable")
    groups = np.split(rows[order], np.cumsum(counts)[:-1]) if len(rows) else []
    return sorted((group for group in groups if len(group) > 1), key=lambda group: int(group[0]))


def near(grey: np.ndarray, digests: np.ndarray, rows: np.ndarray, least: float = NEAR) -> Pairs:
    """Return pairs of different pictures that are nearly the same; of identical ones the first stands for all.

    Each is paired with at most `MOST` later ones as they are, and as many mirrored.

    Args:
        grey: (N, 48, 48) uint8.
        digests: (N,).
        rows: that are compared.
        least: correlation.
    """
    _, place = np.unique(digests[rows], return_index=True)
    rows = rows[np.sort(place)]
    rows = rows[cells(grey[rows], _COARSE).std(axis=(1, 2)) >= _FLAT]
    coarse, fine = (unit(cells(grey[rows], side)) for side in (_COARSE, _FINE))
    flat = coarse.reshape(len(rows), _COARSE**2)
    found: list[tuple[np.ndarray, ...]] = []
    starts = range(0, len(rows), _AT_ONCE)
    for start in followed(starts, len(starts), f"x {_AT_ONCE} pictures compared"):
        for mirrored in (False, True):
            part = coarse[start : start + _AT_ONCE, :, :: -1 if mirrored else 1].reshape(-1, _COARSE**2)
            one, other = np.nonzero(part @ flat[start:].T >= least - _LOWEST)
            one, other = one[other > one] + start, other[other > one] + start
            likeness = _correlated(fine, one, other, mirrored)
            kept = _likest(one, likeness, least)
            found.append((one[kept], other[kept], likeness[kept], np.full(len(kept), mirrored)))
    one, other, likeness, mirrored = (
        (np.concatenate(column) for column in zip(*found, strict=True)) if found else _none()
    )
    return _ranked(rows[one], rows[other], likeness, mirrored)


def _none() -> tuple[np.ndarray, ...]:
    return np.empty(0, int), np.empty(0, int), np.empty(0, np.float32), np.empty(0, bool)


def _correlated(fine: np.ndarray, one: np.ndarray, other: np.ndarray, mirrored: bool) -> np.ndarray:
    """Return the cosine of pairs of rows of `fine` (N, H, W), the first of each perhaps mirrored: (P,) float32."""
    turned, result = fine[:, :, :: -1 if mirrored else 1], np.empty(len(one), np.float32)
    for start in range(0, len(one), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        result[part] = np.einsum("pij,pij->p", turned[one[part]], fine[other[part]])
    return result


def _likest(one: np.ndarray, likeness: np.ndarray, least: float) -> np.ndarray:
    """Return which pairs are kept: from `least` on, and of each row of `one` the `MOST` likest."""
    order = np.lexsort((-likeness, one))
    order = order[likeness[order] >= least]
    rows = one[order]
    return order[np.arange(len(rows)) - np.searchsorted(rows, rows) < MOST]


def _ranked(one: np.ndarray, other: np.ndarray, likeness: np.ndarray, mirrored: np.ndarray) -> Pairs:
    """Return pairs, the likest first; of a pair that is alike both ways the better way."""
    order = np.lexsort((mirrored, -likeness))
    _, first = np.unique(np.stack([one[order], other[order]], axis=1), axis=0, return_index=True)
    order = order[np.sort(first)]
    return Pairs(one[order], other[order], likeness[order].clip(max=1.0).astype(np.float64), mirrored[order])


def cells(grey: np.ndarray, side: int) -> np.ndarray:
    """Return means of equal squares: (N, 48, 48) -> (N, side, side) float32; `side` divides 48."""
    step = grey.shape[1] // side
    return grey.reshape(len(grey), side, step, side, step).mean(axis=(2, 4), dtype=np.float32)


def unit(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (N, H, W) with mean 0 and length 1 each."""
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    return centred / np.maximum(np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)), 1e-6)
