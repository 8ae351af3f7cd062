"""What can be said of valence, arousal and action units on faces whose truth nobody coded.

Photographs with expressions, smiling and neutral portraits, generated faces with annotated affect, and rendered faces
of which all is known. None of them replaces faces scored by FACS coders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaoiro.core.errors import ModelError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT, AFFECT_HEAD, EXPRESSION, FERPLUS, SPREAD_HEAD, UNITS_HEAD, unit_title
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import fer2013, synthetic
from kaoiro.data.splits import Part, part_of
from kaoiro.evaluation import crops
from kaoiro.evaluation.fer2013 import SPLITS, predict, truth_of
from kaoiro.inference.classifier import Answers, Classifier, prepare_crops
from kaoiro.metrics.agreement import area_under_curve, concordance, resampled_interval
from kaoiro.metrics.calibration import binary_calibration_error, coverage

PAIRS = (
    ("au_04", "anger"),
    ("au_12", "happiness"),
    ("au_06", "happiness"),
    ("au_25", "surprise"),
    ("au_26", "surprise"),
    ("au_01", "surprise"),
    ("au_02", "surprise"),
    ("au_05", "surprise"),
    ("au_15", "sadness"),
    ("au_01", "sadness"),
    ("au_17", "sadness"),
    ("au_09", "disgust"),
    ("au_20", "fear"),
)
"""Units of prototypes, which faces of the expression should show more often than all others."""
CLAIM = "FER+ accuracy, all tasks - expressions alone"
DRAWS = 2_000
"""Resamples of intervals here."""


def asked(model: ModelFolder) -> None:
    """Refuse a model without the heads.

    Raises:
        ModelError: names the first that is missing.
    """
    present = {head.name for head in model.specification.heads}
    for name in (AFFECT_HEAD, UNITS_HEAD):
        if name not in present:
            raise ModelError(f"model '{model.name}' has no head '{name}'; it has: {', '.join(sorted(present))}")


def answers(model: ModelFolder, pixels: np.ndarray, threads: int | None = None) -> Answers:
    """Return a model's answers for grey crops (N, H, W) uint8 of any size."""
    spec = model.specification
    return Classifier(model, threads).predict(prepare_crops(pixels, spec.size, spec.channels))


def smiles(model: ModelFolder, root: str, part: Part) -> dict[str, Any]:
    """Measure how well scores tell smiling from neutral portraits of one part of the London set's people.

    Raises:
        DataError: files are missing, or faces were found in one group only.
    """
    faces = crops.portraits(root, model.specification.size)
    of_part = np.array([part_of(person) == part for person in faces.people])
    smiling, people = faces.smiling[of_part], faces.people[of_part]
    found = answers(model, faces.pixels[of_part])
    units = model.specification.head(UNITS_HEAD).labels
    scores = {f"{unit_title(unit)}": found.heads[UNITS_HEAD][:, k] for k, unit in enumerate(units)}
    scores = {"valence": found.heads[AFFECT_HEAD][:, 0], "arousal": found.heads[AFFECT_HEAD][:, 1], **scores}
    if EXPRESSION in found.heads:
        happy = model.specification.head(EXPRESSION).labels.index("happiness")
        scores["happiness (expression, to compare with)"] = found.heads[EXPRESSION][:, happy]
    table = {name: separation(score, smiling, people) for name, score in scores.items()}
    about = {"part": part, "faces": len(smiling), "people": len(np.unique(people)), "not found": faces.missed}
    return {**about, "smiling against neutral": table}


