"""Media for the demo: a photograph in the public domain and a clip that is drawn here."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from kaoiro.data.datasets.drawn import LOOKS, Look, draw_face
from kaoiro.faces.encode import VideoWriter

RATE, SIDE = 25, (640, 360)


def write_media(folder: Path) -> list[Path]:
    """Write the photograph and the clip; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    photograph = folder / "astronaut.png"
    shutil.copyfile(Path(str(resources.files("kaoiro"))) / "assets" / "astronaut.png", photograph)
    clip = folder / "drawn.mp4"
    write_clip(clip)
    return [photograph, clip]


def write_clip(path: Path, seconds: float = 8.0) -> None:
    """Draw a clip: one face goes through happiness, surprise and sadness, then leaves for a second."""
    width, height = SIDE
    with VideoWriter(path, width, height, RATE) as writer:
        for index in range(round(seconds * RATE)):
            time_s = index / RATE
            writer.write(clip_frame(time_s, width, height), time_s)


def clip_frame(time_s: float, width: int, height: int) -> np.ndarray:
    """Return the frame at a time: (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    canvas = Image.fromarray((70 + 50 * y / height + 10 * np.sin(x / 40)).astype(np.uint8)).convert("RGB")
    if not 6.0 <= time_s < 7.0:
        face = _tinted(draw_face(look_at(time_s), side=200))
        left = int(width * (0.35 + 0.06 * np.sin(time_s)))
        canvas.paste(face, (left, 80), _oval(face.size))
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(0.6)))


def look_at(time_s: float) -> Look:
    """Return the expression at a time: two seconds for each, rising and falling as a raised cosine."""
    order = ("happiness", "surprise", "sadness")
    name = order[int(time_s // 2)] if time_s < 6 else "neutral"
    return LOOKS[name].scaled(float(0.5 - 0.5 * np.cos(np.pi * time_s)))


def _tinted(grey: np.ndarray) -> Image.Image:
    tint = np.array([1.0, 0.84, 0.74])
    return Image.fromarray((grey[:, :, None] * tint).astype(np.uint8))


def _oval(size: tuple[int, int]) -> Image.Image:
    from PIL import ImageDraw

    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse([size[0] * 0.08, -size[1] * 0.05, size[0] * 0.92, size[1] * 1.05], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(1.5))
