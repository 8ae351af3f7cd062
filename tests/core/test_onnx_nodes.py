from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from graphs import write_recogniser

from kaoiro.core.onnx_nodes import first_operators
from kaoiro.inference import exchange

PASSED = frozenset({"Cast", "Transpose"})


@pytest.mark.parametrize(("normalises", "wished"), [(True, "Sub"), (False, "AveragePool")])
def test_what_a_graph_does_first_is_read_from_its_file(tmp_path: Path, normalises: bool, wished: str) -> None:
    path = write_recogniser(tmp_path / "r.onnx", layout="nhwc", normalises=normalises)
    assert first_operators(path, "face", PASSED) == ["Cast", "Transpose", wished]
    assert first_operators(path, "face", frozenset()) == ["Cast"]
    assert first_operators(path, "other", PASSED) == []


def test_a_large_graph_is_read_as_onnx_reads_it() -> None:
    path = exchange.find() / exchange.ENCODER
    graph = onnx.load(path).graph
    wished = [node.op_type for node in graph.node if "pixels" in node.input]
    assert wished and first_operators(path, "pixels", frozenset()) == wished


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\xff" * 40, b"\x3a\x7f\x0a\x02ab", b"\x3a\x04\x0a\x7f"])
def test_of_other_files_nothing_is_known(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    assert first_operators(path, "face", PASSED) == []
    assert first_operators(tmp_path / "missing.onnx", "face", PASSED) == []
