"""A person of the FACS world: shape and looks, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError

MODES = 100
HAIR_STYLES = ("bald", "cropped", "short", "full", "long")
_STYLE_SHARES = (0.06, 0.16, 0.34, 0.2, 0.24)


@dataclass(frozen=True)
class Looks:
    """What a person looks like besides the shape.

    Attributes:
        lightness: L* of the skin (CIELAB), 30 (very dark) to 76 (very light); drawn uniformly, so that no part of
            the range is rarer than another.
        redness: a* of the skin.
        yellowness: b* of the skin.
        hair: linear RGB.
        hair_style: one of `HAIR_STYLES`.
        hairline: cm that the hairline lies higher than on average.
        volume: thickness of the hair, relative.
        brow_darkness: 0-1.
        brow_width: cm.
        brow_height: cm above the brow ridge's landmarks.
        lips: redness of the lips beyond the skin's, 0-1.
        iris: linear RGB.
        pupil: radius as seen from the eye's centre, radians.
        gloss: of the skin.
        freckles: density, 0-1.
        stubble: 0-1.
        lashes: darkness of the lid margins, 0-1.
        creasing: how deep wrinkles become, relative.
        cloth: linear RGB.
        seed: of the skin's noise.
    """

    lightness: float
    redness: float
    yellowness: float
    hair: tuple[float, float, float]
    hair_style: str
    hairline: float
    volume: float
    brow_darkness: float
    brow_width: float
    brow_height: float
    lips: float
    iris: tuple[float, float, float]
    pupil: float
    gloss: float
    freckles: float
    stubble: float
    lashes: float
    creasing: float
    cloth: tuple[float, float, float]
    seed: int


@dataclass(frozen=True, eq=False)
class Person:
    """Who is drawn.

    Attributes:
        subject: name.
        shape: (100,) coefficients of the identity modes, within -2.5 to 2.5.
        looks: appearance.
    """

    subject: str
    shape: np.ndarray
    looks: Looks

    def __post_init__(self) -> None:
        shape = np.asarray(self.shape)
        if shape.shape != (MODES,) or not np.isfinite(shape).all() or np.abs(shape).max() > 2.5:
            raise InputError(f"the shape of a person must be {MODES} numbers from -2.5 to 2.5")


def draw_person(subject: str, rng: np.random.Generator) -> Person:
    """Draw a person: shape from N(0, 1) clipped to +-2.5, looks evenly over their ranges."""
    shape = np.clip(rng.normal(size=MODES), -2.5, 2.5).astype(np.float32)
    return Person(subject, shape, draw_looks(rng))


def draw_looks(rng: np.random.Generator) -> Looks:
    """Draw looks; dark skin comes with dark hair and eyes more often, as among people."""
    lightness = float(rng.uniform(30, 76))
    fair = max(0.0, (lightness - 45) / 31)
    return Looks(
        lightness=lightness,
        redness=float(rng.normal(11, 1.5)),
        yellowness=float(rng.normal(15 + 5 * (1 - abs(lightness - 55) / 25), 1.5)),
        hair=_hair(rng, fair),
        hair_style=str(rng.choice(HAIR_STYLES, p=_STYLE_SHARES)),
        hairline=float(rng.normal(0, 0.6)),
        volume=float(rng.uniform(0.7, 1.4)),
        brow_darkness=float(rng.uniform(0.55, 0.95)),
        brow_width=float(rng.uniform(0.42, 0.8)),
        brow_height=float(rng.normal(-0.1, 0.15)),
        lips=float(rng.uniform(0.25, 1.0)),
        iris=_iris(rng, fair),
        pupil=float(rng.uniform(0.13, 0.2)),
        gloss=float(rng.uniform(0.04, 0.14)),
        freckles=float(rng.beta(0.6, 3.0)),
        stubble=float(rng.choice([0.0, 1.0], p=[0.65, 0.35]) * rng.uniform(0.2, 0.9)),
        lashes=float(rng.uniform(0.5, 1.0)),
        creasing=float(rng.uniform(0.6, 1.4)),
        cloth=_rgb(rng.uniform(0.02, 0.6, 3)),
        seed=int(rng.integers(2**31)),
    )


def _rgb(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _hair(rng: np.random.Generator, fair: float) -> tuple[float, float, float]:
    """Black, brown, red, fair or grey."""
    colours = np.array(
        [[0.012, 0.01, 0.009], [0.05, 0.026, 0.014], [0.2, 0.07, 0.025], [0.42, 0.28, 0.13], [0.4, 0.4, 0.4]]
    )
    shares = np.array([1.2 - fair, 0.5 + 0.5 * fair, 0.12 * fair, 0.5 * fair, 0.15])
    return _rgb(colours[rng.choice(5, p=shares / shares.sum())] * rng.uniform(0.7, 1.4))


def _iris(rng: np.random.Generator, fair: float) -> tuple[float, float, float]:
    """Brown, hazel, green, blue or grey."""
    colours = np.array([[0.09, 0.04, 0.016], [0.2, 0.12, 0.04], [0.16, 0.2, 0.1], [0.13, 0.24, 0.4], [0.24, 0.28, 0.3]])
    shares = np.array([1.1 - 0.7 * fair, 0.3, 0.2 * fair, 0.5 * fair, 0.2 * fair])
    return _rgb(colours[rng.choice(5, p=shares / shares.sum())] * rng.uniform(0.75, 1.25))
