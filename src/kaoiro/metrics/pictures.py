"""How near a picture comes to the one that it should be, and how sharp it is.

All functions take pictures (N, H, W) or (N, H, W, 3), 0-255, and give one figure for each.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.errors import InputError

WINDOW, SPREAD = 11, 1.5
"""Side and deviation of the window of SSIM, pixels."""
_STABLE = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_FLAT = 1e-9
_ROUNDING = 1 / 12  # variance of what rounding to whole levels hides


def luma(pictures: np.ndarray) -> np.ndarray:
    """Return the luma (ITU-R BT.601) of pictures: (N, H, W) float64.

    Raises:
        InputError: the table is no stack of grey or RGB pictures.
    """
    if pictures.ndim == 3:
        return pictures.astype(np.float64)
    if pictures.ndim != 4 or pictures.shape[3] != 3:
        raise InputError(f"pictures must be (N, H, W) or (N, H, W, 3), not {pictures.shape}")
    return pictures @ np.array([0.299, 0.587, 0.114])


def _pair(truth: np.ndarray, made: np.ndarray) -> None:
    if truth.shape != made.shape:
        raise InputError(f"cannot compare pictures {made.shape} with pictures {truth.shape}")


def psnr(truth: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Return the peak signal to noise ratio, dB: (N,); equal pictures have 58.9, of the rounding to whole levels.

    Args:
        truth: what the pictures should be.
        made: what they are.

    Raises:
        InputError: pictures of different sizes.
    """
    _pair(truth, made)
    error = (truth.astype(np.float64) - made.astype(np.float64)) ** 2
    mean = error.reshape(len(error), -1).mean(axis=1)
    return 10 * np.log10(255**2 / np.maximum(mean, _ROUNDING))


def ssim(truth: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Return the mean structural similarity of luma: (N,), 1 of equal pictures.

    Wang, Bovik, Sheikh and Simoncelli, IEEE Transactions on Image Processing 13, 2004, eq. 13: Gaussian windows of 11
    pixels and deviation 1.5 that lie wholly within the picture, K1 = 0.01, K2 = 0.03.

    Args:
        truth: what the pictures should be.
        made: what they are.

    Raises:
        InputError: pictures of different sizes, or smaller than the window.
    """
    _pair(truth, made)
    x, y = luma(truth), luma(made)
    if min(x.shape[1:]) < WINDOW:
        raise InputError(f"SSIM needs pictures of {WINDOW} pixels or more a side, not {x.shape[1:]}")
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x, var_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    both = _windowed(x * y) - mean_x * mean_y
    first, second = _STABLE
    above = (2 * mean_x * mean_y + first) * (2 * both + second)
    below = (mean_x**2 + mean_y**2 + first) * (var_x + var_y + second)
    return (above / below).mean(axis=(1, 2))


def _windowed(x: np.ndarray) -> np.ndarray:
    """Return Gaussian means over windows within the picture: (N, H, W) -> (N, H - 10, W - 10)."""
    weights = _bell(SPREAD, WINDOW // 2)
    rows = sum(w * x[:, k : x.shape[1] - WINDOW + 1 + k] for k, w in enumerate(weights))
    rows = np.asarray(rows)
    return np.asarray(sum(w * rows[:, :, k : x.shape[2] - WINDOW + 1 + k] for k, w in enumerate(weights)))


def _bell(spread: float, reach: int) -> np.ndarray:
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    return weights / weights.sum()


def laplacian_energy(pictures: np.ndarray) -> np.ndarray:
    """Return the mean square of the Laplacian (four neighbours) of luma within the border: (N,).

    A blurred picture has less than the sharp one; compare pictures of the same size and of the same thing.
    """
    x = luma(pictures)
    around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    return ((around - 4 * x[:, 1:-1, 1:-1]) ** 2).mean(axis=(1, 2))


def fine(pictures: np.ndarray, share: float = 0.02) -> np.ndarray:
    """Return luma less its Gaussian blur: (N, H, W); what is finer than about twice the blur.

    Args:
        pictures: (N, H, W) or (N, H, W, 3).
        share: deviation of the blur, in heights of the picture; a fiftieth of a face's crop is a third of a centimetre.
    """
    x = luma(pictures)
    spread = share * x.shape[1]
    reach = max(1, round(3 * spread))
    weights = _bell(spread, reach)
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    rows = np.asarray(sum(w * padded[:, k : k + x.shape[1]] for k, w in enumerate(weights)))
    return x - np.asarray(sum(w * rows[:, :, k : k + x.shape[2]] for k, w in enumerate(weights)))


def energy_within(values: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the mean square of values within masks: (N, H, W) each -> (N,); NaN where a mask is empty.

    Args:
        values: such as of `fine`.
        masks: bool.
    """
    sizes = masks.sum(axis=(1, 2))
    total = (values**2 * masks).sum(axis=(1, 2))
    return np.where(sizes > 0, total / np.maximum(sizes, 1), np.nan)


def correlation_within(truth: np.ndarray, made: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the correlation of values within masks: (N, H, W) each -> (N,).

    Args:
        truth: such as of `fine`.
        made: likewise.
        masks: bool.

    Returns:
        0 where what was made is flat; NaN where the truth is, or a mask is empty.
    """
    sizes = np.maximum(masks.sum(axis=(1, 2)), 1)

    def centred(values: np.ndarray) -> np.ndarray:
        mean = (values * masks).sum(axis=(1, 2)) / sizes
        return (values - mean[:, None, None]) * masks

    x, y = centred(truth), centred(made)
    wanted, spread = (x * x).sum(axis=(1, 2)), np.sqrt((x * x).sum(axis=(1, 2)) * (y * y).sum(axis=(1, 2)))
    found = (x * y).sum(axis=(1, 2)) / np.where(spread > _FLAT, spread, 1)
    return np.where(wanted > _FLAT, np.where(spread > _FLAT, found, 0.0), np.nan)
