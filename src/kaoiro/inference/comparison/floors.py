"""The noise floor that differences between recordings are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from kaoiro.core.types import expression_column
from kaoiro.inference.floor import OWN, SHIPPED, USUAL, Floors, FloorTable, load
from kaoiro.inference.recording import Model
from kaoiro.inference.report.measured import SIGNAL

UNKNOWN_MODEL, OTHER_MODEL, NO_TABLE = "floor_unknown_model", "floor_other_model", "floor_no_table"


@dataclass(frozen=True)
class NoiseFloors:
    """Noise floors of the recordings' model at their length.

    Floors were measured as differences of two recordings' means of a column. A difference of shares or signals is one;
    of changes from one rest, too, for the rest falls out of it. Where each recording has a rest of its own, the rest
    takes part of what light and camera do with it, so that the floor is rather too high for such changes.

    Attributes:
        table: of the model; None where there is none that holds.
        level: of the table.
        minutes: of the recording that was seen shortest.
        why_not: key of the text that says why there is no table.
    """

    table: FloorTable | None
    level: str
    minutes: float
    why_not: str = ""

    def of(self, kind: str, labels: Sequence[str]) -> Floors:
        """Return the floors of the labels of a table; NaN where none was measured."""
        if self.table is None:
            return Floors(*(np.full(len(labels), np.nan) for _ in range(3)))
        columns = labels if kind == SIGNAL else [expression_column(label) for label in labels]
        return self.table.floors(columns, self.minutes, self.level)

    def rest(self, kind: str, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the range in which recordings of a face that does nothing lie, (L,) each; NaN where it is unknown.

        Of 'change' it is the range of the shares, from which the rest was not taken.
        """
        if self.table is None:
            return np.full(len(labels), np.nan), np.full(len(labels), np.nan)
        columns = labels if kind == SIGNAL else [expression_column(label) for label in labels]
        return self.table.rest(columns, self.minutes, self.level)


def noise_floors(path: Path | None, level: str | None, model: Model | None, minutes: float) -> NoiseFloors:
    """Return the floors to hold differences against.

    Args:
        path: of a table; None is the one that ships.
        level: of it; None takes the person's own before others.
        model: that measured all recordings; None if it is not known of each, which leaves them without floors.
        minutes: that the shortest of them was seen: shorter ones scatter more.

    Raises:
        InputError: the table cannot be read, lacks the level, or was named and is of another model.
    """
    if path is None and not (files("kaoiro") / "assets" / SHIPPED).is_file():
        return NoiseFloors(None, level or USUAL, minutes, NO_TABLE)
    table = load(path, None if path is None or model is None else model.digest)
    level = level or next(name for name in (OWN, USUAL, *table.levels) if name in table.levels)
    table.floors([], minutes, level)  # refuses a level that it does not have
    if model is None:
        return NoiseFloors(None, level, minutes, UNKNOWN_MODEL)
    if model.digest != table.digest:
        return NoiseFloors(None, level, minutes, OTHER_MODEL)
    return NoiseFloors(table, level, minutes)
