"""What a change from rest is worth: against the noise floor of the model, if one was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from kaoiro.core.types import expression_column
from kaoiro.inference.floor import OWN, SHIPPED, USUAL, FloorTable, load
from kaoiro.inference.recording import Recorded
from kaoiro.timeline.changes import verdict

UNMEASURED = "unmeasured"
"""Why there is no verdict: no noise floor was measured for this model."""


@dataclass(frozen=True)
class Floors:
    """Noise floors that lines are held against.

    Attributes:
        table: of one model; None if there is none.
        level: of the table.
    """

    table: FloorTable | None = None
    level: str = USUAL

    def of(self, recorded: Recorded, label: str, minutes: float) -> float:
        """Return the floor of an expression in a recording of this length; NaN where none was measured."""
        table, column = self.table, expression_column(label)
        if table is None or recorded.model is None or recorded.model.digest != table.digest or not minutes > 0:
            return math.nan
        known = self.level in table.levels and column in table.levels[self.level].columns
        return table.floor(column, minutes, self.level).floor if known else math.nan

    def verdict(self, mean: float, low: float, high: float, floor: float) -> str:
        """Return what can be said of a mean change from rest: a `Verdict` of `timeline.changes`, or `UNMEASURED`.

        There is no test beside the interval: within one recording nothing is rearranged.
        """
        if math.isnan(floor):
            return UNMEASURED
        known = math.isfinite(low) and math.isfinite(high)
        return verdict(mean, (low, high), floor, 0.0 if known else math.nan).value


def read_floors(path: Path | None) -> Floors:
    """Return the floors of a file, the person's own before others; None is the table that ships, if any does.

    Raises:
        InputError: it cannot be read, or is none.
    """
    if path is None and not (files("kaoiro") / "assets" / SHIPPED).is_file():
        return Floors()
    table = load(path)
    levels = [name for name in (OWN, USUAL, *table.levels) if name in table.levels]
    return Floors(table, levels[0])
