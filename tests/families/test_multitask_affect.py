"""What is special to system D's network and objective."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT, EXPRESSIONS, FERPLUS, MEASURED_UNITS
from kaoiro.core.spec import Head, Specification
from kaoiro.families.multitask_affect import coupling
from kaoiro.families.multitask_affect.config import NetworkConfig, ObjectiveConfig
from kaoiro.families.multitask_affect.network import Network, Placed
from kaoiro.families.multitask_affect.objective import Objective, spread_loss
from kaoiro.families.multitask_affect.recipe import RECIPES, TINY
from kaoiro.families.residual_attention.config import NetworkConfig as StillConfig
from kaoiro.families.residual_attention.network import Network as Still

NAN = float("nan")
HEADS = (
    Head(name="expression", activation="softmax", labels=EXPRESSIONS.labels),
    Head(name="affect", activation="tanh", labels=AFFECT.labels),
    Head(name="affect_spread", activation="exponential", labels=AFFECT.labels),
    Head(name="units", activation="sigmoid", labels=MEASURED_UNITS.labels),
)
SPECIFICATION = Specification(size=48, channels=1, mean=(0.5,), std=(0.25,), crop=FER2013_CROP, heads=HEADS)
COUNTS = {"expression": 8, "affect": 2, "units": 12}


def objective(**settings: Any) -> Objective:
    torch.manual_seed(0)
    augmentation = replace(TINY.data.augmentation, flip=0, rotation=0, shift=0, scale=0, light=0, noise=0)
    config = replace(ObjectiveConfig(optimizer="sgd"), **settings)
    recipe = replace(TINY, objective=config, data=replace(TINY.data, augmentation=augmentation))
    return Objective(recipe, SPECIFICATION)


def batch(count: int = 8, **given: torch.Tensor) -> dict[str, Any]:
    """Return random faces; heads that are not given carry no label."""
    draws = torch.Generator().manual_seed(1)
    targets = {head.name: torch.full((count, len(head.labels)), NAN) for head in HEADS}
    domain = given.pop("domain", torch.zeros(count, dtype=torch.long))
    pixels = torch.randint(0, 256, (count, 1, 48, 48), generator=draws, dtype=torch.uint8)
    return {"pixels": pixels, "target": targets | given, "domain": domain}


def smiling(count: int = 8) -> torch.Tensor:
    return torch.eye(8)[[EXPRESSIONS.index("happiness")] * count]


def test_the_printed_form_has_the_printed_number_of_parameters() -> None:
    with torch.device("meta"):
        network = Network(NetworkConfig(form="vgg"), 3, {"affect": 2, "expression": 7, "units": 8})
    count = sum(parameter.numel() for parameter in network.parameters())
    trunk = sum(p.numel() for p in network.trunk.convolutions.parameters())  # pyright: ignore
    assert trunk == 14_714_688
    assert count == trunk + 4608 * 4096 + 4096 + 4096 * 2000 + 2000 + 17 * 2001
    assert round(count / 1e6, 1) == 41.8


def test_the_printed_form_looks_at_faces_and_learns() -> None:
    torch.manual_seed(0)
    recipe = RECIPES["fidelity"]
    assert (recipe.network.form, recipe.network.dropout, recipe.size) == ("vgg", 0.5, 96)
    recipe.check()
    network = Network(recipe.network, 1, {"affect": 2, "expression": 7})
    heads = network(torch.randn(2, 1, 96, 96)).heads
    assert {name: raw.shape for name, raw in heads.items()} == {"affect": (2, 2), "expression": (2, 7)}
    heads["expression"].square().sum().backward()
    first = next(network.parameters()).grad
    assert first is not None and first.abs().sum() > 0


def test_a_mean_over_placed_channels_tells_where_something_is() -> None:
    torch.manual_seed(0)
    placed = Placed(1, 4, 3, 12).eval()
    above, below = torch.zeros(1, 1, 12, 12), torch.zeros(1, 1, 12, 12)
    above[0, 0, 3, 5], below[0, 0, 9, 5] = 1.0, 1.0
    plain = torch.relu(placed.convolution(above)).mean((2, 3)), torch.relu(placed.convolution(below)).mean((2, 3))
    torch.testing.assert_close(*plain)
    assert (placed(above).mean((2, 3)) - placed(below).mean((2, 3))).abs().max() > 1e-4


def test_weights_of_stills_are_taken_over_with_their_answers() -> None:
    torch.manual_seed(0)
    still = Still(StillConfig(stem=8, widths=(8, 16, 24), mask=8), 1, {"expression": 8}).eval()
    network = Network(NetworkConfig(stem=8, widths=(8, 16, 24), mask=8, placed=8), 1, COUNTS).eval()
    found = network.load_state_dict(network.adopt(still.state_dict()), strict=False)
    assert not found.unexpected_keys
    assert all(name.startswith(Network.anew) for name in found.missing_keys)
    x = torch.randn(3, 1, 48, 48)
    torch.testing.assert_close(network(x).heads["expression"], still(x).heads["expression"])
    again = network.adopt(network.state_dict())
    assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())


def test_each_head_learns_from_the_faces_that_carry_its_label() -> None:
    units = torch.zeros(8, 12)
    units[4:] = NAN
    terms = objective().terms(batch(units=units), 0.0)
    assert terms["expression"] == 0
    assert terms["affect"] == 0
    assert terms["units"].item() == pytest.approx(0.5 * math.log(2), rel=0.2)


def test_alpha_weighs_affect_and_beta_the_classes() -> None:
    given = {"expression": smiling(), "affect": torch.rand(8, 2), "units": torch.rand(8, 12).round()}
    even, tilted = objective().terms(batch(**given), 0.0), objective(alpha=0.1, beta=0.9).terms(batch(**given), 0.0)
    assert tilted["affect"].item() == pytest.approx(0.2 * even["affect"].item(), rel=1e-4)
    assert tilted["expression"].item() == pytest.approx(1.8 * even["expression"].item(), rel=1e-4)
    assert tilted["units"].item() == pytest.approx(1.8 * even["units"].item(), rel=1e-4)


def test_a_labelled_face_is_told_nothing_by_its_expression() -> None:
    settings = {"coupled_units": 1.0, "coupled_faces": 1.0, "coupled_affect": 1.0}
    known = batch(expression=smiling(), affect=torch.rand(8, 2), units=torch.rand(8, 12))
    terms = objective(**settings).terms(known, 0.0)
    assert terms["coupled_units"] == 0
    assert terms["coupled_affect"] == 0
    terms = objective(**settings).terms(batch(expression=smiling()), 0.0)
    assert terms["coupled_units"] > 0
    assert terms["coupled_affect"] > 0


def test_the_table_names_prototypes_and_says_nothing_of_parted_lips_elsewhere() -> None:
    table = coupling.unit_table(FERPLUS.labels, MEASURED_UNITS.labels)
    at = lambda expression, unit: table[FERPLUS.index(expression), MEASURED_UNITS.index(unit)].item()  # noqa: E731
    assert at("happiness", "au_12") == pytest.approx(coupling.ALWAYS)
    assert at("happiness", "au_06") == pytest.approx(0.51)
    assert at("neutral", "au_25") == pytest.approx(coupling.RARELY)
    assert math.isnan(at("anger", "au_25"))
    assert at("contempt", "au_12") == pytest.approx(0.3)
    assert coupling.affect_table(("happiness", "neutral")).tolist() == [pytest.approx([0.64, 0.36]), [0.0, 0.0]]


def test_groups_that_show_on_average_what_the_table_says_cost_nothing() -> None:
    table = torch.tensor([[0.5, 0.2], [0.9, NAN]])
    shares = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    units = torch.tensor([[0.9, 0.1], [0.1, 0.3], [0.9, 0.7]])
    assert coupling.group_loss(units, shares, table).item() == pytest.approx(0, abs=1e-6)
    off = torch.tensor([[0.9, 0.1], [0.9, 0.3], [0.9, 0.7]])
    divergence = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert coupling.group_loss(off, shares, table).item() == pytest.approx(2 * divergence / 3 / 2, rel=1e-4)


def test_a_single_face_is_told_the_mean_of_what_its_votes_say() -> None:
    table = torch.tensor([[0.8], [0.2]])
    loss = coupling.face_loss(torch.zeros(1, 1), torch.tensor([[0.5, 0.5]]), table)
    assert loss.item() == pytest.approx(math.log(2))
    silent = coupling.face_loss(torch.ones(1, 1), torch.tensor([[1.0, 0.0]]), torch.tensor([[NAN], [0.2]]))
    assert silent.item() == 0


def test_the_spread_is_learned_by_likelihood() -> None:
    raw, target = torch.zeros(2, 2), torch.tensor([[0.5, 0.5], [NAN, NAN]])
    assert spread_loss(raw, torch.zeros(2, 2), target).item() == pytest.approx(0.125)
    assert spread_loss(raw, torch.zeros(2, 2), torch.full((2, 2), NAN)).item() == 0


def test_other_domains_leave_running_statistics_alone_where_the_recipe_says_so() -> None:
    domain = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    for own in (False, True):
        one, two = objective(own_statistics=own), objective(own_statistics=own)
        other = batch(expression=smiling(), domain=domain)
        changed = {**other, "pixels": other["pixels"].clone()}
        changed["pixels"][4:] = 255 - changed["pixels"][4:]
        one.terms(other, 0.0)
        two.terms(changed, 0.0)
        key = "trunk.lower.0.1.running_mean"
        same = torch.equal(one.network.state_dict()[key], two.network.state_dict()[key])
        assert same == own


def test_blending_stays_within_a_domain() -> None:
    domain = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
    targets = {"expression": torch.where(domain[:, None] == 0, smiling(), torch.full((8, 8), NAN))}
    one = objective(mixup=1.0)
    _, mixed = one._mixed(torch.rand(8, 1, 48, 48), targets, domain)
    assert torch.equal(mixed["expression"].isnan().any(dim=1), domain == 1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"alpha": -1.0}, "objective.alpha"), ({"rare": 0.5}, "objective.rare"), ({"warmup": 1.0}, "objective.warmup")],
)
def test_settings_that_cannot_be_are_named(settings: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(ObjectiveConfig(), **settings).check()
