"""The condition of a face that is to be generated: what it shows, as 17 numbers in one order.

Source: SPEC 5.4: valence, arousal, shares of seven expressions, eight action units.
"""

from __future__ import annotations

from kaoiro.core.labels import AFFECT, AFFECT_HEAD, EXPRESSION, FER2013, MULTITASK_UNITS, UNITS_HEAD, Vocabulary

PARTS: dict[str, Vocabulary] = {AFFECT_HEAD: AFFECT, EXPRESSION: FER2013, UNITS_HEAD: MULTITASK_UNITS}
"""Heads of the multi-task network in the order in which a condition names them."""

CONDITION = Vocabulary("condition", tuple(label for part in PARTS.values() for label in part.labels))
"""What the numbers of a condition mean: valence and arousal -1 to 1, the others 0 to 1."""


def columns() -> dict[str, slice]:
    """Return where each head's numbers stand in a condition."""
    found, start = {}, 0
    for name, part in PARTS.items():
        found[name] = slice(start, start + len(part))
        start += len(part)
    return found
