"""What a model of system C answers about faces, asked once and kept beside the model.

Beside the answers of its heads stands that of a linear probe: a logistic regression on the model's features of the
faces that it learned from, chosen on those held out (SPEC 4.3, trap 6).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.files import replacing, writing
from kaoiro.core.labels import EXPRESSION, EXPRESSION_FER2013, FER2013, FERPLUS, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets.fer2013 import image_keys
from kaoiro.data.source import LearningData
from kaoiro.evaluation.fer2013 import PART, head_for
from kaoiro.evaluation.progress import followed
from kaoiro.inference.classifier import Answers, Classifier, prepare_crops
from kaoiro.metrics.probes import logistic_path

FILE = "answers.npz"
_CONSTANT = 1e-9  # variance below which a feature says nothing


@dataclass(frozen=True, eq=False)
class Answered:
    """Probabilities that a model gave N faces.

    Attributes:
        seven: (N, 7) in the order of FER2013, by the head that learned its labels.
        eight: (N, 8) in the order of FER+, by the head that learned its votes; None where there is none.
        probe: (N, 7) by logistic regression on the features.
    """

    seven: np.ndarray
    eight: np.ndarray | None
    probe: np.ndarray


def kept(file: Path, model: ModelFolder, images: np.ndarray, learned: Callable[[], LearningData]) -> Answered:
    """Return what a model answered before, or ask it and keep the answers.

    Args:
        file: of the answers.
        model: that is asked.
        images: (N, 48, 48) uint8.
        learned: gives what it learned from, for the probe.

    Raises:
        DataError: the file is damaged.
    """
    about = {"model": model.digest, "images": hashlib.sha256(image_keys(images).tobytes()).hexdigest()}
    if file.is_file():
        stored, found = _read(file)
        if stored == about:
            return found
    found = ask(model, images, learned())
    tables = {name: table.astype(np.float32) for name, table in vars(found).items() if table is not None}
    with replacing(file) as partial, writing(file), partial.open("wb") as stream:
        np.savez_compressed(stream, about=np.array(json.dumps(about)), **tables)
    return _read(file)[1]


def _read(file: Path) -> tuple[dict[str, str], Answered]:
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            eight = stored["eight"] if "eight" in stored.files else None
            return json.loads(str(stored["about"])), Answered(stored["seven"], eight, stored["probe"])
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} is damaged; remove it to ask the model again") from error


def ask(model: ModelFolder, images: np.ndarray, learned: LearningData) -> Answered:
    """Return a model's answers about images (N, 48, 48)."""
    classifier, spec = Classifier(model), model.specification
    said, head = said_of(classifier, images), head_for(spec, FER2013)
    plus = head_for(spec, FERPLUS)
    eight = said.heads[plus.name] if set(plus.labels) == set(FERPLUS.labels) else None
    return Answered(
        project(said.heads[head.name], head.vocabulary, FER2013),
        None if eight is None else project(eight, plus.vocabulary, FERPLUS),
        _probed(classifier, said.features, learned),
    )


def said_of(classifier: Classifier, images: np.ndarray) -> Answers:
    """Return features, raw outputs and answers of a model about images (N, 48, 48), with a bar of progress."""
    spec = classifier.specification
    crops = prepare_crops(images, spec.size, spec.channels)
    starts = range(0, len(crops), PART)
    parts = [classifier.predict(crops[at : at + PART]) for at in followed(starts, len(starts), f"x {PART} faces")]
    heads = {name: np.concatenate([one.heads[name] for one in parts]) for name in parts[0].heads}
    raw = {name: np.concatenate([one.raw[name] for one in parts]) for name in parts[0].raw}
    return Answers(np.concatenate([one.features for one in parts]), raw, heads)


def _probed(classifier: Classifier, features: np.ndarray, learned: LearningData) -> np.ndarray:
    """Return what a linear reader of features answers: (N, F) -> (N, 7)."""
    head = EXPRESSION_FER2013 if EXPRESSION_FER2013 in learned.vocabularies else EXPRESSION
    known, held = learned.training, learned.validation
    codes = said_of(classifier, known.pixels).features.astype(np.float64)
    mean, spread = codes.mean(axis=0), codes.std(axis=0)
    scale = np.where(spread**2 > _CONSTANT, spread, 1.0)
    readers = logistic_path((codes - mean) / scale, known.labels[head], len(FER2013))
    checked = (said_of(classifier, held.pixels).features - mean) / scale
    score = {ridge: (reader(checked).argmax(axis=1) == held.labels[head]).mean() for ridge, reader in readers.items()}
    best = max(score, key=lambda ridge: (score[ridge], ridge))
    return _softmax(readers[best]((features - mean) / scale))


def _softmax(raw: np.ndarray) -> np.ndarray:
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
