"""Where the planted episodes of a recording lie: a known share of time, cut and scattered by chance."""

from __future__ import annotations

import math

import numpy as np

from kaoiro.core.checks import require
from kaoiro.synthesis.difficulty import Difficulty


def places(total: int, frames: int, difficulty: Difficulty, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw first frame and number of frames of the episodes that make up exactly `total` of `frames` frames.

    Args:
        total: frames to plant; 0 plants none.
        frames: of the recording.
        difficulty: lengths of episodes, and gaps between them and to the ends.
        rng: gives lengths and places.

    Raises:
        InputError: the gaps between the episodes find no room.
    """
    lengths = _lengths(total, difficulty, rng)
    gap = math.ceil(difficulty.conference.gap * difficulty.timing.fps)
    free = frames - total - gap * (len(lengths) + 1)
    require(not lengths or free >= 0, "planted share", "smaller, for the gaps to find room", f"{total / frames:g}")
    moved = np.sort(rng.integers(0, max(free, 0), len(lengths), endpoint=True))
    before = np.cumsum([0, *lengths])
    return [(int(moved[row] + before[row]) + gap * (row + 1), length) for row, length in enumerate(lengths)]


def _lengths(total: int, difficulty: Difficulty, rng: np.random.Generator) -> list[int]:
    """Cut `total` frames into episodes of the lengths asked for, or into one if it is shorter than any."""
    seconds, fps = difficulty.conference.seconds, difficulty.timing.fps
    shortest, longest = math.ceil(seconds[0] * fps), math.floor(seconds[1] * fps)
    if total < shortest:
        return [total] if total else []
    count = int(np.clip(round(2 * total / (shortest + longest)), math.ceil(total / longest), total // shortest))
    left, room, lengths = total - count * shortest, longest - shortest, []
    for after in range(count - 1, -1, -1):
        more = int(rng.integers(max(0, left - room * after), min(room, left), endpoint=True))
        lengths.append(shortest + more)
        left -= more
    return [int(length) for length in rng.permutation(lengths)]
