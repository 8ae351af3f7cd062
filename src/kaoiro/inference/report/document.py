"""The page of a report: its data as JSON inside one HTML file, which asks nobody for anything."""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from kaoiro.core.labels import AFFECT
from kaoiro.core.types import smoothed
from kaoiro.inference.recording import EXPRESSION_COLUMNS, SIGNALS, Recorded
from kaoiro.inference.report import assembly
from kaoiro.inference.report.assembly import HOME, assembled, asset, made, number, numbers, plain
from kaoiro.inference.report.exports import joined
from kaoiro.inference.report.measured import LABELS, SMOOTH, SMOOTH_COLUMNS, Line, MeasuredLane
from kaoiro.inference.report.speaker import Lane
from kaoiro.timeline.lanes import lanes

if TYPE_CHECKING:
    from kaoiro.inference.report.making import RecordingReport, Report

POINTS, FEWER_POINTS = 1200, 300
"""Points of a curve: of the speaker's lane, and of others."""
MOST_EPISODES = 400
"""Episodes of a lane that the page shows, the longest; exports have all."""
_DIGITS = 4
_SHARE_DIGITS = 7
_PARTS = ("charts.js", "summary.js", "sections.js", "page.js")


def page(report: Report, folder: Path | None = None) -> str:
    """Return the page of a report as HTML.

    Args:
        report: what it says.
        folder: in which the page will lie; videos are named relative to it. None names none.
    """
    names = ", ".join(one.recorded.name for one in report.recordings)
    scripts = [asset(HOME, name) for name in _PARTS]
    return assembled(names, report.language, document(report, folder), texts(), [asset(HOME, "report.css")], scripts)


def texts() -> dict[str, dict[str, Any]]:
    """Return every visible text by language."""
    return assembly.texts(HOME)


def document(report: Report, folder: Path | None = None) -> dict[str, Any]:
    """Return what the page shows, as plain values; None is unknown."""
    settings = report.settings
    return made() | {
        "labels": list(LABELS),
        "mixed": report.mixed_models,
        "largest": report.largest,
        "blurred": report.blurred,
        "threshold": settings.threshold,
        "rule": asdict(settings.rule),
        "level": settings.blocks.level,
        "draws": settings.blocks.draws,
        "longest_s": settings.blocks.longest_s,
        "floor": None if report.floors.table is None else report.floors.level,
        "recordings": [_recording(report, one, folder) for one in report.recordings],
    }


def _recording(report: Report, one: RecordingReport, folder: Path | None) -> dict[str, Any]:
    recorded, start = one.recorded, one.recorded.start_s
    pictures = [{"t": number(shown.time_s - start, 2), "src": shown.address} for shown in one.pictures.shown]
    return {
        "name": recorded.name,
        "records": recorded.file.name,
        "length_s": number(recorded.end_s - start, 3),
        "step_s": recorded.step_s,
        "model": None if recorded.model is None else asdict(recorded.model),
        "note": recorded.note,
        "notes": one.notes,
        "outside": one.outside,
        "choice": _choice(one),
        "tracks": len(np.unique(recorded.tracks)),
        "video": None if report.blurred else _relative(one.video, folder),
        "events": [{"a": cue.start_s, "b": cue.end_s, "text": cue.text} for cue in one.events],
        "cues": _cues(one),
        "pictures": sorted(pictures, key=lambda shown: shown["t"]),
        "confounds": plain(asdict(one.confounds)),
        "lanes": [_lane(report, one, measured, place == 0) for place, measured in enumerate(one.lanes)],
    }


def _choice(one: RecordingReport) -> dict[str, Any] | None:
    """Return how the speaker was found by a photo."""
    found = one.choice
    if found is None:
        return None
    return {
        "recogniser": found.recogniser,
        "same_from": found.same_from,
        "similarity": number(found.similarity),
        "least": number(found.least),
        "next": None if found.next_best is None else number(found.next_best),
        "beside": list(found.beside),
    }


def _relative(video: Path | None, folder: Path | None) -> str | None:
    """Return the address of a video relative to the page."""
    if video is None or folder is None:
        return None
    try:
        path = os.path.relpath(video.resolve(), folder)
    except ValueError:  # another drive
        return None
    return quote(path.replace(os.sep, "/"))


def _cues(one: RecordingReport) -> list[dict[str, Any]]:
    return [
        {"a": said.cue.start_s, "b": said.cue.end_s, "text": said.cue.text, "shares": numbers(said.shares)}
        for said in joined(one)
    ]


