"""From a finished run to a folder that users open without PyTorch: two graphs with small weights, and a description."""

from __future__ import annotations

import dataclasses
import datetime
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kaoiro.core.codes import Codes
from kaoiro.core.files import writing
from kaoiro.core.modelfile import Card, Provenance
from kaoiro.core.revision import commit
from kaoiro.families.identity_expression.network import Network
from kaoiro.inference import exchange
from kaoiro.inference.exchange import DECODER, ENCODER, WEIGHTS, ExchangeDescription, Exchanger
from kaoiro.training import hardware, latents, snapshots
from kaoiro.training.exchange import Trained
from kaoiro.training.latents import Learned

LEAST = 2048
"""Weights of fewer numbers stay as they are."""
_STEPS = 127  # on each side of zero
_CLIPS = np.linspace(0.8, 1.0, 11)  # of a channel's largest weight: where it may be cut to round the others less
_SHOWN = 256  # faces by which graphs are compared with the network


class EncoderGraph(nn.Module):
    """Pictures (N, 3, side, side) in 0 to 1 -> identity (N, I) and expression (N, E), or expression alone."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return the means of codes."""
        identity, expression = self.network.codes(pixels)
        return (identity, expression) if self.network.identity_size else (expression,)


class DecoderGraph(nn.Module):
    """Codes -> pictures (N, 3, side, side) in 0 to 1."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, *codes: Tensor) -> Tensor:
        """Return pictures."""
        return self.network.decoder(torch.cat(codes, dim=1))


def export_graphs(network: Network, folder: Path) -> None:
    """Write encoder.onnx and decoder.onnx, their weights as whole numbers of 8 bits with a scale a channel.

    Raises:
        OutputError: the folder cannot be written.
    """
    codes = ["identity", "expression"] if network.identity_size else ["expression"]
    sizes = {"identity": network.identity_size, "expression": network.config.expression}
    side = network.config.side
    still = Network(network.config, network.subjects)
    still.load_state_dict({name: value.detach().cpu() for name, value in network.state_dict().items()})
    given = tuple(torch.zeros(2, sizes[name]) for name in codes)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        encoder = _graph(EncoderGraph(still), (torch.zeros(2, 3, side, side),), ["pixels"], codes)
        (folder / ENCODER).write_bytes(encoder.SerializeToString())
        decoder = _graph(DecoderGraph(still), given, codes, ["pixels"])
        (folder / DECODER).write_bytes(decoder.SerializeToString())


def _graph(module: nn.Module, example: tuple[Tensor, ...], given: list[str], answers: list[str]) -> Any:
    import onnx

    axes = {name: {0: "faces"} for name in [*given, *answers]}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        raw = str(Path(folder) / "graph.onnx")
        torch.onnx.export(
            module.eval(),
            example,
            raw,
            input_names=given,
            output_names=answers,
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        return quantised(onnx.load(raw))


def quantised(model: Any, least: int = LEAST) -> Any:
    """Store weights of at least `least` numbers as int8, one scale for each output channel; biases stay as they are."""
    import onnx
    from onnx import numpy_helper

    axes = {name: axis for node in model.graph.node for name, axis in _channel_axes(node)}
    nodes, added = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.name not in axes or values.dtype != np.float32 or values.size < least:
            continue
        name, axis = tensor.name, axes[tensor.name]
        whole, scale = rounded(values, axis)
        tensor.CopyFrom(numpy_helper.from_array(whole, f"{name}_int8"))
        added.append(numpy_helper.from_array(scale, f"{name}_scale"))
        inputs = [f"{name}_int8", f"{name}_scale"]
        nodes.append(onnx.helper.make_node("DequantizeLinear", inputs, [name], axis=axis))
    model.graph.initializer.extend(added)
    before = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *before])
    onnx.checker.check_model(model)
    return model


def _channel_axes(node: Any) -> list[tuple[str, int]]:
    """Return the weight of a node and its axis of output channels."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm"):
        return []
    turned = any(one.name == "transB" and one.i for one in node.attribute)
    axis = {"Conv": 0, "ConvTranspose": 1, "Gemm": 0 if turned else 1}[node.op_type]
    return [(node.input[1], axis)]


