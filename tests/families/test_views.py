from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from kaoiro.core.errors import InputError
from kaoiro.data.augmentation import Augmentation
from kaoiro.families.identity_expression import losses
from kaoiro.families.identity_expression.config import NetworkConfig, ObjectiveConfig, ViewsConfig
from kaoiro.families.identity_expression.network import Network
from kaoiro.families.identity_expression.objective import Batch, Objective, Progress
from kaoiro.families.identity_expression.recipe import RECIPES, Recipe
from kaoiro.families.identity_expression.views import Viewed, altered, greyed, luma, tinted, two_views

STILL = Augmentation(flip=0, rotation=0, shift=0, scale=0, light=0, blur=0, low_resolution=0, jpeg=0, noise=0, erase=0)
BOTH = ViewsConfig(contrast=1.0, gradients=0.5, batch=8, hidden=6, numbers=5, components=3)
RECIPE = replace(
    RECIPES["tiny"],
    network=NetworkConfig(side=16, width=8, identity=5, expression=4),
    objective=ObjectiveConfig(switch=1.0, adversarial=0.5, alpha_1=1e-3),
    views=BOTH,
)


def viewed(unlabelled: int = 6, known: int = 4, side: int = 12) -> Viewed:
    rng = torch.Generator().manual_seed(0)
    grey = torch.randint(0, 256, (unlabelled, side, side), generator=rng, dtype=torch.uint8)
    colour = torch.randint(0, 256, (known, 16, 16, 3), generator=rng, dtype=torch.uint8)
    groups = torch.tensor([0] * unlabelled + [1 + k // 2 for k in range(known)])
    return Viewed(grey, colour, groups, torch.randn(unlabelled + known, 3, generator=rng))


# The loss


def test_the_contrast_of_two_faces_by_hand() -> None:
    """First views point along x and y; the second view of the first face lies between them, 45 degrees from both."""
    half = math.sqrt(0.5)
    codes = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0], [0.0, 0.5]])
    rows = [  # similarities to the other view, and to the two views of the other face
        (half, (0.0, 0.0)),
        (1.0, (0.0, half)),
        (half, (half, half)),
        (1.0, (0.0, half)),
    ]
    wished = 0.0
    for own, rest in rows:
        powers = [math.exp(one / 0.5) for one in (own, *rest)]
        wished -= math.log(powers[0] / sum(powers)) / 4
    assert float(losses.contrast(codes, torch.tensor([0, 0]), 0.5)) == pytest.approx(wished)


def test_faces_are_told_apart_within_their_group_alone() -> None:
    torch.manual_seed(0)
    codes = torch.randn(8, 3, requires_grad=True)
    apart = losses.contrast(codes, torch.tensor([0, 0, 7, 7]), 0.2)
    halves = [losses.contrast(codes[[a, a + 1, a + 4, a + 5]], torch.tensor([1, 1]), 0.2) for a in (0, 2)]
    torch.testing.assert_close(apart, (halves[0] + halves[1]) / 2)
    assert float(losses.contrast(codes, torch.tensor([0, 1, 2, 3]), 0.2).detach()) == pytest.approx(0)
    (slope,) = torch.autograd.grad(apart, codes)
    assert bool(torch.isfinite(slope).all())


def test_the_contrast_has_the_gradient_of_its_value() -> None:
    torch.manual_seed(0)
    codes = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: losses.contrast(x, torch.tensor([0, 0, 0]), 0.3), codes)


# Views


def test_unaltered_views_are_the_faces_in_grey_or_in_colour() -> None:
    given = viewed()
    seen = two_views(given, replace(BOTH, augmentation=STILL, grey=0.0, tint=0.0), 16, torch.Generator())
    assert seen.shape == (20, 3, 16, 16)
    torch.testing.assert_close(seen[:10], seen[10:])
    assert torch.equal(seen[:6, :1].expand(-1, 3, -1, -1), seen[:6])
    torch.testing.assert_close(seen[6:10], given.known.permute(0, 3, 1, 2) / 255, atol=2e-4, rtol=0)
    grey = two_views(given, replace(BOTH, augmentation=STILL, grey=1.0), 16, torch.Generator())
    torch.testing.assert_close(grey[6:10, :1], luma(given.known.permute(0, 3, 1, 2) / 255), atol=2e-4, rtol=0)
    torch.testing.assert_close(grey[:, 0], grey[:, 2])


