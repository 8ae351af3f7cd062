"""Write fake face assets in the real layout: a coarse drawn head for the renderer, a tiny clone for the conversion.

The frame is the real one: cm, x to the subject's left, y up, z forward. The head has lids that open on eyeballs, and
lips that part on teeth. Its shapes are bumps where the real ones are, in their directions; as in the original, the
eyeballs do not turn with the eyeLook shapes, irises lie within the eyeballs, and some faces are triangles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kaoiro.synthesis.assets import EXPRESSIONS, IDENTITIES, INDICES, MATERIALS, SHAPES

Arrays = dict[str, np.ndarray]

_RIGHT = """
0 -7.36 3.68 3.66;    1 -7.28 1.49 3.93;    2 -6.94 -.46 4.53;     3 -6.56 -2.36 5.17;   4 -5.72 -4.49 6.13
5 -4.30 -6.21 7.35;   6 -3.05 -6.91 8.77;   7 -1.54 -7.26 10.27;   8 0 -7.57 10.43;      17 -5.82 5.20 7.91
18 -4.93 5.98 8.99;   19 -3.79 6.26 9.83;   20 -2.41 6.19 10.48;   21 -1.17 5.91 10.73;  27 0 3.74 10.73
28 0 2.63 11.52;      29 0 1.61 12.31;      30 0 .41 13.07;        31 -1.25 -1.14 10.87; 32 -.60 -1.14 11.42
33 0 -1.20 11.57;     36 -4.46 3.43 8.60;   37 -3.87 3.87 9.36;    38 -2.78 3.94 9.53;   39 -1.84 3.25 9.20
40 -2.73 3.08 9.41;   41 -3.86 3.07 9.23;   48 -2.53 -3.52 10.19;  49 -1.70 -2.78 11.22; 50 -.73 -2.42 11.73
51 0 -2.48 11.84;     57 0 -4.38 11.55;     58 -1.03 -4.30 11.39;  59 -1.80 -4.06 10.90; 60 -2.21 -3.49 10.13
61 -1.00 -3.30 11.09; 62 0 -3.32 11.28;     66 0 -3.40 11.25;      67 -1.07 -3.38 11.04
"""
_MIRRORED = dict(zip(range(17), range(16, -1, -1), strict=True)) | {
    **dict(zip(range(17, 22), range(26, 21, -1), strict=True)),
    **{31: 35, 32: 34, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46},
    **{48: 54, 49: 53, 50: 52, 58: 56, 59: 55, 60: 64, 61: 63, 67: 65},
}
_AROUND = [(0, 9, 10.4), (0, 12, 8), (4, 9, 8.6), (5, 12, 5.5), (7, 8, 4.6), (9, 2, -0.5), (8.8, 6, -0.5)]
_AROUND += [(6.6, 3.6, 6.4), (4.6, 0.6, 9.3), (4.2, -2.6, 9.3), (8.5, -4, 0.2), (6, -10, 2.6)]
_AROUND += [(3, -10, 6.6), (0, -10, 8.4)]
_COLUMNS = (0.28, 0.8, 1.35, 1.95, 2.5, 3.1, 3.7, 4.3, 4.85, 5.4, 6.0, 6.6, 7.2, 7.8, 8.4, 9.0)
_ROWS = (12, 11, 10, 9, 8, 7.2, 6.4, 5.7, 5.1, 4.5, 4.15, 3.83, 3.5, 3.17, 2.85, 2.4, 1.8, 1.2, 0.6, 0, -0.6, -1.25)
_ROWS += (-1.8, -2.3, -2.7, -3.0, -3.2, -3.34, -3.5, -3.75, -4.1, -4.6, -5.2, -5.9, -6.6, -7.3, -8, -8.7, -9.4, -10)
_LIPS = _ROWS.index(-3.34)
_EYE, _EYE_HALF = (3.125, 3.5, 8.05), (1.175, 0.33)
_CORNER = 2.4


def _anchors() -> np.ndarray:
    table = {int(row.split()[0]): row.split()[1:] for row in _RIGHT.replace("\n", ";").split(";") if row.strip()}
    points = np.zeros((68, 3))
    for landmark, place in table.items():
        points[landmark] = place
    for landmark, other in _MIRRORED.items():
        points[other] = points[landmark] * (-1, 1, 1)
    return points


ANCHORS = _anchors()
"""(68, 3) cm, where the landmarks of the drawn head lie: the real ones, rounded."""


def write_assets(folder: Path) -> Path:
    """Write the drawn head into a folder; returns the folder."""
    arrays, landmarks = head()
    return save(folder, arrays, landmarks)


def save(folder: Path, arrays: Mapping[str, np.ndarray], landmarks: np.ndarray) -> Path:
    """Write ict_full_f16.npz and vertex_indices.json; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / SHAPES, **arrays)
    _write_indices(folder / INDICES, landmarks)
    return folder


