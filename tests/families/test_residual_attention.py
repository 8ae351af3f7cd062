from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.families.residual_attention.network import Network, count_parameters
from kaoiro.families.residual_attention.recipe import FERPLUS, RECIPES, TINY
from kaoiro.nn.attention import AttentionBlock
from kaoiro.nn.schedule import in_steps, one_cycle


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_attention_strengthens_by_a_factor_of_1_to_2_and_never_weakens() -> None:
    block, x = AttentionBlock(6, 4).eval(), images(3, 6, 12, 12)
    mask, trunk = block.mask(x), block.trunk(x)
    assert mask.shape == trunk.shape == x.shape
    assert 0 < mask.min() <= mask.max() < 1
    torch.testing.assert_close(block(x), (1 + mask) * trunk)
    assert (block(x) >= trunk).all()
    assert (block(x) <= 2 * trunk).all()


def test_a_mask_of_width_0_builds_the_network_without_attention() -> None:
    for mask, expected in ((0, 0), (4, 1)):
        network = Network(NetworkConfig(stem=4, widths=(4, 4, 4), mask=mask), 1, {"expression": 8})
        assert sum(isinstance(module, AttentionBlock) for module in network.modules()) == expected
        assert sum(isinstance(module, nn.Sigmoid) for module in network.modules()) == expected


@pytest.mark.parametrize("side", [32, 40, 48, 64])
def test_any_multiple_of_8_pixels_is_a_valid_size(side: int) -> None:
    network = Network(TINY.network, 1, {"expression": 8}).eval()
    assert network(images(2, 1, side, side)).heads["expression"].shape == (2, 8)


def test_the_recipe_for_use_has_the_documented_size() -> None:
    network = Network(FERPLUS.network, 1, {"expression": 8})
    assert 1.1e6 < count_parameters(network) < 1.3e6


def test_the_rate_climbs_to_its_peak_in_the_warm_up_and_falls_to_0() -> None:
    rates = [one_cycle(step / 1000, 0.1) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01 / 0.11)
    assert rates[100] == 1
    assert rates[550] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0)
    assert all(a < b for a, b in itertools.pairwise(rates[:101]))
    assert all(a > b for a, b in itertools.pairwise(rates[100:]))


def test_without_warm_up_the_rate_starts_at_its_peak() -> None:
    assert one_cycle(0, 0) == 1


def test_the_published_schedule_falls_in_steps() -> None:
    assert [in_steps(p) for p in (0, 0.29, 0.3, 0.6, 0.9, 1)] == pytest.approx([1, 1, 0.1, 0.01, 0.001, 0.001])


@pytest.mark.parametrize(
    ("form", "channels", "expected"),
    [
        ("attention-56", 1, 7_199_143),
        ("attention-92", 1, 12_167_079),
        ("attention-56-224", 3, 29_776_071),
    ],
)
def test_published_forms_have_the_published_parameters(form: str, channels: int, expected: int) -> None:
    with torch.device("meta"):
        network = Network(NetworkConfig(form=form, dropout=0.0), channels, {"expression": 7})
    assert count_parameters(network) == expected


def test_the_fidelity_recipe_is_the_published_one() -> None:
    recipe = RECIPES["fer2013-fidelity"]
    assert recipe.network.form == "attention-56"
    assert (recipe.run.epochs, recipe.run.batch) == (120, 64)
    assert (recipe.objective.learning_rate, recipe.objective.weight_decay, recipe.objective.mixup) == (0.1, 1e-4, 1.0)
    assert recipe.run.epochs * recipe.objective.mixup_until == pytest.approx(100)  # not in the last twenty
    assert recipe.data.labels == "fer2013"
