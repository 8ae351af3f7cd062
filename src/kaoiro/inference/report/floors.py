"""What a line of a report is worth: against what the model makes of a face that does nothing, if that was measured.

A share alone is never a signal, for resting faces differ more than recordings do: it lies within the range of faces
that do nothing, or it is uncertain. A mean change from the person's rest is one if its whole interval exceeds the noise
floor that holds for eight labels together. That floor was measured on recordings in which nothing is shown: where
neither the recording nor its rest is within their range, it does not hold. A rest must be of more than a few frames,
for a single one scatters more than any recording; and blocks must not be far too short for the face's memory. How often
such a verdict is wrong: docs/results/recordings.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from kaoiro.core.checks import require
from kaoiro.core.labels import AFFECT
from kaoiro.core.types import expression_column
from kaoiro.inference.floor import OWN, SHIPPED, USUAL, FloorTable, load
from kaoiro.inference.recording import Recorded
from kaoiro.inference.report.measured import CHANGE, QUIET, RAW, SIGNAL, Line, MeasuredLane
from kaoiro.timeline.changes import Verdict, verdict
from kaoiro.timeline.floors import Floor

UNMEASURED = "unmeasured"
"""Why there is no verdict: no noise floor was measured for this model."""
_TINY = 1e-9  # of a share: rounding must not take a rest of 0 out of a range
NO_VERDICT = ""
"""Of lines that say the same as others."""


@dataclass(frozen=True)
class Floors:
    """Noise floors that lines are held against.

    Attributes:
        table: of one model; None if there is none.
        level: of the table.
    """

    table: FloorTable | None = None
    level: str = USUAL

    def of(self, recorded: Recorded, column: str, minutes: float) -> Floor | None:
        """Return the floor of a column in a recording of this length; None where none was measured."""
        table = self.table
        if table is None or recorded.model is None or recorded.model.digest != table.digest or not minutes > 0:
            return None
        known = self.level in table.levels and column in table.levels[self.level].columns
        return table.floor(column, minutes, self.level) if known else None

    def worth(self, recorded: Recorded, measured: MeasuredLane, line: Line) -> dict[str, Any]:
        """Return `floor` of a change, `rest_low` and `rest_high` of a share or level, and the `verdict`.

        Numbers are NaN where unknown; the verdict is a `Verdict` of `timeline.changes`, `UNMEASURED` or `NO_VERDICT`.
        """
        found: dict[str, Any] = {"floor": math.nan, "rest_low": math.nan, "rest_high": math.nan}
        if line.kind not in (RAW, CHANGE, SIGNAL):
            return found | {"verdict": NO_VERDICT}
        column = line.label if line.kind == SIGNAL else expression_column(line.label)
        floor = self.of(recorded, column, measured.lane.seen_s / 60)
        if floor is None:
            return found | {"verdict": UNMEASURED}
        if line.kind == CHANGE:
            return found | {"floor": floor.rare, "verdict": _of_change(floor, measured, line)}
        ends = {"rest_low": floor.rest_low, "rest_high": floor.rest_high}
        said = Verdict.BELOW if calm(floor, line.label, line.mean) else Verdict.UNCERTAIN
        return found | ends | {"verdict": said.value}


def calm(floor: Floor, label: str, mean: float) -> bool:
    """Return whether recordings of faces that do nothing have such means, too, or scatter even more.

    Probabilities scatter less nearer to 0, of neutral to 1: only the other end is an end for them.
    """
    above = label == QUIET or mean <= floor.rest_high + _TINY
    below = (label != QUIET and label not in AFFECT.labels) or mean >= floor.rest_low - _TINY
    return above and below


def _of_change(floor: Floor, measured: MeasuredLane, line: Line) -> str:
    share = next((one.mean for one in measured.of(RAW) if one.label == line.label), math.nan)
    holds = calm(floor, line.label, share) or calm(floor, line.label, share - line.mean)
    drawn = measured.drawn.get(CHANGE)
    known = math.isfinite(line.low) and math.isfinite(line.high) and drawn is not None and not drawn.far_cut
    p = 0.0 if known and holds and measured.firm_rest else math.nan  # within one recording nothing is rearranged
    return verdict(line.mean, (line.low, line.high), floor.rare, p).value


def read_floors(path: Path | None, level: str | None = None) -> Floors:
    """Return the floors of a file; None is the table that ships, if any does.

    Args:
        path: of the table.
        level: of it; None takes the person's own before others.

    Raises:
        InputError: it cannot be read, is none, or lacks the level.
    """
    if path is None and not (files("kaoiro") / "assets" / SHIPPED).is_file():
        return Floors(level=level or USUAL)
    table = load(path)
    level = level or next(name for name in (OWN, USUAL, *table.levels) if name in table.levels)
    require(level in table.levels, "level of the noise floor", f"one of {', '.join(table.levels)}", level)
    return Floors(table, level)
