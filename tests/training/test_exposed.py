from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from fake import model

pytest.importorskip("torch")

from kaoiro.core.spec import Head, Specification
from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.families.residual_attention.network import Network
from kaoiro.training.export import export_graph
from kaoiro.training.exposed import exposed


def test_a_graph_tells_masks_and_activations_beside_its_answers(tmp_path) -> None:
    torch.manual_seed(0)
    network = Network(NetworkConfig(8, (8, 12, 16), 6, 0.0), 1, {"expression": 3}).eval()
    head = Head(name="expression", activation="softmax", labels=("a", "b", "c"))
    spec = Specification(size=48, channels=1, mean=(0.5,), std=(0.25,), crop=model.CROP, heads=(head,))
    export_graph(network, spec, tmp_path / "model.onnx")
    session = ort.InferenceSession(str(tmp_path / "model.onnx"))
    names = [output.name for output in session.get_outputs()]
    assert names == ["features", "expression", "attention_0", "activation_expression"]
    pixels = np.random.default_rng(0).integers(0, 255, (2, 1, 48, 48)).astype(np.uint8)
    found = dict(zip(names, session.run(None, {"pixels": pixels}), strict=True))
    bias = network.upper["expression"].bias.detach().numpy()
    assert found["activation_expression"].shape == (2, 3, 6, 6)
    assert found["activation_expression"].mean(axis=(2, 3)) + bias == pytest.approx(found["expression"], abs=1e-4)
    attended = network.lower[4].mask(network.lower[:4]((torch.from_numpy(pixels).float() / 255 - 0.5) / 0.25))
    assert found["attention_0"] == pytest.approx(attended.mean(dim=1).detach().numpy(), abs=5e-3)


def test_a_graph_of_another_kind_stays_as_it_is(tmp_path) -> None:
    graph = onnx.load(str(model.write(tmp_path / "linear").graph))
    assert [output.name for output in exposed(graph).graph.output] == ["features", "expression"]
