"""What is claimed of adaptation to a few pictures, judged: rows with found, interval, wished and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kaoiro.evaluation.arm_claims import FAILS, HOLDS, OPEN, SEEDS, Row, beside, gain, row

RENDERED = "rendered"
"""The target of which gains are claimed."""
OVER_NONE, OVER_RIVALS = 0.05, 0.03
"""Accuracy that adaptation is to gain over none, and over training on everything together."""
BELOW = "no target ends below its start, accuracy"
Gap = Mapping[str, Any]


def claims(gaps: Mapping[str, Mapping[str, Gap | None]], wanted: Sequence[str]) -> dict[str, Row]:
    """Return all claims.

    Args:
        gaps: gains of accuracy by target and by what is adapted from or trained otherwise: 'before', 'combined',
            'oversampled'; None where they were not measured.
        wanted: all targets that there are.
    """
    found = gaps.get(RENDERED, {})
    limits = {"before": OVER_NONE, "combined": OVER_RIVALS, "oversampled": OVER_RIVALS}
    rows = {
        f"{RENDERED}: adapted above {other}, accuracy": gain(found.get(other), least=limit)
        for other, limit in limits.items()
    }
    return rows | {BELOW: never_below({name: one.get("before") for name, one in gaps.items()}, wanted)}


def never_below(gaps: Mapping[str, Gap | None], wanted: Sequence[str]) -> Row:
    """Return the row of the target that gains least.

    It holds if all targets were measured with enough seeds, none gains less than 0 on average over seeds, and no
    interval lies below 0; it does not hold if an interval and all seeds of it lie below 0.
    """
    wished = "no mean below 0, no interval below 0"
    known = {name: one for name, one in gaps.items() if one is not None and one["found"] is not None}
    if not known:
        return row(None, wished, OPEN)
    least = min(known, key=lambda name: known[name]["found"])
    fails = any(beside(one, 0.0) == FAILS for one in known.values())
    below = any(one["found"] < 0 or one["interval"][1] < 0 for one in known.values())
    complete = set(wanted) <= set(known) and all(one["seeds"] >= SEEDS for one in known.values())
    verdict = FAILS if fails else HOLDS if complete and not below else OPEN
    return row(known[least], wished, verdict, against=least, of=len(known))
