"""Arms beside each other when they answer fear and disgust equally precisely.

An arm that answers a rare class more often finds more of it and is wrong more often. To compare two, the
log-probabilities of fear and disgust of one are moved together until their mean precision is that of the other: on all
images for the figure, and anew on every draw of images for its interval, since how far to move is a choice that the
images make.
Legend: N images, K classes, C classes that are moved, L offsets, D draws, S seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaoiro.evaluation.arm_readings import TARGETED, Drawn, Key, summary
from kaoiro.metrics.resampling import drawn_below

OFFSETS = np.array(sorted(np.arange(-160, 161) / 40, key=abs))
"""Added to the log-probabilities of fear and disgust to reach a precision, the smallest first."""
ALIKE = 0.01
"""Precisions that differ by no more count as equal."""
NEG2_RECALL, NEG2_PRECISION = "NEG2 recall", "NEG2 precision"


@dataclass(frozen=True, eq=False)
class Course:
    """What a run reaches when it answers some classes more or less readily, by offset.

    Attributes:
        recall: mean over the classes, of all images (L,) or of each draw of them (D, L).
        precision: likewise; NaN where one of the classes is never answered.
    """

    recall: np.ndarray
    precision: np.ndarray

    def at(self, wanted: np.ndarray) -> Course:
        """Return recall and precision where the precision is the one wanted, () or (D,).

        Of offsets within `ALIKE` of it the smallest is taken, else the one nearest to it; NaN where none is known.
        """
        far = np.abs(self.precision - wanted[..., None])
        far = np.where(np.isnan(far), np.inf, np.where(far <= ALIKE, 0, far))
        place = far.argmin(axis=-1)[..., None]  # the first of equals: the smallest offset
        known = np.isfinite(far.min(axis=-1))
        recall, precision = (np.take_along_axis(one, place, -1)[..., 0] for one in (self.recall, self.precision))
        return Course(np.where(known, recall, np.nan), np.where(known, precision, np.nan))


def courses(
    said: np.ndarray, truth: np.ndarray, classes: Sequence[int], groups: np.ndarray, draws: int | None = None
) -> tuple[Course, Course]:
    """Return what a run reaches by offset, on all images and on every draw of them.

    Args:
        said: (N, K) probabilities.
        truth: (N,) classes.
        classes: C that are moved together.
        groups: (N,) ids of identical images.
        draws: of images; None is 10,000.

    Raises:
        InputError: no images, or another number of groups than of images.
    """
    logs, places = np.log(np.maximum(said, 1e-12)), np.array(classes)
    needed = np.delete(logs, places, axis=1).max(axis=1) - logs[:, places].max(axis=1)
    chosen = places[logs[:, places].argmax(axis=1)]
    answered = np.where(chosen[:, None] == places, needed[:, None], np.inf)
    hits = np.where(truth[:, None] == places, answered, np.inf)
    there = np.where(truth[:, None] == places, -np.inf, np.inf)
    values = np.concatenate([there, answered, hits], axis=1)
    order = np.argsort(OFFSETS)
    drawn = drawn_below(values, OFFSETS[order], groups, draws)
    whole = np.sum(values[..., None] <= OFFSETS[order], axis=0)[None]
    back = np.argsort(order)
    one, many = (_course(counts[..., back], len(places)) for counts in (whole, drawn))
    return Course(one.recall[0], one.precision[0]), many


def _course(counts: np.ndarray, classes: int) -> Course:
    """Return means over classes of counts (D, 3C, L) of images that are there, answered, and answered rightly."""
    there, answered, hits = (counts[:, part * classes : (part + 1) * classes] for part in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Course((hits / there).mean(axis=1), (hits / answered).mean(axis=1))


@dataclass(frozen=True, eq=False)
class _Gain:
    """What one run has more than another that is as precise: on all images, and on every draw of them (D,)."""

    found: Course
    drawn: Course

    def of(self, measure: str) -> tuple[float, np.ndarray]:
        name = {NEG2_RECALL: "recall", NEG2_PRECISION: "precision"}[measure]
        return float(getattr(self.found, name)), getattr(self.drawn, name)


class EqualPrecision:
    """Arms that answer fear and disgust as precisely as those they are compared with.

    Args:
        drawn: the reading.
        ours: arms that are moved.
        theirs: arms whose precision is reached.
    """

    def __init__(self, drawn: Drawn, ours: Sequence[str], theirs: Sequence[str]) -> None:
        self._drawn = drawn
        self._classes = drawn.reading.vocabulary.indices(TARGETED)
        self._gains: dict[tuple[str, str], list[_Gain]] = {}
        for arm in ours:
            self._compare(arm, theirs)

    def _compare(self, arm: str, theirs: Sequence[str]) -> None:
        reading = self._drawn.reading
        for key in reading.keys(arm):
            pairs = [(other, one[1]) for other in theirs for one in self._drawn.pairs(arm, other) if one[0] == key]
            if not pairs:
                continue
            found, drawn = courses(reading.said[key], reading.truth, self._classes, reading.groups, reading.draws)
            for other, beside in pairs:
                self._gains.setdefault((arm, other), []).append(self._gain(found, drawn, beside))

    def _gain(self, found: Course, drawn: Course, beside: Key) -> _Gain:
        whole, again = (tallies[beside] for tallies in (self._drawn.found, self._drawn.drawn))
        parts = []
        for course, counts in ((found, whole), (drawn, again)):
            recall, precision = counts.recall(self._classes), np.asarray(counts.precision(self._classes))
            moved = course.at(precision)
            parts.append(Course(moved.recall - recall, moved.precision - precision))
        return _Gain(*parts)

    def gap(self, ours: str, theirs: str, measure: str) -> dict[str, Any] | None:
        """Return how much more an arm has of recall or precision than one that is as precise; None if unmeasured.

        It is unmeasured, too, where the other one never answers one of the classes with some seed.
        """
        gains = [one.of(measure) for one in self._gains.get((ours, theirs), ())]
        if not gains or any(np.isnan(value) for value, _ in gains):
            return None
        return summary([value for value, _ in gains], [drawn for _, drawn in gains])
