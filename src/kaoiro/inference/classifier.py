"""Run a model folder on face crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.sessions import open_session
from kaoiro.core.spec import Head
from kaoiro.faces.photo import check_uint8

BATCH = 32


@dataclass(frozen=True)
class Answers:
    """Answers of a model for N crops.

    Attributes:
        features: (N, C) float32.
        raw: by head, (N, K) float32, before calibration and activation.
        heads: by head, (N, K) float64, calibrated.
    """

    features: np.ndarray
    raw: dict[str, np.ndarray]
    heads: dict[str, np.ndarray]


@dataclass(frozen=True)
class Looks:
    """Where a model looks in N crops.

    Attributes:
        activation: (N, K, h, w) what each place adds to the raw output of each expression.
        masks: attention of each stage by name, (N, h, w) in 0-1, averaged over channels.
    """

    activation: np.ndarray
    masks: dict[str, np.ndarray]


class Classifier:
    """A model ready to use.

    Args:
        model: checked model folder.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Raises:
        ModelError: the graph cannot be opened, or has other inputs and outputs than model.json says.
    """

    def __init__(self, model: ModelFolder, threads: int | None = None) -> None:
        self.model, self.specification = model, model.specification
        self._session = open_session(model.graph, threads)
        self._all = [output.name for output in self._session.get_outputs()]
        self._names = ["features", *(head.name for head in self.specification.heads)]
        self._check_graph()

    def _check_graph(self) -> None:
        spec, free = self.specification, None
        inputs = {value.name: value for value in self._session.get_inputs()}
        there = {**inputs, **{value.name: value for value in self._session.get_outputs()}}
        wanted: dict[str, tuple[int | None, ...]] = {"pixels": (free, spec.channels, spec.size, spec.size)}
        wanted |= {"features": (free, free), **{head.name: (free, len(head.labels)) for head in spec.heads}}
        wrong = [name for name, shape in wanted.items() if name not in there or not _fits(there[name].shape, shape)]
        wrong += [name for name in inputs if name != "pixels" or inputs[name].type != "tensor(uint8)"]
        if wrong:
            raise ModelError(
                f"{self.model.graph} is not the graph that model.json describes: {', '.join(wrong)} missing or of "
                f"another shape; install or copy the model folder again"
            )

    @property
    def width(self) -> int:
        """Numbers of the features of a face."""
        spec = self.specification
        shape = (1, spec.size, spec.size) if spec.channels == 1 else (1, spec.size, spec.size, 3)
        return self.predict(np.zeros(shape, np.uint8)).features.shape[1]

    def predict(self, crops: np.ndarray) -> Answers:
        """Return the model's answers.

        Args:
            crops: (N, size, size) for one channel, (N, size, size, 3) for three; uint8. See `prepare_crops`.

        Raises:
            onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument: crops of another size.
        """
        spec = self.specification
        pixels = crops[:, None] if spec.channels == 1 else crops.transpose(0, 3, 1, 2)
        parts = [
            self._session.run(self._names, {"pixels": np.ascontiguousarray(pixels[start : start + BATCH])})
            for start in range(0, len(pixels), BATCH)
        ]
        if parts:
            outputs = dict(
                zip(self._names, (np.concatenate(column) for column in zip(*parts, strict=True)), strict=True)
            )
        else:
            outputs = {"features": np.empty((0, 0), np.float32)}
            outputs |= {head.name: np.empty((0, len(head.labels)), np.float32) for head in spec.heads}
        raw = {head.name: outputs[head.name] for head in spec.heads}
        return Answers(outputs["features"], raw, {head.name: activate(raw[head.name], head) for head in spec.heads})

    def looks(self, crops: np.ndarray) -> Looks:
        """Return where the model looks in each crop.

        Args:
            crops: as for `predict`, at most a few hundred.

        Raises:
            ModelError: the graph does not tell: its features are no mean over places, or it was exported before graphs
                could tell.
        """
        masks = sorted(name for name in self._all if name.startswith("attention_"))
        if "activation_expression" not in self._all:
            why = "its features are no mean over places, or it was exported by an earlier version"
            raise ModelError(f"{self.model.graph} does not tell where it looks: {why}")
        pixels = crops[:, None] if self.specification.channels == 1 else crops.transpose(0, 3, 1, 2)
        found = self._session.run(["activation_expression", *masks], {"pixels": np.ascontiguousarray(pixels)})
        return Looks(found[0], dict(zip(masks, found[1:], strict=True)))


def _fits(shape: list[int | str | None], wanted: tuple[int | None, ...]) -> bool:
    """Tell whether a graph's shape can be the wanted one; names and None stand for any number."""
    return len(shape) == len(wanted) and all(
        not isinstance(have, int) or want is None or have == want for have, want in zip(shape, wanted, strict=True)
    )


def activate(raw: np.ndarray, head: Head) -> np.ndarray:
    """Turn raw outputs (N, K) into answers: divide by the head's temperature, apply its activation."""
    scaled = raw.astype(np.float64) / head.temperature
    if head.activation == "softmax":
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
        return powers / powers.sum(axis=1, keepdims=True)
    if head.activation == "sigmoid":
        return 1 / (1 + np.exp(-scaled))
    if head.activation == "exponential":
        return np.exp(scaled)
    return np.tanh(scaled) if head.activation == "tanh" else scaled


def prepare_crops(array: np.ndarray, size: int, channels: int) -> np.ndarray:
    """Bring faces that are already cut out to a model's size and channels.

    Args:
        array: (N, H, W) grey or (N, H, W, 3) RGB, uint8.
        size: side wanted, pixels. Other shapes are resized (averaging when shrinking).
        channels: 1 or 3.

    Returns:
        (N, size, size) or (N, size, size, 3) uint8.

    Raises:
        InputError: another shape or type, or NaN; also one RGB face (H, W, 3), which would pass for H grey ones.
    """
    from PIL import Image

    if not isinstance(array, np.ndarray):
        raise InputError(f"crops must be a NumPy array, not {type(array).__name__}")
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3):
        raise InputError(f"crops must have shape (N, H, W) or (N, H, W, 3), not {array.shape}")
    if array.ndim == 3 and array.shape[2] == 3:
        raise InputError(f"crops of shape {array.shape} look like one RGB face; give array[None] for a batch of one")
    check_uint8(array)
    if 0 in array.shape[1:]:
        raise InputError(f"crops have no pixels: shape {array.shape}")
    mode = "L" if channels == 1 else "RGB"
    shape = (len(array), size, size) if channels == 1 else (len(array), size, size, 3)
    if array.shape == shape:
        return array
    out = np.empty(shape, np.uint8)
    for index, face in enumerate(array):
        picture = Image.fromarray(face).convert(mode)
        out[index] = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return out
