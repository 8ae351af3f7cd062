"""A user's own labelled faces: action units scored by FACS coders, annotated valence and arousal, expressions.

What sets that cannot be handed on (DISFA, Aff-Wild2, AffectNet, …) say of a model, in their own folder, at the
thresholds that the model ships with.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kaoiro.core.checks import positive
from kaoiro.core.errors import DataError, ModelError
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, EXPRESSIONS, UNITS_HEAD, Vocabulary, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import labelled_table
from kaoiro.evaluation import crops
from kaoiro.evaluation.answers import answers, units_of
from kaoiro.evaluation.fer2013 import per_class
from kaoiro.evaluation.folder import SEVEN
from kaoiro.evaluation.scores import affect_table, shown, unit_table
from kaoiro.inference.classifier import Answers
from kaoiro.metrics import accuracy as acc
from kaoiro.metrics.calibration import expected_calibration_error
from kaoiro.metrics.resampling import mean_interval


def evaluate(
    model: ModelFolder,
    root: str | Path,
    cut: Literal["detect", "whole"] = "detect",
    present: float = 1.0,
    threads: int | None = None,
) -> dict[str, Any]:
    """Measure a model on a table of labelled pictures; intervals draw the table's subjects again.

    Args:
        model: with any of the heads 'affect', 'units' and 'expression'.
        root: the table, or its folder (`kaoiro.data.datasets.labelled_table`).
        cut: 'detect' finds the largest face of a picture and places it; 'whole' takes pictures that are cut already.
        present: value of an action unit from which it counts as there: 1 for labels of 0 and 1, and for intensities
            from A on; 2 counts intensities from B on.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Returns:
        What was measured, and tables 'valence and arousal', 'action units' and 'expressions', as far as table and model
        both say something.

    Raises:
        DataError: the table cannot be used, or no face was found.
        InputError: a picture cannot be read, or `present` is not positive.
        ModelError: the model answers nothing of what the table knows.
    """
    positive("--present", present)
    table = labelled_table.read(root)
    pixels, rows = crops.pictures(table.paths, model.specification, cut)
    if not len(rows):
        raise DataError(f"{table.source}: no face was found in any of {len(table)} pictures")
    found, subjects = answers(model, pixels, threads), table.subjects[rows]
    units = {unit: _there(values[rows], present) for unit, values in table.units.items()}
    told: dict[str, Any] = {}
    if AFFECT_HEAD in found.heads:
        told["valence and arousal"] = affect_table(found, table.affect[rows], subjects)
    if UNITS_HEAD in found.heads:
        told["action units"] = _units(model, found, units, subjects)
    if EXPRESSION in found.heads:
        told |= _expressions(model, found, table.expressions[rows], subjects)
    told = {name: figures for name, figures in told.items() if figures}
    if not told:
        heads = ", ".join(head.name for head in model.specification.heads)
        raise ModelError(f"model '{model.name}' answers nothing that {table.source} knows; it has: {heads}")
    return _about(model, table, rows, present, cut, units) | told


def _there(values: np.ndarray, present: float) -> np.ndarray:
    """Return 1 where a unit counts as there, 0 where not, NaN where nothing is known."""
    return np.where(np.isnan(values), np.nan, values >= present)


def _about(
    model: ModelFolder,
    table: labelled_table.LabelledTable,
    rows: np.ndarray,
    present: float,
    cut: str,
    units: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    answered = {label for head in model.specification.heads if head.name == UNITS_HEAD for label in head.labels}
    foreign = [unit for unit in units if unit not in answered]
    constant = [unit for unit, values in units.items() if unit in answered and not _varies(values)]
    return {
        "model": model.name,
        "model_sha256": model.digest,
        "pictures": len(table),
        "faces not found": len(table) - len(rows),
        "subjects": len(np.unique(table.subjects[rows])),
        "cut": cut,
        "units count as there from": present,
        "units that the model does not answer": ", ".join(foreign) or "none",
        "units that are never there or always": ", ".join(constant) or "none",
    }


def _varies(values: np.ndarray) -> bool:
    return bool((values == 1).any() and (values == 0).any())


def _units(
    model: ModelFolder, found: Answers, units: Mapping[str, np.ndarray], subjects: np.ndarray
) -> dict[str, dict[str, Any]]:
    scores = {unit: score for unit, score in units_of(model, found).items() if unit in units}
    return unit_table(scores, units, model.specification.head(UNITS_HEAD).present_from, subjects)


def _expressions(model: ModelFolder, found: Answers, names: np.ndarray, subjects: np.ndarray) -> dict[str, Any]:
    """Return accuracy and, by class, recall, precision and F1.

    The model chooses among the eight expressions where the table has contempt, else among the seven of FER2013.
    """
    known = names != ""
    if not known.any():
        return {}
    own = model.specification.head(EXPRESSION).vocabulary
    vocabulary = _vocabulary(names)
    shares = project(found.heads[EXPRESSION][known], own, vocabulary)
    truth = np.array(vocabulary.indices(names[known].tolist()))
    right = shares.argmax(axis=1) == truth
    counts = acc.confusion(truth, shares.argmax(axis=1), len(vocabulary))
    row = {
        "n": len(truth),
        "classes": len(vocabulary),
        "accuracy": acc.accuracy(counts),
        "interval": shown(mean_interval(right.astype(float), subjects[known]), subjects[known]),
        "mean recall": acc.macro_recall(counts),
        "ECE": expected_calibration_error(shares, truth),
    }
    return {"expressions": {"": row}, "expressions by class": per_class(counts, vocabulary)}


def _vocabulary(names: np.ndarray) -> Vocabulary:
    return EXPRESSIONS if "contempt" in names else SEVEN
