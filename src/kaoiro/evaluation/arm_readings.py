"""Answers of system C's arms read against labels: figures of each arm, and differences of two on the same images.

Intervals draw images (identical ones together), the same for both arms and all seeds of a difference; the spread over
seeds stands beside them.
Legend: N images, D draws, S seeds, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from kaoiro.core.labels import Vocabulary
from kaoiro.evaluation.arms import ZERO_SHOT
from kaoiro.metrics.accuracy import confusion
from kaoiro.metrics.calibration import expected_calibration_error
from kaoiro.metrics.paired import mcnemar
from kaoiro.metrics.tallies import Tally, redrawn, tally
from kaoiro.metrics.temporal import interval

NEGATIVE, TARGETED = ("anger", "disgust", "fear", "sadness"), ("disgust", "fear")
"""NEG and NEG2."""
Key = tuple[str, int]
"""Arm and seed."""
Measure = Callable[[Tally], np.ndarray]


@dataclass(frozen=True, eq=False)
class Reading:
    """Images with a label, and what was answered about them.

    Attributes:
        vocabulary: of the labels.
        truth: (N,) classes.
        groups: (N,) ids of identical images.
        said: (N, K) probabilities by arm and seed.
        draws: of images; None is 10,000.
    """

    vocabulary: Vocabulary
    truth: np.ndarray
    groups: np.ndarray
    said: Mapping[Key, np.ndarray]
    draws: int | None = None

    @property
    def arms(self) -> list[str]:
        """Names of the arms, each once."""
        return list(dict.fromkeys(arm for arm, _ in self.said))

    def keys(self, arm: str) -> list[Key]:
        """Return the runs of an arm."""
        return [key for key in self.said if key[0] == arm]

    def measures(self) -> dict[str, Measure]:
        """Return what is measured of counts, by name; means over NEG and NEG2 where the labels have these classes."""
        several = {"NEG": self.vocabulary.indices(NEGATIVE), "NEG2": self.vocabulary.indices(TARGETED)}
        found: dict[str, Measure] = dict(OVERALL)
        for name, classes in several.items():
            found[f"{name} recall"] = _of(Tally.recall, classes)
            found[f"{name} precision"] = _of(Tally.precision, classes)
        return found

    def classes(self) -> dict[str, Measure]:
        """Return recall and precision of every class, by name."""
        places = enumerate(self.vocabulary.labels)
        return {
            f"{what} of {label}": _of(getattr(Tally, what), [place])
            for place, label in places
            for what in ("recall", "precision")
        }


OVERALL: Mapping[str, Measure] = MappingProxyType(
    {
        "accuracy": lambda one: one.accuracy,
        "macro recall": lambda one: one.macro_recall,
        "macro F1": lambda one: one.macro_f1,
    }
)


def _of(measure: Callable[[Tally, Sequence[int]], np.ndarray], classes: Sequence[int]) -> Measure:
    return lambda one: measure(one, classes)


class Drawn:
    """A reading with the counts of every run, on all images and on every draw of them.

    Args:
        reading: answers and labels.

    Raises:
        InputError: no run, or no image with a label.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading, count = reading, len(reading.vocabulary)
        self.guesses = {key: one.argmax(axis=1) for key, one in reading.said.items()}
        self.found = {key: tally(reading.truth, guess, count) for key, guess in self.guesses.items()}
        counts = redrawn(reading.truth, list(self.guesses.values()), count, reading.groups, reading.draws)
        self.drawn = dict(zip(self.guesses, counts, strict=True))

    def level(self, arm: str, measure: Measure) -> dict[str, Any] | None:
        """Return a measure of an arm: mean over seeds, interval over images, spread over seeds; None without runs."""
        keys = self.reading.keys(arm)
        values = [float(measure(self.found[key])) for key in keys]
        return summary(values, [measure(self.drawn[key]) for key in keys]) if keys else None

    def pairs(self, ours: str, theirs: str) -> list[tuple[Key, Key]]:
        """Return the runs of two arms with the same seeds; an arm that learns nothing is beside all of the other's."""
        if ours == ZERO_SHOT:
            return [(one, other) for one in self.reading.keys(ours) for other in self.reading.keys(theirs)]
        return [(key, (theirs, key[1])) for key in self.reading.keys(ours) if (theirs, key[1]) in self.found]

    def gap(self, ours: str, theirs: str, measure: Measure) -> dict[str, Any] | None:
        """Return how much more an arm has of a measure than another; None without seeds in common."""
        pairs = self.pairs(ours, theirs)
        values = [float(measure(self.found[one]) - measure(self.found[other])) for one, other in pairs]
        drawn = [measure(self.drawn[one]) - measure(self.drawn[other]) for one, other in pairs]
        return summary(values, drawn) if pairs else None

    def discordant(self, ours: str, theirs: str) -> dict[str, Any]:
        """Return McNemar's exact test of two arms: for each seed, and with the cases of all seeds together."""
        counts = [self._alone(one, other) for one, other in self.pairs(ours, theirs)]
        pooled = (sum(one for one, _ in counts), sum(other for _, other in counts))
        return {
            "right alone": [list(one) for one in counts],
            "p by seed": [mcnemar(*one) for one in counts],
            "p pooled": mcnemar(*pooled) if counts else None,
        }

    def _alone(self, ours: Key, theirs: Key) -> tuple[int, int]:
        right, other = (self.guesses[key] == self.reading.truth for key in (ours, theirs))
        return int((right & ~other).sum()), int((other & ~right).sum())


def summary(values: Sequence[float], drawn: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return mean over seeds, its interval over draws of images, and the seeds; None stands for what is undefined.

    Args:
        values: (S,) figures.
        drawn: of each seed, (D,).
    """
    ends = interval(np.mean(drawn, axis=0))
    return {
        "found": number(float(np.mean(values))),
        "interval": None if np.isnan(ends).any() else list(ends),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "by seed": [number(value) for value in values],
        "seeds": len(values),
    }


def number(value: float) -> float | None:
    """Return a figure, or None for one that is undefined, as JSON knows it."""
    return None if np.isnan(value) else value


def table(drawn: Drawn, arm: str) -> dict[str, Any]:
    """Return the figures of one arm: measures, each class, confusion matrices with counts, calibration."""
    reading = drawn.reading
    keys, labels = reading.keys(arm), list(reading.vocabulary.labels)
    errors = [expected_calibration_error(reading.said[key], reading.truth) for key in keys]
    counts = {key[1]: confusion(reading.truth, drawn.guesses[key], len(labels)) for key in keys}
    return {
        "measures": {name: drawn.level(arm, measure) for name, measure in reading.measures().items()}
        | {"ECE": {"found": float(np.mean(errors)), "by seed": errors, "seeds": len(errors)}},
        "per class": {label: _class(drawn, keys, place) for place, label in enumerate(labels)},
        "confusion": {
            "labels": labels,
            "counts": sum(counts.values()).tolist(),  # pyright: ignore[reportAttributeAccessIssue]
            "by seed": {str(seed): one.tolist() for seed, one in counts.items()},
        },
    }


def _class(drawn: Drawn, keys: Sequence[Key], place: int) -> dict[str, Any]:
    """Return recall, precision and F1 of a class, means over seeds, and how many images it has."""
    found = [drawn.found[key] for key in keys]
    columns = {"recall": "recalls", "precision": "precisions", "f1": "f1_scores"}
    means = {
        name: number(float(np.mean([getattr(one, column)[place] for one in found]))) for name, column in columns.items()
    }
    return means | {"support": int(found[0].support[place])}
