"""A person made ready to be drawn: own geometry, skin, hair and clothes."""

from __future__ import annotations

import math

import numpy as np

from kaoiro.synthesis import paint, raster
from kaoiro.synthesis.head import Head, Surface, sphere_centre, vertices_of
from kaoiro.synthesis.person import Looks, Person

_THICKNESS = {"bald": 0.0, "cropped": 0.25, "short": 0.9, "full": 2.0, "long": 1.5}
_ROOTS = 0.12  # cm that hair begins below the skin, so that its edge runs between vertices
_SHOULDERS, _RADII, _RINGS, _SPOKES = (0.0, -29.0, -3.0), (23.0, 13.0, 11.0), 10, 28
_OVERLAP, _LID, _PRESSED = 1.05, 0.03, 0.09  # of closed lids; thickness of lids and overlap of lips, cm
_IRIS, _STRANDS = 0.42, 0.55  # radius as seen from the eye's centre, radians; contrast of hair
_WHITE, _TOOTH, _GUM = (0.72, 0.7, 0.68), (0.72, 0.66, 0.55), (0.34, 0.09, 0.08)


class Sitter:
    """Everything of a person that stays the same from frame to frame.

    Attributes:
        neutral: (V, 3) float32 vertices at rest, cm.
        blink: weights of eyeBlink_L and eyeBlink_R at which this person's lids are closed.
        surface: head, hair and clothes; hair vertices follow the head's, clothes come last.
        skin: (U, U, 4) texture.
        colours: (W, 3) linear RGB of vertices.
        rest: (W, 3) places on the mean head.
        occlusion: (W,).
        numbers: looks as the shader takes them.
    """

    def __init__(self, head: Head, person: Person) -> None:
        looks = person.looks
        self.person = person
        self._shapes = head.assets.expression
        self._balls: list[tuple[np.ndarray, np.ndarray]] = []
        self.neutral = np.empty_like(head.rest)
        raster.blend(head.rest, head.assets.identity, person.shape.astype(np.float32), self.neutral)
        _close_lips(self.neutral, head)
        self.blink = _blink(self.neutral, head)
        for name in ("M_ScleraLeft", "M_ScleraRight"):
            ball = vertices_of(head.assets, name)
            self.neutral[ball, 2] -= _too_far_out(self.neutral, ball, self.blink, head)
            self._balls.append((ball, sphere_centre(self.neutral[ball])))
        self.skin = paint.skin(head, looks)
        self.hair, self._offset, hair_triangles = _hair(head, looks, self.neutral)
        torso, torso_triangles = _torso()
        self._torso = torso
        count = len(head.rest)
        self.surface = _joined(head.surface, hair_triangles + count, torso_triangles + count + len(self.hair))
        self.welded = np.concatenate(
            [head.welded, _same(head.welded[self.hair]) + count, np.arange(len(torso)) + count + len(self.hair)]
        )
        self.rest = np.concatenate([head.rest, head.rest[self.hair], torso]).astype(np.float32)
        sky = np.ones(len(torso), np.float32)
        self.occlusion = np.concatenate([head.occlusion, 0.3 + 0.7 * head.occlusion[self.hair], sky])
        self.colours = np.concatenate(
            [_colours(head, looks), np.tile(looks.hair, (len(self.hair), 1)), np.tile(looks.cloth, (len(torso), 1))]
        ).astype(np.float32)
        self.numbers = np.array([*looks.iris, looks.pupil, _IRIS, looks.gloss, _STRANDS])
        self.eyes = head.eyes

    @property
    def still(self) -> int:
        """How many vertices, the last ones, do not turn with the head: the shoulders."""
        return len(self._torso)

    def vertices(self, weights: np.ndarray, gaze: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """Return all vertices with an expression and a gaze.

        Args:
            weights: (57,) float32 of the expression shapes; those named eyeLook move lids only.
            gaze: degrees right of the picture and up, by which the eyeballs turn.

        Returns:
            (W, 3) float32 cm.
        """
        count = len(self.neutral)
        result = np.empty((len(self.rest), 3), np.float32)
        raster.blend(self.neutral, self._shapes, weights, result[:count])
        for ball, centre in self._balls:
            result[ball] = turned(result[ball], centre, gaze)
        result[count : count + len(self.hair)] = result[self.hair] + self._offset
        result[count + len(self.hair) :] = self._torso
        return result


def _close_lips(neutral: np.ndarray, head: Head) -> None:
    """Bring the lips of a person together as on the mean head: identity modes part them, and parted lips are AU 25."""
    upper, lower = (head.assets.landmarks[[61, 62, 63]], head.assets.landmarks[[67, 66, 65]])
    shape = head.shape("mouthLowerDown_L") + head.shape("mouthLowerDown_R")
    too_far = _gap(neutral, upper, lower) - _gap(head.rest, upper, lower)
    weight = np.clip(-(too_far + _PRESSED) / _gap(shape, upper, lower), -0.8, 0.8)
    neutral += np.float32(weight) * shape


def _blink(neutral: np.ndarray, head: Head) -> tuple[float, float]:
    """Return the weights that close the lids, left and right of the subject: eyes are open by different amounts."""
    weights = []
    for name, upper, lower in (("eyeBlink_L", (43, 44), (47, 46)), ("eyeBlink_R", (37, 38), (41, 40))):
        above, below = head.assets.landmarks[list(upper)], head.assets.landmarks[list(lower)]
        closed = -_gap(neutral, above, below) / _gap(head.shape(name), above, below)
        weights.append(float(np.clip(_OVERLAP * closed, 0.6, 2.0)))
    return weights[0], weights[1]


def _too_far_out(neutral: np.ndarray, ball: np.ndarray, blink: tuple[float, float], head: Head) -> float:
    """Return how far (cm) an eyeball must go back for this person's closed lids to cover it."""
    centre = sphere_centre(neutral[ball])
    radius = float(np.sqrt(((neutral[ball] - centre) ** 2).sum(axis=1)).max())
    lids = neutral + np.float32(blink[0]) * head.shape("eyeBlink_L") + np.float32(blink[1]) * head.shape("eyeBlink_R")
    skin = np.unique(head.surface.triangles[head.surface.kinds == raster.SKIN])
    x, y, z = (lids[skin] - centre).T
    near = (x**2 + y**2 < (0.8 * radius) ** 2) & (z > 0)
    under = np.sqrt(radius**2 - (x**2 + y**2)[near]) + _LID - z[near]
    return float(np.clip(under.max(initial=0.0), 0, 0.5))


def _gap(points: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> float:
    return float((points[upper, 1] - points[lower, 1]).mean())


def turned(points: np.ndarray, centre: np.ndarray, gaze: tuple[float, float]) -> np.ndarray:
    """Turn points (N, 3) about a centre by a gaze in degrees right and up."""
    right, up = math.radians(gaze[0]), math.radians(gaze[1])
    x, y, z = (points - centre).T
    y, z = y * math.cos(up) + z * math.sin(up), z * math.cos(up) - y * math.sin(up)
    x, z = x * math.cos(right) + z * math.sin(right), z * math.cos(right) - x * math.sin(right)
    return np.stack([x, y, z], axis=1) + centre


def _colours(head: Head, looks: Looks) -> np.ndarray:
    """Return the colours of the head's vertices where no texture lies: scalp, ears, eyes, teeth, gums."""
    colours = np.tile(paint.lab(looks.lightness, looks.redness, looks.yellowness), (len(head.rest), 1))
    shade = paint.hair_mask(head.rest, looks)[:, None] * (0.0 if looks.hair_style == "bald" else 0.9)
    colours = colours + shade * (np.array(looks.hair) * 0.8 - colours)
    colours = colours + paint.collar(head.rest)[:, None] * (np.array(looks.cloth) - colours)
    kinds = {raster.EYE: _WHITE, raster.TEETH: _TOOTH, raster.GUMS: _GUM}
    for kind, colour in kinds.items():
        colours[np.unique(head.surface.triangles[head.surface.kinds == kind])] = colour
    return colours


def _hair(head: Head, looks: Looks, neutral: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the head vertices that carry hair, how far it stands off (H, 3) cm, and its triangles (of H)."""
    thickness = _THICKNESS[looks.hair_style] * looks.volume
    covered = np.isin(head.surface.kinds, (raster.SKIN, raster.SCALP))
    triangles = head.surface.triangles[covered]
    mask = paint.hair_mask(head.rest, looks)
    triangles = triangles[(mask[triangles].max(axis=1) > 0.01)] if thickness else triangles[:0]
    vertices, places = np.unique(triangles, return_inverse=True)
    normal = np.empty_like(neutral)
    raster.normals(neutral, head.surface.triangles, head.welded, normal)
    off = thickness * mask[vertices] * _volume(head.rest[vertices], looks) - _ROOTS
    offset = off[:, None] * normal[vertices]
    return vertices, offset.astype(np.float32), places.reshape(-1, 3).astype(np.int32)


def _volume(at: np.ndarray, looks: Looks) -> np.ndarray:
    """Return how hair thickens over the head: more on top, and towards the ends where it is long; tufts."""
    y = at[:, 1]
    rng = np.random.default_rng(looks.seed + 1)
    waves = rng.normal(0, 1, (3, 3))
    tufts = 1 + 0.12 * np.sin(at @ (0.6 * waves.T)).sum(axis=1)
    top = 0.75 + 0.35 / (1 + np.exp(-(y - 10)))
    length = 1 + 1.3 / (1 + np.exp((y + 2) / 2)) if looks.hair_style == "long" else 1.0
    return np.clip(tufts, 0.6, 1.4) * top * length


def _torso() -> tuple[np.ndarray, np.ndarray]:
    """Return the upper part of an ellipsoid as shoulders: vertices (C, 3) cm and triangles."""
    ring, spoke = np.meshgrid(np.linspace(0.02, 0.62, _RINGS), np.arange(_SPOKES) / _SPOKES, indexing="ij")
    polar, turn = ring * math.pi, spoke * 2 * math.pi
    ball = np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], axis=-1)
    vertices = (np.array(_SHOULDERS) + ball * _RADII).reshape(-1, 3).astype(np.float32)
    i, j = np.meshgrid(np.arange(_RINGS - 1), np.arange(_SPOKES), indexing="ij")
    a, b = (i * _SPOKES + j).ravel(), (i * _SPOKES + (j + 1) % _SPOKES).ravel()
    c, d = a + _SPOKES, b + _SPOKES
    return vertices, np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)


def _joined(base: Surface, hair: np.ndarray, torso: np.ndarray) -> Surface:
    more = len(hair) + len(torso)
    kinds = np.concatenate([base.kinds, np.full(len(hair), raster.HAIR), np.full(len(torso), raster.CLOTH)])
    return Surface(
        triangles=np.ascontiguousarray(np.concatenate([base.triangles, hair, torso]), np.int32),
        kinds=kinds.astype(np.int32),
        uv=np.concatenate([base.uv, np.zeros((more, 3, 2), np.float32)]),
        double=np.concatenate([base.double, np.ones(more, bool)]),
    )


def _same(labels: np.ndarray) -> np.ndarray:
    """Return for every entry the place of the first one with the same label."""
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    return first[group.ravel()]
