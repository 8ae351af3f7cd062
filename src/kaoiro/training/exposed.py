"""Let a graph also answer where it looks: masks of attention, and class-activation maps."""

from __future__ import annotations

from typing import Any

import numpy as np

ATTENTION, ACTIVATION = "attention", "activation"
"""Names of the outputs: attention_0 … (B, h, w), and activation_HEAD (B, K, h, w)."""


def exposed(model: Any) -> Any:
    """Add outputs to an ONNX model and return it; what it answered before stays as it was.

    Masks are the sigmoids inside the graph, averaged over channels. The map of a class is its share in the linear layer
    after global average pooling, place by place (Zhou et al., "Learning Deep Features for Discriminative
    Localization", CVPR 2016, eq. 2); its mean over places plus the layer's bias is the raw output.

    Args:
        model: with outputs 'features' (a mean over places) and one for each head.
    """
    import onnx

    graph, makers = model.graph, {name: node for node in model.graph.node for name in node.output}
    heads = [value.name for value in graph.output if value.name != "features"]
    masks = [node.output[0] for node in graph.node if node.op_type == "Sigmoid"]
    for number, mask in enumerate(masks):
        name = f"{ATTENTION}_{number}"
        graph.node.append(onnx.helper.make_node("ReduceMean", [mask], [name], axes=[1], keepdims=0))
        graph.output.append(_value(name, ["faces", None, None]))
    pooled = makers.get("features")
    if pooled is not None and pooled.op_type in ("ReduceMean", "GlobalAveragePool"):
        for head in heads:
            _add_activation(graph, makers, head, pooled.input[0])
    onnx.checker.check_model(model)
    return model


def _add_activation(graph: Any, makers: dict[str, Any], head: str, places: str) -> None:
    """Add the maps of a head that is a linear layer on the features."""
    import onnx

    layer = makers[head]
    if layer.op_type != "Gemm" or layer.input[0] != "features":
        return
    shape, kernel, name = f"{head}_kernel_shape", f"{head}_kernel", f"{ACTIVATION}_{head}"
    weights = layer.input[1]
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, 0, 1, 1], np.int64), shape))
    graph.node.append(onnx.helper.make_node("Reshape", [weights, shape], [kernel]))
    graph.node.append(onnx.helper.make_node("Conv", [places, kernel], [name]))
    graph.output.append(_value(name, ["faces", None, None, None]))


def _value(name: str, shape: list[str | None]) -> Any:
    import onnx

    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
