"""Smiling and neutral portraits of the same people (the London set): which scores tell them apart?"""

from __future__ import annotations

from typing import Any

import numpy as np

from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD, unit_title
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.splits import Part, part_of
from kaoiro.evaluation import crops
from kaoiro.evaluation.answers import answers
from kaoiro.evaluation.scores import shown
from kaoiro.metrics.agreement import area_under_curve
from kaoiro.metrics.paired import effect_size
from kaoiro.metrics.resampling import area_interval, effect_interval


def smiles(model: ModelFolder, root: str, part: Part, threads: int | None = None) -> dict[str, Any]:
    """Measure how well scores tell smiling from neutral portraits of one part of the London set's people.

    Args:
        model: with the heads 'affect' and 'units'.
        root: folder of the set.
        part: of its people.
        threads: of ONNX Runtime.

    Raises:
        DataError: files are missing, or faces were found in one group only.
    """
    faces = crops.portraits(root, model.specification.size)
    of_part = np.array([part_of(person) == part for person in faces.people])
    smiling, people = faces.smiling[of_part], faces.people[of_part]
    found = answers(model, faces.pixels[of_part], threads)
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
        (of whom smiling has the higher mean), 'paired effect' (mean difference by its standard deviation) and its
        interval over these people.
    """
    both = [
        score[(people == person) & smiling].mean() - score[(people == person) & ~smiling].mean()
        for person in np.unique(people)
        if smiling[people == person].any() and not smiling[people == person].all()
    ]
    differences = np.array(both, np.float64)
    return {
        "AUC": area_under_curve(smiling, score),
        "interval": shown(area_interval(smiling, score, people), people),
        "mean smiling": float(score[smiling].mean()),
        "mean neutral": float(score[~smiling].mean()),
        "pairs": len(both),
        "pairs in order": int((differences > 0).sum()),
        "paired effect": effect_size(differences),
        "interval of effect": shown(effect_interval(differences), range(len(both))) if both else None,
    }
