from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
import torch.nn.functional as F

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.data.subjects import People
from kaoiro.evaluation.people import read
from kaoiro.faces.align import to_luma
from kaoiro.families.identity_expression.config import NetworkConfig, RunConfig
from kaoiro.families.identity_expression.network import Network, PatchEncoder
from kaoiro.families.identity_expression.objective import pictures
from kaoiro.families.identity_expression.patches import PATCH, PLACES, SIDE, Patches, contrasted
from kaoiro.families.identity_expression.recipe import RECIPES
from kaoiro.inference.exchange import Exchanger
from kaoiro.training import exchange, exchange_export, latents, patches, snapshots
from kaoiro.training.exchange import Trained, fit

TINY = RECIPES["tiny"]
SMALL = replace(
    TINY,
    data=replace(TINY.data, count=8, pictures=7),
    network=NetworkConfig(side=16, width=8, identity=5, expression=4, patches=8),
    run=RunConfig(epochs=2, batch=16),
)


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module", autouse=True)
def few() -> Iterator[None]:
    """Learn dictionaries from few patches, which takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patches, "_PATCHES", 3000)
        patch.setattr(patches, "_ROUNDS", 4)
        yield


@pytest.fixture(scope="module")
def people() -> People:
    return read(SMALL.data, 16)


@pytest.fixture(scope="module")
def large() -> np.ndarray:
    """Return faces of the side that patches are cut from."""
    pixels = read(SMALL.data, 64).training.pixels
    mean = pixels.reshape(len(pixels), 32, 2, 32, 2, 3).mean(axis=(2, 4))
    return np.pad(mean, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge").astype(np.uint8)


@pytest.fixture(scope="module")
def encoder(people: People) -> PatchEncoder:
    return learned(people)


def learned(people: People, seed: int = 0, known: bool = True, **changes: Any) -> PatchEncoder:
    network = replace(SMALL.network, **changes)
    made = PatchEncoder(network, network.expression)
    patches.learn(made, patches.grey(people), people.training if known else None, seed)
    return made


def of_side(encoder: PatchEncoder, side: int) -> PatchEncoder:
    """Return an encoder that knows the same and sees pictures of another side."""
    trunk = Patches(len(encoder.trunk.atoms), side)
    trunk.load_state_dict(encoder.trunk.state_dict())
    other = copy.deepcopy(encoder)
    other.trunk = trunk
    return other


@torch.no_grad()
def means(encoder: PatchEncoder, pixels: np.ndarray) -> np.ndarray:
    return encoder(pictures(torch.from_numpy(pixels))).mean.numpy()


# What varies within people


def crossed(means: tuple[float, float], apart: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return four people about 0 with four faces each, whose two numbers vary by themselves."""
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    rows = (corners * means)[:, None] + corners * apart
    return rows.reshape(-1, 2), np.repeat(["a", "b", "c", "d"], 4)


def test_directions_and_weights_by_hand() -> None:
    """Between people 4/3 of 9 and of 1, plus their mean 20/3 in both directions; within them 1 and 4."""
    rows, subjects = crossed((3, 1), (1, 2))
    first, second = 4 / (4 / 3 + 20 / 3), 1 / (12 + 20 / 3)  # variance within through that between
    found = patches.within(rows, subjects)
    wished = np.zeros((2, 2))
    wished[1, 0] = first / (1 + first) / 2  # the surest first: the second number, which varies by 2 within people
    wished[0, 1] = second / (1 + second) / 1
    assert np.abs(found) == pytest.approx(wished, abs=1e-12)
    assert (rows @ found).std(axis=0)[0] > (rows @ found).std(axis=0)[1]


