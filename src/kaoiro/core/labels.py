"""Vocabularies: ordered label names, and the mappings between label sets.

A vocabulary refuses what lies outside it and names the offending label, so that no bare
integer label ever travels between parts of the toolkit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from kaoiro.core.errors import LabelError


@dataclass(frozen=True)
class Vocabulary:
    """An ordered set of label names."""

    name: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels):
            raise LabelError(f"vocabulary '{self.name}' repeats a label: {', '.join(self.labels)}")

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Return the position of `label`.

        Raises:
            LabelError: the label is not in this vocabulary.
        """
        if label not in self.labels:
            raise LabelError(f"'{label}' is not in vocabulary '{self.name}'; valid labels: {', '.join(self.labels)}")
        return self.labels.index(label)

    def indices(self, labels: Iterable[str]) -> list[int]:
        """Return the positions of several labels."""
        return [self.index(label) for label in labels]


EXPRESSION = "expression"
"""The head of a model whose answer is shown and written."""

EXPRESSION_FER2013 = "expression_fer2013"
"""A second head of a model that learned both annotations of FER2013: that of the files themselves."""

EXPRESSIONS = Vocabulary(
    "expressions",
    ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
)
"""The eight expressions in the order in which columns are written (alphabetical)."""

FER2013 = Vocabulary("fer2013", ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"))
"""The seven classes of FER2013 in the order of its integer labels."""

FERPLUS = Vocabulary("ferplus", (*FER2013.labels, "contempt"))
"""The eight emotions of FER+ (Barsoum et al., 2016) in the toolkit's training order."""

FERPLUS_VOTES = Vocabulary(
    "ferplus-votes",
    ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"),
)
"""The ten columns of the official vote table; NF means 'not a face'."""

AFFECT_CENTRES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "anger": (-0.60, 0.65),
        "disgust": (-0.65, 0.30),
        "fear": (-0.60, 0.70),
        "happiness": (0.80, 0.45),
        "sadness": (-0.65, -0.35),
        "surprise": (0.15, 0.80),
        "neutral": (0.0, 0.0),
    }
)
"""Valence and arousal (−1 to 1) of each expression at full intensity: a definition (SPEC 1.3), not psychology."""

ACTION_UNITS = Vocabulary(
    "action units",
    tuple(f"au_{number:02d}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 43)),
)
"""Action units of FACS (Ekman and Friesen, 1978) under the names of their columns; 43 closes the eyes."""

MULTITASK_UNITS = Vocabulary("multitask units", tuple(f"au_{number:02d}" for number in (1, 2, 4, 6, 12, 15, 20, 25)))
"""The eight action units that multi-task networks answer (Kollias and Zafeiriou, arXiv 1811.07771)."""

SYNONYMS = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
    "contemptuous": "contempt",
}


def canonical(label: str) -> str:
    """Return the toolkit's spelling of a common label ('Happy' becomes 'happiness')."""
    word = label.strip().lower()
    return SYNONYMS.get(word, word)


def project(probabilities: np.ndarray, source: Vocabulary, target: Vocabulary) -> np.ndarray:
    """Map class probabilities onto another vocabulary: drop what the target lacks and renormalise.

    Args:
        probabilities: (N, len(source)), rows sum to 1.
        source: vocabulary of the probabilities.
        target: vocabulary wanted.

    Returns:
        (N, len(target)). A target label that the source lacks gets probability 0. A row whose
        whole mass was dropped becomes uniform over the shared labels; a row with NaN keeps it.

    Raises:
        LabelError: the two vocabularies share no label.
    """
    shared = [label for label in target.labels if label in source.labels]
    if not shared:
        raise LabelError(f"vocabularies '{source.name}' and '{target.name}' share no label")
    result = np.zeros((len(probabilities), len(target)), np.float64)
    result[:, target.indices(shared)] = probabilities[:, source.indices(shared)]
    mass = result.sum(axis=1, keepdims=True)
    uniform = np.isin(target.labels, shared) / len(shared)
    return np.where(mass == 0, uniform, result / np.where(mass == 0, 1, mass))
