"""Learn the expression code of patches: a dictionary, principal components, and what varies within people.

Nothing is trained by gradients and no label of an expression is used. Patches of any faces make the dictionary; the
faces' features are turned to their principal components; of known people it is then found in which directions they
vary within themselves and differ little from each other, which is Fisher's discriminant of identity turned around. A
code is the best linear guess of how far a face is from the mean of its person, who need not be known: in directions in
which people vary within themselves by 1 and between each other by 1 / l, that guess is l / (1 + l) of the distance from
everybody's mean (Henderson, "Best linear unbiased estimation and prediction under a selection model", Biometrics 1975).
It is eq. (6) of the source, f_ij = x_ij - mean_k x_ik, for people of whom there is one picture.
Legend:  N faces, K atoms, P side of a patch, F features, D components, E numbers of the code.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.data.subjects import People
from kaoiro.faces.align import to_luma
from kaoiro.families.identity_expression.network import PatchEncoder
from kaoiro.families.identity_expression.objective import pictures
from kaoiro.families.identity_expression.patches import PATCH, contrasted
from kaoiro.families.identity_expression.patches import SIDE as CUT
from kaoiro.families.identity_expression.views import sized

_PATCHES, _ROUNDS = 60_000, 10  # patches that atoms are learned from; rounds of k-means
FACES = 10_000  # faces by which components and directions are found, at most
COMPONENTS = 400  # among which directions are looked for
_MORE, _TURNS = 50, 3  # projections beyond those asked for, and how often they are turned towards the components
_STILL = 1e-6  # deviation below which nothing varies
_EASED = 0.1  # added to the variances that whitening evens out, those of a patch of contrast being about 1
_AT_ONCE = 16  # few, so that memory is used again and not asked for anew


def learn(encoder: PatchEncoder, faces: np.ndarray, people: Faces | None, seed: int = 0) -> None:
    """Learn an encoder's dictionary and its linear layer.

    Args:
        encoder: of patches; changed.
        faces: (N, s, s) uint8 grey, of which nothing need be known.
        people: faces of known subjects, by which the code is freed of who somebody is; without them it has the
            components themselves, each of deviation 1.
        seed: of the patches that are drawn.

    Raises:
        DataError: too few faces, or all alike.
    """
    size, rng = len(encoder.shift), np.random.default_rng(seed)
    chosen = drawn(faces, rng)
    encoder.trunk.learned(*dictionary(chosen, len(encoder.trunk.atoms), rng))
    mean, axes, spread = components(features(encoder, chosen), max(size, COMPONENTS), seed)
    if len(spread) < size:
        raise DataError(f"{len(chosen)} faces give {len(spread)} components, fewer than a code of {size} needs")
    turn = (axes / spread)[:, :size]
    if people is not None:
        assert people.subjects is not None
        rows = np.sort(rng.permutation(len(people))[:FACES])
        known = (features(encoder, people.pixels[rows]) - mean) @ axes
        turn = axes @ within(known, people.subjects[rows])[:, :size]
    encoder.turn.copy_(torch.from_numpy(turn.T.astype(np.float32)))
    encoder.shift.copy_(torch.from_numpy(-(mean @ turn).astype(np.float32)))


def drawn(faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return so many of the faces that components can be found by them."""
    return faces[np.sort(rng.permutation(len(faces))[:FACES])]


