"""What is claimed of language in system C, judged (SPEC 4.6): rows with found, interval, wished and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kaoiro.evaluation.arm_precision import ALIKE, NEG2_PRECISION, NEG2_RECALL, EqualPrecision
from kaoiro.evaluation.arm_readings import Drawn
from kaoiro.evaluation.arms import PRETRAINED, SCRATCH, Comparison
from kaoiro.evaluation.claims import UNMEASURED

GAIN = 0.022
"""Least gain of accuracy: the source's 0.697 over 0.665, less a point."""
SURE = 0.01
"""McNemar's p below which a gain of accuracy is no chance."""
PRECISION = 0.02
"""So much NEG2 precision may be lost for recall."""
SEEDS = 3
"""Fewer than so many judge nothing."""
SOURCE, SOURCE_BACKBONE = 0.697, 0.665
"""The source's averages."""
IMPROVED = {"accuracy": 0.733, "macro recall": 0.710, "NEG2 recall": 0.608}
"""What the improved mode is to reach."""
HOLDS, FAILS, OPEN = "holds", "does not hold", "undecided"
RARE = ("fear", "disgust", "contempt")
"""Classes for which Training is cross-validated."""
Row = dict[str, Any]
Drawns = Mapping[str, Drawn]
"""Readings by name: 'fer2013' and 'ferplus'."""


def row(found: Mapping[str, Any] | None, wished: str, verdict: str, **more: Any) -> Row:
    """Return a row of claims; below `SEEDS` seeds the verdict is open."""
    if found is None or found["found"] is None:
        return {"found": None, "interval": None, "wished": wished, "verdict": UNMEASURED}
    said = verdict if found["seeds"] >= SEEDS else OPEN
    kept = {name: found[name] for name in ("found", "interval", "seeds")}
    return kept | {"wished": wished, "verdict": said, "sd over seeds": found["sd"], **more}


def at_least(found: Mapping[str, Any] | None, limit: float) -> Row:
    """Return the row of a figure that is to reach a limit with its whole interval."""
    return row(found, f"at least {limit:g}", beside(found, limit))


def above(found: Mapping[str, Any] | None, limit: float = 0.0) -> Row:
    """Return the row of a figure that is to lie above a limit with its whole interval, such as a difference above 0."""
    return row(found, f"interval above {limit:g}", beside(found, limit))


def beside(found: Mapping[str, Any] | None, limit: float) -> str:
    """Return on which side of a limit a figure lies: with its whole interval over images, and with every seed."""
    if found is None or found["interval"] is None:
        return OPEN
    low, high = min([found["interval"][0], *found["by seed"]]), max([found["interval"][1], *found["by seed"]])
    return HOLDS if low > limit else FAILS if high < limit else OPEN


def gain(found: Mapping[str, Any] | None, test: Mapping[str, Any] | None = None, least: float = GAIN) -> Row:
    """Return the row of a gain that is to be so large (as the source's) and no chance.

    It holds if the mean gain reaches `least`, its interval over images and every seed lie above 0, and McNemar's p of
    every seed, where there is a test, lies below `SURE`; it does not hold if interval and seeds lie below `least`.
    """
    chance = "interval above 0" if test is None else f"McNemar p < {SURE:g}"
    wished, p = f"at least {least:g}, {chance}", None if test is None else max(test["p by seed"], default=None)
    if found is None or found["interval"] is None:
        return row(found, wished, OPEN)
    certain = beside(found, 0.0) == HOLDS and (p is None or p < SURE)
    verdict = HOLDS if certain and found["found"] >= least else FAILS if beside(found, least) == FAILS else OPEN
    return row(found, wished, verdict, **({} if p is None else {"p": p}))


def without_loss(recall: Mapping[str, Any] | None, precision: Mapping[str, Any] | None) -> Row:
    """Return the row of a recall that is to rise without losing more precision than `PRECISION`."""
    wished = f"interval above 0, precision not {PRECISION:g} lower"
    if recall is None or precision is None or precision["found"] is None:
        return row(recall, wished, OPEN)
    return row(recall, wished, _unspoilt(recall, precision), precision=precision["found"])


def _unspoilt(recall: Mapping[str, Any], precision: Mapping[str, Any]) -> str:
    """Return whether a recall rises and the precision beside it does not fall by more than `PRECISION`."""
    sides = [beside(recall, 0.0), beside(precision, -PRECISION)]
    return FAILS if FAILS in sides else HOLDS if sides == [HOLDS, HOLDS] else OPEN


def on_both(recalls: Sequence[Mapping[str, Any] | None], precisions: Sequence[Mapping[str, Any] | None]) -> Row:
    """Return the row of a recall that is to rise on both annotations without losing more precision than `PRECISION`.

    Args:
        recalls: gains on FER2013's labels, then on FER+, which is shown.
        precisions: what the precisions gain, likewise.
    """
    wished = f"interval above 0 on both annotations, precision not {PRECISION:g} lower"
    known = [(a, b) for a, b in zip(recalls, precisions, strict=True) if a is not None and b is not None]
    if len(known) < len(recalls):
        return row(recalls[-1], wished, OPEN)
    sides = [_unspoilt(*one) for one in known]
    verdict = FAILS if FAILS in sides else HOLDS if set(sides) == {HOLDS} else OPEN
    return row(recalls[-1], wished, verdict, precision=known[-1][1]["found"])


