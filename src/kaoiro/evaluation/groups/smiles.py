"""Is a group's smile missed more often because it is smiled with closed lips? A gap within smiles of one kind.

Whether lips are apart is what the model itself says by AU 25. That may err by group, too: this tells what goes
together, not what causes it.
Legend: N smiling faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaoiro.metrics.resampling import interval_of_sums

UNIT = "au_25"
KINDS = ("lips together", "lips apart")
ADJUSTED = "recall, were both to smile alike"


def by_lips(
    right: np.ndarray,
    apart: np.ndarray,
    groups: np.ndarray,
    labels: Sequence[str],
    people: np.ndarray,
    draws: int | None = None,
) -> dict[str, Any] | None:
    """Compare how often the smiles of two groups are recognised, by whether lips are apart.

    Args:
        right: (N,) bool, recognised.
        apart: (N,) bool.
        groups: (N,) 0 or 1; others do not count.
        labels: names of the groups; None is returned unless there are two.
        people: (N,) ids.
        draws: of people; None is `resampling.DRAWS`.

    Returns:
        Of each group, how many smile with lips apart and how often either kind is recognised; and the gap, second less
        first, as it is, and of smiles that are as often of either kind as all of them together.
    """
    cells = np.stack([(groups == group) & (apart == kind) for group in (0, 1) for kind in (False, True)], axis=1)
    columns = np.concatenate([cells, cells & right[:, None]], axis=1).astype(np.float64)
    sums = columns.sum(axis=0)
    if len(labels) != 2 or not sums[:4].all():
        return None
    rows = {}
    for group, label in enumerate(labels):
        count, hits = sums[2 * group : 2 * group + 2], sums[4 + 2 * group : 6 + 2 * group]
        row = {"smiles": int(count.sum()), "share with lips apart": float(count[1] / count.sum())}
        row |= {f"recall, {kind}": float(hit / n) for kind, hit, n in zip(KINDS, hits, count, strict=True)}
        rows[label] = row
    gaps = {"recall": _plain, ADJUSTED: _alike}
    found = {
        name: {"gap": float(gap(sums)), "interval": list(interval_of_sums(columns, gap, people, draws))}
        for name, gap in gaps.items()
    }
    return {"groups": rows, f"{labels[1]} less {labels[0]}": found}


def _plain(sums: np.ndarray) -> np.ndarray:
    count, hits = (part.reshape(*part.shape[:-1], 2, 2).sum(axis=-1) for part in np.split(sums, 2, axis=-1))
    return _ratio(hits[..., 1], count[..., 1]) - _ratio(hits[..., 0], count[..., 0])


def _alike(sums: np.ndarray) -> np.ndarray:
    """Return the gap of smiles of each kind, weighted by how many of all smiles are of it."""
    count, hits = (part.reshape(*part.shape[:-1], 2, 2) for part in np.split(sums, 2, axis=-1))
    both = count.sum(axis=-2)
    gaps = _ratio(hits[..., 1, :], count[..., 1, :]) - _ratio(hits[..., 0, :], count[..., 0, :])
    return (gaps * both).sum(axis=-1) / both.sum(axis=-1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
