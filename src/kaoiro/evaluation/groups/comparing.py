"""Every group against all others, and what can be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.evaluation.groups import measures
from kaoiro.evaluation.groups.looked_at import Grouping, LookedAt
from kaoiro.evaluation.groups.measures import ECE, Family
from kaoiro.metrics import groups as core
from kaoiro.metrics.groups import LEVEL, Compared, Gap
from kaoiro.timeline.changes import adjusted

DIFFERS, UNSHOWN, SAME = "differs", "no difference shown", "the same in all pictures"
TOO_FEW = f"too few to say (below {core.ENOUGH} people)"
BY_CHANCE = f"{ECE} by chance"
"""Of a calibrated model: its mean, and what 95 % of draws do not exceed."""
DOING, SCORES = measures.DOING, measures.SCORES


@dataclass(frozen=True)
class Figure:
    """One figure of one group, beside that of all others.

    Attributes:
        column: that makes the groups.
        group: its name.
        family: of measures.
        measure: its name.
        people: in the group, as far as they count.
        value, low, high: the figure and the ends of its 95 % interval; None where there is none.
        rest: the figure of all others.
        difference, difference_low, difference_high: the group's less that of the others.
        p: of the test by rearranging; None where it is not tested.
        adjusted: p after Benjamini and Hochberg over the tests of the family.
        detectable: difference that would be found in four of five cases, were it the only one tested.
        verdict: what can be said; empty where the same test stands in another row.
    """

    column: str
    group: str
    family: str
    measure: str
    people: int
    value: float | None
    low: float | None
    high: float | None
    rest: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p: float | None
    adjusted: float | None
    detectable: float | None
    verdict: str


class Largest(NamedTuple):
    """The largest gap between two groups of a column, in one measure."""

    column: str
    family: str
    measure: str
    most: str
    least: str
    gap: Gap
    adjusted: float


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found.

    Attributes:
        faces: the pictures.
        least: confidence below which an answer counts as none.
        draws, seed: of people, and of rearrangements.
        about: of each group, by column: counts, and the ECE by chance.
        unknown: by column, people and pictures of whom it says nothing.
        overall: figures of all pictures, by measure.
        figures: of groups.
        gaps: largest ones.
    """

    faces: LookedAt
    least: float
    draws: int
    seed: int
    about: dict[str, dict[str, dict[str, Any]]]
    unknown: dict[str, dict[str, int]]
    overall: dict[str, float]
    figures: list[Figure]
    gaps: list[Largest]

    def of(self, column: str, family: str | None = None) -> list[Figure]:
        """Return the figures of a column, and perhaps of one family."""
        return [one for one in self.figures if one.column == column and family in (None, one.family)]

    @property
    def tests(self) -> dict[str, int]:
        """How many differences were tested, by family."""
        found = [one.family for one in self.figures if one.p is not None]
        return {family: found.count(family) for family in dict.fromkeys(one.family for one in self.figures)}


def audit(faces: LookedAt, least: float = measures.LEAST, draws: int = core.DRAWS, seed: int = 0) -> Audit:
    """Compare groups.

    Args:
        faces: pictures with their groups.
        least: confidence below which an answer counts as none.
        draws: of people, and as many rearrangements.
        seed: of both.

    Raises:
        InputError: no pictures, or no groups.
    """
    families = measures.families(faces, least)
    overall = {one.name: float(one.figure(one.columns.sum(axis=0))) for family in families for one in family.measures}
    figures, gaps = [], []
    for column, grouping in faces.groupings.items():
        found, largest = _column(faces, column, grouping, families, draws, seed)
        figures += found
        gaps += largest
    about = {column: _about(faces, one, seed) for column, one in faces.groupings.items()}
    unknown = {column: _unknown(faces, one) for column, one in faces.groupings.items()}
    figures, gaps = _adjusted(figures, families), _adjusted_gaps(gaps, families)
    return Audit(faces, least, draws, seed, about, unknown, overall, figures, gaps)


