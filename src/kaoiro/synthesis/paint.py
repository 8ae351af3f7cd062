"""Paint a person's skin: a texture from the places of its texels on the mean head.

Because it is painted in space (cm on the mean head), not in texture coordinates, brows, lips and stubble are the same
functions for every person and stay where the muscles are: they move with the skin.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image

from kaoiro.synthesis.head import TEXELS, Head
from kaoiro.synthesis.person import Looks

_UPPER_LIDS = ((36, 37, 38, 39), (42, 43, 44, 45))
_LOWER_LIDS = ((36, 41, 40, 39), (42, 47, 46, 45))
_BROWS = ((21, 20, 19, 18, 17), (22, 23, 24, 25, 26))  # from the nose outwards
_LIPS = tuple(range(48, 60))


def skin(head: Head, looks: Looks) -> np.ndarray:
    """Return the face's texture: (U, U, 4) float32 linear RGB and gloss 0-1."""
    canvas = _Canvas(head, looks)
    layers = (canvas.tone, canvas.freckles, canvas.stubble, canvas.lips, canvas.brows, canvas.lids, canvas.hairline)
    for layer in (*layers, canvas.collar):
        layer()
    return np.dstack([canvas.colour.clip(0.002, 1), canvas.gloss]).astype(np.float32)


def lab(lightness: float, a: float, b: float) -> np.ndarray:
    """Convert CIELAB (D65) to linear sRGB, (3,)."""
    y = (lightness + 16) / 116
    xyz = np.array([_cube(y + a / 500) * 0.9505, _cube(y), _cube(y - b / 200) * 1.089])
    matrix = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    return np.array(matrix) @ xyz


def _cube(t: float) -> float:
    return t**3 if t > 6 / 29 else 3 * (6 / 29) ** 2 * (t - 4 / 29)


def smooth_noise(rng: np.random.Generator, cells: int, side: int = TEXELS) -> np.ndarray:
    """Return noise of standard deviation about 1 with `cells` independent values a side: (side, side)."""
    grid = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
    return np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC)) * 1.3


