"""What runs of system B add up to: measurements by row, what the rows did, what is smaller than in the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kaoiro.evaluation.measured import Measured, merged
from kaoiro.families.identity_expression.recipe import ADDED
from kaoiro.training.exchange_measures import SEPARATION, collapsed
from kaoiro.training.exchange_runs import ROWS, Outcome, Outcomes, Run, Runs
from kaoiro.training.exchange_sets import FOLDS

WISHED = 3
"""Seeds (SPEC 3.8)."""


def by_row(found: Outcomes, measure: str) -> dict[str, dict[str, list[Measured]]]:
    """Return measurements by part and row, one for each seed with its folds put together.

    Seeds that lack folds which another seed of the row has are left out: comparisons are made on the people whom all
    seeds share.

    Args:
        found: of runs.
        measure: of `exchange_measures.MEASURES`.
    """
    seeds: dict[tuple[str, str], dict[int, list[Measured]]] = {}
    for run, outcome in found.items():
        for row, parts in outcome.found.get(measure, {}).items():
            for part, one in parts.items():
                seeds.setdefault((part, row), {}).setdefault(run.seed, []).append(one)
    result: dict[str, dict[str, list[Measured]]] = {}
    for (part, row), own in seeds.items():
        most = max(map(len, own.values()))
        result.setdefault(part, {})[row] = [merged(folds) for folds in own.values() if len(folds) == most]
    return result


def about(planned: Sequence[Run], runs: Runs, found: Outcomes) -> dict[str, Any]:
    """Return what figures were measured on, and which runs they rest on; also what has collapsed or failed."""
    broken = {run.name: _collapsed(one) for run, one in found.items()}
    failed = [f"{run.name}: {one.failed}" for run, one in found.items() if one.failed is not None]
    return {
        **runs.sets.about,
        "folds": f"{len(_folds(planned))} of {FOLDS}, the same for all seeds",
        "seeds": len(_seeds(planned)),
        "runs": f"{len(found)} of {len(planned)}",
        "budget_hours": runs.settings()["asked"]["budget"],
        "hours of all runs": round(sum(one.about.get("hours", 0.0) for one in found.values()), 2),
        "hardware": ", ".join(sorted({one.about["hardware"] for one in found.values() if "hardware" in one.about})),
        "collapsed": [f"{name} ({', '.join(codes)})" for name, codes in broken.items() if codes] or "none",
        "failed": failed or "none",
    }


def _seeds(planned: Sequence[Run]) -> set[int]:
    return {run.seed for run in planned}


def _folds(planned: Sequence[Run]) -> set[int]:
    return {run.fold for run in planned}


def _collapsed(outcome: Outcome) -> list[str]:
    return collapsed(outcome.found.get(SEPARATION, {}))


def rows(planned: Sequence[Run], found: Outcomes) -> dict[str, dict[str, Any]]:
    """Return what the runs of each row did: how many there are, and means over them."""
    table = {}
    for name in dict.fromkeys(run.recipe for run in planned):
        own = [one for run, one in found.items() if run.recipe == name]
        learned = [one.about for one in own if one.failed is None]
        updates = _mean(learned, "updates")
        table[name] = {
            "runs": f"{len(learned)} of {sum(run.recipe == name for run in planned)}",
            "failed": len(own) - len(learned),
            "collapsed": sum(bool(_collapsed(one)) for one in own),
            "share of the schedule": _mean(learned, "share"),
            "updates": None if updates is None else round(updates),
            "hours": _mean(learned, "hours"),
        }
    return table


def _mean(learned: Sequence[Mapping[str, Any]], key: str) -> float | None:
    return float(np.mean([one[key] for one in learned])) if learned else None


def scaled_down(planned: Sequence[Run], runs: Runs, found: Outcomes) -> list[str]:
    """Return what was done on a smaller scale than SPEC 3 wishes."""
    asked, named = runs.settings()["asked"], list(dict.fromkeys(run.recipe for run in planned))
    seeds, folds, notes = len(_seeds(planned)), len(_folds(planned)), []
    if seeds < WISHED or folds < FOLDS:
        notes.append(f"{seeds} of {WISHED} seeds, {folds} of {FOLDS} folds")
    if len(found) < len(planned):
        few = f"{len(found)} of {len(planned)} runs are finished"
        notes.append(f"{few}; seeds that lack a fold of the others are left out until they have it")
    missing = [name for name in ROWS if name not in named]
    if missing and not any(name in ADDED for name in named):
        notes.append(f"rows that were not run: {', '.join(missing)}")
    return [*notes, *_shares(rows(planned, found), asked), *_smaller(asked, runs.sets.about["set"], named)]


def _shares(table: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Any]) -> list[str]:
    shares = {name: row["share of the schedule"] for name, row in table.items()}
    less = [f"{name} {share:.2%}" for name, share in shares.items() if share is not None and share < 1]
    if not less:
        return []
    same = "the same hours for each run, so that rows whose steps are cheap made more updates than others"
    how = (
        "the same share for all rows" if asked["proportional"] else f"{same}; 'switched-matched' as many as 'iterated'"
    )
    return [f"of the source's epochs (100 a stage; ten times 50 where stages are iterated) {', '.join(less)}: {how}"]


def _smaller(asked: Mapping[str, Any], size: Mapping[str, Any], named: Sequence[str]) -> list[str]:
    notes = []
    if (size.get("scale") or 1) < 1:
        notes.append(f"{size['scale']:g} of the rendered people")
    if asked["batch"] is not None:
        notes.append(f"steps of {asked['batch']} pictures instead of 128 (the source names no number)")
    if asked.get("iterations") is not None:  # earlier versions wrote neither this nor the next two
        notes.append(f"{asked['iterations']} iterations instead of 10, and a control with as many updates")
    if asked.get("width") is not None:
        notes.append(f"{asked['width']} channels after the first convolution instead of 32")
    if asked.get("side") is not None:
        notes.append(f"pictures of {asked['side']} pixels instead of 64")
    sides = {name: asked["recipes"][name]["network"]["side"] for name in named}
    large = [name for name, side in sides.items() if side > (size.get("size") or side)]
    if large:
        notes.append(f"pictures of the set have {size['size']} pixels: {', '.join(large)} sees them enlarged")
    return notes
