"""Write small ONNX files whose answers can be computed by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kaoiro.core.labels import AFFECT, FERPLUS, MEASURED_UNITS
from kaoiro.core.modelfile import GRAPH, Card, Description, ModelFolder, Provenance, load, write_description
from kaoiro.core.spec import CropGeometry, Head, Specification

Cell = tuple[float, float, Sequence[float], Sequence[float]]
"""Class score, object score, box (dx, dy, log width, log height), points (x, y five times)."""

CROP = CropGeometry(
    name="test", points=((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.36, 0.75), (0.64, 0.75)), box=(0.1, 0.05, 0.8, 0.9)
)
SIZE = 8


class Further(NamedTuple):
    """A head beside the first one."""

    name: str
    activation: Any
    labels: Sequence[str]
    bias: Sequence[float]
    slope: Sequence[float] | None = None


def write_yunet(path: Path, cells: Mapping[tuple[int, int, int], Cell], side: int = 64, free: bool = False) -> Path:
    """Write a detector in YuNet's format that finds the same whatever it sees, unless all is blueless.

    Args:
        path: file to write.
        cells: (stride, row, column) -> what the network says there; all other cells are silent.
        side: of the input, pixels.
        free: leave the input's size open.
    """
    nodes = [
        helper.make_node("Slice", ["input", "zero", "one", "one"], ["blue"]),
        helper.make_node("ReduceMax", ["blue"], ["brightest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Div", ["brightest", "white"], ["light"]),
    ]
    values = {"zero": np.array([0]), "one": np.array([1]), "white": np.array(255, np.float32)}
    outputs = []
    for stride in (8, 16, 32):
        tables = _tables(cells, stride, side // stride)
        for part, table in tables.items():
            name = f"{part}_{stride}"
            values[f"{name}_value"] = table
            kind, inputs = ("Mul", [f"{name}_value", "light"]) if part == "obj" else ("Identity", [f"{name}_value"])
            nodes.append(helper.make_node(kind, inputs, [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, table.shape))
    shape = [1, 3, "height", "width"] if free else [1, 3, side, side]
    # 'axes' of the slice is [1]: the channels, of which the first is blue
    return _save(path, nodes, [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)], outputs, values)


def _tables(cells: Mapping[tuple[int, int, int], Cell], stride: int, count: int) -> dict[str, np.ndarray]:
    tables = {
        part: np.zeros((1, count * count, wide), np.float32)
        for part, wide in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items()
    }
    for (own, row, column), cell in cells.items():
        if own == stride:
            for part, value in zip(tables, cell, strict=True):
                tables[part][0, row * count + column] = value
    return tables


def write_centerface(path: Path, maps: Mapping[str, np.ndarray]) -> Path:
    """Write a detector in CenterFace's format that always answers the same.

    Args:
        path: file to write.
        maps: 'heat' (1, h, w), 'scale' (2, h, w), 'offset' (2, h, w) and 'points' (10, h, w), in this order.
    """
    nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in maps]
    values = {f"{name}_value": value[None].astype(np.float32) for name, value in maps.items()}
    shapes = {name: (1, *value.shape) for name, value in maps.items()}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])]
    return _save(path, nodes, inputs, outputs, values)


def write_model(
    folder: Path,
    bias: Sequence[float],
    slope: Sequence[float] | None = None,
    *,
    labels: Sequence[str] = FERPLUS.labels,
    temperature: float = 1.0,
    channels: int = 1,
    head: str = "expression",
    further: Sequence[Further] = (),
) -> ModelFolder:
    """Write and open a model whose logits are bias + slope · b, b (0-1) the mean brightness of the crop.

    Its feature is b. Further heads answer likewise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["mean"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Div", ["grey", "white"], ["features"]),
        helper.make_node("MatMul", ["features", "slope"], ["steep"]),
        helper.make_node("Add", ["steep", "bias"], [head]),
    ]
    values = {
        "white": np.array(255, np.float32),
        "slope": np.array([slope if slope is not None else [0.0] * len(bias)], np.float32),
        "bias": np.array(bias, np.float32),
    }
    for one in further:
        nodes += [
            helper.make_node("MatMul", ["features", f"{one.name}_slope"], [f"{one.name}_steep"]),
            helper.make_node("Add", [f"{one.name}_steep", f"{one.name}_bias"], [one.name]),
        ]
        values[f"{one.name}_slope"] = np.array([one.slope or [0.0] * len(one.labels)], np.float32)
        values[f"{one.name}_bias"] = np.array(one.bias, np.float32)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", channels, SIZE, SIZE])
    outputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 1]),
        helper.make_tensor_value_info(head, TensorProto.FLOAT, ["n", len(bias)]),
        *(helper.make_tensor_value_info(one.name, TensorProto.FLOAT, ["n", len(one.labels)]) for one in further),
    ]
    _save(folder / GRAPH, nodes, [pixels], outputs, values)
    answers = [Head(name=head, activation="softmax", labels=tuple(labels), temperature=temperature)]
    answers += [Head(name=one.name, activation=one.activation, labels=tuple(one.labels)) for one in further]
    write_description(folder, _description(folder.name, tuple(answers), channels))
    return load(folder)


