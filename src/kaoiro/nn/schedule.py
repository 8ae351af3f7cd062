"""Learning rates over the course of a training, as factors on the peak rate."""

from __future__ import annotations

import math


def in_steps(progress: float) -> float:
    """Return the factor on the peak rate: a tenth of it after 30, 60 and 90 % each."""
    return 0.1 ** sum(progress >= share for share in (0.3, 0.6, 0.9))


def in_parts(progress: float, parts: int) -> float:
    """Return the factor on the first rate: in each of so many equal parts a tenth of that in the part before."""
    return 0.1 ** min(parts - 1, int(progress * parts + 1e-9))


def one_cycle(progress: float, warmup: float) -> float:
    """Return the factor on the peak rate: linear up to `warmup` (0 to below 1), then half a cosine down to 0."""
    if progress < warmup:
        return (progress + 0.01) / (warmup + 0.01)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))
