"""Figures of adaptation: what a model says of people that nothing was learned from, before and after, beside rivals.

Intervals draw people (or pictures, copies together, where nobody is named), the same for all seeds and both sides of a
difference; seeds differ in which pictures were learned from.
Legend: N pictures, K labels, D draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kaoiro.core.labels import Vocabulary
from kaoiro.evaluation.arm_readings import OVERALL, Drawn, Key, Reading, summary
from kaoiro.metrics.calibration import expected_calibration_error
from kaoiro.metrics.resampling import drawn_sums, mean_interval

BEFORE, ADAPTED = "before", "adapted"
NOTHING = "nothing"
"""The candidate that is the model as it is."""
LOSS = "log loss"
_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class Answer:
    """What came out of one run.

    Attributes:
        scores: (N, K) raw outputs about the pictures asked: of each candidate, or of a rival under its own name.
        facts: of an adaptation `taken`, `temperatures` by candidate, `before`, `after` and `gain` to expect, each with
            its `… interval`, `folds` (accuracy there by candidate), `pictures`, `groups`, `seconds`; of a rival
            `pictures`, `seconds` and what else it learned from.
    """

    scores: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Asked:
    """A target.

    Attributes:
        about: what it is, in a sentence.
        labels: K names.
        truth: (N,) classes of the pictures asked about.
        groups: (N,) what is never divided.
        runs: by method ('adapted', a rival) and seed.
    """

    about: str
    labels: tuple[str, ...]
    truth: np.ndarray
    groups: np.ndarray
    runs: Mapping[Key, Answer]

    def adaptations(self) -> dict[int, Answer]:
        """Return the runs of adaptation, by seed."""
        return {seed: one for (method, seed), one in self.runs.items() if method == ADAPTED}

    def first_seed(self) -> Asked:
        """Return the same with the first adaptation alone."""
        first = min(self.adaptations())
        return replace(self, runs={(ADAPTED, first): self.runs[ADAPTED, first]})


def shares(scores: np.ndarray) -> np.ndarray:
    """Return probabilities (N, K)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def after(answer: Answer) -> np.ndarray:
    """Return what the model says that `kaoiro adapt` writes: of the candidate taken, at its temperature."""
    taken = answer.facts["taken"]
    return answer.scores[taken] / (1.0 if taken == NOTHING else answer.facts["temperatures"][taken])


def figures(asked: Asked, draws: int | None = None) -> dict[str, Any]:
    """Return all figures of one target.

    Args:
        asked: pictures and answers; one adaptation at least.
        draws: of groups; None is 10,000.
    """
    found = _Read(asked, draws)
    arms = found.drawn.reading.arms
    return {
        "about": asked.about,
        "labels": list(asked.labels),
        "asked": len(asked.truth),
        "groups": len(np.unique(asked.groups)),
        "arms": {arm: found.levels(arm) for arm in arms},
        "gaps": {f"{ADAPTED} − {other}": found.gaps(ADAPTED, other) for other in arms if other != ADAPTED},
        "runs": {str(seed): _run(asked, seed, draws) for seed in asked.adaptations()},
        "candidates": _candidates(asked),
        "temperature alone": found.gaps(_WARMER, BEFORE, (LOSS, "ECE")),
        "rivals": {
            f"{method}, seed {seed}": dict(one.facts) for (method, seed), one in asked.runs.items() if method != ADAPTED
        },
    }


_WARMER = "before, its temperature fitted anew"


