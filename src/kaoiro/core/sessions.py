"""Open ONNX graphs: the one place where ONNX Runtime is configured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kaoiro.core.errors import ModelError


def open_session(path: Path, threads: int | None = None) -> Any:
    """Return an ONNX Runtime session on the CPU.

    Args:
        path: the graph.
        threads: inside one operator; None leaves it to the runtime.

    Raises:
        ModelError: not a graph that ONNX Runtime can open.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    # threads that wait by spinning take the processor from the next graph: photos took twice as long
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen unrelated classes
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path} cannot be opened as an ONNX model: {reason}") from error
