"""The resting face of a person, from which every measurement is a change.

A face at rest does not measure as nothing: brows that lie low look angry to a network, and corners of the mouth that
point down look sad. Taking a person's own rest away leaves what the face does (the idea of subtracting a subject's
mean, SPEC 3.6 eq. 6, but of the rest and not of everything, which would depend on what happened to be recorded).

Where a recording of rest is known, its medians are the rest (`typical`). Otherwise it is estimated from the recording
itself (`resting`): the face is cut into pieces of a second; those pieces in which it looks most neutral *for this
person* and moves least are taken for rest, a quarter of all; their medians are the answer.

What this cannot do: whoever smiles throughout rests with a smile; whoever talks throughout rests talking; and since
the most neutral pieces are chosen, a little noise is chosen with them, by which neutral comes out slightly high.

Legend: T frames of one face, K measurements of which the first S are shares that add up to 1, P pieces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kaoiro.timeline.thinned import Thinned

PIECE_S = 1.0
"""Length of a piece, seconds."""
LEAST = 10
"""Pieces that a face must have been seen in; of fewer, no rest is estimated."""
SHARE = 0.25
"""Share of the pieces that is taken for rest."""
MOST_ROWS = 4096
"""Frames of a face that are held; of longer recordings, evenly fewer."""
MOST_TRACKS = 64
"""Faces that are followed at a time; beyond, the one unseen for longest is finished."""


def typical(values: np.ndarray, shares: int) -> np.ndarray:
    """Return the median of each measurement: (T, K) -> (K,); NaN where it was never made.

    Args:
        values: (T, K); NaN is left out.
        shares: S, whose medians are divided by their sum, so that changes from them add up to 0.
    """
    result = np.full(values.shape[1], np.nan)
    known = np.isfinite(values).any(axis=0)
    if len(values):
        result[known] = np.nanmedian(values[:, known], axis=0)
    total = result[:shares].sum()
    if total > 0:
        result[:shares] /= total
    return result


def resting(times_s: np.ndarray, values: np.ndarray, neutral: int, shares: int) -> np.ndarray | None:
    """Return the resting face (K,) estimated from a face's recording; None where it is too short.

    Args:
        times_s: (T,) seconds, increasing.
        values: (T, K).
        neutral: which measurement says that the face looks neutral.
        shares: S, see `typical`.
    """
    slots = pieces(times_s)
    first = np.flatnonzero(np.diff(slots, prepend=-1))
    if len(first) < LEAST:
        return None
    parts = np.split(values, first[1:])
    calm = np.array([np.nanmedian(part[:, neutral]) if len(part) else np.nan for part in parts])
    moved = np.array([np.median(part) for part in np.split(_movement(values), first[1:])])
    order = np.argsort(_ranks(-calm) + _ranks(moved), kind="stable")
    chosen = order[: math.ceil(SHARE * len(order))]
    return typical(np.stack([typical(parts[place], shares) for place in chosen]), shares)


def pieces(times_s: np.ndarray) -> np.ndarray:
    """Return the number of the piece that each time (T,) falls into, from 0."""
    start = times_s[0] if len(times_s) else 0.0
    return np.floor((times_s - start) / PIECE_S + 1e-6).astype(np.int64)


def _movement(values: np.ndarray) -> np.ndarray:
    """Return the mean change of the measurements since the frame before: (T, K) -> (T,); the first is as the second."""
    known = values[:, np.isfinite(values).all(axis=0)]
    steps = np.abs(np.diff(known, axis=0)).mean(axis=1)
    return np.concatenate([steps[:1], steps])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks (P,) from 0; what is equal shares the mean of its ranks."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") - 1) / 2


class Rests:
    """Estimates the rest of every face of a recording while its records come, in bounded memory.

    Args:
        neutral, shares: see `resting`.
    """

    def __init__(self, neutral: int, shares: int) -> None:
        self._neutral, self._shares = neutral, shares
        self._open: dict[int, Thinned] = {}
        self._found: dict[int, np.ndarray | None] = {}

    def add(self, track: int, time_s: float, values: Sequence[float]) -> None:
        """Take the next measurement (K,) of a face, at `time_s` seconds."""
        if track in self._found:  # finished too early, beside so many others
            return
        rows = self._open.pop(track, None) or Thinned(1 + len(values), MOST_ROWS)
        rows.add([time_s, *values])
        self._open[track] = rows  # at the end: the one seen last
        if len(self._open) > MOST_TRACKS:
            self._finish(next(iter(self._open)))

    def finish(self) -> dict[int, np.ndarray | None]:
        """Return the rest (K,) of each face; None for one that was not seen for long enough."""
        for track in list(self._open):
            self._finish(track)
        return self._found

    def _finish(self, track: int) -> None:
        rows = self._open.pop(track).rows()
        self._found[track] = resting(rows[:, 0], rows[:, 1:], self._neutral, self._shares)
