"""Learn what a code of expression paints over a face at rest, by ridge regression within clips.

Within a clip who, light and background are the same, so that pictures and codes less the clip's means differ by what
the face does, and by little else. No label of an expression is used.
Legend:  N faces, T terms of a code, R strokes, P values of a picture.
"""

from __future__ import annotations

import numpy as np
import torch

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.families.identity_expression.network import Network
from kaoiro.families.identity_expression.painter import STROKES, Canvas, expanded
from kaoiro.families.identity_expression.views import sized
from kaoiro.training.latents import Learned
from kaoiro.training.patches import FACES

RIDGE = 0.3
"""Through the mean variance of a term: what is added to all of them. Few clips say little about rare terms."""


def learn(network: Network, faces: Faces, seed: int = 0) -> None:
    """Learn a network's painter; its encoder of expression must have been learned.

    Args:
        network: that paints; changed.
        faces: to learn from, with clips, or else subjects.
        seed: of the faces that are taken.

    Raises:
        DataError: every clip has one face.
    """
    assert isinstance(network.decoder, Canvas)
    rows = np.sort(np.random.default_rng(seed).permutation(len(faces))[:FACES])
    some = faces.rows(rows)
    groups = some.subjects if some.clips is None else some.clips
    assert groups is not None
    codes = Learned(network).encode(some.pixels).expression
    shown = expanded(torch.from_numpy(codes), network.config.painted).numpy()
    painter = network.decoder.painter
    seen = sized(torch.from_numpy(some.pixels).permute(0, 3, 1, 2).float() / 255, painter.grid)
    mix, found = strokes(shown, seen.flatten(1).numpy(), groups)
    painter.mix[: len(mix)].copy_(torch.from_numpy(mix))
    painter.strokes[:, : len(mix)].copy_(torch.from_numpy(found))


def strokes(shown: np.ndarray, pictures: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how terms mix into strokes, (R, T), and what each stroke paints, (P, R).

    Of all that the regression paints these are the directions in which it paints most: reduced-rank regression with a
    ridge (Mukherjee and Zhu, "Reduced Rank Ridge Regression and Its Kernel Extensions", 2011).

    Args:
        shown: (N, T) terms of codes.
        pictures: (N, P).
        groups: (N,) names; only what differs within a group is learned.

    Raises:
        DataError: nothing differs within groups.
    """
    terms, differences = within(shown, groups), within(pictures, groups)
    gram = terms.T @ terms
    mean = float(np.trace(gram)) / len(gram)
    if mean <= 0:
        raise DataError("what an expression paints can only be learned from clips of several different faces")
    ridged = gram + RIDGE * mean * np.eye(len(gram))
    weights = np.linalg.solve(ridged, terms.T @ differences)
    _, _, axes = np.linalg.svd(np.linalg.cholesky(ridged).T @ weights, full_matrices=False)
    found = axes[:STROKES].T
    return (weights @ found).T.astype(np.float32), found.astype(np.float32)


def within(rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return rows (N, D) without the mean of their group."""
    names, index = np.unique(groups, return_inverse=True)
    means = np.zeros((len(names), rows.shape[1]), np.float64)
    np.add.at(means, index, rows)
    return rows - (means / np.bincount(index)[:, None])[index]
