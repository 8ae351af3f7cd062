"""What is compared between groups: errors, calibration, abstention, and scores where the truth is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kaoiro.core.labels import AFFECT, EXPRESSIONS
from kaoiro.evaluation.groups.looked_at import LookedAt
from kaoiro.metrics.calibration import error_of_calibrated
from kaoiro.metrics.groups import ENOUGH, Measure, calibration_error_of, mean_of, recall_of, share_of

NO_FACE, ERROR, OVERCONFIDENCE, ECE = "no face", "error", "overconfidence", "ECE"
LOSS, MEAN_RECALL = "log loss", "mean recall"
DOING, SCORES = "what the model does", "scores"
"""Families of measures."""
LEAST = 0.5
"""Confidence below which an answer counts as none, unless somebody says otherwise."""
_FLOOR = 1e-12  # of a probability, in its logarithm


class Family(NamedTuple):
    """Measures that are adjusted together.

    Attributes:
        name: of the family.
        measures: in it.
    """

    name: str
    measures: tuple[Measure, ...]


def unsure(least: float) -> str:
    """Return what the share of answers without enough confidence is called."""
    return f"below {least:g}"


def error_when_sure(least: float) -> str:
    """Return what the error of the others is called."""
    return f"error from {least:g} on"


def families(faces: LookedAt, least: float = LEAST) -> list[Family]:
    """Return the measures that can be made of pictures: what the model does, and how high its scores are.

    Args:
        faces: the pictures.
        least: confidence below which an answer counts as none.
    """
    found, everything = faces.found, np.ones(len(faces), bool)
    confidence = np.where(found, np.nan_to_num(faces.scores).max(axis=1), 0.0)
    doing = [share_of(NO_FACE, ~found, everything), share_of(unsure(least), confidence < least, found)]
    if (found & (faces.truth >= 0)).any():
        doing[1:1] = _judged(faces, confidence)
        judged = found & (faces.truth >= 0)
        if (judged & (confidence < least)).any():  # else it is the error itself
            doing.append(share_of(error_when_sure(least), ~right(faces), judged & (confidence >= least)))
        doing += [_recall(faces, place) for place in classes(faces)]
    return [Family(DOING, tuple(doing)), Family(SCORES, tuple(_scores(faces)))]


def right(faces: LookedAt) -> np.ndarray:
    """Return where the most probable expression is the true one: (N,) bool."""
    return np.nan_to_num(faces.scores).argmax(axis=1) == faces.truth


def classes(faces: LookedAt) -> list[int]:
    """Return the true classes of faces that were found."""
    return np.unique(faces.truth[faces.found & (faces.truth >= 0)]).tolist()


def _judged(faces: LookedAt, confidence: np.ndarray) -> list[Measure]:
    judged, correct = faces.found & (faces.truth >= 0), right(faces)
    chosen = np.nan_to_num(faces.scores)[np.arange(len(faces)), np.maximum(faces.truth, 0)]
    told = np.where(judged, faces.truth, -1)
    recall = recall_of(MEAN_RECALL, correct, told, shared_classes(faces))
    return [
        share_of(ERROR, ~correct, judged),
        *([] if _balanced(faces) else [recall]),  # where it is not 1 less the error
        mean_of(OVERCONFIDENCE, confidence - correct, judged),
        calibration_error_of(ECE, confidence, correct, judged),
        mean_of(LOSS, -np.log(np.maximum(chosen, _FLOOR)), judged),
    ]


def shared_classes(faces: LookedAt) -> Sequence[int]:
    """Return the true classes that all groups of enough people have, or, where there are none such, all."""
    judged = faces.found & (faces.truth >= 0)
    shared = set(classes(faces))
    for one in faces.groupings.values():
        for place in range(len(one.labels)):
            inside = judged & (one.places == place)
            if len(np.unique(faces.people[inside])) >= ENOUGH:
                shared &= set(faces.truth[inside].tolist())
    return sorted(shared) or classes(faces)


def _balanced(faces: LookedAt) -> bool:
    """Whether every group has every true class as often as the others."""
    judged, there = faces.found & (faces.truth >= 0), classes(faces)
    groups = [one.places == place for one in faces.groupings.values() for place in range(len(one.labels))]
    counts = [[int((faces.truth[inside & judged] == k).sum()) for k in there] for inside in groups]
    return all(len(set(row)) == 1 for row in counts)


def _recall(faces: LookedAt, place: int) -> Measure:
    return share_of(f"recall of {EXPRESSIONS.labels[place]}", right(faces), faces.found & (faces.truth == place))


def _scores(faces: LookedAt) -> list[Measure]:
    """Return mean probabilities, valence and arousal of faces with the same truth, or of all where none is known."""
    rows = {f"true {EXPRESSIONS.labels[place]}": faces.truth == place for place in classes(faces)}
    table = np.concatenate([faces.scores, faces.affect], axis=1)
    names = [*(f"p({label})" for label in EXPRESSIONS.labels), *AFFECT.labels]
    result = []
    for title, among in (rows or {"": np.ones(len(faces), bool)}).items():
        for name, column in zip(names, table.T, strict=True):
            known = faces.found & among & ~np.isnan(column)
            if known.any():
                result.append(mean_of(f"{title}: {name}" if title else name, np.nan_to_num(column), known))
    return result


def calibrated(faces: LookedAt, rows: np.ndarray, seed: int) -> tuple[float, float] | None:
    """Return the ECE that a calibrated model has by chance on some pictures (N,) bool; None without any answer."""
    judged = rows & faces.found & (faces.truth >= 0)
    return error_of_calibrated(faces.scores[judged].max(axis=1), seed=seed) if judged.any() else None
