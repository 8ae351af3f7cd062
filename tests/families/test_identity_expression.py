from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import InputError
from kaoiro.families.identity_expression import losses
from kaoiro.families.identity_expression.config import NetworkConfig, ObjectiveConfig, RunConfig
from kaoiro.families.identity_expression.network import (
    Decoder,
    Discriminator,
    Encoder,
    Network,
    Posterior,
    Standardised,
)
from kaoiro.families.identity_expression.objective import Batch, Objective, Progress, pictures
from kaoiro.families.identity_expression.recipe import RECIPES, Recipe

TINY = RECIPES["tiny"]
SMALL = replace(TINY, network=NetworkConfig(side=16, width=8, identity=5, expression=4))
EVERYTHING = ObjectiveConfig(
    swapped=True, spectral=True, identity_images=3, identity_adversary=0.1, perceptual=0.01, switch=1.0
)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# The network


@pytest.mark.parametrize(
    ("side", "encoder", "decoder", "discriminator"),
    [(64, 1_205_152, 1_403_539, 1_172_513), (128, 2_385_312, 1_405_067, 2_352_673)],
)
def test_parameters_are_as_many_as_in_the_printed_tables(
    side: int, encoder: int, decoder: int, discriminator: int
) -> None:
    config = NetworkConfig(side=side)
    assert count(Encoder(config, 64)) == encoder
    assert count(Decoder(config, 128)) == decoder
    assert count(Discriminator(config)) == discriminator
    assert count(Network(config)) == 2 * encoder + decoder


def shapes(blocks: nn.Module, given: torch.Tensor) -> list[tuple[int, ...]]:
    found = []
    hooks = [
        layer.register_forward_hook(lambda *seen: found.append(tuple(seen[2].shape[1:])))
        for layer in blocks.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.AvgPool2d)
    ]
    blocks(given)
    for hook in hooks:
        hook.remove()
    return found


@torch.no_grad()
def test_maps_have_the_printed_sizes() -> None:
    config = NetworkConfig(side=128)
    widths = [(32, 64), (64, 32), (128, 16), (256, 8), (256, 4)]
    encoder = [(width, side, side) for width, side in widths for _ in range(2)]
    assert shapes(Encoder(config, 64), torch.zeros(1, 3, 128, 128)) == [*encoder, (256, 1, 1)]
    widths = [(128, 8), (64, 16), (32, 32), (16, 64), (8, 128)]
    decoder = [(width, side, side) for width, side in widths for _ in range(2)]
    assert shapes(Decoder(config, 128), torch.zeros(1, 128)) == [*decoder, (3, 128, 128)]
    assert shapes(Decoder(NetworkConfig(), 128), torch.zeros(1, 128)) == [*decoder[:-2], (3, 64, 64)]


@torch.no_grad()
def test_pictures_are_between_0_and_1_and_variances_are_held() -> None:
    network = Network(SMALL.network)
    made = network(50 * torch.randn(4, 3, 16, 16))
    assert made.shape == (4, 3, 16, 16)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1
    posterior = network.expression(1e4 * torch.rand(4, 3, 16, 16))
    assert float(posterior.logvar.abs().max()) == 10


@torch.no_grad()
def test_encoders_and_discriminator_see_standardised_pictures_and_the_decoder_makes_plain_ones() -> None:
    assert Standardised()(torch.tensor([0.0, 0.25, 0.5, 1.0])).tolist() == [-2, -1, 0, 2]
    network, discriminator = Network(SMALL.network), Discriminator(SMALL.network, spectral=True)
    assert network.identity is not None
    x = torch.rand(2, 3, 16, 16)
    for part in (network.identity, network.expression, discriminator):
        seen: list[torch.Tensor] = []
        (first, *_) = (layer for layer in part.trunk if isinstance(layer, nn.Conv2d))
        hook = first.register_forward_pre_hook(lambda _, given, into=seen: into.append(given[0].clone()))
        part(x)
        hook.remove()
        torch.testing.assert_close(seen, [4 * x - 2])
    assert not [layer for layer in network.decoder.modules() if isinstance(layer, Standardised)]


