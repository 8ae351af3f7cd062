"""Identity of one face, expression of another: a folder with an encoder and a decoder, opened without PyTorch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from kaoiro.core.checks import at_least, require
from kaoiro.core.codes import Codes
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.files import sha256, write_text
from kaoiro.core.modelfile import Card, Provenance
from kaoiro.core.sessions import open_session
from kaoiro.core.spec import CropGeometry, Strict
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement
from kaoiro.faces.detect import CenterFace, Detection, FaceDetector, detect_in, shareable

ENCODER, DECODER, WEIGHTS = "encoder.onnx", "decoder.onnx", "weights.safetensors"
DESCRIPTION, FORMAT = "exchange.json", 1
TRAIN = "kaoiro train identity_expression improved --data.root SET"
STRONGEST = 3.0
"""Strength up to which an expression can be carried over: further on faces fall apart."""
_BATCH = 32


def towards(start: np.ndarray, end: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Return codes (N, E) on the way from some to others: 0 is the start, 1 the end, more lies beyond it."""
    return (1 - share) * start + share * end


class ExchangeDescription(Strict):
    """The content of exchange.json.

    Attributes:
        name: for people.
        side: of the crops that are eaten and made, pixels; they are RGB.
        identity: numbers of the identity code; 0 where there is only one code.
        expression: numbers of the expression code.
        crop: where a face lies in its crop.
        same_person: distance (Euclidean) of identity codes up to which two faces count as one person, measured on
            people who were not learned from; None if nobody measured it.
        strength: how far swaps go from a face's own expression code (0) to another's (1) and beyond, unless asked for
            otherwise: between people unlike those that were learned from, expressions come over too faintly.
        files: checksums.
        provenance: where it came from.
        card: what people should know.
    """

    format: Literal[1] = FORMAT
    name: str
    side: Annotated[int, Field(ge=8, le=1024)]
    identity: Annotated[int, Field(ge=0)]
    expression: Annotated[int, Field(ge=1)]
    crop: CropGeometry
    same_person: Annotated[float, Field(gt=0)] | None = None
    strength: Annotated[float, Field(gt=0, le=3)] = 1.0
    files: dict[str, str] = Field(default_factory=dict)
    provenance: Provenance
    card: Card


def write(folder: Path, description: ExchangeDescription) -> None:
    """Write exchange.json with the checksums of the files beside it.

    Raises:
        ModelError: the encoder or the decoder is not there.
        OutputError: the folder cannot be written.
    """
    missing = [name for name in (ENCODER, DECODER) if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder} lacks {' and '.join(missing)}")
    files = {name: sha256(folder / name) for name in (ENCODER, DECODER, WEIGHTS) if (folder / name).is_file()}
    filled = description.model_copy(update={"files": files})
    write_text(folder / DESCRIPTION, json.dumps(filled.model_dump(mode="json"), indent=1, ensure_ascii=False))


def shipped() -> dict[str, Path]:
    """Return the folders of the exchange models inside the package, by name."""
    root = Path(str(resources.files("kaoiro"))) / "models"
    return {item.parent.name: item.parent for item in sorted(root.glob(f"*/{DESCRIPTION}"))}


