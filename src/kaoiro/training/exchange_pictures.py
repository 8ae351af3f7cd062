"""Figures 3, 4 and 5 of system B, drawn from what runs measured and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from kaoiro.core.labels import FER2013
from kaoiro.data.datasets.synthetic import Synthetic
from kaoiro.evaluation import people as reading
from kaoiro.evaluation.exchange_figures import accuracy_by_iteration, strips, swap_grid
from kaoiro.evaluation.exchange_tables import TABLE3
from kaoiro.evaluation.measured import Found, Measured, level
from kaoiro.evaluation.separation import CLUSTERING
from kaoiro.training.exchange_measures import TEST, TRAIN
from kaoiro.training.exchange_sets import CROP, Sets
from kaoiro.training.latents import Learned

NAMES = {TRAIN: "training people", TEST: "unseen people"}
NEUTRAL, SHOWN = "neutral", tuple(name for name in FER2013.labels if name != "neutral")
_STRIPS = ("happiness", "surprise")


def course(parts: Mapping[str, Sequence[Measured]], row: str) -> Image.Image | None:
    """Draw figure 3: the accuracy of clusters after every iteration; None where nothing was measured.

    Args:
        parts: measurements of seeds, by 'train, 1', 'test, 1' and so on.
        row: the recipe, whose figures in the source stand beside it.
    """
    curves: dict[str, dict[int, Found]] = {}
    for part, seeds in parts.items():
        name, number = part.rsplit(", ", 1)
        found = level(seeds, CLUSTERING)
        if found is not None:
            curves.setdefault(NAMES[name], {})[int(number)] = found
    if not curves:
        return None
    source = TABLE3[row]
    ends = {NAMES[TRAIN]: source.train[0]} | ({} if source.test is None else {NAMES[TEST]: source.test[0]})
    return accuracy_by_iteration(curves, ends)


def swaps(sets: Sets, fold: int, methods: Mapping[str, Learned]) -> dict[str, Image.Image]:
    """Draw figures 4 and 5: grids of swaps between training people ('train') and unseen ones ('test'), and 'strips'.

    Unseen people are those of syn-swap, whose true render is shown; strips lead from their neutral face to an
    expression of another one.

    Args:
        sets: rendered people.
        fold: of all methods.
        methods: with two codes, by recipe.
    """
    side = max(learned.side for learned in methods.values())
    found = {}
    for part, data, rows in (
        (TRAIN, sets.identities, sets.trained(fold)),
        (TEST, sets.swaps, np.arange(len(sets.swaps))),
    ):
        identity, expression, truth = (_faces(data, chosen, side) for chosen in _pairs(data, rows, SHOWN))
        found[part] = swap_grid(methods, identity, expression, truth if part == TEST else None)
    first, second, _ = (_faces(sets.swaps, rows, side) for rows in _pairs(sets.swaps, rows, _STRIPS))
    return found | {"strips": strips(methods, first, second)}


def _faces(data: Synthetic, rows: np.ndarray, side: int) -> np.ndarray:
    return reading.rendered(data, rows, side, CROP).pixels


def _pairs(data: Synthetic, rows: np.ndarray, expressions: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of somebody at rest, of the next person with each expression, and of the first one with it."""
    subjects, shown = (data.table[name].to_numpy(str) for name in ("subject", "expression"))
    people = np.random.default_rng(0).permutation(np.unique(subjects[rows]))

    def of(place: int, expression: str) -> int:
        own = rows[subjects[rows] == people[place % len(people)]]
        wanted = own[shown[own] == expression]
        return int((wanted if len(wanted) else own)[0])

    chosen = [
        (of(place, NEUTRAL), of(place + 1, expression), of(place, expression))
        for place, expression in enumerate(expressions)
    ]
    first, second, third = np.array(chosen, np.int64).T
    return first, second, third
