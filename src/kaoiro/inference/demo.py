"""Media for the demo: a photograph in the public domain and a clip that is drawn here."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from kaoiro.core.encode import VideoWriter
from kaoiro.core.parallel import in_order, processors
from kaoiro.data.datasets.drawn import LOOKS, Look, draw_portrait

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
    """Draw a clip: one face goes through surprise and sadness, then leaves for a second."""
    width, height = SIDE
    times = (index / RATE for index in range(round(seconds * RATE)))
    with VideoWriter(path, width, height, RATE) as writer:
        for time_s, frame in in_order(lambda time_s: clip_frame(time_s, width, height), times, processors()):
            writer.write(frame, time_s)


def clip_frame(time_s: float, width: int, height: int) -> np.ndarray:
    """Return the frame at a time: (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    wall = (90 + 50 * y / height + 8 * np.sin(x / 40))[:, :, None] * (0.95, 1.0, 1.05)
    canvas = Image.fromarray(wall.astype(np.uint8))
    if not 6.0 <= time_s < 7.0:
        side = round(height * 0.9)
        portrait = Image.fromarray(draw_portrait(look_at(time_s), side, extent=1.55))
        left = int(width / 2 - side / 2 + 0.06 * width * np.sin(time_s))
        canvas.paste(portrait, (left, height - side), portrait)
    return np.asarray(canvas)


def look_at(time_s: float) -> Look:
    """Return the expression at a time: two seconds for each, rising and falling as a raised cosine."""
    name, peak = (("neutral", 0.0), ("surprise", 0.55), ("sadness", 0.9), ("neutral", 0.0))[min(3, int(time_s // 2))]
    return LOOKS[name].scaled(peak * float(0.5 - 0.5 * np.cos(np.pi * time_s)))