def write_affect_model(
    folder: Path, valence: float = 0.5, units: Mapping[str, float] | None = None, brighter: float = 0.0
) -> ModelFolder:
    """Write and open a model that says happiness, with valence, arousal 0.25, spreads 0.1 and 0.2, and units.

    Args:
        folder: receives it.
        valence: of a black face, between -1 and 1.
        units: probability of each unit that is not 0.125.
        brighter: what the raw valence of a white face has on top.
    """
    chances = dict.fromkeys(MEASURED_UNITS.labels, 0.125) | dict(units or {})
    logits = [math.log(chance / (1 - chance)) for chance in chances.values()]
    happiness = [0.0] * len(FERPLUS)
    happiness[FERPLUS.index("happiness")] = 5.0
    return write_model(
        folder,
        happiness,
        further=[
            Further("affect", "tanh", AFFECT.labels, [math.atanh(valence), math.atanh(0.25)], [brighter, 0.0]),
            Further("affect_spread", "exponential", AFFECT.labels, [math.log(0.1), math.log(0.2)]),
            Further("units", "sigmoid", tuple(chances), logits),
        ],
    )


def write_bright_model(folder: Path, units: Sequence[str] = MEASURED_UNITS.labels) -> ModelFolder:
    """Write and open a model for which a bright picture smiles and a dark one frowns.

    With b the mean brightness (0-1): happiness against anger has odds exp(20 b - 10), valence is tanh(4 b - 2), AU 12
    has odds exp(8 b - 4) and AU 4 the inverse; the other units have 0.125, arousal 0.25, spreads 0.3.

    Args:
        folder: receives it.
        units: that it answers.
    """
    bias, slope = [-20.0] * len(FERPLUS), [0.0] * len(FERPLUS)
    for label, start, steep in (("anger", 5.0, -10.0), ("happiness", -5.0, 10.0)):
        bias[FERPLUS.index(label)], slope[FERPLUS.index(label)] = start, steep
    steepness = [{"au_12": 8.0, "au_04": -8.0}.get(unit, 0.0) for unit in units]
    starts = [-steep / 2 or math.log(1 / 7) for steep in steepness]
    further = [
        Further("affect", "tanh", AFFECT.labels, [-2.0, math.atanh(0.25)], [4.0, 0.0]),
        Further("affect_spread", "exponential", AFFECT.labels, [math.log(0.3)] * 2),
        Further("units", "sigmoid", tuple(units), starts, steepness),
    ]
    return write_model(folder, bias, slope, further=further)


def write_recogniser(
    path: Path,
    side: int = 112,
    *,
    layout: str = "nchw",
    normalises: bool = False,
    kind: int = TensorProto.FLOAT,
    shape: Sequence[Any] | None = None,
    inputs: int = 1,
    vectors: bool = True,
    numbers: int = 3 * 64,
) -> Path:
    """Write a face recogniser whose embedding is the crop in 8 by 8 places, R, G and B, less the mean of all.

    Args:
        path: file to write.
        side: of the input, pixels.
        layout: 'nchw' or 'nhwc'.
        normalises: takes 0-255 and brings pixels to -1 to 1 itself.
        kind: of the input.
        shape: of the input, if not what `side` and `layout` give.
        inputs: further ones are not used.
        vectors: False answers the places as a picture.
        numbers: of the embedding, the first ones.
    """
    usual = [1, 3, side, side] if layout == "nchw" else ["n", side, side, 3]
    nodes = [helper.make_node("Cast", ["face"], ["real"], to=TensorProto.FLOAT)]
    last = "real"
    if layout == "nhwc":
        nodes.append(helper.make_node("Transpose", [last], ["turned"], perm=[0, 3, 1, 2]))
        last = "turned"
    if normalises:
        nodes += [
            helper.make_node("Sub", [last, "half"], ["less"]),
            helper.make_node("Mul", ["less", "scale"], ["own"]),
        ]
        last = "own"
    place = side // 8
    nodes += [
        helper.make_node("AveragePool", [last], ["places"], kernel_shape=[place, place], strides=[place, place]),
        helper.make_node("Flatten", ["places"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["centred"]),
        helper.make_node("Slice", ["centred", "zero", "count", "one"], ["embedding"]),
    ]
    values = {"half": np.array(127.5, np.float32), "scale": np.array(1 / 127.5, np.float32)}
    values |= {"zero": np.array([0]), "one": np.array([1]), "count": np.array([numbers])}
    taken = [helper.make_tensor_value_info("face", kind, usual if shape is None else shape)]
    taken += [helper.make_tensor_value_info(f"more_{n}", TensorProto.FLOAT, [1]) for n in range(1, inputs)]
    name = "embedding" if vectors else "places"
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "e"] if vectors else ["n", 3, "h", "w"])]
    return _save(path, nodes, taken, made, values)


def _description(name: str, heads: tuple[Head, ...], channels: int) -> Description:
    numbers = (0.5,) * channels
    return Description(
        name=name,
        specification=Specification(
            size=SIZE, channels=1 if channels == 1 else 3, mean=numbers, std=numbers, crop=CROP, heads=heads
        ),
        files={},
        provenance=Provenance(
            recipe="test/test", settings={}, data="none", seed=0, budget="none", commit="none", created="2000-01-01"
        ),
        card=Card(summary="Answers by brightness", numbers={"accuracy": 0.5}, limits=("sees nothing",), licence="MIT"),
    )


def _save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], values: Mapping[str, Any]) -> Path:
    initialisers = [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
