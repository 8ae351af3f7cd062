"""Figures of classes that were never learned: is a class found by its text, and better than by texts of other classes?

Areas under the curve: the probability that a face of the class scores higher than one of another. Intervals draw images
(identical ones together), the same for all arms and seeds. A class is read by the probability of its text, and by the
cosine with it. Beside it stands the best word of another class for the same question: where that does as well, a text
says no more than what it lies near to.
Legend: N faces, D draws, K labels of FER+.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from kaoiro.core.labels import FERPLUS
from kaoiro.evaluation.arm_claims import Row, above
from kaoiro.evaluation.arm_readings import Key, summary
from kaoiro.evaluation.arms import TIED, UNLEARNED
from kaoiro.evaluation.unlearned import Question, Told
from kaoiro.metrics.agreement import area_under_curve
from kaoiro.metrics.resampling import drawn_areas

CHANCE = 0.5
PUBLIC, TRAINING, TOGETHER = PARTS = ("PublicTest", "Training", "together")
PROBABILITY, COSINE = "probability", "cosine"
READINGS: Mapping[str, Callable[[Told], np.ndarray]] = MappingProxyType(
    {PROBABILITY: lambda told: told.probabilities, COSINE: lambda told: told.cosines}
)
Area = tuple[float, np.ndarray]
"""Under the curve: of all faces, and of every draw (D,); NaN where there are not both kinds."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What one run makes of its question.

    Attributes:
        areas: by part and reading.
        others: area of the probability of every other class, all faces together.
        best: area of the largest of them.
        answered: share of the faces of the class, and of others, that are answered with it.
    """

    areas: Mapping[tuple[str, str], Area]
    others: Mapping[str, float]
    best: Area
    answered: Mapping[str, float]


Runs = Mapping[Key, Scored]


def area(question: Question, part: str, score: np.ndarray, draws: int | None = None) -> Area:
    """Return the area under the curve of scores (N,) on a part of the faces."""
    kept = {PUBLIC: question.public, TRAINING: ~question.public}.get(part, np.ones(len(score), bool))
    positive, score = question.positive[kept], score[kept]
    if positive.all() or not positive.any():
        return float("nan"), np.full(1, np.nan)
    return area_under_curve(positive, score), drawn_areas(positive, score, question.groups[kept], draws)


def scored(question: Question, told: Told, draws: int | None = None) -> Scored:
    """Return what a run that left the class of a question out makes of it."""
    place = FERPLUS.index(question.label)
    areas = {
        (part, name): area(question, part, table(told)[:, place], draws)
        for part in PARTS
        for name, table in READINGS.items()
    }
    columns = {label: told.probabilities[:, FERPLUS.index(label)] for label in FERPLUS.labels}
    del columns[question.label]
    others = {label: area_under_curve(question.positive, column) for label, column in columns.items()}
    best = max(others, key=lambda label: others[label])
    said = told.probabilities.argmax(axis=1) == place
    kinds = {"of the class": question.positive, "of others": ~question.positive}
    answered = {name: float(said[kind].mean()) for name, kind in kinds.items()}
    return Scored(areas, others, area(question, TOGETHER, columns[best], draws), answered)


def section(
    questions: Mapping[str, Question],
    runs: Mapping[Key, Told],
    learned: Mapping[Key, np.ndarray],
    draws: int | None = None,
) -> dict[str, Any]:
    """Return the figures of all arms that left a class out.

    Args:
        questions: by class.
        runs: what these arms tell of the faces of their question.
        learned: probabilities (P, K) of all faces of PublicTest, by arms that learned all classes, for comparison.
        draws: of images; None is 10,000.
    """
    found = {key: scored(questions[UNLEARNED[key[0]]], told, draws) for key, told in runs.items()}
    arms = list(dict.fromkeys(arm for arm, _ in runs))
    return {
        "claims": claims(found),
        "classes": {
            label: {
                "faces": _faces(one),
                "arms": {arm: _arm(found, arm) for arm in arms if UNLEARNED[arm] == label},
                "learned": _learned(one, learned, draws),
            }
            for label, one in questions.items()
        },
    }


def claims(found: Runs) -> dict[str, Row]:
    """Return the claims of every arm: above chance, above every other word, tied to action units above not tied."""
    rows: dict[str, Row] = {}
    for arm, label in UNLEARNED.items():
        own = _of(found, arm)
        read = [one.areas[TOGETHER, PROBABILITY] for one in own]
        rows[f"{arm}, AUC of {label}"] = above(_mean(read), CHANCE)
        gap = _mean([_less(mine, one.best) for mine, one in zip(read, own, strict=True)])
        rows[f"{arm} above the best other word, AUC of {label}"] = above(gap)
        if arm + TIED in UNLEARNED:
            pairs = [
                (found[key], found[arm, key[1]]) for key in found if key[0] == arm + TIED and (arm, key[1]) in found
            ]
            areas = [tuple(one.areas[TOGETHER, PROBABILITY] for one in pair) for pair in pairs]
            rows[f"{arm}{TIED} above {arm}, AUC of {label}"] = above(_mean([_less(*pair) for pair in areas]))
    return rows


def _of(found: Runs, arm: str) -> list[Scored]:
    return [one for key, one in found.items() if key[0] == arm]


def _less(one: Area, other: Area) -> Area:
    return one[0] - other[0], one[1] - other[1]


def _mean(areas: Sequence[Area]) -> dict[str, Any] | None:
    """Return the mean over seeds with its interval and spread; None where nothing is known."""
    known = [one for one in areas if not np.isnan(one[0])]
    return summary([value for value, _ in known], [drawn for _, drawn in known]) if known else None


def _faces(question: Question) -> dict[str, dict[str, int]]:
    """Return how many faces there are of each kind, by part."""
    parts = {PUBLIC: question.public, TRAINING: ~question.public}
    return {
        name: {"of the class": int((question.positive & part).sum()), "others": int((~question.positive & part).sum())}
        for name, part in parts.items()
    }


def _arm(found: Runs, arm: str) -> dict[str, Any]:
    own = _of(found, arm)
    return {
        "AUC": {part: {name: _mean([one.areas[part, name] for one in own]) for name in READINGS} for part in PARTS},
        "other words": {label: float(np.mean([one.others[label] for one in own])) for label in own[0].others},
        "answered": {kind: float(np.mean([one.answered[kind] for one in own])) for kind in own[0].answered},
    }


def _learned(question: Question, learned: Mapping[Key, np.ndarray], draws: int | None) -> dict[str, Any]:
    """Return the area on PublicTest by probabilities of arms that learned the class."""
    found: dict[str, list[Area]] = {}
    for (arm, _), said in learned.items():
        score = np.zeros(len(question.positive))
        score[question.public] = said[question.rows, FERPLUS.index(question.label)]
        found.setdefault(arm, []).append(area(question, PUBLIC, score, draws))
    return {arm: _mean(areas) for arm, areas in found.items()}
