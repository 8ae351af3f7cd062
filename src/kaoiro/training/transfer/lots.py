"""What one run of a measurement learns from, and whom it is asked about: pictures drawn from a target."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.spec import Specification
from kaoiro.training.adapting.material import LEAST, Material
from kaoiro.training.transfer.framing import FRAMINGS
from kaoiro.training.transfer.targets import TEST, TRAIN, VALIDATION, Target, first_people


@dataclass(frozen=True, eq=False)
class Lot:
    """Pictures of one target.

    Attributes:
        learned: what is learned from.
        asked: pictures of people or pictures apart from these.
    """

    learned: Material
    asked: Material


def drawn(target: Target, specification: Specification, count: int, seed: int) -> Lot:
    """Draw pictures to learn from; those asked about are all of `TEST`, the same for every seed.

    People are drawn from all who are not in `TEST`: adaptation chooses by cross-validation and needs no part to choose
    by. A label that fewer than `LEAST` groups have gets more of them, as `kaoiro adapt` asks users to find.

    Args:
        target: whose pictures.
        specification: of the model that is adapted.
        count: of pictures to learn from; nobody is divided, so that there may be a few more.
        seed: of the draw.
    """
    pool = replace(target, part=np.where(target.part == VALIDATION, TRAIN, target.part))
    rows = _completed(pool, first_people(pool, count, seed), np.random.default_rng(seed))
    return Lot(material_of(target, specification, rows), material_of(target, specification, target.rows(TEST)))


def _completed(pool: Target, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the rows, and more of labels that too few groups among them have."""
    for label in range(len(pool.labels)):
        wanted = np.flatnonzero((pool.part == TRAIN) & (pool.truth == label))
        known = np.unique(pool.groups[rows[pool.truth[rows] == label]])
        others = rng.permutation(np.setdiff1d(pool.groups[wanted], known))[: max(0, LEAST - len(known))]
        more = [wanted[pool.groups[wanted] == name][:1] for name in others]
        rows = np.union1d(rows, np.concatenate(more)) if more else rows
    return rows


def material_of(target: Target, specification: Specification, rows: np.ndarray) -> Material:
    """Return some pictures of a target as adaptation takes them, in the framing that the model learned from.

    Raises:
        InputError: targets are not cut so, or not in the model's colours.
    """
    name = specification.crop.name
    if name not in FRAMINGS or specification.channels != 1:
        raise InputError(
            f"targets are cut as {', '.join(FRAMINGS)}, in grey, and the model wants {name} with "
            f"{specification.channels} channel(s); name another --model"
        )
    people = len(np.unique(target.groups[rows])) if target.people else 0
    return Material(target.crops[name][rows], target.truth[rows], target.labels, target.groups[rows], people)


def selected(target: Target, keep: np.ndarray) -> Target:
    """Return the faces of a target that a mask selects."""
    crops = {name: one[keep] for name, one in target.crops.items()}
    people = len(np.unique(target.groups[keep])) if target.people else 0
    parts = {"truth": target.truth[keep], "groups": target.groups[keep], "part": target.part[keep]}
    return replace(target, crops=crops, people=people, **parts)