def _write_indices(path: Path, landmarks: np.ndarray) -> None:
    path.write_text(json.dumps({"expressions": list(EXPRESSIONS), "idx_to_landmark_verts": landmarks.tolist()}))


def write_clone(
    folder: Path, arrays: Mapping[str, np.ndarray] | None = None, landmarks: np.ndarray | None = None
) -> Arrays:
    """Write OBJ files as in the repository; returns the arrays that a conversion must give.

    Args:
        folder: receives FaceXModel/*.obj and FaceXModel/vertex_indices.json.
        arrays: of the head; default: `tiny`.
        landmarks: (68,) vertices; default: the first ones.
    """
    arrays = dict(arrays or tiny())
    models = folder / "FaceXModel"
    models.mkdir(parents=True, exist_ok=True)
    surface = _surface_lines(arrays)
    base = arrays["neutral"].astype(float)
    _write_obj(models / "generic_neutral_mesh.obj", base, surface)
    for names, moved in (("identity_names", "identity"), ("expression_names", "expression")):
        for name, delta in zip(arrays[names], arrays[moved], strict=True):
            _write_obj(models / f"{name}.obj", base + delta, surface)
    _write_indices(models / INDICES, np.arange(68) if landmarks is None else landmarks)
    return arrays


def _write_obj(path: Path, vertices: np.ndarray, surface: str) -> None:
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in vertices.tolist()]
    path.write_text("\n".join(["##########", "# fake   #", "##########", "", "mtllib Fake.mtl", *lines, surface, ""]))


def _surface_lines(arrays: Mapping[str, np.ndarray]) -> str:
    lines = [f"vt {u!r} {v!r}" for u, v in arrays["uv"].tolist()]
    before = None
    for material, quad, texture in zip(arrays["face_material"], arrays["faces"], arrays["faces_uv"], strict=True):
        if material != before:
            lines.append(f"usemtl {arrays['materials'][material]}")
        corners = [f"{v + 1}/{t + 1}" for v, t in zip(quad.tolist(), texture.tolist(), strict=True) if v >= 0]
        lines.append(" ".join(["f", *corners]))
        before = material
    return "\n".join(lines)


def tiny(seed: int = 0) -> Arrays:
    """Make the arrays of 68 landmarks and a few faces of every material: 116 vertices, random shapes."""
    random = np.random.default_rng(seed)
    plates = np.stack([random.normal(0, 4, 3) + np.eye(3)[[0, 1, 2, 0]] * (1, 1, 1.5) for _ in MATERIALS])
    vertices = np.concatenate([ANCHORS, plates.reshape(-1, 3)]).astype(np.float32)
    faces = 68 + np.arange(4 * len(MATERIALS)).reshape(-1, 4)
    faces[-1, 3] = -1
    count = len(vertices)
    return {
        "neutral": vertices,
        "uv": random.random((count, 2)).astype(np.float32),
        "faces": faces.astype(np.int32),
        "faces_uv": faces.astype(np.int32),
        "face_material": random.permutation(len(MATERIALS)).astype(np.int8),
        "identity": random.normal(0, 0.3, (IDENTITIES, count, 3)).astype(np.float16),
        "expression": random.normal(0, 0.3, (len(EXPRESSIONS), count, 3)).astype(np.float16),
        **_names(),
    }


def _names() -> Arrays:
    identities = [f"identity{number:03d}" for number in range(IDENTITIES)]
    return {
        "materials": np.array(MATERIALS),
        "expression_names": np.array(EXPRESSIONS),
        "identity_names": np.array(identities),
    }


