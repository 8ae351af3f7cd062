"""Does another person's smile come over onto a face at rest? Swaps, read by a model that classifies faces.

Such models expect faces as FER2013 shows them. Faces of a tighter crop, given ones and made ones alike, are put back
into the wider pictures that they were cut from before they are read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kaoiro.core.codes import Exchange
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import EXPRESSION, UNITS_HEAD, unit_title
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.spec import CropGeometry
from kaoiro.data.datasets import synthetic
from kaoiro.evaluation.measured import Measured, level
from kaoiro.evaluation.people import rendered
from kaoiro.evaluation.renders import renders
from kaoiro.faces.surroundings import WIDE, put_back, wide_side
from kaoiro.inference.classifier import Classifier, prepare_crops
from kaoiro.inference.exchange import towards

SOURCES = 4
"""Other people whose smile and rest each person gets."""
STRENGTHS = 1.0, 1.5, 2.0
"""How strongly they get them; 1 is the others' code itself."""
Read = Callable[[np.ndarray], dict[str, np.ndarray]]
"""Faces (N, side, side, 3) uint8 placed as `WIDE` -> by what smiles are read from, whether each smiles: (N,) bool."""


class Pairs(NamedTuple):
    """P people, each at rest and smiling.

    Attributes:
        people: (P,) names.
        resting: (P, side, side, 3) uint8.
        smiling: (P, side, side, 3) uint8.
        resting_wide: (P, wide, wide, 3) uint8, the same faces placed as `WIDE`.
        smiling_wide: (P, wide, wide, 3) uint8, likewise.
        crop: where a face lies in `resting` and `smiling`.
    """

    people: np.ndarray
    resting: np.ndarray
    smiling: np.ndarray
    resting_wide: np.ndarray
    smiling_wide: np.ndarray
    crop: CropGeometry


def reader(model: ModelFolder, threads: int | None = None) -> Read:
    """Return what reads smiles off faces: by AU 12 and by happiness, as far as the model answers them.

    A score counts from the probability on that the model names for it.

    Raises:
        InputError: it answers neither.
    """
    classifier, spec, wanted = Classifier(model, threads), model.specification, {}
    for head, label, title in ((UNITS_HEAD, "au_12", unit_title("au_12")), (EXPRESSION, "happiness", "happiness")):
        for one in spec.heads:
            if one.name == head and label in one.labels:
                wanted[title] = head, one.labels.index(label), one.present_from[label]
    if not wanted:
        raise InputError(f"model '{model.name}' reads no smiles: it answers neither au_12 nor happiness")

    def read(faces: np.ndarray) -> dict[str, np.ndarray]:
        heads = classifier.predict(prepare_crops(faces, spec.size, spec.channels)).heads
        return {title: heads[head][:, place] >= least for title, (head, place, least) in wanted.items()}

    return read


def measure(exchange: Exchange, pairs: Pairs, read: Read, seed: int = 0) -> dict[str, dict[str, str]]:
    """Return how often faces read as smiling, with intervals over the people whose faces they are.

    Rows: the given faces; the same made again from their codes; for each strength faces at rest with the expression
    codes of other people, smiling and at rest, and how much more often the former smile; and smiling faces with the
    codes of others at rest, which shall not smile. All are read in the wider picture of the person who is shown.

    Args:
        exchange: with two codes, of the pairs' side.
        pairs: two people or more.
        read: of smiles.
        seed: of who gets whose smile.

    Raises:
        InputError: fewer than two people.
    """
    count = len(pairs.people)
    if count < 2:
        raise InputError(f"smiles are carried over between two people or more, not {count}")
    resting, smiling = exchange.encode(pairs.resting), exchange.encode(pairs.smiling)
    turns = 1 + np.random.default_rng(seed).permutation(count - 1)[:SOURCES]
    owners = np.repeat(np.arange(count), len(turns))
    others = (owners + np.tile(turns, count)) % count
    rest, smile = pairs.resting_wide, pairs.smiling_wide
    faces = {
        "given, smiling": (pairs.smiling, smile),
        "given, at rest": (pairs.resting, rest),
        "made again, smiling": (exchange.decode(smiling.identity, smiling.expression), smile),
        "made again, at rest": (exchange.decode(resting.identity, resting.expression), rest),
    }
    for strength in STRENGTHS:
        turned = (resting, smiling, rest), (resting, resting, rest), (smiling, resting, smile)
        for row, (own, theirs, around) in zip(_rows(strength), turned, strict=False):
            codes = towards(own.expression[owners], theirs.expression[others], strength)
            faces[row] = exchange.decode(own.identity[owners], codes), around[owners]
    sums: dict[str, np.ndarray] = {}
    for name, (made, around) in faces.items():
        for score, smiles in read(put_back(made, around, pairs.crop)).items():
            hits = smiles.reshape(count, -1)
            sums[f"{name}: {score}"] = np.column_stack([hits.sum(axis=1), np.full(count, hits.shape[1])])
    scores = list(dict.fromkeys(name.split(": ")[1] for name in sums))
    rows = list(faces)
    for strength in STRENGTHS:
        first, second, _, more = _rows(strength)
        for score in scores:
            one, two = sums[f"{first}: {score}"], sums[f"{second}: {score}"]
            sums[f"{more}: {score}"] = np.column_stack([one[:, 0] - two[:, 0], one[:, 1]])
        rows.append(more)
    found = Measured(tuple(str(name) for name in pairs.people), sums)
    return {name: {score: _shown(found, f"{name}: {score}") for score in scores} for name in rows}


def _rows(strength: float) -> tuple[str, str, str, str]:
    """Return the rows of one strength: three kinds of swaps, and how much oftener the first smile than the second."""
    so = "" if strength == 1 else f", strength {strength:g}"
    swaps = "at rest, with another's smile", "at rest, with another's rest", "smiling, with another's rest"
    first, second, third = (name + so for name in swaps)
    return first, second, third, MORE + so


MORE = "smiling more often with another's smile"
"""The row of the difference."""


def _shown(found: Measured, name: str) -> str:
    figure = level([found], name)
    return "–" if figure is None else f"{figure[0]:.3f} ({figure[1]:.3f} to {figure[2]:.3f})"


def of_renders(root: str | Path, side: int, crop: CropGeometry) -> Pairs:
    """Return the people of a syn-swap set, neutral and happy.

    Args:
        root: folder of the set.
        side: of the crops, pixels.
        crop: where a face lies in them.

    Raises:
        DataError: no such set, one without happy faces, or people who are not there at rest and happy once each.
    """
    data = synthetic.read(root)
    shown = data.table["expression"].to_numpy(str)
    if "happiness" not in shown:
        raise DataError(f"{root}: nobody is happy there; make the set by `kaoiro synth syn-swap`")
    rows = np.flatnonzero(np.isin(shown, ("neutral", "happiness")))
    found = renders(rendered(data, rows, side, crop))
    wide = found if crop == WIDE else renders(rendered(data, rows, wide_side(side, crop), WIDE))
    rest, smile = found.resting, 1 - found.resting
    faces = [one.pixels[:, place] for one in (found, wide) for place in (rest, smile)]
    return Pairs(found.people, *faces, crop=crop)
