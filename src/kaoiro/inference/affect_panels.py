"""Panels of a figure below the expressions: valence and arousal over time, their circumplex, action units as lanes.

Shape legend: n records of a track. Rows (n, columns) are those of `kaoiro.inference.curves`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kaoiro.core import labels
from kaoiro.core.labels import MEASURED_UNITS, UNIT_NAMES, unit_number
from kaoiro.inference.curves import AFFECT, SPREAD, UNITS, pieces
from kaoiro.inference.pen import DIM, GRID, INK, Axis, Pen, Place, faded, mixed

HEADER = 30
"""Height of the words above a panel, pixels."""
AFFECT_HEIGHT, LANE = 160, 15
COLOURS = {"valence": "#0f766e", "arousal": "#be185d"}
_TIME = ((59, 15, 112), (140, 41, 129), (222, 73, 104), (254, 159, 109))
"""Colours of time, from the beginning to the end."""
_CHANCE = ((243, 245, 246), (160, 215, 205), (15, 143, 131), (6, 70, 66))
"""Colours of a unit's probability, from 0 to 1."""
_EMPTY = (255, 255, 255)
_PATH_STEPS = 64  # colours of the path


def has_affect(rows: np.ndarray) -> bool:
    """Whether a track has valence and arousal."""
    return rows.shape[1] > AFFECT.start and bool(np.isfinite(rows[:, AFFECT]).any())


def units_in(tracks: Sequence[np.ndarray]) -> list[int]:
    """Return which of the measured units any of the tracks has."""
    wide = [rows for rows in tracks if rows.shape[1] > UNITS.start]
    known = np.concatenate([np.isfinite(rows[:, UNITS]) for rows in wide]) if wide else np.zeros((0, 0), bool)
    return np.flatnonzero(known.any(axis=0)).tolist()


def draw_affect(pen: Pen, rows: np.ndarray, axis: Axis, top: float) -> None:
    """Draw valence and arousal over time, each with a band of one standard deviation to both sides."""
    _words(pen, axis, top)
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        y = _down(top, share)
        pen.line([(axis.left, y), (axis.right, y)], GRID if share else "#aaaaaa", 1)
        pen.text((axis.left - 8, y), f"{share:+.1f}" if share else "0", 12, anchor="rm")
    times, found = rows[:, 0], pieces(rows[:, 0], axis.longest_step)
    for column, label in enumerate(labels.AFFECT.labels):
        values, spread = rows[:, AFFECT][:, column], rows[:, SPREAD][:, column]
        for piece in found:
            _draw_band(pen, times[piece], values[piece], spread[piece], axis, top, faded(COLOURS[label], 0.35) + "38")
    for column, label in enumerate(labels.AFFECT.labels):
        for piece in found:
            points = [(axis.across(t), _down(top, v)) for t, v in rows[piece][:, [0, AFFECT.start + column]].tolist()]
            _draw_known(pen, points, COLOURS[label])
    scale = mixed(np.linspace(0, 1, 512), _TIME)
    pen.strip(axis.left, top + AFFECT_HEIGHT + 4, axis.right, top + AFFECT_HEIGHT + 9, scale)


def _words(pen: Pen, axis: Axis, top: float) -> None:
    place = axis.left
    for label in labels.AFFECT.labels:
        pen.line([(place, top - 13), (place + 20, top - 13)], COLOURS[label], 3)
        pen.text((place + 26, top - 13), label, 13, anchor="lm")
        place += 96
    pen.text(
        (place, top - 13),
        "bands: one standard deviation; the path has the colours of the strip below",
        12,
        DIM,
        anchor="lm",
    )


def _down(top: float, value: float) -> float:
    return top + (1 - value) / 2 * AFFECT_HEIGHT


def _draw_band(
    pen: Pen, times: np.ndarray, values: np.ndarray, spread: np.ndarray, axis: Axis, top: float, colour: str
) -> None:
    known = np.isfinite(values + spread)
    x = [axis.across(time_s) for time_s in times[known].tolist()]
    edges = [np.clip(values[known] + side * spread[known], -1, 1).tolist() for side in (1, -1)]
    upper, lower = ([(at, _down(top, value)) for at, value in zip(x, edge, strict=True)] for edge in edges)
    pen.area([*upper, *reversed(lower)], colour)