def separation(score: np.ndarray, smiling: np.ndarray, people: np.ndarray) -> dict[str, Any]:
    """Return AUC with interval, means, and within people: how often smiling scores more, and the effect size.

    AUC compares everybody's smile with everybody's rest. Within people, faces whose corners of the mouth go up at rest
    do no harm.

    Args:
        score: (N,) of portraits.
        smiling: (N,) bool.
        people: (N,) names.

    Returns:
        'AUC' and its 95 % 'interval' over people, means of both groups, 'pairs' (people seen in both), 'pairs in order'
        (of whom smiling has the higher mean), 'paired effect' (mean difference by its standard deviation).
    """
    low, high = resampled_interval(lambda rows: area_under_curve(smiling[rows], score[rows]), people, DRAWS)
    both = [
        score[(people == person) & smiling].mean() - score[(people == person) & ~smiling].mean()
        for person in np.unique(people)
        if smiling[people == person].any() and not smiling[people == person].all()
    ]
    return {
        "AUC": area_under_curve(smiling, score),
        "interval": [low, high],
        "mean smiling": float(score[smiling].mean()),
        "mean neutral": float(score[~smiling].mean()),
        "pairs": len(both),
        "pairs in order": sum(one > 0 for one in both),
        "paired effect": float(np.mean(both) / np.std(both, ddof=1)) if len(both) > 1 else None,
    }


def photographs(model: ModelFolder, root: str, split: str, against: ModelFolder) -> dict[str, Any]:
    """Measure units and affect beside the FER+ majority, and expressions against another model's, on the same faces.

    Args:
        model: asked.
        root: folder of the official files of FER2013.
        split: 'val' (PublicTest) or 'test'.
        against: the best model of expressions.

    Raises:
        DataError: files or rows are missing.
    """
    images, truth, keys = _majority(root, split)
    found = answers(model, images)
    units = {name: found.heads[UNITS_HEAD][:, k] for k, name in enumerate(model.specification.head(UNITS_HEAD).labels)}
    return {
        "part": SPLITS[split],
        "photographs": len(truth),
        "units by expression": _by_expression(units, found.heads[AFFECT_HEAD], truth),
        "prototypes": {
            f"{unit_title(unit)} on {expression}": _prototype(units[unit], truth == FERPLUS.index(expression), keys)
            for unit, expression in PAIRS
            if unit in units and (truth == FERPLUS.index(expression)).any()
        },
        "expressions": compare(model, against, images, truth, keys),
    }


