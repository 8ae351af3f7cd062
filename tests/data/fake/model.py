"""Write a model folder whose answers can be computed by hand: raw outputs are a linear map of the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from kaoiro.core.labels import FERPLUS, Vocabulary
from kaoiro.core.modelfile import GRAPH, Card, Description, ModelFolder, Provenance, load, write_description
from kaoiro.core.spec import CropGeometry, Head, Specification

SIZE = 48
CROP = CropGeometry(
    name="fake", points=((0.31, 0.41), (0.69, 0.41), (0.5, 0.61), (0.35, 0.75), (0.65, 0.75)), box=(0.1, 0.05, 0.8, 0.9)
)


def weights(labels: Vocabulary, seed: int = 0) -> np.ndarray:
    """Return (48·48, K) float32, blind to brightness so that answers vary."""
    matrix = np.random.default_rng(seed).normal(size=(SIZE * SIZE, len(labels)))
    return ((matrix - matrix.mean(axis=0)) / 2000).astype(np.float32)


def raw_outputs(pixels: np.ndarray, labels: Vocabulary, seed: int = 0) -> np.ndarray:
    """Return what the model answers to (N, 48, 48) uint8: (N, K) before temperature and softmax."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) @ weights(labels, seed)


def write(
    folder: Path, labels: Vocabulary = FERPLUS, matrix: np.ndarray | None = None, temperature: float = 1.0
) -> ModelFolder:
    """Write model.onnx and model.json.

    Args:
        folder: receives the files.
        labels: of the head 'expression'.
        matrix: (48·48, K) float32; default: `weights(labels)`.
        temperature: of the head.
    """
    folder.mkdir(parents=True, exist_ok=True)
    matrix = weights(labels) if matrix is None else matrix
    (folder / GRAPH).write_bytes(_graph(matrix.astype(np.float32)))
    head = Head(name="expression", activation="softmax", labels=labels.labels, temperature=temperature)
    write_description(
        folder,
        Description(
            name=folder.name,
            specification=Specification(size=SIZE, channels=1, mean=(0.5,), std=(0.25,), crop=CROP, heads=(head,)),
            files={},
            provenance=Provenance(
                recipe="fake/linear",
                settings={},
                data="none",
                seed=0,
                budget="none",
                commit="none",
                created="2026-01-01",
            ),
            card=Card(summary="a linear map of the pixels", licence="MIT"),
        ),
    )
    return load(folder)


def _graph(matrix: np.ndarray) -> bytes:
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["numbers"], ["features"]),
        helper.make_node("MatMul", ["features", "matrix"], ["expression"]),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["faces", 1, SIZE, SIZE])
    answers = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["faces", SIZE * SIZE]),
        helper.make_tensor_value_info("expression", TensorProto.FLOAT, ["faces", matrix.shape[1]]),
    ]
    graph = helper.make_graph(nodes, "linear", [given], answers, [numpy_helper.from_array(matrix, "matrix")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