def _draw_known(pen: Pen, points: Sequence[Place], colour: str) -> None:
    """Draw a line; points that are not known are passed over."""
    known = [point for point in points if np.isfinite(point[1])]
    if known:
        pen.line(known, colour, 1.8)


def draw_circumplex(pen: Pen, rows: np.ndarray, axis: Axis, left: float, top: float) -> None:
    """Draw the path of a track through valence (to the right) and arousal (up), coloured by time."""
    radius = AFFECT_HEIGHT / 2
    middle = left + radius, top + radius
    pen.circle(middle, radius, "#fafafa", "#aaaaaa")
    pen.circle(middle, radius / 2, None, GRID)
    pen.line([(left, middle[1]), (left + 2 * radius, middle[1])], GRID, 1)
    pen.line([(middle[0], top), (middle[0], top + 2 * radius)], GRID, 1)
    pen.text((middle[0], top - 4), "arousal", 12, DIM, anchor="mb")
    pen.text((left + 2 * radius + 5, middle[1]), "valence", 12, DIM, anchor="lm")
    known = rows[np.isfinite(rows[:, AFFECT]).all(axis=1)]
    places = middle + known[:, AFFECT] * (radius, -radius)
    for piece in pieces(known[:, 0], axis.longest_step):
        _draw_path(pen, known[piece, 0], places[piece], axis)
    if len(known):
        ends = [(places[0], known[0, 0], 3.0), (places[-1], known[-1, 0], 4.5)]
        for (x, y), time_s, size in ends:
            pen.circle((x, y), size, _colour_of(float(time_s), axis), "#ffffff")


def _draw_path(pen: Pen, times: np.ndarray, places: np.ndarray, axis: Axis) -> None:
    """Draw a path in stretches of one colour each, which touch."""
    step = np.floor((times - axis.low) / (axis.high - axis.low) * _PATH_STEPS)
    for stretch in np.split(np.arange(len(times)), np.flatnonzero(np.diff(step)) + 1):
        joined = [*stretch.tolist(), *([int(stretch[-1]) + 1] if stretch[-1] + 1 < len(times) else [])]
        pen.line([(x, y) for x, y in places[joined].tolist()], _colour_of(float(times[stretch[0]]), axis), 1.6)


def _colour_of(time_s: float, axis: Axis) -> str:
    share = np.array([(time_s - axis.low) / (axis.high - axis.low)])
    return "#" + "".join(f"{round(part):02x}" for part in mixed(share, _TIME)[0].tolist())


def draw_units(pen: Pen, rows: np.ndarray, units: Sequence[int], axis: Axis, top: float) -> None:
    """Draw a lane for each action unit, the darker the more probable it is; white where no face was seen."""
    pen.text((axis.left, top - 13), "action units, probability", 13, anchor="lm")
    pen.text((axis.left + 176, top - 13), "0", 12, DIM, anchor="rm")
    pen.strip(axis.left + 182, top - 18, axis.left + 282, top - 8, mixed(np.linspace(0, 1, 256), _CHANCE))
    pen.text((axis.left + 288, top - 13), "1", 12, DIM, anchor="lm")
    nearest, seen = _nearest(rows[:, 0], axis)
    for place, unit in enumerate(units):
        y = top + place * LANE
        name = MEASURED_UNITS.labels[unit]
        chances = rows[nearest, UNITS.start + unit]
        shown = np.where((seen & np.isfinite(chances))[:, None], mixed(np.nan_to_num(chances), _CHANCE), _EMPTY)
        pen.strip(axis.left, y + 1, axis.right, y + LANE - 1, shown)
        pen.text((axis.left - 8, y + LANE / 2), f"AU {unit_number(name)}", 11, INK, anchor="rm")
        pen.text((axis.right + 10, y + LANE / 2), UNIT_NAMES[name], 11, DIM, anchor="lm")


def _nearest(times: np.ndarray, axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """Return for each third of a pixel the nearest row, and whether it is near enough to stand for that moment."""
    moments = np.linspace(axis.low, axis.high, round(3 * (axis.right - axis.left)))
    after = np.clip(np.searchsorted(times, moments), 1, max(1, len(times) - 1))
    before = after - 1
    after = np.minimum(after, len(times) - 1)
    nearest = np.where(np.abs(times[after] - moments) < np.abs(times[before] - moments), after, before)
    return nearest, np.abs(times[nearest] - moments) <= axis.longest_step / 2
