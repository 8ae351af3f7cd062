"""Tables of recognisers of expressions: those that begin from the expression code beside the same trunk on pixels.

What comes in are measurements of `training.recogniser`; what goes out are the figures of a section of
`exchange_report`. Legend: N faces, P people, D draws, K = 7 expressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kaoiro.core.labels import FER2013
from kaoiro.evaluation import measured
from kaoiro.evaluation.exchange_tables import CLAIMED
from kaoiro.evaluation.measured import DRAWS, Found, Measured, above, difference, level, per_person
from kaoiro.metrics.accuracy import confusion

SECTION = "recogniser"
"""Of `exchange_report`."""
FROZEN, TUNED, PIXELS = ARMS = ("frozen", "tuned", "pixels")
"""A linear reader of the code, whose encoder stands still; the encoder learning on from its weights; the same encoder
from random weights."""
FRACTIONS = (0.01, 0.1, 1.0)
"""Of the labels, at which the claims are judged."""
ACCURACY, RECALL, F1 = MEASURES = ("accuracy", "recall", "F1")
"""Share of right answers; recall and F1, each the mean over the expressions that occur or are answered."""
LABELS, CHOSEN = "labels", "chosen"
"""Tables of a measurement: how many labels there were, and which rate or ridge was chosen."""
Rows = Mapping[str, Sequence[Measured]]
"""Measurements by `row`, one for each seed."""


class Recognised(Measured):
    """What a recogniser answered on the faces of P people; `figure` also knows `RECALL` and `F1`."""

    def figure(self, measure: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return a measure over all people (), or over draws of people (D,); NaN where it was not measured.

        Args:
            measure: one of `MEASURES`, or 'RECALL of EXPRESSION' and 'F1 of EXPRESSION'.
            rows: (D, P) how often each person was drawn, or None.
        """
        if measure not in (RECALL, F1):
            return super().figure(measure, rows)
        found = np.stack([super(Recognised, self).figure(_of(measure, label), rows) for label in FER2013.labels])
        known = ~np.isnan(found)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(known, found, 0).sum(axis=0) / known.sum(axis=0))

    def of(self, people: Sequence[str]) -> Recognised:
        """Return the sums of some people, in the order given; tables are left out."""
        return _recognised(super().of(people))


def _recognised(one: Measured) -> Recognised:
    """Return what was stored or put together as what it is."""
    return Recognised(one.people, one.sums, one.tables)


def _of(measure: str, label: str) -> str:
    return f"{measure} of {label}"


def percent(fraction: float) -> str:
    """Return a share in words."""
    return f"{100 * fraction:g} %"


def row(arm: str, fraction: float) -> str:
    """Return what a recogniser is called in tables, such as 'tuned, 1 %'."""
    return f"{arm}, {percent(fraction)}"


def summed(
    truth: np.ndarray, answers: np.ndarray, subjects: np.ndarray, tables: Mapping[str, measured.Table] | None = None
) -> Recognised:
    """Sum answers up for each person.

    Args:
        truth: (N,) classes in the order of FER2013.
        answers: (N,) likewise.
        subjects: (N,) names.
        tables: what else is told of the recogniser.

    Returns:
        Sums: `ACCURACY`, and of each expression 'recall of …' (hits, faces that show it) and 'F1 of …' (twice the
        hits, faces that show it and faces of which it was answered).

    Raises:
        InputError: no classes, or other numbers of answers than of faces.
    """
    people = np.unique(subjects)
    counts = np.stack([confusion(truth[rows], answers[rows], len(FER2013)) for rows in subjects == people[:, None]])
    hits, shown, said = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)
    sums = {ACCURACY: per_person(answers == truth, subjects)}
    for place, label in enumerate(FER2013.labels):
        sums[_of(RECALL, label)] = np.stack([hits, shown], axis=2)[:, place].astype(np.float64)
        sums[_of(F1, label)] = np.stack([2 * hits, shown + said], axis=2)[:, place].astype(np.float64)
    return Recognised(tuple(people.tolist()), sums, tables or {})


