"""What makes the code of the improved mode: features, directions and their weights, each left out, on all folds.

Codes of this kind are learned without gradients, so that every fold takes a minute and no decoder is needed.

Layout:   FOLDER/foldN.json     measurements of all variants
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.codes import Codes
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.files import write_text
from kaoiro.evaluation import measured
from kaoiro.evaluation.measured import Measured, merged
from kaoiro.evaluation.separation import SeparationConfig, separation
from kaoiro.families.identity_expression.network import PatchEncoder
from kaoiro.families.identity_expression.recipe import IMPROVED
from kaoiro.training import patches
from kaoiro.training.exchange_measures import TEST, TRAIN
from kaoiro.training.exchange_sets import FOLDS, Sets

PIXELS, PATCHES = "pixels", "patches"
FREED = "freed of identity"
"""Best guesses of the distance from the person's mean: what `improved` ships, where the features are patches."""
EVEN = "freed, all directions alike"
PLAIN = "components alone"
LESS = "less the person's mean, which takes several pictures"
_RUNS = 20  # clusterings of each code
VARIANTS = (FREED, EVEN, PLAIN, LESS)
WHOLE = f"{PATCHES}, {FREED}"
GAPS = (
    (WHOLE, f"{PATCHES}, {PLAIN}"),
    (WHOLE, f"{PATCHES}, {EVEN}"),
    (WHOLE, f"{PIXELS}, {FREED}"),
    (f"{PATCHES}, {LESS}", WHOLE),
)
Table = dict[str, dict[str, Measured]]
"""By variant ('patches, freed of identity'), then by part."""


def of_all_folds(sets: Sets, side: int, folder: Path, config: SeparationConfig) -> Table:
    """Measure all variants on all folds; folds that are there already are not measured again.

    Args:
        sets: rendered people.
        side: of the crops, pixels.
        folder: receives a file for each fold.
        config: of the measurements.

    Raises:
        DataError: the set is too small, or a file is damaged.
    """
    found: dict[str, dict[str, list[Measured]]] = {}
    for fold in range(FOLDS):
        file = folder / f"fold{fold}.json"
        if not file.is_file():
            table = of_fold(sets, side, fold, _quick(config))
            content = {name: {part: one.stored() for part, one in parts.items()} for name, parts in table.items()}
            write_text(file, json.dumps(content))
        for name, parts in _stored(file).items():
            for part, one in parts.items():
                found.setdefault(name, {}).setdefault(part, []).append(one)
    return {name: {part: merged(folds) for part, folds in parts.items()} for name, parts in found.items()}


def finished(folder: Path) -> bool:
    """Tell whether all folds are measured."""
    return all((folder / f"fold{fold}.json").is_file() for fold in range(FOLDS))


def _quick(config: SeparationConfig) -> SeparationConfig:
    """Return how so many codes are looked at: by fewer clusterings, and by linear readers alone."""
    return replace(config, runs=min(config.runs, _RUNS), sizes=(), further=1, turns=1, hidden=0)


def of_fold(sets: Sets, side: int, fold: int, config: SeparationConfig) -> Table:
    """Measure all variants on one fold."""
    people = sets.people(fold, side)
    rng = np.random.default_rng(fold)
    learned = people.training.rows(np.sort(rng.permutation(len(people.training))[: patches.FACES]))
    asked = {TRAIN: people.seen, TEST: people.unseen}
    table: Table = {}
    for features, of in ((PIXELS, _pixels), (PATCHES, _patches(learned, fold))):
        for variant, codes in _codes(of, learned, asked, fold).items():
            table[f"{features}, {variant}"] = {
                part: separation(Codes(found[:, :0], found), asked[part], config) for part, found in codes.items()
            }
    return table


Features = Callable[[Faces], np.ndarray]


def _pixels(faces: Faces) -> np.ndarray:
    return faces.pixels.reshape(len(faces), -1).astype(np.float32) / 255


def _patches(learned: Faces, seed: int) -> Features:
    network = replace(IMPROVED.network, side=learned.pixels.shape[1])
    encoder, grey = PatchEncoder(network, network.expression), patches.greyed(learned.pixels)
    encoder.trunk.learned(*patches.dictionary(grey, network.patches, np.random.default_rng(seed)))
    return lambda faces: patches.features(encoder, faces.pixels)


def _codes(of: Features, learned: Faces, asked: Mapping[str, Faces], seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Return codes (N, E) of the asked faces, by variant and part."""
    assert learned.subjects is not None
    size = IMPROVED.network.expression
    known = of(learned)
    mean, axes, spread = patches.components(known, patches.COMPONENTS, seed)
    freed = patches.within((known - mean) @ axes, learned.subjects)[:, :size]
    turned = {part: (of(faces) - mean) @ axes for part, faces in asked.items()}
    inner = _inner((known - mean) @ axes, learned.subjects)[:, :size]
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in VARIANTS}
    for part, rows in turned.items():
        subjects = asked[part].subjects
        assert subjects is not None
        found[FREED][part] = rows @ freed
        found[EVEN][part] = rows @ (freed / np.linalg.norm(freed.T @ _spread((known - mean) @ axes, learned), axis=1))
        found[PLAIN][part] = (rows / spread)[:, :size]
        found[LESS][part] = _less(rows, subjects) @ inner
    return found


def _spread(rows: np.ndarray, faces: Faces) -> np.ndarray:
    """Return a root (D, D) of the covariance of rows within people."""
    assert faces.subjects is not None
    apart = _less(rows, faces.subjects)
    return np.linalg.cholesky(apart.T @ apart / len(apart) + 1e-9 * np.eye(rows.shape[1]))


def _less(rows: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return rows (N, D) without the mean of their person."""
    names, index = np.unique(subjects, return_inverse=True)
    means = np.zeros((len(names), rows.shape[1]))
    np.add.at(means, index, rows)
    return rows - (means / np.bincount(index)[:, None])[index]


def _inner(rows: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return the directions (D, D) in which rows vary most within people, each so that they vary by 1."""
    apart = _less(rows, subjects)
    values, vectors = np.linalg.eigh(apart.T @ apart / len(apart))
    values, vectors = values[::-1], vectors[:, ::-1]
    return vectors / np.sqrt(values.clip(min=values[0] * 1e-9))


def _stored(file: Path) -> dict[str, dict[str, Measured]]:
    try:
        content: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return {name: {part: measured.restored(one) for part, one in parts.items()} for name, parts in content.items()}
    except (OSError, ValueError, AttributeError, InputError) as error:
        raise DataError(f"{file} is damaged; remove it to measure this fold again") from error
