"""Quality of a face's pixels, so that weak measurements can be told from strong ones."""

from __future__ import annotations

import numpy as np


def sharpness(crop: np.ndarray) -> float:
    """Return how much fine detail a crop holds, 0–1.

    The mean absolute Laplacian (four neighbours) over the mean absolute deviation of the grey values,
    x / (1 + x): independent of brightness and contrast, and comparable between faces because crops
    have one size.

    Args:
        crop: (H, W) or (H, W, 3) uint8, at least 3×3.
    """
    grey = crop.astype(np.float32)
    if grey.ndim == 3:
        grey = grey.mean(axis=2)
    middle = grey[1:-1, 1:-1]
    laplacian = 4 * middle - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    contrast = float(np.abs(grey - grey.mean()).mean())
    if contrast < 0.5:
        return 0.0
    ratio = float(np.abs(laplacian).mean()) / contrast
    return ratio / (1 + ratio)
