"""Photographs, generated faces and rendered faces as one set to learn from, each with the labels that it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import (
    AFFECT,
    AFFECT_HEAD,
    EXPRESSION,
    EXPRESSION_FER2013,
    MEASURED_UNITS,
    SPREAD_HEAD,
    UNITS_HEAD,
    Vocabulary,
)
from kaoiro.core.modelfile import load as open_model
from kaoiro.data import source
from kaoiro.data.datasets import synthetic
from kaoiro.data.source import DataConfig, LearningData
from kaoiro.evaluation import crops
from kaoiro.inference.classifier import Classifier, prepare_crops

PHOTOGRAPHS, GENERATED, RENDERED = range(3)
"""Domains."""
VALIDATION = 3_000
"""At most so many rendered faces of people kept back are looked at after each epoch."""
LIMITS = (
    *source.FER2013_LIMITS[:1],
    "Action units of real faces were never labelled here: they are learned from rendered faces and from what "
    "expressions show on average. Valence and arousal: from rendered and generated faces, and from expressions.",
    *source.FER2013_LIMITS[1:],
)


def load(config: DataConfig, size: int) -> LearningData:
    """Load the faces of all three kinds.

    Args:
        config: names the folders; without `rendered` and `generated` the photographs remain.
        size: side of the crops, pixels.

    Raises:
        DataError: files are missing or not in the documented layouts.
    """
    photographs = source.load(replace(config, dataset="fer2013"))
    heads = {**photographs.vocabularies, AFFECT_HEAD: AFFECT, SPREAD_HEAD: AFFECT, UNITS_HEAD: MEASURED_UNITS}
    learned, checked = [photographs.training], [photographs.validation]
    if config.generated is not None:
        faces = crops.generated(config.generated, size)
        learned.append(_generated(crops.generated_part(faces, "learned")))
        checked.append(_generated(crops.generated_part(faces, "development")))
    if config.rendered:
        training, validation = _rendered(config.rendered, size, heads)
        learned.append(training)
        checked.append(validation)
    if config.teacher is not None:
        learned[0] = taught(learned[0], config.teacher, config.distilled)
    of = f"{photographs.description}, {sum(map(len, learned[1:]))} generated and rendered faces"
    licence = photographs.licence
    shares = _shares(config)
    return LearningData(join(learned, heads), join(checked, heads), heads, of, licence, LIMITS, shares)


def _shares(config: DataConfig) -> tuple[float, ...]:
    present = (True, config.generated is not None, bool(config.rendered))
    return tuple(share if there else 0.0 for share, there in zip(config.shares, present, strict=True))


def join(parts: Sequence[Faces], heads: dict[str, Vocabulary]) -> Faces:
    """Put faces of several kinds behind each other; a head that a kind knows nothing of gets NaN and -1."""

    def targets(faces: Faces, head: str) -> np.ndarray:
        missing = np.full((len(faces), len(heads[head])), np.nan, np.float32)
        return np.asarray(faces.targets.get(head, missing), np.float32)

    def labels(faces: Faces, head: str) -> np.ndarray:
        return faces.labels.get(head, np.full(len(faces), -1, np.int64))

    kinds = [faces.domains if faces.domains is not None else np.zeros(len(faces), np.int64) for faces in parts]
    return Faces(
        pixels=np.concatenate([faces.pixels for faces in parts]),
        targets={head: np.concatenate([targets(faces, head) for faces in parts]) for head in heads},
        labels={head: np.concatenate([labels(faces, head) for faces in parts]) for head in heads},
        domains=np.concatenate(kinds),
    )


def _generated(faces: Faces) -> Faces:
    """Return faces of DiffusionFER with the labels of all heads; FER+ continues the order of FER2013 by contempt."""
    seven = faces.targets[EXPRESSION]
    eight = np.pad(seven, ((0, 0), (0, 1)))
    targets = {EXPRESSION: eight, EXPRESSION_FER2013: seven, AFFECT_HEAD: faces.targets[AFFECT_HEAD]}
    return replace(faces, targets=targets, labels={}, domains=np.full(len(faces), GENERATED))


def _rendered(roots: Sequence[str], size: int, heads: dict[str, Vocabulary]) -> tuple[Faces, Faces]:
    """Return the training frames of sets of the FACS world, and at most `VALIDATION` frames of people kept back."""
    learned, checked = [], []
    for root in roots:
        data = synthetic.read(root)
        learned.append(crops.rendered(data, data.select("train", "training"), size))
        if "val" in set(data.table["split"]):
            rows = data.select("val")
            checked.append(crops.rendered(data, rows[:: max(1, len(rows) // VALIDATION)], size))
    if not checked:
        raise DataError(f"{', '.join(roots)}: none has people kept back; name a syn-mt or syn-vid set too")
    training, validation = join(learned, heads), join(checked, heads)
    return _in_domain(training, RENDERED), _in_domain(validation, RENDERED)


def _in_domain(faces: Faces, domain: int) -> Faces:
    return replace(faces, domains=np.full(len(faces), domain))


def taught(faces: Faces, model: str, distilled: float = 0.0) -> Faces:
    """Return faces whose missing action units, valence and arousal are what a teacher answers.

    Sources: the teacher-student filling of missing labels of Deng et al., "Multitask Emotion Recognition with
    Incomplete Labels", FG 2020; Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.

    Args:
        faces: photographs.
        model: name or folder of the teacher.
        distilled: share of the teacher's probabilities in the expressions to learn.

    Raises:
        InputError: the teacher lacks a head.
        ModelError: there is no such model.
    """
    teacher = open_model(model)
    spec = teacher.specification
    lacking = {AFFECT_HEAD, UNITS_HEAD} - {head.name for head in spec.heads}
    if lacking:
        raise InputError(f"--data.teacher {model}: it has no head {', '.join(sorted(lacking))}")
    pixels = prepare_crops(faces.pixels, spec.size, spec.channels)
    answers = Classifier(teacher).predict(pixels).heads
    filled = {name: answers[name].astype(np.float32) for name in (AFFECT_HEAD, UNITS_HEAD)}
    for head in spec.heads:
        if distilled and head.name.startswith(EXPRESSION) and head.name in faces.targets:
            own = faces.targets[head.name]
            filled[head.name] = ((1 - distilled) * own + distilled * answers[head.name]).astype(np.float32)
    return replace(faces, targets={**faces.targets, **filled})
