"""AlexNet and VGG-CNN-M-2048: every layer's output, counted numbers, and what a layer does by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kaoiro.nn.alexnet import alexnet
from kaoiro.nn.vgg_m import vgg_m

ALEXNET = {
    "conv1": (96, 55, 55),
    "pool1": (96, 27, 27),
    "norm1": (96, 27, 27),
    "conv2": (256, 27, 27),
    "pool2": (256, 13, 13),
    "norm2": (256, 13, 13),
    "conv3": (384, 13, 13),
    "conv4": (384, 13, 13),
    "conv5": (256, 13, 13),
    "pool5": (256, 6, 6),
    "flat": (9216,),
    "fc6": (4096,),
    "fc7": (4096,),
    "relu7": (4096,),
}
VGG_M = {
    "conv1": (96, 109, 109),
    "norm1": (96, 109, 109),
    "pool1": (96, 54, 54),
    "conv2": (256, 26, 26),
    "norm2": (256, 26, 26),
    "pool2": (256, 13, 13),
    "conv3": (512, 13, 13),
    "conv4": (512, 13, 13),
    "conv5": (512, 13, 13),
    "pool5": (512, 6, 6),
    "flat": (18432,),
    "fc6": (4096,),
    "fc7": (2048,),
    "relu7": (2048,),
}


def outputs(network: nn.Sequential, side: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every layer's output for two pictures, without computing it."""
    x, found = torch.empty(2, 3, side, side, device="meta"), {}
    for name, layer in network.named_children():
        x = layer(x)
        found[name] = tuple(x.shape[1:])
    return found


@pytest.mark.parametrize(
    ("build", "side", "expected"), [(alexnet, 227, ALEXNET), (vgg_m, 224, VGG_M)], ids=["alexnet", "vgg-m"]
)
def test_every_layer_has_the_published_output(build, side: int, expected: dict[str, tuple[int, ...]]) -> None:
    with torch.device("meta"):
        found = outputs(build().eval(), side)
    assert {name: found[name] for name in expected} == expected
    order = [name for name in found if name[:4] in ("conv", "norm", "pool") or name.startswith("fc")]
    assert order == [name for name in expected if name not in ("flat", "relu7")]


@pytest.mark.parametrize(
    ("build", "layers"),
    [
        (alexnet, [34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312]),
        (vgg_m, [14_208, 614_656, 1_180_160, 2_359_808, 2_359_808, 75_501_568, 8_390_656]),
    ],
    ids=["alexnet", "vgg-m"],
)
def test_every_layer_has_the_published_number_of_weights(build, layers: list[int]) -> None:
    """By hand: outputs · (inputs / groups · height · width + 1)."""
    with torch.device("meta"):
        network = build()
    found = [sum(one.numel() for one in layer.parameters()) for layer in network]
    assert [count for count in found if count] == layers


def test_normalisation_is_the_published_one() -> None:
    """By hand, five channels of 10 at one place: α / 5 · 500 with α = 1e-4, and 1e-4 · 500 for VGG-CNN-M."""
    x = torch.full((1, 5, 1, 1), 10.0)
    norm = alexnet(16).get_submodule("norm1")
    assert norm(x)[0, 2].item() == pytest.approx(10 / (1 + 1e-4 / 5 * 500) ** 0.75, rel=1e-6)
    norm = vgg_m(16).get_submodule("norm1")
    assert norm(x)[0, 2].item() == pytest.approx(10 / (2 + 1e-4 * 500) ** 0.75, rel=1e-6)
    assert norm(x)[0, 0].item() == pytest.approx(10 / (2 + 1e-4 * 300) ** 0.75, rel=1e-6)  # three neighbours


def test_alexnet_normalises_after_pooling_or_before_it() -> None:
    assert [name for name, _ in alexnet(16).named_children()][2:4] == ["pool1", "norm1"]
    assert [name for name, _ in alexnet(16, normalise_first=True).named_children()][2:4] == ["norm1", "pool1"]


def test_groups_do_not_see_each_other() -> None:
    layer = alexnet(16).get_submodule("conv2")
    x = torch.randn(1, 6, 9, 9, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[:, :3] = 0
    first, second = layer(x).chunk(2, dim=1), layer(changed).chunk(2, dim=1)
    assert not torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_pooling_counts_a_last_row_that_is_not_full() -> None:
    x = torch.zeros(1, 1, 26, 26)
    x[..., 25, 25] = 1
    assert vgg_m(16).get_submodule("pool2")(x).shape == (1, 1, 13, 13)
    assert vgg_m(16).get_submodule("pool2")(x)[0, 0, 12, 12] == 1


@pytest.mark.parametrize("build", [alexnet, vgg_m])
def test_fc6_is_dropped_in_training_alone(build) -> None:
    network = build(16, 0.5)
    side = 227 if build is alexnet else 224
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(network.eval()(x), network(x))
        assert not torch.equal(network.train()(x), network(x))