def _lane(report: Report, one: RecordingReport, measured: MeasuredLane, first: bool) -> dict[str, Any]:
    lane, start = measured.lane, one.recorded.start_s
    seen = lane.samples.edges_s[lane.samples.present]
    tables: dict[str, list[dict[str, Any]]] = {}
    for line in measured.lines:
        tables.setdefault(line.kind, []).append(_line(line) | _worth(report, one, measured, line))
    return {
        "name": lane.name,
        "first_s": number(float(seen[0, 0]) - start, 3),
        "last_s": number(float(seen[-1, 1]) - start, 3),
        "seen_s": number(lane.seen_s, 3),
        "coverage": number(lane.coverage, _SHARE_DIGITS),
        "tables": tables,
        "drawn": {kind: plain(asdict(drawn)) for kind, drawn in measured.drawn.items()},
        "curve": measured.curve,
        "curves": _curves(one.recorded, lane, measured.curve, POINTS if first else FEWER_POINTS),
        "episodes": _episodes(one, measured, first),
        "episode_count": len(measured.episodes),
        "episode_counts": Counter(found.label for found in measured.episodes),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str) else number(value, _SHARE_DIGITS)
        for name, value in asdict(line).items()
        if name != "kind"
    }


def _worth(report: Report, one: RecordingReport, measured: MeasuredLane, line: Line) -> dict[str, Any]:
    found = report.floors.worth(one.recorded, measured, line)
    return {name: one if isinstance(one, str) else number(one, _SHARE_DIGITS) for name, one in found.items()}


def _episodes(one: RecordingReport, measured: MeasuredLane, first: bool) -> list[dict[str, Any]]:
    """Return the longest episodes in order of time, the speaker's with their faces."""
    start, found = one.recorded.start_s, measured.episodes
    kept = sorted(sorted(range(len(found)), key=lambda place: -found[place].duration_s)[:MOST_EPISODES])
    faces = one.pictures.faces if first else {}
    return [
        {
            "label": found[place].label,
            "a": number(found[place].start_s - start, 2),
            "b": number(found[place].end_s - start, 2),
            "peak": number(found[place].peak, _DIGITS),
            "peak_s": number(found[place].peak_s - start, 2),
            "mean": number(found[place].mean, _DIGITS),
            "face": faces[place].address if place in faces else None,
        }
        for place in kept
    ]


def _curves(recorded: Recorded, lane: Lane, kind: str, points: int) -> dict[str, Any]:
    """Return thinned curves: each expression's line with the band of what was left out, and signals."""
    columns = SMOOTH_COLUMNS if kind == SMOOTH else EXPRESSION_COLUMNS
    times = recorded.columns["time_s"][lane.rows]
    raw, line = recorded.table(EXPRESSION_COLUMNS, lane.rows), recorded.table(columns, lane.rows)
    reach = max(1, math.ceil(len(times) / points / 2))
    lows, highs = _running(raw, reach, np.fmin), _running(raw, reach, np.fmax)
    curves = {label: line[:, place] for place, label in enumerate(LABELS)}
    curves |= {f"{label} low": lows[:, place] for place, label in enumerate(LABELS)}
    curves |= {f"{label} high": highs[:, place] for place, label in enumerate(LABELS)}
    signals = [name for name in SIGNALS if recorded.has(name)]
    for name in signals:
        shown = smoothed(name) if recorded.has(smoothed(name)) else name
        curves[name] = recorded.table([shown], lane.rows)[:, 0]
    thin = lanes(times, np.zeros(len(times), np.int64), curves, points, tuple(curves))[0]
    band = {label: [numbers(thin.curves[f"{label} {end}"]) for end in ("low", "high")] for label in LABELS}
    return {
        "t": [number(value, 2) for value in (thin.times_s - recorded.start_s).tolist()],
        "lines": {label: numbers(thin.curves[label]) for label in LABELS},
        "bands": band,
        "signals": {name: numbers(thin.curves[name]) for name in signals if name in AFFECT.labels},
    }


def _running(table: np.ndarray, reach: int, least: np.ufunc) -> np.ndarray:
    """Return the least or greatest of each row and `reach` rows on either side: (T, L) -> (T, L)."""
    result = table.copy()
    for step in range(1, reach + 1):
        result[step:] = least(result[step:], table[:-step])
        result[:-step] = least(result[:-step], table[step:])
    return result
