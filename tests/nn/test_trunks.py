from __future__ import annotations

import pytest
import torch
from torch import nn

from kaoiro.nn.trunks import BasicBlock, conv_bn


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("side", [6, 7])
def test_a_convolution_keeps_the_size(kernel: int, side: int) -> None:
    assert conv_bn(2, 5, kernel)(images(3, 2, side, side)).shape == (3, 5, side, side)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_stride_2_halves_an_even_size(kernel: int) -> None:
    assert conv_bn(2, 5, kernel, 2)(images(3, 2, 8, 8)).shape == (3, 5, 4, 4)


def test_a_convolution_is_normalised_over_the_batch_in_training() -> None:
    out = conv_bn(2, 5, 3).train()(7 * images(16, 2, 8, 8) + 3)
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(dim=(0, 2, 3), unbiased=False), torch.ones(5), atol=1e-3, rtol=0)


def test_a_normalised_convolution_has_no_bias_of_its_own() -> None:
    assert conv_bn(2, 5, 3)[0].bias is None


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 6, 1), (4, 4, 2), (4, 6, 2)])
def test_a_block_gives_the_promised_shape_and_no_negative_value(inputs: int, outputs: int, stride: int) -> None:
    out = BasicBlock(inputs, outputs, stride)(images(2, inputs, 8, 8))
    assert out.shape == (2, outputs, 8 // stride, 8 // stride)
    assert out.min() >= 0


def test_the_shortcut_is_the_input_itself_only_where_the_shape_stays() -> None:
    assert isinstance(BasicBlock(4, 4).shortcut, nn.Identity)
    assert not isinstance(BasicBlock(4, 6).shortcut, nn.Identity)
    assert not isinstance(BasicBlock(4, 4, 2).shortcut, nn.Identity)


def test_a_block_whose_second_convolution_is_silent_passes_positive_input_through() -> None:
    block = BasicBlock(3, 3).eval()
    nn.init.zeros_(block.second[0].weight)
    x = images(2, 3, 8, 8)
    torch.testing.assert_close(block(x), x.relu())


def test_a_block_is_the_shortcut_plus_two_convolutions() -> None:
    block = BasicBlock(3, 5, 2).eval()
    x = images(2, 3, 8, 8)
    expected = (block.second(block.first(x).relu()) + block.shortcut(x)).relu()
    torch.testing.assert_close(block(x), expected)


def test_every_parameter_of_a_block_gets_a_gradient() -> None:
    block = BasicBlock(3, 5, 2)
    block(images(4, 3, 8, 8)).square().sum().backward()
    still = [name for name, value in block.named_parameters() if value.grad is None or not value.grad.abs().sum()]
    assert still == []
