from __future__ import annotations

import pytest
import torch

from kaoiro.nn.attention import AttentionModule, ResidualAttention, Unit


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("modules", "native", "classes", "expected"),
    [
        ((1, 1, 1), False, 1000, 31_810_728),  # Attention-56, counted from the authors' description
        ((1, 1, 1), False, 7, 29_776_071),
        ((1, 1, 1), True, 7, 7_199_143),  # SPEC 2.2: 7.20 M
        ((1, 2, 3), True, 7, 12_167_079),  # 12.17 M
    ],
)
def test_the_published_numbers_of_parameters(modules, native: bool, classes: int, expected: int) -> None:
    with torch.device("meta"):
        network = ResidualAttention(1 if native else 3, modules, native)
        classifier = torch.nn.Linear(network.width, classes)
    assert parameters(network) + parameters(classifier) == expected


@pytest.mark.parametrize(("native", "side", "last"), [(True, 48, 12), (False, 64, 2)])
def test_maps_and_masks_have_the_published_sizes(native: bool, side: int, last: int) -> None:
    torch.manual_seed(0)
    network = ResidualAttention(1, (1, 1, 1), native).eval()
    with torch.no_grad():
        maps, masks = network.maps(torch.randn(2, 1, side, side))
    assert maps.shape == (2, network.width, last, last)
    first = side if native else side // 4
    assert [mask.shape[2] for mask in masks] == [first, first // 2, first // 4]


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_masks_lie_between_zero_and_one_and_so_a_module_keeps_its_trunk(levels: int) -> None:
    torch.manual_seed(0)
    module = AttentionModule(16, levels).eval()
    x = 5 * torch.randn(2, 16, 24, 24)
    with torch.no_grad():
        out, mask = module.masked(x)
        first = module.first(x)
        trunk = module.trunk(first)
    assert out.shape == x.shape
    assert mask.shape == trunk.shape
    assert 0 < mask.min() < mask.max() < 1
    torch.testing.assert_close(out, module.last((1 + mask) * trunk))


@pytest.mark.parametrize("side", [24, 23])
def test_a_mask_fits_any_size(side: int) -> None:
    assert AttentionModule(8, 3).eval()(torch.randn(1, 8, side, side)).shape == (1, 8, side, side)


def test_the_ports_addition_is_a_switch_without_weights() -> None:
    torch.manual_seed(0)
    plain, port = AttentionModule(16, 2).eval(), AttentionModule(16, 2, add_reference=True).eval()
    port.load_state_dict(plain.state_dict())
    x = torch.randn(1, 16, 16, 16)
    assert (plain(x) - port(x)).abs().max() > 1e-3


@pytest.mark.parametrize("levels", [0, 1, 3])
def test_every_parameter_gets_a_gradient(levels: int) -> None:
    torch.manual_seed(0)
    module = AttentionModule(16, levels)
    module(torch.randn(4, 16, 24, 24)).square().sum().backward()
    assert [name for name, value in module.named_parameters() if value.grad is None or not value.grad.abs().sum()] == []


def test_a_unit_keeps_its_input_where_nothing_changes() -> None:
    unit = Unit(8, 8).eval()
    torch.nn.init.zeros_(unit.body[-1].weight)
    x = torch.randn(1, 8, 5, 5)
    assert torch.equal(unit(x), x)
    assert Unit(8, 16, 2)(x.repeat(2, 1, 1, 1)).shape == (2, 16, 3, 3)
    assert unit.shortcut is None
