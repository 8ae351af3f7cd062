"""The head as it is drawn: which quads, what they are made of, where they lie on the mean head, how much sky they see.

Everything here is the same for all people and computed once when the assets are opened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kaoiro.synthesis import raster
from kaoiro.synthesis.assets import Assets

TEXELS = 512
EYE_RADIUS = 1.577
"""cm; a sphere fitted to the sclera. It is drawn a little smaller, so that closed lids cover it."""
_KINDS = {
    "M_Face": raster.SKIN,
    "M_BackHead": raster.SCALP,
    "M_ScleraLeft": raster.EYE,
    "M_ScleraRight": raster.EYE,
    "M_Teeth": raster.TEETH,
    "M_GumsTongue": raster.GUMS,
}  # lashes, tear fluid and the shadow shells of the eyes are transparent in the original and left out
_OPEN = {
    "jawOpen": 0.55,
    "mouthUpperUp_L": 0.6,
    "mouthUpperUp_R": 0.6,
    "mouthLowerDown_L": 0.5,
    "mouthLowerDown_R": 0.5,
}
_DIRECTIONS, _VIEW = 48, 192
_MOLARS = 1.7  # cm from the middle where teeth get half of the light


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles of one mesh.

    Attributes:
        triangles: (T, 3) int32 vertex numbers.
        kinds: (T,) int32, see `kaoiro.synthesis.raster`.
        uv: (T, 3, 2) float32.
        double: (T,) bool, whether backs are seen.
    """

    triangles: np.ndarray
    kinds: np.ndarray
    uv: np.ndarray
    double: np.ndarray


class Head:
    """The mean head and what is baked onto it.

    Args:
        assets: of the morphable model.
    """

    def __init__(self, assets: Assets) -> None:
        self.assets = assets
        self.rest = _seated(assets.neutral, assets)
        self.surface = _surface(assets)
        self.welded = _welded(assets.neutral)

    def shape(self, name: str) -> np.ndarray:
        """Return an expression shape: (V, 3) cm."""
        return self.assets.expression[self.assets.expression_names.index(name)]

    @cached_property
    def eyes(self) -> np.ndarray:
        """(2, 6) centre (cm) and axis of the subject's left and right eye."""
        found = []
        for name in ("M_IrisLeft", "M_IrisRight"):
            points = self.assets.neutral[vertices_of(self.assets, name.replace("Iris", "Sclera"))]
            centre = sphere_centre(points)
            found.append([*centre, 0.0, 0.0, 1.0])
        return np.array(found, np.float64)

    @cached_property
    def occlusion(self) -> np.ndarray:
        """(V,) float32 share of the sky seen at rest; for teeth and gums with an open mouth."""
        names = list(self.assets.expression_names)
        weights = np.zeros(len(names), np.float32)
        for name, weight in _OPEN.items():
            weights[names.index(name)] = weight
        opened = np.empty_like(self.rest)
        raster.blend(self.rest, self.assets.expression, weights, opened)
        at_rest, inside = self._sky(self.rest), self._sky(opened)
        mouth = np.zeros(len(self.rest), bool)
        for name in ("M_Teeth", "M_GumsTongue"):
            mouth[vertices_of(self.assets, name)] = True
        corner = 1 / (1 + (np.abs(self.rest[:, 0]) / _MOLARS) ** 4)  # cheeks shade the back teeth
        lit = np.where(mouth, corner * (0.25 + 0.75 * inside), 0.1 + 0.9 * at_rest)  # light is reflected, too
        return lit.astype(np.float32)

    def _sky(self, points: np.ndarray) -> np.ndarray:
        """Return the cosine-weighted share of directions from which a vertex is seen."""
        normal = np.empty_like(points)
        raster.normals(points, self.surface.triangles, self.welded, normal)
        seen, whole = np.zeros(len(points)), np.full(len(points), 1e-9)
        for direction in _sphere(_DIRECTIONS):
            cosine = np.clip(normal @ direction, 0, None)
            seen += cosine * self._visible(points, direction)
            whole += cosine
        return seen / whole

    def _visible(self, points: np.ndarray, direction: np.ndarray) -> np.ndarray:
        side = np.cross(direction, (0.0, 1.0, 0.01))
        side /= np.linalg.norm(side)
        view = points @ np.stack([side, np.cross(direction, side), direction], axis=1)
        low, high = view.min(axis=0), view.max(axis=0)
        screen = np.empty_like(points)
        screen[:, :2] = (view[:, :2] - low[:2]) / (high[:2] - low[:2]).max() * (_VIEW - 1)
        screen[:, 2] = view[:, 2] - low[2] + 1
        depth = np.zeros((_VIEW, _VIEW), np.float32)
        nearest = np.full((_VIEW, _VIEW), raster.NOTHING, np.int32)
        raster.draw(screen, self.surface.triangles, np.ones(len(self.surface.triangles), bool), depth, nearest)
        x, y = np.clip(screen[:, :2].astype(int), 0, _VIEW - 1).T
        return screen[:, 2] > depth[y, x] - 0.35

    @cached_property
    def places(self) -> np.ndarray:
        """(U, U, 3) float32: where each texel of the face lies on the mean head at rest, cm."""
        return _places(self.surface, self.rest)

    @cached_property
    def facing(self) -> np.ndarray:
        """(U, U, 3) float32 outward normal of each texel of the face."""
        normal = np.empty_like(self.rest)
        raster.normals(self.rest, self.surface.triangles, self.welded, normal)
        found = _places(self.surface, normal)
        return found / np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-6)

    @cached_property
    def marks(self) -> np.ndarray:
        """(68, 3) landmarks of the mean head at rest, cm."""
        return self.rest[self.assets.landmarks]


