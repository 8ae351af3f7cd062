"""Valence and arousal, expressions and action units measured together, with intervals over people.

Every measure is computed from sums over the faces of each person, so that 10,000 draws of people cost one matrix
product, and differences between networks are paired: both are looked at on the same people.
Legend: F faces, P people, D draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, FER2013, MULTITASK_UNITS, UNITS_HEAD
from kaoiro.metrics import presence
from kaoiro.metrics.accuracy import confusion, macro_f1, weighted_f1
from kaoiro.metrics.agreement import moments, multitask_score
from kaoiro.metrics.temporal import concordance_of, counted, interval

DRAWS = 10_000
Totals = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Answers:
    """What is true of F faces, or answered of them; None where a network has no such head.

    Attributes:
        affect: (F, 2) valence and arousal, -1 to 1.
        expression: (F,) classes in the order of FER2013.
        units: (F, 8) bool, presence of `MULTITASK_UNITS`.
    """

    affect: np.ndarray | None = None
    expression: np.ndarray | None = None
    units: np.ndarray | None = None


def resting(count: int) -> Answers:
    """Return what is answered by whoever calls every face neutral: what all figures must be compared with."""
    neutral = np.full(count, FER2013.index("neutral"))
    return Answers(np.zeros((count, 2)), neutral, np.zeros((count, len(MULTITASK_UNITS)), bool))


def _affect(total: Totals) -> np.ndarray:
    return concordance_of(total[AFFECT_HEAD])


def _accuracy(total: Totals) -> np.ndarray:
    counts = total[EXPRESSION]
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def _units_f1(total: Totals) -> np.ndarray:
    return _mean(presence.presence_f1(total[UNITS_HEAD]))


def _exact(total: Totals) -> np.ndarray:
    return total["exact"][..., 0] / total["exact"][..., 1]


def _score(total: Totals) -> np.ndarray:
    return multitask_score(_affect(total), macro_f1(total[EXPRESSION]), _units_f1(total))


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is a number."""
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)


MEASURES: Mapping[str, Callable[[Totals], np.ndarray]] = MappingProxyType(
    {
        "CCC valence": lambda total: _affect(total)[..., 0],
        "CCC arousal": lambda total: _affect(total)[..., 1],
        "mean CCC": lambda total: _affect(total).mean(axis=-1),
        "accuracy": _accuracy,
        "F1w": lambda total: weighted_f1(total[EXPRESSION]),
        "F1 macro": lambda total: macro_f1(total[EXPRESSION]),
        "AU F1": _units_f1,
        "TA_pool": lambda total: presence.pooled_accuracy(total[UNITS_HEAD]),
        "TA_bal": lambda total: _mean(presence.balanced_accuracy(total[UNITS_HEAD])),
        "TA_exact": _exact,
        "P": _score,
    }
)
"""Measures of totals; `accuracy` to `F1 macro` are of expressions, `AU F1` to `TA_exact` of action units."""