def rounded(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights as int8 and the scale of each channel, which makes the squared error smallest."""
    channels = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    most = np.maximum(np.abs(channels).max(axis=1), 1e-12)
    best, error = np.ones(len(most)), np.full(len(most), np.inf)
    for share in _CLIPS:
        scale = (most * share / _STEPS)[:, None]
        lost = ((np.clip(np.round(channels / scale), -_STEPS, _STEPS) * scale - channels) ** 2).sum(axis=1)
        best, error = np.where(lost < error, share, best), np.minimum(lost, error)
    scale = (most * best / _STEPS).astype(np.float32)
    shape = [1] * values.ndim
    shape[axis] = -1
    whole = np.clip(np.round(values / scale.reshape(shape)), -_STEPS, _STEPS).astype(np.int8)
    return whole, scale


def export(trained: Trained, recipe_name: str, folder: str | Path, name: str) -> ExchangeDescription:
    """Write the folder of a run's model and what people should know of it.

    Args:
        trained: the finished run.
        recipe_name: the named recipe.
        folder: receives exchange.json, encoder.onnx, decoder.onnx and weights.safetensors.
        name: of the model.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder, network, learned = Path(folder), trained.objective.network, trained.learned
    export_graphs(network, folder)
    snapshots.save(network, learned.people, folder / WEIGHTS, half=False)
    exchanging, others = network.exchanges, trained.people.unseen
    description = ExchangeDescription(
        name=name,
        side=network.config.side,
        identity=network.identity_size,
        expression=network.config.expression,
        crop=trained.recipe.crop,
        same_person=_rounded(latents.same_person(learned, others))
        if exchanging and not network.config.painted
        else None,
        strength=trained.recipe.strength,
        provenance=_provenance(trained, recipe_name),
        card=Card(summary=_summary(trained), limits=trained.people.limits, licence=trained.people.licence),
    )
    exchange.write(folder, description)
    numbers = _noted(trained) | compared(learned, Exchanger(folder), trained.people.training.pixels)
    card = description.card.model_copy(update={"numbers": numbers})
    filled = description.model_copy(update={"card": card})
    exchange.write(folder, filled)
    return filled


def compared(learned: Learned, exchanger: Exchanger, pixels: np.ndarray) -> dict[str, float]:
    """Return how near the graphs' answers are to the network's.

    Args:
        learned: the network.
        exchanger: its graphs.
        pixels: (N, side, side, 3) uint8 faces, of which some are taken.

    Returns:
        'graph_codes' correlation of codes over faces, all units together; 'graph_pictures_psnr' dB of what is made of
        the same codes.
    """
    some = pixels[:: max(1, len(pixels) // _SHOWN)][:_SHOWN]
    own, theirs = learned.encode(some), exchanger.encode(some)
    made = learned.decode(own.identity, own.expression).astype(np.float64)
    again = exchanger.decode(own.identity, own.expression).astype(np.float64)
    error = max(float(((made - again) ** 2).mean()), 1 / 12)
    return {
        "graph_codes": round(_agreement(own, theirs), 6),
        "graph_pictures_psnr": round(float(10 * np.log10(255**2 / error)), 2),
    }


def _agreement(first: Codes, second: Codes) -> float:
    """Return the lowest correlation of both codes' deviations from their means over faces; 1 where they stand still."""
    found = [1.0]
    for name in ("identity", "expression"):
        a, b = (getattr(codes, name) - getattr(codes, name).mean(axis=0) for codes in (first, second))
        if a.size and float((a**2).sum()) > 1e-9:
            found.append(float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())))
    return min(found)


def _noted(trained: Trained) -> dict[str, float]:
    """Return the criteria of the last stage."""
    last = trained.history["stages"][-1]
    return {name: value for name, value in last.items() if name not in ("stage", "kind", "iteration")}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _summary(trained: Trained) -> str:
    network = trained.objective.network
    side, size = network.config.side, network.config.expression
    if not trained.recipe.run.iterations and not network.config.painted:
        return f"an expression code of {size} numbers of a {side}x{side} face; learned from views alone: no way back"
    if network.exchanges:
        return f"who somebody is and what the face does, of a {side}x{side} face in colour: two codes, and back"
    told = ", told who it is" if network.subjects else ""
    return f"one code of {size} numbers of a {side}x{side} face in colour{told}, and back (a baseline)"


def _provenance(trained: Trained, recipe_name: str) -> Provenance:
    recipe, plan = trained.recipe, trained.schedule
    settings = dataclasses.asdict(recipe) | {"crop": recipe.crop.model_dump(mode="json")}
    settings["data"] |= {"root": None, "cache": None, "unlabelled": None}
    settings["views"]["start"] = None
    settings["schedule"] = plan.asdict()
    ends = trained.history["stages"]
    columns = dict.fromkeys(name for row in ends for name in row if name != "kind")
    steps = sum(stage.total for stage in plan.stages)
    share = "" if plan.scale >= 1 else f" ({plan.scale:.2%} of the whole schedule)"
    return Provenance(
        recipe=f"identity_expression/{recipe_name}",
        settings=settings,
        data=trained.people.description,
        seed=recipe.run.seed,
        budget=f"{steps} steps{share}, {trained.hours:.2f} h on {hardware.describe('32')}",
        commit=commit(),
        created=datetime.date.today().isoformat(),
        history={name: tuple(row.get(name) for row in ends) for name in columns},
    )
