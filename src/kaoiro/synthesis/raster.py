"""A z-buffer rasteriser and its shading, compiled: deterministic, headless, nothing but NumPy and Numba.

Shading is deferred. `draw` leaves for every subpixel the triangle that is nearest, `shade` evaluates colour there with
perspective-correct barycentric coordinates (Heckbert and Moreton, 1991), smooth normals, order-2 spherical-harmonic
light (Ramamoorthi and Hanrahan, 2001, eq. 13), a weak Blinn-Phong highlight and baked ambient occlusion.

Shape legend: V vertices, T triangles, S subpixels a side, U texels a side.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SKIN, SCALP, EYE, TEETH, GUMS, HAIR, CLOTH = range(7)
"""Kinds of surface, by triangle."""
NOTHING = -1


@njit(cache=True, nogil=True)
def blend(base: np.ndarray, shapes: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """Write base + sum of weighted shapes: (V, 3), (K, V, 3), (K,) -> out (V, 3)."""
    count = base.shape[0]
    for v in range(count):
        for axis in range(3):
            out[v, axis] = base[v, axis]
    for k in range(shapes.shape[0]):
        weight = weights[k]
        if weight == 0:
            continue
        for v in range(count):
            for axis in range(3):
                out[v, axis] += weight * shapes[k, v, axis]


@njit(cache=True, nogil=True)
def project(
    points: np.ndarray, turn: np.ndarray, pivot: np.ndarray, shift: np.ndarray, still: int, far: float
) -> np.ndarray:
    """Turn vertices about a pivot, move them, and project them.

    Compiled here rather than left to a matrix product, whose rounding depends on how many threads take part.

    Args:
        points: (V, 3) float32 cm, moved in place; x right, y up, z towards the camera.
        turn: (3, 3).
        pivot: (3,) cm.
        shift: (3,) cm.
        still: how many vertices, the last ones, do not turn.
        far: cm from the camera to the origin.

    Returns:
        (V, 3) float32: right and down in cm at the origin's distance, and one over the distance.
    """
    plane = np.empty_like(points)
    for v in range(points.shape[0]):
        if v < points.shape[0] - still:
            x, y, z = points[v, 0] - pivot[0], points[v, 1] - pivot[1], points[v, 2] - pivot[2]
            for axis in range(3):
                points[v, axis] = turn[axis, 0] * x + turn[axis, 1] * y + turn[axis, 2] * z + pivot[axis]
        for axis in range(3):
            points[v, axis] += shift[axis]
        near = 1 / max(far - points[v, 2], 1.0)
        plane[v, 0] = points[v, 0] * near * far
        plane[v, 1] = -points[v, 1] * near * far
        plane[v, 2] = near
    return plane


@njit(cache=True, nogil=True)
def normals(points: np.ndarray, triangles: np.ndarray, welded: np.ndarray, out: np.ndarray) -> None:
    """Write smooth unit normals; vertices that `welded` maps to one number share theirs.

    Args:
        points: (V, 3).
        triangles: (T, 3) vertex numbers.
        welded: (V,) representative of every vertex.
        out: (V, 3) float32.
    """
    out[:] = 0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in range(3):
            v = welded[triangles[t, corner]]
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(points.shape[0]):
        if welded[v] == v:
            length = math.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2) + 1e-12
            for axis in range(3):
                out[v, axis] /= length
    for v in range(points.shape[0]):
        if welded[v] != v:
            for axis in range(3):
                out[v, axis] = out[welded[v], axis]


@njit(cache=True, nogil=True)
def draw(screen: np.ndarray, triangles: np.ndarray, double: np.ndarray, depth: np.ndarray, nearest: np.ndarray) -> None:
    """Find the nearest triangle of every subpixel.

    Args:
        screen: (V, 3) x and y in subpixels and inverse distance; larger is nearer.
        triangles: (T, 3), counter-clockwise as seen from outside.
        double: (T,) whether the back is seen too.
        depth: (S, S) float32 inverse distance so far; smaller where nothing is.
        nearest: (S, S) int32, triangle numbers, `NOTHING` where none is.
    """
    high, wide = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, aw = screen[a, 0], screen[a, 1], screen[a, 2]
        bx, by, bw = screen[b, 0], screen[b, 1], screen[b, 2]
        cx, cy, cw = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or (area > 0 and not double[t]):  # the picture's y runs down, so fronts turn clockwise
            continue
        left = max(0, math.ceil(min(ax, bx, cx) - 0.5))
        right = min(wide - 1, math.floor(max(ax, bx, cx) - 0.5))
        top = max(0, math.ceil(min(ay, by, cy) - 0.5))
        bottom = min(high - 1, math.floor(max(ay, by, cy) - 0.5))
        inverse = 1 / area
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                p = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * inverse
                q = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * inverse
                r = 1 - p - q
                if p < 0 or q < 0 or r < 0:
                    continue
                w = p * aw + q * bw + r * cw
                if w > depth[row, column]:
                    depth[row, column] = w
                    nearest[row, column] = t


@njit(cache=True, nogil=True)
def hashed(x: int, y: int) -> float:
    """Return a fixed pseudo-random number of 0-1 for a lattice point."""
    n = (x * 374761393 + y * 668265263) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@njit(cache=True, nogil=True)
def lattice_noise(x: float, y: float) -> float:
    """Return smooth value noise of 0-1 with one lattice point a unit."""
    i, j = math.floor(x), math.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    above = hashed(i, j) * (1 - u) + hashed(i + 1, j) * u
    below = hashed(i, j + 1) * (1 - u) + hashed(i + 1, j + 1) * u
    return above * (1 - v) + below * v


@njit(cache=True, nogil=True)
def texel(texture: np.ndarray, u: float, v: float, out: np.ndarray) -> None:
    """Write the bilinear sample of a (U, U, C) texture; v runs up, the border repeats."""
    side = texture.shape[0]
    x = min(max(u * side - 0.5, 0.0), side - 1.001)
    y = min(max((1 - v) * side - 0.5, 0.0), side - 1.001)
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    for channel in range(texture.shape[2]):
        above = texture[j, i, channel] * (1 - fx) + texture[j, i + 1, channel] * fx
        below = texture[j + 1, i, channel] * (1 - fx) + texture[j + 1, i + 1, channel] * fx
        out[channel] = above * (1 - fy) + below * fy


@njit(cache=True, nogil=True)
def irradiance(light: np.ndarray, channel: int, x: float, y: float, z: float) -> float:
    """Return light arriving at a surface of unit normal (x, y, z): order-2 harmonics, (9, 3) coefficients."""
    c1, c2, c3, c4, c5 = 0.429043, 0.511664, 0.743125, 0.886227, 0.247708
    k = light[:, channel]
    value = c1 * k[8] * (x * x - y * y) + c3 * k[6] * z * z + c4 * k[0] - c5 * k[6]
    value += 2 * c1 * (k[4] * x * y + k[7] * x * z + k[5] * y * z)
    value += 2 * c2 * (k[3] * x + k[1] * y + k[2] * z)
    return max(0.0, value)


@njit(cache=True, nogil=True)
def shares(screen: np.ndarray, a: int, b: int, c: int, x: float, y: float) -> tuple[float, float, float]:
    """Return the perspective-correct barycentric coordinates of a point of the picture in a triangle."""
    ax, ay, bx, by, cx, cy = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
    inverse = 1 / ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
    p = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * inverse
    q = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * inverse
    p, q, r = p * screen[a, 2], q * screen[b, 2], (1 - p - q) * screen[c, 2]
    total = p + q + r
    return p / total, q / total, r / total


@njit(cache=True, nogil=True)
def mixed(values: np.ndarray, a: int, b: int, c: int, at: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return three values a vertex, interpolated."""
    p, q, r = at
    return (
        p * values[a, 0] + q * values[b, 0] + r * values[c, 0],
        p * values[a, 1] + q * values[b, 1] + r * values[c, 1],
        p * values[a, 2] + q * values[b, 2] + r * values[c, 2],
    )


