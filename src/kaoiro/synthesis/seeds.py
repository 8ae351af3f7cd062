"""Streams of random numbers that are independent by name.

Every process of a clip draws from a stream of its own, so that changing one process, or adding
one, leaves all others as they were.
"""

from __future__ import annotations

import hashlib

import numpy as np

from kaoiro.core.checks import at_least


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of one named process.

    Args:
        seed: of the whole set, 0 or more.
        names: what the numbers are for, e.g. subject, clip and process; ('a', 'bc') and ('ab', 'c') differ.

    Raises:
        InputError: the seed is negative.
    """
    at_least("seed", 0, seed)
    # each name ends in a null byte, which no name holds: different lists of names never read the same
    digest = hashlib.sha256("".join(f"{name}\0" for name in names).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, *np.frombuffer(digest, "<u4").tolist()]))


def number(seed: int, *names: str) -> int:
    """Return the seed (0 to 2³¹−1) of a process that somebody else runs, such as the light.

    Raises:
        InputError: the seed is negative.
    """
    return int(stream(seed, *names).integers(2**31))
