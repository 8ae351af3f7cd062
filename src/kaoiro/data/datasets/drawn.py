"""Simple drawings of faces with known expressions, for trials and tests.

Source:  drawn here; nothing to download and no licence to mind.
Classes: the eight expressions, told apart by brows, eyes and mouth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.data.faces import Faces

VOCABULARY = EXPRESSIONS


@dataclass(frozen=True)
class Look:
    """How an expression is drawn, each value -1 to 1.

    Attributes:
        smile: curvature of the mouth, up is positive.
        open: opening of the mouth (0 closed).
        brow: height of the brows.
        frown: brows drawn together and down at the inner ends (negative: inner ends up).
        eyes: opening of the eyes.
        skew: one mouth corner higher than the other.
        nose: wrinkles on the nose.
    """

    smile: float = 0.0
    open: float = 0.0
    brow: float = 0.0
    frown: float = 0.0
    eyes: float = 0.0
    skew: float = 0.0
    nose: float = 0.0

    def scaled(self, intensity: float) -> Look:
        """Return the look at an intensity of 0 (neutral) to 1."""
        return Look(*(intensity * getattr(self, name) for name in self.__dataclass_fields__))


LOOKS = {
    "anger": Look(smile=-0.4, brow=-0.8, frown=1.0, eyes=-0.3),
    "contempt": Look(skew=1.0, smile=0.2, eyes=-0.2),
    "disgust": Look(smile=-0.5, brow=-0.6, frown=0.3, eyes=-0.7, nose=1.0, open=0.15),
    "fear": Look(smile=-0.5, open=0.5, brow=0.6, frown=-0.9, eyes=0.8),
    "happiness": Look(smile=1.0, open=0.25, brow=0.1, eyes=-0.2),
    "neutral": Look(),
    "sadness": Look(smile=-1.0, brow=0.1, frown=-1.0, eyes=-0.5),
    "surprise": Look(open=1.0, brow=1.0, eyes=1.0),
}


def draw_face(look: Look, side: int = 96, skin: int = 190, rng: np.random.Generator | None = None) -> np.ndarray:
    """Draw one face as a grey crop.

    Args:
        look: expression.
        side: pixels.
        skin: grey value of the skin, 0–255.
        rng: jitters positions by a few per cent; None draws the same face always.

    Returns:
        (side, side) uint8.
    """
    jitter = (lambda: 0.0) if rng is None else (lambda: float(rng.normal(0, 0.012)))
    scale = side * 3
    image = Image.new("L", (scale, scale), 90)
    pen = ImageDraw.Draw(image)

    def place(x: float, y: float) -> tuple[float, float]:
        return x * scale, y * scale

    pen.ellipse([*place(0.08, -0.05), *place(0.92, 1.05)], fill=skin)
    dark, line = max(0, skin - 150), max(2, scale // 45)
    for sign in (-1, 1):
        _draw_eye(pen, place, look, sign, jitter, dark, skin)
        _draw_brow(pen, place, look, sign, jitter, dark, line * 2)
    pen.line([place(0.5, 0.45), place(0.46, 0.6), place(0.54, 0.6)], fill=skin - 50, width=line)
    if look.nose > 0.05:
        for y in (0.46, 0.5, 0.54):
            pen.line([place(0.5 - 0.06 * look.nose, y), place(0.5 + 0.06 * look.nose, y)], fill=dark, width=line)
    _draw_mouth(pen, place, look, jitter, dark, line * 2)
    small = image.filter(ImageFilter.GaussianBlur(scale / 150)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(small)


def _draw_eye(pen, place, look, sign, jitter, dark, skin) -> None:
    x, y, half = 0.5 + sign * 0.18 + jitter(), 0.4 + jitter(), 0.045 * (1 + 0.7 * look.eyes)
    pen.ellipse([*place(x - 0.075, y - half), *place(x + 0.075, y + half)], fill=min(255, skin + 60))
    iris = min(0.036, half)
    pen.ellipse([*place(x - 0.036, y - iris), *place(x + 0.036, y + iris)], fill=dark)


def _draw_brow(pen, place, look, sign, jitter, dark, width) -> None:
    y = 0.29 - 0.05 * look.brow + jitter()
    inner = (0.5 + sign * (0.08 - 0.02 * max(look.frown, 0)), y + 0.05 * look.frown)
    outer = (0.5 + sign * 0.28, y - 0.015 * look.frown)
    pen.line([place(*inner), place(*outer)], fill=dark, width=width)


def _draw_mouth(pen, place, look, jitter, dark, width) -> None:
    x = np.linspace(-1, 1, 21)
    centre = 0.77 + jitter()
    corner = centre + look.smile * 0.05 * (1 - 2 * x**2) - look.skew * 0.05 * np.clip(x, 0, 1)
    drop = 0.11 * look.open * np.sqrt(1 - x**2)
    half = 0.17 - 0.05 * max(look.open - 0.5, 0)
    upper = [place(0.5 + half * a, b) for a, b in zip(x, corner - drop * 0.4, strict=True)]
    lower = [place(0.5 + half * a, b) for a, b in zip(x, corner + drop, strict=True)]
    if look.open > 0.05:
        pen.polygon(upper + lower[::-1], fill=dark)
    pen.line(upper, fill=dark, width=width)


def faces(count: int, seed: int, side: int = 48) -> Faces:
    """Draw `count` faces, all expressions equally often, with varied intensity, skin and position."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(VOCABULARY)
    pixels = [
        draw_face(LOOKS[VOCABULARY.labels[label]].scaled(rng.uniform(0.6, 1)), side, int(rng.integers(150, 220)), rng)
        for label in labels
    ]
    targets = np.eye(len(VOCABULARY), dtype=np.float32)[labels]
    return Faces(np.stack(pixels), {"expression": targets}, {"expression": labels})