@njit(cache=True, nogil=True)
def unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return a vector of length 1."""
    length = math.sqrt(x * x + y * y + z * z) + 1e-9
    return x / length, y / length, z / length


@njit(cache=True, nogil=True)
def ramped(x: float) -> float:
    """Return x within 0-1."""
    return min(1.0, max(0.0, x))


@njit(cache=True, nogil=True)
def eye_colour(
    place: tuple[float, float, float], eyes: np.ndarray, white: np.ndarray, looks: np.ndarray, out: np.ndarray
) -> None:
    """Write the colour of an eyeball, painted by the angle from its axis: white with veins, iris with rays, pupil."""
    side = 0 if place[0] > 0 else 1
    dx, dy, dz = unit(place[0] - eyes[side, 0], place[1] - eyes[side, 1], place[2] - eyes[side, 2])
    cosine = dx * eyes[side, 3] + dy * eyes[side, 4] + dz * eyes[side, 5]
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    around = math.atan2(dy - eyes[side, 4] * cosine, dx - eyes[side, 3] * cosine)
    iris, pupil = ramped((looks[4] - angle) / 0.03 + 0.5), ramped((looks[3] - angle) / 0.03 + 0.5)
    rays = 0.75 + 0.5 * lattice_noise(around * 9, angle * 14)
    limb = max(0.35, ramped((looks[4] - angle) / 0.1 + 0.35))
    veins = 0.05 * lattice_noise(around * 7, angle * 9) * max(0.0, angle - 0.5)
    for axis in range(3):
        sclera = white[axis] * (1 - (0.0 if axis == 0 else 2.5) * veins)
        out[axis] = (sclera * (1 - iris) + looks[axis] * rays * limb * iris) * (1 - 0.97 * pupil)


@njit(cache=True, nogil=True)
def grain(kind: int, place: tuple[float, float, float], looks: np.ndarray) -> float:
    """Return the factor on the colour of a surface without texture: strands of hair, weave of cloth."""
    if kind == HAIR:
        bend = 2.0 * lattice_noise(place[1] * 0.7, place[0])
        strand = lattice_noise(math.atan2(place[0], place[2]) * 42 + bend, place[1] * 0.35)
        return 1 + looks[6] * (strand - 0.5) * 2
    if kind == CLOTH:
        return 0.9 + 0.2 * lattice_noise(place[0] * 3, place[1] * 3)
    return 1.0


@njit(cache=True, nogil=True)
def highlight(kind: int, gloss: float) -> tuple[float, float]:
    """Return strength and exponent of the highlight of a kind of surface; `gloss` is the person's skin's."""
    if kind == SKIN:
        return gloss, 20.0
    if kind == SCALP:
        return 0.6 * gloss, 20.0
    if kind == EYE:
        return 0.9, 120.0
    if kind == TEETH:
        return 0.35, 40.0
    if kind == GUMS:
        return 0.2, 30.0
    if kind == HAIR:
        return 0.04, 10.0
    return 0.0, 1.0


@njit(cache=True, nogil=True)
def shade(
    nearest: np.ndarray,
    screen: np.ndarray,
    triangles: np.ndarray,
    kinds: np.ndarray,
    uv: np.ndarray,
    normal: np.ndarray,
    rest: np.ndarray,
    occlusion: np.ndarray,
    colours: np.ndarray,
    skin: np.ndarray,
    creases: np.ndarray,
    turn: np.ndarray,
    light: np.ndarray,
    lamp: np.ndarray,
    looks: np.ndarray,
    eyes: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the linear colour and the coverage of every subpixel.

    Args:
        nearest: (S, S) triangle numbers.
        screen: (V, 3) as for `draw`.
        triangles: (T, 3).
        kinds: (T,) kinds of surface.
        uv: (T, 3, 2) texture coordinates of the corners.
        normal: (V, 3) unit normals, camera frame.
        rest: (V, 3) where a vertex lies on the mean head at rest, cm.
        occlusion: (V,) share of the sky that a vertex sees.
        colours: (V, 3) linear colour where no texture is.
        skin: (U, U, 4) linear colour of the face and its gloss.
        creases: (U, U, 4) gradient of the wrinkles' height in the head's frame, and the height, cm.
        turn: (3, 3) head's frame to camera frame.
        light: (9, 3) harmonics.
        lamp: (3,) direction of the highlight.
        looks: iris colour (3), pupil and iris radius (radians), gloss, hair strand contrast, light in the mouth (0-1).
        eyes: (2, 6) centre and axis of each eye at rest.
        out: (S, S, 4) float32.
    """
    sample, crease, colour = np.empty(4), np.empty(4), np.empty(3)
    half = unit(lamp[0], lamp[1], lamp[2] + 1.0)
    for row in range(nearest.shape[0]):
        for column in range(nearest.shape[1]):
            t = nearest[row, column]
            out[row, column] = 0
            if t == NOTHING:
                continue
            a, b, c, kind = triangles[t, 0], triangles[t, 1], triangles[t, 2], int(kinds[t])
            at = shares(screen, a, b, c, column + 0.5, row + 0.5)
            nx, ny, nz = mixed(normal, a, b, c, at)
            seen = at[0] * occlusion[a] + at[1] * occlusion[b] + at[2] * occlusion[c]
            gloss = looks[5]
            if kind in (TEETH, GUMS):
                seen *= looks[7]
            if kind == SKIN:
                u = at[0] * uv[t, 0, 0] + at[1] * uv[t, 1, 0] + at[2] * uv[t, 2, 0]
                v = at[0] * uv[t, 0, 1] + at[1] * uv[t, 1, 1] + at[2] * uv[t, 2, 1]
                texel(skin, u, v, sample)
                texel(creases, u, v, crease)
                colour[:] = sample[:3]
                gloss *= sample[3]
                nx -= turn[0, 0] * crease[0] + turn[0, 1] * crease[1] + turn[0, 2] * crease[2]
                ny -= turn[1, 0] * crease[0] + turn[1, 1] * crease[1] + turn[1, 2] * crease[2]
                nz -= turn[2, 0] * crease[0] + turn[2, 1] * crease[1] + turn[2, 2] * crease[2]
                seen *= 1 + min(0.0, max(-0.75, 5.0 * crease[3]))  # a crease is dark at its ground
            elif kind == EYE:
                eye_colour(mixed(rest, a, b, c, at), eyes, colours[a], looks, colour)
            else:
                colour[0], colour[1], colour[2] = mixed(colours, a, b, c, at)
                colour *= grain(kind, mixed(rest, a, b, c, at), looks)
            nx, ny, nz = unit(nx, ny, nz)
            strength, power = highlight(kind, gloss)
            shine = strength * max(0.0, nx * half[0] + ny * half[1] + nz * half[2]) ** power
            for axis in range(3):
                arriving = irradiance(light, axis, nx, ny, nz) / math.pi * seen
                out[row, column, axis] = arriving * (colour[axis] + shine)
            out[row, column, 3] = 1


@njit(cache=True, nogil=True)
def resolve(fine: np.ndarray, over: int, out: np.ndarray) -> None:
    """Average over x over subpixels: (S, S, 4) -> (S / over, S / over, 4)."""
    share = 1.0 / (over * over)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            for channel in range(4):
                total = 0.0
                for i in range(over):
                    for j in range(over):
                        total += fine[row * over + i, column * over + j, channel]
                out[row, column, channel] = total * share
