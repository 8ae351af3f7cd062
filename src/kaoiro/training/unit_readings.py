"""Action units that a model reads on faces to learn from, beside the labels that these have."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.labels import MEASURED_UNITS, UNITS_HEAD
from kaoiro.core.modelfile import load
from kaoiro.core.spec import Head
from kaoiro.data.datasets.fer2013 import image_keys
from kaoiro.data.source import LearningData
from kaoiro.inference.classifier import Classifier, prepare_crops

_EDGE = 1e-6


def read_where_asked(data: LearningData, recipe: Any) -> LearningData:
    """Return learning data with action units of the training faces, if the recipe ties texts to them.

    They are a target without a vocabulary: no head answers them.

    Raises:
        InputError: the teacher does not read all `MEASURED_UNITS`.
        ModelError: there is no such model.
    """
    if not getattr(recipe.objective, "tied", 0.0):
        return data
    units = reader(recipe.data.teacher).read(data.training.pixels)
    training = replace(data.training, targets={**data.training.targets, UNITS_HEAD: units})
    return replace(data, training=training, description=f"{data.description}; action units by {recipe.data.teacher}")


class Reader:
    """Reads action units, every image once.

    Args:
        model: name or folder.

    Raises:
        InputError: it does not read all `MEASURED_UNITS`.
        ModelError: there is no such model.
    """

    def __init__(self, model: str) -> None:
        self._model = load(model)
        head = next((one for one in self._model.specification.heads if one.name == UNITS_HEAD), None)
        lacking = set(MEASURED_UNITS.labels) - set(() if head is None else head.labels)
        if head is None or lacking:
            raise InputError(f"--data.teacher {model}: it does not read {', '.join(sorted(lacking))}")
        self._head = head
        self._known: dict[bytes, np.ndarray] = {}

    def read(self, images: np.ndarray) -> np.ndarray:
        """Return probabilities of `MEASURED_UNITS`, 0.5 at the threshold of each: (N, H, W) uint8 -> (N, U) float32."""
        keys = image_keys(images)
        _, first = np.unique(keys, return_index=True)
        new = [row for row in first if keys[row] not in self._known]
        if new:
            spec = self._model.specification
            pixels = prepare_crops(images[new], spec.size, spec.channels)
            answer = Classifier(self._model).predict(pixels).heads[UNITS_HEAD]
            found = at_thresholds(answer, self._head)[:, self._head.vocabulary.indices(MEASURED_UNITS.labels)]
            self._known.update(zip(keys[new], found.astype(np.float32), strict=True))
        return np.stack([self._known[key] for key in keys])


@cache
def reader(model: str) -> Reader:
    """Return the reader of a model, the same one in every call: what it has read once stays known."""
    return Reader(model)


def at_thresholds(answer: np.ndarray, head: Head) -> np.ndarray:
    """Return probabilities shifted in log-odds so that each unit's threshold becomes 0.5: (N, U) -> (N, U)."""
    if not head.thresholds:
        return answer
    answer, limits = (np.clip(values, _EDGE, 1 - _EDGE) for values in (answer, np.array(head.thresholds)))
    odds = np.log(answer / (1 - answer)) - np.log(limits / (1 - limits))
    return 1 / (1 + np.exp(-odds))