def test_faces_lie_as_the_data_of_a_recipe_say() -> None:
    assert {recipe.crop.name for recipe in RECIPES.values()} == {"inner"}
    assert replace(TINY, data=replace(TINY.data, crop="fer2013")).crop == FER2013_CROP


@torch.no_grad()
def test_he_initialisation_keeps_the_spread_of_features() -> None:
    torch.manual_seed(0)
    config = NetworkConfig()
    features = Encoder(config, 64).trunk[:-2](0.5 + 0.25 * torch.randn(16, 3, 64, 64))  # as pictures are
    assert 0.2 < float(features.square().mean()) < 2
    decoded = Decoder(config, 128)
    before = decoded.blocks[:-2](decoded.first(torch.randn(16, 128)).unflatten(1, (256, 4, 4)))
    assert 0.2 < float(before.square().mean()) < 8


@torch.no_grad()
def test_faces_do_not_influence_each_other() -> None:
    torch.manual_seed(0)
    network = Network(replace(SMALL.network, groups=2)).eval()
    x = torch.rand(5, 3, 16, 16)
    torch.testing.assert_close(torch.cat([network(face[None]) for face in x]), network(x), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_network_with_one_code_has_no_identity_and_one_that_is_told_has_the_one_hot() -> None:
    x = torch.rand(3, 3, 16, 16)
    plain = Network(replace(SMALL.network, form="vae"))
    identity, code = plain.codes(x)
    assert (identity.shape, code.shape, plain.identity_size) == ((3, 0), (3, 4), 0)
    told = Network(replace(SMALL.network, form="cvae"), subjects=7)
    who = F.one_hot(torch.tensor([0, 6, 2]), 7).float()
    identity, code = told.codes(x, who)
    assert torch.equal(identity, who)
    assert not torch.allclose(code, told.codes(x)[1])
    assert told(x, who).shape == x.shape


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("network", {"side": 48}, "network.side must be one of 16, 32, 64, 128, not 48"),
        ("network", {"width": 12}, "network.width must be a multiple of 8"),
        ("network", {"groups": 5}, "network.groups must be 0 or a divisor"),
        ("network", {"patches": -1}, "network.patches must be 0 or more"),
        ("network", {"patches": 8, "places": True}, "network.patches must be 0 where network.places is on or the form"),
        ("network", {"patches": 8, "form": "cvae"}, "network.patches must be 0 where .* or the form is cvae, not 8"),
        ("data", {"unlabelled": "FER2013"}, "data.unlabelled must be left out without views and patches"),
        ("objective", {"alpha_1": -1.0}, "objective.alpha_1 must be 0 or a positive"),
        ("objective", {"identity_images": 0}, "objective.identity_images must be 1 or more"),
        ("objective", {"decay": 0.0}, "objective.decay must be above 0"),
        ("objective", {"beta_1": 1.0}, "objective.beta_1 must be 0 or more and below 1"),
        ("objective", {"swapped": True, "switch": 0.0}, "objective.swapped must be off"),
        ("run", {"scale": 0.0}, "run.scale must be above 0"),
        ("run", {"budget": -1.0}, "run.budget must be a positive"),
        ("run", {"batch": 1}, "run.batch must be 2 or more"),
        ("data", {"fold": 4}, "data.fold must be none, or from 0 to 3, not 4"),
    ],
)
def test_settings_that_cannot_be_are_refused(section: str, change: dict, said: str) -> None:
    recipe = replace(TINY, **{section: replace(getattr(TINY, section), **change)})
    with pytest.raises(InputError, match=said):
        recipe.check()