def test_grey_faces_are_tinted_channel_by_channel() -> None:
    faces = torch.rand(4, 1, 16, 16).expand(-1, 3, -1, -1).contiguous()
    chosen = torch.tensor([True, False, True, False])
    made = tinted(faces, chosen, 0.3, torch.Generator().manual_seed(0))
    assert torch.equal(made[~chosen], faces[~chosen])
    assert float((made[chosen][:, 0] - made[chosen][:, 1]).abs().mean()) > 0.01
    order = faces[0, 0].flatten().argsort()  # what is lighter stays lighter
    assert bool((made[0, 2].flatten()[order].diff() >= 0).all())
    assert torch.equal(tinted(faces, chosen, 0.0, torch.Generator()), faces)


def test_views_of_a_face_differ_and_the_same_draws_give_the_same_views() -> None:
    one, again = (two_views(viewed(), BOTH, 16, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, again)
    assert float((one[:10] - one[10:]).abs().mean(dim=(1, 2, 3)).min()) > 0.01
    assert 0 <= float(one.min()) <= float(one.max()) <= 1


def test_the_channels_of_a_face_in_colour_are_altered_alike() -> None:
    faces = torch.rand(5, 1, 16, 16).expand(-1, 3, -1, -1)
    config = Augmentation(jpeg=1.0, blur=1.0, low_resolution=1.0, erase=1.0)
    some = torch.tensor([True, False, True, True, False])
    made, grey = (altered(faces, one, config, torch.Generator().manual_seed(1)) for one in (some, ~some))
    torch.testing.assert_close(made[:, 0], made[:, 2])
    torch.testing.assert_close(made, grey, atol=1e-5, rtol=1e-4)


def test_colours_are_taken_off_as_often_as_is_said() -> None:
    faces = torch.rand(400, 3, 2, 2)
    made = greyed(faces, 0.3, torch.Generator().manual_seed(0))
    grey = (made[:, 0] == made[:, 1]).flatten(1).all(dim=1)
    assert 0.2 < float(grey.float().mean()) < 0.4
    assert torch.equal(made[~grey], faces[~grey])


@pytest.mark.parametrize(("unlabelled", "known"), [(6, 0), (0, 4)])
def test_views_need_faces_of_one_kind_alone(unlabelled: int, known: int) -> None:
    given = viewed(unlabelled, known)
    assert two_views(given, BOTH, 16, torch.Generator()).shape == (2 * (unlabelled + known), 3, 16, 16)


# Steps


class Steps:
    """What Lightning does around a step."""

    def __init__(self, recipe: Recipe, kind: str) -> None:
        torch.manual_seed(0)
        self.objective = Objective(recipe, 4)
        self.objective.begin(Progress(kind, 0, 10, 5.0))  # pyright: ignore
        self.objective.begin_epoch(0)
        made = self.objective.configure_optimizers()
        self.objective.optimizers = lambda *_: made  # type: ignore
        self.objective.manual_backward = lambda loss, *_, **__: loss.backward()  # type: ignore

    def step(self, given: Batch) -> set[str]:
        """Return the names of the parameters that the step changed."""
        before = {name: value.clone() for name, value in self.objective.named_parameters()}
        self.objective.training_step(given, 0)
        return {name for name, value in self.objective.named_parameters() if not torch.equal(value, before[name])}


def batch(seen: Viewed | None) -> Batch:
    rng = torch.Generator().manual_seed(1)
    faces = torch.randint(0, 256, (8, 16, 16, 3), generator=rng, dtype=torch.uint8)
    partners = torch.randint(0, 256, (8, 1, 16, 16, 3), generator=rng, dtype=torch.uint8)
    return Batch(faces, partners, torch.arange(8).roll(1), torch.arange(8) % 4, seen)


EMPTY = tuple(torch.empty(0) for _ in range(4))


def test_a_stage_of_views_changes_the_encoder_and_what_reads_it_alone() -> None:
    steps = Steps(RECIPE, "views")
    changed = steps.step(Batch(*EMPTY, viewed=viewed()))
    learning = {name for name, value in steps.objective.named_parameters() if value.requires_grad}
    assert changed == learning
    assert {name.split(".")[0] + "." + name.split(".")[1] for name in changed} == {
        "network.expression",
        "heads.projection",
        "heads.gradients",
    }
    assert set(steps.objective.means()) == {"contrast", "gradients", "divergence", "loss"}


def test_the_losses_of_views_add_up() -> None:
    steps, given = Steps(RECIPE, "views"), viewed()
    objective = steps.objective
    total, figures = objective.views(Batch(*EMPTY, viewed=given))
    objective.begin_epoch(0)
    posterior = objective.network.expression(two_views(given, BOTH, 16, torch.Generator().manual_seed(0)))
    heads = objective.heads
    assert heads is not None
    assert heads.projection is not None
    assert heads.gradients is not None
    contrast = losses.contrast(heads.projection(posterior.mean), given.groups, 0.2)
    read = (heads.gradients(posterior.mean) - torch.cat([given.gradients] * 2)).square().mean()
    torch.testing.assert_close(figures["contrast"], contrast)
    torch.testing.assert_close(figures["gradients"], read)
    torch.testing.assert_close(total, contrast + 0.5 * read + 1e-3 * losses.divergence(posterior))


@pytest.mark.parametrize("form", ["exchange", "vae"])
def test_views_are_learned_from_beside_everything_else(form: str) -> None:
    kind = "expression" if form == "exchange" else "whole"
    recipe = replace(RECIPE, network=replace(RECIPE.network, form=form))
    steps = Steps(recipe, kind)
    changed = steps.step(batch(viewed()))
    assert any(name.startswith("heads.") for name in changed)
    assert any(name.startswith("network.decoder.") for name in changed)
    assert {"contrast", "gradients", "squared_error"} <= set(steps.objective.means())


def test_each_term_can_be_left_out() -> None:
    for views, there in ((replace(BOTH, gradients=0.0), "contrast"), (replace(BOTH, contrast=0.0), "gradients")):
        steps = Steps(replace(RECIPE, views=views), "views")
        steps.step(Batch(*EMPTY, viewed=viewed()))
        assert {"contrast", "gradients"} & set(steps.objective.means()) == {there}


def test_without_views_nothing_is_drawn_or_learned_otherwise() -> None:
    """A recipe whose weights are 0 goes the same way as before there were views: same weights, same noise."""
    off = replace(RECIPE, views=ViewsConfig())
    steps = Steps(off, "expression")
    assert steps.objective.heads is None
    total, _ = steps.objective.expression(batch(None))
    steps.objective.begin_epoch(0)
    again, _ = steps.objective.expression(batch(viewed()))  # nothing looks at these
    torch.testing.assert_close(total, again)
    first = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    steps.objective.begin_epoch(0)
    assert torch.equal(steps.objective._drawn(8, 4), first)
    for name, recipe in RECIPES.items():
        assert recipe.views.on == (name in ("contrastive", "views"))


def test_the_rate_of_views_rises_shortly_and_falls_to_nothing() -> None:
    objective = Steps(RECIPE, "views").objective
    objective.progress = Progress("views", 0, 100, 5.0)
    rates = []
    for done in range(100):
        objective.progress.done = done
        rates.append(objective.rate)
    assert rates[0] < 0.5 * 1e-3
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] < 1e-5


