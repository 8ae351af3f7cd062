"""Write a folder with an encoder and a decoder whose codes can be computed by hand.

Identity is the mean red and green of a crop (0-1), expression the mean blue of its upper and its lower half. The
decoder paints a crop of just these.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kaoiro.core.modelfile import Card, Provenance
from kaoiro.core.spec import CropGeometry
from kaoiro.inference.exchange import DECODER, ENCODER, ExchangeDescription
from kaoiro.inference.exchange import write as describe

SIDE = 8
CROP = CropGeometry(
    name="test", points=((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.36, 0.75), (0.64, 0.75)), box=(0.1, 0.05, 0.8, 0.9)
)


def description(**changes: Any) -> ExchangeDescription:
    """Return what such a folder says of itself."""
    said = ExchangeDescription(
        name="paint",
        side=SIDE,
        identity=2,
        expression=2,
        crop=CROP,
        provenance=Provenance(
            recipe="test/test", settings={}, data="none", seed=0, budget="none", commit="none", created="2000-01-01"
        ),
        card=Card(summary="Tells colours", licence="MIT"),
    )
    return said.model_copy(update=changes)


def write(folder: Path, **changes: Any) -> Path:
    """Write such a folder; `changes` are of its description. An identity of 0 numbers leaves it out of the graphs."""
    folder.mkdir(parents=True, exist_ok=True)
    said = description(**changes)
    widths = {"identity": 2, "expression": 2} if said.identity else {"expression": 4}
    _save(folder / ENCODER, _encoder(list(widths)), {"pixels": (3, SIDE, SIDE)}, {k: (v,) for k, v in widths.items()})
    _save(folder / DECODER, _decoder(list(widths)), {k: (v,) for k, v in widths.items()}, {"faces": (3, SIDE, SIDE)})
    describe(folder, said.model_copy(update={} if said.identity else {"expression": 4} | changes))
    return folder


def painted(red: int, green: int, upper: int, lower: int, side: int = SIDE) -> np.ndarray:
    """Return a picture (side, side, 3) uint8 whose identity is (red, green) / 255, its expression (upper, lower)."""
    face = np.empty((side, side, 3), np.uint8)
    face[..., 0], face[..., 1] = red, green
    face[: side // 2, :, 2], face[side // 2 :, :, 2] = upper, lower
    return face


def _masks() -> np.ndarray:
    """Return which pixels each of the four numbers is the colour of: (4, 3 · side · side)."""
    masks = np.zeros((4, 3, SIDE, SIDE), np.float32)
    masks[0, 0], masks[1, 1], masks[2, 2, : SIDE // 2], masks[3, 2, SIDE // 2 :] = 1, 1, 1, 1
    return masks.reshape(4, -1)


def _encoder(names: list[str]) -> tuple[list[Any], dict[str, np.ndarray]]:
    masks = _masks()
    means = (masks / masks.sum(axis=1, keepdims=True)).T
    parts = dict(zip(names, np.split(means, len(names), axis=1), strict=True))
    nodes = [helper.make_node("Flatten", ["pixels"], ["flat"])]
    nodes += [helper.make_node("MatMul", ["flat", f"{name}_means"], [name]) for name in names]
    return nodes, {f"{name}_means": np.ascontiguousarray(part) for name, part in parts.items()}


def _decoder(names: list[str]) -> tuple[list[Any], dict[str, np.ndarray]]:
    nodes = [
        helper.make_node("Concat", names, ["codes"], axis=1),
        helper.make_node("MatMul", ["codes", "masks"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["faces"]),
    ]
    return nodes, {"masks": _masks(), "shape": np.array([-1, 3, SIDE, SIDE])}


def _save(
    path: Path,
    made: tuple[list[Any], dict[str, np.ndarray]],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]],
) -> None:
    nodes, values = made
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape]) for name, shape in part.items()]
        for part in (inputs, outputs)
    ]
    initialisers = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "test", *ends, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
