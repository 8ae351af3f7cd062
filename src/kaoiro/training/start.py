"""Where training begins: from the weights of a finished model, also of one that ships as a graph alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.modelfile import DESCRIPTION, WEIGHTS, load, read_description
from kaoiro.core.spec import Specification
from kaoiro.training.unfolding import unfolded

HEADS = "upper."
"""Where the weights of the heads are in a network of stills."""
_ENOUGH = 4096  # faces, from which statistics are taken
_BATCH = 256


def begin(
    network: nn.Module,
    start: str,
    faces: Callable[[], Tensor],
    specification: Specification | None = None,
    renew: bool = False,
) -> None:
    """Give a network the weights of a model, ready to learn on.

    A graph has its batch normalisation folded into the convolutions. Their statistics are taken anew from the faces;
    what the network answers stays as it was.

    Args:
        network: of the same shape; heads that the model lacks begin anew.
        start: name of a model that ships, or folder.
        faces: gives (B, C, H, W) normalised pixels that will be learned from; asked for where they are needed.
        specification: of the model that will come of it, see `start_from`.
        renew: heads begin anew, also those that the model has.

    Raises:
        InputError: no weights to learn on, or those of another network.
    """
    folder = _folder(start)
    start_from(network, folder, specification, renew)
    if not (folder / WEIGHTS).is_file():
        seen = faces()
        rows = torch.linspace(0, len(seen) - 1, min(_ENOUGH, len(seen))).long()
        take_statistics(network, seen[rows])


def _folder(start: str) -> Path:
    if (Path(start) / WEIGHTS).is_file():
        return Path(start)
    try:
        return load(start).path
    except ModelError as error:
        raise InputError(f"--run.start {start}: no {WEIGHTS} in it, and {error}") from error


def start_from(
    network: nn.Module, folder: Path, specification: Specification | None = None, renew: bool = False
) -> None:
    """Load the weights of a model folder into a network of the same shape; heads that it lacks begin anew.

    Args:
        network: that takes them.
        folder: of the model.
        specification: of the model that will come of it. What a head answers is found by the names of its labels;
            labels that it did not know begin anew. None takes heads as they are.
        renew: heads begin anew, also those that the model has.

    Raises:
        InputError: the folder holds no weights to train on, or those of another network.
    """
    anew: tuple[str, ...] = getattr(network, "anew", (HEADS,))
    try:
        state = load_file(folder / WEIGHTS) if (folder / WEIGHTS).is_file() else unfolded(load(folder))
        adopt = getattr(network, "adopt", None)
        state = state if adopt is None else adopt(state)
        if renew:
            state = {name: value for name, value in state.items() if not name.startswith(HEADS)}
        elif specification is not None:
            state = _by_label(state, network, folder, specification)
        found = network.load_state_dict(state, strict=False)
        lacking, more = set(found.missing_keys), set(found.unexpected_keys)
        if more and all(name.startswith(HEADS) for name in more):
            names = sorted({name.removeprefix(HEADS).split(".")[0] for name in more})
            raise InputError(f"--run.start {folder}: it has heads that the recipe lacks: {', '.join(names)}")
        heads = {name for name in network.state_dict() if name.startswith(HEADS)}
        bare = adopt is None and not renew and heads <= lacking
        if more or bare or not all(name.startswith(anew) for name in lacking):
            raise InputError(f"--run.start {folder}: weights of another network than the recipe's")
    except SafetensorError as error:
        raise InputError(f"--run.start {folder}: {WEIGHTS} is damaged ({error})") from error
    except RuntimeError as error:  # its text lists every weight that does not fit
        raise InputError(f"--run.start {folder}: weights of another network than the recipe's") from error


def _by_label(
    state: dict[str, Tensor], network: nn.Module, folder: Path, specification: Specification
) -> dict[str, Tensor]:
    """Return weights with the rows of linear heads in the order of other labels; new ones are the network's own."""
    if not (folder / DESCRIPTION).is_file():
        return state
    known = {head.name: head.labels for head in read_description(folder).specification.heads}
    own, result = network.state_dict(), dict(state)
    for head in specification.heads:
        before = known.get(head.name, head.labels)
        rows = [place for place, label in enumerate(head.labels) if label in before]
        for name in (f"{HEADS}{head.name}.weight", f"{HEADS}{head.name}.bias"):
            if before == head.labels or name not in state or name not in own or len(state[name]) != len(before):
                continue
            if state[name].shape[1:] == own[name].shape[1:]:
                result[name] = own[name].clone()
                result[name][rows] = state[name][[before.index(head.labels[row]) for row in rows]]
    return result


@torch.no_grad()
def take_statistics(network: nn.Module, faces: Tensor) -> None:
    """Set the statistics of every batch normalisation to those of its inputs, and undo it in scale and offset.

    With x the input, y = w (x - m) / s + b stays the same function of x for the new mean m' and deviation s' when
    w' = w s' / s and b' = b + w (m' - m) / s. Without this, batches in training would be normalised by statistics of
    their own where the folded layer does nothing.

    Args:
        network: in any mode, which it keeps.
        faces: (B, C, H, W) normalised pixels.
    """
    sums: dict[nn.BatchNorm2d, Tensor] = {}

    def look(layer: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].double()
        count = torch.full((1, x.shape[1]), x.numel() / x.shape[1], dtype=x.dtype)
        seen = torch.cat([count, x.sum(dim=(0, 2, 3))[None], (x * x).sum(dim=(0, 2, 3))[None]])
        sums[layer] = sums.get(layer, 0) + seen

    training = network.training
    hooks = [one.register_forward_pre_hook(look) for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    network.eval()
    for some in faces.split(_BATCH):
        network(some)
    for hook in hooks:
        hook.remove()
    network.train(training)
    for layer, (count, total, squares) in sums.items():
        _restate(layer, total / count, (squares / count - (total / count) ** 2).clamp(min=0))


def _restate(layer: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    assert layer.running_mean is not None and layer.running_var is not None
    before, after = (layer.running_var.double() + layer.eps).sqrt(), (variance + layer.eps).sqrt()
    weight = layer.weight.double()
    layer.bias.add_((weight * (mean - layer.running_mean.double()) / before).to(layer.bias))
    layer.weight.copy_(weight * after / before)
    layer.running_mean.copy_(mean)
    layer.running_var.copy_(variance)
