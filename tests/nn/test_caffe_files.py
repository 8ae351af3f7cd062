"""Published weights as people have them: forms, names, what is refused, and that a picture gets the same answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kaoiro.core.errors import InputError
from kaoiro.nn.alexnet import alexnet
from kaoiro.nn.caffe_files import load_published, matched
from kaoiro.nn.vgg_m import vgg_m

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")


def trained(seed: int = 0) -> nn.Sequential:
    """Return a narrow AlexNet, standing for the published one."""
    torch.manual_seed(seed)
    return alexnet(16).eval()


def tables(network: nn.Module, answers: int = 10) -> dict[str, list[np.ndarray]]:
    """Return weights and bias by layer, as Caffe holds them, with a last layer of another task."""
    found = {name: [one.detach().numpy() for one in network.get_submodule(name).parameters()] for name in LAYERS}
    width = len(found["fc7"][1])
    return {**found, "fc8": [np.ones((answers, width), np.float32), np.zeros(answers, np.float32)]}


def written(kind: str, content: dict[str, list[np.ndarray]], folder: Path) -> Path:
    """Write weights in a form that people have."""
    if kind == "list.npy":
        np.save(folder / kind, np.array(content, dtype=object), allow_pickle=True)
    elif kind == "named.npy":
        named = {name: {"weights": weight, "biases": bias} for name, (weight, bias) in content.items()}
        np.save(folder / kind, np.array(named, dtype=object), allow_pickle=True)
    elif kind == "flat.npz":
        flat = {f"{name}_{end}": value for name, pair in content.items() for end, value in zip("wb", pair, strict=True)}
        np.savez(folder / kind, **flat)
    else:
        dotted = {
            f"{name}.{end}": torch.from_numpy(value.copy())
            for name, pair in content.items()
            for end, value in zip(("weight", "bias"), pair, strict=True)
        }
        if kind == "state.safetensors":
            save_file(dotted, folder / kind)
        else:
            prefixed = {f"module.{name}": value for name, value in dotted.items()}
            torch.save({"epoch": 90, "state_dict": prefixed} if kind == "checkpoint.pth" else dotted, folder / kind)
    return folder / kind


KINDS = ["list.npy", "named.npy", "flat.npz", "state.safetensors", "state.pt", "checkpoint.pth"]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_read_from_every_form_without_the_last_layer(kind: str, tmp_path: Path) -> None:
    network = trained()
    state = load_published(written(kind, tables(network), tmp_path), trained(1))
    assert state.keys() == dict(network.named_parameters()).keys()
    assert all(torch.equal(value, state[name]) for name, value in network.named_parameters())


def test_old_shapes_of_caffe_and_half_precision_are_read(tmp_path: Path) -> None:
    network = trained()
    content = tables(network)
    for name, (weight, bias) in content.items():
        flat = weight[None, None] if weight.ndim == 2 else weight
        content[name] = [flat.astype(">f4" if name == "fc7" else np.float16), bias.reshape(1, 1, 1, -1)]
    content["fc6"][0] = content["fc6"][0].reshape(256, 16, 6, 6)
    state = load_published(written("list.npy", content, tmp_path), network)
    assert all(value.dtype == torch.float32 for value in state.values())
    assert state["fc6.weight"].shape == (256, 576)
    torch.testing.assert_close(state["fc6.weight"], network.get_parameter("fc6.weight").detach(), atol=1e-3, rtol=1e-2)
    assert torch.equal(state["fc7.weight"], network.get_parameter("fc7.weight"))


def changed(name: str, place: int, value: np.ndarray) -> dict[str, list[np.ndarray]]:
    content = tables(trained())
    content[name][place] = value
    return content


ones = np.ones


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (changed("conv2", 0, ones((16, 6, 5, 5), "f4")), r"conv2 weight has the shape \(16, 6, 5, 5\), expected was"),
        (changed("fc7", 1, ones(7, "f4")), r"fc7 bias has the shape \(7,\), expected was \(256,\)"),
        (changed("fc6", 0, ones((576, 256), "f4")), r"fc6 weight .* weights of TensorFlow into the order"),
        (changed("conv1", 0, ones((11, 11, 3, 6), "f4")), r"conv1 weight .* weights of TensorFlow into the order"),
        (changed("conv1", 0, ones((6, 3, 7, 7), "f4")), r"conv1 weight .* meant for --network\.form vgg-m\?"),
        (changed("conv4", 1, np.full(24, np.nan, "f4")), "conv4 bias holds values that are not finite"),
        (changed("conv5", 1, ones(16, "i8")), r"conv5 bias holds torch\.int64, expected were floating-point"),
        ({k: v for k, v in tables(trained()).items() if k != "conv3"}, "conv3 weight is missing; wanted are conv1 to"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_named(content: dict[str, list[np.ndarray]], said: str, tmp_path: Path) -> None:
    path = written("list.npy", content, tmp_path)
    with pytest.raises(InputError, match=rf"list\.npy: {said}") as refused:
        load_published(path, trained())
    assert "\n" not in str(refused.value)


def test_weights_of_alexnet_are_refused_by_vgg_m_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"conv1 weight .* meant for --network\.form alexnet\?"):
        load_published(written("flat.npz", tables(trained()), tmp_path), vgg_m(16))


@pytest.mark.parametrize("name", ["features.0.weight", "conv1.weight", "module.features.0.weight"])
def test_torchvisions_alexnet_is_recognised_and_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    torch.save({name: torch.zeros(64, 3, 11, 11)}, tmp_path / "alexnet-owt.pth")
    with pytest.raises(InputError, match=r"torchvision's AlexNet .*64 channels in conv1.* another network; wanted is"):
        load_published(tmp_path / "alexnet-owt.pth", alexnet(16))


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".pth", ".safetensors"])
def test_a_file_that_is_not_there_is_refused(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_published(tmp_path / f"none{suffix}", trained())


@pytest.mark.parametrize("order", ["bgr", "rgb"])
def test_a_picture_gets_the_answer_of_the_published_network(order, tmp_path: Path) -> None:
    """Theirs takes pixels of 0-255 less a mean, blue first; ours takes 255 (pixel - middle), red first."""
    network, ours = trained(), trained(1)
    picture = torch.rand(2, 3, 227, 227, generator=torch.Generator().manual_seed(0))  # red, green, blue
    mean, middle = (104.0, 117.0, 123.0), (0.51, 0.47, 0.55)
    theirs = 255 * (picture.flip(1) if order == "bgr" else picture) - torch.tensor(mean).reshape(1, 3, 1, 1)
    state = matched(load_published(written("list.npy", tables(network), tmp_path), ours), order, mean, middle)
    ours.load_state_dict(state)
    given = 255 * (picture - torch.tensor(middle).reshape(1, 3, 1, 1))
    with torch.no_grad():
        torch.testing.assert_close(ours(given), network(theirs), atol=1e-4, rtol=1e-3)
        assert not torch.allclose(ours(given), network(given), atol=1e-4, rtol=1e-3)


def test_the_other_middle_is_laid_into_the_bias() -> None:
    """By hand: one weight for each colour, blue 1, green 2, red 3."""
    state: dict[str, Tensor] = {"conv1.weight": torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)}
    state["conv1.bias"] = torch.tensor([0.5])
    found = matched(state, "bgr", (10.0, 20.0, 30.0), (0.4, 0.2, 0.0))
    assert found["conv1.weight"].flatten().tolist() == [3, 2, 1]
    assert found["conv1.bias"].item() == pytest.approx(0.5 + 3 * (102 - 30) + 2 * (51 - 20) + 1 * (0 - 10))
