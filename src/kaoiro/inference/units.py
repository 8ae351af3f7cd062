"""What the action units of a face say of its expression: which carry it, which are absent, which speak for another.

The yardstick are two prototype tables, because observers do not agree on one (`kaoiro.synthesis.prototypes`). People
show expressions in other ways too: a remark is a reason to look at the picture, not a proof that the model is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kaoiro.core.labels import MEASURED_UNITS, unit_title
from kaoiro.core.spec import EVEN
from kaoiro.core.types import Record
from kaoiro.synthesis.prototypes import TABLES, Prototype

CLEAR = 0.6
"""Of the way from a unit's threshold to certainty: beyond it, a unit that speaks for another expression is worth a
remark (at a threshold of 0.5, from a probability of 0.8 on)."""


@dataclass(frozen=True)
class Evidence:
    """The action units of one face, beside what the tables expect of its expression.

    Attributes:
        expression: the most probable one.
        probabilities: by unit, in the order of `MEASURED_UNITS`, as far as the model answers them.
        visible_from: by unit, likewise: the probability from which the model's specification calls it visible.
        expected: units that a table always names for the expression, also those that are not measured.
        disputed: those of `expected` that only some of the tables name.
        foreign: clearly visible units that no table names for this expression, with the expressions they speak for.
        known: whether the tables have the expression at all; they lack contempt.
    """

    expression: str
    probabilities: Mapping[str, float]
    visible_from: Mapping[str, float]
    expected: tuple[str, ...]
    disputed: tuple[str, ...]
    foreign: Mapping[str, tuple[str, ...]]
    known: bool

    def visible(self, unit: str) -> bool:
        """Whether a unit that the model answers is visible."""
        return self.probabilities[unit] >= self.visible_from[unit]

    @property
    def carrying(self) -> tuple[str, ...]:
        """Expected units that are visible."""
        return tuple(unit for unit in self.expected if unit in self.probabilities and self.visible(unit))

    @property
    def absent(self) -> tuple[str, ...]:
        """Expected units that are not visible."""
        return tuple(unit for unit in self.expected if unit in self.probabilities and not self.visible(unit))

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Expected units that the model does not answer."""
        return tuple(unit for unit in self.expected if unit not in self.probabilities)

    @property
    def remarks(self) -> list[str]:
        """Contradictions between expression and units, in plain words."""
        return [*map(self._without, self.absent), *(self._with(unit) for unit in self.foreign)]

    def _without(self, unit: str) -> str:
        doubt = ", which one of the two tables expects" if unit in self.disputed else ""
        return f"{self.expression} without {unit_title(unit)}{doubt}"

    def _with(self, unit: str) -> str:
        return f"{self.expression} with {unit_title(unit)}, which speaks for {_either(self.foreign[unit])}"


def evidence(record: Record, visible_from: Mapping[str, float]) -> Evidence:
    """Return what the action units of a measured face say of its expression.

    Args:
        record: with an expression.
        visible_from: by unit, `heads.visible_from` of the model; what is not there is visible from `EVEN` on.
    """
    expression = record.expression or ""
    found = {unit: record.scores[unit] for unit in MEASURED_UNITS.labels if unit in record.scores}
    named, known = _named(expression), any(expression in table for table in TABLES.values())
    expected = tuple(sorted(_always(expression)))
    disputed = tuple(unit for unit in expected if not all(unit in units for units in named))
    least = {unit: visible_from.get(unit, EVEN) for unit in found}
    clear = [unit for unit, share in found.items() if share > least[unit] + CLEAR * (1 - least[unit])]
    unnamed = [unit for unit in clear if known and not any(unit in units for units in named)]
    foreign = {unit: speaking for unit in unnamed if (speaking := _speaking(unit))}
    return Evidence(expression, found, least, expected, disputed, foreign, known)


def _prototypes(expression: str) -> Iterator[Prototype]:
    for table in TABLES.values():
        if expression in table:
            yield table[expression]


def _column(unit: int) -> str:
    return f"au_{unit:02d}"


def _always(expression: str) -> set[str]:
    """Return the units that at least one table always names."""
    return {_column(unit) for prototype in _prototypes(expression) for unit in prototype.always}


def _named(expression: str) -> list[set[str]]:
    """Return the units that each table names, always or sometimes."""
    return [set(map(_column, (*prototype.always, *prototype.sometimes))) for prototype in _prototypes(expression)]


def _speaking(unit: str) -> tuple[str, ...]:
    """Return the expressions for which a table always names a unit."""
    labels = sorted({label for table in TABLES.values() for label in table})
    return tuple(label for label in labels if unit in _always(label))


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