def test_a_code_is_the_best_linear_guess_of_the_distance_from_the_persons_mean() -> None:
    """Least squares from faces of many people finds the same, where what is added between them is really there."""
    rows, subjects = crossed((3, 1), (1, 2))
    found = np.abs(patches.within(rows, subjects))
    rng = np.random.default_rng(0)
    between = np.diag([12, 4 / 3]) + np.eye(2) * 20 / 3
    apart = rng.normal(size=(200_000, 2)) * (1, 2)
    faces = apart + rng.normal(size=apart.shape) @ np.linalg.cholesky(between).T
    slopes = np.linalg.lstsq(faces, apart / (1, 2), rcond=None)[0]
    assert slopes[:, ::-1] == pytest.approx(found, abs=2e-3)


def world(rng: np.random.Generator, turn: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return faces of people, who they are, and what they do: three numbers of each, turned together."""
    who = np.repeat(np.arange(count), 12)
    does = rng.normal(size=(len(who), 3))
    shown = np.column_stack([3 * rng.normal(size=(count, 3))[who], does, 0.1 * rng.normal(size=(len(who), 2))])
    return shown @ turn.T, who, does


def test_codes_of_unseen_people_say_what_they_do_and_not_who_they_are() -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    rows, subjects, _ = world(rng, turn, 60)
    found = patches.within(rows, subjects.astype(str))[:, :3]
    faces, who, does = world(rng, turn, 40)
    _, axes, _ = patches.components(rows.astype(np.float32), 3, 0)
    assert latents.between(faces @ axes, who) > 0.8
    codes = faces @ found
    assert latents.between(codes, who) < 0.1
    left = does - codes @ np.linalg.lstsq(codes, does, rcond=None)[0]
    assert (left**2).sum() < 0.05 * (does**2).sum()


def test_a_code_is_told_by_subjects_alone(people: People, encoder: PatchEncoder) -> None:
    again = learned(replace(people, training=replace(people.training, labels={}, targets={})))
    assert torch.equal(again.turn, encoder.turn)
    faces = people.training
    assert faces.subjects is not None
    other = learned(replace(people, training=replace(faces, subjects=np.roll(faces.subjects, 3))))
    assert not torch.allclose(other.turn, encoder.turn)
    plain = learned(people, known=False)
    within, between = (latents.between(means(one, faces.pixels), faces.subjects) for one in (encoder, plain))
    assert within < 0.5 * between


def test_what_cannot_be_told_apart_is_refused() -> None:
    rows, subjects = crossed((3, 1), (1, 2))
    with pytest.raises(DataError, match="faces of two or more people"):
        patches.within(rows, np.repeat("a", len(rows)))
    with pytest.raises(DataError, match="faces of every person are all alike"):
        patches.within(rows[::4], subjects[::4])  # one picture of each
    with pytest.raises(DataError, match="faces of every person are all alike"):
        patches.within(np.repeat(rows[::4], 2, axis=0), np.repeat(subjects[::4], 2))


# Components


def test_components_are_those_of_the_covariance() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(60, 12)) * np.geomspace(5, 0.5, 12) + 3) @ np.linalg.qr(rng.normal(size=(12, 12)))[0]
    rows = rows.astype(np.float32)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    mean, axes, spread = patches.components(rows, 5, 0)
    assert torch.equal(before, torch.get_rng_state())
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
    assert mean == pytest.approx(rows.mean(axis=0), abs=1e-5)
    assert spread == pytest.approx(np.sqrt(values[::-1][:5]), rel=1e-4)
    assert np.abs(axes.T @ vectors[:, ::-1][:, :5]) == pytest.approx(np.eye(5), abs=1e-3)


def test_directions_in_which_nothing_varies_are_left_out() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(50, 3)) @ rng.normal(size=(3, 20))).astype(np.float32)
    _, axes, spread = patches.components(rows, 10, 0)
    assert (axes.shape, spread.shape) == ((20, 3), (3,))
    with pytest.raises(DataError, match="are all alike"):
        patches.components(np.ones((9, 4), np.float32), 3, 0)


def test_without_people_a_code_has_the_components_each_of_deviation_1(people: People) -> None:
    faces = replace(people, unlabelled=patches.grey(people))
    codes = means(learned(faces, known=False), people.training.pixels)
    assert codes.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.05)
    assert np.cov(codes.T, bias=True) == pytest.approx(np.eye(4), abs=0.05)


# The dictionary


def test_atoms_are_unit_vectors_and_the_same_for_the_same_seed(people: People) -> None:
    faces = patches.grey(people)
    (atoms, whitening), again, other = (patches.dictionary(faces, 8, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (atoms.shape, whitening.shape) == ((8, PATCH**2), (PATCH**2, PATCH**2))
    torch.testing.assert_close(atoms.norm(dim=1), torch.ones(8))
    assert torch.equal(atoms, again[0])
    assert torch.equal(whitening, again[1])
    assert not torch.allclose(atoms, other[0])


def test_whitening_evens_out_what_varies_much() -> None:
    """Deviations are divided by the root of the variance, to which 0.1 is added."""
    faces = np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE)).astype(np.uint8)
    faces[:, :, 1:] = faces[:, :, 1:] // 2 + faces[:, :, :-1] // 2  # neighbours are alike
    _, whitening = patches.dictionary(faces, 8, np.random.default_rng(0))
    cut = np.lib.stride_tricks.sliding_window_view(faces / np.float32(255), (PATCH, PATCH), axis=(1, 2))
    seen = contrasted(torch.from_numpy(cut.reshape(-1, PATCH**2)))
    variances = torch.linalg.eigvalsh(torch.cov(seen.T)).clamp(min=0)
    torch.testing.assert_close(whitening, whitening.T, atol=1e-4, rtol=0)
    found = torch.linalg.eigvalsh(whitening).flip(0)
    assert float(found[0]) == pytest.approx(0.1**-0.5, rel=1e-3)  # brightness, which no patch of contrast has
    torch.testing.assert_close(found, (variances + 0.1) ** -0.5, rtol=0.2, atol=0)


def test_an_atom_to_which_nothing_belongs_begins_anew() -> None:
    """Pictures of a few different patches leave most atoms alone, and all stay unit vectors."""
    stripes = np.tile(np.repeat([0, 255], 3).astype(np.uint8), 6)
    faces = np.broadcast_to(stripes, (4, SIDE, SIDE))
    atoms, _ = patches.dictionary(np.ascontiguousarray(faces), 20, np.random.default_rng(0))
    torch.testing.assert_close(atoms.norm(dim=1), torch.ones(20))


def test_faces_that_give_too_little_are_refused(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    even = np.full((30, 16, 16), 90, np.uint8)
    with pytest.raises(DataError, match="the faces that patches are learned from are all alike"):
        learned(replace(people, unlabelled=even))
    some = patches.grey(people)[:4]
    with pytest.raises(DataError, match="4 faces give 3 components, fewer than a code of 4 needs"):
        learned(replace(people, unlabelled=some))
    alone = people.training.rows(people.training.subjects == np.unique(people.training.subjects)[0])  # type: ignore
    with pytest.raises(DataError, match="faces of two or more people"):
        learned(replace(people, training=alone))
    monkeypatch.setattr(patches, "_PATCHES", 7)
    with pytest.raises(DataError, match="8 atoms cannot be learned from 7 patches"):
        learned(people)


def test_many_faces_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "FACES", 5)
    found = patches.drawn(np.arange(40), np.random.default_rng(0))
    assert len(set(found.tolist())) == 5
    assert found.tolist() == sorted(found)
    assert patches.drawn(np.arange(3), np.random.default_rng(0)).tolist() == [0, 1, 2]


# Features


@torch.no_grad()
def test_features_say_how_much_of_an_atom_is_in_a_place(large: np.ndarray) -> None:
    grey = np.stack([to_luma(face) for face in large])
    atoms, whitening = patches.dictionary(grey, 8, np.random.default_rng(0))
    trunk = Patches(8, SIDE)
    trunk.learned(atoms, whitening)
    face = torch.from_numpy(grey[0].copy()).float() / 255
    found = trunk(face.expand(1, 3, -1, -1)).reshape(8, PLACES, PLACES)
    white = contrasted(face.unfold(0, PATCH, 1).unfold(1, PATCH, 1).reshape(-1, PATCH**2)) @ whitening
    cosine = (white @ atoms.T) / (white.norm(dim=1, keepdim=True) + 0.01)
    alike = (cosine - 0.35).clamp(min=0).reshape(31, 31, 8)
    wished = [[alike[6 * y : 6 * y + 7, 6 * x : 6 * x + 7].mean(dim=(0, 1)) for x in range(5)] for y in range(5)]
    wished = torch.stack([torch.stack(row) for row in wished]).permute(2, 0, 1).sqrt()
    assert float(wished.max()) > 0.3
    torch.testing.assert_close(found, wished, atol=2e-3, rtol=1e-2)


@torch.no_grad()
def test_features_know_no_brightness_and_hardly_contrast(encoder: PatchEncoder, large: np.ndarray) -> None:
    encoder = of_side(encoder, SIDE)
    faces = pictures(torch.from_numpy(large))
    own = encoder.trunk(0.5 * faces)
    torch.testing.assert_close(encoder.trunk(0.5 * faces + 0.4), own, atol=2e-2, rtol=0)
    lower, less = encoder.trunk(faces), (own - encoder.trunk(faces)).square().mean()
    assert float(less) < 0.02 * float((lower - lower.mean(dim=0)).square().mean())
    assert float(encoder.trunk(torch.full((1, 3, SIDE, SIDE), 0.5)).max()) < 1e-3


def test_grey_faces_have_the_features_of_coloured_ones_of_equal_channels(encoder: PatchEncoder, people: People) -> None:
    grey = patches.grey(people)
    assert grey.shape == (42, 16, 16)
    assert grey.dtype == np.uint8
    coloured = patches.features(encoder, np.stack([grey] * 3, axis=-1))
    assert np.array_equal(patches.features(encoder, grey), coloured)
    near = patches.features(encoder, people.training.pixels)
    assert np.corrcoef(near.ravel(), coloured.ravel())[0, 1] > 0.99  # the grey one is rounded


def test_faces_of_whom_nothing_is_known_come_first(people: People) -> None:
    unknown = np.zeros((3, 48, 48), np.uint8)
    assert patches.grey(replace(people, unlabelled=unknown)) is unknown
    assert np.array_equal(patches.grey(people)[0], to_luma(people.training.pixels[0]))


@torch.no_grad()
@pytest.mark.parametrize("side", [16, 32, 48, 64, 128])
def test_faces_may_have_any_side(encoder: PatchEncoder, side: int) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, side, side, 3)).astype(np.uint8)
    assert patches.features(encoder, pixels).shape == (20, 8 * PLACES**2)
    assert means(of_side(encoder, side), pixels).shape == (20, 4)


@torch.no_grad()
@pytest.mark.parametrize("side", [16, 32, 64])
def test_codes_are_learned_from_the_features_that_the_network_sees(encoder: PatchEncoder, side: int) -> None:
    pixels, encoder = read(SMALL.data, side).training.pixels, of_side(encoder, side)
    seen = encoder.trunk(pictures(torch.from_numpy(pixels))).numpy()
    assert patches.features(encoder, pixels) == pytest.approx(seen, abs=1e-3)


@torch.no_grad()
def test_an_enlarged_face_has_nearly_the_same_features(encoder: PatchEncoder, large: np.ndarray) -> None:
    faces = pictures(torch.from_numpy(large[:5]))
    twice = faces.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    once, doubled = of_side(encoder, SIDE), of_side(encoder, 2 * SIDE)
    found = torch.stack([doubled.trunk(twice).flatten(), once.trunk(faces).flatten()])
    assert float(torch.corrcoef(found)[0, 1]) > 0.9  # shrinking evens out what stands on the edge of a pixel


# The encoder


def test_the_gradient_of_a_code_reaches_every_pixel(encoder: PatchEncoder, people: People) -> None:
    given = pictures(torch.from_numpy(people.training.pixels[:3])).contiguous().requires_grad_()
    posterior = encoder(given)
    posterior.mean.square().sum().backward()
    assert given.grad is not None
    assert torch.isfinite(given.grad).all()
    assert float((given.grad != 0).float().mean()) > 0.95
    even = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    encoder(even).mean.sum().backward()
    assert even.grad is not None
    assert torch.isfinite(even.grad).all()


def test_only_the_variance_learns(encoder: PatchEncoder, people: People) -> None:
    assert [name for name, _ in encoder.named_parameters()] == ["logvar"]
    posterior = encoder(pictures(torch.from_numpy(people.training.pixels[:3])))
    assert torch.equal(posterior.logvar, torch.full((3, 4), -4.0))
    with torch.no_grad():
        wild = PatchEncoder(SMALL.network, 4)
        wild.logvar.fill_(99)
        assert float(wild(torch.rand(2, 3, 16, 16)).logvar.max()) == 10


@torch.no_grad()
def test_codes_are_linear_in_the_features(encoder: PatchEncoder, people: People) -> None:
    faces = pictures(torch.from_numpy(people.training.pixels))
    wished = encoder.trunk(faces) @ encoder.turn.T + encoder.shift
    torch.testing.assert_close(encoder(faces).mean, wished)
    assert means(encoder, people.training.pixels).mean(axis=0) == pytest.approx(np.zeros(4), abs=0.2)


# Runs


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("patches")


@pytest.fixture(scope="module")
def trained(people: People, folder: Path, lines: list[str]) -> Trained:
    return fit(SMALL, folder, lines.append, people)


def test_a_run_learns_the_dictionary_first_and_leaves_it_alone(
    trained: Trained, people: People, folder: Path, lines: list[str], tmp_path: Path
) -> None:
    assert lines[0] == "learning a dictionary of patches"
    before = exchange._Run(SMALL, tmp_path, people, silent).objective.network.expression.state_dict()
    after = trained.objective.network.expression.state_dict()
    assert {name for name, value in after.items() if not torch.equal(value, before[name])} == {"logvar"}
    torch.testing.assert_close(after["turn"], learned(people).turn, atol=1e-2, rtol=1e-2)
    assert [one["kind"] for one in trained.history["stages"]] == ["identity", "expression"]
    faces = people.training.pixels[:6]
    first, second = (snapshots.reopen(path) for path in snapshots.kept(folder))
    assert np.array_equal(first.encode(faces).expression, second.encode(faces).expression)
    assert not np.array_equal(first.encode(faces).identity, second.encode(people.unseen.pixels[:6]).identity)


def test_a_resumed_run_ends_where_an_unbroken_one_does_and_learns_the_dictionary_once(
    trained: Trained, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off in the second epoch, when there is a checkpoint, and in the stage of expression."""
    step = exchange.Objective.training_step
    said: list[str] = []
    for breaks in (3, 3):  # two steps an epoch, two epochs a stage
        steps: list[int] = []

        def counted(self: exchange.Objective, batch: Any, number: int, at: int = breaks, of: list = steps) -> None:
            of.append(number)
            if len(of) > at:
                raise KeyboardInterrupt
            step(self, batch, number)

        monkeypatch.setattr(exchange.Objective, "training_step", counted)
        with pytest.raises(KeyboardInterrupt):
            fit(SMALL, tmp_path, said.append, people)
    monkeypatch.undo()
    monkeypatch.setattr(patches, "learn", pytest.fail)
    again = fit(SMALL, tmp_path, said.append, people).objective.state_dict()
    assert said.count("learning a dictionary of patches") == 1
    assert all(torch.equal(value, again[name]) for name, value in trained.objective.state_dict().items())


def test_patches_are_learned_from_unlabelled_faces_where_there_are_any(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def noted(encoder: PatchEncoder, faces: np.ndarray, known: Faces | None, seed: int) -> None:
        seen.append((faces, known, seed))
        assert len(encoder.shift) == 4

    monkeypatch.setattr(patches, "learn", noted)
    unknown = np.zeros((3, 48, 48), np.uint8)
    recipe = replace(SMALL, run=replace(SMALL.run, seed=5))
    exchange._Run(recipe, tmp_path, replace(people, unlabelled=unknown), silent)
    assert seen[0][0] is unknown
    assert seen[0][1] is people.training
    assert seen[0][2] == 5
    nobody = replace(recipe, data=replace(recipe.data, dataset="unlabelled"))
    exchange._Run(nobody, tmp_path / "nobody", replace(people, unlabelled=unknown), silent)
    assert seen[1][1] is None


def test_a_run_begins_with_the_patches_of_another(
    trained: Trained, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "other.safetensors"
    snapshots.save(trained.objective.network, trained.learned.people, file, half=False)
    monkeypatch.setattr(patches, "learn", pytest.fail)
    begun = replace(SMALL, views=replace(SMALL.views, start=str(file)))
    fresh = exchange._Run(begun, tmp_path / "run", people, silent).objective.network
    for name, value in trained.objective.network.expression.state_dict().items():
        assert torch.equal(fresh.expression.state_dict()[name], value)


@pytest.mark.parametrize("half", [True, False])
def test_snapshots_reopen(trained: Trained, people: People, tmp_path: Path, half: bool) -> None:
    file = tmp_path / "one.safetensors"
    snapshots.save(trained.objective.network, trained.learned.people, file, half)
    again, faces = snapshots.reopen(file), people.training.pixels
    assert isinstance(again.network.expression, PatchEncoder)
    own, theirs = trained.learned.encode(faces), again.encode(faces)
    for first, second in ((own.expression, theirs.expression), (own.identity, theirs.identity)):
        assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.9999
        assert half or np.allclose(first, second, atol=1e-5)


# Export


def test_the_exported_model_answers_what_the_network_answers(trained: Trained, people: People, tmp_path: Path) -> None:
    description = exchange_export.export(trained, "improved", tmp_path, "patches")
    assert description.card.numbers["graph_codes"] > 0.999
    opened, faces = Exchanger(tmp_path), people.unseen.pixels
    for given in (faces[:1], faces[:9]):
        assert opened.encode(given).expression == pytest.approx(trained.learned.encode(given).expression, abs=1e-2)


@torch.no_grad()
@pytest.mark.parametrize("side", [16, 64])
def test_graphs_of_rounded_atoms_are_near_to_the_network(people: People, side: int, tmp_path: Path) -> None:
    """So many atoms that they and the linear layer are stored as whole numbers."""
    config = replace(SMALL.network, side=side, patches=64)
    network = Network(config)
    assert isinstance(network.expression, PatchEncoder)
    patches.learn(network.expression, patches.grey(people), people.training)
    exchange_export.export_graphs(network.eval(), tmp_path)
    session = ort.InferenceSession(str(tmp_path / "encoder.onnx"), providers=["CPUExecutionProvider"])
    pixels = torch.from_numpy(people.training.pixels)
    given = F.interpolate(pictures(pixels), size=(side, side), mode="bilinear").contiguous()
    own = network.codes(given)[1].numpy()
    for count in (1, len(given)):
        (found,) = session.run(["expression"], {"pixels": given[:count].numpy()})
        error = np.square(np.asarray(found) - own[:count]).mean()
        assert error < 1e-3 * np.square(own - own.mean(axis=0)).mean()
