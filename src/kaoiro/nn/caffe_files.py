"""Published ImageNet weights of Caffe's AlexNet and of VGG-CNN-M-2048, as people have them converted.

Read are the files of NumPy (`array_files`) and of PyTorch (`weight_files`), with layers called conv1 … fc8: weights
(outputs, inputs / groups, height, width), or (outputs, inputs) for fc6 to fc8, and biases (outputs). fc8, which answers
another task's classes, is left out.

The published networks take pixels of 0 to 255 in the order blue, green, red, less the mean of ImageNet. Here conv1
takes 255 (pixel - middle) in the order red, green, blue, with pixels of 0 to 1 and a middle of the learning data.
`matched` turns conv1 over and adds to its bias what the other middle takes away, so that the same picture gives the
same answer: conv1 has no padding, so this is exact. A mean image of 256 by 256 pixels is replaced by its mean colour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from kaoiro.core.errors import InputError
from kaoiro.nn import array_files, weight_files

Order = Literal["bgr", "rgb"]
_NAME = re.compile(r"(?:^|.*[./])(conv[1-5]|fc[678])[._/-](weights?|w|kernel|0|bias(?:es)?|b|1)$", re.IGNORECASE)
_KINDS = {"w": "weight", "k": "weight", "0": "weight", "b": "bias", "1": "bias"}
_DROPPED = "fc8"


def load_published(path: str | Path, network: nn.Sequential) -> dict[str, Tensor]:
    """Return the weights of a file under the layers' names ('conv1.weight'), in single precision.

    Args:
        path: .npz, .npy (a table), safetensors or a state dict of PyTorch.
        network: `alexnet` or `vgg_m`, whose layers say which shapes are wanted.

    Raises:
        InputError: the file cannot be read, or a layer is missing, of another shape, or not finite.
    """
    path = Path(path)
    given = array_files.read(path) if path.suffix in array_files.SUFFIXES else weight_files.read(path)
    _refuse_torchvision(path, {name: tuple(value.shape) for name, value in given.items()})
    found = {_called(name): _tensor(value) for name, value in given.items() if _called(name)}
    wanted = {name: tuple(value.shape) for name, value in network.named_parameters()}
    absent = [name for name in wanted if name not in found]
    if absent:
        layers = "conv1 to conv5, fc6 and fc7, each with weights and bias, as Caffe calls them"
        raise InputError(f"{path}: {absent[0].replace('.', ' ')} is missing; wanted are {layers}")
    return {name: _weight(path, name, found[name], shape) for name, shape in wanted.items()}


def _tensor(value: np.ndarray | Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value
    return torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))


def _called(name: str) -> str:
    """Return what a layer's weight or bias is called here, or nothing."""
    match = _NAME.match(name)
    if match is None or match[1].lower() == _DROPPED:
        return ""
    return f"{match[1].lower()}.{_KINDS[match[2][0].lower()]}"


def _refuse_torchvision(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        first = name.endswith("features.0.weight") or _called(name) == "conv1.weight"
        if first and shape == (64, 3, 11, 11):
            raise InputError(
                f"{path}: this is torchvision's AlexNet (Krizhevsky 2014, 64 channels in conv1, no groups, no "
                "normalisation), another network; wanted is Caffe's, with 96 channels in conv1"
            )


def _weight(path: Path, name: str, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    layer = name.replace(".", " ")
    if not _fits(tuple(value.shape), shape):
        hint = _hint(name, tuple(value.shape), shape)
        raise InputError(f"{path}: {layer} has the shape {tuple(value.shape)}, expected was {shape}{hint}")
    if not value.is_floating_point():
        raise InputError(f"{path}: {layer} holds {value.dtype}, expected were floating-point numbers")
    value = value.float().reshape(shape)
    if not value.isfinite().all():
        raise InputError(f"{path}: {layer} holds values that are not finite")
    return value.clone()


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Tell whether the numbers are those wanted, in their order.

    Old files of Caffe have four dimensions throughout: (1, 1, 1, O), (1, 1, O, I). Fully connected layers may be
    written as convolutions: (O, C, 6, 6) for (O, 36 C).
    """
    while len(shape) > len(wanted) and shape[0] == 1:
        shape = shape[1:]
    if len(wanted) == 2 and len(shape) == 4:
        shape = (shape[0], shape[1] * shape[2] * shape[3])
    return shape == wanted


def _hint(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    turned = (*wanted[2:], *wanted[1::-1]) if len(wanted) == 4 else wanted[::-1]
    if len(wanted) > 1 and shape == turned:
        return "; bring weights of TensorFlow into the order (outputs, inputs, height, width)"
    if name == "conv1.weight" and len(shape) == 4 and shape[2:] in ((11, 11), (7, 7)) and shape[2:] != wanted[2:]:
        other = "alexnet" if shape[2:] == (11, 11) else "vgg-m"
        return f"; is it meant for --network.form {other}?"
    return ""


def matched(
    state: Mapping[str, Tensor], order: Order, mean: Sequence[float], middle: Sequence[float]
) -> dict[str, Tensor]:
    """Return weights whose conv1 takes 255 (pixel - middle), pixels in 0-1 and in the order red, green, blue.

    Args:
        state: of `load_published`.
        order: of the colours that the file's conv1 takes.
        mean: three numbers of 0 to 255 that the file's network took off, in the same order.
        middle: three numbers of 0 to 1 that are taken off here; red, green, blue.
    """
    weight, taken = state["conv1.weight"], torch.tensor(mean, dtype=torch.float64)
    if order == "bgr":
        weight, taken = weight.flip(1), taken.flip(0)
    beside = 255 * torch.tensor(middle, dtype=torch.float64) - taken
    bias = state["conv1.bias"].double() + weight.double().sum(dim=(2, 3)) @ beside
    return {**state, "conv1.weight": weight.contiguous(), "conv1.bias": bias.float()}