def test_rows_of_the_table_differ_by_what_they_say() -> None:
    for recipe in RECIPES.values():
        recipe.check()
    rows = {name: RECIPES[name] for name in ("conventional", "adversarial", "switched", "iterated", "iterated-128")}
    weights = [(row.objective.adversarial, row.objective.switch) for row in rows.values()]
    assert weights == [(0, 0), (1, 0), (1, 10), (1, 10), (1, 10)]
    assert replace(rows["adversarial"].objective, switch=10.0) == rows["switched"].objective
    assert [row.run.epochs * row.run.iterations for row in rows.values()] == [100, 100, 100, 500, 500]
    assert rows["iterated-128"] == replace(rows["iterated"], network=NetworkConfig(side=128))
    assert not any(row.network.patches for row in rows.values())
    matched = RECIPES["switched-matched"]
    assert matched.run.epochs == 500
    assert matched.objective.decay**500 == pytest.approx(0.95**100)


def test_patches_are_those_of_the_recipes_that_users_should_run() -> None:
    named = {name for name, recipe in RECIPES.items() if recipe.network.patches}
    assert named == {"improved", "real", "decoded"}
    for name in named:
        recipe = RECIPES[name]
        assert recipe.objective.adversarial == 0
        assert (recipe.network.painted > 0) == (recipe.run.iterations == 0) == (name != "decoded")
        replace(recipe, data=replace(recipe.data, unlabelled="FER2013")).check()
    assert (RECIPES["real"].network.painted, RECIPES["real"].network.expression) == (64, 400)


# Losses (1) to (5)


def test_the_divergence_of_one_unit() -> None:
    posterior = Posterior(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, math.log(4)], [0.0, 0.0]]))
    first = 0.5 * 4 + 0.5 * (4 - math.log(4) - 1)
    assert float(losses.divergence(posterior)) == pytest.approx((first + 0.5) / 2)


def test_the_squared_error_is_counted_as_for_64_pixels() -> None:
    made = torch.zeros(2, 3, 64, 64)
    wished = made.clone()
    wished[0, :, :2, :2] = 0.5
    assert float(losses.squared_error(made, wished)) == pytest.approx(3 * 4 * 0.25 / 2)
    large = torch.ones(1, 3, 128, 128)
    assert float(losses.squared_error(torch.zeros_like(large), large)) == pytest.approx(3 * 64 * 64)


@pytest.mark.parametrize(
    ("reading", "wished"),
    [("R3", 1e-5 * 2 + 0.01 * 12288), ("R1", 0.01 * 2 + 1e5), ("printed", 1e5 * 2 + 0.01 * 12288)],
)
def test_readings_of_the_weights(reading: str, wished: float) -> None:
    posterior = Posterior(torch.tensor([[2.0]]), torch.zeros(1, 1))  # 2 nats
    picture = torch.ones(1, 3, 64, 64)
    config = ObjectiveConfig(reading=reading)  # pyright: ignore
    assert float(losses.evidence(posterior, picture, 0 * picture, config)) == pytest.approx(wished)


def test_weights_of_a_reading_can_be_changed() -> None:
    assert ObjectiveConfig(alpha_1=1e-3).weights == (1e-3, 0.01)
    assert ObjectiveConfig(alpha_2=0.1, reading="R1").weights == (0.01, 0.1)


def test_samples_are_means_and_noise() -> None:
    posterior = Posterior(torch.tensor([[1.0, -1.0]]), torch.tensor([[0.0, math.log(9)]]))
    assert losses.sample(posterior, torch.tensor([[0.5, -2.0]])).tolist()[0] == pytest.approx([1.5, -7])


def test_adversarial_losses_by_hand() -> None:
    real, fake, drawn = torch.tensor([0.0, math.log(3)]), torch.tensor([math.log(1 / 3)] * 2), torch.tensor([0.0, 0.0])
    wished = (math.log(2) + math.log(4 / 3)) / 2 + math.log(4 / 3) + math.log(2)
    assert float(losses.discriminator_loss(real, [fake, drawn])) == pytest.approx(wished)
    assert float(losses.generator_loss([fake, drawn])) == pytest.approx(math.log(4) + math.log(2))
    saturating = math.log(3 / 4) + math.log(1 / 2)
    assert float(losses.generator_loss([fake, drawn], saturating=True)) == pytest.approx(saturating)