def along(points: np.ndarray, line: np.ndarray, reach: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Measure points against a polyline.

    Args:
        points: (..., D) places, cm.
        line: (N, D) corners.
        reach: cm; what lies further from the line's bounds is infinitely far.

    Returns:
        Distance (...,), and how far along the line the nearest place lies, 0-1 of its length (...,).
    """
    near = ((points > line.min(axis=0) - reach) & (points < line.max(axis=0) + reach)).all(axis=-1)
    distance, place = np.full(near.shape, np.inf), np.zeros(near.shape)
    distance[near], place[near] = _along(points[near], line)
    return distance, place


def _along(points: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.sqrt((np.diff(line, axis=0) ** 2).sum(axis=1))
    starts = np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum()
    best, place = np.full(len(points), np.inf), np.zeros(len(points))
    for k, (a, b) in enumerate(pairwise(line)):
        t = np.clip(((points - a) * (b - a)).sum(axis=1) / lengths[k] ** 2, 0, 1)
        distance = np.sqrt(((points - (a + t[:, None] * (b - a))) ** 2).sum(axis=1))
        place = np.where(distance < best, starts[k] + t * (starts[k + 1] - starts[k]), place)
        best = np.minimum(best, distance)
    return best, place


def step(x: np.ndarray, soft: float) -> np.ndarray:
    """Return 0 below and 1 above zero with a soft edge."""
    return 1 / (1 + np.exp(-np.clip(x / soft, -30, 30)))


def bump(points: np.ndarray, centre: tuple[float, ...], radius: tuple[float, ...]) -> np.ndarray:
    """Return a Gaussian of 1 at a centre: (..., D) -> (...,)."""
    return np.exp(-(((points - centre) / radius) ** 2).sum(axis=-1))


class _Canvas:
    """Colour and gloss in work."""

    def __init__(self, head: Head, looks: Looks) -> None:
        self.looks, self.marks = looks, head.marks
        self.at, self.facing = head.places, head.facing
        self.rng = np.random.default_rng(looks.seed)
        self.colour = np.empty((TEXELS, TEXELS, 3))
        self.gloss = np.ones((TEXELS, TEXELS))

    def _mix(self, share: np.ndarray, colour: np.ndarray | tuple[float, ...]) -> None:
        self.colour += share[:, :, None] * (np.asarray(colour) - self.colour)

    def _tint(self, share: np.ndarray, factors: tuple[float, float, float]) -> None:
        self.colour *= 1 + share[:, :, None] * (np.array(factors) - 1)

    def _front(self, x: float, y: float, wide: float, high: float) -> np.ndarray:
        """A soft blob on both sides of the face, in front view."""
        mirrored = np.stack([np.abs(self.at[:, :, 0]), self.at[:, :, 1]], axis=-1)
        return bump(mirrored, (x, y), (wide, high)) * step(self.at[:, :, 2] - 3, 0.5)

    def tone(self) -> None:
        """Skin colour, mottled; redder on cheeks and nose, darker round the eyes."""
        looks, rng = self.looks, self.rng
        self.colour[:] = lab(looks.lightness, looks.redness, looks.yellowness)
        mottled = 0.035 * smooth_noise(rng, 9) + 0.025 * smooth_noise(rng, 40) + 0.03 * smooth_noise(rng, 170)
        self.colour *= np.exp(mottled)[:, :, None]
        warm = self._front(4.2, 0.2, 2.0, 1.8) + 0.8 * self._front(0, 0.6, 1.3, 1.3) + 0.3 * self._front(0, -6.5, 2, 1)
        self._tint(warm.clip(0, 1) * rng.uniform(0.3, 1.0), (1.08, 0.84, 0.84))
        self._tint(self._front(3.1, 2.6, 1.5, 0.6) * rng.uniform(0.2, 1.0), (0.84, 0.78, 0.8))
        self._tint(self._front(3.1, 4.4, 1.5, 0.5) * rng.uniform(0.1, 0.7), (0.86, 0.8, 0.82))
        self.gloss += 0.6 * self._front(0, 8, 2.5, 2) + 0.8 * self._front(0, 1, 0.9, 2) - 0.4 * self._front(5, -3, 2, 3)

    def freckles(self) -> None:
        """Small dark spots, most of them on the upper cheeks, and a few moles."""
        rng = self.rng
        spots = np.clip(smooth_noise(rng, 150) - 1.7, 0, 1) * self.looks.freckles
        spots *= 0.25 + self._front(3, 1, 3.2, 2).clip(0, 1)
        self._tint(spots.clip(0, 1), (0.55, 0.42, 0.32))
        for _ in range(rng.poisson(2.0)):
            centre = (*rng.uniform((-6, -6), (6, 9)),)
            mole = bump(self.at[:, :, :2], centre, (0.13, 0.13)) * step(self.at[:, :, 2] - 4, 0.3)
            self._tint(mole, (0.3, 0.22, 0.18))

    def stubble(self) -> None:
        """Beard shadow below cheek bones and nose."""
        x, y = np.abs(self.at[:, :, 0]), self.at[:, :, 1]
        below = step(-2.2 - 0.35 * (x - 3.5).clip(0) - y + 0.35 * (3.0 - x).clip(0), 0.45)
        jaw = below * step(y + 9.5, 0.6) * step(self.at[:, :, 2] - 1.5, 1.0)
        grain = 1 + 0.35 * smooth_noise(self.rng, 250)
        self._mix(0.62 * self.looks.stubble * (jaw * grain).clip(0, 1), np.array(self.looks.hair) * 0.7 + 0.02)

    def lips(self) -> None:
        """Redder and glossier within the outline of the lips."""
        outline = self.marks[list(_LIPS)]
        inside = _inside(self.at[:, :, :2], outline[:, :2])
        edge = along(self.at[:, :, :2], np.vstack([outline, outline[:1]])[:, :2], reach=2.0)[0]
        share = step(np.where(inside, edge, -edge), 0.09) * step(self.at[:, :, 2] - 8.5, 0.2)
        near = step(self.at[:, :, 1] + 6, 0.2) * share
        red = 0.35 + 0.65 * self.looks.lips
        self._tint(near, (1 - 0.16 * red, 1 - 0.52 * red, 1 - 0.46 * red))
        self.gloss += 1.3 * near

    def brows(self) -> None:
        """Hair strokes along the brow ridges, thinning outwards."""
        looks = self.looks
        strokes = smooth_noise(self.rng, 260) * 0.5 + smooth_noise(self.rng, 130) * 0.5
        for brow in _BROWS:
            line = self.marks[list(brow)] + (0, looks.brow_height, 0)
            distance, place = along(self.at, line)
            half = looks.brow_width * (0.5 - 0.3 * place) * (0.55 + 0.45 * step(place - 0.08, 0.04))
            share = step(half - distance + 0.07 * strokes, 0.05)
            self._mix(looks.brow_darkness * share * (0.8 + 0.2 * strokes).clip(0, 1), np.array(looks.hair) * 0.6)
            self.gloss *= 1 - 0.8 * share

    def lids(self) -> None:
        """Dark margins: lashes above, fainter below, and a fold in the upper lid."""
        for lids, dark, wide in ((_UPPER_LIDS, 0.95, 0.15), (_LOWER_LIDS, 0.5, 0.08)):
            for lid in lids:
                distance, place = along(self.at, self.marks[list(lid)])
                rim = np.exp(-((distance / wide) ** 2)) * self.looks.lashes
                self._mix(dark * rim * (0.6 + 0.4 * np.abs(2 * place - 1)), np.array(self.looks.hair) * 0.4)

    def hairline(self) -> None:
        """Shaded scalp where hair begins, so that thin hair has no hard edge."""
        if self.looks.hair_style == "bald":
            return
        share = hair_mask(self.at, self.looks) * step(self.at[:, :, 1] - 3.5, 0.5)
        self._mix(0.9 * share, np.array(self.looks.hair) * 0.8)

    def collar(self) -> None:
        """Cloth from the base of the neck on."""
        share = collar(self.at)
        self._mix(share, self.looks.cloth)
        self.gloss *= 1 - share


def _inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Whether points (..., 2) lie within a polygon (N, 2): even-odd rule."""
    result = np.zeros(points.shape[:-1], bool)
    x, y = points[..., 0], points[..., 1]
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if ay == by:
            continue
        crosses = (ay > y) != (by > y)
        result ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return result


def hair_mask(places: np.ndarray, looks: Looks) -> np.ndarray:
    """Return how far a place lies within the hair, 0-1: (..., 3) -> (...,).

    The front edge runs, uneven, over the forehead to the temples and down before the ears, which stay free.
    """
    x, y, z = np.abs(places[..., 0]), places[..., 1], places[..., 2]
    wave, bent = 0.06 + 0.05 * (looks.seed % 5), 0.02 + 0.012 * (looks.seed % 7)  # fringes differ
    uneven = wave * np.sin(2.1 * places[..., 0] + looks.seed % 11) + 0.1 * np.sin(5.3 * places[..., 0] + looks.seed % 5)
    above = step(y - (10.2 + looks.hairline - bent * x**2 + uneven), 0.25)
    behind = step(4.0 - 0.25 * (y - 4).clip(0) + uneven - z, 0.35) * step(y - 3.2, 0.4)
    nape = step(-1.0 - z, 0.5) * step(y + (13.0 if looks.hair_style == "long" else 3.0), 0.6)
    ear = step(x - 6.7, 0.15) * step(5.3 - y, 0.2) * step(y + 3.0, 0.2) * step(z + 2.2, 0.3)
    return np.maximum(np.maximum(above, behind), nape) * (1 - ear)


def collar(places: np.ndarray) -> np.ndarray:
    """Return how far a place lies within the clothes, 0-1: (..., 3) -> (...,); the neckline rises to the shoulders."""
    return step(-16.0 + 0.4 * np.abs(places[..., 0]) - places[..., 1], 0.08) * step(-9.0 - places[..., 1], 0.2)
