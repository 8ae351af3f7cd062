"""What the two published prototype tables say of an action unit on faces of a known expression.

Sources: the tables of `kaoiro.synthesis.prototypes`. They are what observers and data sets show on average, no code of
any single face: a smile in a photograph may lack AU 6, and an angry face may shout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.labels import FER2013, unit_number, unit_title
from kaoiro.synthesis.prototypes import TABLES, Prototype

EXPRESSIONS = FER2013.labels
"""What the tables know; they lack contempt."""
SPOKEN = ("au_25", "au_26")
"""Units that people show with any expression when they speak, so that only a neutral face is said not to show them."""


@dataclass(frozen=True)
class Pair:
    """A unit that an expression should show.

    Attributes:
        unit: its column.
        expression: of the tables.
        tables: that always name the unit for the expression.
        without: expressions for which no table names the unit, always or sometimes.
    """

    unit: str
    expression: str
    tables: tuple[str, ...]
    without: tuple[str, ...]

    @property
    def title(self) -> str:
        """The pair in words."""
        return f"{unit_title(self.unit)} on {self.expression}"


def pairs(units: Sequence[str]) -> list[Pair]:
    """Return every always-unit of every expression of both tables, as far as it is one of `units`."""
    found = []
    for expression in EXPRESSIONS:
        for unit in units:
            tables = tuple(name for name, table in TABLES.items() if unit_number(unit) in table[expression].always)
            if tables:
                found.append(Pair(unit, expression, tables, without(unit)))
    return found


def without(unit: str) -> tuple[str, ...]:
    """Return the expressions for which no table names a unit, always or sometimes."""
    return tuple(label for label in EXPRESSIONS if not any(_names(unit, table[label]) for table in TABLES.values()))


def said(unit: str) -> dict[str, bool]:
    """Return the expressions whose faces are said to show a unit (True) or not to show it (False).

    Shown: some table always names it, and every table that knows the unit at all names it for the expression, if only
    sometimes. Not shown: no table names it, and it is none of `SPOKEN`. Of the other expressions nothing is said:
    tables disagree (AU 5 on anger), or observers see it sometimes (AU 6 on sadness).
    """
    known = [table for table in TABLES.values() if any(_names(unit, prototype) for prototype in table.values())]
    number, found = unit_number(unit), {}
    for label in EXPRESSIONS:
        if any(number in table[label].always for table in known) and all(_names(unit, table[label]) for table in known):
            found[label] = True
        elif label in without(unit) and (unit not in SPOKEN or label == "neutral"):
            found[label] = False
    return found


def truth(unit: str, expressions: np.ndarray) -> np.ndarray:
    """Return whether faces of expressions (N,), by name, are said to show a unit: 1, 0 or NaN (nothing is said)."""
    told: Mapping[str, bool] = said(unit)
    return np.array([float(told[name]) if name in told else np.nan for name in expressions.tolist()], np.float64)


def _names(unit: str, prototype: Prototype) -> bool:
    return unit_number(unit) in (*prototype.always, *prototype.sometimes)
