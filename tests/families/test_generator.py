"""The generator, its discriminator, and how they are trained against each other."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kaoiro.core.condition import CONDITION, PARTS, columns
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION
from kaoiro.families.multitask_affect.adversarial import Adversarial, Batch, pictures
from kaoiro.families.multitask_affect.generation import (
    GENERATORS,
    PRINTED,
    SMALL,
    DiscriminatorConfig,
    GeneratorConfig,
)
from kaoiro.families.multitask_affect.generator import Discriminator, Generator, activated
from kaoiro.families.multitask_affect.pool import Pool, conditions, typical
from kaoiro.training.generation import load

TWO_EPOCHS = replace(SMALL, steps=6, epoch=3)


@pytest.fixture(scope="module")
def faces() -> Faces:
    return load(GENERATORS["generator-tiny"].data, 48).training


@pytest.fixture
def batch(faces: Faces) -> Batch:
    """Sixteen faces whose labels are all known."""
    target = {name: torch.from_numpy(faces.targets[name][:16]) for name in PARTS}
    real = pictures(faces.pixels[:16])
    return Batch(real, real, target, torch.randn(16, 16), torch.from_numpy(conditions(faces)[:16]))


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return copy.deepcopy(dict(network.named_parameters()))


def changed(network: torch.nn.Module, before: dict[str, torch.Tensor]) -> list[bool]:
    return [not torch.equal(value, before[name]) for name, value in network.named_parameters()]


def hidden(faces: Faces, keep: np.ndarray, heads: tuple[str, ...] = tuple(PARTS)) -> Faces:
    targets = {
        name: np.where(keep[:, None] | (name not in heads), values, np.float32(np.nan))
        for name, values in faces.targets.items()
    }
    return replace(faces, targets=targets)


def test_the_printed_generator_has_the_counted_parameters() -> None:
    def count(config: GeneratorConfig) -> int:
        return sum(parameter.numel() for parameter in Generator(config, 3).parameters())

    first = 100 * 6 * 6 * 512 + 6 * 6 * 512
    blocks = 9 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 32) + 2 * (512 + 256 + 128 + 64 + 32)
    assert count(replace(PRINTED, conditional=False)) == first + blocks + 9 * 32 * 3 + 3 == 3_431_203
    assert count(PRINTED) == 3_431_203 + 17 * 6 * 6 * 512


def test_the_printed_discriminator_has_the_counted_parameters() -> None:
    network = Discriminator(DiscriminatorConfig(form="vgg"), 3, 96)
    trunk = 14_714_688 + 4608 * 4096 + 4096 + 4096 * 2000 + 2000
    assert sum(p.numel() for p in network.parameters()) == trunk + 2000 * 18 + 18
    assert [type(layer).__name__ for layer in network.modules()].count("LeakyReLU") == 15
    assert not any("Norm" in type(layer).__name__ for layer in network.modules())


def test_the_light_generator_fits_a_package() -> None:
    generator = Generator(GeneratorConfig(), 1)
    assert 2 * sum(p.numel() for p in generator.parameters()) < 1_500_000  # bytes in half precision


@pytest.mark.parametrize(("config", "channels", "side"), [(PRINTED, 3, 96), (GeneratorConfig(), 1, 48)])
def test_pictures_lie_between_minus_one_and_one(config: GeneratorConfig, channels: int, side: int) -> None:
    made = Generator(config, channels)(torch.randn(2, 100), torch.zeros(2, 17))
    assert made.shape == (2, channels, side, side)
    assert config.side == side
    assert made.abs().max() <= 1


def test_an_unconditional_generator_takes_noise_alone() -> None:
    assert Generator(GeneratorConfig(conditional=False), 1)(torch.randn(2, 100)).shape == (2, 1, 48, 48)


@pytest.mark.parametrize("spectral", [False, True])
def test_a_judgement_has_all_heads_and_features(spectral: bool) -> None:
    judged = Discriminator(DiscriminatorConfig(spectral=spectral), 1, 48).eval()(torch.zeros(3, 1, 48, 48))
    assert judged.features.shape == (3, 256)
    assert judged.real.shape == (3,)
    assert {name: raw.shape[1] for name, raw in judged.heads.items()} == {"affect": 2, "expression": 7, "units": 8}
    answers = activated(judged.heads)
    assert answers["expression"].sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    assert 0 <= answers["units"].min() <= answers["units"].max() <= 1


def test_faces_in_a_batch_do_not_influence_each_other() -> None:
    network, seen = Discriminator(DiscriminatorConfig(), 1, 48).eval(), torch.randn(4, 1, 48, 48)
    assert torch.allclose(network(seen).real[:1], network(seen[:1]).real, atol=1e-5)


def test_spectral_normalisation_bounds_every_layer() -> None:
    network = Discriminator(DiscriminatorConfig(spectral=True), 1, 48).train()
    for _ in range(30):
        network(torch.zeros(2, 1, 48, 48))
    layer = network.trunk[-2]
    assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(1, abs=0.1)


def test_a_step_of_the_discriminator_changes_all_of_it_and_nothing_else(batch: Batch) -> None:
    both = Adversarial(SMALL)
    made = both.generator(batch.noise, batch.condition)
    generator, discriminator = weights(both.generator), weights(both.discriminator)
    figures = both.discriminator_step(batch, made)
    assert all(changed(both.discriminator, discriminator))
    assert not any(changed(both.generator, generator))
    assert set(figures) == {"supervised", "discriminator", "right"}


def test_a_step_of_the_generator_changes_all_of_it_and_nothing_else(batch: Batch) -> None:
    both = Adversarial(SMALL)
    generator, discriminator = weights(both.generator), weights(both.discriminator)
    figures = both.generator_step(batch, both.generator(batch.noise, batch.condition))
    assert all(changed(both.generator, generator))
    assert not any(changed(both.discriminator, discriminator))
    assert all(parameter.requires_grad for parameter in both.discriminator.parameters())
    assert set(figures) == {"generator", "matching", "condition"}


def test_the_penalty_is_the_mean_squared_slope() -> None:
    both = Adversarial(replace(SMALL, penalty=3.0, penalty_every=4))
    both.discriminator.eval()
    seen = torch.randn(2, 1, 48, 48)
    tilted = seen.clone().requires_grad_()
    (slope,) = torch.autograd.grad(both.discriminator(tilted).real.sum(), tilted)
    wished = 4 * 3.0 / 2 * float(slope.detach().square().sum(dim=(1, 2, 3)).mean())
    assert float(both._penalty(seen).detach()) == pytest.approx(wished, rel=1e-4)
    both._steps = 1
    assert both._penalty(seen) == 0


def test_the_control_learns_by_labels_alone(faces: Faces) -> None:
    both = Adversarial(replace(TWO_EPOCHS, adversarial=False))
    generator, discriminator = weights(both.generator), weights(both.discriminator)
    both.fit(faces, tick=lambda _: None)
    assert not any(changed(both.generator, generator))
    done = dict(zip(discriminator, changed(both.discriminator, discriminator), strict=True))
    assert [name for name, moved in done.items() if not moved] == ["real.weight", "real.bias"]
    assert set(both.history[0]) == {"supervised"}


def test_labels_weigh_as_the_settings_say(batch: Batch) -> None:
    raw = {name: torch.randn_like(value) for name, value in batch.target.items()}
    halves = [Adversarial(replace(SMALL, alpha=a, beta=b)).supervised(raw, batch.target) for a, b in ((1, 0), (0, 1))]
    both = Adversarial(replace(SMALL, alpha=0.3, beta=0.7)).supervised(raw, batch.target)
    assert float(both) == pytest.approx(0.3 * float(halves[0]) + 0.7 * float(halves[1]))


def test_a_tiny_training_is_finite_and_makes_pictures(faces: Faces, tmp_path: Path) -> None:
    lines: list[str] = []
    shown: list[int] = []
    both = Adversarial(SMALL).fit(faces, tmp_path, lines.append, lambda _, epoch: shown.append(epoch))
    assert shown == [1, 2, 3]
    assert len(lines) == len(both.history) == 3
    assert all(np.isfinite(list(figures.values())).all() for figures in both.history)
    made = both.generate(both.typical, seed=0)
    assert made.shape == (7, 48, 48)
    assert made.dtype == np.uint8
    answers = both.answer(faces.pixels[:5])
    assert {name: value.shape for name, value in answers.items()} == {
        "affect": (5, 2),
        "expression": (5, 7),
        "units": (5, 8),
    }


def test_the_supervised_losses_fall(faces: Faces) -> None:
    run = replace(SMALL, adversarial=False, steps=60, epoch=30, learning_rate=2e-3)
    history = Adversarial(run).fit(faces, tick=lambda _: None).history
    assert history[-1]["supervised"] < 0.8 * history[0]["supervised"]


def test_a_resumed_training_ends_where_an_unbroken_one_does(faces: Faces, tmp_path: Path) -> None:
    whole = Adversarial(TWO_EPOCHS).fit(faces, tmp_path / "whole", lambda _: None)

    def stop(_: Adversarial, epoch: int) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Adversarial(TWO_EPOCHS).fit(faces, tmp_path / "broken", lambda _: None, stop)
    later = Adversarial(TWO_EPOCHS).fit(faces, tmp_path / "broken", lambda _: None)
    assert later.history == whole.history
    for name, value in whole.averaged.state_dict().items():
        assert torch.equal(value, later.averaged.state_dict()[name]), name
    again = Adversarial(TWO_EPOCHS).fit(faces, tmp_path / "broken", lambda _: None)
    assert again.history == whole.history  # nothing was left to do
    longer = Adversarial(replace(TWO_EPOCHS, steps=9)).fit(faces, tmp_path / "broken", lambda _: None)
    assert longer.history[:2] == whole.history
    assert len(longer.history) == 3


def test_a_checkpoint_of_another_training_is_refused(faces: Faces, tmp_path: Path) -> None:
    one = replace(SMALL, steps=2, epoch=2)
    Adversarial(one).fit(faces, tmp_path, lambda _: None)
    with pytest.raises(DataError, match="of a training with other settings or faces"):
        Adversarial(replace(one, seed=1)).fit(faces, tmp_path, lambda _: None)
    (tmp_path / "last.pt").write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match="no checkpoint of this training"):
        Adversarial(one).fit(faces, tmp_path, lambda _: None)


def test_other_seeds_train_otherwise_and_the_same_seed_the_same(faces: Faces) -> None:
    one = replace(SMALL, steps=2, epoch=2)
    first, again, other = (
        Adversarial(replace(one, seed=seed)).fit(faces, tick=lambda _: None).history for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_a_loss_that_is_no_number_stops_with_a_reason(batch: Batch) -> None:
    both = Adversarial(SMALL)
    broken = replace(batch, told=batch.told * float("nan"), real=batch.real * float("nan"))
    with pytest.raises(InputError, match="lower the learning rate"):
        both.step(broken)


@pytest.mark.parametrize("collapse", ["stop", "go on"])
def test_collapse_is_said_and_stops_training_where_wished(faces: Faces, collapse: str, tmp_path: Path) -> None:
    lines: list[str] = []
    run = replace(SMALL, steps=4, epoch=1, patience=2, collapse=collapse)
    both = Adversarial(run)
    both._watch = lambda _: {"variation": 0.01, "people": 0.01}  # pyright: ignore
    both.fit(faces, tmp_path, lines.append)
    assert any("generated faces vary less than 15% of the real ones for 2 epochs" in line for line in lines)
    assert len(both.history) == (2 if collapse == "stop" else 4)
    assert (both.stopped is not None) == (collapse == "stop")
    later = Adversarial(run).fit(faces, tmp_path, lines.append)
    assert len(later.history) == len(both.history)


def test_faces_without_labels_are_judged_but_teach_nothing_else(faces: Faces) -> None:
    keep = np.arange(len(faces)) < 8
    few = hidden(faces, keep)
    pool = Pool(few, 16, 0)
    seen, told = pool.order(0, 4)
    assert not pool.whole
    assert set(told.ravel()) <= set(range(8))
    assert seen.max() >= 8
    history = Adversarial(replace(SMALL, steps=2, epoch=2)).fit(few, tick=lambda _: None).history
    assert np.isfinite(list(history[0].values())).all()


def test_batches_hold_equal_numbers_of_each_kind_of_labels(faces: Faces) -> None:
    first = np.arange(len(faces)) < 10
    parted = hidden(hidden(faces, first, ("units",)), ~first, ("expression",))
    _, told = Pool(parted, 16, 0).order(0, 5)
    assert ((told < 10).sum(axis=1) == 8).all()


def test_conditions_of_partly_labelled_faces_are_filled_by_similar_ones(faces: Faces) -> None:
    even = np.arange(len(faces)) % 2 == 0
    table = conditions(hidden(hidden(faces, even, ("units",)), ~even, ("expression",)))
    assert table.shape == (len(faces), 17)
    assert np.isfinite(table).all()
    # drawings of an expression all have its valence and arousal, so the nearest shows the same
    assert np.array_equal(table, conditions(faces))


def test_a_condition_needs_every_kind_of_label(faces: Faces) -> None:
    with pytest.raises(DataError, match="no face carries a label of 'units'"):
        conditions(hidden(faces, np.zeros(len(faces), bool), ("units",)))
    with pytest.raises(DataError, match="no face carries a label: nothing can be learned"):
        Pool(hidden(faces, np.zeros(len(faces), bool)), 16, 0)
    with pytest.raises(DataError, match=r"the target 'units' must have shape \(\d+, 8\); it is missing"):
        Pool(replace(faces, targets={name: faces.targets[name] for name in ("affect", "expression")}), 16, 0)


def test_the_typical_condition_shows_its_expression(faces: Faces) -> None:
    rows = typical(conditions(faces))
    assert np.array_equal(rows[:, columns()["expression"]], np.eye(7))
    happy = dict(zip(CONDITION.labels, rows[3].tolist(), strict=True))
    assert happy["valence"] == pytest.approx(0.8)
    assert happy["au_12"] > 0.5 > happy["au_04"]


def test_faces_of_another_size_are_refused(faces: Faces) -> None:
    with pytest.raises(DataError, match=r"faces of \(24, 24\) pixels"):
        Adversarial(SMALL).fit(replace(faces, pixels=faces.pixels[:, ::2, ::2]))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"steps": 0}, "steps must be 1 or more"),
        ({"batch": 1}, "batch must be 2 or more"),
        ({"momentum": 1.0}, "momentum must be 0 or more and below 1"),
        ({"matching": -1.0}, "matching must be 0 or a positive"),
        ({"generator": GeneratorConfig(widths=(8,))}, r"number of generator\.widths must be 2 or more"),
        ({"discriminator": DiscriminatorConfig(dropout=1.0)}, r"discriminator\.dropout must be"),
    ],
)
def test_settings_that_cannot_be_are_refused(setting: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Adversarial(replace(SMALL, **setting))


def test_the_discriminator_begins_where_its_answers_can_still_move() -> None:
    torch.manual_seed(0)
    judged = Discriminator(DiscriminatorConfig(), 1, 48).eval()(torch.rand(16, 1, 48, 48) * 2 - 1)
    assert judged.heads[AFFECT_HEAD].abs().max() < 0.5
    assert judged.heads[EXPRESSION].abs().max() < 0.5 and judged.real.abs().max() < 0.5
