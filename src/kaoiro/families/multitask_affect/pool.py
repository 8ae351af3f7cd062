"""Which faces a step of adversarial training sees, and which conditions faces are generated for."""

from __future__ import annotations

import numpy as np

from kaoiro.core.condition import CONDITION, PARTS, columns
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, FER2013

CLEAR = 0.99
"""Share from which a condition counts as showing one expression and nothing else."""


class Pool:
    """Faces by which labels they carry.

    Args:
        faces: with targets 'affect' (N, 2), 'expression' (N, 7) and 'units' (N, 8), rows of NaN where there is none.
        batch: faces a step.
        seed: of the order.

    Raises:
        DataError: no face carries a label, or a target is missing or of another width.
    """

    def __init__(self, faces: Faces, batch: int, seed: int) -> None:
        self._count, self._batch, self._seed = len(faces), batch, seed
        known = np.stack([labelled(faces, name) for name in PARTS], axis=1)
        if not known.any():
            raise DataError("no face carries a label: nothing can be learned of what faces show")
        patterns = known @ (1 << np.arange(len(PARTS)))
        self.kinds = [np.flatnonzero(patterns == one) for one in np.unique(patterns) if one]
        self.whole = len(self.kinds) == 1 and len(self.kinds[0]) == len(faces)

    def order(self, epoch: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of an epoch: (steps, batch) of all faces, and (steps, batch) of labelled ones.

        Every labelled batch holds equal numbers of each kind of labels (SPEC 5.3); where all faces carry the same
        labels both are the same. The labelled rows do not depend on how many faces carry no label.
        """
        rng = np.random.default_rng((self._seed, epoch, 1))
        counts = [self._batch // len(self.kinds)] * len(self.kinds)
        counts[0] += self._batch - sum(counts)
        parts = [
            drawn(rng, rows, steps * count).reshape(steps, count)
            for rows, count in zip(self.kinds, counts, strict=True)
        ]
        told = np.concatenate(parts, axis=1)
        if self.whole:
            return told, told
        rng = np.random.default_rng((self._seed, epoch, 2))
        return drawn(rng, np.arange(self._count), steps * self._batch).reshape(steps, self._batch), told


def labelled(faces: Faces, head: str) -> np.ndarray:
    """Return which faces carry a label of a head: (N,) bool.

    Raises:
        DataError: the target is missing or of another width.
    """
    width, target = len(PARTS[head]), faces.targets.get(head)
    if target is None or target.shape != (len(faces), width):
        found = "missing" if target is None else f"of shape {target.shape}"
        raise DataError(f"the target '{head}' must have shape ({len(faces)}, {width}); it is {found}")
    return np.asarray(~np.isnan(target).any(axis=1))


def drawn(rng: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    """Return `count` of some rows in random order, all of them equally often but for one."""
    rounds = [rng.permutation(rows) for _ in range(-(-count // len(rows)))] or [rows[:0]]
    return np.concatenate(rounds)[:count]


def conditions(faces: Faces, seed: int = 0) -> np.ndarray:
    """Return a condition for every face that carries a label: (M, 17) float32.

    What a face carries no label of is taken from a face that does: the one whose valence and arousal are nearest, of a
    few hundred drawn ones; or any, where valence and arousal are not known.

    Raises:
        DataError: of one of the three heads no face carries a label.
    """
    known = {name: labelled(faces, name) for name in PARTS}
    for name, rows in known.items():
        if not rows.any():
            raise DataError(f"no face carries a label of '{name}': a condition needs {', '.join(PARTS)}")
    rows, rng = np.flatnonzero(np.any(list(known.values()), axis=0)), np.random.default_rng((seed, 3))
    found = np.empty((len(rows), len(CONDITION)), np.float32)
    for name, place in columns().items():
        giver = np.where(known[name][rows], rows, _givers(faces, rows, known, name, rng))
        found[:, place] = faces.targets[name][giver]
    return found


def _givers(
    faces: Faces, rows: np.ndarray, known: dict[str, np.ndarray], name: str, rng: np.random.Generator
) -> np.ndarray:
    """Return for each row a face that carries a label of the head `name`."""
    able = np.flatnonzero(known[name])
    able = able[rng.permutation(len(able))[:400]]
    result, affect = rng.choice(able, len(rows)), faces.targets[AFFECT_HEAD]
    there = able[known[AFFECT_HEAD][able]]
    if len(there):
        near = np.flatnonzero(known[AFFECT_HEAD][rows])
        apart = ((affect[rows[near], None] - affect[there]) ** 2).sum(axis=2)
        result[near] = there[apart.argmin(axis=1)]
    return result


def typical(table: np.ndarray) -> np.ndarray:
    """Return the mean condition of faces that show one expression, for each of the seven: (7, 17).

    An expression that no condition shows clearly gets the mean of those in which it has the largest share, or of all.

    Args:
        table: (M, 17) conditions.
    """
    shares, result = table[:, columns()[EXPRESSION]], np.zeros((len(FER2013), len(CONDITION)), np.float32)
    for place in range(len(FER2013)):
        for rows in (shares[:, place] >= CLEAR, shares.argmax(axis=1) == place, np.ones(len(table), bool)):
            if rows.any():
                result[place] = table[rows].mean(axis=0)
                break
        result[place, columns()[EXPRESSION]] = np.eye(len(FER2013))[place]
    return result