@dataclass(frozen=True, eq=False)
class Sums:
    """What a network answered, summed up for each of P people.

    Attributes:
        tables: by name: 'affect' (P, 2, 6) moments, 'expression' (P, 7, 7) confusions, 'units' (P, 8, 4) counts,
            'exact' (P, 2) faces with all units right, and faces; heads that a network lacks are left out.
    """

    tables: Totals

    def figure(self, measure: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return a measure over all people, or over draws of people: () or (D,); NaN where a head is lacking.

        Args:
            measure: one of `MEASURES`.
            rows: (D, P) indices of people, or None.
        """
        measured = MEASURES[measure]
        try:
            return np.asarray(measured(self._totals(rows)))
        except KeyError:  # of a head
            return np.full(() if rows is None else len(rows), np.nan)

    def unit_scores(self) -> np.ndarray:
        """Return the F1 of each action unit: (8,), NaN where the head is lacking."""
        if UNITS_HEAD not in self.tables:
            return np.full(len(MULTITASK_UNITS), np.nan)
        return presence.presence_f1(self._totals(None)[UNITS_HEAD])

    def _totals(self, rows: np.ndarray | None) -> Totals:
        if rows is None:
            return {name: table.sum(axis=0) for name, table in self.tables.items()}
        weights = [(counted(rows, len(table)), table) for table in self.tables.values()]
        return dict(zip(self.tables, (np.tensordot(weight, table, 1) for weight, table in weights), strict=True))

    def stored(self) -> dict[str, Any]:
        """Return the tables as lists, for JSON."""
        return {name: table.tolist() for name, table in self.tables.items()}


def restored(tables: dict[str, Any]) -> Sums:
    """Return what `Sums.stored` gave.

    Raises:
        ValueError: the lists have no common shape.
    """
    return Sums({name: np.array(table, np.float64) for name, table in tables.items()})


def summed(truth: Answers, answer: Answers, people: np.ndarray) -> Sums:
    """Sum up answers for each person, the people in alphabetical order.

    Args:
        truth: of all tasks.
        answer: of the heads that the network has.
        people: (F,) names.

    Raises:
        InputError: no faces, or tables of other lengths.
    """
    if not len(people):
        raise InputError("no faces to measure")
    members = [np.flatnonzero(people == person) for person in np.unique(people)]
    tables: dict[str, list[np.ndarray]] = {}
    for rows in members:
        for name, table in _tables(truth, answer, rows).items():
            tables.setdefault(name, []).append(table)
    return Sums({name: np.stack(parts) for name, parts in tables.items()})


def _tables(truth: Answers, answer: Answers, rows: np.ndarray) -> dict[str, np.ndarray]:
    result: dict[str, np.ndarray] = {}
    if answer.affect is not None and truth.affect is not None:
        result[AFFECT_HEAD] = moments(truth.affect[rows], answer.affect[rows])
    if answer.expression is not None and truth.expression is not None:
        result[EXPRESSION] = confusion(truth.expression[rows], answer.expression[rows], len(FER2013))
    if answer.units is not None and truth.units is not None:
        shown, said = truth.units[rows], answer.units[rows]
        result[UNITS_HEAD] = presence.presence_counts(shown, said)
        result["exact"] = np.array([presence.all_right(shown, said).sum(), len(rows)])
    return result


def table(runs: Mapping[str, Sequence[Sums]]) -> dict[str, dict[str, Any]]:
    """Return every measure of every network: mean over seeds and, from two seeds on, their standard deviation."""
    result: dict[str, dict[str, Any]] = {}
    for name, seeds in runs.items():
        result[name] = {"seeds": len(seeds)}
        for measure in MEASURES:
            result[name][measure] = _spread([float(one.figure(measure)) for one in seeds])
    return result


def unit_table(runs: Mapping[str, Sequence[Sums]]) -> dict[str, dict[str, Any]]:
    """Return the F1 of each action unit of every network that answers them, as `table` does."""
    result: dict[str, dict[str, Any]] = {}
    for name, seeds in runs.items():
        scores = np.stack([one.unit_scores() for one in seeds])
        if not np.isnan(scores).all():
            result[name] = {unit: _spread(scores[:, k].tolist()) for k, unit in enumerate(MULTITASK_UNITS.labels)}
    return result


def _spread(values: list[float]) -> dict[str, float] | None:
    if np.isnan(values).any():
        return None
    spread = {"sd": float(np.std(values, ddof=1))} if len(values) > 1 else {}
    return {"mean": float(np.mean(values))} | spread


def difference(
    ours: Sequence[Sums], theirs: Sequence[Sums], measure: str, rows: np.ndarray
) -> tuple[float, float, float]:
    """Return how much more one network has of a measure than another, and the 95 % interval over draws of people.

    Both are means over their seeds; every draw takes the same people for all of them.

    Args:
        ours: one for each seed.
        theirs: likewise.
        measure: one of `MEASURES`.
        rows: (D, P) of `metrics.temporal.draws`.
    """

    def mean(runs: Sequence[Sums], rows: np.ndarray | None) -> np.ndarray:
        return np.mean([one.figure(measure, rows) for one in runs], axis=0)

    found = float(mean(ours, None) - mean(theirs, None))
    return found, *interval(mean(ours, rows) - mean(theirs, rows))


def seeded(runs: np.ndarray, rows: int = DRAWS) -> np.ndarray:
    """Return draws of a mean over seeds in which the seeds vary, too: (rows,).

    A draw takes as many seeds as there are, with replacement, each with the same draw of people. Drawing n seeds
    gives 1 - 1/n of the variance of their mean, which is made up for; with few seeds intervals stay too narrow.

    Args:
        runs: (S, rows) a figure, or a difference, of S seeds over the same draws of people.
        rows: draws.
    """
    count = len(runs)
    if count == 1:
        return runs[0]
    chosen = np.random.default_rng(0).integers(count, size=(rows, count))
    middle = runs.mean(axis=0)
    drawn = runs[chosen, np.arange(rows)[:, None]].mean(axis=1)
    return middle + (drawn - middle) * np.sqrt(count / (count - 1))


def verdict(found: tuple[float, float, float] | None, least: float, above: float | None = None) -> dict[str, Any]:
    """Return the row of a claim about a figure with its interval.

    Args:
        found: figure, lower and upper end; None where it was not measured.
        least: what is wished.
        above: None judges the whole interval by `least`; a number is where the interval must lie above, while the
            figure itself reaches `least`.
    """
    wished = f"at least {least:g}" + ("" if above is None else f", interval above {above:g}")
    if found is None or np.isnan(found).any():
        return {"found": None, "interval": None, "wished": wished, "verdict": "not measured yet"}
    value, low, high = found
    holds = low >= least if above is None else value >= least and low > above
    word = "holds" if holds else "does not hold" if high < least else "undecided"
    return {"found": value, "interval": [low, high], "wished": wished, "verdict": word}
