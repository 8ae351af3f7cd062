"""Networks that a run kept on its way, each with what is needed to open it again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.files import replacing, writing
from kaoiro.families.identity_expression.config import NetworkConfig
from kaoiro.families.identity_expression.network import Network
from kaoiro.inference.exchange import WEIGHTS, find
from kaoiro.training.latents import Learned

FOLDER = "stages"
"""Of a run, that holds one for each stage."""


def save(network: Network, people: Sequence[str], file: Path, half: bool = True) -> None:
    """Write a network's weights, its settings and the names of its subjects.

    Args:
        network: to keep.
        people: subjects in the order of the one-hot.
        file: receives them, as safetensors.
        half: whether weights are stored in half precision.

    Raises:
        OutputError: the place cannot be written.
    """
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    weights = {name: value.half() if half else value for name, value in weights.items()}
    about = {"network": json.dumps(dataclasses.asdict(network.config)), "people": json.dumps(list(people))}
    with replacing(file) as partial, writing(file):
        save_file(weights, partial, about)


def kept(folder: str | Path) -> list[Path]:
    """Return what a run kept after each of its stages, in their order."""
    return sorted((Path(folder) / FOLDER).glob("*.safetensors"))


def reopen(file: str | Path) -> Learned:
    """Open a network that a run kept (stages/NN-KIND.safetensors) or that training ended with (model/weights).

    Raises:
        ModelError: there is none, or it is damaged.
    """
    try:
        with safe_open(str(file), framework="pt") as stored:
            about = stored.metadata()
            weights = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118
        config, people = NetworkConfig(**json.loads(about["network"])), json.loads(about["people"])
        network = Network(config, len(people))
        network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{file} holds no network of this family: {reason}") from error
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return Learned(network, people)


def begin(network: Network, start: str | Path) -> None:
    """Give a network the encoder of expression (or the only one) of another.

    Args:
        network: receives it.
        start: model folder or run, or file of weights.

    Raises:
        ModelError: no network there, or no weights to begin with.
        InputError: an encoder of another shape.
    """
    file = Path(start) if Path(start).is_file() else find(start) / WEIGHTS
    if not file.is_file():
        raise ModelError(f"views.start {start}: no {WEIGHTS} in it, as in models that ship; give the folder of a run")
    other = reopen(file).network
    try:
        network.expression.load_state_dict(other.expression.state_dict())
    except RuntimeError as error:
        names = ("side", "width", "expression", "groups", "places", "patches")
        have = ", ".join(f"{name} {getattr(other.config, name)}" for name in names)
        wish = "set --network.* alike"
        raise InputError(f"views.start: the encoder in {start} is another one ({have}); {wish}") from error


def untrained(network: Network, seed: int = 0) -> Learned:
    """Return a network of the same shape that has learned nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Learned(Network(network.config, network.subjects))
