"""Do codes that were learned without labels carry over to real faces? Linear readers on FER2013; smiles of London."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.evaluation.exchange_tables import LEAK, REAL
from kaoiro.evaluation.measured import verdict
from kaoiro.metrics import probes
from kaoiro.metrics.accuracy import bootstrap_interval
from kaoiro.metrics.agreement import area_under_curve, resampled_interval

_CHOSEN = 10  # one in so many training faces chooses how strongly weights are held back


def linear_reading(
    training: np.ndarray,
    training_labels: np.ndarray,
    tested: np.ndarray,
    labels: np.ndarray,
    choosing: np.ndarray | None = None,
) -> dict[str, Any]:
    """Train a linear reader on codes of some faces and ask it about others, as FaceCycle and FAb-Net were.

    Args:
        training: (N, E) codes, such as of FER2013's Training part.
        training_labels: (N,) classes from 0; those below are left out.
        tested: (M, E) codes, such as of its PublicTest part.
        labels: (M,).
        choosing: (N,) bool, which of the training faces choose how strongly weights are held back and teach nothing;
            None draws a tenth.

    Returns:
        'accuracy', its 95 % 'interval' over faces, 'n', 'chance' (the largest class) and the 'ridge' that was chosen.

    Raises:
        InputError: tables that do not fit, or nothing to learn from, to choose on or to ask about.
    """
    right, ridge = answered(training, training_labels, tested, labels, choosing)
    return {
        "accuracy": float(right.mean()),
        "interval": list(bootstrap_interval(right)),
        "n": len(right),
        "chance": float(np.bincount(labels[labels >= 0]).max() / len(right)),
        "ridge": ridge,
    }


def answered(
    training: np.ndarray,
    training_labels: np.ndarray,
    tested: np.ndarray,
    labels: np.ndarray,
    choosing: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """Return whether the reader of `linear_reading` is right about each labelled face (K,), and the ridge it chose."""
    known, asked = training_labels >= 0, labels >= 0
    if training.shape[1:] != tested.shape[1:]:
        raise InputError(f"codes of one method are needed, not of widths {training.shape[1:]} and {tested.shape[1:]}")
    if not (np.isfinite(training).all() and np.isfinite(tested).all()):
        raise InputError("codes that are not finite cannot be read")
    if choosing is None:
        choosing = np.zeros(len(known), bool)
        rows = np.flatnonzero(known)
        choosing[np.random.default_rng(0).permutation(rows)[: len(rows) // _CHOSEN]] = True
    learned, chosen = known & ~choosing, known & choosing
    if not (learned.any() and chosen.any() and asked.any()):
        raise InputError(f"{known.sum()} labelled faces to learn from and {asked.sum()} to ask about are too few")
    mean, spread = training[learned].mean(axis=0), np.maximum(training[learned].std(axis=0), 1e-6)
    scaled, classes = (training - mean) / spread, int(max(training_labels.max(), labels.max())) + 1
    readers = probes.logistic_path(scaled[learned], training_labels[learned], classes)

    def right(ridge: float, codes: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return readers[ridge](codes).argmax(axis=1) == truth

    scores = {ridge: right(ridge, scaled[chosen], training_labels[chosen]).mean() for ridge in readers}
    ridge = max(scores, key=lambda one: scores[one])  # of equals the one held back most
    return right(ridge, (tested[asked] - mean) / spread, labels[asked]), ridge


def reading_claim(found: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the row of the claim about the linear reader on FER2013, of `linear_reading`'s figures or of none."""
    row = None if found is None else (found["accuracy"], *found["interval"])
    return {"FER2013 linear reader": verdict(row, REAL)}


def smile_claims(found: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the rows of the claims about smiling people, of `smiles`' figures or of none.

    That smiles are told holds above chance; identity shall be found `LEAK` times as often as by chance, at most.
    """
    auc = None if found is None else (found["smile AUC"], *found["interval"])
    times = None
    if found is not None:
        times = tuple(value / found["identity chance"] for value in (found["identity"], *found["identity interval"]))
    return {
        "London smiles across people": verdict(auc, 0.5),
        "London identity, times chance": verdict(times, LEAK, at_most=True),
    }


def smiles(codes: np.ndarray, smiling: np.ndarray, people: np.ndarray, folds: int = 5) -> dict[str, Any]:
    """Ask whether a code tells smiles from faces at rest across people, and whether it tells who somebody is.

    Args:
        codes: (N, E) of the London set.
        smiling: (N,) bool.
        people: (N,) names; a reader of smiles is asked about people whom it did not see.
        folds: of people.

    Returns:
        'smile AUC' with its 'interval' over people; 'identity' (share of smiling faces whose nearest face at rest is
        that of the same person), its 'identity interval' and 'identity chance'.

    Raises:
        InputError: too few people, or faces of one kind only.
    """
    right, chance = _recognised(codes, smiling, people)
    return smile_reading(codes, smiling, people, folds) | {
        "identity": float(right.mean()),
        "identity interval": list(bootstrap_interval(right)),
        "identity chance": chance,
    }


def smile_reading(codes: np.ndarray, smiling: np.ndarray, people: np.ndarray, folds: int = 5) -> dict[str, Any]:
    """Return 'smile AUC' and its 'interval' over people, as `smiles` does, which describes the arguments.

    Raises:
        InputError: too few people, or faces of one kind only.
    """
    smiling = np.asarray(smiling, bool)
    scores = np.full(len(codes), np.nan)
    for fold in probes.folds(people, folds):
        rows = np.concatenate([fold.training, fold.choosing])
        mean, spread = codes[rows].mean(axis=0), np.maximum(codes[rows].std(axis=0), 1e-6)
        reader = probes.logistic((codes[rows] - mean) / spread, smiling[rows].astype(np.int64), 2, 0.01)
        scores[fold.testing] = np.diff(reader((codes[fold.testing] - mean) / spread), axis=1)[:, 0]

    def area(rows: np.ndarray) -> float:
        return area_under_curve(smiling[rows], scores[rows])

    return {"smile AUC": area(np.arange(len(codes))), "interval": list(resampled_interval(area, people, 2_000))}


def from_rest(codes: np.ndarray, smiling: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return codes less the mean code of the same person at rest: (K, E), and (K,) bool which of the faces these are.

    People who are not seen at rest are left out.

    Args:
        codes: (N, E).
        smiling: (N,) bool.
        people: (N,) names.
    """
    resting = {name: codes[(people == name) & ~smiling].mean(axis=0) for name in np.unique(people[~smiling])}
    kept = np.isin(people, list(resting))
    return codes[kept] - np.stack([resting[name] for name in people[kept]]), kept


def _recognised(codes: np.ndarray, smiling: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, float]:
    """Return whether smiling faces are nearest to the same person at rest (K,), and how often chance would be right."""
    resting = np.flatnonzero(~smiling)
    asked = np.flatnonzero(smiling & np.isin(people, people[resting]))
    if not len(asked):
        raise InputError("nobody is there both at rest and smiling")
    spread = np.maximum(codes.std(axis=0), 1e-6)
    apart = ((codes[asked][:, None] - codes[resting]) / spread) ** 2
    return people[resting][apart.sum(axis=2).argmin(axis=1)] == people[asked], 1 / len(resting)
