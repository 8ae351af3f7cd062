"""A pen for figures: it draws in units of the finished picture on a finer one, and knows the axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from kaoiro.faces.gauges import font

INK, GRID, DIM = "#222222", "#dddddd", "#666666"
_FINE = 3
Place = tuple[float, float]


class Pen:
    """Draws on a white picture.

    Args:
        width, height: of the finished picture, pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._size = width, height
        self._image = Image.new("RGB", (width * _FINE, height * _FINE), "white")
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def line(self, points: Sequence[Place], colour: str, width: float) -> None:
        """Draw a line through points; through one point, a dot."""
        fine = [(x * _FINE, y * _FINE) for x, y in points]
        if len(fine) == 1:
            fine.append((fine[0][0] + _FINE, fine[0][1]))
        self._draw.line(fine, fill=colour, width=max(1, round(width * _FINE)), joint="curve")

    def area(self, points: Sequence[Place], colour: str) -> None:
        """Fill a polygon; '#rrggbbaa' lets what lies below shine through."""
        if len(points) > 2:
            self._draw.polygon([(x * _FINE, y * _FINE) for x, y in points], fill=colour)

    def circle(self, middle: Place, radius: float, colour: str | None, line: str | None = None) -> None:
        """Draw a circle, filled or not."""
        x, y = middle
        shape = [(x - radius) * _FINE, (y - radius) * _FINE, (x + radius) * _FINE, (y + radius) * _FINE]
        self._draw.ellipse(shape, fill=colour, outline=line, width=_FINE)

    def text(self, place: Place, text: str, size: int, colour: str = INK, anchor: str = "la") -> None:
        """Write a line of text; the anchor is Pillow's."""
        fine = place[0] * _FINE, place[1] * _FINE
        self._draw.text(fine, text, font=font(size * _FINE), fill=colour, anchor=anchor)

    def strip(self, left: float, top: float, right: float, bottom: float, colours: np.ndarray) -> None:
        """Fill a rectangle with colours (n, 3) from left to right."""
        row = Image.fromarray(colours[None].round().astype(np.uint8))
        size = round((right - left) * _FINE), round((bottom - top) * _FINE)
        self._image.paste(row.resize(size, Image.Resampling.NEAREST), (round(left * _FINE), round(top * _FINE)))

    def finished(self) -> Image.Image:
        """Return the picture at its own size."""
        return self._image.resize(self._size, Image.Resampling.BOX)


@dataclass(frozen=True)
class Axis:
    """The axis of time of a figure.

    Attributes:
        left, right: where it begins and ends, pixels.
        low, high: the same in seconds.
        longest_step: seconds between frames beyond which curves are interrupted.
    """

    left: float
    right: float
    low: float
    high: float
    longest_step: float = 0.0

    def across(self, time_s: float) -> float:
        """Return where a time lies, pixels."""
        return self.left + (time_s - self.low) / (self.high - self.low) * (self.right - self.left)


def ticks(low: float, high: float, about: int = 10) -> list[float]:
    """Return round values between two limits, about as many as asked for."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = np.ceil(low / step)
    return [round(float((first + k) * step), 9) for k in range(int((high - first * step) / step + 1e-9) + 1)]


def faded(colour: str, share: float) -> str:
    """Return a colour '#rrggbb' mixed with that share of white."""
    parts = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{round(part + share * (255 - part)):02x}" for part in parts)


def mixed(values: np.ndarray, stops: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Return colours (n, 3), 0-255, of values (n,), 0-1, on a scale through colours at equal distances."""
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(values, places, channel) for channel in zip(*stops, strict=True)], axis=-1)
