"""Simple renderings of faces with known expressions, for trials and tests.

Source:  drawn here; nothing to download and no licence to mind.
Classes: the eight expressions, told apart by brows, eyes and mouth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSIONS

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
    "contempt": Look(skew=1.0, smile=0.2, eyes=-0.5),
    "disgust": Look(smile=-0.5, brow=-0.6, frown=0.3, eyes=-0.7, nose=1.0, open=0.15),
    "fear": Look(smile=-0.5, open=0.5, brow=0.6, frown=-0.9, eyes=0.8),
    "happiness": Look(smile=1.0, open=0.25, brow=0.1, eyes=-0.2),
    "neutral": Look(),
    "sadness": Look(smile=-1.0, brow=0.1, frown=-1.0, eyes=-0.5),
    "surprise": Look(open=1.0, brow=1.0, eyes=1.0),
}


def draw_portrait(
    look: Look, side: int = 96, extent: float = 1.0, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Render a head as a shaded relief: an ellipsoid with nose, sockets, lips and brows under one lamp.

    Args:
        look: expression.
        side: pixels.
        extent: half the side in units of half a FER2013 crop: 1 gives a crop as in FER2013, 1.6 a portrait
            with hair, neck and background.
        rng: varies skin, proportions and light; None draws the same person always.

    Returns:
        (side, side, 4) uint8 RGB and opacity; what is transparent shows the person's background colour.
    """
    fine = side * 2
    axis = (np.arange(fine, dtype=np.float32) + 0.5) / fine * 2 * extent - extent
    head = _Head(*np.meshgrid(axis, axis), look, rng or np.random.default_rng(7))
    image = Image.fromarray((head.picture() * 255).clip(0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)).resize((side, side), Image.Resampling.BOX))


def draw_face(look: Look, side: int = 48, rng: np.random.Generator | None = None) -> np.ndarray:
    """Render a grey crop as in FER2013: (side, side) uint8."""
    return np.asarray(Image.fromarray(draw_portrait(look, side, rng=rng)[:, :, :3]).convert("L"))


def _bump(x: np.ndarray, y: np.ndarray, wide: float, high: float) -> np.ndarray:
    return np.exp(-((x / wide) ** 2) - (y / high) ** 2)


def _step(x: np.ndarray, soft: float) -> np.ndarray:
    """Return 0 below, 1 above 0, with a soft edge."""
    return 1 / (1 + np.exp(np.clip(-x / soft, -40, 40)))


def _either(where: np.ndarray, then: float, otherwise: float) -> np.ndarray:
    return np.where(where, np.float32(then), np.float32(otherwise))