def _column(
    faces: LookedAt, column: str, grouping: Grouping, families: Sequence[Family], draws: int, seed: int
) -> tuple[list[Figure], list[Largest]]:
    known = grouping.places >= 0
    every = [(family.name, one) for family in families for one in family.measures]
    cut = [core.Measure(one.name, one.columns[known], one.figure, one.share, one.biased) for _, one in every]
    found = core.compare(cut, grouping.places[known], faces.people[known], draws, seed)
    figures = [
        _figure(found, v, k, column, label, *every[k])
        for k in range(len(every))
        for v, label in enumerate(grouping.labels)
    ]
    gaps = [
        Largest(column, family, one.name, grouping.labels[gap.most], grouping.labels[gap.least], gap, np.nan)
        for gap, (family, one) in zip(found.gaps, every, strict=True)
        if gap is not None and gap.chance[1] > 0
    ]
    return figures, gaps


def _figure(found: Compared, v: int, k: int, column: str, label: str, family: str, measure: core.Measure) -> Figure:
    twin = len(found.value) == 2 and v == 1  # of two groups, each is the other's rest
    enough, varies = bool(found.enough[v, k]), not np.isnan(found.detectable[v, k])
    tested = enough and varies and not twin and not np.isnan(found.p[v, k])
    return Figure(
        column,
        label,
        family,
        measure.name,
        int(found.people[v, k]),
        *map(_number, (found.value[v, k], *found.ends[v, k], found.rest[v, k])),
        *map(_number, (found.difference[v, k], *found.difference_ends[v, k])),
        p=float(found.p[v, k]) if tested else None,
        adjusted=None,
        detectable=_number(found.detectable[v, k]) if enough and not twin else None,
        verdict=TOO_FEW if not enough else "" if varies else SAME,
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _adjusted(figures: Sequence[Figure], families: Sequence[Family]) -> list[Figure]:
    """Return figures with p adjusted over their family, and a verdict."""
    places = {family.name: [n for n, one in enumerate(figures) if one.family == family.name] for family in families}
    result = list(figures)
    for rows in places.values():
        tested = [n for n in rows if figures[n].p is not None]
        for n, p in zip(tested, adjusted(np.array([figures[n].p for n in tested], np.float64)).tolist(), strict=True):
            verdict = DIFFERS if p <= LEVEL and _excludes_none(figures[n]) else UNSHOWN
            result[n] = Figure(**{**vars(figures[n]), "adjusted": p, "verdict": verdict})
    return result


def _excludes_none(one: Figure) -> bool:
    low, high = one.difference_low, one.difference_high
    return low is not None and high is not None and (low > 0 or high < 0)


def _adjusted_gaps(gaps: Sequence[Largest], families: Sequence[Family]) -> list[Largest]:
    result: list[Largest] = []
    for family in families:
        rows = [one for one in gaps if one.family == family.name]
        found = adjusted(np.array([one.gap.p for one in rows], np.float64)).tolist()
        result += [one._replace(adjusted=p) for one, p in zip(rows, found, strict=True)]
    return result


def _about(faces: LookedAt, grouping: Grouping, seed: int) -> dict[str, dict[str, Any]]:
    rows = ((label, grouping.places == place) for place, label in enumerate(grouping.labels))
    return {label: _counts(faces, inside, seed) for label, inside in rows}


def _counts(faces: LookedAt, inside: np.ndarray, seed: int) -> dict[str, Any]:
    chance = measures.calibrated(faces, inside, seed)
    truths = {EXPRESSIONS.labels[k]: int((faces.truth[inside] == k).sum()) for k in measures.classes(faces)}
    counts = {"people": len(np.unique(faces.people[inside])), "pictures": int(inside.sum())}
    counts["faces"] = int((inside & faces.found).sum())
    counts |= {f"true {label}": n for label, n in truths.items()}
    return counts | ({} if chance is None else {BY_CHANCE: [round(value, 3) for value in chance]})


def _unknown(faces: LookedAt, grouping: Grouping) -> dict[str, int]:
    rows = grouping.places < 0
    return {"people": len(np.unique(faces.people[rows])), "pictures": int(rows.sum())}
