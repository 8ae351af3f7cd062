"""The bridge from rendered to real faces, both ways: what each side's model says of the other side's faces."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, FERPLUS, MULTITASK_UNITS, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import fer2013, london
from kaoiro.evaluation.crops import portraits
from kaoiro.evaluation.fer2013 import predict
from kaoiro.inference.classifier import Classifier, prepare_crops
from kaoiro.metrics.accuracy import bootstrap_interval
from kaoiro.metrics.agreement import area_under_curve, resampled_interval
from kaoiro.training.signal import SIDE, Frames, Signal


def check(faces: str | None, portraits: str | None) -> None:
    """Refuse missing or damaged files before hours of training, not after.

    Args:
        faces: folder of the official files of FER2013.
        portraits: folder of the London set.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    if faces is not None:
        _public_test(faces)
    if portraits is not None:
        london.read(portraits)


def real_on_rendered(model: ModelFolder, frames: Frames) -> dict[str, Any]:
    """Return how a model of real faces reads rendered ones, per class.

    Args:
        model: with an expression head.
        frames: at the apex.
    """
    probabilities, protocol = predict(model, frames.pixels, FER2013)
    answer = probabilities.argmax(axis=1)
    right = answer == frames.expression
    low, high = bootstrap_interval(right, frames.subjects)
    counts = np.zeros((len(FER2013), len(FER2013)), int)
    np.add.at(counts, (frames.expression, answer), 1)
    return {
        "model": model.name,
        "frames": len(frames),
        "agreement": float(right.mean()),
        "interval": [low, high],
        "chance": 1 / len(FER2013),
        "protocol": protocol,
        "confusion": {"labels": list(FER2013.labels), "counts": counts.tolist()},
    }


def rendered_on_real(signal: Signal, root: str) -> dict[str, Any]:
    """Return the accuracy of a network of rendered faces on FER+ PublicTest, majority labels of the seven classes.

    Raises:
        DataError: files are missing, or no image has such a label.
    """
    part, truth = _public_test(root)
    answer = signal.answer(prepare_crops(part.images, SIDE, 1))["expression"].argmax(axis=1)
    right, shares = answer == truth, np.bincount(truth, minlength=len(FER2013)) / len(truth)
    low, high = bootstrap_interval(right, part.image_keys())
    recall = {
        label: {"n": int((truth == k).sum()), "recall": float(right[truth == k].mean())}
        for k, label in enumerate(FER2013.labels)
        if (truth == k).any()
    }
    macro = float(np.mean([row["recall"] for row in recall.values()]))
    return {
        "images": len(truth),
        "accuracy": float(right.mean()),
        "interval": [low, high],
        "chance": 1 / len(FER2013),
        "majority class": float(shares.max()),
        "macro recall": macro,
        "recall": recall,
    }


def _public_test(root: str) -> tuple[fer2013.Fer2013, np.ndarray]:
    """Return the images with a majority label among the seven classes, and the classes (N,) in the order of FER2013."""
    part = fer2013.read(root).part("PublicTest")
    if part.votes is None:
        raise DataError(f"{root}: the bridge to real faces needs fer2013new.csv beside fer2013.csv")
    truth = fer2013.majority_labels(part.votes)
    kept = (truth >= 0) & (truth != FERPLUS.index("contempt"))
    if not kept.any():
        raise DataError(f"{root}: no PublicTest image has a majority label among {', '.join(FER2013.labels)}")
    return part.rows(kept), np.array(FER2013.indices(FERPLUS.labels[k] for k in truth[kept]))


def smiles(signal: Signal, model: ModelFolder, root: str) -> dict[str, Any]:
    """Return how well scores separate smiling from neutral faces of the London set (area under the ROC curve).

    Raises:
        DataError: files are missing, or faces were found in one group only.
    """
    faces = portraits(root, SIDE)
    crops, smiling, people = faces.pixels, faces.smiling, faces.people
    answer = signal.answer(crops)
    real = Classifier(model).predict(prepare_crops(crops, model.specification.size, model.specification.channels))
    own = model.specification.head("expression").vocabulary
    scores = {
        "AU12, rendered faces only": answer["units"][:, MULTITASK_UNITS.index("au_12")],
        "AU6, rendered faces only": answer["units"][:, MULTITASK_UNITS.index("au_06")],
        "happiness, rendered faces only": answer["expression"][:, FER2013.index("happiness")],
        f"happiness, {model.name}": project(real.heads["expression"], own, FER2013)[:, FER2013.index("happiness")],
    }
    table = {}
    for name, score in scores.items():
        interval = resampled_interval(lambda rows, s=score: area_under_curve(smiling[rows], s[rows]), people)
        table[name] = {"AUC": area_under_curve(smiling, score), "interval": list(interval)}
    return {
        "faces": len(crops),
        "pictures without a found face": faces.missed,
        "people": len(np.unique(people)),
        "separation of smiling from neutral": table,
    }
