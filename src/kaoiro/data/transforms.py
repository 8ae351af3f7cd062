"""Augmentation of grey face crops: what detection, cameras and compression do to a crop.

Sampling is apart from applying: `sample` draws every random number of a batch into plain
tensors, the transform functions are deterministic. All work on whole batches, float32 in 0–1,
shape (B, 1, H, W), on any device.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from kaoiro.data.augmentation import Augmentation


@dataclass(frozen=True)
class Draw:
    """All random numbers of one batch of images (B, 1, H, W), float32.

    Attributes:
        affine: (B, 2, 3) matrices in normalised coordinates.
        gain: (B,) factors on the contrast.
        offset: (B,) added to the brightness, in units of the range 0–1.
        gamma: (B,) exponents.
        blur_sigma: (B,) pixels, 0 for none.
        low_size: (B,) shares of the side to shrink to, 0 for none.
        jpeg_quality: (B,) 1–95, 0 for none.
        noise: (B, 1, H, W) added to the pixels.
        erase_box: (B, 4) left, top, width and height in units of the side; width 0 for none.
    """

    affine: Tensor
    gain: Tensor
    offset: Tensor
    gamma: Tensor
    blur_sigma: Tensor
    low_size: Tensor
    jpeg_quality: Tensor
    noise: Tensor
    erase_box: Tensor


def sample(config: Augmentation, shape: torch.Size, generator: torch.Generator) -> Draw:
    """Draw the random numbers for a batch of the given shape (B, 1, H, W). 0 means 'leave this image'."""
    count = shape[0]

    def normal() -> Tensor:
        return torch.randn(count, generator=generator).clamp(-2.5, 2.5)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    def chance(probability: float) -> Tensor:
        return (torch.rand(count, generator=generator) < probability).float()

    mirror = 1 - 2 * chance(config.flip)
    angle = torch.deg2rad(config.rotation * normal())
    zoom = torch.exp(config.scale * normal())
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    shift = 2 * config.shift
    affine = torch.stack([cos * mirror, -sin, shift * normal(), sin * mirror, cos, shift * normal()], dim=1)
    return Draw(
        affine=affine.reshape(count, 2, 3),
        gain=1 + uniform(-config.light, config.light),
        offset=uniform(-config.light, config.light) / 2,
        gamma=torch.exp(2 * config.light * uniform(-1, 1)),
        blur_sigma=chance(config.blur) * uniform(0.3, 1.1),
        low_size=chance(config.low_resolution) * uniform(0.375, 0.875),
        jpeg_quality=chance(config.jpeg) * uniform(20, 90),
        noise=config.noise * uniform(0, 1).reshape(-1, 1, 1, 1) * torch.randn(shape, generator=generator),
        erase_box=_erase_boxes(chance(config.erase), uniform(0.02, 0.2), uniform(-1, 1), uniform(0, 1), uniform(0, 1)),
    )


def _erase_boxes(on: Tensor, area: Tensor, log_aspect: Tensor, x: Tensor, y: Tensor) -> Tensor:
    width = (area * torch.exp(log_aspect)).sqrt().clamp(max=0.9)
    height = (area * torch.exp(-log_aspect)).sqrt().clamp(max=0.9)
    return on[:, None] * torch.stack([x * (1 - width), y * (1 - height), width, height], dim=1)


def augment(images: Tensor, draw: Draw) -> Tensor:
    """Apply a draw: geometry, light, optics, sensor, compression, occlusion, in this order.

    Pixels stay in single precision, also where the network is computed in half of it.
    """
    with torch.autocast(images.device.type, enabled=False):
        images = warp(images, draw.affine)
        images = relight(images, draw.gain, draw.offset, draw.gamma)
        images = blur(images, draw.blur_sigma)
        images = lower_resolution(images, draw.low_size)
        images = (images + draw.noise.to(images)).clamp(0, 1)
        return erase(compress(images, draw.jpeg_quality), draw.erase_box)


def warp(images: Tensor, affine: Tensor) -> Tensor:
    """Resample by (B, 2, 3) matrices in normalised coordinates; the border is reflected."""
    grid = F.affine_grid(affine.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def window(images: Tensor, corners: Tensor, side: int) -> Tensor:
    """Cut a square out of each image: (B, C, H, W) -> (B, C, side, side).

    Args:
        images: of any type.
        corners: (B, 2) whole numbers, left and top, such that the square lies within the image.
        side: pixels.
    """
    steps = torch.arange(side, device=images.device)
    left, top = (value[:, None] + steps for value in corners.to(images.device).unbind(1))
    one = torch.arange(len(images), device=images.device)[:, None, None]
    return images.permute(0, 2, 3, 1)[one, top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2)


def relight(images: Tensor, gain: Tensor, offset: Tensor, gamma: Tensor) -> Tensor:
    """Change gamma, contrast around the middle grey, and brightness."""
    gain, offset, gamma = (value.to(images).reshape(-1, 1, 1, 1) for value in (gain, offset, gamma))
    return ((images.clamp(min=1e-4) ** gamma - 0.5) * gain + 0.5 + offset).clamp(0, 1)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur with a Gaussian of the given sigma in pixels, per image; 0 leaves an image as it is."""
    rows = torch.nonzero(sigma > 0).flatten()
    if not len(rows):
        return images
    offsets = torch.arange(-4, 5, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma[rows].to(images)[:, None]) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    stack = F.pad(images[rows].transpose(0, 1), (4, 4, 4, 4), mode="reflect")
    stack = F.conv2d(stack, kernel[:, None, :, None], groups=len(rows))
    stack = F.conv2d(stack, kernel[:, None, None, :], groups=len(rows))
    return images.index_copy(0, rows.to(images.device), stack.transpose(0, 1))


