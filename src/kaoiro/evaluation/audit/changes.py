"""Which changes of a picture leave it a copy that `twins.near` finds: pictures of the set, changed and compared."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from kaoiro.evaluation.audit.twins import NEAR, cells, unit

MOST = 500
"""Pictures that are tried."""
_FINE = 24
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _smaller(side: int) -> Change:
    def change(one: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        small = Image.fromarray(one).resize((side, side), Image.Resampling.BOX)
        return np.asarray(small.resize(one.shape[::-1], Image.Resampling.BILINEAR))

    return change


def _compressed(one: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(one).save(file, "JPEG", quality=30)
    return np.asarray(Image.open(file))


def _cut(one: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    inner = Image.fromarray(np.ascontiguousarray(one[2:-2, 2:-2]))
    return np.asarray(inner.resize(one.shape[::-1], Image.Resampling.BILINEAR))


CHANGES: Mapping[str, Change] = {
    "half the size and back": _smaller(24),
    "two thirds of the size and back": _smaller(32),
    "brighter by 40": lambda one, rng: np.minimum(one.astype(int) + 40, 255).astype(np.uint8),
    "0.6 times the contrast": lambda one, rng: (one * 0.6 + 20).astype(np.uint8),
    "gamma 1.5": lambda one, rng: (255 * (one / 255) ** 1.5).astype(np.uint8),
    "noise of deviation 10": lambda one, rng: (one + rng.normal(0, 10, one.shape)).clip(0, 255).astype(np.uint8),
    "JPEG of quality 30": _compressed,
    "moved by one pixel": lambda one, rng: np.roll(one, 1, axis=1),
    "moved by two pixels": lambda one, rng: np.roll(one, 2, axis=1),
    "two pixels of each side cut off": _cut,
}
"""Each takes and returns (48, 48) uint8. A mirrored copy is compared as it was, so it is found as its original is."""


def found(grey: np.ndarray, seed: int = 0) -> dict[str, dict[str, float]]:
    """Return, for each change, how many pictures are still found, and the correlation of 99 and 50 of 100.

    Args:
        grey: (N, 48, 48) uint8.
        seed: of the pictures and of the noise.
    """
    if not len(grey):
        return {}
    rng = np.random.default_rng(seed)
    tried = grey[np.sort(rng.permutation(len(grey))[:MOST])]
    whole, result = unit(cells(tried, _FINE)), {}
    for name, change in CHANGES.items():
        changed = np.stack([change(one, rng) for one in tried])
        likeness = (whole * unit(cells(changed, _FINE))).sum(axis=(1, 2))
        low, middle = np.quantile(likeness, (0.01, 0.5))
        share = float((likeness >= NEAR).mean())
        result[name] = {"found": share, "correlation of 99 in 100": float(low), "of half": float(middle)}
    return result
