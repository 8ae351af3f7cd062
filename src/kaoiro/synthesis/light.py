"""Light: ambient and a few distant lamps, as spherical harmonics of order 2."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kaoiro.core.checks import require

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Lamp:
    """A distant lamp.

    Attributes:
        azimuth: degrees, 0 before the face, positive to the right of the picture.
        elevation: degrees, positive above.
        colour: linear RGB of what arrives on a surface that faces it.
    """

    azimuth: float
    elevation: float
    colour: Colour = (1.0, 1.0, 1.0)

    @property
    def direction(self) -> np.ndarray:
        """(3,) unit vector to the lamp: right, up, towards the camera."""
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        return np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])


@dataclass(frozen=True)
class Light:
    """What shines on a scene.

    Attributes:
        ambient: linear RGB from everywhere.
        lamps: the first makes the highlights.
    """

    ambient: Colour = (0.45, 0.45, 0.45)
    lamps: tuple[Lamp, ...] = (Lamp(-25, 35, (0.75, 0.75, 0.75)),)

    def __post_init__(self) -> None:
        numbers = [*self.ambient, *(value for lamp in self.lamps for value in (lamp.azimuth, lamp.elevation))]
        numbers += [value for lamp in self.lamps for value in lamp.colour]
        require(all(math.isfinite(value) for value in numbers), "a light", "finite numbers", numbers)

    def coefficients(self) -> np.ndarray:
        """Return the harmonics of the incoming light: (9, 3) in the order (l, m) of Ramamoorthi and Hanrahan."""
        result = np.zeros((9, 3))
        result[0] = np.array(self.ambient) * math.pi / 0.886227  # irradiance pi x ambient from every side
        for lamp in self.lamps:
            result += np.outer(harmonics(lamp.direction), np.array(lamp.colour) * math.pi)
        return result

    @property
    def highlight(self) -> np.ndarray:
        """(3,) direction of the highlights."""
        return self.lamps[0].direction if self.lamps else np.array([0.0, 0.6, 0.8])


def harmonics(direction: np.ndarray) -> np.ndarray:
    """Return the nine real harmonics of order 2 at a unit direction: (9,)."""
    x, y, z = direction
    return np.array(
        [
            0.282095,
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3 * z * z - 1),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ]
    )


def draw_light(rng: np.random.Generator, contrast: float, cast: float = 0.08) -> Light:
    """Draw a light: a key lamp, a weaker fill from the other side, ambient.

    Args:
        rng: source of randomness.
        contrast: 0 flat to 1 strong key with little ambient.
        cast: standard deviation of the colour of each part, relative.
    """

    def tint(strength: float) -> Colour:
        red, green, blue = strength * np.exp(rng.normal(0, cast, 3))
        return float(red), float(green), float(blue)

    side = float(rng.choice([-1, 1]))
    azimuth, elevation = side * rng.uniform(5, 25 + 55 * contrast), rng.uniform(5, 50)
    key = Lamp(float(azimuth), float(elevation), tint(0.45 + 0.5 * contrast))
    fill = Lamp(float(-side * rng.uniform(20, 80)), float(rng.uniform(-10, 30)), tint(0.3 - 0.2 * contrast))
    return Light(tint(0.5 - 0.32 * contrast), (key, fill))
