"""The panels of a figure that show words over time, eight words in each.

Shape legend: n records of a track. Rows (n, columns) are those of `kaoiro.inference.curves`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kaoiro.faces.gauges import called, width_of
from kaoiro.inference.curves import WORDS, pieces
from kaoiro.inference.pen import GRID, Axis, Pen

WORD_HEIGHT = 120
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a8508a", "#b8860b", "#56a8dc", "#6b6b6b", "#7b3294")
"""Of the words of a panel; the first ones differ for colour-blind eyes, too (after Okabe & Ito, 2008)."""
_ROW, _SIZE = 15, 11  # of the names at the right, pixels


def word_panels(words: int) -> int:
    """Return how many panels so many words take."""
    return -(-words // len(COLOURS))


def draw_words(pen: Pen, rows: np.ndarray, columns: Sequence[str], place: int, axis: Axis, top: float) -> None:
    """Draw a panel of scores, 0 to 1, with the names of their words at the right.

    Args:
        pen: draws.
        rows: of a track.
        columns: of all words.
        place: which panel, from 0.
        axis: of time.
        top: upper edge, pixels.
    """
    pen.text((axis.left, top - 13), "words, score", 13, anchor="lm")
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        pen.line([(axis.left, _down(top, share)), (axis.right, _down(top, share))], GRID, 1)
        pen.text((axis.left - 8, _down(top, share)), f"{share:.2f}", 12, anchor="rm")
    first = place * len(COLOURS)
    shown = list(enumerate(called(columns)))[first : first + len(COLOURS)]
    found = pieces(rows[:, 0], axis.longest_step)
    for (word, name), colour in zip(shown, COLOURS, strict=False):
        values = rows[:, WORDS.start + word]
        for piece in found:
            known = piece[np.isfinite(values[piece])]
            points = [(axis.across(float(rows[index, 0])), _down(top, float(values[index]))) for index in known]
            if points:
                pen.line(points, colour, 1.8)
        _name(pen, name, colour, axis.right + 12, top + _ROW * (word - first) + _ROW / 2)


def _name(pen: Pen, name: str, colour: str, left: float, middle: float) -> None:
    """Write what a word is called, as far as there is room, behind a piece of its line."""
    pen.line([(left, middle), (left + 14, middle)], colour, 3)
    room = pen.width - left - 22
    while width_of(name) * _SIZE > room:
        name = name.removesuffix("…")[:-1] + "…"
    pen.text((left + 18, middle), name, _SIZE, anchor="lm")


def _down(top: float, value: float) -> float:
    return top + (1 - value) * WORD_HEIGHT
