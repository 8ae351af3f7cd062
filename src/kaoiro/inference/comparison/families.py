"""What changed between sides, table by table: each is a family of labels, adjusted for together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.inference.comparison.floors import NoiseFloors
from kaoiro.inference.comparison.shown import Means
from kaoiro.inference.report.floors import UNMEASURED
from kaoiro.inference.report.measured import CHANGE, RAW, SIGNAL
from kaoiro.timeline.changes import Change, Verdict, change
from kaoiro.timeline.permutation import Sides

KINDS = (RAW, CHANGE, SIGNAL)


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of every table.

    Attributes:
        sides: of the R recordings, and whose each is.
        floors: of their model.
        level: of the intervals, 0-1.
        seed: of the draws.
    """

    sides: Sides
    floors: NoiseFloors
    level: float
    seed: int


@dataclass(frozen=True, eq=False)
class Family:
    """The changes of one table.

    Attributes:
        kind: 'raw', 'change' or 'signal'.
        labels: L of them.
        shares: (R, L) means of the recordings that are compared.
        sds: (R, L) bootstrap standard deviations; NaN where unknown.
        before, after: (L,) means of the sides, weighted as the difference is.
        change: the difference with its tests.
        floor: (L,) noise floor; NaN where none was measured.
        verdicts: of each label: a `Verdict`, or 'unmeasured'.
    """

    kind: str
    labels: tuple[str, ...]
    shares: np.ndarray
    sds: np.ndarray
    before: np.ndarray
    after: np.ndarray
    change: Change
    floor: np.ndarray
    verdicts: list[str]

    @property
    def signals(self) -> list[int]:
        """Places of the labels whose change is a signal."""
        return [place for place, verdict in enumerate(self.verdicts) if verdict == Verdict.SIGNAL]

    def carrier(self, place: int) -> int | None:
        """Return the recording without which least is left of a label's difference; None where none can be left out."""
        left, whole = self.change.left_out.differences[:, place], self.change.difference.value[place]
        if not np.isfinite(left).any() or not math.isfinite(whole):
            return None
        return int(np.nanargmin(left * math.copysign(1, whole)))

    def hangs(self, place: int) -> bool:
        """Whether a difference beyond the noise floor is gone without its carrier: turned round, or within it."""
        row, floor = self.carrier(place), float(np.nan_to_num(self.floor[place]))
        whole = float(self.change.difference.value[place])
        if row is None or abs(whole) <= floor:
            return False
        return bool(self.change.left_out.differences[row, place] * math.copysign(1, whole) <= floor)


def families(means: Sequence[Mapping[str, Means]], question: Question) -> list[Family]:
    """Return the changes of every table that all recordings have; `means` are of each recording, by kind of table."""
    found: list[Family] = []
    for kind in KINDS:
        labels = common_labels(means, kind)
        if labels:
            shares, sds = (np.stack([_row(one[kind], labels, which) for one in means]) for which in ("mean", "sd"))
            found.append(_family(kind, labels, shares, sds, question))
    return found


def common_labels(means: Sequence[Mapping[str, Means]], kind: str) -> tuple[str, ...]:
    """Return the labels of a table that are known of all recordings, in its order."""
    if not all(kind in one for one in means):
        return ()
    known = [one[kind].known for one in means]
    return tuple(label for label in means[0][kind].labels if all(label in names for names in known))


def _row(means: Means, labels: Sequence[str], which: str) -> np.ndarray:
    return getattr(means, which)[[means.labels.index(label) for label in labels]]


def _family(kind: str, labels: tuple[str, ...], shares: np.ndarray, sds: np.ndarray, question: Question) -> Family:
    sides, noise = question.sides, question.floors.of(kind, labels)
    null, scatter = (noise.floor, noise.rare), np.nan_to_num(noise.sd)
    found = change(shares, sds, sides.after, sides.strata, scatter, question.level, question.seed, null)
    before, after = (np.abs(sides.weights * part) @ shares for part in (~sides.after, sides.after))
    return Family(kind, labels, shares, sds, before, after, found, noise.floor, verdicts(found, noise.floor))


def verdicts(found: Change, floor: np.ndarray) -> list[str]:
    """Return what can be said of each label: nothing where no floor was measured."""
    said = found.verdicts(floor)
    return [UNMEASURED if math.isnan(one) else word.value for one, word in zip(floor, said, strict=True)]