def find(model: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of an exchange model given by name or path; None is the one that ships.

    The folder of a training run, which holds the model in `model/`, is as good.

    Raises:
        ModelError: none ships, or there is none of this name or in this folder.
    """
    known = shipped()
    if model is None:
        if not known:
            raise ModelError(
                f"no model that exchanges expressions ships with kaoiro; train one ({TRAIN}) and name its folder by "
                "--model"
            )
        return next(iter(known.values()))
    if str(model) in known:
        return known[str(model)]
    for folder in (Path(model), Path(model) / "model"):
        if (folder / DESCRIPTION).is_file():
            return folder
    how = f"train one: {TRAIN}" + (f"; by name, without a path: {', '.join(known)}" if known else "")
    raise ModelError(f"no model that exchanges expressions in '{os.fspath(model)}': no {DESCRIPTION} there; {how}")


def read(folder: Path) -> ExchangeDescription:
    """Read exchange.json and check the graphs beside it.

    Raises:
        ModelError: unreadable, of another format, or damaged.
    """
    file = folder / DESCRIPTION
    try:
        found = ExchangeDescription.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ModelError(f"{file} is not valid at '{where}': {first['msg']}") from error
    for name in (ENCODER, DECODER):
        graph = folder / name
        if not graph.is_file() or sha256(graph) != found.files.get(name):
            raise ModelError(f"{graph} is missing or damaged (checksum differs); copy or train the folder again")
    return found


@dataclass(frozen=True, eq=False)
class Found:
    """The faces of one picture.

    Attributes:
        name: of the picture.
        detections: largest first.
        crops: (N, side, side, 3) uint8, as the model eats them.
    """

    name: str
    detections: Sequence[Detection]
    crops: np.ndarray

    def __len__(self) -> int:
        return len(self.detections)

    def crop(self, number: int = 0) -> np.ndarray:
        """Return one crop (side, side, 3); 0 is the largest face.

        Raises:
            InputError: there is no such face.
        """
        if not len(self):
            raise InputError(f"{self.name}: no face found")
        if not 0 <= number < len(self):
            which = "only face 0" if len(self) == 1 else f"faces 0 (the largest) to {len(self) - 1}"
            raise InputError(f"{self.name}: there is no face {number}; it shows {which}")
        return self.crops[number]


class Exchanger:
    """An encoder and a decoder, ready to use; fulfils `core.codes.Exchange`.

    What is answered for a face does not depend on the faces beside it.

    Args:
        model: name of one that ships, or its folder; None is the one that ships.
        detector: finds faces; None is CenterFace.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Attributes:
        side: of the crops, pixels.

    Raises:
        ModelError: not found, damaged, or graphs that are not what the description says.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        detector: FaceDetector | None = None,
        threads: int | None = None,
    ) -> None:
        self.folder = find(model)
        self.description = read(self.folder)
        self.side, self.threads = self.description.side, threads
        self._given = None if detector is None else shareable(detector)
        self._encoder = open_session(self.folder / ENCODER, threads)
        self._decoder = open_session(self.folder / DECODER, threads)
        self._check_graphs()

    @property
    def digest(self) -> str:
        """Checksum of the encoder, which identifies the model in results."""
        return self.description.files[ENCODER]

    @property
    def title(self) -> str:
        """Name and the beginning of the checksum: codes are comparable where this is equal."""
        return f"{self.description.name}-{self.digest[:8]}"

    @cached_property
    def detector(self) -> FaceDetector:
        """The face detector, opened when first needed."""
        return self._given or CenterFace(threads=self.threads)

    def encode(self, pixels: np.ndarray) -> Codes:
        """Return the codes of faces, means without noise.

        Args:
            pixels: (N, side, side, 3) uint8 RGB, or one (side, side, 3), placed as the description's crop says.

        Raises:
            InputError: another shape or type.
        """
        known = self._checked(pixels)
        codes = [self._encoded(known[start : start + _BATCH]) for start in range(0, len(known), _BATCH)]
        widths = {"identity": self.description.identity, "expression": self.description.expression}
        identity, expression = (
            np.concatenate([code[name] for code in codes]) if codes else np.empty((0, width), np.float32)
            for name, width in widths.items()
        )
        return Codes(identity, expression)

    def _encoded(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        given = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        names = [output.name for output in self._encoder.get_outputs() if output.name in ("identity", "expression")]
        answers = dict(zip(names, self._encoder.run(names, {self._encoder.get_inputs()[0].name: given}), strict=True))
        return {"identity": np.empty((len(pixels), 0), np.float32)} | answers

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """Return faces (N, side, side, 3) uint8.

        Args:
            identity: (N, I) codes.
            expression: (N, E) codes.

        Raises:
            InputError: other shapes.
        """
        codes = {"identity": np.asarray(identity, np.float32), "expression": np.asarray(expression, np.float32)}
        for name, width in (("identity", self.description.identity), ("expression", self.description.expression)):
            wish = f"{len(codes['expression'])} codes of {width} numbers, shape (N, {width})"
            fits = codes[name].shape == (len(codes["expression"]), width)
            require(fits, f"{name} codes", wish, f"of shape {codes[name].shape}")
        taken = [item.name for item in self._decoder.get_inputs()]
        made = [
            self._decoder.run(None, {name: codes[name][start : start + _BATCH] for name in taken})[0]
            for start in range(0, len(expression), _BATCH)
        ]
        faces = np.concatenate(made) if made else np.empty((0, 3, self.side, self.side), np.float32)
        return (np.clip(faces, 0, 1) * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)

    def swap(
        self, identity_pixels: np.ndarray, expression_pixels: np.ndarray, strength: float | None = None
    ) -> np.ndarray:
        """Return faces with the identity of some and the expression of others: (N, side, side, 3) uint8.

        Args:
            identity_pixels: (N, side, side, 3) or one (side, side, 3), which then serves for all.
            expression_pixels: the same.
            strength: how far expression codes go from the first faces' own (0) to the others' (1) and beyond; None
                takes what the model names.

        Raises:
            InputError: a model with one code, another shape, numbers of faces that do not fit, or a strength outside 0
                to `STRONGEST`.
        """
        self._two_codes()
        strength = self._strength(strength)
        own, theirs = self.encode(identity_pixels), self.encode(expression_pixels)
        count = max(len(own), len(theirs))
        if not all(len(codes) in (1, count) for codes in (own, theirs)):
            raise InputError(f"{len(own)} identities and {len(theirs)} expressions: give as many, or one")
        identity, start, end = (
            np.repeat(code, count // max(1, len(code)), axis=0)
            for code in (own.identity, own.expression, theirs.expression)
        )
        return self.decode(identity, towards(start, end, strength))

    def interpolate(self, a: np.ndarray, b: np.ndarray, steps: int = 11, strength: float | None = None) -> np.ndarray:
        """Return a face on its way to another one's expression: (steps, side, side, 3) uint8.

        Expression codes are (1 - t) of `a` plus t of `b`, t = 0 … strength; the identity is that of `a` throughout
        (SPEC 3.6, whose strength is 1).

        Args:
            a: (side, side, 3), whose identity stays.
            b: (side, side, 3), whose expression is reached.
            steps: at least 2, both ends included.
            strength: of the last step, as of `swap`.

        Raises:
            InputError: a model with one code, another shape, fewer steps, or an impossible strength.
        """
        self._two_codes()
        at_least("steps", 2, steps)
        strength = self._strength(strength)
        start, end = self.encode(a), self.encode(b)
        if len(start) != 1 or len(end) != 1:
            raise InputError("interpolation goes from one face to another; give two crops (side, side, 3)")
        share = strength * np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        return self.decode(np.repeat(start.identity, steps, axis=0), towards(start.expression, end.expression, share))

    def _two_codes(self) -> None:
        if not self.description.identity:
            raise InputError(
                f"model '{self.description.name}' has no code of identity, so that nothing can be exchanged"
            )

    def _strength(self, asked: float | None) -> float:
        strength = self.description.strength if asked is None else asked
        require(0 <= strength <= STRONGEST, "strength", f"0 to {STRONGEST:g}", strength)
        return strength

    def faces(self, source: photo.Picture, name: str | None = None) -> Found:
        """Find the faces of a picture and place them as the model eats them, in colour.

        Args:
            source: path, encoded bytes, PIL image, or RGB uint8 array (H, W, 3).
            name: how messages call it; default: the path, or 'picture'.

        Raises:
            InputError: the picture cannot be read. A picture without a face is no error.
        """
        label = name or (str(source) if isinstance(source, (str, os.PathLike)) else "picture")
        pixels = photo.read(source, label)
        found = detect_in(pixels, self.detector)
        return Found(label, found, self.crops(pixels, found))

    def face(self, source: photo.Picture, number: int = 0) -> np.ndarray:
        """Return one face of a picture: (side, side, 3) uint8; 0 is the largest.

        Raises:
            InputError: the picture cannot be read, or shows no such face.
        """
        return self.faces(source).crop(number)

    def crops(self, pixels: np.ndarray, faces: Sequence[Detection]) -> np.ndarray:
        """Cut known faces out of a picture (H, W, 3): (N, side, side, 3) uint8."""
        made = [cut(pixels, placement(face, self.description.crop), self.side) for face in faces]
        return np.stack(made) if made else np.empty((0, self.side, self.side, 3), np.uint8)

    def _checked(self, pixels: np.ndarray) -> np.ndarray:
        """Return crops as (N, side, side, 3)."""
        photo.check_uint8(pixels)
        known = pixels[None] if pixels.ndim == 3 else pixels
        wish = f"RGB of shape (N, {self.side}, {self.side}, 3)"
        require(known.shape[1:] == (self.side, self.side, 3), "crops", wish, pixels.shape)
        return known

    def _check_graphs(self) -> None:
        picture = (3, self.side, self.side)
        widths = {"identity": (self.description.identity,), "expression": (self.description.expression,)}
        needed = {name for name, (width,) in widths.items() if width}
        codes = [item for item in self._encoder.get_outputs() if item.name in widths], self._decoder.get_inputs()
        fits = all(item.name in widths and _agree(item.shape, widths[item.name]) for part in codes for item in part)
        fits = fits and needed <= {item.name for item in codes[0]} and "expression" in {item.name for item in codes[1]}
        ends = self._encoder.get_inputs()[0], self._decoder.get_outputs()[0]
        if not fits or not all(_agree(end.shape, picture) for end in ends):
            raise ModelError(f"the graphs in {self.folder} are not what {DESCRIPTION} says; train or copy it again")


def _agree(shape: Sequence[Any], wanted: Sequence[int]) -> bool:
    """Whether a graph's shape, whose first axis is that of the faces, has these sides; names stand for any number."""
    return len(shape) == 1 + len(wanted) and all(
        not isinstance(side, int) or side == wish for side, wish in zip(shape[1:], wanted, strict=True)
    )