class _Read:
    """Answers of one target on all of its pictures, and on every draw of them."""

    def __init__(self, asked: Asked, draws: int | None) -> None:
        said = {key: shares(one) for key, one in _said(asked).items()}
        warmer = {(_WARMER, seed): shares(_warm(one)) for seed, one in asked.adaptations().items()}
        vocabulary = Vocabulary("target", asked.labels)
        self.drawn = Drawn(Reading(vocabulary, asked.truth, asked.groups, said, draws))
        self._said, self._asked = said | warmer, asked
        rows = np.arange(len(asked.truth))
        losses = {key: -np.log(np.maximum(one[rows, asked.truth], _FLOOR)) for key, one in self._said.items()}
        columns = np.stack([np.ones(len(rows)), *losses.values()], axis=1)
        sums = drawn_sums(columns, asked.groups, draws)
        self._means = {key: float(one.mean()) for key, one in losses.items()}
        self._drawn = {key: sums[:, 1 + place] / sums[:, 0] for place, key in enumerate(losses)}
        self._errors = {key: expected_calibration_error(one, asked.truth) for key, one in self._said.items()}

    def _seeds(self, arm: str) -> list[int]:
        return [seed for name, seed in self._said if name == arm]

    def levels(self, arm: str) -> dict[str, Any]:
        keys = [(arm, seed) for seed in self._seeds(arm)]
        found = {name: self.drawn.level(arm, measure) for name, measure in OVERALL.items()}
        loss = summary([self._means[key] for key in keys], [self._drawn[key] for key in keys])
        return {**found, LOSS: loss, "ECE": float(np.mean([self._errors[key] for key in keys]))}

    def gaps(self, ours: str, theirs: str, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Return how much more one arm has of each measure than another, over the seeds that both have."""
        seeds = [seed for seed in self._seeds(ours) if seed in self._seeds(theirs)]
        pairs = [((ours, seed), (theirs, seed)) for seed in seeds]
        known = OVERALL.items() if names is None else ()
        found: dict[str, Any] = {name: self.drawn.gap(ours, theirs, measure) for name, measure in known}
        found[LOSS] = found["ECE"] = None
        if pairs:
            values = [self._means[one] - self._means[other] for one, other in pairs]
            found[LOSS] = summary(values, [self._drawn[one] - self._drawn[other] for one, other in pairs])
            found["ECE"] = float(np.mean([self._errors[one] - self._errors[other] for one, other in pairs]))
        return found


def _said(asked: Asked) -> dict[Key, np.ndarray]:
    """Return the answers of each arm, raw outputs."""
    runs = asked.adaptations().items()
    found = {(BEFORE, seed): one.scores[NOTHING] for seed, one in runs}
    found |= {(ADAPTED, seed): after(one) for seed, one in runs}
    return found | {key: one.scores[key[0]] for key, one in asked.runs.items() if key[0] != ADAPTED}


def _warm(answer: Answer) -> np.ndarray:
    return answer.scores[NOTHING] / answer.facts["temperatures"][NOTHING]


def _run(asked: Asked, seed: int, draws: int | None) -> dict[str, Any]:
    """Return what one adaptation promised, and what was found.

    A promise is kept if found and promised differ by no more than their two errors (half intervals) together: the
    people promised about and those asked are different ones.
    """
    answer = asked.runs[ADAPTED, seed]
    right = {name: _share(asked, one) for name, one in answer.scores.items()}
    facts, found = answer.facts, right[answer.facts["taken"]]
    hits = answer.scores[facts["taken"]].argmax(axis=1) == asked.truth
    ends = mean_interval(hits.astype(np.float64), asked.groups, draws)
    error = np.hypot(np.subtract(*facts["after interval"]), np.subtract(*ends)) / 2
    return {
        **facts,
        "found before": right[NOTHING],
        "found": found,
        "found interval": list(ends),
        "kept": bool(abs(found - facts["after"]) <= error),
        "all": right,
    }


def _share(asked: Asked, scores: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == asked.truth).mean())


def _candidates(asked: Asked) -> dict[str, dict[str, Any]]:
    """Return accuracy of each candidate with all pictures learned, and in the folds, means over seeds that tried it."""
    every = list(asked.adaptations().values())
    found = {}
    for name in max((one.scores for one in every), key=len):
        runs = [one for one in every if name in one.scores]
        found[name] = {
            "accuracy": float(np.mean([_share(asked, one.scores[name]) for one in runs])),
            "in the folds": float(np.mean([one.facts["folds"][name] for one in runs])),
            "tried": len(runs),
            "taken": sum(one.facts["taken"] == name for one in runs),
        }
    return found


def promises(targets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return how what was promised compares with what was found, over all targets and seeds."""
    runs = [run for one in targets.values() for run in one["runs"].values()]
    errors = [run["found"] - run["after"] for run in runs]
    return {
        "adaptations": len(runs),
        "kept": sum(run["kept"] for run in runs),
        "found less promised, mean": float(np.mean(errors)),
        "found less promised, mean size": float(np.mean(np.abs(errors))),
    }


def point(asked: Asked, draws: int | None = None) -> dict[str, Any]:
    """Return accuracy before and after, as one point of a curve over the number of pictures."""
    found = _Read(asked, draws)
    facts = [one.facts for one in asked.adaptations().values()]
    gap = found.drawn.gap(ADAPTED, BEFORE, OVERALL["accuracy"])
    levels = {arm: found.drawn.level(arm, OVERALL["accuracy"]) for arm in (BEFORE, ADAPTED)}
    return {
        "pictures": float(np.mean([one["pictures"] for one in facts])),
        **levels,
        "gain": gap,
        "taken": [one["taken"] for one in facts],
        "seconds": float(np.mean([one["seconds"]["processor"] for one in facts])),
    }
