"""In which order faces are learned from: orders that depend on seed and epoch alone, so that a run can go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from kaoiro.core.errors import InputError


class EpochOrder(Sampler[int]):
    """A shuffle that depends on seed and epoch alone, so that a resumed run sees the same order."""

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed, self._epoch = count, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Any:
        return iter(np.random.default_rng((self._seed, self._epoch)).permutation(self._count).tolist())


class MixedOrder(EpochOrder):
    """The same with fixed numbers of each domain in every batch; an epoch goes through the first domain once.

    Args:
        domains: (N,) of the faces.
        shares: of a batch, by domain.
        batch: faces a step.
        seed: of the shuffle.
    """

    def __init__(self, domains: np.ndarray, shares: Sequence[float], batch: int, seed: int) -> None:
        self._rows = [np.flatnonzero(domains == domain) for domain in range(len(shares))]
        counts = np.array([share if len(rows) else 0.0 for share, rows in zip(shares, self._rows, strict=True)])
        self._counts = np.maximum(np.round(batch * counts / counts.sum()), counts > 0).astype(int)
        self._counts[0] = batch - self._counts[1:].sum()
        self._batches = max(1, len(self._rows[0]) // self._counts[0])
        super().__init__(self._batches * batch, seed)

    def __iter__(self) -> Any:
        rng = np.random.default_rng((self._seed, self._epoch))
        drawn = [
            _drawn(rng, rows, self._batches * count).reshape(self._batches, count)
            for rows, count in zip(self._rows, self._counts, strict=True)
        ]
        return iter(np.concatenate(drawn, axis=1).ravel().tolist())


class GuaranteedOrder(EpochOrder):
    """The same with at least so many faces of every class in each batch; the rest comes as it comes.

    An epoch has as many batches as the faces fill. Faces of a rare class come more than once in an epoch, all of them
    equally often but for one.

    Args:
        labels: (N,) classes; -1 for faces without a clear one, which come with the rest.
        each: of every class in each batch.
        batch: faces a step.
        seed: of the shuffle.

    Raises:
        InputError: a batch has no room for so many of every class.
    """

    def __init__(self, labels: np.ndarray, each: int, batch: int, seed: int) -> None:
        self._classes = [np.flatnonzero(labels == label) for label in np.unique(labels[labels >= 0])]
        self._each, self._rest = each, batch - each * len(self._classes)
        if self._rest < 0:
            wish = f"{each * len(self._classes)} or more ({each} of each of {len(self._classes)} classes)"
            raise InputError(f"run.batch must be {wish}, not {batch}")
        self._faces, self._batches = len(labels), max(1, len(labels) // batch)
        super().__init__(self._batches * batch, seed)

    def __iter__(self) -> Any:
        rng = np.random.default_rng((self._seed, self._epoch))
        parts = [_drawn(rng, rows, self._batches * self._each) for rows in self._classes]
        parts.append(_drawn(rng, np.arange(self._faces), self._batches * self._rest))
        return iter(np.concatenate([part.reshape(self._batches, -1) for part in parts], axis=1).ravel().tolist())


def _drawn(rng: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    """Return `count` of some rows in random order, all of them equally often but for one."""
    if not count:
        return np.empty(0, np.int64)
    rounds = [rng.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.concatenate(rounds)[:count]
