"""The page of a comparison: its data as JSON inside one HTML file, which asks nobody for anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kaoiro.inference.comparison.exports import side
from kaoiro.inference.comparison.families import Family
from kaoiro.inference.comparison.notes import Note
from kaoiro.inference.report import assembly
from kaoiro.inference.report.assembly import assembled, asset, made, number, numbers
from kaoiro.inference.report.measured import LABELS

if TYPE_CHECKING:
    from kaoiro.inference.comparison.making import Compared, Comparison

HOME = "kaoiro.inference.comparison"
MOST_NAMED = 6
"""Recordings or people that a sentence names."""
_DIGITS = 7
_PARTS = ("drawing.js", "sections.js", "page.js")


def page(comparison: Comparison) -> str:
    """Return the page of a comparison as HTML."""
    names = [one.name for one in comparison.everything]
    title = " … ".join((names[0], names[-1]))
    scripts = [asset(HOME, name) for name in _PARTS]
    styles = [asset(HOME, "comparison.css")]
    return assembled(title, comparison.language, document(comparison), texts(), styles, scripts)


def texts() -> dict[str, dict[str, Any]]:
    """Return every visible text by language."""
    return assembly.texts(HOME)


def in_words(note: Note, language: str = "en") -> str:
    """Return a note as a sentence."""
    words = texts()[language]
    names = [*note.names, *(words[label] for label in note.labels)]
    return words[f"note_{note.key}"].replace("{names}", listed(names, words)).replace("{text}", note.text)


def listed(names: Sequence[str], words: dict[str, Any]) -> str:
    """Return names as a list, of many the first few."""
    found = words["list_comma"].join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return words["names_more"].replace("{list}", found).replace("{n}", str(more)) if more > 0 else found


def document(comparison: Comparison) -> dict[str, Any]:
    """Return what the page shows, as plain values; None is unknown."""
    return made() | {
        "labels": list(LABELS),
        "most_named": MOST_NAMED,
        "before": comparison.before,
        "after": comparison.after,
        "people": comparison.people,
        "by": comparison.by,
        "single": comparison.single,
        "possible": comparison.possible,
        "least": number(comparison.least, _DIGITS),
        "least_alone": number(comparison.least_alone, _DIGITS),
        "exact": comparison.families[0].change.test is None or comparison.families[0].change.test.exact,
        "arrangements": comparison.sides.arrangements,
        "level": comparison.settings.blocks.level,
        "draws": comparison.settings.blocks.draws,
        "floor": _floor(comparison),
        "model": None if comparison.model is None else asdict(comparison.model),
        "families": [_family(family) for family in comparison.families],
        "recordings": [_recording(one) for one in comparison.everything],
        "units": [{"kind": unit.kind, "name": unit.name} for unit in comparison.units],
        "contrasts": [_plain(asdict(one)) for one in comparison.contrasts],
        "notes": [asdict(note) for note in comparison.notes],
    }


def _floor(comparison: Comparison) -> dict[str, Any] | None:
    floors = comparison.floors
    if floors.table is None:
        return None
    return {"level": floors.level, "minutes": number(floors.minutes), "name": floors.table.name}


def _family(family: Family) -> dict[str, Any]:
    return {"kind": family.kind, "rows": [_row(family, place) for place in range(len(family.labels))]}


def _row(family: Family, place: int) -> dict[str, Any]:
    change, left, carrier = family.change, family.change.left_out, family.carrier(place)
    values = {
        "before": family.before,
        "after": family.after,
        "value": change.difference.value,
        "low": change.alone.low,
        "high": change.alone.high,
        "floor": family.floor,
        "p": change.p,
        "adjusted": change.adjusted,
        "smallest": left.smallest,
        "largest": left.largest,
        "smallest_p": left.smallest_p,
        "largest_p": left.largest_p,
    }
    return (
        {"label": family.labels[place], "verdict": family.verdicts[place]}
        | {name: number(row[place], _DIGITS) for name, row in values.items()}
        | {"carrier": carrier, "hangs": family.hangs(place), "without": _without(family, place)}
    )


def _without(family: Family, place: int) -> float | None:
    """Return the difference without the recording, event or person that carries it."""
    carrier = family.carrier(place)
    return None if carrier is None else number(family.change.left_out.differences[carrier, place], _DIGITS)


def _recording(one: Compared) -> dict[str, Any]:
    recorded = one.recorded
    return {
        "name": one.name,
        "records": recorded.file.name,
        "side": side(one),
        "person": one.given.person,
        "counts": one.counts,
        "lane": one.lane.name,
        "length_s": number(recorded.end_s - recorded.start_s, 3),
        "seen_s": number(one.lane.seen_s, 3),
        "coverage": number(one.lane.coverage, _DIGITS),
        "step_s": recorded.step_s,
        "model": None if recorded.model is None else asdict(recorded.model),
        "means": {kind: _means(means.labels, means.mean) for kind, means in one.means.items()},
    }


def _means(labels: tuple[str, ...], values: Any) -> dict[str, float | None]:
    return dict(zip(labels, numbers(values, _DIGITS), strict=True))


def _plain(contrast: dict[str, Any]) -> dict[str, Any]:
    """Return a contrast as the page takes it."""
    ranges = {name: numbers(contrast[name]) for name in ("before_range", "after_range")}
    return contrast | {name: number(contrast[name]) for name in ("before", "after")} | ranges
