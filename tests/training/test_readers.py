"""Readers learn which side of a face does something, and their graph says what the network says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.sessions import open_session
from kaoiro.evaluation.readers import Seen
from kaoiro.inference.words.readers import SIDE, SIGNS, Readers
from kaoiro.training import readers
from kaoiro.training.readers import Network, ReaderConfig

QUICK = ReaderConfig(epochs=12, batch=32)


def drawn(count: int, seed: int) -> Seen:
    """Draw faces whose every sign is a dark spot in a place of its own on one side, or on both."""
    rng = np.random.default_rng(seed)
    there = rng.random((count, len(SIGNS), 2)) < 0.4
    pixels = rng.integers(150, 170, (count, SIDE, SIDE)).astype(np.uint8)
    for face, sign, side in np.argwhere(there):
        left = 30 if side == 0 else 8  # the subject's left lies to the right
        pixels[face, 2 + 11 * sign : 11 + 11 * sign, left : left + 10] = 20
    nothing, people = np.zeros(count), np.array([f"p{face}" for face in range(count)])
    return Seen(pixels, there.astype(np.float64), nothing, people, np.full(count, "low"))


@pytest.fixture(scope="module")
def network() -> Network:
    return readers.fit(drawn(384, 1), QUICK, threads=1)


@pytest.fixture(scope="module")
def opened(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Readers:
    path = tmp_path_factory.mktemp("readers") / "readers.onnx"
    path.write_bytes(readers.graph(network))
    return Readers(open_session(path, 1))


def test_a_network_learns_what_each_side_does(opened: Readers) -> None:
    faces = drawn(100, 2)
    right = (opened.sides(faces.pixels) > 0) == (faces.intensities > 0.5)
    assert right.mean() > 0.9


def test_the_graph_says_what_the_network_says_of_both_sides(network: Network, opened: Readers) -> None:
    faces = drawn(20, 3).pixels
    with torch.no_grad():
        crops = torch.from_numpy(faces)[:, None]
        wanted = readers.BothSides(network)(crops).numpy()
        mirrored = network(crops.flip(3).float()).numpy()
    np.testing.assert_array_equal(wanted[:, :, 1], mirrored)
    assert np.abs(opened.sides(faces) - wanted).max() < 0.35, "weights are rounded to 8 bits"


def test_the_same_seed_gives_the_same_network() -> None:
    short = ReaderConfig(epochs=1, batch=32)
    one, other, third = (
        readers.fit(drawn(64, 1), config).state_dict()
        for config in (short, short, ReaderConfig(epochs=1, batch=32, seed=1))
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], third[name]) for name in one)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = Network()
    network(255 * torch.rand(8, 1, SIDE, SIDE)).square().sum().backward()
    lost = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert lost == []


def test_light_and_place_change_faces_and_keep_their_shape() -> None:
    torch.manual_seed(0)
    faces = torch.from_numpy(drawn(16, 1).pixels)[:, None]
    found = readers.changed(faces)
    assert found.shape == faces.shape and torch.isfinite(found).all()
    assert (found - faces.float()).abs().mean(dim=(1, 2, 3)).min() > 1


def test_too_few_faces_and_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="8 faces to learn readers from; at least 32 are needed"):
        readers.fit(drawn(8, 1), QUICK)
    with pytest.raises(InputError, match="epochs"):
        ReaderConfig(epochs=0)
