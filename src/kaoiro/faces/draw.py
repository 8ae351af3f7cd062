"""Draw what was measured onto pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from kaoiro.core.types import Box, Record, expression_column

COLOURS = {
    "anger": "#d62728",
    "contempt": "#8c564b",
    "disgust": "#2ca02c",
    "fear": "#9467bd",
    "happiness": "#f2b701",
    "neutral": "#7f7f7f",
    "sadness": "#1f77b4",
    "surprise": "#ff7f0e",
}
"""One colour for each expression, the same in pictures and plots."""


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def annotate(
    pixels: np.ndarray, faces: Sequence[Record], blur: bool = False, others: Sequence[Box] = ()
) -> Image.Image:
    """Return a picture with each face's box, landmarks, expression and strongest probabilities.

    Args:
        pixels: (H, W, 3) RGB uint8.
        faces: records of this picture.
        blur: make the people unrecognisable, as far as their faces were found; landmarks are then left out.
        others: faces that were found but not measured; they are hidden too.
    """
    image = Image.fromarray(pixels)
    if blur:
        for box in [*others, *(face.box for face in faces if face.box is not None)]:
            hide(image, box)
    pen = ImageDraw.Draw(image)
    width = max(2, round(max(image.size) / 400))
    for face in faces:
        if face.box is not None:
            _draw_face(pen, face, face.box, width, image.size, landmarks=not blur)
    return image


def _draw_face(
    pen: ImageDraw.ImageDraw, face: Record, box: Box, width: int, size: tuple[int, int], landmarks: bool
) -> None:
    colour = COLOURS.get(face.expression or "", "#7f7f7f")
    pen.rectangle([box.left, box.top, box.left + box.width, box.top + box.height], outline=colour, width=width)
    for x, y in (face.landmarks or ()) if landmarks else ():
        pen.ellipse([x - width, y - width, x + width, y + width], fill=colour)
    _draw_label(pen, face, box, colour, size)


def _draw_label(pen: ImageDraw.ImageDraw, face: Record, box: Box, colour: str, size: tuple[int, int]) -> None:
    height = int(min(max(12, box.height * 0.11, max(size) / 60), 48))
    font = _font(height)
    title = "" if face.track is None else f"#{face.track} "
    text = f"{title}{face.expression} {face.confidence or 0:.2f}"
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    wide, high = right - left + height // 2, bottom - top + height // 2
    x = min(max(0.0, box.left), max(0.0, size[0] - wide))
    y = box.top - high if box.top >= high else min(box.top + box.height, size[1] - high)
    pen.rectangle([x, y, x + wide, y + high], fill=colour)
    ink = "black" if face.expression in {"happiness", "surprise"} else "white"
    pen.text((x + height // 4 - left, y + height // 4 - top), text, font=font, fill=ink)
    _draw_bars(pen, face, box, size)


def _draw_bars(pen: ImageDraw.ImageDraw, face: Record, box: Box, size: tuple[int, int]) -> None:
    """Draw a stacked bar of all probabilities along the box's lower edge."""
    thick = max(3.0, box.height * 0.03)
    y = min(box.top + box.height, size[1] - thick)
    x = box.left
    for label, colour in COLOURS.items():
        wide = box.width * face.scores.get(expression_column(label), 0.0)
        if wide >= 1:
            pen.rectangle([x, y, x + wide, y + thick], fill=colour)
        x += wide


def hide(image: Image.Image, box: Box) -> None:
    """Replace a face, with a margin, by a coarse mosaic under a blur."""
    margin = 0.15 * max(box.width, box.height)
    left, top = max(0, int(box.left - margin)), max(0, int(box.top - margin))
    right = min(image.width, int(box.left + box.width + margin) + 1)
    bottom = min(image.height, int(box.top + box.height + margin) + 1)
    if right <= left or bottom <= top:
        return
    part = image.crop((left, top, right, bottom))
    coarse = part.resize((6, 6), Image.Resampling.BOX).resize(part.size, Image.Resampling.BILINEAR)
    image.paste(coarse.filter(ImageFilter.GaussianBlur(max(part.size) / 20)), (left, top))


def html_image(image: Image.Image, longest: int = 640) -> str:
    """Return a picture as an HTML <img> with its data inside, shrunk to `longest` pixels."""
    image = image.copy()
    image.thumbnail((longest, longest))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="faces with their expressions" src="data:image/jpeg;base64,{data}">'
