"""Videos of bands that mean expressions, with the labels of system D, and a budget of seconds to learn them."""

from __future__ import annotations

import numpy as np

from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.families.multitask_affect.config import NetworkConfig
from kaoiro.training.multitask import Budget
from kaoiro.training.videos import Videos

TINY = Budget(4, 12, NetworkConfig(stem=8, widths=(8, 8, 8), mask=8, placed=8))


def videos() -> Videos:
    """Return four people to learn from, two for choices and three to measure on."""
    return Videos(faces(4, given=True), faces(2, given=False, seed=1), faces(3, given=False, seed=2), {"set": "made"})


def faces(people: int, given: bool, seed: int = 0) -> Faces:
    """Two videos of each person; a bright band tells the expression, and valence and units with it."""
    rng, each = np.random.default_rng(seed), 6
    count = 2 * people * each
    clip = np.arange(count) // each
    classes = rng.integers(0, 7, count)
    pixels = rng.integers(90, 110, (count, 48, 48)).astype(np.uint8)
    for place, one in enumerate(classes):
        pixels[place, 6 * one + 3 : 6 * one + 7] += 100
    units = (classes[:, None] == np.arange(8)).astype(np.float32)
    affect = np.stack([classes / 3 - 1, 1 - classes / 3], axis=1).astype(np.float32)
    has_units, has_expression = (clip % 2 == 0) | (not given), (clip % 2 == 1) | (not given)
    targets = {
        AFFECT_HEAD: affect,
        EXPRESSION: np.where(has_expression[:, None], np.eye(7)[classes], np.nan).astype(np.float32),
        UNITS_HEAD: np.where(has_units[:, None], units, np.nan).astype(np.float32),
    }
    names = np.array([f"p{one // 2:02d}" for one in clip])
    clips = np.char.add(names, clip.astype(str))
    return Faces(pixels, targets, {EXPRESSION: np.where(has_expression, classes, -1)}, names, clips)
