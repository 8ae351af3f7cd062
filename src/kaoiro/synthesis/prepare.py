"""From a clone of the ICT-FaceKit repository to the two files that `assets.load` reads.

Layout:   CLONE/FaceXModel/generic_neutral_mesh.obj          v, vt, usemtl, f lines
          CLONE/FaceXModel/identity000.obj … identity099.obj
          CLONE/FaceXModel/<expression>.obj                  of `assets.EXPRESSIONS`
          CLONE/FaceXModel/vertex_indices.json
Every other mesh has the vertices of the neutral one in the same order; what is kept of it is how far they moved,
in half precision (steps below 0.003 cm).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from kaoiro.core.errors import DataError
from kaoiro.core.files import replacing, writing
from kaoiro.synthesis.assets import EXPRESSIONS, IDENTITIES, INDICES, REPOSITORY, SHAPES, check, landmarks

NEUTRAL = "generic_neutral_mesh.obj"
IDENTITY_NAMES = tuple(f"identity{number:03d}" for number in range(IDENTITIES))
FARTHEST = 8.0
"""cm that a vertex may move (3.8 in the original); beyond, the vertices are numbered in another way."""
_FOLDER = "FaceXModel"
_LARGEST = 1e4
_REMEDY = f"CLONE_DIR must be a complete clone of {REPOSITORY}"


def prepare(clone: str | Path, out: str | Path, quiet: bool = False) -> Path:
    """Convert a clone into `out`/ict_full_f16.npz and `out`/vertex_indices.json; return the path of the npz.

    The same clone gives the same bytes. Nothing is written before all of the clone was read.

    Args:
        clone: folder of the repository, or its folder FaceXModel.
        out: folder that receives both files.
        quiet: no progress bar; there is one only where stderr is a terminal.

    Raises:
        DataError: the clone lacks files, or one of them is damaged or of another mesh.
        OutputError: the files cannot be written.
    """
    models, out = _models(Path(clone)), Path(out)
    arrays = _arrays(models, quiet)
    check(arrays, str(models), _REMEDY)
    landmarks(models / INDICES, len(arrays["neutral"]), _REMEDY)
    _write(out / INDICES, _content(models / INDICES))
    with replacing(out / SHAPES) as partial, writing(out / SHAPES):
        np.savez_compressed(partial, **arrays)  # pyright: ignore[reportArgumentType]  # no array is named like a flag
    return out / SHAPES


def _models(clone: Path) -> Path:
    """Return the folder of the meshes; refuse one that is not complete."""
    folder = clone / _FOLDER if (clone / _FOLDER).is_dir() else clone
    wanted = [NEUTRAL, INDICES, *(f"{name}.obj" for name in (*IDENTITY_NAMES, *EXPRESSIONS))]
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DataError(
            f"{folder} lacks {len(missing)} of {len(wanted)} files: {', '.join(missing[:3])}{more}; {_REMEDY}"
        )
    return folder


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as partial, writing(path):
        partial.write_bytes(content)


def _arrays(models: Path, quiet: bool) -> dict[str, np.ndarray]:
    """Read all meshes into the arrays of the npz."""
    names = (*IDENTITY_NAMES, *EXPRESSIONS)
    neutral = _mesh(models / NEUTRAL)
    base = np.array(neutral.vertices)
    moved = np.empty((len(names), *base.shape), np.float16)
    bar = tqdm(names, unit=" mesh", leave=False, dynamic_ncols=True, disable=quiet or None)
    for row, name in enumerate(bar):
        moved[row] = _moved(models / f"{name}.obj", base)
    return {
        "neutral": base.astype(np.float32),
        **neutral.surface(),
        "identity": moved[:IDENTITIES],
        "expression": moved[IDENTITIES:],
        "expression_names": np.array(EXPRESSIONS),
        "identity_names": np.array(IDENTITY_NAMES),
    }


def _moved(path: Path, base: np.ndarray) -> np.ndarray:
    """Return how far the vertices of a mesh lie from the neutral ones: (V, 3) cm."""
    lines = enumerate(_content(path).splitlines(), 1)
    vertices = [_numbers(line.split()[1:], 3, path, at) for at, line in lines if line.startswith((b"v ", b"v\t"))]
    if len(vertices) != len(base):
        raise DataError(f"{path} has {len(vertices)} vertices, {NEUTRAL} has {len(base)}; {_REMEDY}")
    moved = np.array(vertices) - base
    if (farthest := np.abs(moved).max()) > FARTHEST:
        raise DataError(
            f"{path}: a vertex lies {farthest:.1f} cm from where {NEUTRAL} has it (at most {FARTHEST:g} is likely): "
            f"the files are of different versions; {_REMEDY}"
        )
    return moved


def _numbers(words: list[bytes], count: int, path: Path, line: int) -> tuple[float, ...]:
    """Return the coordinates of a line."""
    try:
        values = tuple(map(float, words))
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {_shown(words)} are no numbers; {_REMEDY}") from error
    if len(values) != count or not all(abs(value) < _LARGEST for value in values):  # NaN is not smaller either
        raise DataError(
            f"{path}, line {line}: expected {count} numbers below {_LARGEST:g}, found {_shown(words)}; {_REMEDY}"
        )
    return values


def _shown(words: list[bytes]) -> str:
    return repr(b" ".join(words).decode("utf-8", "replace")[:60])


@dataclass
class _Mesh:
    """What has been read of the neutral mesh.

    Attributes:
        vertices: x, y, z in cm.
        uv: texture points.
        faces: vertices of the corners, from 0; a triangle ends in -1.
        faces_uv: their texture points.
        names: material of every face.
    """

    vertices: list[tuple[float, ...]] = field(default_factory=list)
    uv: list[tuple[float, ...]] = field(default_factory=list)
    faces: list[list[int]] = field(default_factory=list)
    faces_uv: list[list[int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def surface(self) -> dict[str, np.ndarray]:
        """Return the arrays that the neutral mesh alone has, with the materials sorted by name."""
        materials, places = np.unique(np.array(self.names, np.str_), return_inverse=True)
        return {
            "uv": np.array(self.uv, np.float32),
            "faces": np.array(self.faces, np.int32),
            "faces_uv": np.array(self.faces_uv, np.int32),
            "face_material": places.astype(np.int8),
            "materials": materials,
        }


def _mesh(path: Path) -> _Mesh:
    """Read the neutral mesh; lines other than v, vt, usemtl and f do not matter."""
    mesh, material = _Mesh(), ""
    for at, line in enumerate(_content(path).splitlines(), 1):
        kind, *words = line.split() or (b"#",)
        if kind == b"v":
            mesh.vertices.append(_numbers(words, 3, path, at))
        elif kind == b"vt":
            mesh.uv.append(_numbers(words[:2], 2, path, at))
        elif kind == b"usemtl":
            material = b" ".join(words).decode("utf-8", "replace")
        elif kind == b"f":
            _add_face(mesh, words, f"{path}, line {at}")
            mesh.names.append(material)
    if not (mesh.vertices and mesh.uv and mesh.faces):
        raise DataError(f"{path} has no vertices, texture points or faces; {_REMEDY}")
    return mesh


def _add_face(mesh: _Mesh, corners: list[bytes], where: str) -> None:
    """Add a triangle or quad of corners a/b or a/b/c, both counted from 1."""
    try:
        pairs = [tuple(map(int, corner.split(b"/")[:2])) for corner in corners]
    except ValueError:
        pairs = []
    fits = len(pairs) in (3, 4) and all(len(pair) == 2 and 1 <= min(pair) <= max(pair) < 2**31 for pair in pairs)
    if not fits:
        raise DataError(
            f"{where}: expected 3 or 4 corners VERTEX/TEXTURE counted from 1, found {_shown(corners)}; {_REMEDY}"
        )
    for rows, place in ((mesh.faces, 0), (mesh.faces_uv, 1)):
        rows.append([*(pair[place] - 1 for pair in pairs), *[-1] * (4 - len(pairs))])
