"""Tables of a comparison: its changes, its recordings, and what is left without each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaoiro.inference.comparison.families import Family
from kaoiro.inference.report.exports import write_table

if TYPE_CHECKING:
    import pandas as pd

    from kaoiro.inference.comparison.making import Compared, Comparison

BEFORE, AFTER = "before", "after"


def changes_table(comparison: Comparison) -> pd.DataFrame:
    """Return one line for each label of each table.

    `low` and `high` are the interval that the recordings themselves tell, which the verdict goes by; `noise_low` and
    `noise_high` the one that also holds what noise makes of recordings.
    """
    import pandas as pd

    return pd.DataFrame(
        [_change(comparison, family, place) for family in comparison.families for place in _places(family)]
    )


def _places(family: Family) -> range:
    return range(len(family.labels))


def _change(comparison: Comparison, family: Family, place: int) -> dict[str, Any]:
    change, carrier = family.change, family.carrier(place)
    left = change.left_out
    columns = {
        "before": family.before,
        "after": family.after,
        "difference": change.difference.value,
        "low": change.alone.low,
        "high": change.alone.high,
        "noise_low": change.difference.low,
        "noise_high": change.difference.high,
        "floor": family.floor,
        "p": change.p,
        "adjusted_p": change.adjusted,
    }
    without = {
        "smallest_without": left.smallest,
        "largest_without": left.largest,
        "smallest_p_without": left.smallest_p,
        "largest_p_without": left.largest_p,
    }
    return (
        {"kind": family.kind, "label": family.labels[place]}
        | {name: float(values[place]) for name, values in columns.items()}
        | {"verdict": family.verdicts[place]}
        | {name: float(values[place]) for name, values in without.items()}
        | {"carried_by": "" if carrier is None else comparison.units[carrier].name, "hangs": family.hangs(place)}
        | {"recordings_before": comparison.before, "recordings_after": comparison.after}
        | {"people": len(comparison.people), "least_p": comparison.least}
    )


def recordings_table(comparison: Comparison) -> pd.DataFrame:
    """Return one line for each recording, table and label; those that are not compared have `compared` False."""
    import pandas as pd

    return pd.DataFrame(
        [
            _about(one) | {"kind": kind, "label": label, "share": float(mean), "sd": float(sd)}
            for one in comparison.everything
            for kind, means in one.means.items()
            for label, mean, sd in zip(means.labels, means.mean, means.sd, strict=True)
        ]
    )


def side(one: Compared) -> str:
    """Return the name of a recording's side."""
    return AFTER if one.after else BEFORE


def _about(one: Compared) -> dict[str, Any]:
    model = one.recorded.model
    return {
        "recording": one.name,
        "file": str(one.given.path),
        "side": side(one),
        "person": one.given.person,
        "event": one.given.event,
        "compared": one.counts,
        "track": one.lane.name,
        "minutes": one.minutes,
        "coverage": one.lane.coverage,
        "model": "" if model is None else model.digest,
    }


def left_out_table(comparison: Comparison) -> pd.DataFrame:
    """Return one line for each label and each recording, event or person: what is left without it."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"kind": family.kind, "label": family.labels[place], "without": unit.name, "left_out": unit.kind}
            | _whose([comparison.compared[member] for member in unit.rows])
            | _left(family, row, place)
            for family in comparison.families
            for place in _places(family)
            for row, unit in enumerate(comparison.units)
        ]
    )


def _whose(left: Sequence[Compared]) -> dict[str, Any]:
    """Return side and person of recordings that are left out together, as far as they are of one."""
    found = {"side": {side(one) for one in left}, "person": {one.given.person for one in left}}
    return {name: values.pop() if len(values) == 1 else "" for name, values in found.items()}


def _left(family: Family, row: int, place: int) -> dict[str, float]:
    left = family.change.left_out
    return {"difference": float(left.differences[row, place]), "p": float(left.p[row, place])}


def export(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the tables into a folder and return the files."""
    tables = {
        "changes": comparison.changes(),
        "recordings": comparison.recordings(),
        "left-out": comparison.left_out(),
    }
    return [
        write_table(table, folder / f"{name}.{kind}") for name, table in tables.items() for kind in ("csv", "parquet")
    ]
