"""All figures of system C's arms, by section: without pretraining, with CLIP's weights, and out of fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, FERPLUS
from kaoiro.data.datasets.fer2013 import Fer2013, majority_labels
from kaoiro.evaluation import arm_claims
from kaoiro.evaluation.arm_answers import Answered
from kaoiro.evaluation.arm_precision import NEG2_PRECISION, NEG2_RECALL, EqualPrecision
from kaoiro.evaluation.arm_readings import Drawn, Key, Reading, table
from kaoiro.evaluation.arms import SCRATCH, Comparison

ANNOTATIONS = {"fer2013": "labels of FER2013", "ferplus": "majority of FER+, seven classes"}
Runs = Mapping[Key, Answered]
VOTES = "{} (its head of FER+)"
"""What an arm is called that answers with its second head."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Images and what is true of them.

    Attributes:
        labels: by annotation, (N,) classes of `FER2013`, -1 where there is none.
        groups: (N,) ids of identical images.
        seen: (N,) bool, whether Training has a copy.
    """

    labels: Mapping[str, np.ndarray]
    groups: np.ndarray
    seen: np.ndarray


def truth_of(part: Fer2013, training: Fer2013) -> Truth:
    """Return what is true of the images of a part, read both ways."""
    assert part.votes is not None
    keys = part.image_keys()
    labels = {"fer2013": part.labels, "ferplus": seven_of(majority_labels(part.votes))}
    return Truth(labels, np.unique(keys, return_inverse=True)[1].ravel(), np.isin(keys, training.image_keys()))


def seven_of(majority: np.ndarray) -> np.ndarray:
    """Return classes of FER+ as those of FER2013, -1 where it has none (contempt, or no majority)."""
    names = [FER2013.labels.index(name) if name in FER2013.labels else -1 for name in FERPLUS.labels]
    return np.where(majority >= 0, np.array(names)[majority], -1)


def drawn_of(
    truth: Truth, said: Mapping[Key, np.ndarray], annotation: str, dedup: bool = False, draws: int | None = None
) -> Drawn | None:
    """Return a reading of answers (N, 7); None where no image has a label, or there is no answer."""
    labels = truth.labels[annotation]
    kept = (labels >= 0) & ~(truth.seen if dedup else np.zeros(len(labels), bool))
    if not kept.any() or not said:
        return None
    rows = {key: one[kept] for key, one in said.items()}
    return Drawn(Reading(FER2013, labels[kept], truth.groups[kept], rows, draws))


def section(comparison: Comparison, runs: Runs, truth: Truth, draws: int | None = None) -> dict[str, Any]:
    """Return the figures of one comparison on PublicTest: claims, and tables for both annotations.

    Args:
        comparison: which arms.
        runs: their answers, by arm and seed.
        truth: of the images.
        draws: of images; None is 10,000.

    Raises:
        DataError: no image has a class by one of the annotations.
    """
    said = {key: runs[key].seven for arm in comparison.arms for key in runs if key[0] == arm}
    drawn = {name: drawn_of(truth, said, name, draws=draws) for name in ANNOTATIONS}
    known = {name: one for name, one in drawn.items() if one is not None}
    lacking = [ANNOTATIONS[name] for name in ANNOTATIONS if name not in known]
    if lacking:
        raise DataError(f"no image of PublicTest has a class by: {', '.join(lacking)}")
    equal = {
        name: EqualPrecision(one, comparison.worded, (comparison.backbone, *comparison.rivals))
        for name, one in known.items()
    }
    return {
        "claims": arm_claims.claims(comparison, known, equal),
        "annotations": {
            name: {
                "labels": ANNOTATIONS[name],
                "images": len(one.reading.truth),
                **_annotation(comparison, name, one, equal[name], runs, truth),
            }
            for name, one in known.items()
        },
    }


def _annotation(
    comparison: Comparison, name: str, drawn: Drawn, equal: EqualPrecision, runs: Runs, truth: Truth
) -> dict[str, Any]:
    """Return the tables of one annotation."""
    draws, arms = drawn.reading.draws, drawn.reading.arms
    dedup = drawn_of(truth, dict(_said(runs, arms)), name, True, draws)
    more = _second_heads(runs, arms) if name == "ferplus" else {}
    further = drawn_of(truth, more, name, draws=draws)
    probes = drawn_of(truth, {key: runs[key].probe for key in drawn.reading.said}, name, draws=draws)
    beside = [arm for arm in comparison.worded if arm in arms]
    others = [arm for arm in (comparison.backbone, *comparison.rivals) if arm in arms]
    return {
        "arms": {arm: table(drawn, arm) for arm in arms},
        "dedup": _dedup(dedup, arms),
        "second heads": {} if further is None else {arm: table(further, arm) for arm in further.reading.arms},
        "probe": {} if probes is None else {arm: _levels(probes, arm) for arm in arms},
        "gaps": {f"{arm} − {other}": _gap(drawn, dedup, arm, other) for arm in beside for other in others},
        "equal precision": {f"{arm} − {other}": _equal(equal, arm, other) for arm in beside for other in others},
    }


def _said(runs: Runs, arms: Sequence[str]) -> list[tuple[Key, np.ndarray]]:
    return [(key, runs[key].seven) for arm in arms for key in runs if key[0] == arm]


def _second_heads(runs: Runs, arms: Sequence[str]) -> dict[Key, np.ndarray]:
    """Return answers of heads that learned the votes, contempt left out: the largest of seven stays the largest."""
    order = FERPLUS.indices(FER2013.labels)
    found: dict[Key, np.ndarray] = {}
    for arm, seed in (key for arm in arms for key in runs if key[0] == arm):
        eight = runs[arm, seed].eight
        if eight is not None:
            kept = eight[:, order] + 1e-12
            found[VOTES.format(arm), seed] = kept / kept.sum(axis=1, keepdims=True)
    return found


def _levels(drawn: Drawn, arm: str) -> dict[str, Any]:
    return {name: drawn.level(arm, measure) for name, measure in drawn.reading.measures().items()}


def _dedup(drawn: Drawn | None, arms: Sequence[str]) -> dict[str, Any]:
    if drawn is None:
        return {}
    return {"images": len(drawn.reading.truth), "arms": {arm: _levels(drawn, arm) for arm in arms}}


def _gap(drawn: Drawn, dedup: Drawn | None, ours: str, theirs: str) -> dict[str, Any]:
    """Return differences of two arms in every measure, without copies too, and McNemar's test."""
    measures = drawn.reading.measures()
    found = {name: drawn.gap(ours, theirs, measure) for name, measure in measures.items()}
    without = {} if dedup is None else {name: dedup.gap(ours, theirs, measure) for name, measure in measures.items()}
    return {"all": found, "dedup": without, "mcnemar": drawn.discordant(ours, theirs)}


