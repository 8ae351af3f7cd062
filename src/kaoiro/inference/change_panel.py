"""The panel of a figure that shows how far expressions are from the person's resting face.

Shape legend: n records of a track. Rows (n, columns) are those of `kaoiro.inference.curves`.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.faces.draw import COLOURS
from kaoiro.inference.curves import CHANGE, pieces
from kaoiro.inference.pen import GRID, Axis, Pen

CHANGE_HEIGHT = 120


def has_change(rows: np.ndarray) -> bool:
    """Whether a track has changes from a resting face."""
    return rows.shape[1] > CHANGE.start and bool(np.isfinite(rows[:, CHANGE]).any())


def draw_changes(pen: Pen, rows: np.ndarray, axis: Axis, top: float) -> None:
    """Draw the differences of the eight probabilities from those of the resting face, -1 to 1."""
    pen.text((axis.left, top - 13), "change from the resting face (differences of probabilities)", 13, anchor="lm")
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        y = _down(top, share)
        pen.line([(axis.left, y), (axis.right, y)], GRID if share else "#aaaaaa", 1)
        pen.text((axis.left - 8, y), f"{share:+.1f}" if share else "0", 12, anchor="rm")
    if not has_change(rows):
        pen.text((axis.left + 8, _down(top, 0.25)), "seen too briefly to tell its resting face", 12, anchor="lm")
        return
    found = pieces(rows[:, 0], axis.longest_step)
    for label, values in zip(EXPRESSIONS.labels, rows[:, CHANGE].T, strict=True):
        for piece in found:
            known = piece[np.isfinite(values[piece])]
            points = [(axis.across(float(rows[index, 0])), _down(top, float(values[index]))) for index in known]
            if points:
                pen.line(points, COLOURS[label], 1.6)


def _down(top: float, value: float) -> float:
    return top + (1 - value) / 2 * CHANGE_HEIGHT
