"""A face recogniser that the user names: any ONNX graph from an aligned face to one vector. kaoiro ships none.

Faces are placed as such networks learned them: five points on the template of 112 by 112 pixels of the ArcFace
project, which OpenCV's SFace shares. What numbers the graph expects for pixels differs. In this order decide: what a
JSON file beside it says, the checksum of a file whose convention is published, pixels of 8 bits or a graph that begins
with arithmetic on its input (it normalises by itself and gets 0-255), and else ArcFace's (x - 127.5) / 127.5 in RGB.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import numpy as np
from pydantic import Field, ValidationError

from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.files import sha256
from kaoiro.core.onnx_nodes import first_operators
from kaoiro.core.sessions import open_session
from kaoiro.core.spec import CropGeometry, Strict
from kaoiro.faces.align import cut, placement
from kaoiro.faces.detect import Detection

SIDE = 112
"""Pixels of the template, and of graphs that leave their size open."""
_TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
TEMPLATE_CROP = CropGeometry(
    name="template-112",
    points=tuple(((x + 0.5) / SIDE, (y + 0.5) / SIDE) for x, y in _TEMPLATE),  # type: ignore[arg-type]
    box=(0.141, 0.092, 0.718, 0.902),
)
"""Where the five points lie: Deng et al., "ArcFace", CVPR 2019, as in that project's published alignment. The box is
a detector's, estimated from the distance of the eyes. The template counts from the middle of the first pixel, crops
from its corner."""
SAME_FROM = 0.363
"""Cosine from which two faces count as one person where the recogniser's own is not said: published by OpenCV for SFace
(best on LFW, 99.6 % right), and within 0.3 to 0.4, where recognisers of ArcFace's kind are operated."""
LEAST_NUMBERS = 32
"""Of an embedding; graphs that answer fewer tell something else, such as age or expression."""
_PASSED = frozenset({"Cast", "Transpose", "Identity", "Unsqueeze", "Squeeze"})
_ARITHMETIC = frozenset({"Sub", "Add", "Mul", "Div", "BatchNormalization"})
_KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
Triple = tuple[float, float, float]


class PixelInput(Strict):
    """What a recogniser expects of pixels: (x - mean) * scale of x from 0 to 255. The content of the file beside it.

    Attributes:
        mean, scale: one number, or one for each channel in the graph's order.
        order: of the channels.
        layout: of the input; None: as the graph says, or NCHW.
        side: pixels, where the graph leaves it open.
        same_from: cosine from which two faces count as one person; None is `SAME_FROM`.
    """

    mean: float | Triple = 127.5
    scale: float | Triple = 1 / 127.5
    order: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["nchw", "nhwc"] | None = None
    side: Annotated[int, Field(ge=16, le=1024)] | None = None
    same_from: Annotated[float, Field(gt=0, le=1)] | None = None


RAW = PixelInput(mean=0.0, scale=1.0)
KNOWN = {
    # OpenCV's face_recognition_sface_2021dec.onnx; cv::FaceRecognizerSF gives it RGB 0-255, accepts from 0.363
    "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79": RAW.model_copy(update={"same_from": 0.363}),
}
"""By checksum of the file, conventions that are published."""


class FaceEncoder(Protocol):
    """Anything that turns faces into vectors, of which those of one person lie close together.

    Attributes:
        title: what it is called in results.
        same_from: cosine from which two faces count as one person.
    """

    title: str
    same_from: float

    def crops(self, pixels: np.ndarray, faces: Sequence[Detection]) -> np.ndarray:
        """Cut faces out of a picture (H, W, 3): (N, side, side, 3) uint8 RGB."""
        ...

    def encode(self, crops: np.ndarray) -> np.ndarray:
        """Return vectors of length 1: (N, E) float64."""
        ...


class _Layout(NamedTuple):
    side: int
    channels_first: bool
    kind: Any


