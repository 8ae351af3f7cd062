"""The morphable head that every rendered face is made of.

Source:   ICT-FaceKit, "Learning Formation of Physically-Based Face Attributes" (Li et al., CVPR 2020),
          https://github.com/ICT-VGL/ICT-FaceKit, the light model.
Layout:   FOLDER/ict_full_f16.npz      arrays of the mesh, its identity modes and its expression shapes
          FOLDER/vertex_indices.json   of the repository; `idx_to_landmark_verts` is used
          Both are made from a clone by `kaoiro.synthesis.prepare`.
Frame:    centimetres; x to the subject's left, y up, z forward. `_L` and `_R` are the subject's sides.
Licence:  MIT; not redistributed with this project.

Shape legend: V vertices (26,719 in the original), T texture points, Q faces.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError

VARIABLE = "KAOIRO_ICT_FACE"
"""Names the folder of the assets where no path is given."""
SHAPES = "ict_full_f16.npz"
INDICES = "vertex_indices.json"
REPOSITORY = "https://github.com/ICT-VGL/ICT-FaceKit"
REMEDY = f"make it anew with `kaoiro synth prepare CLONE_DIR` from a clone of {REPOSITORY}"
IDENTITIES = 100
LANDMARKS = 68
MATERIALS = (
    "M_BackHead",
    "M_EyeBlend",
    "M_EyeLashes",
    "M_EyeOcclusion",
    "M_Face",
    "M_GumsTongue",
    "M_IrisLeft",
    "M_IrisRight",
    "M_LacrimalFluid",
    "M_ScleraLeft",
    "M_ScleraRight",
    "M_Teeth",
)
_SIDED = (
    "PupilDilate browDown browInnerUp browOuterUp cheekPuff cheekRaiser cheekSquint eyeBlink eyeLookDown eyeLookIn"
    " eyeLookOut eyeLookUp eyeSquint eyeWide mouthDimple mouthFrown mouthLowerDown mouthPress mouthSmile mouthStretch"
    " mouthUpperUp noseSneer"
)
_WHOLE = (
    "jawForward jawLeft jawOpen jawRight mouthClose mouthFunnel mouthLeft mouthPucker mouthRight mouthRollLower"
    " mouthRollUpper mouthShrugLower mouthShrugUpper"
)
EXPRESSIONS = tuple(sorted([*_WHOLE.split(), *(f"{name}_{side}" for name in _SIDED.split() for side in "LR")]))
"""Names of the 57 expression shapes."""

_Pattern = tuple[int | str, ...]
_LAYOUT: dict[str, tuple[str, _Pattern]] = {
    "neutral": ("float32", ("V", 3)),
    "uv": ("float32", ("T", 2)),
    "faces": ("int32", ("Q", 4)),
    "faces_uv": ("int32", ("Q", 4)),
    "face_material": ("int8", ("Q",)),
    "materials": ("text", (len(MATERIALS),)),
    "identity": ("float16", (IDENTITIES, "V", 3)),
    "expression": ("float16", (len(EXPRESSIONS), "V", 3)),
    "expression_names": ("text", (len(EXPRESSIONS),)),
}
_REFUSALS = (OSError, ValueError, EOFError, RuntimeError, OverflowError, MemoryError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Assets:
    """The mesh, how heads differ, how faces move.

    Attributes:
        neutral: (V, 3) float32, cm.
        uv: (T, 2) float32; the whole part is the tile of the material.
        faces: (Q, 4) int32, vertices against the clock seen from outside; a triangle has -1 in the last column.
        faces_uv: (Q, 4) int32, texture points of the same corners; -1 at the same places.
        face_material: (Q,) int8, place in `materials`.
        materials: names.
        identity: (100, V, 3) float32, cm for a weight of 1.
        expression: (57, V, 3) float32, cm for a weight of 1, in the order of `expression_names`.
        expression_names: names, each of `EXPRESSIONS` once.
        landmarks: (68,) int64, vertex of every Multi-PIE landmark.
        sha256: of the npz file, in hexadecimal.
    """

    neutral: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    faces_uv: np.ndarray
    face_material: np.ndarray
    materials: tuple[str, ...]
    identity: np.ndarray
    expression: np.ndarray
    expression_names: tuple[str, ...]
    landmarks: np.ndarray
    sha256: str


def load(path: str | Path | None = None) -> Assets:
    """Read and check the assets.

    Args:
        path: the folder of both files, or the npz with the json beside it; default: the variable KAOIRO_ICT_FACE.

    Raises:
        DataError: no path is known, a file is missing or damaged, or its arrays are not the documented ones.
    """
    shapes = _place(path)
    content = _content(shapes)
    arrays = _arrays(content, shapes)
    check(arrays, str(shapes), REMEDY)
    marks = landmarks(shapes.with_name(INDICES), len(arrays["neutral"]), REMEDY)
    return Assets(
        **{name: arrays[name] for name in ("neutral", "uv", "faces", "faces_uv", "face_material")},
        **{name: arrays[name].astype(np.float32) for name in ("identity", "expression")},
        materials=tuple(arrays["materials"].tolist()),
        expression_names=tuple(arrays["expression_names"].tolist()),
        landmarks=marks,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _place(path: str | Path | None) -> Path:
    """Return the path of the npz."""
    given = path or os.environ.get(VARIABLE)
    if not given:
        raise DataError(
            f"the face assets are not there: name their folder by --assets or {VARIABLE}, made by "
            f"`kaoiro synth prepare CLONE_DIR` from a clone of {REPOSITORY}"
        )
    place = Path(given)
    return place / SHAPES if place.is_dir() else place


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} not found; {REMEDY}, or name its folder by --assets or {VARIABLE}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _arrays(content: bytes, path: Path) -> dict[str, np.ndarray]:
    """Unpack the arrays; pickled ones are refused."""
    try:
        with _opened(content) as file:
            missing = [name for name in _LAYOUT if name not in file.files]
            arrays = {name: file[name] for name in _LAYOUT if name not in missing}
    except _REFUSALS as error:
        raise DataError(f"{path} is damaged or no npz archive: {_one_line(error)}; {REMEDY}") from error
    if missing:
        raise DataError(f"{path} lacks the arrays {', '.join(missing)}; {REMEDY}")
    return arrays


def _opened(content: bytes) -> Any:
    file = np.load(io.BytesIO(content), allow_pickle=False)
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError("it holds a single array")
    return file


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def check(arrays: Mapping[str, np.ndarray], where: str, remedy: str) -> None:
    """Refuse arrays that are not a head.

    Args:
        arrays: those of the npz.
        where: names the file, for the message.
        remedy: what to do next, for the message.

    Raises:
        DataError: a shape, type, name, index or number is not the documented one.
    """
    try:
        _check_layout(arrays)
        _check_names("materials", arrays["materials"], MATERIALS)
        _check_names("expression_names", arrays["expression_names"], EXPRESSIONS)
        _check_corners("faces", arrays["faces"], len(arrays["neutral"]))
        _check_corners("faces_uv", arrays["faces_uv"], len(arrays["uv"]))
        _check_faces(arrays)
        for name in ("neutral", "uv", "identity", "expression"):
            _require(bool(np.isfinite(arrays[name]).all()), f"{name} holds numbers that are not finite")
    except ValueError as error:
        raise DataError(f"{where}: {error}; {remedy}") from error


def _require(holds: bool, wrong: str) -> None:
    if not holds:
        raise ValueError(wrong)


def _check_layout(arrays: Mapping[str, np.ndarray]) -> None:
    sizes: dict[str, int] = {}
    for name, (kind, pattern) in _LAYOUT.items():
        array = arrays[name]
        _require(isinstance(array, np.ndarray), f"{name} is no array")
        wish = tuple(sizes.get(size, size) if isinstance(size, str) else size for size in pattern)
        fits = array.size > 0 and len(wish) == array.ndim and _is(array.dtype, kind)
        fits = fits and all(isinstance(want, str) or want == have for want, have in zip(wish, array.shape, strict=True))
        _require(fits, f"{name} must be {kind} {_shape(wish)}, not {array.dtype} {_shape(array.shape)}")
        sizes |= {size: have for size, have in zip(pattern, array.shape, strict=True) if isinstance(size, str)}


def _is(dtype: np.dtype[Any], kind: str) -> bool:
    return dtype.kind == "U" if kind == "text" else dtype == np.dtype(kind)


def _shape(sizes: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, sizes))})"


def _check_names(array: str, names: np.ndarray, wanted: tuple[str, ...]) -> None:
    missing = [name for name in wanted if name not in set(names.tolist())]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    _require(not missing, f"{array} lacks {', '.join(missing[:3])}{more}")


def _check_corners(name: str, corners: np.ndarray, count: int) -> None:
    """Refuse corners that name no point; the last of a triangle is -1."""
    low, high = min(int(corners[:, :3].min()), int(corners[:, 3].min()) + 1), int(corners.max())
    _require(low >= 0 and high < count, f"{name} must name points 0-{count - 1} (-1: triangle), found {low} to {high}")


def _check_faces(arrays: Mapping[str, np.ndarray]) -> None:
    triangles = arrays["faces"][:, 3] < 0
    same = bool((triangles == (arrays["faces_uv"][:, 3] < 0)).all())
    _require(same, "faces and faces_uv do not agree where triangles are")
    low, high = int(arrays["face_material"].min()), int(arrays["face_material"].max())
    wish = f"face_material must be 0-{len(MATERIALS) - 1}"
    _require(low >= 0 and high < len(MATERIALS), f"{wish}, found {low} to {high}")


def landmarks(path: Path, vertices: int, remedy: str) -> np.ndarray:
    """Read the vertex of every Multi-PIE landmark from the repository's JSON: (68,) int64.

    Args:
        path: vertex_indices.json.
        vertices: of the mesh.
        remedy: what to do next, for the message.

    Raises:
        DataError: the file is missing or damaged, or lists other than 68 vertices of the mesh.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} not found; {remedy}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {_one_line(error)}; {remedy}") from error
    listed = table.get("idx_to_landmark_verts") if isinstance(table, dict) else None
    if not isinstance(listed, list) or len(listed) != LANDMARKS:
        raise DataError(f"{path}: idx_to_landmark_verts must list {LANDMARKS} vertices; {remedy}")
    wrong = [vertex for vertex in listed if type(vertex) is not int or not 0 <= vertex < vertices]
    if wrong:
        raise DataError(
            f"{path}: idx_to_landmark_verts must name vertices 0-{vertices - 1}, found {str(wrong[0])[:40]!r}; {remedy}"
        )
    return np.array(listed, np.int64)
