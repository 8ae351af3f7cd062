"""What the votes of FER+ say of the labels, of the detector, and of the errors that were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaoiro.core.labels import FERPLUS, FERPLUS_VOTES, Vocabulary
from kaoiro.data.datasets.fer2013 import majority_labels
from kaoiro.evaluation.audit.seeing import SUSPECT
from kaoiro.metrics.agreement import area_under_curve
from kaoiro.metrics.resampling import mean_interval

_NOT_A_FACE = FERPLUS_VOTES.index("NF")
_UNSURE = FERPLUS_VOTES.indices(("unknown", "NF"))
STEPS = (100, 500, 1000, 2000, 5000)
"""How many of the most doubtful labels are looked at."""


def pluralities(votes: np.ndarray) -> np.ndarray:
    """Return the category with most votes, in the order of `FERPLUS_VOTES`: (N, 10) -> (N,); of equals the first."""
    return votes.argmax(axis=1)


def entropy(votes: np.ndarray) -> np.ndarray:
    """Return the entropy of votes in bits: (N, 10) -> (N,); 0 where all agree, NaN without votes."""
    total = votes.sum(axis=1, keepdims=True)
    shares = votes / np.maximum(total, 1)
    terms = np.where(shares > 0, shares * np.log2(np.where(shares > 0, shares, 1)), 0)
    return np.where(total[:, 0] > 0, -terms.sum(axis=1), np.nan)


def agreement(truth: np.ndarray, votes: np.ndarray, vocabulary: Vocabulary, groups: np.ndarray) -> dict[str, Any]:
    """Compare labels with votes.

    Args:
        truth: (N,) in the order of `vocabulary`.
        votes: (N, 10).
        vocabulary: of the labels.
        groups: (N,) identical images, which intervals draw together.

    Returns:
        Shares that agree, a table by label, and labels against the most frequent vote.
    """
    named = np.array(FERPLUS_VOTES.indices(vocabulary.labels))[truth]
    top, clear = pluralities(votes), majority_labels(votes)
    same, own = top == named, np.array(FERPLUS.indices(vocabulary.labels))[truth]
    counted = clear >= 0
    spread, share = entropy(votes), votes[np.arange(len(votes)), named] / np.maximum(1, votes.sum(axis=1))
    table = {}
    for place, label in enumerate(vocabulary.labels):
        rows = truth == place
        table[label] = {
            "n": int(rows.sum()),
            "agrees with the most frequent vote": _mean(same[rows]),
            "n with a majority": int((rows & counted).sum()),
            "agrees with the majority": _mean((clear == own)[rows & counted]),
            "share of the votes": _mean(share[rows]),
            "entropy of the votes, bits": _mean(spread[rows & np.isfinite(spread)]),
        }
    columns = {name: dict.fromkeys(FERPLUS_VOTES.labels, 0) for name in vocabulary.labels}
    for label, vote in zip(truth.tolist(), top.tolist(), strict=True):
        columns[vocabulary.labels[label]][FERPLUS_VOTES.labels[vote]] += 1
    return {
        "label is the most frequent vote": _mean(same),
        "interval": list(mean_interval(same.astype(float), groups)),
        "images with a majority among emotions": int(counted.sum()),
        "label is the majority": _mean((clear == own)[counted]),
        "entropy of the votes, bits, mean": _mean(spread[np.isfinite(spread)]),
        "labels and votes": table,
        "label (rows) and most frequent vote (columns)": columns,
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def faces(scores: np.ndarray, votes: np.ndarray, constant: np.ndarray) -> dict[str, Any]:
    """Tell how often the detector misses real crops, and what it does with those that people call no face.

    Args:
        scores: (N,) of the best face; NaN where nobody looked.
        votes: (N, 10).
        constant: (N,) bool; they are left out.
    """
    looked = np.isfinite(scores) & ~constant
    real = looked & (votes[:, _UNSURE].sum(axis=1) == 0) & (votes.sum(axis=1) > 0)
    none = looked & (2 * votes[:, _NOT_A_FACE] >= votes.sum(axis=1)) & (votes.sum(axis=1) > 0)
    if not (real.any() and none.any()):
        return {}
    rows = {}
    for least in (0.1, SUSPECT, 0.3, 0.5):
        below = scores < least
        suspected = looked & below
        rows[f"below {least:g}"] = {
            "real crops missed": _mean(below[real]),
            "called no face by half of the voters": _mean(below[none]),
            "images suspected": int(suspected.sum()),
            "of these called no face by half": _mean(none[suspected]),
            "of these with one such vote or more": _mean(votes[suspected, _NOT_A_FACE] > 0),
        }
    return {
        "real crops (no vote for 'unknown' or 'not a face')": int(real.sum()),
        "not constant, 'not a face' for half of the voters": int(none.sum()),
        "AUC of the detector's score": area_under_curve(real[real | none], scores[real | none]),
        "detector on crops": rows,
    }


def precision(
    truth: np.ndarray,
    votes: np.ndarray,
    vocabulary: Vocabulary,
    flagged: np.ndarray,
    suggested: np.ndarray,
    among: np.ndarray,
    groups: np.ndarray,
) -> dict[str, dict[str, Any]]:
    """Return, of the k most doubtful labels, how many the majority of FER+ contradicts: a row for each k.

    Args:
        truth: (N,) in the order of `vocabulary`.
        votes: (N, 10).
        vocabulary: of the labels.
        flagged: (M,) rows, the most doubtful first.
        suggested: (N,) labels in the order of `vocabulary`.
        among: (N,) bool, rows that count.
        groups: (N,) identical images, which intervals draw together.
    """
    clear, to_ferplus = majority_labels(votes), np.array(FERPLUS.indices(vocabulary.labels))
    own, wanted = to_ferplus[truth], to_ferplus[suggested]
    flagged = flagged[among[flagged]]
    everything = np.flatnonzero(among)
    steps: Sequence[int] = [*(k for k in STEPS if k < len(flagged)), len(flagged)]
    parts = {f"first {k}": flagged[:k] for k in steps} | {"all labels": everything}
    result = {}
    for name, rows in parts.items():
        told = rows[clear[rows] >= 0]
        wrong = clear[told] != own[told]
        result[name] = {
            "n": len(rows),
            "with a FER+ majority": len(told),
            "it contradicts the label": _mean(wrong),
            "interval": list(mean_interval(wrong.astype(float), groups[told])) if len(told) else None,
            "it is the suggested label": _mean(clear[told] == wanted[told]),
        }
    return result