def merged(folds: Sequence[Rows]) -> dict[str, list[Recognised]]:
    """Put the folds of a network together, seed by seed: every person is tested in one of them.

    Args:
        folds: by `row`, as many seeds in each; stored measurements may be handed over as they were restored.
    """
    rows = dict.fromkeys(name for fold in folds for name in fold)
    parts = {name: zip(*(fold[name] for fold in folds if name in fold), strict=True) for name in rows}
    return {name: [_recognised(measured.merged(seeds)) for seeds in parts[name]] for name in rows}


def figures(runs: Mapping[str, Rows]) -> dict[str, Any]:
    """Return claims and tables of recognisers, for `exchange_report.write(folder, SECTION, figures)`.

    Differences are paired: the same people, labels, order and augmentation. At 100 % of the labels it is enough that
    the code does no harm.

    Args:
        runs: by recipe of the network, then by `row`; put folds together by `merged`. Recipes of `CLAIMED` that lack
            are not measured yet.

    Raises:
        InputError: measurements of one recipe on different people.
    """
    known = {name: {key: [*map(_recognised, seeds)] for key, seeds in rows.items()} for name, rows in runs.items()}
    tables: dict[str, Any] = {"recognisers": {}, "against pixels": {}, "recall by expression": {}}
    for name, rows in known.items():
        for key, seeds in rows.items():
            title = f"{name}: {key}"
            cells = {measure: _between(level(seeds, measure)) for measure in MEASURES}
            tables["recognisers"][title] = cells | {"seeds": len(seeds)}
            tables["recall by expression"][title] = _by_expression(seeds)
            if not key.startswith(PIXELS):
                pixels = rows.get(_rival(key), [])
                gaps = {measure: _between(difference(seeds, pixels, measure)) for measure in MEASURES}
                tables["against pixels"][f"{name}: {_gap(key)}"] = gaps
    for table in (LABELS, CHOSEN):
        tables[table] = _filled(
            {f"{name}: {key}": one for name, rows in known.items() for key, one in _told(rows, table)}
        )
    return {"draws": DRAWS, "claims": _claims(known)} | {name: table for name, table in tables.items() if table}


def _claims(runs: Mapping[str, Mapping[str, Sequence[Recognised]]]) -> dict[str, dict[str, Any]]:
    """Return a row for every recipe, arm and share that a claim could name, and for those that were measured."""
    result = {}
    for name in dict.fromkeys((*CLAIMED, *runs)):
        rows = runs.get(name, {})
        usual = [row(arm, fraction) for arm in (TUNED, FROZEN) for fraction in FRACTIONS]
        for key in dict.fromkeys((*usual, *(key for key in rows if not key.startswith(PIXELS)))):
            found = difference(rows.get(key, ()), rows.get(_rival(key), ()), ACCURACY)
            result[f"{_gap(key)}, {name}"] = above(found, may_tie=key.endswith(f", {percent(1)}"))
    return result


def _rival(key: str) -> str:
    """Return the row that learned from the same labels on pixels."""
    return PIXELS + key[key.index(",") :]


def _gap(key: str) -> str:
    arm, share = key.split(", ", 1)
    return f"{arm} - {PIXELS}, {share}"


def _between(found: Found | None) -> str | None:
    return None if found is None else f"{found[0]:.3f} ({found[1]:.3f} to {found[2]:.3f})"


def _by_expression(seeds: Sequence[Recognised]) -> dict[str, float | None]:
    """Return the recall of each expression, mean over seeds; None of what no face shows."""
    found = {label: np.mean([one.figure(_of(RECALL, label)) for one in seeds]) for label in FER2013.labels}
    return {label: None if np.isnan(value) else round(float(value), 4) for label, value in found.items()}


def _told(rows: Mapping[str, Sequence[Measured]], table: str) -> list[tuple[str, Mapping[str, float]]]:
    """Return the rows of a table of all recognisers of a network; those of the same name are the same."""
    found = [measured.merged(seeds).tables.get(table, {}) for seeds in rows.values() if seeds]
    return list({key: one for part in found for key, one in part.items()}.items())


def _filled(rows: dict[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Return rows that all have the same columns; None where one has no figure."""
    columns = dict.fromkeys(column for one in rows.values() for column in one)
    return {name: {column: one.get(column) for column in columns} for name, one in rows.items()}