def components(rows: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean (F,), the directions (F, D) in which rows (N, F) vary most, and deviations (D,) along them.

    They are found in random projections (Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review
    2011): there are thousands of features.

    Raises:
        DataError: rows that do not vary.
    """
    mean = rows.mean(axis=0)
    wished = min(count, *rows.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        more = min(wished + _MORE, *rows.shape)
        _, values, axes = torch.svd_lowrank(torch.from_numpy(rows - mean), more, niter=_TURNS)
    spread = values[:wished].numpy() / len(rows) ** 0.5
    kept = spread > max(_STILL, 1e-4 * float(spread[0]))
    if not kept.any():
        raise DataError("the faces that patches are learned from are all alike")
    return mean, axes[:, :wished].numpy()[:, kept], spread[kept]


def within(rows: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return what turns components into guesses of the distance from the person's mean: (D, D), the surest first.

    Column e holds a direction in which people vary within themselves by 1, times l / (1 + l), l being the variance
    within people through that between them. The mean variance between people is added to the latter in all directions:
    few people say little about small differences.

    Args:
        rows: (N, D).
        subjects: (N,) names.

    Raises:
        DataError: fewer than two people, or people who do not vary.
    """
    names, index = np.unique(subjects, return_inverse=True)
    if len(names) < 2:
        raise DataError("who somebody is can only be left out with faces of two or more people")
    means = np.zeros((len(names), rows.shape[1]))
    np.add.at(means, index, rows)
    means /= np.bincount(index)[:, None]
    apart = rows - means[index]
    inside, between = apart.T @ apart / len(rows), np.atleast_2d(np.cov(means.T))
    between = between + np.eye(len(between)) * np.trace(between) / len(between)
    if between.trace() <= 0:
        raise DataError("people whose faces are all alike in the mean cannot be told apart")
    root = np.linalg.inv(np.linalg.cholesky(between))
    ratios, vectors = np.linalg.eigh(root @ inside @ root.T)
    ratios, vectors = ratios[::-1], vectors[:, ::-1]
    if ratios[0] <= 0:
        raise DataError("the faces of every person are all alike")
    ratios = ratios.clip(min=ratios[0] * 1e-6)
    return root.T @ vectors * (np.sqrt(ratios) / (1 + ratios))


def grey(people: People) -> np.ndarray:
    """Return the faces that patches are learned from: those of whom nothing is known, or else all, (N, s, s) uint8."""
    if people.unlabelled is not None:
        return people.unlabelled
    return greyed(people.training.pixels)


def greyed(pixels: np.ndarray) -> np.ndarray:
    """Return faces (N, s, s, 3) uint8 in grey: (N, s, s)."""
    return np.stack([to_luma(face) for face in pixels])


@torch.no_grad()
def features(encoder: PatchEncoder, pixels: np.ndarray) -> np.ndarray:
    """Return features (N, F) of faces (N, s, s, 3) or grey (N, s, s) uint8."""
    parts = []
    pixels = pixels if pixels.ndim == 4 else np.broadcast_to(pixels[..., None], (*pixels.shape, 3))
    for start in range(0, len(pixels), _AT_ONCE):
        part = pictures(torch.from_numpy(np.ascontiguousarray(pixels[start : start + _AT_ONCE])))
        parts.append(encoder.trunk(sized(part, encoder.trunk.side)).numpy())
    return np.concatenate(parts)


def dictionary(faces: np.ndarray, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return atoms (K, P P), unit vectors among whitened patches, and the whitening (P P, P P).

    Spherical k-means (Coates and Ng, 2012): a patch belongs to the atom of the largest cosine; one that nothing belongs
    to begins anew at a random patch.

    Args:
        faces: (N, s, s) uint8.
        count: K.
        rng: of the patches.

    Raises:
        DataError: fewer patches than atoms.
    """
    sides = sized(torch.from_numpy(faces)[:, None].float() / 255, CUT)[:, 0].numpy()
    places = rng.integers(0, CUT - PATCH + 1, (2, _PATCHES))
    which = rng.integers(0, len(sides), _PATCHES)
    cut = np.lib.stride_tricks.sliding_window_view(sides, (PATCH, PATCH), axis=(1, 2))
    patches = contrasted(torch.from_numpy(cut[which, places[0], places[1]].reshape(_PATCHES, -1)))
    if count > len(patches):
        raise DataError(f"{count} atoms cannot be learned from {len(patches)} patches")
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    whitening = vectors @ torch.diag((values.clamp(min=0) + _EASED) ** -0.5) @ vectors.T
    white = torch.nn.functional.normalize(patches @ whitening, dim=1)
    atoms = white[torch.from_numpy(rng.permutation(len(white))[:count])]
    for _ in range(_ROUNDS):
        owner = (white @ atoms.T).argmax(dim=1)
        sums = torch.zeros_like(atoms).index_add_(0, owner, white)
        lonely = torch.bincount(owner, minlength=count) == 0
        drawn = torch.from_numpy(rng.integers(0, len(white), int(lonely.sum())))
        sums[lonely] = white[drawn]
        atoms = torch.nn.functional.normalize(sums, dim=1)
    return atoms, whitening