def lower_resolution(images: Tensor, size: Tensor) -> Tensor:
    """Shrink to a share of the side and enlarge again, per image; 0 leaves an image as it is.

    The share is rounded to eighths so that images of equal size are resized together.
    """
    result = images
    eighths = (size * 8).round().int()
    for eighth in eighths[eighths > 0].unique().tolist():
        rows = torch.nonzero(eighths == eighth).flatten().to(images.device)
        side = max(4, images.shape[-1] * eighth // 8)
        small = F.interpolate(images[rows], size=(side, side), mode="bilinear", antialias=True)
        large = F.interpolate(small, size=images.shape[-2:], mode="bilinear")
        result = result.index_copy(0, rows, large)
    return result


def compress(images: Tensor, quality: Tensor) -> Tensor:
    """Pass images through JPEG at the given quality (1–95), per image; 0 leaves an image as it is."""
    rows = torch.nonzero(quality > 0).flatten()
    if not len(rows):
        return images
    pixels = (images[rows, 0] * 255).round().byte().cpu().numpy()
    decoded = [_jpeg(face, int(level)) for face, level in zip(pixels, quality[rows].tolist(), strict=True)]
    stack = torch.from_numpy(np.stack(decoded)).to(images)[:, None] / 255
    return images.index_copy(0, rows.to(images.device), stack)


def _jpeg(face: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(face).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def erase(images: Tensor, boxes: Tensor) -> Tensor:
    """Cover boxes (left, top, width, height in units of the side) with the image's mean; width 0 covers nothing."""
    height, width = images.shape[-2:]
    left, top, wide, high = (value.reshape(-1, 1, 1, 1) for value in boxes.to(images).unbind(1))
    x = (torch.arange(width, device=images.device) + 0.5) / width
    y = ((torch.arange(height, device=images.device) + 0.5) / height)[:, None]
    inside = (x >= left) & (x < left + wide) & (y >= top) & (y < top + high)
    return torch.where(inside, images.mean(dim=(2, 3), keepdim=True), images)