def _equal(equal: EqualPrecision, ours: str, theirs: str) -> dict[str, Any]:
    return {name: equal.gap(ours, theirs, name) for name in (NEG2_RECALL, NEG2_PRECISION)}


def folds(runs: Runs, majority: np.ndarray, groups: np.ndarray, draws: int | None = None) -> dict[str, Any]:
    """Return the figures of answers to all faces of Training by models that did not learn from them.

    Args:
        runs: answers of all folds put together, by arm; the seed says nothing.
        majority: (N,) classes of FER+ that are true, -1 where there is none.
        groups: (N,) ids of identical images.
        draws: of images; None is 10,000.
    """
    kept = majority >= 0
    said = {key: one.eight[kept] for key, one in runs.items() if one.eight is not None}
    if not said or not kept.any():
        return {"claims": arm_claims.out_of_fold(None), "arms": {}, "gaps": {}}
    drawn = Drawn(Reading(FERPLUS, majority[kept], groups[kept], said, draws))
    others = [arm for arm in drawn.reading.arms if arm != SCRATCH.backbone]
    return {
        "claims": arm_claims.out_of_fold(drawn),
        "images": int(kept.sum()),
        "arms": {arm: table(drawn, arm) | {"rare": _rare(drawn, arm)} for arm in drawn.reading.arms},
        "gaps": {
            f"{arm} − {SCRATCH.backbone}": {
                name: drawn.gap(arm, SCRATCH.backbone, measure) for name, measure in _measures(drawn).items()
            }
            for arm in others
            if SCRATCH.backbone in drawn.reading.arms
        },
    }


def _rare(drawn: Drawn, arm: str) -> dict[str, Any]:
    return {name: drawn.level(arm, measure) for name, measure in _measures(drawn).items()}


def _measures(drawn: Drawn) -> dict[str, Any]:
    """Return recall and precision of the rare classes."""
    return {
        name: measure
        for name, measure in drawn.reading.classes().items()
        if name.rpartition(" of ")[2] in arm_claims.RARE
    }


def best_language(content: Mapping[str, Any], comparison: Comparison) -> str | None:
    """Return the arm with words that has the highest mean accuracy on FER2013's labels; None without any."""
    arms = content["annotations"]["fer2013"]["arms"]
    known = [arm for arm in comparison.worded if arm in arms]
    return max(known, key=lambda arm: arms[arm]["measures"]["accuracy"]["found"]) if known else None
