"""Files of weights that a user has from elsewhere, read as a table from names to tensors.

Read are safetensors, state dicts of PyTorch, also inside a checkpoint (nothing but weights is unpickled), and
TorchScript archives (of which the weights alone are used).
"""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from kaoiro.core.errors import InputError

State = dict[str, Tensor]


def read(path: Path) -> State:
    """Return what a file holds, names as they stand there.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        content = _content(path, head)
    except Exception as error:  # damaged archives and pickles raise nearly anything
        raise InputError(f"{path}: neither safetensors nor weights of PyTorch, or damaged{_reason(error)}") from error
    while isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if isinstance(content, dict) and content and all(_is_weight(*item) for item in content.items()):
        return dict(content)
    raise InputError(f"{path}: holds no state dict (a table from names to tensors)")


def _reason(error: Exception) -> str:
    """Return the first line of an error, unless it is PyTorch's advice to unpickle more than weights."""
    said = str(error)
    if re.search("weights.only", said, re.IGNORECASE):
        return ""
    return f": {said.splitlines()[0][:200] if said else type(error).__name__}"


def _is_weight(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, Tensor)


def _content(path: Path, head: bytes) -> object:
    if head[8:] == b"{":  # after the length of the table
        return load_file(path)
    if _is_script(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of PyTorch, which goes on to read such archives
            return torch.jit.load(str(path), map_location="cpu").state_dict()
    return torch.load(path, map_location="cpu", weights_only=True)


def _is_script(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
