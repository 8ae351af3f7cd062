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

AFFECT_HEAD, SPREAD_HEAD, UNITS_HEAD = "affect", "affect_spread", "units"
"""Further heads whose answers are shown and written: valence and arousal, their spread, and action units."""

OPEN_HEAD = "words"
"""The head of a model that tells words by their texts."""

OWN_HEAD = "own"
"""The head of a model that was adapted to labels of a user's own, which are written as words."""

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

UNIT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "au_01": "inner brow raiser",
        "au_02": "outer brow raiser",
        "au_04": "brow lowerer",
        "au_05": "upper lid raiser",
        "au_06": "cheek raiser",
        "au_07": "lid tightener",
        "au_09": "nose wrinkler",
        "au_10": "upper lip raiser",
        "au_11": "nasolabial deepener",
        "au_12": "lip corner puller",
        "au_14": "dimpler",
        "au_15": "lip corner depressor",
        "au_16": "lower lip depressor",
        "au_17": "chin raiser",
        "au_20": "lip stretcher",
        "au_23": "lip tightener",
        "au_24": "lip pressor",
        "au_25": "lips part",
        "au_26": "jaw drop",
        "au_43": "eyes closed",
    }
)
"""What FACS calls the `ACTION_UNITS`."""

MULTITASK_UNITS = Vocabulary("multitask units", tuple(f"au_{number:02d}" for number in (1, 2, 4, 6, 12, 15, 20, 25)))
"""The eight action units that multi-task networks answer (Kollias and Zafeiriou, arXiv 1811.07771)."""

MEASURED_UNITS = Vocabulary(
    "measured units",
    tuple(f"au_{number:02d}" for number in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)),
)
"""The action units of which records have a column; a model may answer some or all of them."""

AFFECT = Vocabulary("affect", ("valence", "arousal"))
"""Valence (unpleasant to pleasant) and arousal (calm to excited), each −1 to 1 (Russell, 1980)."""

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


def unit_number(unit: str) -> int:
    """Return the FACS number of an action unit ('au_04' becomes 4)."""
    return int(unit.removeprefix("au_"))


def unit_title(unit: str) -> str:
    """Return an action unit in words ('au_12' becomes 'AU 12 (lip corner puller)')."""
    return f"AU {unit_number(unit)} ({UNIT_NAMES[unit]})"


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
