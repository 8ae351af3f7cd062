"""All candidates on all folds: what each says of faces that it did not learn from, kept on disk as it comes.

Legend: N faces, K labels, S candidates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from kaoiro.core.files import replacing
from kaoiro.data.splits import apart
from kaoiro.evaluation.progress import followed
from kaoiro.metrics.calibration import fit_temperature
from kaoiro.metrics.selection import Candidates
from kaoiro.training.adapting.candidates import TUNED, Bench
from kaoiro.training.adapting.material import Material

FOLDS = 5


def folds_of(material: Material, seed: int, count: int = FOLDS) -> np.ndarray:
    """Return the fold of each face (N,); groups are never divided, and there are no more folds than groups.

    A label that fewer groups have than there are folds is lacking in some folds: that costs its own few faces, while
    fewer folds would cost every candidate a part of what it learns from.
    """
    folds = max(2, min(count, len(np.unique(material.groups))))
    return apart(material.groups, material.truth, (1 / folds,) * folds, seed)


def out_of_fold(
    bench: Bench, names: Sequence[str], place: np.ndarray, folder: Path | None = None
) -> dict[str, np.ndarray]:
    """Return raw outputs (N, K) of each candidate about faces that it did not learn from.

    Args:
        bench: model and faces.
        names: of the candidates.
        place: (N,) fold of each face.
        folder: keeps what is done, so that a repeated call goes on; None keeps nothing.
    """
    shape = (len(place), len(bench.material.labels))
    found = {name: np.zeros(shape) for name in names}
    tasks = [(name, fold) for name in names for fold in np.unique(place).tolist()]
    for name, fold in followed(tasks, len(tasks), "trials"):
        asked = place == fold
        found[name][asked] = kept(folder, bench, name, np.flatnonzero(~asked), np.flatnonzero(asked))
    return found


def kept(folder: Path | None, bench: Bench, name: str, learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return what a candidate says, from disk where it is there already."""
    if folder is None or name not in TUNED:  # the others take less time than a file
        return bench.scores(name, learned, asked)
    path = folder / f"{_key(bench, name, learned, asked)}.npy"
    if path.is_file():
        return np.load(path)
    result = bench.scores(name, learned, asked)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("wb") as file:
        np.save(file, result)
    return result


def _key(bench: Bench, name: str, learned: np.ndarray, asked: np.ndarray) -> str:
    """Return a name for a trial, equal exactly if everything is that the result depends on."""
    told = json.dumps([bench.start.part.digest, name, asdict(TUNED[name]), bench.seed, bench.material.labels])
    found = hashlib.blake2b(told.encode(), digest_size=16)
    for rows in (learned, asked):
        for array in (bench.material.crops[rows], bench.material.truth[rows]):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def judged(scores: Mapping[str, np.ndarray], material: Material) -> Candidates:
    """Return losses and hits of candidates, each at the temperature that suits its answers best; the order is kept."""
    rows = np.arange(len(material))
    losses, hits = [], []
    for raw in scores.values():
        warm = raw / fit_temperature(raw, material.truth)
        logs = warm - warm.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        losses.append(-logs[rows, material.truth])
        hits.append(raw.argmax(axis=1) == material.truth)
    return Candidates(np.stack(losses), np.stack(hits), material.groups)
