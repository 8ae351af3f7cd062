"""Drawn people who each show every expression, for trials that need to know who is seen.

Source:  drawn here (`drawn`); nothing to download and no licence to mind.
Classes: the seven expressions of FER2013, told apart by brows, eyes and mouth; people by skin, hair, background, light
         and where the face lies.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, FER2013
from kaoiro.data.datasets.drawn import LOOKS, draw_portrait


def people(count: int, pictures: int, seed: int = 0, side: int = 32) -> Faces:
    """Draw `count` people, each in `pictures` pictures through the expressions in turn, at intensities of 1 to 1.3.

    Args:
        count: of people.
        pictures: of each.
        seed: of the people and of the intensities.
        side: pixels.

    Returns:
        Faces in colour, ordered by person; clips are one expression of a person. Labels: 'expression' (FER2013).
    """
    rng = np.random.default_rng(seed)
    classes = np.tile(np.arange(pictures) % len(FER2013), count)
    numbers = np.repeat(np.arange(count), pictures)
    strengths = rng.uniform(1.0, 1.3, len(classes))
    wanted = zip(numbers.tolist(), classes.tolist(), strengths.tolist(), strict=True)
    pixels = np.stack([_portrait(*one, seed, side) for one in wanted])
    subjects = np.array([f"person-{number:03d}" for number in numbers])
    clips = np.array([f"{name}/{FER2013.labels[label]}" for name, label in zip(subjects, classes, strict=True)])
    targets = {EXPRESSION: np.eye(len(FER2013), dtype=np.float32)[classes]}
    return Faces(pixels, targets, {EXPRESSION: classes.astype(np.int64)}, subjects, clips)


def _portrait(number: int, label: int, strength: float, seed: int, side: int) -> np.ndarray:
    """Return a picture of a person before grey, (side, side, 3) uint8: the same number is the same person."""
    look = LOOKS[FER2013.labels[label]].scaled(strength)
    drawn = draw_portrait(look, side, rng=np.random.default_rng((seed, number))).astype(np.float32)
    share = drawn[:, :, 3:] / 255
    return (share * drawn[:, :, :3] + (1 - share) * 128).round().astype(np.uint8)