def _majority(root: str, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the images with a majority among the eight emotions, its classes and the images' digests."""
    data = fer2013.read(root).part(SPLITS[split])
    truth, _ = truth_of(data, "ferplus")
    kept = truth >= 0
    return data.images[kept], truth[kept], data.image_keys()[kept]


def _by_expression(units: Mapping[str, np.ndarray], affect: np.ndarray, truth: np.ndarray) -> dict[str, dict[str, Any]]:
    result = {}
    for k, label in enumerate(FERPLUS.labels):
        rows = truth == k
        if rows.any():
            means = {name: float(affect[rows, place].mean()) for place, name in enumerate(AFFECT.labels)}
            result[label] = {
                "n": int(rows.sum()),
                **means,
                **{name: float(v[rows].mean()) for name, v in units.items()},
            }
    return result


def _prototype(score: np.ndarray, shown: np.ndarray, keys: np.ndarray) -> dict[str, Any]:
    interval = resampled_interval(lambda rows: area_under_curve(shown[rows], score[rows]), keys, DRAWS)
    return {"n": int(shown.sum()), "AUC": area_under_curve(shown, score), "interval": list(interval)}


def compare(
    model: ModelFolder, against: ModelFolder, images: np.ndarray, truth: np.ndarray, keys: np.ndarray
) -> dict[str, Any]:
    """Return accuracies of two models on the same faces and the paired interval of what the first loses, in points.

    Args:
        model: asked.
        against: what it is compared with.
        images: (N, 48, 48) uint8.
        truth: (N,) classes of FER+.
        keys: (N,) digests; identical images are drawn together.
    """
    right = [predict(one, images, FERPLUS, None, any_head=True)[0].argmax(axis=1) == truth for one in (model, against)]
    loss = 100.0 * (right[1].astype(float) - right[0])
    low, high = resampled_interval(lambda rows: float(loss[rows].mean()), keys)
    only = [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
    return {
        "model": model.name,
        "accuracy": float(right[0].mean()),
        "against": against.name,
        "accuracy of that": float(right[1].mean()),
        "loss in points": float(loss.mean()),
        "interval of the loss": [low, high],
        "right alone": only,
    }


def of_generated(model: ModelFolder, root: str, part: Part) -> dict[str, Any]:
    """Measure valence and arousal on one part of DiffusionFER.

    Raises:
        DataError: files are missing, or no face was found.
    """
    faces = crops.generated(root, model.specification.size)
    assert faces.subjects is not None
    faces = faces.rows(np.array([part_of(subject) == part for subject in faces.subjects]))
    found = answers(model, faces.pixels)
    return {"part": part, "faces": len(faces), "valence and arousal": _affect(model, found, faces)}


def _affect(model: ModelFolder, found: Answers, faces: Faces) -> dict[str, dict[str, Any]]:
    """Return CCC with interval over subjects, and the coverage of predicted spreads, of each column."""
    truth, answer, subjects = faces.targets[AFFECT_HEAD], found.heads[AFFECT_HEAD], faces.subjects
    assert subjects is not None
    table = {}
    for k, name in enumerate(AFFECT.labels):
        interval = resampled_interval(
            lambda rows, t=truth[:, k], a=answer[:, k]: concordance(t[rows], a[rows]), subjects, DRAWS
        )
        error = answer[:, k] - truth[:, k]
        row = {"CCC": concordance(truth[:, k], answer[:, k]), "interval": list(interval)}
        row |= {"mean absolute error": float(np.abs(error).mean())}
        if any(head.name == SPREAD_HEAD for head in model.specification.heads):
            inside = coverage(error, found.heads[SPREAD_HEAD][:, k])
            row |= {"within 1 sd (0.68)": inside[1.0], "within 1.96 sd (0.95)": inside[1.96]}
        table[name] = row
    return table


def of_rendered(model: ModelFolder, root: str) -> dict[str, Any]:
    """Measure units, valence and arousal on the test people of a set of the FACS world.

    Raises:
        DataError: no set, or one without test people.
    """
    data = synthetic.read(root)
    splits = [name for name in ("test", "paper-test", "further-test") if name in set(data.table["split"])]
    rows = data.select(splits or "test", "evaluation")
    faces = crops.rendered(data, rows[:: max(1, len(rows) // 5_000)], model.specification.size)
    found = answers(model, faces.pixels)
    assert faces.subjects is not None
    return {
        "set": str(data.settings.get("set")),
        "faces": len(faces),
        "people": len(np.unique(faces.subjects)),
        "valence and arousal": _affect(model, found, faces),
        "units": _units(model, found, faces),
    }


def _units(model: ModelFolder, found: Answers, faces: Faces) -> dict[str, dict[str, Any]]:
    """Return AUC, F1 at one half, calibration error and share present of each unit, where that is clear."""
    table: dict[str, dict[str, Any]] = {}
    truth = faces.targets[UNITS_HEAD]
    for k, unit in enumerate(model.specification.head(UNITS_HEAD).labels):
        clear = (truth[:, k] == 0) | (truth[:, k] == 1)
        present, score = truth[clear, k] == 1, found.heads[UNITS_HEAD][clear, k]
        if present.all() or not present.any():
            continue
        table[unit_title(unit)] = {
            "AUC": area_under_curve(present, score),
            "F1": f1(present, score > 0.5),
            "ECE": binary_calibration_error(score, present),
            "share present": float(present.mean()),
        }
    return table


def f1(truth: np.ndarray, answer: np.ndarray) -> float:
    """Return the F1 score of binary answers (N,) bool; 0 where nothing was found and nothing was there."""
    found = 2 * float((truth & answer).sum())
    return found / max(1.0, float(truth.sum() + answer.sum()))


def evaluate(
    model: ModelFolder,
    against: ModelFolder,
    root: str,
    london: str | None = None,
    generated: str | None = None,
    rendered: str | None = None,
    split: str = "val",
    part: Part = "report",
    together: ModelFolder | None = None,
) -> dict[str, Any]:
    """Return all figures for which data are named.

    Args:
        model: with the heads 'affect' and 'units'.
        against: the model of expressions that it must not fall behind.
        root: folder of the official files of FER2013.
        london: folder of the London set.
        generated: folder of DiffusionFER.
        rendered: folder of a set of the FACS world.
        split: of FER2013.
        part: of the sets without splits; 'development' is for choices only.
        together: a network that learned expressions with everything else in one trunk; its expressions are compared
            with `against`, too.

    Returns:
        Tables by source; `wishes`, and `claims` (rows of `docs/results/claims.md`).

    Raises:
        DataError: files are missing.
        ModelError: the model lacks a head.
    """
    asked(model)
    found: dict[str, Any] = {"model": model.name, "model_sha256": model.digest}
    sources = {f"FER2013 {SPLITS[split]}": photographs(model, root, split, against)}
    if london is not None:
        sources["London"] = smiles(model, london, part)
    if generated is not None:
        sources["DiffusionFER"] = of_generated(model, generated, part)
    if rendered is not None:
        sources["rendered"] = of_rendered(model, rendered)
    found["wishes"] = wishes(sources)
    if together is not None:
        images, truth, keys = _majority(root, split)
        compared = compare(together, against, images, truth, keys)
        sources["one trunk for everything"] = {"expressions": compared}
        found["claims"] = {CLAIM: _no_loss(compared)}
    for name, figures in sources.items():
        plain = {key: value for key, value in figures.items() if not isinstance(value, dict)}
        found |= {f"{name}: what": {"": plain}} if plain else {}
        for key, table in figures.items():
            if isinstance(table, dict):
                rows = all(isinstance(row, dict) for row in table.values())
                found[f"{name}: {key}"] = table if rows else {"": table}
    return found


def wishes(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what was wished of real faces beside what was found: verdicts by the whole 95 % interval."""
    rows: dict[str, dict[str, Any]] = {}
    for name, figures in sources.items():
        if "expressions" in figures:
            loss = figures["expressions"]
            rows[f"{name}: points of accuracy lost"] = _wish(
                loss["loss in points"], loss["interval of the loss"], 1, -1
            )
        if name == "London":
            told = figures["smiling against neutral"]
            for what, least in ((unit_title("au_12"), 0.98), ("valence", 0.95)):
                rows[f"London: AUC of {what}"] = _wish(told[what]["AUC"], told[what]["interval"], least)
        if name == "DiffusionFER":
            told = figures["valence and arousal"]
            for what, least in (("valence", 0.7), ("arousal", 0.5)):
                rows[f"DiffusionFER: CCC of {what}"] = _wish(told[what]["CCC"], told[what]["interval"], least)
    return rows


def _wish(found: float, interval: list[float], limit: float, sign: int = 1) -> dict[str, Any]:
    """Return a row; `sign` -1 wishes at most the limit."""
    low, high = (sign * end for end in (interval if sign > 0 else interval[::-1]))
    verdict = "reached" if low >= sign * limit else "missed" if high < sign * limit else "undecided"
    word = "at least" if sign > 0 else "at most"
    return {"wished": f"{word} {limit:g}", "found": found, "interval": list(interval), "verdict": verdict}


def _no_loss(compared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of the claim that learning everything together costs expressions nothing, in accuracy 0-1."""
    low, high = (-end / 100 for end in compared["interval of the loss"][::-1])
    verdict = "holds" if low >= 0 else "does not hold" if high < 0 else "undecided"
    found = -compared["loss in points"] / 100
    return {"found": found, "interval": [low, high], "wished": "at least 0", "verdict": verdict}