def smallest(gaps: Mapping[str, Mapping[str, Any] | None], wanted: Sequence[str]) -> Row:
    """Return the row of an arm that is to do better than each of several others: its smallest difference.

    Args:
        gaps: by the other's name; None where it was not measured.
        wanted: all others that there are.
    """
    wished = "interval above 0 against each"
    known = {name: one for name, one in gaps.items() if one is not None and one["found"] is not None}
    if not known:
        return row(None, wished, OPEN)
    name = min(known, key=lambda one: known[one]["found"])
    sides = [beside(one, 0.0) for one in known.values()]
    complete = set(wanted) <= set(known)
    verdict = FAILS if FAILS in sides else HOLDS if complete and set(sides) == {HOLDS} else OPEN
    return row(known[name], wished, verdict, against=name, of=len(known))


def claims(comparison: Comparison, drawn: Drawns, equal: Mapping[str, EqualPrecision]) -> dict[str, Row]:
    """Return all claims of one comparison.

    Args:
        comparison: its arms.
        drawn: readings of all images, on both annotations.
        equal: the same with fear and disgust answered as precisely as by each rival.
    """
    found = {}
    for arm in comparison.language:
        found |= _of_language(comparison, arm, drawn)
        if comparison.rivals:
            found[f"{arm} above every rival at equal precision, NEG2 recall"] = _beside_rivals(comparison, arm, equal)
    if comparison is PRETRAINED:
        found |= _levels(drawn["fer2013"])
    if comparison.improved is not None:
        found |= _improved(comparison, comparison.improved, drawn["fer2013"], equal)
    return found


def _of_language(comparison: Comparison, arm: str, drawn: Drawns) -> dict[str, Row]:
    """Return the claims about one arm beside its backbone."""
    own, votes, other = drawn["fer2013"], drawn["ferplus"], comparison.backbone
    measures, test = own.reading.measures(), own.discordant(arm, other)

    def gap(name: str, where: Drawn = own) -> dict[str, Any] | None:
        return where.gap(arm, other, measures[name])

    return {
        f"{arm} above {other}, accuracy": gain(gap("accuracy"), test),
        f"{arm} above {other}, macro recall": gain(gap("macro recall")),
        f"{arm} above {other}, NEG2 recall": without_loss(gap("NEG2 recall"), gap("NEG2 precision")),
        f"{arm} above {other}, NEG2 recall on FER+": on_both(
            [gap("NEG2 recall", one) for one in (own, votes)], [gap("NEG2 precision", one) for one in (own, votes)]
        ),
    }


def _beside_rivals(comparison: Comparison, arm: str, equal: Mapping[str, EqualPrecision]) -> Row:
    return _equally_precise(arm, comparison.rivals, equal["fer2013"])


def _equally_precise(arm: str, others: Sequence[str], equal: EqualPrecision) -> Row:
    """Return the row of an arm that is to find more fear and disgust than each of several others as precise as it."""
    recall = {other: equal.gap(arm, other, NEG2_RECALL) for other in others}
    left = {other: equal.gap(arm, other, NEG2_PRECISION) for other in others}
    return smallest({other: one for other, one in recall.items() if _alike(left[other])}, others)


def _alike(left: Mapping[str, Any] | None) -> bool:
    """Return whether two precisions could be made equal with every seed."""
    return left is not None and all(value is not None and abs(value) <= ALIKE for value in left["by seed"])


def _levels(drawn: Drawn) -> dict[str, Row]:
    """Return what the source's two networks are to reach, on either reading of its average."""
    measures = drawn.reading.measures()
    arms = {"clip-class-names": SOURCE, PRETRAINED.backbone: SOURCE_BACKBONE}
    return {
        f"{arm}, {name}": at_least(drawn.level(arm, measures[name]), limit)
        for arm, limit in arms.items()
        for name in ("accuracy", "macro recall")
    }


def _improved(comparison: Comparison, arm: str, drawn: Drawn, equal: Mapping[str, EqualPrecision]) -> dict[str, Row]:
    measures, others = drawn.reading.measures(), (comparison.backbone, *comparison.rivals)
    reached = {f"{arm}, {name}": at_least(drawn.level(arm, measures[name]), limit) for name, limit in IMPROVED.items()}
    name = f"{arm} above every arm without language at equal precision, NEG2 recall"
    return reached | {
        name: _equally_precise(arm, others, equal["fer2013"]),
        f"{name} on FER+": _equally_precise(arm, others, equal["ferplus"]),
    }


def out_of_fold(drawn: Drawn | None) -> dict[str, Row]:
    """Return the claims about rare classes, from answers to faces of Training that were not learned from."""
    found = {}
    for arm in SCRATCH.language:
        for label in RARE:
            place = None if drawn is None else drawn.reading.classes()[f"recall of {label}"]
            gap = None if drawn is None or place is None else drawn.gap(arm, SCRATCH.backbone, place)
            found[f"{arm} above {SCRATCH.backbone}, recall of {label}"] = _pooled(gap)
    return found


def _pooled(gap: Mapping[str, Any] | None) -> Row:
    """Return a row of which five folds made one figure: no seeds, but five trainings."""
    judged = above(None if gap is None else {**gap, "seeds": SEEDS})
    judged.pop("seeds", None)
    return judged


def labelled_imitation(rows: Mapping[str, Row], arm: str, other: str) -> str | None:
    """Return what is to be said of a gain on FER2013's labels that FER+ does not confirm."""
    own, votes = (rows.get(f"{arm} above {other}, NEG2 recall{where}") for where in ("", " on FER+"))
    if own is None or votes is None or own["found"] is None or votes["found"] is None:
        return None
    if own["interval"][0] <= 0 or votes["interval"][0] > 0:
        return None
    return (
        f"{arm}: more fear and disgust is found by FER2013's labels, and not by the majority of FER+: as far as is "
        "shown, the gain is in imitating labels."
    )
