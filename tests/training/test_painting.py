"""Expressions painted over a face at rest: a closed form, checked by hand, and what a model makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fake import identities

from kaoiro.core.errors import DataError, InputError
from kaoiro.data.subjects import SubjectsConfig
from kaoiro.families.identity_expression.config import NetworkConfig, ObjectiveConfig, RunConfig
from kaoiro.families.identity_expression.network import Network
from kaoiro.families.identity_expression.painter import FINEST, Canvas, Painter, expanded, terms
from kaoiro.families.identity_expression.recipe import IMPROVED, Recipe
from kaoiro.inference.exchange import Exchanger
from kaoiro.training import exchange, painting
from kaoiro.training.exchange_export import export
from kaoiro.training.latents import Learned


def small(root: Path) -> Recipe:
    network = NetworkConfig(side=16, patches=8, expression=12, painted=6)
    return Recipe(
        data=SubjectsConfig(root=str(root / "syn-id"), fold=0),
        network=network,
        objective=ObjectiveConfig(adversarial=0.0, switch=0.0),
        run=RunConfig(iterations=0),
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    identities.write(folder)
    return folder


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> exchange.Trained:
    return exchange.fit(small(root), tmp_path_factory.mktemp("run"), lambda _: None)


def test_terms_are_numbers_and_products_of_the_first() -> None:
    codes = torch.tensor([[2.0, 3.0, 5.0]])
    assert expanded(codes, 2).tolist() == [[2, 3, 4, 6, 9]]
    assert terms(2) == 5
    assert terms(64) == 64 + 300
    assert expanded(torch.zeros(4, 70), 64).shape == (4, terms(64))


def test_strokes_are_those_that_made_the_pictures() -> None:
    rng = np.random.default_rng(0)
    shown, true = rng.normal(size=(4000, 3)), rng.normal(size=(3, 5))
    groups = np.repeat(np.arange(400), 10)
    rest = rng.normal(size=(400, 5))[groups]  # who somebody is: the same within a group
    mix, found = painting.strokes(shown, rest + shown @ true, groups.astype(str))
    assert (mix.shape, found.shape) == ((3, 3), (5, 3))
    # within groups of ten a term's sum of squares is 9/10 of 4000; the ridge adds 0.3 of that, which shrinks by 1.3
    np.testing.assert_allclose((found @ mix).T, true / (1 + painting.RIDGE), atol=0.06)


def test_few_strokes_paint_what_changes_most(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    shown, groups = rng.normal(size=(2000, 3)), np.repeat(np.arange(200), 10).astype(str)
    pictures = shown @ np.diag([5.0, 3.0, 0.1])
    monkeypatch.setattr(painting, "STROKES", 2)
    mix, found = painting.strokes(shown, pictures, groups)
    assert (mix.shape, found.shape) == ((2, 3), (3, 2))
    painted = found @ mix * (1 + painting.RIDGE)
    np.testing.assert_allclose(painted, np.diag([5.0, 3.0, 0]), atol=0.15)


def test_nothing_can_be_painted_after_clips_of_one_face() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 2))
    with pytest.raises(DataError, match="only be learned from clips of several different faces"):
        painting.strokes(rows, rows, np.array(list("abcdef")))


def test_a_picture_is_its_rest_and_what_its_code_paints(trained: exchange.Trained) -> None:
    learned, faces = trained.learned, trained.people.unseen
    codes = learned.encode(faces.pixels)
    assert codes.identity.shape == (len(faces), 3 * 16**2)
    again = learned.decode(codes.identity, codes.expression)
    assert np.abs(again.astype(int) - faces.pixels).max() <= 1
    assert trained.schedule.stages == ()
    assert trained.history["stages"][0]["kind"] == "still"


def test_an_exchange_moves_a_face_towards_the_expression(trained: exchange.Trained) -> None:
    learned, people = trained.learned, trained.people.seen
    clips, subjects = np.asarray(people.clips), np.asarray(people.subjects)
    first, other = np.unique(subjects)[:2]
    rows = {name: np.flatnonzero(subjects == name) for name in (first, other)}
    codes = learned.encode(people.pixels)
    own = rows[first][0]
    nearer = []
    for source in rows[other]:
        wished = rows[first][clips[rows[first]] == clips[source]]
        label = people.labels["expression"]
        wished = rows[first][label[rows[first]] == label[source]]
        if label[own] == label[source] or not len(wished):
            continue
        made = learned.decode(codes.identity[[own]], codes.expression[[source]])[0].astype(float)
        truth = people.pixels[wished[0]].astype(float)
        nearer.append(np.abs(made - truth).mean() < np.abs(people.pixels[own].astype(float) - truth).mean())
    assert np.mean(nearer) > 0.7


def test_the_graphs_that_ship_do_the_same(trained: exchange.Trained, tmp_path: Path) -> None:
    description = export(trained, "improved", tmp_path, "painted")
    assert description.identity == 3 * 16**2
    assert description.same_person is None  # a picture is no code of who somebody is
    exchanger, pixels = Exchanger(tmp_path), trained.people.unseen.pixels
    own, theirs = trained.learned.encode(pixels), exchanger.encode(pixels)
    np.testing.assert_allclose(theirs.expression, own.expression, atol=0.1)
    made = trained.learned.decode(own.identity[:5], own.expression[5:10])
    again = exchanger.decode(own.identity[:5], own.expression[5:10])
    assert np.abs(made.astype(int) - again).mean() < 2


def test_large_pictures_are_painted_coarsely() -> None:
    painter = Painter(4, 64)
    assert painter.grid == FINEST
    painter.strokes.fill_(0.01)
    painter.mix[0].fill_(1)
    assert painter(torch.ones(2, 9)).shape == (2, 3 * 64**2)
    torch.testing.assert_close(painter(torch.ones(1, 4)), torch.full((1, 3 * 64**2), 0.01 * terms(4)))
    assert Painter(4, 16).grid == 16
    assert isinstance(Network(NetworkConfig(side=16, patches=8, painted=4)).decoder, Canvas)


@pytest.mark.parametrize(
    "network",
    [
        NetworkConfig(painted=4),
        NetworkConfig(patches=8, painted=65),
        NetworkConfig(patches=8, painted=-1),
        NetworkConfig(form="vae", patches=8, painted=4),
    ],
)
def test_what_cannot_paint_is_refused(network: NetworkConfig) -> None:
    with pytest.raises(InputError, match=r"network\.painted must be at most network\.expression"):
        network.check()


def test_a_painter_has_no_stages() -> None:
    IMPROVED.check()
    with pytest.raises(InputError, match=r"run\.iterations must be 0 where network\.painted leaves nothing to learn"):
        Recipe(network=IMPROVED.network).check()


def test_a_finished_run_is_not_learned_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = exchange.fit(small(root), tmp_path, lambda _: None)
    monkeypatch.setattr(painting, "learn", pytest.fail)
    again = exchange.fit(small(root), tmp_path, lambda _: None)
    pixels = first.people.unseen.pixels[:4]
    found = [Learned(one.objective.network).encode(pixels).expression for one in (first, again)]
    np.testing.assert_array_equal(*found)
