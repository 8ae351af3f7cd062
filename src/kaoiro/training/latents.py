"""What codes are like, told without labels: collapse, leakage of identity, and whether exchanged codes come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from kaoiro.core.codes import Codes
from kaoiro.core.errors import InputError
from kaoiro.core.faces import Faces
from kaoiro.families.identity_expression.network import Network, Posterior
from kaoiro.families.identity_expression.objective import pictures
from kaoiro.metrics.probes import active_units

_LOOKED_AT = 512
"""Faces by which codes are described."""
_BATCH = 128
_ROWS = 6  # of a sheet of samples: people learned from; as many others below


class Learned:
    """A network, asked in NumPy; fulfils `core.codes.Exchange`.

    Args:
        network: encoders and decoder.
        people: names of the training subjects in the order of the one-hot, for a network that is told them.
    """

    def __init__(self, network: Network, people: Sequence[str] = ()) -> None:
        self.network, self.people = network.eval(), list(people)
        self._places = {name: place for place, name in enumerate(self.people)}

    @property
    def side(self) -> int:
        """Side of the crops, pixels."""
        return self.network.config.side

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    @torch.no_grad()
    def encode(self, pixels: np.ndarray, subjects: np.ndarray | None = None) -> Codes:
        """Return the means of codes.

        Args:
            pixels: (N, side, side, 3) uint8.
            subjects: (N,) names, for a network that is told them: their one-hot is then the code of identity. None
                and unknown names are told as nobody (zeros).
        """
        told = self._told(len(pixels), subjects)
        parts = [self.network.codes(*self._given(pixels, told, start)) for start in range(0, len(pixels), _BATCH)]
        identity, expression = (torch.cat([part[k] for part in parts]).cpu().numpy() for k in range(2))
        return Codes(identity, expression)

    def _told(self, count: int, subjects: np.ndarray | None) -> np.ndarray:
        told = np.zeros((count, self.network.subjects), np.float32)
        if subjects is not None and self.network.subjects:
            places = np.array([self._places.get(str(name), -1) for name in subjects])
            told[np.flatnonzero(places >= 0), places[places >= 0]] = 1
        return told

    def _given(self, pixels: np.ndarray, told: np.ndarray, start: int) -> tuple[Tensor, Tensor | None]:
        rows = slice(start, start + _BATCH)
        given = pictures(torch.from_numpy(np.ascontiguousarray(pixels[rows])).to(self._device))
        return given, torch.from_numpy(told[rows]).to(self._device) if self.network.subjects else None

    @torch.no_grad()
    def posteriors(self, pixels: np.ndarray, subjects: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return by code, 'identity' or 'expression', means and logarithms of variances: (2, N, D)."""
        told, found = self._told(len(pixels), subjects), {}
        for start in range(0, len(pixels), _BATCH):
            given, known = self._given(pixels, told, start)
            answers: dict[str, Posterior] = {"expression": self.network.expression(given, known)}
            if self.network.identity is not None:
                answers["identity"] = self.network.identity(given)
            for name, posterior in answers.items():
                found.setdefault(name, []).append(torch.stack(posterior).cpu().numpy())
        return {name: np.concatenate(parts, axis=1) for name, parts in found.items()}

    @torch.no_grad()
    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """Return faces (N, side, side, 3) uint8 of codes (N, I) and (N, E)."""
        codes = np.concatenate([identity, expression], axis=1).astype(np.float32)
        starts = range(0, len(codes), _BATCH)
        made = [self.network.decoder(torch.from_numpy(codes[s : s + _BATCH]).to(self._device)) for s in starts]
        pixels = (torch.cat(made) * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def looked_at(faces: Faces, most: int = _LOOKED_AT) -> Faces:
    """Return at most so many faces, always the same."""
    rows = np.random.default_rng(0).permutation(len(faces))[:most]
    return faces.rows(np.sort(rows))


def statistics(learned: Learned, faces: Faces) -> dict[str, float]:
    """Return by code the mean divergence of a unit, active units, and the share of variance between subjects.

    The share is `leakage` of the code of expression, which should hold nothing of it.
    """
    assert faces.subjects is not None
    found: dict[str, float] = {}
    for name, (mean, logvar) in learned.posteriors(faces.pixels, faces.subjects).items():
        found[f"{name}_kl_per_unit"] = float(0.5 * (mean**2 + np.exp(logvar) - logvar - 1).mean())
        found[f"{name}_active_units"] = float(active_units(mean))
        share = "leakage" if name == "expression" else "identity_between_subjects"
        found[share] = between(mean, faces.subjects)
    return found


def between(codes: np.ndarray, groups: np.ndarray) -> float:
    """Return the share of the variance of codes between groups, less what chance gives: ε² of an ANOVA, 0 to 1.

    ε² = (SS_between - (G - 1) MS_within) / SS_total (Kelley, PNAS 21, 1935), sums over all units; about 0 where groups
    do not matter, however many there are. Also 0 where nothing can be told: of codes that do not vary, of one group,
    and of groups of one face each.

    Args:
        codes: (N, D).
        groups: (N,) subjects.
    """
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    total = float((centred**2).sum())
    if len(sizes) < 2 or len(sizes) == len(codes) or total <= 0:
        return 0.0
    sums = np.zeros((len(sizes), codes.shape[1]))
    np.add.at(sums, places, centred)
    explained = float((sums**2 / sizes[:, None]).sum())
    within = (total - explained) / (len(codes) - len(sizes))
    return max(0.0, (explained - (len(sizes) - 1) * within) / total)


def collapsed(figures: Mapping[str, float], kind: str) -> str | None:
    """Return a warning where the code that a stage of this kind trains tells nothing (SPEC 3.7), else None."""
    name = "identity" if kind == "identity" else "expression"
    active = figures[f"{name}_active_units"]
    if active >= 1:
        return None
    return f"the code of {name} has collapsed: none of its units varies over faces; lower --objective.alpha-1"


def cycle(learned: Learned, faces: Faces, seed: int = 0) -> dict[str, float]:
    """Exchange expressions between people and read the codes again: squared error over the variance of the codes.

    0 means that what is put in is found again, 1 that nothing of it is.

    Args:
        learned: with two codes.
        faces: in any order.
        seed: of who is paired with whom.
    """
    assert faces.subjects is not None
    codes = learned.encode(faces.pixels)
    rng = np.random.default_rng(seed)
    others = np.array([rng.choice(np.flatnonzero(faces.subjects != name)) for name in faces.subjects])
    wished = Codes(codes.identity, codes.expression[others])
    again = learned.encode(learned.decode(wished.identity, wished.expression))
    return {
        "cycle_identity": _relative(again.identity, wished.identity),
        "cycle_expression": _relative(again.expression, wished.expression),
    }


def _relative(found: np.ndarray, wished: np.ndarray) -> float:
    spread = float(wished.var(axis=0).sum())
    return float(((found - wished) ** 2).sum(axis=1).mean() / spread) if spread > 0 else 1.0


def criteria(learned: Learned, faces: Faces) -> dict[str, float]:
    """Return what choices are made by, without labels of expressions: `statistics` and, of two codes, `cycle`."""
    assert faces.subjects is not None
    found = statistics(learned, faces)
    two = learned.network.exchanges and len(np.unique(faces.subjects)) > 1
    return found | (cycle(learned, looked_at(faces, 256)) if two else {})


def grid(learned: Learned, training: Faces, unseen: Faces) -> np.ndarray:
    """Return pictures (R, C, side, side, 3): the first row gives expressions, the first column identities.

    The upper half are people learned from, the lower half others, where there are any. A network with one code shows
    each given face and what it makes of it.
    """
    parts = [_of_other_people(faces) for faces in (training, unseen) if len(faces)]
    given, subjects = (np.concatenate([part[k] for part in parts]) for k in range(2))
    if not learned.network.exchanges:
        codes = learned.encode(given, subjects)
        return np.stack([given, learned.decode(codes.identity, codes.expression)], axis=1)
    identity, expression = learned.encode(given).identity, learned.encode(given[::-1]).expression
    count = len(given)
    made = learned.decode(np.repeat(identity, count, axis=0), np.tile(expression, (count, 1)))
    made = made.reshape(count, count, *given.shape[1:])
    corner = np.full((1, 1, *given.shape[1:]), 255, np.uint8)
    top = np.concatenate([corner, given[None, ::-1]], axis=1)
    return np.concatenate([top, np.concatenate([given[:, None], made], axis=1)])


def _of_other_people(faces: Faces) -> tuple[np.ndarray, np.ndarray]:
    """Return some faces of as many people, always the same, and whose they are."""
    assert faces.subjects is not None
    rng = np.random.default_rng(1)
    names = rng.permutation(np.unique(faces.subjects))[:_ROWS]
    rows = [int(rng.choice(np.flatnonzero(faces.subjects == name))) for name in names]
    return faces.pixels[rows], faces.subjects[rows]


def same_person(learned: Learned, faces: Faces) -> float | None:
    """Return the distance of identity codes at which as many pairs of one person lie beyond it as others within it.

    Args:
        learned: with two codes.
        faces: of people who were not learned from.

    Returns:
        None where there are no pairs of both kinds.

    Raises:
        InputError: the network has one code.
    """
    if not learned.network.exchanges:
        raise InputError("a network with one code knows no identity")
    if not len(faces) or faces.subjects is None:
        return None
    some = looked_at(faces)
    assert some.subjects is not None
    codes = learned.encode(some.pixels).identity.astype(np.float64)
    pairs = np.triu_indices(len(codes), 1)
    same = some.subjects[pairs[0]] == some.subjects[pairs[1]]
    if same.all() or not same.any():
        return None
    squares = (codes**2).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * codes @ codes.T, 0))[pairs]
    steps = np.quantile(apart, np.linspace(0, 1, 1001))
    beyond = 1 - np.searchsorted(np.sort(apart[same]), steps, "right") / same.sum()
    within = np.searchsorted(np.sort(apart[~same]), steps, "right") / (~same).sum()
    return max(float(steps[np.abs(beyond - within).argmin()]), 1e-6)
