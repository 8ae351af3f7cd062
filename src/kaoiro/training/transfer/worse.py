"""Crops as another camera would have taken them: a domain of its own, made of faces that are there.

Every picture is lit from one side, blurred, taken with a half of its pixels, noisy and compressed: how much, its own
pixels decide, so that the same picture always becomes the same.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch

from kaoiro.data.transforms import Draw, augment


@dataclass(frozen=True)
class Camera:
    """Ranges that each picture draws from uniformly.

    Attributes:
        slope: by how much the light falls off from the middle to the border of the picture, relative; either way.
        light: half-widths of what is added to brightness and of the relative change of contrast.
        blur: sigma, pixels of the picture.
        resolution: share of the side to which a picture is shrunk (in eighths: 24 or 30 of 48 pixels).
        noise: standard deviation, in units of the range 0-1.
        quality: of JPEG.
    """

    slope: tuple[float, float] = (0.2, 0.5)
    light: float = 0.1
    blur: tuple[float, float] = (0.2, 0.7)
    resolution: tuple[float, float] = (0.45, 0.6)
    noise: tuple[float, float] = (0.01, 0.04)
    quality: tuple[float, float] = (30.0, 70.0)


CAMERA = Camera()


def worsened(images: np.ndarray, camera: Camera = CAMERA) -> np.ndarray:
    """Return pictures as the camera takes them: (N, H, W) uint8 -> (N, H, W) uint8."""
    if not len(images):
        return images
    draws = [_drawn(image, camera) for image in images]
    lights, draw = np.stack([light for light, _ in draws]), _joined([values for _, values in draws])
    lit = torch.from_numpy((images.astype(np.float32) / 255 * lights).clip(0, 1))[:, None]
    taken = augment(lit, draw)[:, 0].numpy()
    return np.rint(255 * taken).astype(np.uint8)


def _drawn(image: np.ndarray, camera: Camera) -> tuple[np.ndarray, Draw]:
    """Draw the light (H, W) that falls on a picture, as factors, and what the camera makes of it."""
    rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=16).digest()))
    light = _light(image.shape, float(rng.uniform(*camera.slope)), float(rng.uniform(0, 2 * math.pi)))
    noise = rng.uniform(*camera.noise) * rng.standard_normal((1, 1, *image.shape))

    def one(value: float) -> torch.Tensor:
        return torch.tensor([value], dtype=torch.float32)

    return light, Draw(
        affine=torch.eye(2, 3)[None],
        gain=one(1 + rng.uniform(-camera.light, camera.light)),
        offset=one(rng.uniform(-camera.light, camera.light)),
        gamma=one(1.0),
        blur_sigma=one(rng.uniform(*camera.blur)),
        low_size=one(rng.uniform(*camera.resolution)),
        jpeg_quality=one(rng.uniform(*camera.quality)),
        noise=torch.from_numpy(noise.astype(np.float32)),
        erase_box=torch.zeros(1, 4),
    )


def _light(shape: tuple[int, ...], slope: float, angle: float) -> np.ndarray:
    """Return factors (H, W) float32 that rise evenly in a direction: 1 in the middle, 1 ± slope at the border."""
    down, right = (np.linspace(-1, 1, count, dtype=np.float32) for count in shape)
    return 1 + slope * (np.float32(math.cos(angle)) * right[None] + np.float32(math.sin(angle)) * down[:, None])


def _joined(draws: list[Draw]) -> Draw:
    return Draw(**{name: torch.cat([vars(draw)[name] for draw in draws]) for name in vars(draws[0])})
