"""Rules that make a word's score from the probabilities of its actions, compared on rendered people of 'val'.

A choice: nothing of the people on whom figures are reported is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from kaoiro.core.modelfile import ModelFolder
from kaoiro.evaluation import words
from kaoiro.evaluation.words import Faces
from kaoiro.inference.words.asked import refusal
from kaoiro.inference.words.entry import Entry
from kaoiro.inference.words.glossary import Glossary
from kaoiro.inference.words.scoring import factors
from kaoiro.metrics.agreement import area_under_curve
from kaoiro.metrics.calibration import binary_calibration_error

FEW_PEOPLE, FEW_FACES = 5, 30
"""Fewer than where figures are reported: 'val' has half of the people, and nothing is said of a single word."""
_EDGE = 1e-6


def _logits(found: np.ndarray) -> np.ndarray:
    inside = np.clip(found, _EDGE, 1 - _EDGE)
    return 1 / (1 + np.exp(-np.log(inside / (1 - inside)).mean(axis=0)))


RULES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "product": lambda found: found.prod(axis=0),
        "geometric mean": lambda found: found.prod(axis=0) ** (1 / len(found)),
        "minimum": lambda found: found.min(axis=0),
        "mean of logits": _logits,
    }
)
"""From the factors of a score (K, N) to scores (N,)."""


def choose(model: ModelFolder, glossary: Glossary, sets: Sequence[str], threads: int | None = None) -> dict[str, Any]:
    """Compare the rules on the words of more than one action that enough people of 'val' show.

    Args:
        model: measures.
        glossary: whose entries.
        sets: folders of rendered sets with people of 'val'.
        threads: of ONNX Runtime.

    Returns:
        Figures; the table 'rules' has means over words: area under the curve, calibration error, and the share of the
        Brier score of a constant that a rule saves.

    Raises:
        DataError: files or people are missing.
    """
    faces = words.rendered(model, sets, ("val",), threads)
    own = [entry for entry in glossary if not entry.read and not refusal(entry, model)]
    several = [entry for entry in own if len(entry.main) + len(entry.ranges) > 1]
    told = [entry for entry in several if _known(entry, faces)]
    found = {rule: [_figures(entry, faces, rule) for entry in told] for rule in RULES}
    return {
        "of model": model.name,
        "model_sha256": model.digest,
        "people of 'val'": len(np.unique(faces.people)),
        "faces": len(faces),
        "words of several actions": [entry.name for entry in told],
        "rules": {rule: _means(rows) for rule, rows in found.items()},
    }


def _known(entry: Entry, faces: Faces) -> bool:
    there = words.truth(entry, faces)
    return there.sum() >= FEW_FACES and len(np.unique(faces.people[there])) >= FEW_PEOPLE


def _figures(entry: Entry, faces: Faces, rule: str) -> dict[str, float]:
    there, said = words.truth(entry, faces), RULES[rule](factors(entry, faces.measured))
    constant = there.mean() * (1 - there.mean())
    return {
        "AUC": area_under_curve(there, said),
        "ECE": binary_calibration_error(said, there),
        "Brier score saved": float(1 - ((said - there) ** 2).mean() / constant),
    }


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}