@pytest.mark.parametrize("saturating", [False, True])
def test_one_way_through_the_discriminator_gives_the_generators_slope(saturating: bool) -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(SMALL.network).double()
    given = torch.rand(6, 3, 16, 16, dtype=torch.float64)
    seen = given.clone().requires_grad_()
    outputs = discriminator(seen)
    losses.discriminator_loss(torch.zeros(2, dtype=torch.float64), outputs.chunk(2)).backward()
    assert seen.grad is not None
    slope = losses.generator_slope(seen.grad, outputs.detach(), saturating)
    own = given.clone().requires_grad_()
    losses.generator_loss(discriminator(own).chunk(2), saturating).backward()
    assert own.grad is not None
    torch.testing.assert_close(slope, own.grad)


def test_the_switch_loss_has_the_prime_that_the_print_lost() -> None:
    z_i, z_e = torch.zeros(2, 2), torch.ones(2, 1, requires_grad=True)
    again = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[3.0], [1.0]], requires_grad=True)
    parts = losses.switch_loss(again, (z_i, z_e))
    assert (float(parts.identity), float(parts.expression.detach())) == (0.5, 2.0)
    parts.expression.backward()
    assert z_e.grad is None
    losses.switch_loss(again, (z_i, z_e), stop_gradient=False).expression.backward()
    assert z_e.grad is not None
    assert z_e.grad.flatten().tolist() == pytest.approx([-2, 0])


def test_the_distance_of_details_by_hand() -> None:
    wished = torch.zeros(1, 1, 16, 16)
    made = torch.zeros(1, 1, 16, 16)
    made[..., 0, 0] = 1  # its mean over 2x2 is 1/4: fine details of 3/4 and three times 1/4, and a coarse 1/4
    per_pixel = (0.75 + 3 * 0.25) / 256 + 0.25 / 64
    assert float(losses.details_error(made, wished)) == pytest.approx(per_pixel * 64 * 64)


