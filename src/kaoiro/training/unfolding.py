"""From the graph of a model back to the weights of its network, so that what ships can be learned on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from kaoiro.core.errors import InputError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.inference.classifier import Classifier
from kaoiro.training.families import families, objective_module, recipes

_ALIKE = 1e-3  # of raw outputs: how far graph and network may differ
_FACES = 4


def unfolded(model: ModelFolder) -> dict[str, Tensor]:
    """Return the weights of a model by name, read from its graph.

    The network is built as the model's description says; its layers take the weights of the graph in the order in
    which they run. Batch normalisation, which graphs have folded into the convolutions, keeps the offset and does
    nothing else. Graph and network must give the same answers to random pixels.

    Raises:
        InputError: the graph is not that of a network of this toolkit, or of one whose weights it does not hold.
    """
    network = built(model)
    try:
        _fill(network, list(_weights(model)), model)
    except ValueError as error:
        raise InputError(
            f"{model.path}: no weights to learn on, and its graph has not all of them ({error})"
        ) from error
    if not _agrees(network, model):
        raise InputError(f"{model.path}: no weights to learn on, and its graph is not that of {_recipe(model)}")
    return network.state_dict()


def _recipe(model: ModelFolder) -> str:
    return model.description.provenance.recipe


def built(model: ModelFolder) -> nn.Module:
    """Return the network of a model's recipe with random weights."""
    family, _, name = _recipe(model).partition("/")
    known = recipes(family) if family in families() else {}
    if name not in known:
        raise InputError(f"{model.path}: no weights to learn on, and no recipe '{_recipe(model)}' to read its graph by")
    try:
        config = TypeAdapter(type(known[name].network)).validate_python(
            model.description.provenance.settings["network"]
        )
    except (KeyError, ValidationError) as error:
        raise InputError(f"{model.path}: its description does not tell the network of its graph") from error
    objective: Any = objective_module(family).Objective(replace(known[name], network=config), model.specification)
    return objective.network.eval()


def _weights(model: ModelFolder) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield the layers of a graph that have weights, in the order in which they run: kind, and their weights."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(model.graph)).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].astype(np.float32)
        elif node.op_type in ("Conv", "Gemm", "BatchNormalization") and node.input[1] in values:
            yield node.op_type, [values[name] for name in node.input[1:] if name]


def _fill(network: nn.Module, weights: list[tuple[str, list[np.ndarray]]], model: ModelFolder) -> None:
    """Lay the weights of a graph into the layers of a network.

    Raises:
        ValueError: they do not fit.
    """
    given = iter(weights)
    for layer, after in _order(network, model):
        if isinstance(layer, nn.BatchNorm2d):
            scale, offset, mean, variance = _next(given, "BatchNormalization", layer, 4)
            _set(layer, scale, offset)
            layer.get_buffer("running_mean").copy_(torch.from_numpy(mean.copy()))
            layer.get_buffer("running_var").copy_(torch.from_numpy(variance.copy()))
            continue
        kind = "Conv" if isinstance(layer, nn.Conv2d) else "Gemm"
        offset_of = layer if after is None else after
        weight, *offset = _next(given, kind, layer, 1 if offset_of.bias is None else 2)
        _set(layer, weight, None if after is not None or not offset else offset[0])
        if after is not None:
            _set(after, np.ones_like(offset[0]), offset[0])
            after.get_buffer("running_mean").zero_()
            after.get_buffer("running_var").fill_(1 - after.eps)
    if next(given, None) is not None:
        raise ValueError("it has more layers than the network")


def _next(given: Iterator[tuple[str, list[np.ndarray]]], kind: str, layer: nn.Module, count: int) -> list[np.ndarray]:
    found, values = next(given, ("nothing", []))
    if found != kind or len(values) != count:
        raise ValueError(f"{found} where {type(layer).__name__} is")
    return values


@torch.no_grad()
def _set(layer: Any, weight: np.ndarray, bias: np.ndarray | None) -> None:
    if layer.weight.shape != weight.shape:
        raise ValueError(f"weights {weight.shape} where {tuple(layer.weight.shape)} are wanted")
    layer.weight.copy_(torch.from_numpy(weight.copy()))
    if bias is not None:
        layer.bias.copy_(torch.from_numpy(bias.copy()))


def _order(network: nn.Module, model: ModelFolder) -> list[tuple[Any, nn.BatchNorm2d | None]]:
    """Return the layers with weights in the order in which they run, each with the normalisation folded into it.

    A normalisation is folded into a convolution whose output it alone takes.
    """
    ran: list[tuple[Any, Tensor, Tensor]] = []  # the tensors are kept, or their identities would be used again

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ran.append((layer, inputs[0], output))

    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)
    hooks = [layer.register_forward_hook(note) for layer in network.modules() if isinstance(layer, kinds)]
    size, channels = model.specification.size, model.specification.channels
    with torch.no_grad():
        network(torch.zeros(2, channels, size, size))
    for hook in hooks:
        hook.remove()
    convolved = {id(output): layer for layer, _, output in ran if isinstance(layer, nn.Conv2d)}
    folded: dict[nn.Module, nn.BatchNorm2d] = {}
    for layer, taken, _ in ran:
        if isinstance(layer, nn.BatchNorm2d) and id(taken) in convolved:
            folded[convolved[id(taken)]] = layer
    inside = set(folded.values())
    return [(layer, folded.get(layer)) for layer, _, _ in ran if layer not in inside]


def _agrees(network: nn.Module, model: ModelFolder) -> bool:
    """Return whether graph and network give the same answers to random pixels."""
    one = model.specification
    pixels = np.random.default_rng(0).integers(0, 256, (_FACES, one.size, one.size, one.channels), dtype=np.uint8)
    expected = Classifier(model).predict(pixels[..., 0] if one.channels == 1 else pixels).raw
    x = torch.from_numpy(pixels.astype(np.float32) / 255).movedim(-1, 1)
    x = (x - torch.tensor(one.mean).reshape(1, -1, 1, 1)) / torch.tensor(one.std).reshape(1, -1, 1, 1)
    with torch.no_grad():
        found = network(x).heads
    return all(np.allclose(found[name].numpy(), raw, rtol=_ALIKE, atol=_ALIKE) for name, raw in expected.items())
