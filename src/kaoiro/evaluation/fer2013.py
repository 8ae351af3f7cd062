"""Accuracy and calibration on FER2013, with its own labels or those of FER+."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from kaoiro.core.errors import DataError, ModelError
from kaoiro.core.labels import EXPRESSION, EXPRESSION_FER2013, FER2013, FERPLUS, Vocabulary, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.spec import Head, Specification
from kaoiro.data.datasets import fer2013
from kaoiro.evaluation.progress import followed
from kaoiro.inference.classifier import Classifier, prepare_crops
from kaoiro.metrics import accuracy as acc
from kaoiro.metrics.calibration import expected_calibration_error, negative_log_likelihood

Labels = Literal["fer2013", "ferplus"]
PART = 256
"""Faces classified from one step of the progress bar to the next: whole batches."""
SPLITS = {"val": "PublicTest", "test": "PrivateTest"}


def evaluate(model: ModelFolder, root: str, split: str, labels: Labels, threads: int | None = None) -> dict[str, Any]:
    """Measure a model on an official part of FER2013, single crop, images as they are.

    With `ferplus` the images with a clear majority among the eight emotions count (SPEC: majority mode),
    with `fer2013` all images. A model that learned both annotations answers with the head of the one asked for; where
    its labels differ from the data's, its probabilities are mapped (labels the data lacks are dropped, the rest
    renormalised) and the result says so. Figures with flips are of the mean over each image and its mirror image.

    Args:
        model: checked model folder.
        root: folder of the official files.
        split: 'val' (PublicTest) or 'test' (PrivateTest).
        labels: which annotation.
        threads: of ONNX Runtime.

    Raises:
        DataError: files or rows are missing.
        ModelError: the model has no expression head.
    """
    data = fer2013.read(root)
    part = data.part(SPLITS[split])
    truth, vocabulary = truth_of(part, labels)
    kept = truth >= 0
    if not kept.any():
        raise DataError(f"no {SPLITS[split]} image has a {labels} label to compare with")
    probabilities, protocol = predict(model, part.images[kept], vocabulary, threads, any_head=True)
    mirrored, _ = predict(model, part.images[kept][:, :, ::-1], vocabulary, threads, any_head=True)
    seen = seen_in_training(data, part)
    seen = None if seen is None else seen[kept]
    report = measure(probabilities, truth[kept], vocabulary, part.image_keys()[kept])
    report |= _deduplicated(probabilities, truth[kept], seen)
    report |= with_flips((probabilities + mirrored) / 2, truth[kept], seen)
    head = {"n": int(kept.sum()), "dropped": int((~kept).sum()), "labels": labels, "split": split, "model": model.name}
    return head | {"part": SPLITS[split], "model_sha256": model.digest, "protocol": f"single crop; {protocol}"} | report


def truth_of(part: fer2013.Fer2013, labels: Labels) -> tuple[np.ndarray, Vocabulary]:
    """Return the true classes (N,), -1 where there is none, and their vocabulary."""
    if labels == "fer2013":
        return part.labels, FER2013
    if part.votes is None:
        raise DataError("--labels ferplus needs fer2013new.csv beside fer2013.csv")
    return fer2013.majority_labels(part.votes), FERPLUS


def with_flips(probabilities: np.ndarray, truth: np.ndarray, seen: np.ndarray | None) -> dict[str, float | None]:
    """Return the main figures of answers averaged over each image and its mirror image."""
    counts = acc.confusion(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    figures = {"accuracy": acc.accuracy(counts), "macro_recall": acc.macro_recall(counts)}
    figures |= {"ece": expected_calibration_error(probabilities, truth)}
    figures |= {"accuracy_dedup": _deduplicated(probabilities, truth, seen)["accuracy_dedup"]}
    return {f"flips_{name}": value for name, value in figures.items()}


def head_for(specification: Specification, vocabulary: Vocabulary) -> Head:
    """Return the head of expressions that has exactly these labels, else the main one.

    Raises:
        KeyError: the model has no expression head.
    """
    expressions = (head for head in specification.heads if head.name in (EXPRESSION, EXPRESSION_FER2013))
    fitting = (head for head in expressions if set(head.labels) == set(vocabulary.labels))
    return next(fitting, None) or specification.head(EXPRESSION)


def predict(
    model: ModelFolder,
    images: np.ndarray,
    vocabulary: Vocabulary,
    threads: int | None = None,
    any_head: bool = False,
) -> tuple[np.ndarray, str]:
    """Return probabilities (N, len(vocabulary)) and one sentence on how labels were matched.

    The answer is that of the head that users are shown, unless `any_head` allows another one with these very labels.

    Raises:
        ModelError: the model has no expression head.
    """
    spec = model.specification
    if all(head.name != EXPRESSION for head in spec.heads):
        raise ModelError(f"model '{model.name}' has no expression head; nothing of it can be compared with labels")
    head = head_for(spec, vocabulary) if any_head else spec.head(EXPRESSION)
    own = head.vocabulary
    answer = _answers(Classifier(model, threads), prepare_crops(images, spec.size, spec.channels), head.name)
    dropped = [label for label in own.labels if label not in vocabulary.labels]
    lacking = [label for label in vocabulary.labels if label not in own.labels]
    notes = [f"{', '.join(dropped)} dropped and the rest renormalised"] if dropped else []
    notes += [f"the model does not know {', '.join(lacking)}"] if lacking else []
    said = "; ".join(notes) or "model and data have the same labels"
    return project(answer, own, vocabulary), said if head.name == EXPRESSION else f"head {head.name}; {said}"


def _answers(classifier: Classifier, crops: np.ndarray, head: str) -> np.ndarray:
    parts = range(0, len(crops), PART)
    answers = [
        classifier.predict(crops[start : start + PART]).heads[head]
        for start in followed(parts, len(parts), f"x {PART} faces")
    ]
    return np.concatenate(answers)


def seen_in_training(data: fer2013.Fer2013, part: fer2013.Fer2013) -> np.ndarray | None:
    """Return which images of a part occur pixel-identical in Training; None if Training is not in the file."""
    if not (data.usage == "Training").any():
        return None
    return np.isin(part.image_keys(), data.part("Training").image_keys())


def measure(probabilities: np.ndarray, truth: np.ndarray, vocabulary: Vocabulary, groups: np.ndarray) -> dict[str, Any]:
    """Return the figures of one classification.

    Args:
        probabilities: (N, K).
        truth: (N,) classes.
        vocabulary: of the K classes.
        groups: (N,) ids of identical images, resampled together for the interval.
    """
    guess = probabilities.argmax(axis=1)
    counts = acc.confusion(truth, guess, len(vocabulary))
    low, high = acc.bootstrap_interval(guess == truth, groups, draws=2000)
    return {
        "accuracy": acc.accuracy(counts),
        "accuracy_interval_95": [low, high],
        "macro_recall": acc.macro_recall(counts),
        **negatives(counts, vocabulary),
        "per_class": per_class(counts, vocabulary),
        "confusion": {"labels": list(vocabulary.labels), "counts": counts.tolist()},
        "ece": expected_calibration_error(probabilities, truth),
        "nll": negative_log_likelihood(probabilities, truth),
    }


def negatives(counts: np.ndarray, vocabulary: Vocabulary) -> dict[str, float | None]:
    """Return the mean recall of the negative expressions (NEG), and of fear and disgust (NEG2); None if any lacks."""
    recalls = dict(zip(vocabulary.labels, acc.recalls(counts), strict=True))
    groups = {"NEG": ("anger", "disgust", "fear", "sadness"), "NEG2": ("fear", "disgust")}
    means = {name: float(np.mean([recalls.get(label, np.nan) for label in who])) for name, who in groups.items()}
    return {name: _number(value) for name, value in means.items()}


def per_class(counts: np.ndarray, vocabulary: Vocabulary) -> dict[str, dict[str, float | int | None]]:
    """Return recall, precision, F1 and support by label; None where undefined."""
    columns = {"recall": acc.recalls(counts), "precision": acc.precisions(counts), "f1": acc.f1_scores(counts)}
    table: dict[str, dict[str, float | int | None]] = {}
    for index, label in enumerate(vocabulary.labels):
        row = {name: _number(values[index]) for name, values in columns.items()}
        table[label] = {**row, "support": int(counts[index].sum())}
    return table


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _deduplicated(probabilities: np.ndarray, truth: np.ndarray, seen: np.ndarray | None) -> dict[str, Any]:
    if seen is None:
        return {"n_dedup": None, "accuracy_dedup": None}
    right = probabilities.argmax(axis=1)[~seen] == truth[~seen]
    return {"n_dedup": int((~seen).sum()), "accuracy_dedup": float(right.mean()) if len(right) else None}


def card_numbers(figures: dict[str, Any]) -> dict[str, float]:
    """Return what of a result belongs into the model's card."""
    place = f"{figures['part'].lower()}_{figures['labels']}"
    names = ("n", "accuracy", "accuracy_dedup", "macro_recall", "NEG", "NEG2", "ece", "flips_accuracy")
    values = {name: figures[name] for name in names}
    values |= {f"recall_{label}": row["recall"] for label, row in figures["per_class"].items()}
    return {f"{place}_{name}": round(float(value), 4) for name, value in values.items() if value is not None}
