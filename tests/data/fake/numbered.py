"""Write small pictures and videos, no two alike, whose brightness tells which one was read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from media import regular, write_video
from PIL import Image

SIDE = 24
VIDEO = (32, 32)


def level(number: int) -> int:
    """Return the brightness of a picture, 20 to 235; neighbours differ by 24."""
    return 20 + 24 * number % 216


def picture(path: Path, number: int, width: int = SIDE, height: int = SIDE) -> Path:
    """Write a grey picture, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).integers(-3, 4, (height // 4, width // 4))
    Image.fromarray((level(number) + np.kron(noise, np.ones((4, 4), int))).astype(np.uint8)).save(path)
    return path


def video(path: Path, number: int, frames: int = 3) -> Path:
    """Write a video whose frames get brighter, the middle one as bright as the picture of that number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = "mpeg4" if path.suffix == ".avi" else "libx264"

    def draw(frame: int) -> np.ndarray:
        return np.full((*VIDEO, 3), level(number) + 8 * (frame - frames // 2), np.uint8)

    return write_video(path, regular(frames), VIDEO, codec=codec, picture=draw)
