"""Weights files of two-tower networks: those a user has from elsewhere, and our own in the same form.

Read are the forms of `weight_files`; the authors gave theirs out as TorchScript archives. The sizes are read from the
shapes.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from kaoiro.core.errors import InputError
from kaoiro.core.files import replacing, writing
from kaoiro.nn import weight_files
from kaoiro.nn.clip import Clip
from kaoiro.nn.clip_image import resized
from kaoiro.nn.clip_names import published, towers
from kaoiro.nn.clip_sizes import ClipSizes, Gelu, PatchSizes, ResNetSizes, TextSizes
from kaoiro.nn.weight_files import State

_HEAD = 64
_WIDER_HEADS = {1280: 80}
"""Width of a head by width of a vision transformer, where it is not 64: ViT-H of open_clip."""
_COUNTER = ".num_batches_tracked"


def load_clip(path: str | Path, side: int | None = None, gelu: Gelu = "quick") -> Clip:
    """Return the network of a weights file, in single precision and in evaluation mode.

    Args:
        path: safetensors, a state dict of PyTorch or a TorchScript archive, with the names of the authors, of
            open_clip or (vision transformers) of transformers. Residual networks and vision transformers are known.
        side: of the pictures, if other than in training, pixels; positional embeddings are interpolated.
        gelu: activation, which no weights file tells (see `ClipSizes`).

    Raises:
        InputError: the file cannot be read, or its weights are not those of such a network; or `side` cannot be.
    """
    state = published(weight_files.read(Path(path)))
    sizes = sizes_of(state, path, gelu)
    if side is not None:
        sizes = replace(sizes, image=replace(sizes.image, side=side))
        sizes.check()
        _resize(state, sizes.image)
    with torch.device("meta"):
        clip = Clip(sizes)
    clip.load_state_dict(_fitting(towers(state), clip, path), assign=True)
    return clip.eval()


def save_clip(clip: Clip, path: str | Path) -> None:
    """Write the weights as safetensors under the authors' names, as open_clip and `load_clip` read them.

    Raises:
        OutputError: the place cannot be written.
    """
    state = published({name: value.detach().cpu().contiguous() for name, value in clip.state_dict().items()})
    with replacing(path) as partial, writing(path):
        save_file(state, partial)


def sizes_of(state: State, path: str | Path, gelu: Gelu = "quick") -> ClipSizes:
    """Return the sizes of the network whose weights these are. Heads, which no shape tells, are 64 wide.

    Args:
        state: under the authors' names.
        path: where they are from, for errors.
        gelu: activation.

    Raises:
        InputError: names the first weight that is missing or cannot be.
    """
    image = _patches if "visual.class_embedding" in state else _residual
    vocabulary, width = _shape(state, "token_embedding.weight", 2, path)
    layers = _count(state, r"transformer\.resblocks\.(\d+)\.")
    context = _shape(state, "positional_embedding", 2, path)[0]
    text = TextSizes(vocabulary, width, layers, max(1, width // _HEAD), context)
    sizes = ClipSizes(_shape(state, "text_projection", 2, path)[1], image(state, path), text, gelu)
    try:
        sizes.check()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return sizes


def _residual(state: State, path: str | Path) -> ResNetSizes:
    if "visual.layer1.0.conv1.weight" not in state:
        raise InputError(
            f"{path}: visual.layer1.0.conv1.weight and visual.class_embedding are missing: the image tower is neither "
            "a residual network nor a vision transformer of CLIP"
        )
    width = _shape(state, "visual.layer1.0.conv1.weight", 4, path)[0]
    first, second, third, last = (_count(state, rf"visual\.layer{k}\.(\d+)\.") for k in (1, 2, 3, 4))
    return ResNetSizes((first, second, third, last), width, 32 * _grid(state, _positions(state), path))


def _patches(state: State, path: str | Path) -> PatchSizes:
    width, _, _, patch = _shape(state, "visual.conv1.weight", 4, path)
    layers = _count(state, r"visual\.transformer\.resblocks\.(\d+)\.")
    heads = max(1, width // _WIDER_HEADS.get(width, _HEAD))
    return PatchSizes(patch, width, layers, heads, patch * _grid(state, _positions(state), path))


def _shape(state: State, name: str, dimensions: int, path: str | Path) -> tuple[int, ...]:
    if name not in state:
        raise InputError(f"{path}: {name} is missing")
    shape = tuple(state[name].shape)
    if len(shape) != dimensions:
        raise InputError(f"{path}: {name} has the shape {shape}, expected were {dimensions} dimensions")
    return shape


def _count(state: State, pattern: str) -> int:
    """Return the number of layers whose names match."""
    return len({match[1] for name in state if (match := re.match(pattern, name))})


def _positions(state: State) -> str:
    pooled = "visual.class_embedding" not in state
    return "visual.attnpool.positional_embedding" if pooled else "visual.positional_embedding"


def _grid(state: State, name: str, path: str | Path) -> int:
    """Return the side of the grid of places for which there are positional embeddings."""
    places = _shape(state, name, 2, path)[0] - 1
    if places < 1 or math.isqrt(places) ** 2 != places:
        raise InputError(f"{path}: {name} has {places + 1} rows, expected was 1 and a square number")
    return math.isqrt(places)


def _resize(state: State, image: ResNetSizes | PatchSizes) -> None:
    """Interpolate the positional embeddings of the image tower to another side of the pictures."""
    cell = image.patch if isinstance(image, PatchSizes) else 32
    name = _positions(state)
    state[name] = resized(state[name], (image.side // cell) ** 2)


def _fitting(state: State, clip: Clip, path: str | Path) -> State:
    """Return the weights in single precision, after a comparison of every name and shape with the network's.

    Raises:
        InputError: names the first weight that is missing, unknown, of another shape or not finite.
    """
    wanted = {name: tuple(value.shape) for name, value in clip.state_dict().items()}
    state = {name: torch.zeros((), dtype=torch.int64) for name in wanted if name.endswith(_COUNTER)} | state
    absent, unknown = [n for n in wanted if n not in state], [n for n in state if n not in wanted]
    if absent:
        raise InputError(f"{path}: {_listed(absent)} missing")
    if unknown:
        raise InputError(f"{path}: {_listed(unknown)} not part of this network")
    return {name: _weight(name, state[name], shape, path) for name, shape in wanted.items()}


def _listed(names: list[str]) -> str:
    first = names[0].removeprefix("text.")
    return f"{first} is" if len(names) == 1 else f"{first} and {len(names) - 1} more are"


def _weight(name: str, value: Tensor, shape: tuple[int, ...], path: str | Path) -> Tensor:
    plain = name.removeprefix("text.")
    if tuple(value.shape) != shape:
        raise InputError(f"{path}: {plain} has the shape {tuple(value.shape)}, expected was {shape}")
    if name.endswith(_COUNTER):
        return value.long()
    if not value.is_floating_point():
        raise InputError(f"{path}: {plain} holds {value.dtype}, expected were floating-point numbers")
    value = value.float()
    if not value.isfinite().all():
        raise InputError(f"{path}: {plain} holds values that are not finite")
    return value
