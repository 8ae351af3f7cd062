"""Progress of long measurements, on stderr and only where it is a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def followed(items: Iterable[Item], total: int, unit: str) -> Iterable[Item]:
    """Return the items, with a bar that shows rate and remaining time while they are gone through.

    Args:
        items: what is gone through, once.
        total: number of items.
        unit: what an item is, for people.
    """
    return tqdm(items, total=total, unit=f" {unit}", leave=False, dynamic_ncols=True, disable=None)
