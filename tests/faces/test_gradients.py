from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.faces import gradients
from kaoiro.faces.gradients import CELLS, DIRECTIONS


def shaped(found: np.ndarray) -> np.ndarray:
    return found.reshape(-1, CELLS, CELLS, DIRECTIONS)


def test_a_vertical_edge_counts_for_the_first_direction_of_its_cell() -> None:
    """Two columns see the edge, whose squares (root of the grey value) differ by 1, in six rows of the cell."""
    face = np.zeros((1, 48, 48), np.uint8)
    face[:, :, 21:] = 255
    found = shaped(gradients.histograms(face))[0]
    assert found.shape == (CELLS, CELLS, DIRECTIONS)
    assert np.flatnonzero(found.sum(axis=(0, 2))).tolist() == [3]
    # a column next to the edge sees it from one side: strength 1 each, and at the border no row above or below
    strength = 12.0
    assert found[4, 3, 0] == pytest.approx(strength / np.sqrt(3 * strength**2 + 1e-3), rel=1e-5)
    assert np.abs(found[..., 1:]).max() < 1e-6
    darker = shaped(gradients.histograms(255 - face))[0]
    assert darker[4, 3, DIRECTIONS // 2] == pytest.approx(found[4, 3, 0], rel=1e-5)
    downwards = shaped(gradients.histograms(face.transpose(0, 2, 1)))[0]
    assert downwards[3, 4, DIRECTIONS // 4] == pytest.approx(found[4, 3, 0], rel=1e-5)


def test_directions_between_two_are_shared() -> None:
    rows, columns = np.mgrid[:48, :48]
    turned = np.pi / DIRECTIONS  # halfway between the first direction and the second
    ramp = (np.cos(turned) * columns + np.sin(turned) * rows) / 80
    face = np.round(255 * np.clip(ramp, 0, 1) ** 2).astype(np.uint8)[None]
    middle = shaped(gradients.histograms(face))[0, 4, 4]
    assert middle[0] == pytest.approx(middle[1], rel=0.1)
    assert middle[2:].sum() < 0.1 * middle[:2].sum()


def test_light_and_size_hardly_matter_and_flat_faces_have_none() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0.2, 0.8, (5, 8, 8))
    face = np.kron(coarse, np.ones((6, 6)))
    one, dim = (gradients.histograms((255 * share * face).astype(np.uint8)) for share in (1.0, 0.6))
    assert np.corrcoef(one.ravel(), dim.ravel())[0, 1] > 0.99
    large = gradients.histograms((255 * np.kron(coarse, np.ones((8, 8)))).astype(np.uint8))
    assert np.corrcoef(one.ravel(), large.ravel())[0, 1] > 0.95
    assert not gradients.histograms(np.full((2, 16, 16), 90, np.uint8)).any()
    assert gradients.histograms(np.empty((0, 16, 16), np.uint8)).shape == (0, CELLS * CELLS * DIRECTIONS)


def test_mirrored_histograms_are_those_of_the_mirrored_face() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    found, turned = gradients.histograms(faces), gradients.histograms(faces[:, :, ::-1])
    assert np.abs(gradients.mirrored(found) - turned).max() < 1e-5
    assert np.abs(gradients.symmetrical(found) - gradients.symmetrical(turned)).max() < 1e-5


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="S a multiple of 8"):
        gradients.histograms(np.zeros((2, 20, 20), np.uint8))
    with pytest.raises(InputError, match="S a multiple of 8"):
        gradients.histograms(np.zeros((2, 16, 16, 3), np.uint8))
