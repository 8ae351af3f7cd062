"""The rows of a growing table in bounded memory: from some length on only each second, fourth, eighth of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np


class Thinned:
    """The rows of a growing table, evenly thinned.

    Attributes:
        count: rows so far.
        stride: distance between the rows that are held.

    Args:
        width: numbers in a row.
        most: rows are always fewer than this.
    """

    def __init__(self, width: int, most: int) -> None:
        self.count, self.stride = 0, 1
        self._width, self._most, self._held = width, most, array("d")

    def add(self, row: Sequence[float]) -> None:
        """Add a row of `width` numbers."""
        if self.count % self.stride == 0:
            self._held.extend(row)
        self.count += 1
        if len(self._held) == self._most * self._width:
            self._held = array("d", self.rows()[::2].tobytes())
            self.stride *= 2

    def rows(self) -> np.ndarray:
        """Return the rows that are held: (n, width)."""
        return np.array(self._held).reshape(-1, self._width)
