"""Figures of system E1: accuracy of every chain of stages on every target set, their differences, and what is claimed.

All figures are of a target's test faces; its validation faces chose the epoch of a stage and the shift of labels.
Legend: N faces of a target, K labels.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaoiro.core.labels import Vocabulary
from kaoiro.evaluation.arm_claims import Row, above, row
from kaoiro.evaluation.arm_readings import OVERALL, Drawn, Key, Reading
from kaoiro.evaluation.transfers import CURVES, NAMES, PER_CLASS, few
from kaoiro.metrics.accuracy import confusion
from kaoiro.metrics.probes import shifted_logistic

TRAIN, VALIDATION, TEST = 0, 1, 2
"""Parts of a target."""
MAIN = "rendered"
"""The target on which the specification's sizes are judged."""
GAIN, OVER_MAJORITY = 0.03, 1.3
"""Least gain of the cascade over combined training, and least ratio to the most frequent label (SPEC 6.5)."""
GAPS = (
    ("T2", "T4"),
    ("T4", "T1"),
    ("T2", "T1"),
    ("T2", "T3"),
    ("T2", "T7"),
    ("T2", "T5"),
    ("T2", "T6"),
    ("T1", "T0"),
    ("T6", "T0"),
    ("T6", "T4"),
    ("T8", "T2"),
    ("T2 renewed", "T2"),
    ("T2 longer", "T2"),
    ("T2 longer", "T1"),
    ("T2 as FER2013", "T2"),
)
"""Differences that are told."""
CLAIMED = {
    ("T2", "T1"): "FER2013 in between helps",
    ("T6", "T0"): "FER2013 in between helps without stage 0",
    ("T2", "T4"): "cascade beats combined",
    ("T4", "T1"): "combined beats none",
    ("T2", "T3"): "FER28 beats FER32",
    ("T2", "T7"): "landmarks beat the box",
}
"""What the source says of them."""
WEAKER, STRONGER = "happiness", "sadness"
"""The source's shift of labels."""
STEPS = np.arange(0, 3.01, 0.25)
"""By how much scores are weakened and strengthened, in logits."""
RIDGE = 0.01
"""Weight of squared shifts, where all labels are shifted."""
SHIFTED, SHIFTED_ALL = "T2, happiness weaker and sadness stronger", "T2, all labels shifted"
"""What T2 is called whose labels are shifted."""


@dataclass(frozen=True, eq=False)
class Answered:
    """A target and what chains say of it.

    Attributes:
        about: the set, in a sentence.
        labels: K.
        truth: (N,) places among the labels.
        groups: (N,) ids of what is never divided.
        part: (N,) of `TRAIN`, `VALIDATION`, `TEST`.
        raw: (N, K) outputs, by condition and seed.
        draws: of groups, for intervals; None is 10,000.
    """

    about: str
    labels: tuple[str, ...]
    truth: np.ndarray
    groups: np.ndarray
    part: np.ndarray
    raw: Mapping[Key, np.ndarray]
    draws: int | None = None


def figures(answered: Mapping[str, Answered]) -> dict[str, Any]:
    """Return the figures of all targets, by name, and the claims."""
    parts = {name: _target(one) for name, one in answered.items()}
    claims = {}
    for name in dict.fromkeys((MAIN, *parts)):
        claims |= {f"{name}: {claim}": found for claim, found in _claims(name, parts.get(name)).items()}
    return {"claims": claims, "targets": parts}


def _target(one: Answered) -> dict[str, Any]:
    shifts = {key[1]: _shifts(one, raw) for key, raw in one.raw.items() if key[0] == "T2"}
    raw = dict(one.raw)
    for seed, found in shifts.items():
        raw |= {(name, seed): one.raw["T2", seed] + np.array(shift) for name, shift in found.items()}
    drawn = _drawn(one, raw)
    there = drawn.reading.arms
    return {
        "about": one.about,
        "labels": list(one.labels),
        "faces": _counts(one),
        "majority": _majority(one),
        "conditions": {name: _levels(drawn, name) for name in (*NAMES, SHIFTED, SHIFTED_ALL) if name in there},
        "gaps": {
            f"{a} − {b}": {measure: drawn.gap(a, b, what) for measure, what in OVERALL.items()}
            for a, b in (*GAPS, (SHIFTED, "T2"), (SHIFTED_ALL, "T2"))
            if drawn.pairs(a, b)
        },
        "curves": _curves(drawn, one),
        "shifts": {
            str(seed): {name: dict(zip(one.labels, shift, strict=True)) for name, shift in found.items()}
            for seed, found in shifts.items()
        },
        "confusion": {name: _confusion(one, drawn, name) for name in ("T5", "T2") if name in there},
    }


def _drawn(one: Answered, raw: Mapping[Key, np.ndarray]) -> Drawn:
    rows = one.part == TEST
    said = {key: _shares(values[rows]) for key, values in raw.items()}
    return Drawn(Reading(Vocabulary("target", one.labels), one.truth[rows], one.groups[rows], said, one.draws))


