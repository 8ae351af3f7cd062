"""Write pictures whose label their brightness tells: dark is sad, bright is happy, no two are alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24
LEVELS = {"sadness": 60, "happiness": 190}
EACH = 20
"""Pictures of each label."""


def picture(label: str, number: int) -> np.ndarray:
    """Return a picture (24, 24) uint8: coarse noise, of which no two are alike, around the level of its label."""
    rng = np.random.default_rng([LEVELS[label], number])
    coarse = rng.integers(-30, 31, (6, 6)) + LEVELS[label]
    return np.kron(coarse, np.ones((4, 4), int)).astype(np.uint8)


def write_folders(root: Path) -> Path:
    """Write ROOT/Sad/NN.png and ROOT/happiness/NN.png; returns the root."""
    for label, name in (("sadness", "Sad"), ("happiness", "happiness")):
        for number in range(EACH):
            save(root / name / f"{number:02}.png", picture(label, number))
    return root


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path
