"""A made-up target of transfer, whose expressions can be told apart."""

from __future__ import annotations

import numpy as np

from kaoiro.training.transfer.targets import Target

LABELS = ("happiness", "sadness", "neutral")


def target(name="rendered", side=50, framings=("e-crop", "box", "fer2013")):
    """Return 12 people who show three expressions each; every framing shows them otherwise."""
    truth = np.tile(np.arange(3), 12)
    rng = np.random.default_rng(0)
    crops = {}
    for place, framing in enumerate(framings):
        pictures = rng.integers(0, 60, (36, side, side))
        pictures[:, : 10 + place] += 60 * truth[:, None, None]
        crops[framing] = pictures.astype(np.uint8)
    part = np.repeat([0] * 6 + [1] * 3 + [2] * 3, 3)
    return Target(name, "made up", LABELS, crops, truth, np.repeat(np.arange(12), 3), part, 12)
