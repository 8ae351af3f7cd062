"""What changed between sides, table by table: each is a family of labels, adjusted for together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.labels import AFFECT
from kaoiro.inference.comparison.floors import NoiseFloors
from kaoiro.inference.comparison.shown import Means
from kaoiro.inference.report.floors import UNMEASURED
from kaoiro.inference.report.measured import CHANGE, QUIET, RAW, SIGNAL
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
        groups: (R,) which recordings are left out together.
    """

    sides: Sides
    floors: NoiseFloors
    level: float
    seed: int
    groups: np.ndarray


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
        off_rest: places of labels of two single recordings that are uncertain because neither of them is of a face that
            does nothing: how such a face scatters was not measured.
        far_cut: places of those that are uncertain because blocks do not tell how exact the recordings are.
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
    off_rest: tuple[int, ...] = ()
    far_cut: tuple[int, ...] = ()

    @property
    def signals(self) -> list[int]:
        """Places of the labels whose change is a signal."""
        return [place for place, verdict in enumerate(self.verdicts) if verdict == Verdict.SIGNAL]

    def carrier(self, place: int) -> int | None:
        """Return what carries a label's difference: the unit without which least is left; None where none can be."""
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
            found.append(_family(kind, labels, means, question))
    return found


def common_labels(means: Sequence[Mapping[str, Means]], kind: str) -> tuple[str, ...]:
    """Return the labels of a table that are known of all recordings, in its order."""
    if not all(kind in one for one in means):
        return ()
    known = [one[kind].known for one in means]
    return tuple(label for label in means[0][kind].labels if all(label in names for names in known))


def _table(means: Sequence[Mapping[str, Means]], kind: str, labels: Sequence[str], which: str) -> np.ndarray:
    """Return an attribute of the labels' columns: (R, L)."""
    places = [[one[kind].labels.index(label) for label in labels] for one in means]
    return np.stack([getattr(one[kind], which)[place] for one, place in zip(means, places, strict=True)])


def _family(kind: str, labels: tuple[str, ...], means: Sequence[Mapping[str, Means]], question: Question) -> Family:
    sides, noise = question.sides, question.floors.of(kind, labels)
    shares, sds = (_table(means, kind, labels, which) for which in ("mean", "sd"))
    null, scatter = (noise.floor, noise.rare), np.nan_to_num(noise.sd)
    drawn = question.level, question.seed, null, question.groups
    found = change(shares, sds, sides.after, sides.strata, scatter, *drawn)
    before, after = (np.abs(sides.weights * part) @ shares for part in (~sides.after, sides.after))
    said = verdicts(found, noise.floor)
    held: dict[str, tuple[int, ...]] = {}
    if found.test is None:
        off = _off_rest(kind, labels, means, question.floors)
        held["off_rest"] = _hold_back(said, off, {Verdict.SIGNAL.value, Verdict.BELOW.value})
        far = np.logical_or.reduce(_table(means, kind, labels, "far_cut"))
        held["far_cut"] = _hold_back(said, np.asarray(far), {Verdict.SIGNAL.value})
    return Family(kind, labels, shares, sds, before, after, found, noise.floor, said, **held)


def _off_rest(
    kind: str, labels: tuple[str, ...], means: Sequence[Mapping[str, Means]], floors: NoiseFloors
) -> np.ndarray:
    """Return of which labels no recording is of a face that does nothing, as far as that is known: (L,) bool.

    Probabilities nearer to 0, of neutral to 1, scatter less than in that range: there the floor holds, too.
    """
    low, high = floors.rest(kind, labels)
    known = np.isfinite(low + high)
    low = np.where([label == QUIET or label in AFFECT.labels for label in labels], low, -np.inf)
    high = np.where([label == QUIET for label in labels], np.inf, high)
    shares = _table(means, RAW if kind == CHANGE else kind, labels, "mean")
    return known & ~((low <= shares) & (shares <= high)).any(axis=0)


def _hold_back(said: list[str], doubtful: np.ndarray, verdicts: set[str]) -> tuple[int, ...]:
    """Make verdicts uncertain that are not to be relied on, and return their places."""
    places = tuple(place for place, word in enumerate(said) if doubtful[place] and word in verdicts)
    for place in places:
        said[place] = Verdict.UNCERTAIN.value
    return places


def verdicts(found: Change, floor: np.ndarray) -> list[str]:
    """Return what can be said of each label: nothing where no floor was measured."""
    said = found.verdicts(floor)
    return [UNMEASURED if math.isnan(one) else word.value for one, word in zip(floor, said, strict=True)]
