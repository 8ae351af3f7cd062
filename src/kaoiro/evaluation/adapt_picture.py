"""Accuracy before and after adaptation by target, beside training on everything together: dots with intervals.

Drawn with Pillow, as all figures of the package are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw, ImageFont

_WIDE, _ROW, _BAND, _LEFT, _RIGHT, _TOP, _BOTTOM, _FINE = 820, 20, 22, 230, 30, 44, 44, 2
_INK, _GRID = "#222222", "#dddddd"
_COLOURS = {"before": "#7f7f7f", "adapted": "#d62728", "combined": "#1f77b4", "oversampled": "#2ca02c"}
_STEP = 0.1


def picture(targets: Mapping[str, Mapping[str, Any]]) -> Image.Image:
    """Draw a dot with its 95 % interval for each target and arm.

    Args:
        targets: figures by name.
    """
    rows = [(name, arm, one["arms"][arm]["accuracy"]) for name, one in targets.items() for arm in one["arms"]]
    ends = [end for _, _, found in rows for end in found["interval"] or [found["found"]]]
    axis = _Axis(min(ends), max(ends))
    height = _TOP + len(rows) * _ROW + len(targets) * _BAND + _BOTTOM
    image = Image.new("RGB", (_WIDE * _FINE, height * _FINE), "white")
    pen = ImageDraw.Draw(image)
    _text(pen, (20, 12), "Accuracy on people that nothing was learned from (95 % intervals)", 14)
    axis.draw(pen, _TOP, height - _BOTTOM)
    down, last = float(_TOP), ""
    for name, arm, found in rows:
        if name != last:
            down, last = down + _BAND, name
            _text(pen, (20, down), name, 13)
        _dot(pen, axis, down + _ROW / 2, found, _COLOURS.get(arm, _INK))
        _text(pen, (125, down + 2), arm, 12)
        down += _ROW
    return image.resize((image.width // _FINE, image.height // _FINE), Image.Resampling.BOX)


class _Axis:
    """Accuracies to the right, in whole tenths around what is shown."""

    def __init__(self, low: float, high: float) -> None:
        self._low = max(0.0, int(low / _STEP) * _STEP)
        self._high = min(1.0, (int(high / _STEP - 1e-9) + 1) * _STEP)
        if self._high <= self._low:
            self._low, self._high = 0.0, 1.0

    def place(self, value: float) -> float:
        """Return where a value lies, pixels of the finished picture."""
        return _LEFT + (value - self._low) / (self._high - self._low) * (_WIDE - _LEFT - _RIGHT)

    def draw(self, pen: ImageDraw.ImageDraw, top: float, bottom: float) -> None:
        """Draw lines and numbers."""
        for step in range(round((self._high - self._low) / _STEP) + 1):
            value = self._low + step * _STEP
            across = self.place(value)
            pen.line([c * _FINE for c in (across, top, across, bottom)], fill=_GRID, width=_FINE)
            _text(pen, (across - 9, bottom + 8), f"{value:.1f}", 11)


def _dot(pen: ImageDraw.ImageDraw, axis: _Axis, down: float, found: Mapping[str, Any], colour: str) -> None:
    low, high = (axis.place(end) for end in found["interval"] or [found["found"]] * 2)
    middle = axis.place(found["found"])
    pen.line([c * _FINE for c in (low, down, high, down)], fill=colour, width=2 * _FINE)
    pen.ellipse([c * _FINE for c in (middle - 4, down - 4, middle + 4, down + 4)], fill=colour)


def _text(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    font = ImageFont.load_default(size * _FINE)
    pen.text((place[0] * _FINE, place[1] * _FINE), text, font=font, fill=_INK)