def _shares(raw: np.ndarray) -> np.ndarray:
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _counts(one: Answered) -> dict[str, dict[str, int]]:
    found = {}
    for name, part in (("to learn from", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        counts = np.bincount(one.truth[one.part == part], minlength=len(one.labels)).tolist()
        found[name] = {"all": sum(counts), **dict(zip(one.labels, counts, strict=True))}
    return found


def _majority(one: Answered) -> dict[str, Any]:
    """Return the label that is most frequent among faces to learn from, and how often it is right."""
    most = int(np.bincount(one.truth[one.part == TRAIN], minlength=len(one.labels)).argmax())
    return {"label": one.labels[most], "accuracy": float((one.truth[one.part == TEST] == most).mean())}


def _levels(drawn: Drawn, name: str) -> dict[str, Any]:
    return {measure: drawn.level(name, what) for measure, what in OVERALL.items()}


def _curves(drawn: Drawn, one: Answered) -> dict[str, Any]:
    """Return accuracy by faces of each class; `T2` begins with none of them (T5) and ends with all.

    T1 with all faces makes more updates than with few, and is no point of that line.
    """
    found, accuracy = {}, OVERALL["accuracy"]
    whole = (one.part == TRAIN).sum() / len(one.labels)
    for name in CURVES:
        points = {str(n): drawn.level(few(name, n), accuracy) for n in PER_CLASS}
        points = {count: level for count, level in points.items() if level is not None}
        if points:
            if name == "T2":
                points = {"0": drawn.level("T5", accuracy)} | points | {f"{whole:.0f}": drawn.level(name, accuracy)}
            found[name] = {count: level for count, level in points.items() if level is not None}
    return found


def _shifts(one: Answered, raw: np.ndarray) -> dict[str, list[float]]:
    """Return what validation faces want added to the scores of each label, by what may be shifted."""
    rows = one.part == VALIDATION
    truth, known = one.truth[rows], raw[rows]
    free = shifted_logistic(np.zeros((len(truth), 0)), truth, known, RIDGE, RIDGE)[-1]
    found = {SHIFTED_ALL: free.tolist()}
    if {WEAKER, STRONGER} <= set(one.labels):
        found[SHIFTED] = weakened(known, truth, one.labels.index(WEAKER), one.labels.index(STRONGER))
    return found


def weakened(raw: np.ndarray, truth: np.ndarray, weaker: int, stronger: int) -> list[float]:
    """Return the shift of two labels that is right most often; of several, the one that changes least.

    Args:
        raw: (N, K).
        truth: (N,).
        weaker: label whose scores are lowered.
        stronger: label whose scores are raised.
    """
    best, least = np.zeros(raw.shape[1]), (-1.0, 0.0)
    for down, up in itertools.product(STEPS, STEPS):
        shift = np.zeros(raw.shape[1])
        shift[weaker], shift[stronger] = 0.0 - down, up
        goodness = float(((raw + shift).argmax(axis=1) == truth).mean()), -float(down + up)
        if goodness > least:
            best, least = shift, goodness
    return best.tolist()


def _confusion(one: Answered, drawn: Drawn, name: str) -> dict[str, Any]:
    keys = drawn.reading.keys(name)
    counts = [confusion(drawn.reading.truth, drawn.guesses[key], len(one.labels)) for key in keys]
    return {"labels": list(one.labels), "counts": np.sum(counts, axis=0).tolist()}


def _claims(name: str, figures: Mapping[str, Any] | None) -> dict[str, Row]:
    """Return the claims about one target; those of the main one are there whether it was measured or not."""
    gaps = {} if figures is None else figures["gaps"]

    def gap(a: str, b: str) -> dict[str, Any] | None:
        return gaps.get(f"{a} − {b}", {}).get("accuracy")

    found = {f"{a} − {b}, {text}": above(gap(a, b)) for (a, b), text in CLAIMED.items() if name == MAIN or gap(a, b)}
    shifted = gap(SHIFTED, "T2")
    if shifted or name == MAIN:
        found["happiness weaker, sadness stronger"] = above(shifted)
    found["T2 − T5, the target is worth learning"] = above(gap("T2", "T5"))
    if name == MAIN:
        found["cascade over combined by three points"] = _by(gap("T2", "T4"), GAIN)
    found["T2 by the most frequent label"] = _ratio(figures)
    return found


def _by(found: Mapping[str, Any] | None, size: float) -> Row:
    """Return the row of a gain that is to have a size, and an interval above 0."""
    base = above(found)
    if found is None:
        return base
    verdict = base["verdict"]
    if found["found"] < size and verdict == "holds":
        verdict = _small(found, size)
    return base | {"wished": f"at least {size:g}, interval above 0", "verdict": verdict}


def _small(found: Mapping[str, Any], size: float) -> str:
    """Return the verdict of a gain above 0 that is smaller than wished."""
    return "does not hold" if max(found["interval"][1], *found["by seed"]) < size else "undecided"


def _ratio(figures: Mapping[str, Any] | None) -> Row:
    """Return the row of accuracy over that of always answering the most frequent label."""
    wished = f"at least {OVER_MAJORITY:g} times"
    level = None if figures is None else figures["conditions"].get("T2", {}).get("accuracy")
    if figures is None or level is None or not figures["majority"]["accuracy"]:
        return row(None, wished, "undecided")
    base = figures["majority"]["accuracy"]
    ends = [end / base for end in level["interval"]]
    seeds = [value / base for value in level["by seed"]]
    low, high = min(ends[0], *seeds), max(ends[1], *seeds)
    verdict = "holds" if low >= OVER_MAJORITY else "does not hold" if high < OVER_MAJORITY else "undecided"
    found = level | {"found": level["found"] / base, "interval": ends, "by seed": seeds}
    return row(found | {"sd": None if level["sd"] is None else level["sd"] / base}, wished, verdict)


def order_of(names: Sequence[str]) -> list[str]:
    """Return target names, the main one first."""
    return sorted(names, key=lambda name: name != MAIN)