# Settings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"contrast": -1.0}, "views.contrast must be 0 or a positive"),
        ({"temperature": 0.0}, "views.temperature must be a positive"),
        ({"known": 1.5}, "views.known must be between 0 and 1"),
        ({"grey": -0.1}, "views.grey must be between 0 and 1"),
        ({"batch": 1}, "views.batch must be 2 or more"),
        ({"components": 1025}, "views.components must be from 1 to 1024"),
        ({"augmentation": Augmentation(flip=2.0)}, r"views.augmentation.flip must be between 0 and 1"),
        ({"contrast": 0.0, "gradients": 0.0, "epochs": 1}, "views.epochs must be 0 where both weights"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(RECIPE, views=replace(BOTH, **change)).check()


def test_settings_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(InputError, match=r"run\.iterations must be 1 or more where views\.epochs is 0"):
        replace(RECIPE, run=replace(RECIPE.run, iterations=0)).check()
    with pytest.raises(InputError, match=r"run\.iterations must be 0 where only faces of unknown people"):
        replace(RECIPE, data=replace(RECIPE.data, dataset="unlabelled")).check()
    with pytest.raises(InputError, match=r"network\.form must be exchange or vae"):
        replace(RECIPE, network=replace(RECIPE.network, form="cvae")).check()
    with pytest.raises(InputError, match=r"data\.unlabelled must be left out"):
        replace(RECIPE, views=ViewsConfig(), data=replace(RECIPE.data, unlabelled="here")).check()


# Places of the last map


def test_an_encoder_that_keeps_places_tells_where_something_is() -> None:
    torch.manual_seed(0)
    config = NetworkConfig(side=16, width=8, identity=5, expression=4, places=True)
    network = Network(config)
    assert network.expression.mean.in_features == 16 * config.maps[-1]
    assert network.identity is not None
    assert network.identity.mean.in_features == config.maps[-1]
    map_of = network.expression.trunk[:-1](torch.rand(3, 3, 16, 16))
    assert map_of.shape == (3, config.maps[-1], 4, 4)
    assert network.codes(torch.rand(3, 3, 16, 16))[1].shape == (3, 4)


def test_places_are_learned_from_like_everything_else() -> None:
    steps = Steps(replace(RECIPE, network=replace(RECIPE.network, places=True)), "expression")
    changed = steps.step(batch(viewed()))
    assert {"network.expression.mean.weight", "network.expression.logvar.weight"} <= changed