def vertices_of(assets: Assets, material: str) -> np.ndarray:
    """Return the numbers of the vertices that a material uses."""
    used = np.unique(assets.faces[assets.face_material == assets.materials.index(material)])
    return used[used >= 0]


def _seated(neutral: np.ndarray, assets: Assets) -> np.ndarray:
    """Return the vertices with smaller eyeballs and teeth further back, behind closed lids and lips."""
    points = neutral.copy()
    for name in ("M_ScleraLeft", "M_ScleraRight"):
        balls = vertices_of(assets, name)
        centre = sphere_centre(points[balls])
        points[balls] = centre + 0.94 * (points[balls] - centre)
    points[vertices_of(assets, "M_Teeth"), 2] -= 0.12
    return points


def sphere_centre(points: np.ndarray) -> np.ndarray:
    """Return the centre of the sphere through points, by least squares: |p|^2 = 2 p.c + const."""
    system = np.column_stack([2 * points, np.ones(len(points))]).astype(np.float64)
    return np.linalg.lstsq(system, (points.astype(np.float64) ** 2).sum(axis=1), rcond=None)[0][:3]


def _surface(assets: Assets) -> Surface:
    kinds = np.array([_KINDS.get(name, raster.NOTHING) for name in assets.materials], np.int32)[assets.face_material]
    quads, corners = assets.faces[kinds >= 0], assets.faces_uv[kinds >= 0]
    kinds = kinds[kinds >= 0]
    four = quads[:, 3] >= 0  # a triangle has -1 there
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[four][:, [0, 2, 3]]])
    uv = np.concatenate([corners[:, [0, 1, 2]], corners[four][:, [0, 2, 3]]])
    kinds = np.concatenate([kinds, kinds[four]])
    double = np.isin(kinds, (raster.GUMS, raster.SCALP))
    return Surface(np.ascontiguousarray(triangles, np.int32), kinds, assets.uv[uv].astype(np.float32), double)


def _welded(points: np.ndarray) -> np.ndarray:
    """Return for every vertex the first one at the same place, so that shading has no seams."""
    _, first, group = np.unique(np.round(points, 4), axis=0, return_index=True, return_inverse=True)
    return first[group.ravel()].astype(np.int64)


def _sphere(count: int) -> np.ndarray:
    """Return unit vectors spread evenly over the sphere (Fibonacci lattice): (count, 3)."""
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, math.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z**2)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)


def _places(surface: Surface, values: np.ndarray) -> np.ndarray:
    """Spread values of vertices over the face's texture: (V, 3) -> (U, U, 3); gaps take the nearest texel's."""
    face = surface.kinds == raster.SKIN
    corners = surface.uv[face].reshape(-1, 2)
    screen = np.ones((len(corners), 3), np.float32)
    screen[:, 0], screen[:, 1] = corners[:, 0] * TEXELS, (1 - corners[:, 1]) * TEXELS
    triangles = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    depth = np.zeros((TEXELS, TEXELS), np.float32)
    nearest = np.full((TEXELS, TEXELS), raster.NOTHING, np.int32)
    raster.draw(screen, triangles, np.ones(len(triangles), bool), depth, nearest)
    found = _interpolated(nearest, screen, values[surface.triangles[face]])
    return _filled(found, nearest >= 0)


def _interpolated(nearest: np.ndarray, screen: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the barycentric mix of corner values (T, 3, C) at the pixels that show a triangle."""
    rows, columns = np.nonzero(nearest >= 0)
    shown = nearest[rows, columns]
    a, b, c = screen.reshape(-1, 3, 3)[shown].transpose(1, 0, 2)[:, :, :2]
    here = np.stack([columns + 0.5, rows + 0.5], axis=1)
    area = _cross(b - a, c - a)
    p, q = _cross(b - here, c - here) / area, _cross(c - here, a - here) / area
    share = np.stack([p, q, 1 - p - q], axis=1)[:, :, None]
    result = np.zeros((*nearest.shape, corners.shape[2]), np.float32)
    result[rows, columns] = (share * corners[shown]).sum(axis=1)
    return result


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def _filled(values: np.ndarray, known: np.ndarray, rounds: int = 12) -> np.ndarray:
    """Grow known texels outwards, so that samples at a seam do not mix in what is not there."""
    values, known = values.copy(), known.copy()
    for _ in range(rounds):
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            moved, there = np.roll(values, step, axis), np.roll(known, step, axis)
            new = there & ~known
            values[new] = moved[new]
            known |= new
    return values
