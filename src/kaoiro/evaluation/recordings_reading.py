"""What the figures of long recordings say, in words that take their numbers from the figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kaoiro.evaluation.recordings import ANGER, FLOOR_INTERVAL, FLOOR_NORMAL, FLOOR_P
from kaoiro.evaluation.single import KINDS, VERDICTS

_LEVEL = "medium"


def reading(figures: Mapping[str, Any]) -> str:
    """Return the points, as a list in Markdown; those without figures are left out."""
    return "\n".join(f"* {point}" for point in _points(figures)) or "Too little was measured."


def _points(figures: Mapping[str, Any]) -> Iterator[str]:
    minutes = 60.0 if 60.0 in figures["settings"]["minutes"] else max(figures["settings"]["minutes"])
    yield from _model(figures)
    yield from _alarms(figures["false alarms"], minutes, figures["tails"])
    yield from _alone(figures["single"])
    yield from _power(figures["power"], minutes)
    moved = [row for row in figures["sensitivity"] if row["what"].startswith("temperature")]
    largest = max(moved, key=lambda row: row["of a 0.5-point change"], default=None)
    if largest is not None:
        yield (
            f"A temperature alone ({largest['what']}, {largest['level']} nuisance) moves the share by "
            f"{largest['moved, points']:+.2f} points, {largest['of a 0.5-point change']:.0%} of half a point. Records "
            "of different models or versions are never compared."
        )
    yield (
        "Limits: the faces are rendered, and speak more evenly than people do; a session lasts seconds, so that what "
        "its own mean leaves open counts as scatter between sessions (`excess` in the table of floors says how much "
        "at most); light and camera stay as they are within a recording; the encoder saw frames half a second apart."
    )


def _model(figures: Mapping[str, Any]) -> Iterator[str]:
    row = _one(figures["scatter"], level=_LEVEL)
    if row is not None:
        yield (
            f"**The model hardly sees rendered anger.** At medium nuisance its anger share of a face at rest is "
            f"{row['share at rest, points']:.2f} points and differs from session to session by "
            f"{row['sd between sessions, points']:.2f} (sd); a frame of weak anger adds "
            f"{row['response to weak anger, points']:.3f} points, one of strong anger "
            f"{row.get('response to strong anger, points', float('nan')):.2f}. A true change from 0.1 to 0.8 % of the "
            f"time moves the share by {row['change of the share at 0.1 to 0.8 % weak, points']:.4f} points. No length "
            "of recording makes a signal of that, and none is reported. Whether it is better on real faces is not "
            "known from this."
        )


def _alarms(rows: Sequence[Mapping[str, Any]], minutes: float, tails: Mapping[str, float]) -> Iterator[str]:
    single = _one(rows, level=_LEVEL, minutes=minutes, design="1 vs 1")
    if single is not None:
        yield (
            f"**Without a noise floor everything is a signal.** Two recordings of {minutes:g} minutes in which nothing "
            f"is shown differ 'significantly' in {_percent(single['p without noise'])} of cases if only what varies "
            f"within them is taken for noise. With the floor of other people p is 0.05 or less in "
            f"{_percent(single['p'])} (anger; mean of labels {single['p, mean of labels']:.1%}), and the verdict is "
            f"'signal' in {_percent(single[FLOOR_INTERVAL])}."
        )
        yield (
            "Some faces and cameras scatter much more than others. By the normal distribution one or more of eight "
            f"labels is called a signal in {_percent(single[f'{FLOOR_NORMAL}, any label'])} of null comparisons, by "
            f"the tail of null recordings in {_percent(single[f'{FLOOR_P}, any label'])}. Half of the people of the "
            "bank do not show the whole tail of the other half, so that floors and tails count at the upper ends of "
            "their intervals over people."
        )
    own = _one(rows, level=_LEVEL, minutes=minutes, design="1 vs 1, own floor")
    if own is not None:
        yield (
            f"With the floor of the person's own sessions p is 0.05 or less in {_percent(own['p'])} (anger), and the "
            f"verdict is 'signal' for one or more of eight labels in {_percent(own[f'{FLOOR_INTERVAL}, any label'])}. "
            "Student's t alone would be too small, for the scatter has long tails: it is multiplied by what the other "
            "half of the people shows (of all people "
            f"{tails['floor']:.2f}, and {tails['rare']:.2f} for what is rare among eight labels)."
        )
    shared = [row for row in rows if row["level"] == _LEVEL and row["minutes"] == minutes and "camera" in row["design"]]
    for row in shared[:1]:
        yield (
            f"If all recordings of a side share light and camera ({row['design']}), rearranging is fooled in "
            f"{_percent(row['p'])} of cases. The floor of two single recordings is kept for that, and does not "
            f"suffice: the verdict is fooled in {_percent(row[FLOOR_INTERVAL])} for anger, and in "
            f"{_percent(row[f'{FLOOR_INTERVAL}, any label'])} for any of eight labels."
        )


def _alone(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    minutes = max((row["minutes"] for row in rows), default=0.0)
    known = {"minutes": minutes, "level": _LEVEL, "assumed": _LEVEL}
    video, own, share = (_one(rows, **known, kind=kind) for kind in (*VERDICTS, KINDS[0]))
    worse = _one(rows, minutes=minutes, level="high", assumed=_LEVEL, kind=VERDICTS[0])
    if video is not None and own is not None and share is not None:
        more = "" if worse is None else f" (of the highest nuisance, taken for medium: {_percent(worse['any label'])})"
        yield (
            f"**A single recording** of {minutes:g} minutes in which nothing is shown has a 'signal' in one or more of "
            f"eight labels in {_percent(video['any label'])} of cases where changes are from a recording at rest"
            f"{more}, and in {_percent(own['any label'])} where the rest is estimated. A share alone would be beyond "
            f"what other people show at rest in {_percent(share['any label'])}, and is never called a signal."
        )


def _power(rows: Sequence[Mapping[str, Any]], minutes: float) -> Iterator[str]:
    case = {"level": _LEVEL, "minutes": minutes, "strength": "weak", "from": 0.001}
    found = {name: _one(rows, **case, design=name, reader="reader_1") for name in ("1 vs 1", "1 vs 1, own floor")}
    blind = _one(rows, **case, design="1 vs 1", reader=ANGER)
    if blind is not None and found["1 vs 1"] is not None:
        own = found["1 vs 1, own floor"]
        more = "" if own is None else f", {_percent(own[FLOOR_INTERVAL])} with the floor of the person's own sessions"
        yield (
            f"**Power** for 0.1 to 0.8 % in two recordings of {minutes:g} minutes at medium nuisance: "
            f"{_percent(blind[FLOOR_INTERVAL])} with the model (as many as false alarms), "
            f"{_percent(found['1 vs 1'][FLOOR_INTERVAL])} if anger were read without fault and the rest as the model "
            f"does{more}. What stands in the way are the scatter of the face at rest and, beyond that, how few "
            "episodes 0.8 % of the time are."
        )
    shortest = _one(
        rows, **{**case, "minutes": min(row["minutes"] for row in rows)}, design="1 vs 1", reader="reader_1"
    )
    long = found["1 vs 1"]
    if shortest is not None and long is not None and shortest is not long:
        yield (
            f"With the verdict, a fault-free reader finds it in {_percent(shortest[FLOOR_INTERVAL])} of cases with "
            f"{shortest['minutes']:g} minutes and {_percent(long[FLOOR_INTERVAL])} with {long['minutes']:g}. Length "
            "helps by more episodes; the floor hardly falls with it, for light and camera do not average out within a "
            "recording. Recordings of different days do more."
        )
    yield (
        "Few recordings cannot become a signal by rearranging: 2 vs 2 gives p of 0.33 at least, 4 vs 4 of 0.029, which "
        "after adjusting for eight labels is 0.23 if one label alone changed; 6 vs 6 are the first of these designs "
        "that can (0.0022)."
    )


def _one(rows: Sequence[Mapping[str, Any]], **wanted: Any) -> Mapping[str, Any] | None:
    return next((row for row in rows if all(row[key] == value for key, value in wanted.items())), None)


def _percent(rate: Sequence[float]) -> str:
    return f"{100 * rate[0]:.1f} %"
