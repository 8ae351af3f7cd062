"""Files of NumPy that hold weights: archives (.npz), and tables from names to arrays that were pickled into a .npy.

Of pickles nothing but arrays, numbers, texts and containers is made: no name of a file can call anything else.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as layout

from kaoiro.core.errors import InputError

SUFFIXES = (".npz", ".npy")


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name; those inside of containers are called 'conv1.0' or 'conv1.weights'.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            data = file.read()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        content = _archive(data) if zipfile.is_zipfile(io.BytesIO(data)) else _pickled(io.BytesIO(data))
        return dict(_flat(content, ""))
    except Exception as error:  # damaged archives and pickles raise nearly anything
        said = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path}: no table of arrays as NumPy saves them, or damaged: {said}") from error


def _archive(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def _pickled(file: BinaryIO) -> Any:
    """Return the one object of a .npy file."""
    version = layout.read_magic(file)
    header = layout.read_array_header_1_0 if version == (1, 0) else layout.read_array_header_2_0
    shape, _, dtype = header(file)
    if shape != () or not dtype.hasobject:
        raise ValueError(f"one array of shape {shape}, no table")
    return _Arrays(file, encoding="latin1").load().item()  # latin1: arrays of Python 2


class _Arrays(pickle.Unpickler):
    """Makes arrays and containers, and nothing else."""

    _known: Mapping[str, Any] = {
        "_reconstruct": np.empty(0).__reduce__()[0],
        "ndarray": np.ndarray,
        "dtype": np.dtype,
        "encode": lambda text, _: text.encode("latin1"),  # how protocol 2 writes bytes
        "OrderedDict": OrderedDict,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle asks for, if that is harmless."""
        if module.split(".")[0] in ("numpy", "_codecs", "collections") and name in self._known:
            return self._known[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array")


def _flat(content: Any, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(content, list | tuple):
        for place, value in enumerate(content):
            yield from _flat(value, f"{prefix}.{place}")
    elif isinstance(content, np.ndarray) and content.dtype.kind in "fiu":
        yield prefix, content
    else:
        raise ValueError(f"{prefix or 'the content'} is no array of numbers, nor a container of such")
