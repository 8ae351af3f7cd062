"""Learning data in memory: aligned pixels with partly missing labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Faces:
    """Aligned faces for learning.

    Attributes:
        pixels: (N, H, W) or (N, H, W, 3) uint8.
        targets: by head, (N, K) float32; NaN where a face carries no label. For classes the rows are
            distributions.
        labels: by head, (N,) int64 class for evaluation, -1 where there is none.
        subjects: (N,) subject ids, if known.
        clips: (N,) clip ids, if known.
        domains: (N,) int64, where faces of several kinds are learned from together; 0 are those that the model is for.
    """

    pixels: np.ndarray
    targets: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    subjects: np.ndarray | None = None
    clips: np.ndarray | None = None
    domains: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def rows(self, keep: np.ndarray) -> Faces:
        """Return the rows selected by a mask or by indices."""

        def take(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[keep]

        return Faces(
            pixels=self.pixels[keep],
            targets={name: values[keep] for name, values in self.targets.items()},
            labels={name: values[keep] for name, values in self.labels.items()},
            subjects=take(self.subjects),
            clips=take(self.clips),
            domains=take(self.domains),
        )
