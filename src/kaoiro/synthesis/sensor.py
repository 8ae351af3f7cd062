"""From linear light to the bytes of a camera: background, exposure, blur, noise, JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Sensor:
    """What a camera does to a picture.

    Attributes:
        exposure: factor on the light.
        blur: standard deviation of the blur, pixels.
        noise: standard deviation, grey levels of 255, in mid-grey; dark parts have less.
        jpeg: quality of the JPEG, 1-100.
    """

    exposure: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int = 92


def over(pixels: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Lay premultiplied (H, W, 4) linear light over a linear (H, W, 3) background."""
    return pixels[:, :, :3] + (1 - pixels[:, :, 3:]) * background


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Return sRGB grey levels 0-255 (IEC 61966-2-1) of linear light 0-1, not rounded: any shape, float32."""
    light = np.clip(linear, 0, 1).astype(np.float32)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)


def capture(linear: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Return what the camera sees: (H, W, 3) linear light -> (H, W, 3) uint8, before compression.

    Args:
        linear: light, 1 is white at exposure 1.
        sensor: the camera.
        rng: of the noise.
    """
    picture = encode_srgb(_blurred(linear * sensor.exposure, sensor.blur))
    if sensor.noise > 0:
        strength = sensor.noise * (0.5 + picture.mean(axis=2, keepdims=True) / 255)
        picture = picture + strength * rng.standard_normal(picture.shape, np.float32)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray, quality: int) -> bytes:
    """Return a picture (H, W, 3) uint8 as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=2 if quality < 90 else 0)
    return file.getvalue()


def _blurred(linear: np.ndarray, sigma: float) -> np.ndarray:
    if sigma < 0.15:
        return linear
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2)).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pads = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(linear, pads, mode="edge")
        count = linear.shape[axis]
        moved = (padded[k : k + count] if axis == 0 else padded[:, k : k + count] for k in range(2 * reach + 1))
        linear = sum((weight * part for weight, part in zip(kernel, moved, strict=True)), np.zeros_like(linear))
    return linear


def backdrop(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Return a background out of focus: a coloured gradient with soft patches, (H, W, 3) float32 linear light.

    Args:
        rng: source of randomness.
        size: (width, height), pixels.
    """
    width, height = size
    corners = rng.uniform(0.02, 0.6) * np.exp(rng.normal(0, 0.15, (2, 2, 3)))
    picture = _enlarged(corners, width, height)
    for cells in (3, 6, 12):
        patches = np.exp(rng.normal(0, 0.22, (cells, cells, 1)) + rng.normal(0, 0.05, (cells, cells, 3)))
        picture = picture * _enlarged(patches, width, height)
    return np.clip(picture, 0, 1).astype(np.float32)


def _enlarged(grid: np.ndarray, width: int, height: int) -> np.ndarray:
    parts = [
        Image.fromarray(grid[:, :, k].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        for k in range(3)
    ]
    return np.stack([np.asarray(part) for part in parts], axis=2)