def head(seed: int = 0) -> tuple[Arrays, np.ndarray]:
    """Draw the head: the arrays of the npz, and the (68,) vertices of the landmarks."""
    mesh = _Mesh()
    landmarks = _add_face(mesh)
    _add_back(mesh)
    for side, name in ((1, "Left"), (-1, "Right")):
        _add_eye(mesh, side, name)
    _add_mouth(mesh)
    vertices = np.concatenate(mesh.vertices)
    part = np.concatenate(mesh.parts)
    arrays = {
        "neutral": vertices.astype(np.float32),
        "uv": np.concatenate(mesh.uv).astype(np.float32),
        "faces": np.concatenate(mesh.faces).astype(np.int32),
        "faces_uv": np.concatenate(mesh.faces).astype(np.int32),
        "face_material": np.concatenate(mesh.materials).astype(np.int8),
        "identity": _identity(vertices, seed),
        "expression": np.stack([_moved(name, vertices, part) for name in EXPRESSIONS]).astype(np.float16),
        **_names(),
    }
    return arrays, landmarks


class _Mesh:
    """Sheets of quads; vertices and texture points have the same numbers."""

    def __init__(self) -> None:
        self.vertices, self.uv, self.faces, self.materials, self.parts = [], [], [], [], []
        self.count = 0

    def add(self, material: str, points: np.ndarray, uv: np.ndarray, faces: np.ndarray) -> int:
        """Add points (N, 3) with faces (Q, 4) of them; returns the number of the first."""
        first = self.count
        self.vertices.append(points)
        self.uv.append(uv)
        self.faces.append(np.where(faces < 0, -1, faces + first))
        self.materials.append(np.full(len(faces), MATERIALS.index(material)))
        self.parts.append(np.full(len(points), MATERIALS.index(material)))
        self.count += len(points)
        return first

    def add_grid(self, material: str, grid: np.ndarray, tile: int) -> None:
        """Add a sheet (R, C, 3), seen from outside with rows downwards and columns to the right of the viewer."""
        rows, columns = grid.shape[:2]
        v, u = np.meshgrid(np.linspace(0.98, 0.02, rows), np.linspace(0.02, 0.98, columns), indexing="ij")
        uv = np.stack([u + tile, v], axis=-1)
        self.add(material, grid.reshape(-1, 3), uv.reshape(-1, 2), _quads(rows, columns))


def _quads(rows: int, columns: int) -> np.ndarray:
    number = np.arange(rows * columns).reshape(rows, columns)
    return np.stack([number[1:, :-1], number[1:, 1:], number[:-1, 1:], number[:-1, :-1]], axis=-1).reshape(-1, 4)


def _lip_line(x: np.ndarray) -> np.ndarray:
    """Return the y at which the lips meet."""
    return _ROWS[_LIPS] - 0.15 * (x / 2.5) ** 2 * np.exp(-((x / 3) ** 4))


def _depth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the z of the face: a thin-plate spline through the landmarks and some points around them."""
    around = np.array([point for x0, y0, z0 in _AROUND for point in {(x0, y0, z0), (-x0, y0, z0)}])
    known = np.concatenate([ANCHORS, around])
    tail = np.column_stack([np.ones(len(known)), known[:, :2]])
    system = np.block([[_bending(known[:, :2], known[:, :2]), tail], [tail.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.concatenate([known[:, 2], np.zeros(3)]))
    places = np.column_stack([x.ravel(), y.ravel()])
    found = _bending(places, known[:, :2]) @ weights[:-3] + weights[-3] + places @ weights[-2:]
    return found.reshape(x.shape)


def _bending(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squared = ((a[:, None] - b) ** 2).sum(axis=2)
    return squared * np.log(np.maximum(squared, 1e-12))


def _add_face(mesh: _Mesh) -> np.ndarray:
    """Add the front of the head, cut at the lids and between the lips; returns the vertices of the landmarks."""
    columns = np.array([*(-x for x in reversed(_COLUMNS)), *_COLUMNS])
    x, y = np.meshgrid(columns, np.array(_ROWS, float))
    x = x * np.sqrt(1 - ((y - 2) / 14) ** 4)
    y = y + (_lip_line(x) - _ROWS[_LIPS]) * np.exp(-(((y - _ROWS[_LIPS]) / 0.6) ** 2))
    faces = _quads(*x.shape)
    faces = faces[~_in_eye(x.ravel()[faces].mean(axis=1), y.ravel()[faces].mean(axis=1))]
    y = _shaped_lids(x, y)
    flat, faces = np.column_stack([x.ravel(), y.ravel()]), faces.copy()
    flat, faces = _parted(flat, faces, len(columns))
    faces = _with_landmarks(flat, faces)
    flat, faces = _used(np.concatenate([flat, ANCHORS[:, :2]]), faces)
    uv = np.column_stack([0.5 + flat[:, 0] / 18.6, 0.5 + (flat[:, 1] - 1) / 22.6])
    first = mesh.add("M_Face", np.column_stack([flat, _depth(*flat.T)]), uv, faces)
    return first + np.arange(len(flat) - 68, len(flat))


def _in_eye(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (np.abs(np.abs(x) - _EYE[0]) < _EYE_HALF[0]) & (np.abs(y - _EYE[1]) < _EYE_HALF[1])


def _shaped_lids(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bend the edges of the opening to a lens."""
    across = np.clip((np.abs(x) - _EYE[0]) / (1.1 * _EYE_HALF[0]), -1, 1)
    edge = (np.abs(y - _EYE[1]) < _EYE_HALF[1] + 0.01) & (np.abs(across) < 1)
    return np.where(edge, _EYE[1] + (y - _EYE[1]) * np.sqrt(1 - across**2), y)