def test_reversed_gradients() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (losses.reversed_gradient(x) * torch.tensor([3.0, -1.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [-3, 1]


# Steps


def batch(subjects: int = 4, partners: int = 3, side: int = 16) -> Batch:
    rng = np.random.default_rng(0)
    numbers = np.arange(8) % subjects
    pixels = rng.integers(0, 256, (8, side, side, 3), dtype=np.uint8)
    others = rng.integers(0, 256, (8, partners, side, side, 3), dtype=np.uint8)
    columns = (pixels, others, np.roll(np.arange(8), 1), numbers)
    return Batch(*(torch.from_numpy(column) for column in columns))


class Steps:
    """What Lightning does around a step."""

    def __init__(self, recipe: Recipe, kind: str, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.objective = Objective(recipe, 4)
        self.objective.begin(Progress(kind, 0, 10, 5.0))  # pyright: ignore
        self.objective.begin_epoch(0)
        self.made = self.objective.configure_optimizers()
        self.objective.optimizers = lambda *_: self.made  # type: ignore
        self.objective.manual_backward = lambda loss, *_, **__: loss.backward()  # type: ignore

    def step(self, given: Batch | None = None) -> None:
        self.objective.training_step(given or batch(), 0)

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in self.objective.named_parameters()}

    def changed(self, before: dict[str, torch.Tensor]) -> Iterator[tuple[str, bool]]:
        for name, value in self.objective.named_parameters():
            yield name, not torch.equal(value, before[name])


PLAIN = replace(SMALL, objective=ObjectiveConfig(switch=1.0))
IMPROVED = replace(PLAIN, objective=EVERYTHING)
STAGES = [
    (PLAIN, "identity", ("network.identity.", "network.decoder.")),
    (PLAIN, "expression", ("network.expression.", "network.decoder.", "discriminator.")),
    (IMPROVED, "expression", ("network.expression.", "network.decoder.", "discriminator.", "adversary.")),
    (
        replace(PLAIN, objective=ObjectiveConfig(adversarial=0.0, switch=0.0)),
        "expression",
        ("network.expression.", "network.decoder."),
    ),
    (
        replace(PLAIN, network=replace(SMALL.network, patches=3)),
        "expression",
        ("network.expression.logvar", "network.decoder.", "discriminator."),
    ),
    (
        replace(PLAIN, network=replace(SMALL.network, form="vae", patches=3)),
        "whole",
        ("network.expression.logvar", "network.decoder."),
    ),
    (
        replace(PLAIN, network=replace(SMALL.network, form="vae")),
        "whole",
        ("network.expression.", "network.decoder."),
    ),
    (
        replace(PLAIN, network=replace(SMALL.network, form="cvae")),
        "whole",
        ("network.expression.", "network.decoder."),
    ),
]


@pytest.mark.parametrize(("recipe", "kind", "learns"), STAGES)
def test_a_step_changes_what_learns_and_nothing_else(recipe: Recipe, kind: str, learns: tuple[str, ...]) -> None:
    """A unit of ReLU may be silent for a few faces, so that its weights stand still; layers do not."""
    steps = Steps(recipe, kind)
    before = steps.weights()
    steps.step()
    moved = dict(steps.changed(before))
    assert {name for name, changed in moved.items() if changed} == {name for name in moved if name.startswith(learns)}
    assert all(value.requires_grad == name.startswith(learns) for name, value in steps.objective.named_parameters())
    figures = steps.objective.means()
    assert all(math.isfinite(value) for value in figures.values())


@pytest.mark.parametrize(("recipe", "kind", "learns"), STAGES)
def test_everything_that_learns_gets_a_gradient(recipe: Recipe, kind: str, learns: tuple[str, ...]) -> None:
    steps = Steps(recipe, kind)
    steps.step()
    slopes = {name: value.grad for name, value in steps.objective.named_parameters()}
    still = [name for name, slope in slopes.items() if name.startswith(learns) and (slope is None or not slope.any())]
    assert still == []
    assert all(slope is None for name, slope in slopes.items() if not name.startswith(learns))


def test_the_identity_stage_wishes_for_another_picture_and_an_empty_expression() -> None:
    steps = Steps(PLAIN, "identity")
    given, objective = batch(), steps.objective
    network = objective.network
    assert network.identity is not None
    total, figures = objective.identity(given)
    objective.begin_epoch(0)
    posterior = network.identity(pictures(given.pixels))
    noise = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    made = network.decoder(torch.cat([losses.sample(posterior, noise), torch.zeros(8, 4)], dim=1))
    wished = losses.evidence(posterior, made, pictures(given.partners[:, 0]), PLAIN.objective)
    torch.testing.assert_close(total, wished)
    assert set(figures) == {"divergence", "squared_error"}


def test_the_expression_stage_adds_up_as_printed() -> None:
    """(5): α_1 KL + α_2 R + β (-log D(x') - log D(x_p)) + γ (MSE(z_i, z_i') + MSE(z_e, z_e'))."""
    recipe = replace(PLAIN, objective=ObjectiveConfig(adversarial=0.5, switch=3.0))
    objective, given = Steps(recipe, "expression").objective, batch()
    network, discriminator = objective.network, objective.discriminator
    assert network.identity is not None
    assert discriminator is not None
    total, figures = objective.expression(given)
    slopes = torch.autograd.grad(total, list(network.decoder.parameters()))
    real, draws = pictures(given.pixels), torch.Generator().manual_seed(0)
    z_i, posterior = network.identity(real).mean.detach(), network.expression(real)
    z_e = losses.sample(posterior, torch.randn(8, 4, generator=draws))
    made, drawn = network.decoder(torch.cat([z_i, z_e], 1)), network.decoder(torch.randn(8, 9, generator=draws))
    swapped = posterior.mean[given.swapped]
    exchanged = network.decoder(torch.cat([z_i, swapped], 1))
    wished = losses.evidence(posterior, made, real, recipe.objective)
    wished = wished + 0.5 * losses.generator_loss([discriminator(made), discriminator(drawn)])
    again = F.mse_loss(network.identity(exchanged).mean, z_i)
    again = again + F.mse_loss(network.expression(exchanged).mean, swapped.detach())
    wished = wished + 3 * again
    torch.testing.assert_close(figures["loss"], wished)
    own = torch.autograd.grad(wished, list(network.decoder.parameters()))
    for slope, expected in zip(slopes, own, strict=True):
        torch.testing.assert_close(slope, expected, atol=1e-5, rtol=1e-3)
    judged = losses.discriminator_loss(discriminator(real), [discriminator(made), discriminator(drawn)])
    torch.testing.assert_close(figures["discriminator"], judged)


def test_identity_of_several_pictures_is_the_mean_of_theirs() -> None:
    objective, given = Steps(IMPROVED, "expression").objective, batch()
    encoder = objective.network.identity
    assert encoder is not None
    found = objective.frozen_identity(given, pictures(given.pixels))
    third = encoder(pictures(given.partners[2])).mean.mean(dim=0)
    torch.testing.assert_close(found[2], third, atol=1e-5, rtol=1e-4)
    assert not found.requires_grad


def test_the_rate_falls_after_every_pass_and_begins_anew_with_a_stage() -> None:
    steps = Steps(PLAIN, "identity")
    rates = []
    for _ in range(10):
        rates.append(steps.objective.rate)
        steps.step()
    wished = [5e-4 * 0.95**number for number in range(5) for _ in range(2)]
    assert rates == pytest.approx(wished)
    assert steps.made[0].param_groups[0]["lr"] == pytest.approx(wished[-1])
    steps.objective.begin(Progress("expression", 1, 10, 5.0))
    assert steps.objective.rate == 5e-4


def test_adam_is_the_printed_one() -> None:
    recipe = replace(PLAIN, objective=ObjectiveConfig(discriminator_beta_1=0.5))
    generator, discriminator = Steps(recipe, "expression").made
    assert generator.defaults["betas"] == (0.9, 0.999)
    assert generator.defaults["eps"] == 1e-8
    assert discriminator.defaults["betas"] == (0.5, 0.999)


def test_the_same_seed_gives_the_same_step_and_another_another() -> None:
    one, again, other = (Steps(PLAIN, "expression", seed) for seed in (0, 0, 1))
    for steps in (one, again, other):
        steps.step()
    assert one.objective.means() == again.objective.means()
    assert all(torch.equal(a, b) for a, b in zip(one.weights().values(), again.weights().values(), strict=True))
    assert one.objective.means() != other.objective.means()


def test_a_loss_that_is_no_number_stops_with_a_reason() -> None:
    steps = Steps(PLAIN, "identity")
    with torch.no_grad():
        steps.objective.network.decoder.first.bias.fill_(math.nan)
    with pytest.raises(InputError, match=r"no number at step 1 of the stage of identity: lower --objective\.learning"):
        steps.step()


def test_losses_fall() -> None:
    steps = Steps(replace(PLAIN, objective=ObjectiveConfig(learning_rate=2e-3)), "identity")
    figures = []
    for _ in range(12):
        steps.objective.begin_epoch(0)
        steps.step()
        figures.append(steps.objective.means()["loss"])
    assert figures[-1] < 0.9 * figures[0]


def test_run_settings_have_the_printed_defaults() -> None:
    assert (RunConfig().epochs, RunConfig().batch) == (100, 128)
    assert (ObjectiveConfig().learning_rate, ObjectiveConfig().decay) == (5e-4, 0.95)