class Recogniser:
    """A face recogniser from an ONNX file, ready to use; fulfils `FaceEncoder`.

    Args:
        path: file with one input, a picture of one face (1 or N, 3, side, side) or (1 or N, side, side, 3), and one
            output, its embedding. FILE.json beside FILE.onnx may say what pixels it expects (`PixelInput`).
        threads: of ONNX Runtime; None leaves it to the runtime.

    Raises:
        InputError: no such file.
        ModelError: it is no ONNX graph, does not fit, or the file beside it is not valid.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file; name a face recogniser as ONNX by --recogniser")
        self._session = open_session(self.path, threads)
        self._one_each()
        digest = sha256(self.path)
        self.title = f"{self.path.stem}-{digest[:8]}"
        self.input = self._input(digest)
        self._layout = self._laid_out()
        self.same_from = self.input.same_from or SAME_FROM
        self._tried()

    @property
    def side(self) -> int:
        """Of the crops, pixels."""
        return self._layout.side

    def crops(self, pixels: np.ndarray, faces: Sequence[Detection]) -> np.ndarray:
        """See `FaceEncoder`."""
        made = [cut(pixels, placement(face, TEMPLATE_CROP), self.side) for face in faces]
        return np.stack(made) if made else np.empty((0, self.side, self.side, 3), np.uint8)

    def encode(self, crops: np.ndarray) -> np.ndarray:
        """See `FaceEncoder`.

        Raises:
            ModelError: the graph answers something else than one vector, or numbers that are none.
        """
        return unit(np.stack([self._vector(crop) for crop in crops]))

    def _vector(self, crop: np.ndarray) -> np.ndarray:
        pixels = crop[..., ::-1] if self.input.order == "bgr" else crop
        mean, scale = (np.asarray(value, np.float32) for value in (self.input.mean, self.input.scale))
        given = (pixels.astype(np.float32) - mean) * scale
        given = given.transpose(2, 0, 1) if self._layout.channels_first else given
        name = self._session.get_inputs()[0].name
        try:
            answer = self._session.run(None, {name: np.ascontiguousarray(given[None], self._layout.kind)})[0]
        except Exception as error:  # ONNX Runtime raises a dozen unrelated classes
            raise ModelError(f"{self.path} fails on a face: {str(error).splitlines()[0]}") from error
        found = np.asarray(answer)
        if found.size != max(found.shape, default=0) or found.size < LEAST_NUMBERS:
            wish = f"one vector of {LEAST_NUMBERS} numbers or more"
            raise ModelError(f"{self.path} answers {found.shape} for a face, not {wish}: it is no face recogniser")
        if not np.isfinite(found).all():
            raise ModelError(f"{self.path} answers numbers that are not finite")
        return found.reshape(-1).astype(np.float64)

    def _tried(self) -> None:
        """Refuse what answers no vector, or the same whatever it is shown: everybody would be the same person."""
        ramp = np.broadcast_to(
            np.linspace(0, 255, self.side).astype(np.uint8)[:, None, None], (self.side, self.side, 3)
        )
        first, second = self.encode(np.stack([ramp, ramp[::-1]]))
        if np.allclose(first, second, atol=1e-6):
            raise ModelError(f"{self.path} answers the same for any picture; does it expect other pixels?")

    def _one_each(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(
                f"{self.path} has {len(inputs)} inputs and {len(outputs)} outputs; a face recogniser has one picture "
                "and one embedding"
            )

    def _input(self, digest: str) -> PixelInput:
        """Return what pixels are expected, as said beside the file, published, or told by the graph."""
        taken, beside = self._session.get_inputs()[0], self.path.with_suffix(".json")
        if digest in KNOWN:
            found = KNOWN[digest]
        else:
            own = _ARITHMETIC.intersection(first_operators(self.path, taken.name, _PASSED))
            found = RAW if own or taken.type == "tensor(uint8)" else PixelInput()
        said = read_input(beside).model_dump(exclude_unset=True) if beside.is_file() else {}
        return found.model_copy(update=said)

    def _laid_out(self) -> _Layout:
        taken, said = self._session.get_inputs()[0], self.input
        shape = list(taken.shape)
        wish = "a picture (1 or N, 3, side, side) or (1 or N, side, side, 3)"
        first = said.layout != "nhwc" if said.layout or len(shape) != 4 else shape[1] == 3 or shape[3] != 3
        channels, sides = (shape[1:2], shape[2:]) if first else (shape[3:], shape[1:3])
        known = {side for side in sides if isinstance(side, int)}
        fits = len(shape) == 4 and len(known) < 2 and _may_be(channels[0], 3) and _may_be(shape[0], 1)
        if not fits or taken.type not in _KINDS:
            raise ModelError(f"{self.path} takes {taken.type} of shape {tuple(shape)}; a face recogniser takes {wish}")
        return _Layout(next(iter(known), said.side or SIDE), first, _KINDS[taken.type])


def _may_be(size: Any, wish: int) -> bool:
    """Whether an axis has this size, or leaves it open."""
    return size == wish or not isinstance(size, int)


def read_input(path: Path) -> PixelInput:
    """Read what pixels a recogniser expects.

    Raises:
        ModelError: unreadable, or not valid.
    """
    try:
        return PixelInput.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        if not isinstance(error, ValidationError):
            raise ModelError(f"{path} cannot be read: {error}") from error
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        keys = ", ".join(PixelInput.model_fields)
        raise ModelError(f"{path} is not valid at '{where}': {first['msg']}; it may hold {keys}") from error


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (N, E) brought to length 1, so that products are cosines; of length 0 they stay."""
    known = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(known, axis=-1, keepdims=True)
    return known / np.where(lengths > 0, lengths, 1)