def _parted(flat: np.ndarray, faces: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the lower lip an edge of its own, 0.1 mm below the upper one."""
    row = np.arange(_LIPS * columns, (_LIPS + 1) * columns)
    edge = row[np.abs(flat[row, 0]) < _CORNER]
    twin = np.arange(len(flat))
    twin[edge] = len(flat) + np.arange(len(edge))
    below = faces.min(axis=1) >= row[0]
    return np.concatenate([flat, flat[edge] - (0, 0.01)]), np.where(below[:, None], twin[faces], faces)


def _used(flat: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the points that no face has."""
    used = np.unique(faces[faces >= 0])
    return flat[used], np.where(faces < 0, -1, np.searchsorted(used, faces))


def _with_landmarks(flat: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Split the face around each landmark into triangles that meet there; landmarks get the numbers after `flat`."""
    faces, points = list(map(tuple, faces.tolist())), np.concatenate([flat, ANCHORS[:, :2]])
    for number, place in enumerate(ANCHORS[:, :2], len(flat)):
        around = next(face for face in _near(faces, points, place) if _holds(points, face, place))
        faces.remove(around)
        ring = [corner for corner in around if corner >= 0]
        faces += [(a, b, number, -1) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    return np.array(faces)


def _near(faces: list[tuple[int, ...]], points: np.ndarray, place: np.ndarray) -> list[tuple[int, ...]]:
    centres = points[np.array(faces)[:, :3]].mean(axis=1)
    return [faces[index] for index in np.argsort(((centres - place) ** 2).sum(axis=1))[:60]]


def _holds(points: np.ndarray, face: tuple[int, ...], place: np.ndarray) -> bool:
    ring = points[[corner for corner in face if corner >= 0]]
    along, to = np.roll(ring, -1, axis=0) - ring, place - ring
    return bool((along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0] > 0).all())


def _add_back(mesh: _Mesh) -> None:
    """Add the back half of an ellipsoid."""
    turn, tilt = np.meshgrid(np.linspace(0, np.pi, 17), np.linspace(1.5, -1.35, 12))
    x, y, z = np.cos(tilt) * np.cos(turn), np.sin(tilt), -np.cos(tilt) * np.sin(turn)
    mesh.add_grid("M_BackHead", np.stack([9.1 * x, 1.5 + 12.5 * y, 0.5 + 9 * z], axis=-1), 1)


def _add_eye(mesh: _Mesh, side: int, name: str) -> None:
    """Add an eyeball, its iris within it, and the plates around it that the original has."""
    centre = np.array(_EYE) * (side, 1, 1)
    turn, tilt = np.meshgrid(np.linspace(-np.pi, np.pi, 13), np.linspace(1.55, -1.55, 10))
    ball = np.stack([np.cos(tilt) * np.sin(turn), np.sin(tilt), np.cos(tilt) * np.cos(turn)], axis=-1)
    mesh.add_grid(f"M_Sclera{name}", centre + 1.4 * ball, 0)
    turn, tilt = np.meshgrid(np.linspace(-0.4, 0.4, 4), np.linspace(0.4, -0.4, 4))
    cap = np.stack([np.cos(tilt) * np.sin(turn), np.sin(tilt), np.cos(tilt) * np.cos(turn)], axis=-1)
    mesh.add_grid(f"M_Iris{name}", centre + 1.3 * cap, 0)
    for material, y, z, tile in _PLATES:
        mesh.add_grid(material, centre * (1, 0, 0) + _plate(np.array([-1, 1]), y, z), tile)


_PLATES = (
    ("M_EyeLashes", (4.15, 3.85), 9.75, 6),
    ("M_EyeOcclusion", (3.8, 3.2), 9.56, 0),
    ("M_LacrimalFluid", (3.25, 3.2), 9.5, 4),
    ("M_EyeBlend", (3.85, 3.8), 9.5, 0),
)


def _plate(x: np.ndarray, y: tuple[float, ...], z: float, bend: float = 0.0) -> np.ndarray:
    columns, rows = np.meshgrid(x, y)
    return np.stack([columns, rows, z - bend * columns**2], axis=-1)


def _add_mouth(mesh: _Mesh) -> None:
    """Add upper and lower teeth, and the dark behind them."""
    across = np.linspace(-2.1, 2.1, 9)
    for rows in ((-2.6, -3.0, -3.3), (-3.45, -3.8, -4.1)):
        mesh.add_grid("M_Teeth", _plate(across, rows, 10.4, 0.35), 3)
    mesh.add_grid("M_GumsTongue", _plate(1.3 * across, (-1.6, -3.3, -3.4, -5.0), 9.4, 0.35), 2)


def _identity(vertices: np.ndarray, seed: int) -> np.ndarray:
    """Return random smooth fields (100, V, 3), as strong as the real modes, in steps of 0.002 cm."""
    random = np.random.default_rng(seed)
    waves = random.normal(0, 0.08, (IDENTITIES, 6, 3))
    heights = random.normal(0, 0.15, (IDENTITIES, 6, 3)) / (1 + 0.55 * np.arange(IDENTITIES))[:, None, None]
    angles = vertices @ waves.transpose(0, 2, 1) + random.uniform(0, 2 * np.pi, (IDENTITIES, 1, 6))
    return (np.round(np.cos(angles) @ heights / 0.002) * 0.002).astype(np.float16)


_UPPER, _LOWER, _LID, _UNDER, _ALL = "above the lips", "below the lips", "upper lid", "under the eye", "all"
_BUMPS: dict[str, tuple[str, tuple[int, ...], tuple[float, float, float], float]] = {
    # part, landmarks of the left side or the midline, cm at the landmarks, spread in cm
    "browDown": (_ALL, (23, 24, 25), (-0.4, -0.36, 0.25), 1.0),
    "browInnerUp": (_ALL, (22, 23), (0.06, 0.6, -0.05), 1.2),
    "browOuterUp": (_ALL, (25, 26), (0.2, 0.75, -0.3), 1.2),
    "cheekPuff": (_ALL, (54, 12), (0.3, 0.2, 1.1), 1.8),
    "cheekRaiser": (_UNDER, (46, 14), (-0.1, 0.5, 0.25), 1.8),
    "cheekSquint": (_UNDER, (46, 14), (-0.1, 0.4, 0.2), 1.5),
    "eyeBlink": (_LID, (43, 44), (-0.05, -0.76, 0.0), 1.1),
    "eyeLookDown": (_LID, (43, 44), (-0.04, -0.5, -0.05), 0.9),
    "eyeLookIn": (_LID, (44,), (-0.2, -0.04, 0.1), 0.7),
    "eyeLookOut": (_LID, (44,), (0.18, 0.07, -0.1), 0.7),
    "eyeLookUp": (_LID, (43, 44), (0.03, 0.33, -0.09), 0.9),
    "eyeSquint": (_UNDER, (46, 47), (-0.1, 0.22, 0.05), 0.9),
    "eyeWide": (_LID, (43, 44), (0.03, 0.32, -0.1), 0.9),
    "mouthDimple": (_ALL, (54,), (0.25, 0.45, -0.5), 0.9),
    "mouthFrown": (_ALL, (54,), (0.19, -0.5, -0.2), 1.0),
    "mouthLowerDown": (_LOWER, (56, 65), (0.07, -0.45, -0.13), 0.9),
    "mouthPress": (_LOWER, (55, 56), (0.0, 0.12, -0.1), 1.0),
    "mouthSmile": (_ALL, (54,), (0.72, 1.05, -0.9), 1.5),
    "mouthStretch": (_ALL, (54,), (0.66, -0.31, -0.7), 1.3),
    "mouthUpperUp": (_UPPER, (52, 53, 63), (0.1, 0.6, -0.05), 1.0),
    "noseSneer": (_UPPER, (35, 53), (0.05, 0.85, 0.15), 1.1),
    "mouthFunnel": (_ALL, (51, 57, 49, 53), (0.0, -0.2, 0.8), 1.2),
    "mouthPucker": (_ALL, (51, 57), (0.0, 0.1, 0.9), 1.4),
    "mouthLeft": (_ALL, (48, 51, 54, 57), (1.5, 0.0, 0.3), 1.6),
    "mouthRight": (_ALL, (48, 51, 54, 57), (-1.5, 0.0, 0.3), 1.6),
    "mouthRollLower": (_LOWER, (57, 66), (0.0, 0.3, -0.7), 0.8),
    "mouthRollUpper": (_UPPER, (51, 62), (0.0, -0.2, -0.7), 0.8),
    "mouthShrugLower": (_LOWER, (57,), (0.0, 0.8, 0.5), 1.0),
    "mouthShrugUpper": (_UPPER, (51, 62), (0.0, 0.55, 0.1), 1.0),
    "mouthClose": (_LOWER, (57, 66), (0.0, 2.8, 1.7), 1.3),
}
_JAW = {"jawForward": (0, -0.15, 1.1), "jawLeft": (0.8, 0, 0.1), "jawRight": (-0.8, 0, 0.1), "jawOpen": (0, -2.8, -1.6)}
_SIDES = {"L": "Left", "R": "Right"}


def _moved(name: str, vertices: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return how far a shape moves the vertices: (V, 3) cm."""
    if name in _JAW:
        return _jaw(vertices, part)[:, None] * _JAW[name]
    shape, _, letter = name.partition("_")
    side = -1 if letter == "R" else 1
    mirrored = vertices * (side, 1, 1)
    if shape == "PupilDilate":
        return _pupil(mirrored, part == MATERIALS.index("M_IrisLeft" if letter == "L" else "M_IrisRight")) * (
            side,
            1,
            1,
        )
    where, marks, direction, spread = _BUMPS[shape]
    squared = ((mirrored[:, None] - ANCHORS[list(marks)]) ** 2).sum(axis=2).min(axis=1)
    weight = np.exp(-squared / (2 * spread**2)) * _within(where, mirrored) * _is_skin(part)
    return np.where(weight > 0.01, weight, 0)[:, None] * np.array(direction) * (side, 1, 1)


def _is_skin(part: np.ndarray) -> np.ndarray:
    return np.isin(part, [MATERIALS.index(name) for name in ("M_Face", "M_EyeLashes", "M_EyeOcclusion")])


def _within(where: str, points: np.ndarray) -> np.ndarray:
    if where in (_UPPER, _LOWER):
        below = _below_lips(points)
        return below if where == _LOWER else 1 - below
    under = np.clip(0.5 - (points[:, 1] - _EYE[1]) / 0.2, 0, 1)
    return {_ALL: np.ones(len(points)), _LID: 1 - under, _UNDER: under}[where]


def _below_lips(points: np.ndarray) -> np.ndarray:
    """Return 1 below the lips and 0 above, at once between the lips and gradually beside the mouth."""
    x, y, _ = points.T
    soft = 0.004 + 1.2 * np.maximum(np.abs(x) - _CORNER + 0.2, 0)
    return np.clip(0.5 + (_lip_line(x) - 0.005 - y) / (2 * soft), 0, 1)


def _jaw(points: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the share of the jaw's way that a vertex goes."""
    x, y, z = points.T
    front = np.clip((z - 1) / 6, 0, 1) * np.exp(-((np.abs(x) / 7.5) ** 4))
    inside = np.isin(part, [MATERIALS.index(name) for name in ("M_Teeth", "M_GumsTongue")])
    skin = np.where(part == MATERIALS.index("M_Face"), _below_lips(points) * front, 0)
    return np.where(inside, y < _ROWS[_LIPS], skin)


def _pupil(mirrored: np.ndarray, iris: np.ndarray) -> np.ndarray:
    away = (mirrored - _EYE) * (1, 1, 0)
    return np.where(iris[:, None], 0.5 * away, 0)