def _colour(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


class _Head:
    """Relief and colours of one head; u runs right, v down, in units of half a FER2013 crop."""

    EYE, EYE_V, MOUTH_V = 0.37, -0.18, 0.5

    def __init__(self, u: np.ndarray, v: np.ndarray, look: Look, rng: np.random.Generator) -> None:
        shift = rng.normal(0, 0.025, 2)
        self.u, self.v, self.look = u + float(shift[0]), v + float(shift[1]), look
        tone = rng.uniform(0.35, 1.0)
        self.skin = _colour(0.93 * tone + 0.04, 0.72 * tone, 0.6 * tone)
        self.hair = _colour(0.22, 0.15, 0.1) * float(rng.uniform(0.3, 1.2))
        self.background = _colour(0.45, 0.5, 0.55) * float(rng.uniform(0.6, 1.2))
        self.lamp = _colour(rng.normal(-0.3, 0.15), rng.normal(-0.45, 0.1), 0.85)
        self.side = np.sign(self.u)
        self.du = np.abs(self.u) - self.EYE
        self.dv = self.v - self.EYE_V

    def picture(self) -> np.ndarray:
        """Return (H, W, 4) floats, about 0-1."""
        drop = 0.1 * self.look.open
        jaw = 0.82 - 0.14 * np.clip(self.v - drop, 0, 1.2) ** 2
        radius = (self.u / jaw) ** 2 + ((self.v - 0.02) / (1.05 + drop * _step(self.v, 0.1))) ** 2
        inside = _step(1 - radius, 0.03)[:, :, None]
        face = self._colours() * self._shade(radius)[:, :, None]
        cap = _step(1.45 - (self.u / 0.95) ** 2 - ((self.v + 0.2) / 1.02) ** 2, 0.05) * _step(0.35 - self.v, 0.1)
        fringe = _step(-0.66 - self.v - 0.25 * self.u**2, 0.04)
        neck = _step(0.42 - np.abs(self.u), 0.03) * _step(self.v - 0.6, 0.05)
        shirt = _step(self.v - 1.22 - 0.12 * self.u**2, 0.03)[:, :, None]
        scene = np.ones_like(face) * self.background
        scene = scene + neck[:, :, None] * (0.72 * self.skin - scene)
        scene = scene + shirt * (_colour(0.25, 0.3, 0.42) - scene)
        scene = scene + cap[:, :, None] * (self.hair - scene)
        scene = scene + inside * (face - scene)
        scene = scene + (inside[:, :, 0] * fringe)[:, :, None] * (self.hair - scene)
        return np.dstack([scene, np.maximum.reduce([inside[:, :, 0], cap, neck, shirt[:, :, 0]])])

    def _shade(self, radius: np.ndarray) -> np.ndarray:
        look = self.look
        relief = 0.8 * np.sqrt(np.clip(1 - radius, 0.02, 1))
        relief += 0.2 * np.exp(-((self.u / 0.1) ** 2)) * _step(self.v + 0.15, 0.1) * _step(0.25 - self.v, 0.03)
        relief += 0.1 * _bump(self.u, self.v - 0.17, 0.15, 0.1)
        relief -= 0.1 * _bump(self.du, self.dv, 0.2, 0.14)
        relief += 0.05 * _bump(self.du, self.v + 0.36 + 0.08 * look.brow, 0.25, 0.08)
        relief += 0.06 * (0.5 + max(look.smile, 0)) * _bump(np.abs(self.u) - 0.42, self.v - 0.2, 0.2, 0.15)
        relief += 0.06 * _bump(self.u, self.v - self.MOUTH_V, 0.3, 0.13) + 0.05 * _bump(
            self.u, self.v - 0.85, 0.2, 0.12
        )
        relief += 0.012 * look.nose * np.sin(self.v * 60) * _bump(self.u, self.v + 0.1, 0.12, 0.12)
        relief -= 0.02 * max(look.frown, 0) * _bump(np.abs(self.u) - 0.06, self.v + 0.4, 0.025, 0.12)
        step = self.u[0, 1] - self.u[0, 0]
        slope_v, slope_u = np.gradient(relief, step)
        normal = np.stack([-slope_u, -slope_v, np.ones_like(relief)])
        normal /= np.linalg.norm(normal, axis=0)
        lamp = self.lamp / np.linalg.norm(self.lamp)
        rim = 1 - 0.55 * _step(radius - 0.93, 0.025)
        return rim * (0.38 + 0.75 * np.clip(np.tensordot(lamp, normal, 1), 0, 1))

    def _colours(self) -> np.ndarray:
        colour = np.ones((*self.u.shape, 3), np.float32) * self.skin
        colour = self._mouth(self._eyes(self._brows(colour)))
        nostrils = _bump(np.abs(self.u) - 0.075, self.v - 0.25, 0.04, 0.025)[:, :, None]
        return colour * (1 - 0.75 * nostrils)

    def _brows(self, colour: np.ndarray) -> np.ndarray:
        along = np.clip((np.abs(self.u) - 0.16) / 0.42, 0, 1)
        height = -0.4 - 0.1 * self.look.brow + self.look.frown * (0.09 - 0.14 * along) + 0.05 * (along - 0.6) ** 2
        mask = np.exp(-(((self.v - height) / (0.045 - 0.015 * along)) ** 2))
        mask *= _step(np.abs(self.u) - 0.15, 0.015) * _step(0.6 - np.abs(self.u), 0.02)
        return colour + mask[:, :, None] * (self.hair - colour)

    def _eyes(self, colour: np.ndarray) -> np.ndarray:
        opening = 0.075 * (1 + 0.5 * self.look.eyes)
        lid = opening * np.sqrt(np.clip(1 - (self.du / 0.17) ** 2, 0, 1))
        mask = (_step(lid - np.abs(self.dv), 0.008) * _step(0.17 - np.abs(self.du), 0.01))[:, :, None]
        distance = np.hypot(self.du, self.dv)
        iris = _step(0.075 - distance, 0.008)[:, :, None]
        eye = 0.93 + iris * (_colour(0.25, 0.17, 0.1) - 0.93)
        eye = eye * (1 - _step(0.032 - distance, 0.006)[:, :, None])
        eye = eye + 0.8 * _bump(self.du + 0.025 * self.side, self.dv + 0.025, 0.018, 0.018)[:, :, None]
        lash = np.exp(-(((self.dv + lid) / 0.02) ** 2)) * _step(0.18 - np.abs(self.du), 0.01)
        colour = colour + mask * (eye - colour)
        return colour * (1 - 0.75 * lash[:, :, None])

    def _mouth(self, colour: np.ndarray) -> np.ndarray:
        look = self.look
        half = 0.32 + 0.06 * max(look.smile, 0) - 0.08 * max(look.open - 0.5, 0)
        across = self.u / half
        bend = look.smile * 0.11 * (0.5 - across**2) - 0.12 * look.skew * np.clip(across, 0, 1) ** 2
        middle = self.v - self.MOUTH_V - bend
        taper = np.sqrt(np.clip(1 - across**2, 0, 1))
        above, below = 0.05 + 0.06 * look.open, 0.07 + 0.19 * look.open
        within = _either(middle < 0, above, below) * taper - np.abs(middle)
        lips = (_step(within, 0.012) * _step(1 - np.abs(across), 0.03))[:, :, None]
        colour = colour + lips * (self.skin * _colour(0.82, 0.5, 0.52) - colour)
        upper, lower = 0.005 + 0.05 * look.open, 0.008 + 0.15 * look.open
        gap = _step(_either(middle < 0, upper, lower) * taper - np.abs(middle), 0.008)
        gap = (gap * _step(1 - np.abs(across), 0.03))[:, :, None]
        teeth = (_step(0.035 - middle, 0.01) * (look.open > 0.05))[:, :, None]
        return colour + gap * (_colour(0.13, 0.05, 0.05) + 0.75 * teeth - colour)


def faces(count: int, seed: int, side: int = 48) -> Faces:
    """Draw `count` faces, all expressions equally often, with varied intensity, skin, light and position."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(VOCABULARY)
    looks = [LOOKS[VOCABULARY.labels[label]].scaled(rng.uniform(0.6, 1)) for label in labels]
    pixels = [draw_face(look, side, rng) for look in looks]
    targets = np.eye(len(VOCABULARY), dtype=np.float32)[labels]
    return Faces(np.stack(pixels), {"expression": targets}, {"expression": labels})
